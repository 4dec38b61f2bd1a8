//! What a search depends on: the sections of the layers below, and how it learns itself.

use serde::{Deserialize, Serialize};

use crate::data::{Batching, DataConfig, ImageOrder};
use crate::engine::SgdConfig;
use crate::net::NetConfig;
use crate::search::{Arm, ChildConfig, Comparison, FinalConfig, Objective};
use crate::setting::{IMAGES, Rule, Setting, WORDS, above, below, between, from, one_of, search};
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
    /// The images or the text.
    pub data: DataConfig,
    /// How ω is trained.
    pub shared: SgdConfig,
    /// How θ is trained.
    pub policy: PolicyConfig,
    /// How the phases alternate.
    pub schedule: ScheduleConfig,
    /// How architectures are scored.
    pub score: ScoreConfig,
    /// How children are trained from scratch, where they share no weights.
    pub trial: ChildConfig,
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

    /// How a child is trained from scratch, where children share no weights.
    pub fn child_recipe(&self) -> FinalConfig {
        let SearchConfig { net, data, shared, schedule, trial, .. } = self;
        FinalConfig {
            epochs: trial.epochs,
            batch_size: schedule.batch_size,
            bptt: schedule.bptt,
            layers: net.layers,
            channels: net.channels,
            dropout_keep: net.dropout_keep,
            aux_weight: net.aux_weight,
            state_of: net.state_of,
            drop_words: net.drop_words,
            drop_embedding: net.drop_embedding,
            drop_input: net.drop_input,
            drop_state: net.drop_state,
            drop_weights: net.drop_weights,
            activation_weight: net.activation_weight,
            slowness_weight: net.slowness_weight,
            learning_rate_max: shared.learning_rate_max,
            learning_rate_min: shared.learning_rate_min,
            learning_rate_period: shared.learning_rate_period,
            learning_rate_period_factor: shared.learning_rate_period_factor,
            momentum: shared.momentum,
            weight_decay: shared.weight_decay,
            clip_norm: shared.clip_norm,
            crop_padding: data.crop_padding,
            flip: data.flip,
            cutout: data.cutout,
            ..FinalConfig::default()
        }
    }
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
            trial: ChildConfig::default(),
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
    /// By a policy that proximal policy optimization trains (`NASNet`, Zoph et al., 2017).
    Ppo,
    /// From the better of a population, changed in one place (Real et al., 2019).
    Evolution,
    /// Uniformly, and nothing is learnt: random search (Li & Talwalkar, 2019, with shared weights).
    Random,
}

impl StrategyKind {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Reinforce, Self::Ppo, Self::Evolution, Self::Random];

    /// The names of [`StrategyKind::ALL`].
    pub const NAMES: &[&str] = {
        let [a, b, c, d] = Self::ALL;
        &[a.name(), b.name(), c.name(), d.name()]
    };

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reinforce => "reinforce",
            Self::Ppo => "ppo",
            Self::Evolution => "evolution",
            Self::Random => "random",
        }
    }

    /// The strategy called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
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

/// What gives children their scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EstimatorKind {
    /// Their parts of the weights ω that all share (ENAS, section 2.2).
    #[default]
    SharedWeights,
    /// Training from scratch (NAS, Zoph and Le, 2016, section 3.1).
    StandAlone,
}

impl EstimatorKind {
    /// The names of all.
    pub const NAMES: &[&str] = &[Self::SharedWeights.name(), Self::StandAlone.name()];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SharedWeights => "shared-weights",
            Self::StandAlone => "stand-alone",
        }
    }
}

settings! {
    /// The LSTM policy and how REINFORCE trains it (the micro column of the authors' settings).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct PolicyConfig in policy {
        /// How architectures are drawn to be learnt from: by a policy that `reinforce` or `ppo`
        /// trains, from a population by `evolution`, or at `random`.
        pub strategy: StrategyKind = StrategyKind::Reinforce
            => search(one_of(StrategyKind::NAMES));
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
        /// Of `ppo`: how far the probability of an architecture may move from that by which it was
        /// drawn, ε.
        pub ppo_clip: f64 = 0.2 => search(above(0.0, 1.0)).before("0.2");
        /// Of `ppo`: updates from the rollouts of each step.
        pub ppo_updates: u64 = 4 => search(whole(1..=1000)).before("4");
        /// Of `evolution`: architectures in the population, P.
        pub population: usize = 100 => search(size(1..=10_000)).before("100");
        /// Of `evolution`: members among which a parent is the best, S.
        pub tournament: usize = 25 => search(size(1..=10_000)).before("25");
        /// Decay of the reward's moving average.
        pub baseline_decay: f64 = 0.99 => search(below(0.0, 1.0));
        /// Share of the skip connections of whole nets, and of the links of NAS's, that the policy
        /// is held near, ρ.
        pub skip_rate: f64 = 0.4
            => search(between(0.0, 1.0)).only_of(&["whole_net", "nas_cnn"]);
        /// Weight of their divergence from that rate in the loss.
        pub skip_weight: f64 = 0.8
            => search(from(0.0, 100.0)).only_of(&["whole_net", "nas_cnn"]);
    }
}

settings! {
    /// How the two phases alternate (ENAS, section 2.2).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct ScheduleConfig in schedule {
        /// Updates of ω in an epoch; 0 where children are trained from scratch, and share nothing.
        pub shared_steps: u64 = 300 => search(whole(0..=1_000_000));
        /// Images in a training batch, or rows of text.
        pub batch_size: usize = 32 => search(size(1..=8192));
        /// Words of a window of text: of a training one about so many, of a validation one as many.
        pub bptt: usize = 35 => search(size(1..=1000)).before("35").only_of(WORDS);
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
        /// Rollouts that one update of θ averages.
        pub rollouts_per_step: usize = 5 => search(size(1..=1000));
        /// Whether as many architectures of uniform draws are scored beside them: the control arm,
        /// without which nobody can say whether the policy is worth anything.
        pub random_arm: bool = true => search(Rule::Switch).before("true");
        /// Images in a validation batch, or rows of text; 0 for 512 images or 64 rows, or as many as
        /// a smaller split has.
        pub valid_batch_size: usize = 0 => search(size(0..=8192));
        /// Epochs of a cycle; at its end the best architectures are derived.
        pub epochs_per_cycle: u64 = 5 => search(whole(1..=100_000));
        /// θ phases that the comparison with the random arm looks back on.
        pub advantage_phases: u64 = 5 => search(whole(1..=1000));
    }
}

impl ScheduleConfig {
    /// How ω sees the training data.
    pub const fn batching(&self, data: &DataConfig) -> Batching {
        Batching::of_search(data, self.batch_size, self.bptt)
    }

    /// Uniform draws that are scored in a step of θ.
    pub const fn of_random_arm(&self) -> usize {
        if self.random_arm { self.rollouts_per_step } else { 0 }
    }

    /// Whether what `arm` draws is scored with an ω of its own.
    pub fn has_own_omega(&self, arm: Arm) -> bool {
        arm == Arm::Random && 0 < self.control_steps
    }

    /// What is compared where both arms are scored alike.
    pub fn comparison(&self) -> Comparison {
        if self.shared_steps == 0 {
            return Comparison::StandAlone;
        }
        if self.has_own_omega(Arm::Random) { Comparison::OwnShared } else { Comparison::Shared }
    }
}

settings! {
    /// How architectures are scored.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ScoreConfig in score {
        /// What gives children their scores: the weights that all of them share (ENAS), or training
        /// from scratch, as `[trial]` has it (NAS).
        pub estimator: EstimatorKind = EstimatorKind::SharedWeights
            => search(one_of(EstimatorKind::NAMES)).before("\"shared-weights\"");
        /// What a score is worth: the share of images that are right; the negative logarithm of the
        /// mean cross-entropy, which tells more of as many images; or, of text alone, 80 divided by
        /// the perplexity. Retrained nets are chosen by it too.
        pub reward: Objective = Objective::NegLogNll
            => search(one_of(Objective::NAMES)).before("\"accuracy\"");
        /// Which validation images a batch holds, and in which order all of them are read.
        pub images: ImageOrder = ImageOrder::Balanced
            => search(one_of(&["stored", "balanced"])).before("\"stored\"").only_of(IMAGES);
        /// Training images that batch normalizations take their statistics from where a child is
        /// scored on the whole validation split, so that its score depends on no order and no size
        /// of batches; 0 for the statistics of each batch, as in the authors' code.
        pub calibration: usize = 512 => search(size(0..=8192)).before("0").only_of(IMAGES);
    }
}

impl ScoreConfig {
    /// As the authors' code has it, and as searches were scored that are older than these settings.
    pub const fn paper() -> Self {
        Self {
            estimator: EstimatorKind::SharedWeights,
            reward: Objective::Accuracy,
            images: ImageOrder::Stored,
            calibration: 0,
        }
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
