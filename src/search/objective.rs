//! The objective: the one place where a score becomes a reward.
//!
//! A score is what was measured of a child; the objective says what of it the policy is to
//! maximize. Everything that compares architectures compares rewards.
//!
//! ```text
//! R(m, ω) = measure(score) · cost factor of m       where the search compares (`budget.rs`)
//! ```
//!
//! Nets that are trained from scratch are compared by what was measured alone: they come from what
//! the search chose, all within the limits, and their cost stands beside their score.

use crate::engine::Measured;
use crate::search::Sampled;

/// What was measured of a child on validation data.
pub type Score = Measured;

/// What the search maximizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The share of items that the child has right (ENAS, section 2.2, for images).
    #[default]
    Accuracy,
}

/// An architecture that was drawn, and what its child reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// What was drawn.
    pub sampled: Sampled,
    /// What was measured.
    pub score: Score,
    /// `R(m, ω)`, which the objective makes of the score.
    pub reward: f64,
}

impl Objective {
    /// The reward of a score on one item or more where its cost takes nothing: finite, and 0 for a
    /// child whose logits are no numbers.
    pub fn reward(self, score: Score) -> f64 {
        match self {
            Self::Accuracy => self.measure(score),
        }
    }

    /// What people are told of a score: accuracy, 0 to 1.
    pub fn measure(self, score: Score) -> f64 {
        match self {
            Self::Accuracy => score.correct as f64 / score.items as f64,
        }
    }

    /// What was drawn with its scores, in the same order.
    pub fn scored(self, sampled: Vec<Sampled>, scores: Vec<Score>) -> Vec<Scored> {
        let pairs = sampled.into_iter().zip(scores);
        pairs
            .map(|(sampled, score)| {
                let reward = self.reward(score) * sampled.cost_factor;
                Scored { sampled, score, reward }
            })
            .collect()
    }
}

#[cfg(test)]
impl Scored {
    /// An architecture of `space` with a reward that no score stands behind.
    pub(super) fn with_reward(
        space: crate::space::Space,
        rollout: crate::search::Rollout,
        reward: f64,
    ) -> Self {
        let arch = space.arch(&rollout.choices).unwrap();
        let sampled = Sampled { rollout, arch, cost_factor: 1.0 };
        Self { sampled, score: Score::default(), reward }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_no_number_has_a_reward_of_zero() {
        let score = Score { nll: f64::NAN, correct: 0, items: 8 };
        assert_eq!(Objective::Accuracy.reward(score).to_bits(), 0);
    }

    #[test]
    fn accuracy_is_the_share_that_is_right() {
        let score = Score { nll: 1.0, correct: 6, items: 8 };
        assert_eq!(Objective::Accuracy.reward(score).to_bits(), 0.75_f64.to_bits());
    }
}
