//! The commands that a key can give.

use enasd::actors::nth;
use enasd::api::wire::{CheckpointResult, Done};
use enasd::api::{ApiError, Client};

/// A command that a key can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Stops taking steps.
    Pause,
    /// Goes on.
    Resume,
    /// Writes a checkpoint.
    Checkpoint,
}

impl Command {
    /// The verb of `enasctl` that does the same.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// What is asked before.
    pub(crate) const fn question(self) -> &'static str {
        match self {
            Self::Pause => "Pause the search after the step under way?",
            Self::Resume => "Go on with the search?",
            Self::Checkpoint => "Write a checkpoint now?",
        }
    }

    /// Has it done; the answer in words.
    pub(crate) async fn send(self, daemon: Client) -> Result<String, ApiError> {
        let path = format!("/v1/{}", self.name());
        match self {
            Self::Pause | Self::Resume => {
                let done: Done = daemon.command(&path).await?;
                Ok(done.message)
            }
            Self::Checkpoint => {
                let CheckpointResult { step } = daemon.command(&path).await?;
                Ok(format!("a checkpoint is written; it resumes at search step {}", nth(step)))
            }
        }
    }
}
