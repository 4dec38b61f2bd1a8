//! What a search depends on: the sections of the layers below, and how it learns itself.

use serde::{Deserialize, Serialize};

use crate::data::{Batching, BatchingKeys, DataConfig, ImageOrder};
use crate::engine::SgdConfig;
use crate::net::{NetConfig, SharedForm, WeightsOf};
use crate::search::{Arm, Comparison, Objective};
use crate::setting::{Rule, Setting, above, below, between, from, one_of, operation, search};
use crate::setting::{settings, size, whole};
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
    /// How architectures are scored with the shared weights.
    pub score: ScoreConfig,
    /// How the best are derived.
    pub derive: DeriveConfig,
    /// What architectures may cost.
    pub limits: LimitsConfig,
    /// How they are trained from scratch and certified.
    #[serde(rename = "final")]
    pub finals: FinalConfig,
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
            score: ScoreConfig::default(),
            derive: DeriveConfig::default(),
            limits: LimitsConfig::default(),
            finals: FinalConfig::default(),
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

/// Who draws the architectures that ω is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedDraws {
    /// The policy (ENAS, section 2.2).
    #[default]
    Policy,
    /// Nobody: uniformly.
    Uniform,
    /// Uniformly at first, then ever more often the policy (`TuNAS`, Bender et al., 2020).
    Annealed,
    /// Uniformly, so that each option of each choice is trained equally often (`FairNAS`, Chu et
    /// al., 2021).
    Fair,
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
        /// 0 leaves all logits unbounded.
        pub tanh_constant: f64 = 1.10 => search(from(0.0, 100.0));
        /// Operation logits are bounded by `tanh_constant` divided by this.
        pub op_tanh_reduction: f64 = 2.5 => search(above(0.0, 100.0));
        /// Epochs over which the bounds are let go, from all of a bounded logit to all of an unbounded
        /// one; 0 for bounds that stay.
        pub bound_epochs: u64 = 0 => search(whole(0..=100_000)).before("0");
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
        /// Share of the largest entropy that the policy's is held at: the weight then is of half the
        /// squared distance from it, in nats. 0 for no target.
        pub entropy_target: f64 = 0.0 => search(from(0.0, 1.0)).before("0.0");
        /// Whether the advantages of an update are divided by their standard deviation, after their
        /// mean is taken off instead of the baseline.
        pub standardize: bool = false => search(Rule::Switch).before("false");
        /// Updates at the end of each θ phase that learn from all of its rollouts once more, each of
        /// which counts for as much as the policy would still draw it; 0 to learn from a rollout once.
        pub phase_updates: u64 = 0 => search(whole(0..=1000)).before("0");
        /// Whether the policy begins with the authors' preference for separable convolutions, and
        /// holds to that for near nodes of a recurrent cell.
        pub prior: bool = true
            => search(Rule::Switch).before("true").only_of(&["micro", "recurrent"]);
        /// Decay of the reward's moving average.
        pub baseline_decay: f64 = 0.99 => search(below(0.0, 1.0));
        /// Share of the skip connections of whole nets that the policy is held near, ρ.
        pub skip_rate: f64 = 0.4 => search(between(0.0, 1.0)).only_of(&["whole_net"]);
        /// Weight of their divergence from that rate in the loss.
        pub skip_weight: f64 = 0.8 => search(from(0.0, 100.0)).only_of(&["whole_net"]);
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
        /// Who draws what ω is trained on.
        pub draws: SharedDraws = SharedDraws::Policy
            => search(one_of(&["policy", "uniform", "annealed", "fair"])).before("\"policy\"");
        /// Of `annealed`: epochs over which the share of uniform draws falls from all to none.
        pub annealed_epochs: u64 = 20 => search(whole(1..=100_000)).before("20");
        /// Steps of ω in an epoch, the first ones, that also train an ω of the control arm's own, under
        /// uniform draws, with which that arm is scored; 0 for none: then both arms share one ω.
        pub control_steps: u64 = 0 => search(whole(0..=1_000_000)).before("0");
        /// Updates of θ in an epoch.
        pub controller_steps: u64 = 20 => search(whole(1..=100_000));
        /// Rollouts that one update of θ averages; as many random architectures are scored beside.
        pub rollouts_per_step: usize = 5 => search(size(1..=1000));
        /// Images in a validation batch; 0 for 512, or all of a smaller split.
        pub valid_batch_size: usize = 0 => search(size(0..=8192));
        /// Epochs of a cycle; at its end the best architectures are derived.
        pub epochs_per_cycle: u64 = 5 => search(whole(1..=100_000));
        /// θ phases that the comparison with the random arm looks back on.
        pub advantage_phases: u64 = 5 => search(whole(1..=1000));
    }
}

impl ScheduleConfig {
    /// Whether what `arm` draws is scored with an ω of its own.
    pub fn has_own_omega(&self, arm: Arm) -> bool {
        arm == Arm::Random && 0 < self.control_steps
    }

    /// What is compared where both arms are scored with shared weights.
    pub fn comparison(&self) -> Comparison {
        if self.has_own_omega(Arm::Random) { Comparison::OwnShared } else { Comparison::Shared }
    }
}

settings! {
    /// How architectures are scored on validation images with the shared weights.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ScoreConfig in score {
        /// What a score is worth: the share of images that are right, or the negative logarithm of
        /// the mean cross-entropy, which tells more of as many images. Retrained nets are chosen by
        /// it too.
        pub reward: Objective = Objective::NegLogNll
            => search(one_of(&["accuracy", "neg-log-nll"])).before("\"accuracy\"");
        /// Which validation images a batch holds, and in which order all of them are read.
        pub images: ImageOrder = ImageOrder::Balanced
            => search(one_of(&["stored", "balanced"])).before("\"stored\"");
        /// Training images that batch normalizations take their statistics from where a child is
        /// scored on the whole validation split, so that its score depends on no order and no size
        /// of batches; 0 for the statistics of each batch, as in the authors' code.
        pub calibration: usize = 512 => search(size(0..=8192)).before("0");
    }
}

impl ScoreConfig {
    /// As the authors' code has it, and as searches were scored that are older than these settings.
    pub const fn paper() -> Self {
        Self { reward: Objective::Accuracy, images: ImageOrder::Stored, calibration: 0 }
    }
}

settings! {
    /// How the best architectures are derived at the end of a cycle (ENAS, section 2.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DeriveConfig in derive {
        /// Architectures drawn from π and scored on one validation batch.
        pub samples: usize = 100 => search(size(1..=10_000));
        /// How many of the best are scored again on the whole validation split, at most all; and as
        /// many of the best by the forecast, once there is one.
        pub rerank: usize = 10 => search(size(1..=10_000));
        /// How many of the best are kept over all cycles.
        pub keep: usize = 5 => search(size(1..=1000));
    }
}

settings! {
    /// What architectures may cost, and how much their cost counts.
    ///
    /// Costs are those of the net that stands alone with the sizes of `[net]`: what is shipped is
    /// such a net, and the sizes of `[final]`, on which no draw may depend, only make all of them
    /// larger alike.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct LimitsConfig in limits {
        /// Trainable values, without those of an auxiliary head; 0 for no limit.
        pub params: u64 = 0 => search(whole(0..=1_000_000_000_000));
        /// Multiply-adds of one image's forward pass; 0 for no limit.
        pub multiply_adds: u64 = 0 => search(whole(0..=1_000_000_000_000_000));
        /// Milliseconds of one image's forward pass, by the table of layers that is measured once
        /// for a state folder; 0 for no limit.
        pub milliseconds: f64 = 0.0 => search(from(0.0, 1e6));
        /// Share of its accuracy, or of its inverse cross-entropy, that an architecture at a limit
        /// loses in its reward; one that costs less loses less, in proportion.
        pub weight: f64 = 0.0 => search(below(0.0, 1.0));
    }
}

impl LimitsConfig {
    /// Whether anything is limited.
    pub fn is_set(&self) -> bool {
        0 < self.params || 0 < self.multiply_adds || 0.0 < self.milliseconds
    }
}

settings! {
    /// How the best architectures of a cycle are trained from scratch as nets that stand alone,
    /// chosen by validation, and certified on the test split (ENAS, section 2.2, at the end).
    ///
    /// No step of ω or θ depends on these settings: a promotion that is under way keeps those that
    /// it began with.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct FinalConfig in final {
        /// Architectures of the policy's that are retrained at the end of each cycle, and as many
        /// of uniform draws that are chosen by the same rule; 0 for none.
        pub candidates: usize = 1 => operation(size(0..=100));
        /// Architectures of each arm that are trained for the first period of the learning rate alone,
        /// of which the best third goes on for the next, and so on, until `candidates` are trained
        /// to the end; at most `derive.rerank`. 0 to train `candidates` at once.
        pub first: usize = 0 => operation(size(0..=1000));
        /// Nets of each architecture, trained with different seeds: what one seed gives is luck.
        pub seeds: usize = 2 => operation(size(1..=20));
        /// Passes over the training split.
        pub epochs: u64 = 8 => operation(whole(1..=100_000));
        /// Images in a training batch.
        pub batch_size: usize = 64 => operation(size(1..=8192));
        /// Normal cells of micro nets; two reduction cells come on top.
        pub layers: usize = 1 => operation(size(1..=40)).only_of(&["micro"]);
        /// Channels of the first cells or layers.
        pub channels: usize = 8 => operation(size(1..=512));
        /// Share of activations kept by the dropout before the classifier.
        pub dropout_keep: f64 = 0.9 => operation(above(0.0, 1.0));
        /// Weight of the loss of micro nets' auxiliary head; 0 leaves the head out.
        pub aux_weight: f64 = 0.0 => operation(from(0.0, 10.0)).only_of(&["micro"]);
        /// Share of the paths of micro nets that drop-path keeps at the last cell, once training
        /// ends; 1 drops none.
        pub drop_path_keep: f64 = 1.0 => operation(above(0.0, 1.0)).only_of(&["micro"]);
        /// Learning rate at the start of a period.
        pub learning_rate_max: f64 = 0.1 => operation(above(0.0, 10.0));
        /// Learning rate at the end of a period, at most that at its start.
        pub learning_rate_min: f64 = 0.0 => operation(from(0.0, 10.0));
        /// Epochs of the first period; 0 for one period over all epochs.
        pub learning_rate_period: u64 = 0 => operation(whole(0..=100_000));
        /// Each period is this many times the one before.
        pub learning_rate_period_factor: u64 = 2 => operation(whole(1..=100));
        /// Whether the learning rate falls with every step, and not with every epoch as the authors'
        /// does, whose short trainings end at a high one.
        pub smooth: bool = true => operation(Rule::Switch);
        /// Momentum of Nesterov's rule.
        pub momentum: f64 = 0.9 => operation(below(0.0, 1.0));
        /// `w` times this is added to each gradient.
        pub weight_decay: f64 = 2e-4 => operation(from(0.0, 1.0));
        /// The norm of all of a step's gradients together is clipped to this.
        pub clip_norm: f64 = 5.0 => operation(above(0.0, 1e6));
        /// Zero pixels around an image before a random crop to its size; 0 for no crop.
        pub crop_padding: usize = 2 => operation(size(0..=64));
        /// Whether half of the images are mirrored.
        pub flip: bool = true => operation(Rule::Switch);
        /// Side in pixels of the square, centered at random, that is blanked; 0 for none.
        pub cutout: usize = 0 => operation(size(0..=256));
        /// Whether candidates are chosen by a forecast from all that were retrained here, once that
        /// is known to say more than shared scores.
        pub forecast: bool = true => operation(Rule::Switch);
        /// Of each cycle's uniform draws so many, from the worst to the best, are retrained beside
        /// the search by what of the machine is otherwise idle: only to see whether shared scores
        /// order architectures as retraining does. 0 for none.
        pub sample: usize = 0 => operation(size(0..=100));
        /// Champions whose files are kept.
        pub keep: usize = 5 => operation(size(1..=1000));
    }
}

impl FinalConfig {
    /// The size of the nets.
    pub const fn net(&self) -> NetConfig {
        let &Self { layers, channels, dropout_keep, aux_weight, .. } = self;
        let (weights_of, shared_form, split_by) = (WeightsOf::Edge, SharedForm::Shared, 0);
        NetConfig { layers, channels, dropout_keep, aux_weight, weights_of, shared_form, split_by }
    }

    /// How their parameters are trained.
    pub const fn sgd(&self) -> SgdConfig {
        let period = self.learning_rate_period;
        SgdConfig {
            learning_rate_max: self.learning_rate_max,
            learning_rate_min: self.learning_rate_min,
            learning_rate_period: if period == 0 { self.epochs } else { period },
            learning_rate_period_factor: self.learning_rate_period_factor,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            clip_norm: self.clip_norm,
        }
    }

    /// How they see the training images.
    pub const fn batching(&self) -> Batching {
        let keys = BatchingKeys {
            batch_size: "final.batch_size",
            crop_padding: "final.crop_padding",
            cutout: "final.cutout",
        };
        let &Self { batch_size, crop_padding, flip, cutout, .. } = self;
        Batching { keys, batch_size, crop_padding, flip, cutout }
    }

    /// Whether nets are trained alike with both: what else differs says how many, and what is kept.
    pub fn trains_as(&self, other: &Self) -> bool {
        let Self { candidates, first, seeds, forecast, sample, keep, .. } = *self;
        *self == Self { candidates, first, seeds, forecast, sample, keep, ..*other }
    }
}
