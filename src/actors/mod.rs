//! Who does it, on which thread: thin shells around `search`, the messages between them, and the
//! status that they publish.

mod archive;
mod asked;
mod champion_shelf;
mod children;
mod children_status;
mod children_watch;
mod classifier;
mod command;
mod commands;
mod comparison;
mod controller;
mod crew;
mod derivation;
mod diagnosis_status;
mod driver;
mod entering;
mod evaluator;
mod finals_status;
mod idle_trials;
mod keeper;
mod keeper_mail;
mod messages;
mod note;
mod observation;
mod observer;
mod outbox;
mod pace;
mod picks;
mod place;
mod place_span;
mod promoting;
mod recent;
mod recovery;
mod retraining;
mod sampler;
mod saver;
mod saving;
mod score_view;
mod shelf;
mod status;
mod trainer;
mod trial_worker;

pub use archive::Archive;
pub use children_status::ChildrenStatus;
pub use classifier::Classifier;
pub use commands::{
    Checkpoint, ChildWeights, Commands, Derive, Pause, Predict, PredictReply, PredictWords,
    PredictWordsReply, PruneHistory, Refusal, Resume, RetrainArch, RetrainReply, Sample,
    SampleReply, ScoreArch, ScoreReply, Stop, WeightsOf, WeightsReply,
};
pub use comparison::difference_text;
pub use controller::{Controller, End};
pub use crew::{ActorError, Crew, TrialWorkers};
pub use diagnosis_status::{DiagnosisStatus, LearntStatus};
pub use driver::DriverConfig;
pub use evaluator::Evaluator;
pub use finals_status::{
    ChampionStatus, FinalsStatus, RankCorrelationStatus, RetrainedStatus, RetrainingStatus,
    TrialStatus,
};
pub use keeper::{Keeper, KeeperFiles};
pub use messages::{
    AdoptDrawer, CloseHistory, CloseTest, Entered, Evaluate, Inject, LoadNewest, LoadTrial,
    OpenTest, Record, RecordPromotion, Recorded, Restore, SampleArchs, Save, SaveReply, SaveTrial,
    Saved, TakeSnapshot, TrainShared, Trained,
};
pub use note::{LastRun, Note};
pub use observer::Observer;
pub use picks::{OptionStatus, PickStatus};
pub use place::{PlaceStatus, nth};
pub use sampler::Sampler;
pub use saving::Saving;
pub use score_view::ScoreView;
pub use status::{
    AdvantageStatus, BestStatus, CheckpointStatus, DataStatus, DerivationStatus, DeviceStatus,
    PolicyStatus, ProcessStatus, RunState, SharedStatus, Status,
};
pub use trainer::Trainer;
pub use trial_worker::{Certified, Certify, TrainTrial, TrialEpoch, TrialStart, TrialWorker};
