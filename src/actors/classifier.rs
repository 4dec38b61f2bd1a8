//! The classifier: the mailbox of the one that runs champions' nets on images or text from outside.
//!
//! It has a thread of its own, and waits for no step. The files are read for each message: they
//! take milliseconds, and no net is ever older than its files.

use std::sync::Arc;

use actix::{Actor, Context, Handler};

use crate::actors::{Predict, PredictReply, PredictWords, PredictWordsReply, Refusal};
use crate::engine::Executor;
use crate::search::WordFault;
use crate::store::{BestFolder, ChampionNet, StoreError, open_champion};

/// Predicts by champions. All of its logic is in [`Predictor`](crate::search::Predictor) and
/// [`WordPredictor`](crate::search::WordPredictor).
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

    fn open(&self, id: &str) -> Result<ChampionNet, Refusal> {
        let folder = self.champions.path_of(id).map_err(|error| failed(&error))?;
        open_champion(&folder, self.exec.clone()).map_err(|error| match error {
            StoreError::NotFound { .. } => {
                Refusal::State { why: format!("the files of the champion {id} are not there") }
            }
            error => failed(&error),
        })
    }
}

impl Actor for Classifier {
    type Context = Context<Self>;
}

impl Handler<Predict> for Classifier {
    type Result = Result<PredictReply, Refusal>;

    fn handle(&mut self, message: Predict, _: &mut Context<Self>) -> Self::Result {
        let Predict { id, images, top } = message;
        let net = self.open(&id)?;
        let predictor = net.of_images().map_err(|error| wrong(&error))?;
        let predictions = predictor.predict(&images, top).map_err(|error| failed(&error))?;
        Ok(PredictReply { is_certified: net.is_certified, predictions })
    }
}

impl Handler<PredictWords> for Classifier {
    type Result = Result<PredictWordsReply, Refusal>;

    fn handle(&mut self, message: PredictWords, _: &mut Context<Self>) -> Self::Result {
        let PredictWords { id, text, n_next, limit } = message;
        let net = self.open(&id)?;
        let predictor = net.of_words().map_err(|error| wrong(&error))?;
        let prediction = predictor.predict(&text, n_next, limit).map_err(|fault| {
            let why = format!("the text {fault}");
            match fault {
                WordFault::NotANumber | WordFault::Search(_) => Refusal::Failed { why },
                _ => Refusal::Request { why },
            }
        })?;
        Ok(PredictWordsReply { is_certified: net.is_certified, prediction })
    }
}

fn wrong(error: &impl ToString) -> Refusal {
    Refusal::Request { why: error.to_string() }
}

fn failed(error: &impl ToString) -> Refusal {
    Refusal::Failed { why: error.to_string() }
}
