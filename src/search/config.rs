//! What a search depends on: the sections of the layers below, and how it learns itself.

use serde::{Deserialize, Serialize};

use crate::data::DataConfig;
use crate::engine::SgdConfig;
use crate::net::NetConfig;
use crate::setting::{Setting, above, below, between, from, one_of, search, settings, size, whole};
use crate::space::SpaceConfig;

/// Every setting that the search depends on, but for what computes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchConfig {
    /// The seed of every random number.
    pub seed: u64,
    /// What is searched.
    pub space: SpaceConfig,
    /// The size of the nets.
    pub net: NetConfig,
    /// The images.
    pub data: DataConfig,
    /// How ω is trained.
    pub shared: SgdConfig,
    /// How θ is trained.
    pub policy: PolicyConfig,
    /// How the phases alternate.
    pub schedule: ScheduleConfig,
    /// How the best are derived.
    pub derive: DeriveConfig,
}

impl SearchConfig {
    /// The setting of the seed, which stands in no section.
    pub const SEED: Setting = search(whole(0..=u64::MAX)).at("seed");
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            seed: 42,
            space: SpaceConfig::default(),
            net: NetConfig::default(),
            data: DataConfig::default(),
            shared: SgdConfig::default(),
            policy: PolicyConfig::default(),
            schedule: ScheduleConfig::default(),
            derive: DeriveConfig::default(),
        }
    }
}

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

settings! {
    /// The LSTM policy and how REINFORCE trains it (the micro column of the authors' settings).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct PolicyConfig in policy {
        /// How architectures are drawn to be learnt from; `random` has no use for the other
        /// settings.
        pub strategy: StrategyKind = StrategyKind::Reinforce
            => search(one_of(&["reinforce", "random"]));
        /// Units of the LSTM.
        pub hidden: usize = 64 => search(size(1..=1024));
        /// Logits are divided by this before they are squashed; 1 leaves them.
        pub temperature: f64 = 1.0 => search(above(0.0, 100.0));
        /// `c` in `c·tanh(logit)`: bounds the logits of node choices.
        pub tanh_constant: f64 = 1.10 => search(above(0.0, 100.0));
        /// Operation logits are bounded by `tanh_constant` divided by this.
        pub op_tanh_reduction: f64 = 2.5 => search(above(0.0, 100.0));
        /// Adam's learning rate.
        pub learning_rate: f64 = 0.0035 => search(above(0.0, 1.0)).once("policy.lr");
        /// Adam's β₁; the authors run without momentum.
        pub beta1: f64 = 0.0 => search(below(0.0, 1.0));
        /// Adam's β₂.
        pub beta2: f64 = 0.999 => search(below(0.0, 1.0));
        /// Adam's ε.
        pub epsilon: f64 = 1e-3 => search(above(0.0, 1.0));
        /// The norm of an update's gradients is clipped to this.
        pub clip_norm: f64 = 0.02 => search(above(0.0, 1e6)).before("1000000.0");
        /// Weight of the policy's entropy in the loss, β.
        pub entropy_weight: f64 = 1e-4 => search(from(0.0, 100.0));
        /// Decay of the reward's moving average.
        pub baseline_decay: f64 = 0.99 => search(below(0.0, 1.0));
        /// Share of the skip connections of whole nets that the policy is held near, ρ.
        pub skip_rate: f64 = 0.4 => search(between(0.0, 1.0)).only_of("whole_net");
        /// Weight of their divergence from that rate in the loss.
        pub skip_weight: f64 = 0.8 => search(from(0.0, 100.0)).only_of("whole_net");
    }
}

settings! {
    /// How the two phases alternate (ENAS, section 2.2).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct ScheduleConfig in schedule {
        /// Updates of ω in an epoch; code may also have 0, where nothing is shared.
        pub shared_steps: u64 = 300 => search(whole(1..=1_000_000));
        /// Images in a training batch.
        pub batch_size: usize = 32 => search(size(1..=8192));
        /// Architectures whose gradients one update of ω averages, the paper's M.
        pub archs_per_step: usize = 1 => search(size(1..=64));
        /// Updates of θ in an epoch.
        pub controller_steps: u64 = 20 => search(whole(1..=100_000));
        /// Rollouts that one update of θ averages; as many random architectures are scored beside.
        pub rollouts_per_step: usize = 5 => search(size(1..=1000));
        /// Images in a validation batch.
        pub valid_batch_size: usize = 64 => search(size(1..=8192));
        /// Epochs of a cycle; at its end the best architectures are derived.
        pub epochs_per_cycle: u64 = 5 => search(whole(1..=100_000));
        /// θ phases that the comparison with the random arm looks back on.
        pub advantage_phases: u64 = 5 => search(whole(1..=1000));
    }
}

settings! {
    /// How the best architectures are derived at the end of a cycle (ENAS, section 2.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DeriveConfig in derive {
        /// Architectures drawn from π and scored on one validation batch.
        pub samples: usize = 100 => search(size(1..=10_000));
        /// How many of the best are scored again on the whole validation split, at most all.
        pub rerank: usize = 10 => search(size(1..=10_000));
        /// How many of the best are kept over all cycles.
        pub keep: usize = 5 => search(size(1..=1000));
    }
}
