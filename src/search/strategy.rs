//! How the policy learns from scores: what the plain loop and the actors know of it.

use std::fmt;

use crate::engine::Snapshot;
use crate::search::{AdamState, Drawer, PhaseRollout, Policy, Scored, SearchError};

/// Learns from the scores of what its drawer drew. Drawing is the drawer's alone, so that whoever
/// draws needs no strategy.
pub trait Strategy: fmt::Debug + Send {
    /// Who draws, as it has learnt by now.
    fn drawer(&self) -> Drawer;

    /// Learns from the scores of rollouts that the policy drew as it is. After an error the
    /// strategy is as it was.
    fn learn(&mut self, scored: &[Scored], step: PolicyStep) -> Result<LearnReport, SearchError> {
        self.learn_by(scored, step, None)
    }

    /// The same from rollouts that `by` drew, an earlier policy where there is one.
    fn learn_by(
        &mut self,
        scored: &[Scored],
        step: PolicyStep,
        by: Option<&Policy>,
    ) -> Result<LearnReport, SearchError>;

    /// Everything that a restart needs.
    fn state(&self) -> Result<StrategyState, SearchError>;
}

/// Which step of θ is learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyStep {
    /// Epochs that are finished, by which the bounds of the policy's logits go.
    pub epoch: u64,
    /// Steps of its phase that are still to come.
    pub left: u64,
}

/// What one call of [`Strategy::learn`] saw and did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnReport {
    /// The mean reward of the rollouts.
    pub mean_reward: f64,
    /// The mean entropy of the rollouts, in nats.
    pub mean_entropy: f64,
    /// Updates of θ: one, and at the end of a phase those that learn from all of it; 0 where the
    /// strategy has nothing to update.
    pub updates: u64,
    /// The first update of θ; `None` where the strategy has nothing to update.
    pub update: Option<UpdateReport>,
}

impl LearnReport {
    /// What a step reports that updates nothing, or why it cannot be learnt from.
    pub(super) fn without_update(scored: &[Scored]) -> Result<Self, SearchError> {
        let mean_reward = mean_reward(scored)?;
        let entropies = scored.iter().map(|s| s.sampled.rollout.entropy);
        let mean_entropy = entropies.sum::<f64>() / scored.len() as f64;
        Ok(Self { mean_reward, mean_entropy, updates: 0, update: None })
    }
}

/// One update of θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateReport {
    /// The baseline after the update.
    pub baseline: f64,
    /// The mean advantage, `R − b`.
    pub mean_advantage: f64,
    /// The ℓ2 norm of the loss's gradient with respect to all of θ.
    pub grad_norm: f64,
}

/// Everything about a strategy that a restart needs. That of a strategy that does not learn is
/// the default.
#[derive(Clone, Debug, Default)]
pub struct StrategyState {
    /// Updates that θ has had.
    pub policy_version: u64,
    /// The moving average of rewards; `None` before the first.
    pub baseline: Option<f64>,
    /// θ.
    pub policy: Snapshot,
    /// The optimizer.
    pub optimizer: AdamState,
    /// The rollouts of the phase under way by step, where θ learns from all of them at its end;
    /// between two phases, nothing. The population, the oldest first, where one evolves. Else
    /// nothing.
    pub rollouts: Vec<Vec<PhaseRollout>>,
}

/// The mean reward of `scored`, or why it cannot be learnt from.
pub(super) fn mean_reward(scored: &[Scored]) -> Result<f64, SearchError> {
    if scored.is_empty() {
        return Err(SearchError::NoRollouts);
    }
    for (position, &Scored { reward, .. }) in scored.iter().enumerate() {
        if !reward.is_finite() {
            return Err(SearchError::NonFiniteReward { position, reward });
        }
    }
    Ok(scored.iter().map(|s| s.reward).sum::<f64>() / scored.len() as f64)
}
