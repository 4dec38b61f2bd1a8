//! What the API asks of the controller. A command waits for at most one step.

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use tokio::sync::oneshot;

use crate::actors::ScoreView;
use crate::search::{Arm, Prediction, TextPrediction};
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
#[derive(Clone, Copy, Debug)]
pub struct Pause;

/// Goes on after [`Pause`].
#[derive(Clone, Copy, Debug)]
pub struct Resume;

/// Writes a checkpoint at once; the reply is the number of the step at which it resumes.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint;

/// Derives once more, beside the schedule; the reply is the ids of the best, best first.
#[derive(Clone, Copy, Debug)]
pub struct Derive;

/// Finishes the step, saves, and ends the run.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// Scores an architecture on the whole validation split with the present ω; it joins the history.
#[derive(Clone, Debug)]
pub struct ScoreArch {
    /// The architecture.
    pub arch: Arch,
    /// The form in which somebody gave it.
    pub form: &'static str,
}

/// What [`ScoreArch`] measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreReply {
    /// What was measured on the validation split.
    pub score: ScoreView,
    /// What the objective makes of it.
    pub reward: f64,
    /// The number of the step before which ω was taken.
    pub step: u64,
}

/// Has an architecture scored with the present ω, and trained from scratch when its turn comes.
#[derive(Clone, Debug)]
pub struct RetrainArch {
    /// The architecture.
    pub arch: Arch,
    /// The form in which somebody gave it.
    pub form: &'static str,
}

/// What [`RetrainArch`] led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetrainReply {
    /// Its place among those that are retrained, counted from 1 with the one under way.
    pub place: u64,
    /// What was measured on the validation split with the shared weights.
    pub score: ScoreView,
    /// Trainable values of each of its nets, without an auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image in them.
    pub multiply_adds: u64,
    /// Passes over the training split.
    pub epochs: u64,
    /// Nets that are trained, each with a seed of its own.
    pub seeds: u64,
    /// The number of the step before which ω was taken.
    pub step: u64,
}

/// Draws architectures without any effect on the search.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How many, 1 to 1000.
    pub count: usize,
    /// Seed of the draw: the same θ and seed give the same architectures.
    pub seed: u64,
    /// Who draws.
    pub arm: Arm,
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
#[derive(Clone, Debug)]
pub struct ChildWeights {
    /// The architecture.
    pub arch: Arch,
    /// Which.
    pub of: WeightsOf,
}

/// The reply to [`ChildWeights`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsReply {
    /// The safetensors file.
    pub bytes: Vec<u8>,
    /// The number of the step before which ω was taken.
    pub step: u64,
}

/// Folds a part of the history's single rows, until they take at most so many bytes: to be asked
/// until it is done. API → Keeper.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Pruned, Refusal>")]
pub struct PruneHistory {
    /// Bytes that single rows may take.
    pub bytes: u64,
}

/// Classifies images with a champion's net. API → Classifier.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<PredictReply, Refusal>")]
pub struct Predict {
    /// The champion's id.
    pub id: String,
    /// Image files.
    pub images: Vec<Vec<u8>>,
    /// How many classes of each image are told, the likeliest first.
    pub top: usize,
}

/// What [`Predict`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictReply {
    /// Whether the champion was measured on the test split.
    pub is_certified: bool,
    /// The likeliest classes of each image, or why it has none.
    pub predictions: Vec<Prediction>,
}

/// Has a champion's net read a text. API → Classifier.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<PredictWordsReply, Refusal>")]
pub struct PredictWords {
    /// The champion's id.
    pub id: String,
    /// The text.
    pub text: Vec<u8>,
    /// How many words are told that may follow the text, the likeliest first.
    pub n_next: usize,
    /// The most words of a text.
    pub limit: usize,
}

/// What [`PredictWords`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictWordsReply {
    /// Whether the champion was measured on the test split.
    pub is_certified: bool,
    /// What the net makes of the text.
    pub prediction: TextPrediction,
}

/// Where the driver puts its answer.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// A message that the controller hands on to the driver.
pub(super) trait Ask: Message<Result = Result<<Self as Ask>::Reply, Refusal>> {
    /// What it is answered with.
    type Reply: Send + 'static;

    /// The same with the place for its answer.
    fn command(self, answer: Answer<Self::Reply>) -> Command;
}

/// Makes of each line, which is a message and its reply, the way from the API to the driver.
macro_rules! commands {
    ($($name:ident: $message:ident => $reply:ty,)*) => {
        /// A command on its way to the driver, with the place for its answer.
        #[derive(Debug)]
        pub(super) enum Command {
            $($message($message, Answer<$reply>),)*
        }

        /// The controller, the keeper and the classifier as the API knows them: each command as a
        /// `Recipient` of its message, and no more.
        #[derive(Clone, Debug)]
        pub struct Commands {
            $($name: Recipient<$message>,)*
            prune: Recipient<PruneHistory>,
            predict: Recipient<Predict>,
            predict_words: Recipient<PredictWords>,
        }

        impl Commands {
            /// The commands of these three. The keeper prunes and the classifier predicts, for
            /// which the search need not wait.
            pub fn new<C, K, P>(
                controller: &Addr<C>,
                keeper: &Addr<K>,
                classifier: &Addr<P>,
            ) -> Self
            where
                C: Actor<Context = Context<C>> $(+ Handler<$message>)*,
                K: Actor<Context = Context<K>> + Handler<PruneHistory>,
                P: Actor<Context = Context<P>> + Handler<Predict> + Handler<PredictWords>,
            {
                Self {
                    $($name: controller.clone().recipient(),)*
                    prune: keeper.clone().recipient(),
                    predict: classifier.clone().recipient(),
                    predict_words: classifier.clone().recipient(),
                }
            }
        }

        $(
            impl Message for $message {
                type Result = Result<$reply, Refusal>;
            }

            impl Ask for $message {
                type Reply = $reply;

                fn command(self, answer: Answer<$reply>) -> Command {
                    Command::$message(self, answer)
                }
            }

            impl AsRef<Recipient<$message>> for Commands {
                fn as_ref(&self) -> &Recipient<$message> {
                    &self.$name
                }
            }
        )*
    };
}

commands! {
    pause: Pause => (),
    resume: Resume => (),
    checkpoint: Checkpoint => u64,
    derive: Derive => Vec<String>,
    stop: Stop => (),
    score: ScoreArch => ScoreReply,
    retrain: RetrainArch => RetrainReply,
    sample: Sample => Vec<SampleReply>,
    weights: ChildWeights => WeightsReply,
}

impl AsRef<Recipient<PruneHistory>> for Commands {
    fn as_ref(&self) -> &Recipient<PruneHistory> {
        &self.prune
    }
}

impl AsRef<Recipient<Predict>> for Commands {
    fn as_ref(&self) -> &Recipient<Predict> {
        &self.predict
    }
}

impl AsRef<Recipient<PredictWords>> for Commands {
    fn as_ref(&self) -> &Recipient<PredictWords> {
        &self.predict_words
    }
}
