//! What the policy drew in a phase of θ, and what θ learns from all of it at the end.
//!
//! With `policy.phase_updates` = K a phase ends with K further updates, each from all N rollouts m of
//! the phase:
//!
//! ```text
//! ∇J ≈ 1/N Σ_m w_m·[(R_m − b_m) ∇log π(m; θ) + β ∇H(π) − λ ∇KL]
//! w_m = min(π(m; θ)/π(m; θ when it drew m), 1)
//! b_m = mean reward of the other rollouts of the step that drew m
//! ```
//!
//! The θ that drew m has learnt since. w, which counts as a constant, has a rollout count for as much
//! as θ would still draw it, and for no more than one however much likelier it got: truncated
//! importance sampling (Ionides, 2008). All rollouts of a step are scored on one validation batch, so
//! that whether it was easy cancels in R − b; one that is alone in its step has nobody to be compared
//! with, and an advantage of 0.
//!
//! Departure from the paper, which learns from a rollout once and forgets it: scores are what takes
//! time, and of each θ learns K + 1 times.

use crate::search::Scored;
use crate::space::Arch;

/// Rollouts of a phase at most where θ learns from all of them at its end. All of them are in every
/// checkpoint: ten thousand of the largest spaces are a few megabytes.
pub const MAX_PHASE_ROLLOUTS: u64 = 10_000;

/// What is kept of a rollout until its phase ends.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseRollout {
    /// The architecture, with its choices as they were drawn.
    pub arch: Arch,
    /// log π(m; θ) when it was drawn.
    pub log_prob: f64,
    /// Its reward.
    pub reward: f64,
}

impl PhaseRollout {
    pub(super) fn new(scored: &Scored) -> Self {
        let Scored { sampled, reward, .. } = scored;
        let (arch, log_prob) = (sampled.arch.clone(), sampled.rollout.log_prob);
        Self { arch, log_prob, reward: *reward }
    }

    /// w, where its log π is `log_prob`.
    pub(super) fn importance(&self, log_prob: f64) -> f64 {
        (log_prob - self.log_prob).exp().min(1.0)
    }
}

/// R − b of each rollout of a phase, step by step.
pub(super) fn advantages(phase: &[Vec<PhaseRollout>]) -> Vec<f64> {
    let of_step = |step: &Vec<PhaseRollout>| {
        let total: f64 = step.iter().map(|rollout| rollout.reward).sum();
        let others = step.len() as f64 - 1.0;
        let of = |rollout: &PhaseRollout| match step.len() {
            1 => 0.0,
            _ => rollout.reward - (total - rollout.reward) / others,
        };
        step.iter().map(of).collect::<Vec<_>>()
    };
    phase.iter().flat_map(of_step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{MicroSpace, Space};

    fn rollout(log_prob: f64, reward: f64) -> PhaseRollout {
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        PhaseRollout { arch: space.arch(&[0; 16]).unwrap(), log_prob, reward }
    }

    #[test]
    fn a_rollout_is_compared_with_the_others_of_its_step_alone() {
        let step = |rewards: &[f64]| rewards.iter().map(|&reward| rollout(-1.0, reward)).collect();
        // The second batch is harder for all; in the third step there is nobody to compare with.
        let found = advantages(&[step(&[0.5, 0.75, 0.25]), step(&[0.125, 0.25]), step(&[0.875])]);
        assert_eq!(found, [0.0, 0.375, -0.375, -0.125, 0.125, 0.0]);
    }

    #[test]
    fn what_would_be_drawn_less_counts_less_and_what_would_be_drawn_more_counts_once() {
        for (now, expected) in
            [(-3.0, (-1.0_f64).exp()), (-2.0, 1.0), (-1.0, 1.0), (f64::NEG_INFINITY, 0.0)]
        {
            let found = rollout(-2.0, 0.5).importance(now);
            assert_eq!(found.to_bits(), expected.to_bits(), "{now}");
        }
    }
}
