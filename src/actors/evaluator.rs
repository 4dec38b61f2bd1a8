//! The evaluator: the mailbox of the one that scores architectures.

use actix::{Actor, Context, Handler};

use crate::actors::Evaluate;
use crate::search::{Estimator, Score, SearchError};

/// Scores architectures. All of its logic is in an [`Estimator`].
#[derive(Debug)]
pub struct Evaluator {
    estimator: Box<dyn Estimator>,
}

impl Evaluator {
    /// An evaluator that scores with `estimator`.
    pub fn new(estimator: Box<dyn Estimator>) -> Self {
        Self { estimator }
    }
}

impl Actor for Evaluator {
    type Context = Context<Self>;
}

impl Handler<Evaluate> for Evaluator {
    type Result = Result<Vec<Score>, SearchError>;

    fn handle(&mut self, message: Evaluate, _: &mut Context<Self>) -> Self::Result {
        self.estimator.estimate(&message.job, &message.scored)
    }
}
