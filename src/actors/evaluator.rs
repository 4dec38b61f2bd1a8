//! The evaluator: scores children on validation data with a fixed copy of ω.

use actix::{Actor, Context, Handler};

use crate::actors::Evaluate;
use crate::search::{Score, Scorer, SearchError};

/// Reads ω. All of its logic is in [`Scorer`].
#[derive(Debug)]
pub struct Evaluator {
    scorer: Scorer,
}

impl Evaluator {
    /// An evaluator that scores with `scorer`.
    pub fn new(scorer: Scorer) -> Self {
        Self { scorer }
    }
}

impl Actor for Evaluator {
    type Context = Context<Self>;
}

impl Handler<Evaluate> for Evaluator {
    type Result = Result<Vec<Score>, SearchError>;

    fn handle(&mut self, message: Evaluate, _: &mut Context<Self>) -> Self::Result {
        let Evaluate { archs, shared, on, scored } = message;
        self.scorer.score_counting(&shared.params, &archs, on, &scored)
    }
}
