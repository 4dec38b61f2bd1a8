//! The outbox: what is on its way to the keeper, in the order in which it was handed over.
//!
//! ```text
//! driver, saver ─ record, save, note ─► letters ─ one at a time ─► keeper
//!                                          answers ◄─ each one ──────┘
//! ```
//!
//! A task of its own sends the letters and waits for each answer, whatever becomes of whoever
//! wrote them. So none is lost, none overtakes another, and a disk that hangs holds up the
//! letters and not the search. Of checkpoints only the newest waits: one that has not been sent
//! yet gives way to the next, so that two copies of ω are held at most.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::actors::note::MAX_NOTES;
use crate::actors::{ActorError, Crew, Entered, Note, Record, Recorded, Save, SaveReply};
use crate::search::StepRecord;

/// The number of the step at which the checkpoint resumes, or why there is none, once that is
/// known.
pub(super) type Receipt = oneshot::Receiver<Result<u64, String>>;

/// The way to the keeper. Clones share it.
#[derive(Clone)]
pub(super) struct Outbox(Rc<Letters>);

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

/// What the keeper answered.
pub(super) enum KeeperAnswer {
    /// It was given so many finished steps.
    Recorded { steps: usize, recorded: Recorded },
    /// It was given a checkpoint to write, and the weights of these architectures.
    Saved { entered: Vec<Entered>, reply: Box<SaveReply> },
    /// It was given an event.
    Noted,
    /// It does not answer any more.
    Gone(ActorError),
}

struct Letters {
    waiting: RefCell<VecDeque<Letter>>,
    posted: Notify,
    /// When the letter under way was sent.
    sent: Cell<Option<Instant>>,
    /// A disk that takes longer for one letter is told of.
    patience: Duration,
}

enum Letter {
    Record(Record),
    Save(Save, Vec<oneshot::Sender<Result<u64, String>>>),
    Note(Note),
}

impl Outbox {
    /// An outbox to the keeper of `crew`, and where its answers come.
    pub(super) fn new(
        crew: Crew,
        patience: Duration,
    ) -> (Self, mpsc::UnboundedReceiver<KeeperAnswer>) {
        let letters = Letters {
            waiting: RefCell::default(),
            posted: Notify::new(),
            sent: Cell::default(),
            patience,
        };
        let outbox = Self(Rc::new(letters));
        let (answers, receiver) = mpsc::unbounded_channel();
        actix::spawn(outbox.clone().deliver(crew, answers));
        (outbox, receiver)
    }

    /// Hands over finished steps.
    pub(super) fn record(&self, records: Vec<StepRecord>) {
        self.post(Letter::Record(Record { records }));
    }

    /// Hands over a checkpoint; one that still waits gives way to it, and returns true.
    pub(super) fn save(&self, save: Save) -> (Receipt, bool) {
        let (receipt, given) = oneshot::channel();
        let mut receipts = vec![receipt];
        let mut waiting = self.0.waiting.borrow_mut();
        let older = waiting.iter().position(|letter| matches!(letter, Letter::Save(..)));
        if let Some(Letter::Save(_, older)) = older.and_then(|at| waiting.remove(at)) {
            receipts.extend(older);
        }
        drop(waiting);
        self.post(Letter::Save(save, receipts));
        (given, older.is_some())
    }

    /// Hands over an event, and logs it.
    pub(super) fn note(&self, note: Note) {
        tracing::info!(kind = note.kind, "{}", note.message);
        self.forward(note);
    }

    /// Hands over an event.
    pub(super) fn forward(&self, note: Note) {
        let is_note = |letter: &&Letter| matches!(letter, Letter::Note(_));
        if MAX_NOTES <= self.0.waiting.borrow().iter().filter(is_note).count() {
            tracing::warn!(kind = note.kind, "too many events wait for the disk: this is none");
            return;
        }
        self.post(Letter::Note(note));
    }

    /// Whether a letter is under way or waits.
    pub(super) fn is_busy(&self) -> bool {
        self.0.sent.get().is_some() || !self.0.waiting.borrow().is_empty()
    }

    /// For how long the disk has not answered, where that is longer than it should be.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.0.sent.get().map(|sent| sent.elapsed()).filter(|silence| self.0.patience <= *silence)
    }

    fn post(&self, letter: Letter) {
        self.0.waiting.borrow_mut().push_back(letter);
        self.0.posted.notify_one();
    }

    async fn deliver(self, crew: Crew, answers: mpsc::UnboundedSender<KeeperAnswer>) {
        loop {
            let next = self.0.waiting.borrow_mut().pop_front();
            let Some(letter) = next else {
                self.0.posted.notified().await;
                continue;
            };
            let sent = Instant::now();
            self.0.sent.set(Some(sent));
            let what = letter.what();
            let answer = watched(what, self.0.patience, letter.send(&crew)).await;
            let gone = answer.is_err();
            // Nobody wants the answers once the search is over.
            drop(answers.send(answer.unwrap_or_else(KeeperAnswer::Gone)));
            if gone {
                return;
            }
            self.0.sent.set(None);
            if self.0.patience <= sent.elapsed() {
                self.note(Note::disk_hung(sent.elapsed().as_secs(), what));
            }
        }
    }
}

impl Letter {
    /// In words.
    fn what(&self) -> &'static str {
        match self {
            Self::Record(_) => "finished steps to the history",
            Self::Save(..) => "a checkpoint",
            Self::Note(_) => "an event to the history",
        }
    }

    async fn send(self, crew: &Crew) -> Result<KeeperAnswer, ActorError> {
        match self {
            Self::Record(record) => {
                let steps = record.records.len();
                Ok(KeeperAnswer::Recorded { steps, recorded: crew.record(record).await? })
            }
            Self::Save(save, receipts) => {
                let entered = save.entered.clone();
                let reply = Box::new(crew.save(save).await?);
                let saved = reply.saved.as_ref();
                let saved = saved.map(|saved| saved.step).map_err(ToString::to_string);
                for receipt in receipts {
                    // Whoever asked may have gone.
                    drop(receipt.send(saved.clone()));
                }
                Ok(KeeperAnswer::Saved { entered, reply })
            }
            Self::Note(note) => {
                if let Err(error) = crew.note(note).await? {
                    tracing::warn!(
                        "an event waits: it could not be written to the history: {error}"
                    );
                }
                Ok(KeeperAnswer::Noted)
            }
        }
    }
}

/// Waits for an answer, and warns, ever less often, while it does not come.
async fn watched<T>(
    what: &'static str,
    mut patience: Duration,
    answer: impl Future<Output = T>,
) -> T {
    let (mut answer, sent) = (pin!(answer), Instant::now());
    loop {
        match timeout(patience, &mut answer).await {
            Ok(answer) => return answer,
            Err(_) => patience *= 2,
        }
        tracing::warn!(
            seconds = sent.elapsed().as_secs(),
            "the disk does not answer: {what} is under way; the search goes on unsaved"
        );
    }
}
