//! What the daemon says of itself: one plain value, published by the controller after every step
//! and read by the API and the progress display without asking anybody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::{
    ChildrenStatus, DiagnosisStatus, FinalsStatus, PickStatus, PlaceStatus, ScoreView,
};

/// Whether the search goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The checkpoint is loaded and the actors start.
    #[default]
    Starting,
    /// Steps are taken.
    Running,
    /// Paused by a command; goes on with `resume`.
    Paused,
    /// The last checkpoint is written before the end.
    Stopping,
    /// The run is over.
    Stopped,
    /// The run ended with an error.
    Failed,
}

/// The shared parameters ω and their training. Numbers are of the last step unless said
/// otherwise; absent before the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SharedStatus {
    /// Cross-entropy on the training batch in nats, averaged over the steps of this epoch.
    pub loss: Option<f64>,
    /// Accuracy on the training batch, averaged over the steps of this epoch.
    pub train_accuracy: Option<f64>,
    /// Mean accuracy on validation batches of the policy's samples, in the last θ step.
    pub valid_accuracy: Option<f64>,
    /// Of text, their mean perplexity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_perplexity: Option<f64>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Norm of the gradient before clipping.
    pub grad_norm: Option<f64>,
    /// Updates of ω since the search began.
    pub steps_total: u64,
    /// Steps since the daemon started whose loss or gradient was not finite.
    pub non_finite_total: u64,
    /// Median seconds of the last steps.
    pub step_seconds: Option<f64>,
    /// Training images per second, from the median.
    pub images_per_second: Option<f64>,
    /// Share of the time that the trainer waited between two steps, over the last steps.
    pub wait_ratio: Option<f64>,
    /// Steps of an epoch that train an ω of the control arm's own, under uniform draws, with which
    /// that arm is scored; 0 where it has none and is scored with this ω.
    #[serde(default)]
    pub control_steps: u64,
    /// Cross-entropy on the training batch of that ω, in nats, in the last step that trained it.
    #[serde(default)]
    pub control_loss: Option<f64>,
}

/// The policy θ and its training. Numbers are of the last θ step; absent before the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyStatus {
    /// Mean reward of the policy's rollouts on a validation batch, in units of the objective.
    pub reward: Option<f64>,
    /// Mean reward of as many random architectures on the same batch, in the same units: with the
    /// same ω, or with one of their own where `shared.control_steps` is above 0.
    pub random_reward: Option<f64>,
    /// Moving average of the policy's rewards, in the same units.
    pub baseline: Option<f64>,
    /// Entropy of one architecture, summed over its decisions, in nats.
    pub entropy_nats: Option<f64>,
    /// The same for one decision, in nats.
    pub entropy_per_decision_nats: Option<f64>,
    /// The share of the range of that entropy that is left, 0 to 1: at 0 every decision favors one
    /// option as far as the bounds of the logits let it, at 1 every draw is uniform.
    pub entropy_left: Option<f64>,
    /// Norm of the gradient.
    pub grad_norm: Option<f64>,
    /// Updates of θ since the search began: also the version of θ.
    pub steps_total: u64,
    /// Median seconds of the last steps.
    pub step_seconds: Option<f64>,
    /// What it thinks of the options of every menu, part by part; empty before the first rollouts.
    pub probabilities: Vec<PickStatus>,
}

/// The comparison of the policy's draws with the random arm's, with the shared weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdvantageStatus {
    /// Mean difference of rewards, policy less random, over the last θ phases, in units of the
    /// objective.
    pub mean: Option<f64>,
    /// Lower end of the 95 % bootstrap interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % bootstrap interval.
    pub high: Option<f64>,
    /// θ steps that were compared.
    pub steps: u64,
    /// The verdict in a few words.
    pub verdict: String,
    /// The verdict in a sentence.
    #[serde(default)]
    pub sentence: String,
}

/// One of the best architectures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BestStatus {
    /// Its id.
    pub id: String,
    /// The architecture in its native text form, as it was drawn.
    pub arch: String,
    /// Its score with the shared ω of its time; in a reply about another stage, its score there.
    pub score: ScoreView,
    /// The cycle at whose end it was derived, counted from 0.
    pub cycle: u64,
}

/// Checkpoints, as far as this process wrote or read them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointStatus {
    /// The number of the step at which the newest one resumes.
    pub step: Option<u64>,
    /// When it was written, in seconds since 1970.
    pub unix_seconds: Option<f64>,
    /// Its size.
    pub bytes: Option<u64>,
    /// How long writing it took.
    pub seconds: Option<f64>,
    /// Written by this process.
    pub writes_total: u64,
    /// Attempts that failed.
    pub failures_total: u64,
    /// Generations that failed their checks at start and were set aside.
    pub rejected_total: u64,
    /// Why the last attempt failed, where it did.
    pub last_error: Option<String>,
}

/// The device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceStatus {
    /// What the configuration asks for.
    pub wanted: String,
    /// What computes.
    pub used: String,
    /// Why.
    pub reason: String,
    /// What runs the nets, and with which instructions.
    pub executor: String,
    /// Threads for tensor kernels.
    pub threads: usize,
}

/// The data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataStatus {
    /// Where the images or the text come from.
    pub source: String,
    /// Channels, rows and columns of an image; zeros of text.
    pub image: [usize; 3],
    /// Number of classes; of text, of different words.
    pub classes: usize,
    /// Images or words of the training split.
    pub train: usize,
    /// Images or words of the validation split.
    pub valid: usize,
    /// Images or words of the test split, which is locked.
    pub test: usize,
    /// Images or words that a reward stands on: of a validation batch, or of the whole split where
    /// children are trained from scratch.
    #[serde(default)]
    pub reward_images: usize,
    /// The names of the first 100 classes, in the order of the labels; empty of text.
    #[serde(default)]
    pub class_names: Vec<String>,
    /// The BLAKE3 of all items, labels, names and splits, in hexadecimal digits.
    #[serde(default)]
    pub blake3: String,
}

/// A derivation under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DerivationStatus {
    /// Architectures that are scored: each on one validation batch, the best again on the split.
    pub scored: u64,
    /// Architectures that will have been scored at its end.
    pub of: u64,
}

/// The process and where it is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ProcessStatus {
    /// Its number.
    pub pid: u32,
    /// The state folder.
    pub state: String,
    /// The API's socket.
    pub socket: String,
    /// The address of `/metrics`, as in `127.0.0.1:9899`; none where they are off.
    pub metrics: Option<String>,
}

/// Everything the daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Whether the search goes on.
    pub state: RunState,
    /// Why it failed, where it did.
    pub error: Option<String>,
    /// The seed of the run.
    pub seed: u64,
    /// The search space, as in `micro`.
    pub space: String,
    /// Its size, as in `5 nodes`.
    pub space_size: String,
    /// What the search maximizes, as `score.reward` names it: rewards and their differences are in
    /// its units. Empty stands for `accuracy`, whose unit is 1.
    #[serde(default)]
    pub objective: String,
    /// The process and where it is found.
    #[serde(default)]
    pub process: ProcessStatus,
    /// Where the search is.
    pub place: PlaceStatus,
    /// The derivation under way, by the schedule or by a command.
    pub derivation: Option<DerivationStatus>,
    /// Expected seconds to the end of the cycle.
    pub cycle_seconds_left: Option<f64>,
    /// The shared parameters ω.
    pub shared: SharedStatus,
    /// The policy θ.
    pub policy: PolicyStatus,
    /// The policy's draws against the random arm's, with the shared weights.
    pub advantage: AdvantageStatus,
    /// What the last derivation told of how the search learns, and what to do.
    #[serde(default)]
    pub diagnosis: DiagnosisStatus,
    /// Architectures drawn since the search began, both arms.
    pub archs_sampled: u64,
    /// Different ones among those in the history, within about a hundredth.
    pub archs_unique: u64,
    /// The best architectures, best first.
    pub best: Vec<BestStatus>,
    /// The children that are trained from scratch; absent where they share weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<ChildrenStatus>,
    /// Retraining, and what came of it.
    #[serde(default)]
    pub finals: FinalsStatus,
    /// Checkpoints.
    pub checkpoint: CheckpointStatus,
    /// The device.
    pub device: DeviceStatus,
    /// The data.
    pub data: DataStatus,
    /// Times this process went back to a checkpoint after an error.
    pub recoveries_total: u64,
    /// Seconds for which the disk has not answered, where it is silent for longer than it should.
    pub disk_silence_seconds: Option<f64>,
    /// Free bytes where the state is.
    pub state_free_bytes: Option<u64>,
    /// When the process started, in seconds since 1970.
    pub started_unix_seconds: f64,
    /// When the last step ended, or the last epoch of a net that is retrained, in seconds since
    /// 1970.
    pub updated_unix_seconds: f64,
}
