//! How the search learns: policy, schedule, derivation.

use serde::{Deserialize, Serialize};

/// How architectures are drawn to be learnt from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    /// By a policy that REINFORCE trains (ENAS, section 2.2).
    #[default]
    Reinforce,
    /// Uniformly, and nothing is learnt: random search with shared weights (Li & Talwalkar, 2019).
    Random,
}

/// The LSTM policy and how REINFORCE trains it (the micro column of the authors' settings).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// How architectures are drawn to be learnt from; `random` has no use for the other settings.
    pub strategy: StrategyKind,
    /// Units of the LSTM.
    pub hidden: usize,
    /// Logits are divided by this before they are squashed; 1 leaves them.
    pub temperature: f64,
    /// `c` in `c·tanh(logit)`: bounds the logits of node choices.
    pub tanh_constant: f64,
    /// Operation logits are bounded by `tanh_constant` divided by this.
    pub op_tanh_reduction: f64,
    /// Adam's learning rate.
    pub lr: f64,
    /// Adam's β₁; the authors run without momentum.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// The norm of an update's gradients is clipped to this.
    pub clip_norm: f64,
    /// Weight of the policy's entropy in the loss, β.
    pub entropy_weight: f64,
    /// Decay of the reward's moving average, in [0, 1).
    pub baseline_decay: f64,
    /// Of whole nets: share of the skip connections that the policy is held near, ρ, in (0, 1).
    pub skip_rate: f64,
    /// Of whole nets: weight of their divergence from that rate in the loss.
    pub skip_weight: f64,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            strategy: StrategyKind::Reinforce,
            hidden: 64,
            temperature: 1.0,
            tanh_constant: 1.10,
            op_tanh_reduction: 2.5,
            lr: 0.0035,
            beta1: 0.0,
            beta2: 0.999,
            epsilon: 1e-3,
            clip_norm: 0.02,
            entropy_weight: 1e-4,
            baseline_decay: 0.99,
            skip_rate: 0.4,
            skip_weight: 0.8,
        }
    }
}

/// How the two phases alternate (ENAS, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Updates of ω in an epoch; 0 where nothing is shared.
    pub shared_steps: u64,
    /// Images in a training batch.
    pub batch_size: usize,
    /// Architectures whose gradients one update of ω averages, the paper's M.
    pub archs_per_step: usize,
    /// Updates of θ in an epoch.
    pub controller_steps: u64,
    /// Rollouts that one update of θ averages; as many random architectures are scored beside.
    pub rollouts_per_step: usize,
    /// Images in a validation batch.
    pub valid_batch_size: usize,
    /// Epochs of a cycle; at its end the best architectures are derived.
    pub epochs_per_cycle: u64,
    /// θ phases that the comparison with the random arm looks back on.
    pub advantage_phases: u64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            shared_steps: 300,
            batch_size: 32,
            archs_per_step: 1,
            controller_steps: 20,
            rollouts_per_step: 5,
            valid_batch_size: 64,
            epochs_per_cycle: 5,
            advantage_phases: 5,
        }
    }
}

/// How the best architectures are derived at the end of a cycle (ENAS, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeriveConfig {
    /// Architectures drawn from π and scored on one validation batch.
    pub samples: usize,
    /// How many of the best are scored again on the whole validation split.
    pub rerank: usize,
    /// How many of the best are kept over all cycles.
    pub keep: usize,
}

impl Default for DeriveConfig {
    fn default() -> Self {
        Self { samples: 100, rerank: 10, keep: 5 }
    }
}
