//! Who does it, on which thread: thin shells around `search`, the messages between them, and the
//! status that they publish.

mod commands;
mod status;

pub use commands::{
    Checkpoint, ChildWeights, Commands, Derive, Pause, Refusal, Resume, Sample, SampleReply, Score,
    ScoreReply, Stop,
};
pub use status::{
    AdvantageStatus, BestStatus, CheckpointStatus, DataStatus, DeviceStatus, PlaceStatus,
    PolicyStatus, RunState, SharedStatus, Status,
};
