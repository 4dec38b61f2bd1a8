//! The saver: what the driver hands to the keeper, and when. At most one message is under way;
//! while the disk refuses, steps pile up to a limit and checkpoints are tried ever less often.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::MailboxError;
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::actors::keeper::MAX_BACKLOG;
use crate::actors::observer::Observer;
use crate::actors::{ActorError, Crew, Entered, Record, Recorded, Save, SaveReply, Saved};
use crate::search::{BestChange, SearchState, SharedState, StepRecord};
use crate::store::{Retention, StoreError};
use crate::telemetry::Actor;

/// Finished steps that go to the history in one message: one transaction each.
const RECORDS_A_MESSAGE: usize = 64;

/// A step's record waits no longer than this for its message.
const MAX_RECORD_DELAY: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to save on a disk that refuses.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(5);

/// How often checkpoints are written and which stay. May change while the search runs.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// Time between two checkpoints.
    pub every: Duration,
    /// Which stay.
    pub retention: Retention,
}

/// The message under way.
type UnderWay = Pin<Box<dyn Future<Output = Result<Answer, MailboxError>>>>;

/// Hands finished steps and states to the keeper.
pub(super) struct Saver {
    crew: Crew,
    saving: watch::Receiver<Saving>,
    /// When the last attempt to write a checkpoint ended.
    tried: Instant,
    /// The pause after it, where it failed.
    retry: Option<Duration>,
    records: Vec<StepRecord>,
    oldest_record: Option<Instant>,
    /// Cells whose files the next checkpoint has to write, with the ω that scored them.
    entered: Vec<Entered>,
    under_way: Option<UnderWay>,
    /// Finished steps that the keeper could not write yet.
    backlog: usize,
}

impl std::fmt::Debug for Saver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saver").field("backlog", &self.backlog).finish_non_exhaustive()
    }
}

impl Saver {
    pub(super) fn new(crew: Crew, saving: watch::Receiver<Saving>) -> Self {
        Self {
            crew,
            saving,
            tried: Instant::now(),
            retry: None,
            records: Vec::new(),
            oldest_record: None,
            entered: Vec::new(),
            under_way: None,
            backlog: 0,
        }
    }

    /// Takes a finished step.
    pub(super) fn push(&mut self, record: StepRecord) {
        self.records.push(record);
        self.oldest_record.get_or_insert_with(Instant::now);
    }

    /// Takes the cells that a derivation brought into the best, and the ω that scored them.
    pub(super) fn entered(&mut self, change: &BestChange, shared: &Arc<SharedState>) {
        let entered = change.entered.iter();
        self.entered
            .extend(entered.map(|cell| Entered { id: cell.arch.id(), shared: shared.clone() }));
    }

    /// Whether a checkpoint is due and nothing is under way.
    pub(super) fn is_due(&self) -> bool {
        let pause = self.retry.unwrap_or_else(|| self.every());
        self.under_way.is_none() && pause <= self.tried.elapsed()
    }

    fn every(&self) -> Duration {
        self.saving.borrow().every
    }

    /// Hands `state` to the keeper.
    pub(super) fn save(&mut self, state: SearchState) {
        let message = self.message(state);
        // The message is in the mailbox from here on; the future only fetches the answer.
        let asked = self.crew.metrics.asked(Actor::Keeper);
        let request = self.crew.save.send(message);
        self.under_way = Some(Box::pin(async {
            let _asked = asked;
            request.await.map(|answer| Answer::Save(Box::new(answer)))
        }));
    }

    /// Hands `state` to the keeper and waits. That the disk refuses is no error here: it is
    /// published, and tried again.
    pub(super) async fn save_and_wait(
        &mut self,
        state: SearchState,
        observer: &mut Observer,
    ) -> Result<(), ActorError> {
        self.settle(observer).await?;
        self.save(state);
        self.settle(observer).await
    }

    /// Sends what is ready; takes answers that have come. While too many steps wait for the
    /// disk, waits for it.
    pub(super) async fn poll(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        if let Some(answer) = self.under_way.as_mut().and_then(FutureExt::now_or_never) {
            self.under_way = None;
            self.answered(answer, observer)?;
        }
        if self.under_way.is_none() && self.is_record_ready() {
            self.send_records();
        }
        while MAX_BACKLOG <= self.backlog + self.records.len() {
            self.settle(observer).await?;
            self.send_records();
            self.settle(observer).await?;
            if MAX_BACKLOG <= self.backlog {
                tracing::error!(
                    steps = self.backlog,
                    "the search waits: its history cannot be written"
                );
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        Ok(())
    }

    /// Forgets what was not sent, and waits for what was.
    pub(super) async fn discard(&mut self) {
        self.records.clear();
        self.entered.clear();
        self.oldest_record = None;
        if let Some(under_way) = self.under_way.take() {
            drop(under_way.await);
        }
        self.backlog = 0;
    }

    fn is_record_ready(&self) -> bool {
        let waited = self.oldest_record.is_some_and(|at| MAX_RECORD_DELAY <= at.elapsed());
        waited || RECORDS_A_MESSAGE <= self.records.len()
    }

    fn send_records(&mut self) {
        let records = std::mem::take(&mut self.records);
        self.oldest_record = None;
        let asked = self.crew.metrics.asked(Actor::Keeper);
        let request = self.crew.record.send(Record { records });
        self.under_way = Some(Box::pin(async {
            let _asked = asked;
            request.await.map(Answer::Record)
        }));
    }

    fn message(&mut self, state: SearchState) -> Save {
        let records = std::mem::take(&mut self.records);
        self.oldest_record = None;
        Save { state: state.into(), records, entered: self.entered.clone() }
    }

    /// Waits for the message under way.
    async fn settle(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        let Some(under_way) = self.under_way.take() else { return Ok(()) };
        let answer = under_way.await;
        self.answered(answer, observer)
    }

    fn answered(
        &mut self,
        answer: Result<Answer, MailboxError>,
        observer: &mut Observer,
    ) -> Result<(), ActorError> {
        match answer.map_err(|source| ActorError::Mailbox { actor: "keeper", source })? {
            Answer::Record(recorded) => self.recorded(&recorded, observer),
            Answer::Save(reply) => {
                self.tried = Instant::now();
                self.recorded(&reply.recorded, observer);
                self.saved(reply.saved, observer);
            }
        }
        Ok(())
    }

    fn saved(&mut self, saved: Result<Saved, StoreError>, observer: &mut Observer) {
        match saved {
            Ok(saved) => {
                self.entered.clear();
                self.retry = None;
                observer.saved(&saved);
            }
            Err(error) => {
                let longer = |pause: Duration| (pause * 2).min(MAX_RETRY_DELAY);
                self.retry = Some(self.retry.map_or_else(|| self.every(), longer));
                observer.save_failed(&error);
            }
        }
    }

    fn recorded(&mut self, recorded: &Recorded, observer: &mut Observer) {
        self.backlog = recorded.backlog;
        observer.recorded(recorded);
    }
}

/// What the keeper answered.
enum Answer {
    Record(Recorded),
    Save(Box<SaveReply>),
}
