//! The trainer: the mailbox of the one owner of ω.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};

use crate::actors::{Restore, TakeSnapshot, TrainShared, Trained};
use crate::search::{SearchError, SharedLearner, SharedState};

/// Owns ω. All of its logic is in [`SharedLearner`].
#[derive(Debug)]
pub struct Trainer {
    learner: SharedLearner,
    /// When the last update was answered, if nothing else was asked since.
    answered: Option<Instant>,
}

impl Trainer {
    /// The owner of `learner`'s ω.
    pub fn new(learner: SharedLearner) -> Self {
        Self { learner, answered: None }
    }
}

impl Actor for Trainer {
    type Context = Context<Self>;
}

impl Handler<TrainShared> for Trainer {
    type Result = Result<Trained, SearchError>;

    fn handle(&mut self, message: TrainShared, _: &mut Context<Self>) -> Self::Result {
        let start = Instant::now();
        let waited = self.answered.map_or(Duration::ZERO, |answered| start - answered);
        let report = self.learner.train(&message.archs, message.step)?;
        self.answered = Some(Instant::now());
        Ok(Trained { report, busy: start.elapsed(), waited })
    }
}

impl Handler<TakeSnapshot> for Trainer {
    type Result = Result<Arc<SharedState>, SearchError>;

    fn handle(&mut self, _: TakeSnapshot, _: &mut Context<Self>) -> Self::Result {
        self.answered = None;
        self.learner.state().map(Arc::new)
    }
}

impl Handler<Restore> for Trainer {
    type Result = Result<(), SearchError>;

    fn handle(&mut self, message: Restore, _: &mut Context<Self>) -> Self::Result {
        self.answered = None;
        self.learner.restore(&message.shared, message.batch)
    }
}
