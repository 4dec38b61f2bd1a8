//! The random arm: every decision is drawn uniformly, and nothing is learnt.
//!
//! It is the control that says whether the policy is worth anything: random search with the same
//! shared weights is a strong baseline (Li & Talwalkar, 2019).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::search::strategy::mean_reward;
use crate::search::{LearnReport, OpProbabilities, Rollout, Scored};
use crate::search::{SearchError, Strategy, StrategyState};
use crate::space::{Choice, Op, Script, Step};

/// Draws every decision uniformly.
#[derive(Clone, Debug)]
pub struct Uniform {
    script: Script,
}

impl Uniform {
    /// The random arm of the space with this `script`.
    pub fn new(script: Script) -> Self {
        Self { script }
    }

    /// Draws one architecture; the decisions take one number each, in the script's order.
    fn rollout(&self, rng: &mut ChaCha8Rng) -> Rollout {
        let options = || self.script.decisions();
        let entropy: f64 = options().map(|n| (n as f64).ln()).sum();
        let picks = self.script.steps().iter().filter_map(|step| match *step {
            Step::Pick { cell } => Some((cell, vec![1.0 / Op::ALL.len() as f64; Op::ALL.len()])),
            Step::Begin { .. } | Step::Point { .. } | Step::Place => None,
        });
        Rollout {
            choices: options().map(|n| rng.random_range(0..n as Choice)).collect(),
            log_prob: -entropy,
            entropy,
            policy_version: 0,
            op_probabilities: OpProbabilities::from_picks(&picks.collect::<Vec<_>>()),
        }
    }
}

impl Strategy for Uniform {
    fn draw(&self, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Rollout>, SearchError> {
        Ok((0..n).map(|_| self.rollout(rng)).collect())
    }

    fn learn(&mut self, scored: &[Scored]) -> Result<LearnReport, SearchError> {
        let mean_reward = mean_reward(scored)?;
        let entropies = scored.iter().map(|s| s.sampled.rollout.entropy);
        let mean_entropy = entropies.sum::<f64>() / scored.len() as f64;
        Ok(LearnReport { mean_reward, mean_entropy, update: None })
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::space::{MicroSpace, Space};

    fn uniform(n_nodes: usize) -> Uniform {
        Uniform::new(MicroSpace::new(n_nodes).unwrap().script())
    }

    #[test]
    fn five_nodes_have_the_published_negative_log_probability() {
        let rollouts = uniform(5).draw(3, &mut generator(1, Owner::Uniform, 0)).unwrap();
        for rollout in &rollouts {
            assert!((rollout.log_prob + 58.505_763).abs() < 1e-6, "{}", rollout.log_prob);
            assert!((rollout.entropy - 58.505_763).abs() < 1e-6, "{}", rollout.entropy);
        }
    }

    #[test]
    fn every_option_of_every_decision_is_drawn_equally_often() {
        let (arm, n) = (uniform(2), 4000);
        let rollouts = arm.draw(n, &mut generator(1, Owner::Uniform, 0)).unwrap();
        for (decision, options) in arm.script.decisions().enumerate() {
            for option in 0..options as Choice {
                let count = rollouts.iter().filter(|r| r.choices[decision] == option).count();
                let p = 1.0 / options as f64;
                let deviation = (p * (1.0 - p) * n as f64).sqrt();
                let off = (count as f64 - p * n as f64) / deviation;
                assert!(off.abs() < 4.0, "decision {decision} option {option}: {off} sigma");
            }
        }
    }

    #[test]
    fn the_same_generator_draws_the_same_architectures_and_another_others() {
        let draw = |index| uniform(5).draw(4, &mut generator(1, Owner::Uniform, index)).unwrap();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn a_reward_that_is_not_finite_is_refused_with_its_place() {
        let mut arm = uniform(2);
        let rollout = arm.draw(1, &mut generator(1, Owner::Uniform, 0)).unwrap().remove(0);
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        let scored = |reward| Scored::with_reward(space, rollout.clone(), reward);
        let err = arm.learn(&[scored(0.5), scored(f64::NAN)]).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
        assert!(matches!(arm.learn(&[]), Err(SearchError::NoRollouts)));
        let report = arm.learn(&[scored(0.25), scored(0.75)]).unwrap();
        assert!((report.mean_reward - 0.5).abs() < 1e-15, "{report:?}");
    }
}
