//! Uniform draws: every decision is drawn uniformly.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::search::{Probabilities, Rollout};
use crate::space::{Choice, Script};

/// Draws every decision uniformly: the control arm, and random search.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::space::{MicroSpace, SearchSpace};

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
}
