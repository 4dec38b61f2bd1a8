//! The random arm: every decision is drawn uniformly, and nothing is learnt.
//!
//! It is the control that says whether the policy is worth anything: random search with the same
//! shared weights is a strong baseline (Li & Talwalkar, 2019).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::search::strategy::mean_reward;
use crate::search::{LearnReport, Policy, PolicyStep, Probabilities, Rollout, Scored};
use crate::search::{SearchError, Strategy, StrategyState};
use crate::space::{Choice, Script};

/// Draws every decision uniformly, and learns nothing: the control arm, and a strategy.
#[derive(Clone, Copy, Debug)]
pub struct Random;

impl Random {
    /// Draws `n` rollouts of `script`. Each takes one number from `rng` for each choice, in the
    /// script's order.
    pub fn sample(script: &Script, n: usize, rng: &mut ChaCha8Rng) -> Vec<Rollout> {
        let choices =
            |_| script.options().map(|n| rng.random_range(0..n as Choice)).collect::<Vec<_>>();
        (0..n).map(choices).map(|choices| Self::rollout(script, choices)).collect()
    }

    /// What nobody's `choices` are as a rollout: each option as probable as any other.
    pub(super) fn rollout(script: &Script, choices: Vec<Choice>) -> Rollout {
        let entropy: f64 = script.options().map(|n| (n as f64).ln()).sum();
        let picks = script.menus_of_parts().into_iter().map(|(part, menu)| {
            let n = menu.options.len();
            (part, menu, vec![1.0 / n as f64; n])
        });
        Rollout {
            choices,
            log_prob: -entropy,
            entropy,
            policy_version: 0,
            probabilities: Probabilities::from_picks(&picks.collect::<Vec<_>>()),
        }
    }
}

impl Strategy for Random {
    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn learn(&mut self, scored: &[Scored], _: PolicyStep) -> Result<LearnReport, SearchError> {
        let mean_reward = mean_reward(scored)?;
        let entropies = scored.iter().map(|s| s.sampled.rollout.entropy);
        let mean_entropy = entropies.sum::<f64>() / scored.len() as f64;
        Ok(LearnReport { mean_reward, mean_entropy, updates: 0, update: None })
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::space::{MicroSpace, SearchSpace, Space};

    fn script(n_nodes: usize) -> Script {
        MicroSpace::new(n_nodes).unwrap().script()
    }

    fn sample(n_nodes: usize, n: usize, index: u64) -> Vec<Rollout> {
        Random::sample(&script(n_nodes), n, &mut generator(1, Owner::Uniform, index))
    }

    #[test]
    fn five_nodes_have_the_published_negative_log_probability() {
        for rollout in sample(5, 3, 0) {
            assert!((rollout.log_prob + 58.505_763).abs() < 1e-6, "{}", rollout.log_prob);
            assert!((rollout.entropy - 58.505_763).abs() < 1e-6, "{}", rollout.entropy);
        }
    }

    #[test]
    fn every_option_of_every_decision_is_drawn_equally_often() {
        let n = 4000;
        let rollouts = sample(2, n, 0);
        for (choice, options) in script(2).options().enumerate() {
            for option in 0..options as Choice {
                let count = rollouts.iter().filter(|r| r.choices[choice] == option).count();
                let p = 1.0 / options as f64;
                let deviation = (p * (1.0 - p) * n as f64).sqrt();
                let off = (count as f64 - p * n as f64) / deviation;
                assert!(off.abs() < 4.0, "choice {choice} option {option}: {off} sigma");
            }
        }
    }

    #[test]
    fn the_same_generator_draws_the_same_architectures_and_another_others() {
        assert_eq!(sample(5, 4, 3), sample(5, 4, 3));
        assert_ne!(sample(5, 4, 3), sample(5, 4, 4));
    }

    #[test]
    fn a_reward_that_is_not_finite_is_refused_with_its_place() {
        let (mut arm, step) = (Random, PolicyStep { epoch: 0, left: 1 });
        let rollout = sample(2, 1, 0).remove(0);
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        let scored = |reward| Scored::with_reward(space, rollout.clone(), reward);
        let err = arm.learn(&[scored(0.5), scored(f64::NAN)], step).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
        assert!(matches!(arm.learn(&[], step), Err(SearchError::NoRollouts)));
        let report = arm.learn(&[scored(0.25), scored(0.75)], step).unwrap();
        assert!((report.mean_reward - 0.5).abs() < 1e-15, "{report:?}");
    }
}
