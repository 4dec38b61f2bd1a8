//! The saver: what the driver hands to the keeper, and when. While the disk refuses or hangs,
//! steps pile up to a limit and checkpoints are tried ever less often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::MailboxError;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::actors::observer::Observer;
use crate::actors::outbox::{KeeperAnswer, Outbox, Receipt};
use crate::actors::{ActorError, Crew, Entered, Recorded, Save, Saved, Saving};
use crate::engine::Snapshot;
use crate::search::{BestArchs, SearchState, StepRecord};
use crate::store::{StoreError, Verdicts};

/// Finished steps that are kept in memory while the history cannot be written.
const MAX_BACKLOG: usize = 10_000;

/// Finished steps that go to the history in one message: one transaction each.
const RECORDS_A_MESSAGE: usize = 64;

/// A step's record waits no longer than this for its message.
const MAX_RECORD_DELAY: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to save on a disk that refuses.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(5);

/// The pause between two looks at a disk that is waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Hands finished steps and states to the keeper.
pub(super) struct Saver {
    outbox: Outbox,
    answers: mpsc::UnboundedReceiver<KeeperAnswer>,
    saving: watch::Receiver<Saving>,
    /// When the last attempt to write a checkpoint ended.
    tried: Instant,
    /// The pause after it, where it failed.
    retry: Option<Duration>,
    /// Whether somebody took the newest checkpoint away.
    is_unsaved: bool,
    records: Vec<StepRecord>,
    oldest_record: Option<Instant>,
    /// Best architectures whose files are not known to be on disk.
    entered: Vec<Entered>,
    /// Checkpoints and finished steps that were handed over and not answered yet.
    saves: usize,
    steps: usize,
    /// Finished steps that the keeper could not write yet.
    backlog: usize,
}

impl std::fmt::Debug for Saver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saver").field("backlog", &self.backlog).finish_non_exhaustive()
    }
}

impl Saver {
    pub(super) fn new(
        crew: Crew,
        saving: watch::Receiver<Saving>,
        disk_patience: Duration,
    ) -> Self {
        let (outbox, answers) = Outbox::new(crew, disk_patience);
        Self {
            outbox,
            answers,
            saving,
            tried: Instant::now(),
            retry: None,
            is_unsaved: false,
            records: Vec::new(),
            oldest_record: None,
            entered: Vec::new(),
            saves: 0,
            steps: 0,
            backlog: 0,
        }
    }

    /// The way to the keeper.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Takes a finished step.
    pub(super) fn push(&mut self, record: StepRecord) {
        self.records.push(record);
        self.oldest_record.get_or_insert_with(Instant::now);
    }

    /// Takes those that a derivation brought into the best, which are now `best`. What is
    /// held is bounded by their number.
    pub(super) fn entered(&mut self, entered: Vec<Entered>, best: &BestArchs) {
        self.entered.retain(|older| {
            let replaced = entered.iter().any(|newer| newer.id == older.id);
            !replaced && best.archs().iter().any(|best| best.arch.id() == older.id)
        });
        self.entered.extend(entered);
    }

    /// The weights of one of the best architectures whose files are not known to be on disk.
    pub(super) fn weights(&self, id: &str) -> Option<&Snapshot> {
        self.entered.iter().find(|entered| entered.id == id).map(|entered| &*entered.weights)
    }

    /// Whether a checkpoint is due and none is on its way.
    pub(super) fn is_due(&self) -> bool {
        let is_old = || self.retry.is_none() && self.every() <= self.tried.elapsed();
        self.is_owed() || self.saves == 0 && is_old()
    }

    /// Whether one is due even where no step was taken since the last: that one failed, or is gone.
    pub(super) fn is_owed(&self) -> bool {
        match self.retry {
            Some(pause) => self.saves == 0 && pause <= self.tried.elapsed(),
            None => self.saves == 0 && self.is_unsaved,
        }
    }

    /// The pause between two checkpoints, and between two writings of a trial.
    pub(super) fn every(&self) -> Duration {
        self.saving.borrow().every
    }

    /// Hands `state` to the keeper, after every step that was taken before. That the disk refuses
    /// is no error of the search: it is published, and tried again.
    pub(super) fn save(&mut self, state: SearchState, verdicts: Verdicts) -> Receipt {
        self.send_records();
        let (state, verdicts) = (state.into(), verdicts.into());
        let save = Save { state, entered: self.entered.clone(), verdicts };
        let (receipt, replaced) = self.outbox.save(save);
        self.saves += usize::from(!replaced);
        receipt
    }

    /// Sends what is ready; takes answers that have come.
    pub(super) fn poll(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        while let Ok(answer) = self.answers.try_recv() {
            self.answered(answer, observer)?;
        }
        let waited = self.oldest_record.is_some_and(|at| MAX_RECORD_DELAY <= at.elapsed());
        if waited || RECORDS_A_MESSAGE <= self.records.len() {
            self.send_records();
        }
        observer.disk_silence(self.outbox.silence(), self.backlog + self.steps);
        Ok(())
    }

    /// Whether as many steps as may wait for the disk: then the search has to wait too.
    pub(super) fn is_full(&self) -> bool {
        MAX_BACKLOG <= self.backlog + self.steps + self.records.len()
    }

    /// Has the disk tried again, and waits for it a while.
    pub(super) async fn wait_for_room(
        &mut self,
        observer: &mut Observer,
    ) -> Result<(), ActorError> {
        tracing::error!(
            steps = self.backlog + self.steps,
            "the search waits: its history cannot be written"
        );
        if !self.outbox.is_busy() {
            self.send_records();
        }
        if let Ok(settled) = timeout(LOOK_AGAIN, self.settle(observer)).await {
            settled?;
            if self.is_full() {
                sleep(LOOK_AGAIN).await;
            }
        }
        self.poll(observer)
    }

    /// Waits until there is news of the disk, and asks for it now and then. May be dropped.
    pub(super) async fn news(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        let mut is_news = false;
        while !is_news {
            if let Ok(answer) = timeout(LOOK_AGAIN, self.next_answer()).await {
                self.answered(answer, observer)?;
                is_news = true;
            } else if !self.outbox.is_busy() {
                self.outbox.record(Vec::new());
            }
            self.poll(observer)?;
            is_news |= self.outbox.silence().is_some();
        }
        Ok(())
    }

    /// Waits until all that was handed over is answered. May be dropped.
    pub(super) async fn settle(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        while self.outbox.is_busy() {
            let answer = self.next_answer().await;
            self.answered(answer, observer)?;
        }
        self.poll(observer)
    }

    async fn next_answer(&mut self) -> KeeperAnswer {
        let source = MailboxError::Closed;
        let gone = || KeeperAnswer::Gone(ActorError::Mailbox { actor: "keeper", source });
        self.answers.recv().await.unwrap_or_else(gone)
    }

    /// Forgets what was not sent, and waits for what was.
    pub(super) async fn discard(&mut self, observer: &mut Observer) -> Result<(), ActorError> {
        self.records.clear();
        self.oldest_record = None;
        self.settle(observer).await?;
        self.entered.clear();
        self.backlog = 0;
        Ok(())
    }

    fn send_records(&mut self) {
        let records = std::mem::take(&mut self.records);
        self.oldest_record = None;
        if !records.is_empty() || 0 < self.backlog {
            self.steps += records.len();
            self.outbox.record(records);
        }
    }

    fn answered(
        &mut self,
        answer: KeeperAnswer,
        observer: &mut Observer,
    ) -> Result<(), ActorError> {
        match answer {
            KeeperAnswer::Recorded { steps, recorded } => {
                self.steps -= steps;
                self.recorded(&recorded, observer);
            }
            KeeperAnswer::Saved { entered, reply } => {
                self.tried = Instant::now();
                self.saves -= 1;
                self.recorded(&reply.recorded, observer);
                self.saved(reply.saved, &entered, observer);
            }
            KeeperAnswer::Noted => {}
            KeeperAnswer::Gone(error) => return Err(error),
        }
        Ok(())
    }

    fn saved(
        &mut self,
        saved: Result<Saved, StoreError>,
        entered: &[Entered],
        observer: &mut Observer,
    ) {
        match saved {
            Ok(saved) => {
                let is_saved = |own: &Entered| {
                    entered.iter().any(|saved| Arc::ptr_eq(&saved.weights, &own.weights))
                };
                self.entered.retain(|own| !is_saved(own));
                self.retry = None;
                self.is_unsaved = false;
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
        self.is_unsaved = recorded.is_unsaved;
        observer.recorded(recorded);
    }
}
