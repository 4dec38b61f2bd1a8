//! What the controller asks of the others. Every message is owned plain data and is answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix::Message;

use crate::data::{Certificate, NetResult, Opening, Receipt};
use crate::engine::Snapshot;
use crate::search::{
    DrawRequest, Drawer, Drawn, Job, Score, SearchError, SearchState, SharedReport, SharedState,
    SharedStep, StepRecord, TrialPlan, TrialState,
};
use crate::space::Arch;
use crate::store::{ChampionRow, StoreError, TrialRow, Verdicts};

/// Replaces who draws. Controller → Sampler.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct AdoptDrawer {
    /// The strategy's, after its last step.
    pub drawer: Drawer,
}

/// Draws architectures. Controller → Sampler.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Drawn, SearchError>")]
pub struct SampleArchs {
    /// What to draw.
    pub request: DrawRequest,
    /// The seed: the run's, except for draws that are no part of the search.
    pub seed: u64,
}

/// Takes one update of ω. Controller → Trainer.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Trained, SearchError>")]
pub struct TrainShared {
    /// The children of this step.
    pub archs: Vec<Arch>,
    /// Which update.
    pub step: SharedStep,
}

/// What an update of ω measured, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Trained {
    /// What it measured.
    pub report: SharedReport,
    /// Time from the arrival of the message to the answer.
    pub busy: Duration,
    /// Time from the last answer to this message; zero where other work lay between.
    pub waited: Duration,
}

/// Copies ω and its optimizer. Controller → Trainer.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Arc<SharedState>, SearchError>")]
pub struct TakeSnapshot;

/// Replaces ω, its optimizer and its place in the data. Controller → Trainer.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), SearchError>")]
pub struct Restore {
    /// ω and its optimizer.
    pub shared: Arc<SharedState>,
    /// The number of the training batch that comes next.
    pub batch: u64,
}

/// Scores architectures. Controller → Evaluator.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<Score>, SearchError>")]
pub struct Evaluate {
    /// What is to be scored.
    pub job: Job,
    /// Goes up by one with each architecture that is scored.
    pub scored: Arc<AtomicU64>,
}

/// Writes finished steps to the history. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Recorded")]
pub struct Record {
    /// Finished steps, oldest first; those that cannot be written are kept and tried again.
    pub records: Vec<StepRecord>,
}

/// How the history stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Finished steps that could not be written yet.
    pub backlog: usize,
    /// Different architectures in the history.
    pub archs_unique: u64,
    /// The size of the history, where it could be measured.
    pub history_bytes: Option<u64>,
    /// The bytes that its single rows may take.
    pub history_limit_bytes: u64,
    /// Free bytes where the state is.
    pub free_bytes: Option<u64>,
    /// Whether the newest checkpoint that was written is gone.
    pub is_unsaved: bool,
    /// Steps that the history lacks since it was begun anew, where it was.
    pub missing: Option<u64>,
    /// Why the last attempt failed, where it did.
    pub error: Option<String>,
}

/// Writes the files of architectures that entered the best, and a checkpoint; then removes the
/// files of those that left. Steps that the history could not take before are tried again first.
/// Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "SaveReply")]
pub struct Save {
    /// Everything that a restart needs.
    pub state: Arc<SearchState>,
    /// Best architectures whose files are not known to be on disk, in order.
    pub entered: Vec<Entered>,
    /// What the search says of itself, for the champion's card.
    pub verdicts: Arc<Verdicts>,
}

/// An architecture that entered the best.
#[derive(Clone, Debug)]
pub struct Entered {
    /// Its id.
    pub id: String,
    /// Its part of the ω that scored it.
    pub weights: Arc<Snapshot>,
}

/// A checkpoint that is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The number of the step at which it resumes.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// When it was done, since 1970.
    pub unix_time: Duration,
    /// Size of the state folder.
    pub state_bytes: Option<u64>,
}

/// What came of a [`Save`].
#[derive(Debug)]
pub struct SaveReply {
    /// How the history stands, with or without a checkpoint.
    pub recorded: Recorded,
    /// The checkpoint, or why there is none.
    pub saved: Result<Saved, StoreError>,
}

/// Writes to the history what somebody had scored before a step. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Inject {
    /// The number of the step.
    pub step: u64,
    /// The architecture's id.
    pub arch_id: String,
    /// The reward of its score.
    pub reward: f64,
}

/// Reads the newest checkpoint and sets the history back to it. Controller → Keeper.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Arc<SearchState>, StoreError>")]
pub struct LoadNewest;

/// Leaves the history as one file: nothing more will be written. Daemon → Keeper.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct CloseHistory;

/// Writes the files of a trial. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct SaveTrial {
    /// Its key.
    pub key: String,
    /// What is trained, and how.
    pub plan: TrialPlan,
    /// How far it is.
    pub state: Arc<TrialState>,
}

/// Reads the files of a trial; none where there are none that are whole. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Option<Arc<TrialState>>, StoreError>")]
pub struct LoadTrial {
    /// Its key.
    pub key: String,
}

/// Asks for leave to look at the test split; that it was given is on disk. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Opening, StoreError>")]
pub struct OpenTest {
    /// For whom.
    pub candidate: String,
}

/// Gives the leave back, and has what was seen written down. Where that fails it is known all the
/// same, and written when the candidate is asked for again. Controller → Keeper.
#[derive(Debug, Message)]
#[rtype(result = "Result<Certificate, StoreError>")]
pub struct CloseTest {
    /// The leave.
    pub receipt: Receipt,
    /// What each net had right, by seed.
    pub nets: Vec<NetResult>,
}

/// Writes what promotions led to into the history. Controller → Keeper.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct RecordPromotion {
    /// Nets that are trained.
    pub trials: Vec<TrialRow>,
    /// What the best of a promotion came to.
    pub champions: Vec<ChampionRow>,
}
