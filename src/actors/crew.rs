//! The actors that the controller directs, each by the messages it takes and no more.

use std::sync::Arc;

use actix::{Addr, MailboxError, Recipient};

use crate::actors::{
    AdoptPolicy, Evaluate, Evaluator, Keeper, LoadNewest, Note, Record, Restore, SampleArchs,
    Sampler, Save, TakeSnapshot, TrainShared, Trained, Trainer,
};
use crate::search::{
    SampleRequest, Sampled, Score, SearchError, SearchState, SharedState, SharedStep, ValidSet,
};
use crate::space::Arch;
use crate::store::StoreError;
use crate::telemetry::{Actor, Metrics};

/// Why a step, or the run, cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActorError {
    /// A step failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run is over, and its end is not on disk.
    #[error(
        "the last checkpoint could not be written: {why}. The steps since the newest one are \
         taken again at the next start"
    )]
    Unsaved {
        /// Why.
        why: String,
    },
    /// An actor is gone: its thread panicked.
    #[error("the {actor} does not answer: {source}")]
    Mailbox {
        /// Who.
        actor: &'static str,
        /// Why.
        source: MailboxError,
    },
}

/// The sampler, the trainer, the evaluator and the keeper.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Takes [`AdoptPolicy`]: the sampler.
    pub adopt: Recipient<AdoptPolicy>,
    /// Takes [`SampleArchs`]: the sampler.
    pub sample: Recipient<SampleArchs>,
    /// Takes [`TrainShared`]: the trainer.
    pub train: Recipient<TrainShared>,
    /// Takes [`TakeSnapshot`]: the trainer.
    pub snapshot: Recipient<TakeSnapshot>,
    /// Takes [`Restore`]: the trainer.
    pub restore: Recipient<Restore>,
    /// Takes [`Evaluate`]: the evaluator.
    pub evaluate: Recipient<Evaluate>,
    /// Takes [`Record`]: the keeper.
    pub record: Recipient<Record>,
    /// Takes [`Save`]: the keeper.
    pub save: Recipient<Save>,
    /// Takes [`LoadNewest`]: the keeper.
    pub load: Recipient<LoadNewest>,
    /// Takes [`Note`]: the keeper.
    pub note: Recipient<Note>,
    /// Counts the messages under way.
    pub metrics: Metrics,
}

fn gone(actor: &'static str) -> impl Fn(MailboxError) -> ActorError {
    move |source| ActorError::Mailbox { actor, source }
}

impl Crew {
    /// The crew of these four actors; `metrics` counts the messages to them.
    pub fn new(
        sampler: &Addr<Sampler>,
        trainer: &Addr<Trainer>,
        evaluator: &Addr<Evaluator>,
        keeper: &Addr<Keeper>,
        metrics: &Metrics,
    ) -> Self {
        Self {
            adopt: sampler.clone().recipient(),
            sample: sampler.clone().recipient(),
            train: trainer.clone().recipient(),
            snapshot: trainer.clone().recipient(),
            restore: trainer.clone().recipient(),
            evaluate: evaluator.clone().recipient(),
            record: keeper.clone().recipient(),
            save: keeper.clone().recipient(),
            load: keeper.clone().recipient(),
            note: keeper.clone().recipient(),
            metrics: metrics.clone(),
        }
    }

    /// Draws what the search asks for.
    pub async fn sample(
        &self,
        request: SampleRequest,
        seed: u64,
    ) -> Result<Vec<Sampled>, ActorError> {
        let _asked = self.metrics.asked(Actor::Sampler);
        let answer = self.sample.send(SampleArchs { request, seed }).await;
        Ok(answer.map_err(gone("sampler"))??)
    }

    /// Gives the sampler another θ.
    pub async fn adopt(&self, message: AdoptPolicy) -> Result<(), ActorError> {
        let _asked = self.metrics.asked(Actor::Sampler);
        Ok(self.adopt.send(message).await.map_err(gone("sampler"))??)
    }

    /// Takes one update of ω. The trainer has the message before the answer is awaited.
    pub fn train(
        &self,
        archs: Vec<Arch>,
        step: SharedStep,
    ) -> impl Future<Output = Result<Trained, ActorError>> + use<> {
        let asked = self.metrics.asked(Actor::Trainer);
        let request = self.train.send(TrainShared { archs, step });
        async move {
            let _asked = asked;
            Ok(request.await.map_err(gone("trainer"))??)
        }
    }

    /// Copies ω and its optimizer.
    pub async fn snapshot(&self) -> Result<Arc<SharedState>, ActorError> {
        let _asked = self.metrics.asked(Actor::Trainer);
        Ok(self.snapshot.send(TakeSnapshot).await.map_err(gone("trainer"))??)
    }

    /// Gives the trainer another ω.
    pub async fn restore(&self, message: Restore) -> Result<(), ActorError> {
        let _asked = self.metrics.asked(Actor::Trainer);
        Ok(self.restore.send(message).await.map_err(gone("trainer"))??)
    }

    /// Scores children. The evaluator has the message before the answer is awaited.
    pub fn evaluate(
        &self,
        archs: Vec<Arch>,
        shared: Arc<SharedState>,
        on: ValidSet,
    ) -> impl Future<Output = Result<Vec<Score>, ActorError>> + use<> {
        self.evaluate_counting(Evaluate { archs, shared, on, scored: Arc::default() })
    }

    /// The same for a message that counts the children as they are scored.
    pub fn evaluate_counting(
        &self,
        message: Evaluate,
    ) -> impl Future<Output = Result<Vec<Score>, ActorError>> + use<> {
        let asked = self.metrics.asked(Actor::Evaluator);
        let request = self.evaluate.send(message);
        async move {
            let _asked = asked;
            Ok(request.await.map_err(gone("evaluator"))??)
        }
    }

    /// Reads the newest checkpoint.
    pub async fn load(&self) -> Result<Arc<SearchState>, ActorError> {
        let _asked = self.metrics.asked(Actor::Keeper);
        Ok(self.load.send(LoadNewest).await.map_err(gone("keeper"))??)
    }

    /// Writes an event for people.
    pub async fn note(&self, message: Note) -> Result<(), ActorError> {
        let _asked = self.metrics.asked(Actor::Keeper);
        Ok(self.note.send(message).await.map_err(gone("keeper"))??)
    }
}
