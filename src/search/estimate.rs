//! What gives architectures their scores: the rest of the search does not know how.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::search::{Arm, Objective, Sampled, Score, Scored, SearchError, SharedState, archs};
use crate::space::Arch;

/// What children are scored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidSet {
    /// The validation batch with this number.
    Batch(u64),
    /// The whole validation split, in batches of the configured size.
    Whole,
}

/// Architectures that are to be scored, all on the same data.
#[derive(Clone, Debug)]
pub struct Job {
    /// The architectures.
    pub archs: Vec<Arch>,
    /// What they are scored on.
    pub on: ValidSet,
    /// ω as it stands.
    pub shared: Arc<SharedState>,
}

impl Job {
    /// What `arm` drew, with the ω that this arm is scored with.
    pub fn new(arm: Arm, drawn: &[Sampled], on: ValidSet, shared: &Arc<SharedState>) -> Self {
        Self { archs: archs(drawn), on, shared: shared.of(arm) }
    }
}

/// Scores architectures.
pub trait Estimator: fmt::Debug + Send {
    /// The score of every architecture of `job`, in their order. `scored` goes up by one with
    /// each, for whoever wants to know how far it is.
    fn estimate(&mut self, job: &Job, scored: &AtomicU64) -> Result<Vec<Score>, SearchError>;

    /// What was drawn with these scores of its, in the same order, and what `objective` makes of them
    /// where they are measurements.
    fn scored(&self, objective: Objective, drawn: Vec<Sampled>, scores: Vec<Score>) -> Vec<Scored> {
        objective.scored(drawn, scores)
    }
}
