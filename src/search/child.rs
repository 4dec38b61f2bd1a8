//! A child that is trained from scratch, and what came of it.

use crate::search::{Arm, ChildConfig, Objective, Sampled, Score, Scored};

/// Why a child has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its loss is no number.
    NotFinite,
    /// It took longer than `trial.seconds`.
    OutOfTime,
    /// It takes more than `trial.memory_mib`.
    OutOfMemory,
}

impl Failure {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::NotFinite, Self::OutOfTime, Self::OutOfMemory];

    /// The name in the history and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not-finite",
            Self::OutOfTime => "out-of-time",
            Self::OutOfMemory => "out-of-memory",
        }
    }

    /// The kind called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.name() == name)
    }
}

/// What came of a child: its score on the validation split, or why it has none.
pub type ChildResult = Result<Score, Failure>;

/// What came of a child that was trained to its end and measured.
pub fn result_of(score: Score) -> ChildResult {
    if score.nll.is_finite() { Ok(score) } else { Err(Failure::NotFinite) }
}

/// A child that a replica drew.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Who drew it.
    pub arm: Arm,
    /// What was drawn.
    pub sampled: Sampled,
    /// What came of it, once it is trained.
    pub result: Option<ChildResult>,
}

impl Child {
    /// What θ learns from, or the control arm is compared by; a child that failed has nothing right.
    pub(super) fn scored(&self, objective: Objective, config: &ChildConfig) -> Scored {
        let none = Score { nll: f64::NAN, correct: 0, items: 1 };
        let (score, reward) = if let Some(Ok(score)) = self.result {
            let reward = objective.reward_at(score, self.sampled.cost_factor);
            (score, config.powered(reward))
        } else {
            let worst = config.powered(objective.reward(none));
            (none, worst.max(config.failed_reward))
        };
        Scored { sampled: self.sampled.clone(), score, reward }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Probabilities, Rollout};
    use crate::space::Space;

    fn child(result: ChildResult) -> Child {
        let [space, ..] = Space::each();
        let arch = space.first_arch();
        let rollout = Rollout {
            choices: arch.choices().to_vec(),
            log_prob: -1.0,
            entropy: 1.0,
            policy_version: 0,
            probabilities: Probabilities::default(),
        };
        let sampled = Sampled { rollout, arch, cost_factor: 1.0 };
        Child { arm: Arm::Controller, sampled, result: Some(result) }
    }

    #[track_caller]
    fn check(objective: Objective, result: ChildResult, config: ChildConfig, expected: f64) {
        let found = child(result).scored(objective, &config).reward;
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }

    // enas-spec, section 6: the best accuracy cubed, and c / ppl² of text.
    #[test]
    fn rewards_are_those_of_the_papers_to_their_powers() {
        let powered = |power| ChildConfig { power, ..ChildConfig::default() };
        let half = Score { nll: 10.0, correct: 5, items: 10 };
        check(Objective::Accuracy, Ok(half), powered(3.0), 0.125);
        let nll = 100.0_f64.ln() * 10.0;
        check(Objective::Perplexity, Ok(Score { nll, ..half }), powered(2.0), 0.64);
        // The logarithm of a loss above 1 is a loss still.
        let bad = Score { nll: 20.0, ..half };
        check(Objective::NegLogNll, Ok(bad), powered(2.0), -(2.0_f64.ln().powi(2)));
    }

    #[test]
    fn a_loss_that_is_no_number_is_no_score() {
        let score = Score { nll: 1.0, correct: 1, items: 2 };
        assert_eq!(result_of(score), Ok(score));
        assert_eq!(result_of(Score { nll: f64::NAN, ..score }), Err(Failure::NotFinite));
    }

    #[test]
    fn a_child_that_failed_is_worth_what_is_configured_and_no_less_than_the_worst() {
        let failed = Err(Failure::OutOfTime);
        let config = |failed_reward| ChildConfig { failed_reward, ..ChildConfig::default() };
        check(Objective::Accuracy, failed, config(-1000.0), 0.0);
        check(Objective::NegLogNll, failed, config(-1000.0), -(10.0_f64.ln()));
        check(Objective::Accuracy, failed, config(0.1), 0.1);
    }
}
