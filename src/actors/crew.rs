//! The actors that the controller directs, each by the messages it takes and no more.

use std::sync::Arc;

use actix::{Addr, MailboxError, Message, Recipient};

use crate::actors::{
    AdoptDrawer, Certified, Certify, CloseTest, Evaluate, Evaluator, Inject, Keeper, LoadNewest,
    LoadTrial, Note, OpenTest, Record, RecordPromotion, Recorded, Restore, SampleArchs, Sampler,
    Save, SaveReply, SaveTrial, TakeSnapshot, TrainShared, TrainTrial, Trained, Trainer,
    TrialEpoch, TrialWorker,
};
use crate::data::{Certificate, NetResult, Opening, Receipt};
use crate::search::{
    DrawRequest, Drawn, Job, Limit, Redrawn, Sampled, Score, SearchError, SearchState, SharedState,
    SharedStep, TrialState,
};
use crate::space::Arch;
use crate::store::StoreError;
use crate::telemetry::{Actor, Asked, CostLabel, Metrics};

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
    /// The queue of trials does not answer.
    #[error("the queue of trials does not answer: {0}")]
    Trials(#[source] std::io::Error),
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

/// The sampler, the trainer, the evaluator, the trial workers and the keeper.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Takes [`AdoptDrawer`]: the sampler.
    pub adopt: Recipient<AdoptDrawer>,
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
    /// Takes [`Inject`]: the keeper.
    pub inject: Recipient<Inject>,
    /// Takes [`SaveTrial`]: the keeper.
    pub save_trial: Recipient<SaveTrial>,
    /// Takes [`RecordPromotion`]: the keeper.
    pub record_promotion: Recipient<RecordPromotion>,
    /// Takes [`LoadTrial`]: the keeper.
    pub load_trial: Recipient<LoadTrial>,
    /// Takes [`OpenTest`]: the keeper.
    pub open_test: Recipient<OpenTest>,
    /// Takes [`CloseTest`]: the keeper.
    pub close_test: Recipient<CloseTest>,
    /// Take [`TrainTrial`]: the trial workers.
    pub trials: Vec<Recipient<TrainTrial>>,
    /// Take [`TrainTrial`]: the workers that train the children of the search from scratch; none where
    /// they share weights.
    pub children: Vec<Recipient<TrainTrial>>,
    /// Takes [`TrainTrial`]: the trial worker that takes what of the machine is otherwise idle;
    /// none where no sample is retrained.
    pub idle_trial: Option<Recipient<TrainTrial>>,
    /// Takes [`Certify`]: one of the trial workers; none where there are none.
    pub certify: Option<Recipient<Certify>>,
    /// Counts the messages under way.
    pub metrics: Metrics,
}

/// Who trains nets from scratch.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrialWorkers<'a> {
    /// Those that are promoted.
    pub finals: &'a [Addr<TrialWorker>],
    /// The children of the search.
    pub children: &'a [Addr<TrialWorker>],
    /// The stratified sample.
    pub idle: Option<&'a Addr<TrialWorker>>,
}

fn recipients(workers: &[Addr<TrialWorker>]) -> Vec<Recipient<TrainTrial>> {
    workers.iter().map(|worker| worker.clone().recipient()).collect()
}

impl Crew {
    /// The crew of these actors; `metrics` counts the messages to them.
    pub fn new(
        (sampler, trainer): (&Addr<Sampler>, &Addr<Trainer>),
        evaluator: &Addr<Evaluator>,
        workers: TrialWorkers<'_>,
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
            inject: keeper.clone().recipient(),
            save_trial: keeper.clone().recipient(),
            record_promotion: keeper.clone().recipient(),
            load_trial: keeper.clone().recipient(),
            open_test: keeper.clone().recipient(),
            close_test: keeper.clone().recipient(),
            trials: recipients(workers.finals),
            children: recipients(workers.children),
            idle_trial: workers.idle.map(|worker| worker.clone().recipient()),
            certify: workers.finals.first().map(|worker| worker.clone().recipient()),
            metrics: metrics.clone(),
        }
    }

    /// Sends a message, which is in the mailbox when this returns, and sees to its answer even
    /// where nobody waits for it any more: actix passes over a message whose asker is gone.
    fn ask<M>(
        &self,
        actor: Actor,
        recipient: &Recipient<M>,
        message: M,
    ) -> impl Future<Output = Result<M::Result, ActorError>> + use<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        send(actor, Some(self.metrics.asked(actor)), recipient, message)
    }

    /// Draws what the search asks for, and counts what was over a limit.
    pub async fn sample(
        &self,
        request: DrawRequest,
        seed: u64,
    ) -> Result<Vec<Sampled>, ActorError> {
        let Drawn { sampled, redrawn } = self.draw(request, seed).await?;
        count_redrawn(&redrawn, &self.metrics);
        Ok(sampled)
    }

    /// The same for a draw that is no part of the search.
    pub(super) async fn draw(&self, request: DrawRequest, seed: u64) -> Result<Drawn, ActorError> {
        let message = SampleArchs { request, seed };
        Ok(self.ask(Actor::Sampler, &self.sample, message).await??)
    }

    /// Gives the sampler what the strategy draws from now.
    pub async fn adopt(&self, message: AdoptDrawer) -> Result<(), ActorError> {
        self.ask(Actor::Sampler, &self.adopt, message).await
    }

    /// Takes one update of ω, and counts what was over a limit for that of the control arm's. The
    /// trainer has the message before the answer is awaited.
    pub fn train(
        &self,
        archs: Vec<Arch>,
        step: SharedStep,
    ) -> impl Future<Output = Result<Trained, ActorError>> + use<> {
        let trained = self.ask(Actor::Trainer, &self.train, TrainShared { archs, step });
        let metrics = self.metrics.clone();
        async move {
            let trained = trained.await??;
            if let Some(control) = &trained.report.control {
                count_redrawn(&control.redrawn, &metrics);
            }
            Ok(trained)
        }
    }

    /// Copies ω and its optimizer.
    pub async fn snapshot(&self) -> Result<Arc<SharedState>, ActorError> {
        Ok(self.ask(Actor::Trainer, &self.snapshot, TakeSnapshot).await??)
    }

    /// Gives the trainer another ω.
    pub async fn restore(&self, message: Restore) -> Result<(), ActorError> {
        Ok(self.ask(Actor::Trainer, &self.restore, message).await??)
    }

    /// Scores architectures. The evaluator has the message before the answer is awaited.
    pub fn evaluate(
        &self,
        job: Job,
    ) -> impl Future<Output = Result<Vec<Score>, ActorError>> + use<> {
        self.evaluate_counting(Evaluate { job, scored: Arc::default() })
    }

    /// The same for a message that counts them as they are scored.
    pub fn evaluate_counting(
        &self,
        message: Evaluate,
    ) -> impl Future<Output = Result<Vec<Score>, ActorError>> + use<> {
        let scores = self.ask(Actor::Evaluator, &self.evaluate, message);
        async { Ok(scores.await??) }
    }

    /// Writes finished steps.
    pub(super) async fn record(&self, message: Record) -> Result<Recorded, ActorError> {
        self.ask(Actor::Keeper, &self.record, message).await
    }

    /// Writes a checkpoint.
    pub(super) async fn save(&self, message: Save) -> Result<SaveReply, ActorError> {
        self.ask(Actor::Keeper, &self.save, message).await
    }

    /// Reads the newest checkpoint.
    pub async fn load(&self) -> Result<Arc<SearchState>, ActorError> {
        Ok(self.ask(Actor::Keeper, &self.load, LoadNewest).await??)
    }

    /// Writes an event for people.
    pub(super) async fn note(&self, message: Note) -> Result<Result<(), StoreError>, ActorError> {
        self.ask(Actor::Keeper, &self.note, message).await
    }

    /// Writes a score to the history. The keeper has the message before the answer is awaited.
    pub(super) fn inject(
        &self,
        message: Inject,
    ) -> impl Future<Output = Result<Result<(), StoreError>, ActorError>> + use<> {
        self.ask(Actor::Keeper, &self.inject, message)
    }

    /// Has a trial worker train a net for an epoch. No sign of life is wanted of the idle one: a
    /// busy machine may leave it nothing for long.
    pub(super) fn train_trial(
        &self,
        worker: &Recipient<TrainTrial>,
        is_idle: bool,
        message: TrainTrial,
    ) -> impl Future<Output = Result<TrialEpoch, ActorError>> + use<> {
        let asked = (!is_idle).then(|| self.metrics.asked(Actor::Trials));
        let trained = send(Actor::Trials, asked, worker, message);
        async { Ok(trained.await??) }
    }

    /// Measures nets on the test split.
    pub(super) async fn certify(&self, message: Certify) -> Result<Certified, ActorError> {
        let gone =
            ActorError::Mailbox { actor: Actor::Trials.name(), source: MailboxError::Closed };
        let certify = self.certify.as_ref().ok_or(gone)?;
        self.ask(Actor::Trials, certify, message).await
    }

    /// Writes the files of a trial.
    pub(super) fn save_trial(
        &self,
        message: SaveTrial,
    ) -> impl Future<Output = Result<Result<(), StoreError>, ActorError>> + use<> {
        self.ask(Actor::Keeper, &self.save_trial, message)
    }

    /// Writes what promotions led to.
    pub(super) fn record_promotion(
        &self,
        message: RecordPromotion,
    ) -> impl Future<Output = Result<Result<(), StoreError>, ActorError>> + use<> {
        self.ask(Actor::Keeper, &self.record_promotion, message)
    }

    /// Reads the files of a trial, if there are any.
    pub(super) async fn load_trial(
        &self,
        key: String,
    ) -> Result<Option<Arc<TrialState>>, ActorError> {
        Ok(self.ask(Actor::Keeper, &self.load_trial, LoadTrial { key }).await??)
    }

    /// Asks for leave to look at the test split.
    pub(super) async fn open_test(
        &self,
        message: OpenTest,
    ) -> Result<Result<Opening, StoreError>, ActorError> {
        self.ask(Actor::Keeper, &self.open_test, message).await
    }

    /// Gives the leave back, with what was seen.
    pub(super) async fn close_test(
        &self,
        receipt: Receipt,
        nets: Vec<NetResult>,
    ) -> Result<Result<Certificate, StoreError>, ActorError> {
        self.ask(Actor::Keeper, &self.close_test, CloseTest { receipt, nets }).await
    }
}

/// Counts what was over a limit when architectures were drawn.
fn count_redrawn(redrawn: &Redrawn, metrics: &Metrics) {
    for (limit, archs) in redrawn.iter() {
        let cost = match limit {
            Limit::Params => CostLabel::Params,
            Limit::MultiplyAdds => CostLabel::MultiplyAdds,
            Limit::Milliseconds => CostLabel::Milliseconds,
        };
        metrics.archs_redrawn(cost, archs);
    }
}

/// Sends a message as [`Crew::ask`] does. Signs of life are wanted of the actor only as long as there
/// is `asked`.
fn send<M>(
    actor: Actor,
    asked: Option<Asked>,
    recipient: &Recipient<M>,
    message: M,
) -> impl Future<Output = Result<M::Result, ActorError>> + use<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    let request = recipient.send(message);
    let answer = actix::spawn(async {
        let _asked = asked;
        request.await
    });
    async move {
        let answer = answer.await.unwrap_or(Err(MailboxError::Closed));
        answer.map_err(|source| ActorError::Mailbox { actor: actor.name(), source })
    }
}
