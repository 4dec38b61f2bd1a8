//! The classifier: the mailbox of the one that runs champions' nets on images from outside.
//!
//! It has a thread of its own, and waits for no step. The files are read for each message: they
//! take milliseconds, and no net is ever older than its files.

use std::sync::Arc;

use actix::{Actor, Context, Handler};

use crate::actors::{Predict, PredictReply, Refusal};
use crate::engine::Executor;
use crate::store::{BestFolder, StoreError, open_champion};

/// Classifies images. All of its logic is in [`Predictor`](crate::search::Predictor).
#[derive(Debug)]
pub struct Classifier {
    champions: Arc<BestFolder>,
    exec: Arc<dyn Executor>,
}

impl Classifier {
    /// A classifier with the nets in `champions`, run by `exec`.
    pub fn new(champions: Arc<BestFolder>, exec: Arc<dyn Executor>) -> Self {
        Self { champions, exec }
    }
}

impl Actor for Classifier {
    type Context = Context<Self>;
}

impl Handler<Predict> for Classifier {
    type Result = Result<PredictReply, Refusal>;

    fn handle(&mut self, message: Predict, _: &mut Context<Self>) -> Self::Result {
        let Predict { id, images, top } = message;
        let folder = self.champions.path_of(&id).map_err(|error| failed(&error))?;
        let net = open_champion(&folder, self.exec.clone()).map_err(|error| match error {
            StoreError::NotFound { .. } => {
                Refusal::State { why: format!("the files of the champion {id} are not there") }
            }
            error => failed(&error),
        })?;
        let predictions = net.predictor.predict(&images, top).map_err(|error| failed(&error))?;
        Ok(PredictReply { is_certified: net.is_certified, predictions })
    }
}

fn failed(error: &impl ToString) -> Refusal {
    Refusal::Failed { why: error.to_string() }
}
