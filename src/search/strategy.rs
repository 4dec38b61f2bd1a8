//! How architectures are proposed: what the plain loop and the actors know of a searcher.

use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::search::{AdamState, Rollout, Scored, SearchError};

/// Proposes architectures and learns from their scores.
pub trait Strategy {
    /// Draws `n` architectures. The result depends on the strategy's state, on `n` and on `rng`.
    fn draw(&self, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Rollout>, SearchError>;

    /// Learns from the scores of rollouts that this strategy drew in its present state. After an
    /// error the strategy is as it was.
    fn learn(&mut self, scored: &[Scored]) -> Result<LearnReport, SearchError>;

    /// Everything that a restart needs.
    fn state(&self) -> Result<StrategyState, SearchError>;
}

/// What one call of [`Strategy::learn`] saw and did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnReport {
    /// The mean reward of the rollouts.
    pub mean_reward: f64,
    /// The mean entropy of the rollouts, in nats.
    pub mean_entropy: f64,
    /// The update of θ; `None` where the strategy has nothing to update.
    pub update: Option<UpdateReport>,
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
