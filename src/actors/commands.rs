//! What the API asks of the controller. A command waits for at most one step.

use actix::{Message, Recipient};
use tokio::sync::oneshot;

use crate::actors::ScoreView;
use crate::space::Arch;
use crate::store::Pruned;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It makes no sense in this state.
    #[error("{why}")]
    State {
        /// In words.
        why: String,
    },
    /// The request itself is wrong.
    #[error("{why}")]
    Request {
        /// In words.
        why: String,
    },
    /// What it asks for was there once.
    #[error("{why}")]
    Lost {
        /// In words.
        why: String,
    },
    /// It was tried and failed.
    #[error("{why}")]
    Failed {
        /// In words.
        why: String,
    },
}

/// Stops taking steps after the one under way.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Pause;

/// Goes on after [`Pause`].
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Resume;

/// Writes a checkpoint at once; the reply is the number of the step at which it resumes.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<u64, Refusal>")]
pub struct Checkpoint;

/// Derives once more, beside the schedule; the reply is the ids of the best, best first.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<String>, Refusal>")]
pub struct Derive;

/// Finishes the step, saves, and ends the run.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Stop;

/// Scores an architecture on the whole validation split with the present ω.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<ScoreReply, Refusal>")]
pub struct Score {
    /// The architecture.
    pub arch: Arch,
}

/// What [`Score`] measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreReply {
    /// What was measured on the validation split.
    pub score: ScoreView,
    /// What the objective makes of it.
    pub reward: f64,
    /// The number of the step before which ω was taken.
    pub step: u64,
}

/// Draws architectures without any effect on the search.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<SampleReply>, Refusal>")]
pub struct Sample {
    /// How many, 1 to 1000.
    pub count: usize,
    /// Seed of the draw: the same θ and seed give the same architectures.
    pub seed: u64,
    /// From the policy, or uniformly.
    pub from_policy: bool,
}

/// One drawn architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleReply {
    /// The architecture.
    pub arch: Arch,
    /// log π(m; θ).
    pub log_prob: f64,
}

/// Which weights of an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsOf {
    /// Those that its score among the best was measured with.
    Score,
    /// Its part of the present ω.
    Present,
    /// Those of its score where it is one of the best, else its part of the present ω.
    Either,
}

/// The weights of an architecture as a safetensors file. Of those that a score was measured with
/// the controller has only what is not on disk yet; no others are ever given for them.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<u8>, Refusal>")]
pub struct ChildWeights {
    /// The architecture.
    pub arch: Arch,
    /// Which.
    pub of: WeightsOf,
}

/// Folds a part of the history's single rows, until they take at most so many bytes: to be asked
/// until it is done. API → Keeper.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Pruned, Refusal>")]
pub struct PruneHistory {
    /// Bytes that single rows may take.
    pub bytes: u64,
}

/// The controller and the keeper as the API knows them: the commands they take and no more.
#[derive(Clone, Debug)]
pub struct Commands {
    /// Takes [`Pause`].
    pub pause: Recipient<Pause>,
    /// Takes [`Resume`].
    pub resume: Recipient<Resume>,
    /// Takes [`Checkpoint`].
    pub checkpoint: Recipient<Checkpoint>,
    /// Takes [`Derive`].
    pub derive: Recipient<Derive>,
    /// Takes [`Stop`].
    pub stop: Recipient<Stop>,
    /// Takes [`Score`].
    pub score: Recipient<Score>,
    /// Takes [`Sample`].
    pub sample: Recipient<Sample>,
    /// Takes [`ChildWeights`].
    pub weights: Recipient<ChildWeights>,
    /// Takes [`PruneHistory`]: the keeper, which the search need not wait for.
    pub prune: Recipient<PruneHistory>,
}

/// A command on its way to the driver, with the place for its answer.
#[derive(Debug)]
pub(super) enum Command {
    Pause(Answer<()>),
    Resume(Answer<()>),
    Checkpoint(Answer<u64>),
    Derive(Answer<Vec<String>>),
    Stop(Answer<()>),
    Score(Score, Answer<ScoreReply>),
    Sample(Sample, Answer<Vec<SampleReply>>),
    Weights(ChildWeights, Answer<Vec<u8>>),
}

/// Where the driver puts its answer.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Refusal>>;
