//! The queue of trials between whoever wants nets trained and the workers that train them.
//!
//! ```text
//! owner   submit ─► waiting ─► lease ─► renew after each epoch ─► complete ─► result, once
//!                      ▲                   │ a worker that is silent for too long
//!                      └───────────────────┘ is taken for dead: another one leases it
//! ```
//!
//! A trial has the name of its content ([`TrialTask::key`](crate::search::TrialTask::key)): whoever
//! trains it comes to the same. A lease has a number, and only the last one given counts: a worker that
//! was taken for dead and comes back is told so, and its result is refused.
//!
//! Nothing here knows whether workers are threads or machines, and nothing looks at a clock: callers
//! say what time it is. [`LocalTrials`] is the queue within one process.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, unbounded};

use crate::search::{ChildResult, TrialPlan};

/// A trial that is to be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// The name of its content.
    pub key: String,
    /// Which net, and how.
    pub plan: TrialPlan,
}

/// The right to carry out a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// What is leased.
    pub ticket: Ticket,
    /// Who has it.
    pub worker: u64,
    /// The number of the lease: of two of one trial, only the later counts.
    pub number: u64,
}

/// A trial, and what came of it.
pub type Completed = (Ticket, ChildResult);

/// A queue of trials. Errors are of the way to the queue; nothing has happened then.
pub trait Trials: fmt::Debug + Send + Sync {
    /// Has a trial wait for a worker, unless one of its key waits, is leased, or has a result that
    /// nobody took.
    fn submit(&self, ticket: Ticket) -> io::Result<()>;

    /// Gives `worker` the trial that waits longest; nothing where none does.
    fn lease(&self, worker: u64, now: Duration) -> io::Result<Option<Lease>>;

    /// Says that the worker is alive. False where the lease counts no more: whoever has it is to stop.
    fn renew(&self, lease: &Lease, now: Duration) -> io::Result<bool>;

    /// Hands in what came of a trial. False where the lease counts no more, and the result neither.
    fn complete(&self, lease: &Lease, result: ChildResult) -> io::Result<bool>;

    /// Withdraws a trial, whether it waits or is leased.
    fn cancel(&self, key: &str) -> io::Result<()>;

    /// The next result, each once; nothing where there is none. The trial may then be submitted anew.
    fn result(&self) -> io::Result<Option<Completed>>;
}

/// How a trial stands that is not over.
#[derive(Debug)]
enum Standing {
    Waiting,
    Leased { lease: Lease, until: Duration },
    Completed,
}

/// A queue for the threads of this process.
#[derive(Debug)]
pub struct LocalTrials {
    waiting: (Sender<Ticket>, Receiver<Ticket>),
    results: (Sender<Completed>, Receiver<Completed>),
    books: Mutex<Books>,
    /// How long a worker may be silent.
    patience: Duration,
}

#[derive(Debug, Default)]
struct Books {
    /// By key. What is in the channel and not waiting here was withdrawn.
    standing: BTreeMap<String, Standing>,
    leases: u64,
}

impl LocalTrials {
    /// An empty queue, for which a worker is dead that gave no sign of life for longer than
    /// `patience`.
    pub fn new(patience: Duration) -> Self {
        let (waiting, results) = (unbounded(), unbounded());
        Self { waiting, results, books: Mutex::default(), patience }
    }

    /// A panic while the books were held has ended the process.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, ticket: Ticket) -> io::Result<()> {
        self.waiting.0.send(ticket).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Has those wait again whose workers are silent for too long, in the order of their leases.
    fn take_back(&self, books: &mut Books, now: Duration) -> io::Result<()> {
        let mut late: Vec<Lease> = Vec::new();
        for standing in books.standing.values_mut() {
            if let Standing::Leased { lease, until } = standing
                && *until < now
            {
                late.push(lease.clone());
                *standing = Standing::Waiting;
            }
        }
        late.sort_by_key(|lease| lease.number);
        late.into_iter().try_for_each(|lease| self.wait(lease.ticket))
    }
}

impl Books {
    /// Whether a lease is the last that was given of its trial.
    fn counts(&self, lease: &Lease) -> bool {
        match self.standing.get(&lease.ticket.key) {
            Some(Standing::Leased { lease: last, .. }) => last.number == lease.number,
            Some(Standing::Waiting | Standing::Completed) | None => false,
        }
    }
}

impl Trials for LocalTrials {
    fn submit(&self, ticket: Ticket) -> io::Result<()> {
        let mut books = self.books();
        if books.standing.contains_key(&ticket.key) {
            return Ok(());
        }
        books.standing.insert(ticket.key.clone(), Standing::Waiting);
        self.wait(ticket)
    }

    fn lease(&self, worker: u64, now: Duration) -> io::Result<Option<Lease>> {
        let mut books = self.books();
        self.take_back(&mut books, now)?;
        while let Ok(ticket) = self.waiting.1.try_recv() {
            let number = books.leases + 1;
            let Some(standing) = books.standing.get_mut(&ticket.key) else { continue };
            if matches!(standing, Standing::Waiting) {
                let lease = Lease { ticket, worker, number };
                let until = now.saturating_add(self.patience);
                *standing = Standing::Leased { lease: lease.clone(), until };
                books.leases = number;
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    fn renew(&self, lease: &Lease, now: Duration) -> io::Result<bool> {
        let mut books = self.books();
        let counts = books.counts(lease);
        if counts
            && let Some(Standing::Leased { until, .. }) = books.standing.get_mut(&lease.ticket.key)
        {
            *until = now.saturating_add(self.patience);
        }
        Ok(counts)
    }

    fn complete(&self, lease: &Lease, result: ChildResult) -> io::Result<bool> {
        let mut books = self.books();
        if !books.counts(lease) {
            return Ok(false);
        }
        books.standing.insert(lease.ticket.key.clone(), Standing::Completed);
        let result = (lease.ticket.clone(), result);
        self.results.0.send(result).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(true)
    }

    fn cancel(&self, key: &str) -> io::Result<()> {
        let mut books = self.books();
        if !matches!(books.standing.get(key), Some(Standing::Completed)) {
            books.standing.remove(key);
        }
        Ok(())
    }

    fn result(&self) -> io::Result<Option<Completed>> {
        let Ok(result) = self.results.1.try_recv() else { return Ok(None) };
        self.books().standing.remove(&result.0.key);
        Ok(Some(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Failure, FinalConfig};
    use crate::space::Space;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn ticket(key: &str) -> Ticket {
        let [space, ..] = Space::each();
        let (arch, recipe) = (space.first_arch(), FinalConfig::default());
        Ticket { key: key.to_owned(), plan: TrialPlan { arch, seed: 0, recipe } }
    }

    fn queue(keys: &[&str]) -> LocalTrials {
        let queue = LocalTrials::new(PATIENCE);
        for key in keys {
            queue.submit(ticket(key)).unwrap();
        }
        queue
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn leased(queue: &LocalTrials, worker: u64, seconds: u64) -> Option<Lease> {
        queue.lease(worker, at(seconds)).unwrap()
    }

    const RESULT: ChildResult = Err(Failure::NotFinite);

    #[test]
    fn trials_are_leased_in_their_order_once_each_and_have_one_result() {
        let queue = queue(&["a", "b", "a"]);
        let first = leased(&queue, 1, 0).unwrap();
        assert_eq!((first.ticket.key.as_str(), first.worker), ("a", 1));
        assert_eq!(leased(&queue, 2, 0).unwrap().ticket.key, "b");
        assert_eq!(leased(&queue, 3, 0), None);
        assert!(queue.complete(&first, RESULT).unwrap());
        assert!(!queue.complete(&first, RESULT).unwrap(), "twice");
        // Until somebody takes the result it is known.
        queue.submit(ticket("a")).unwrap();
        assert_eq!(leased(&queue, 1, 0), None);
        assert_eq!(queue.result().unwrap(), Some((ticket("a"), RESULT)));
        assert_eq!(queue.result().unwrap(), None);
        queue.submit(ticket("a")).unwrap();
        assert_eq!(leased(&queue, 1, 0).unwrap().ticket.key, "a");
    }

    #[test]
    fn a_worker_that_is_silent_is_taken_for_dead_and_does_not_count_when_it_comes_back() {
        let queue = queue(&["a", "b"]);
        let [late, alive] = [1, 2].map(|worker| leased(&queue, worker, 0).unwrap());
        assert!(queue.renew(&alive, at(9)).unwrap());
        let second = leased(&queue, 3, 11).unwrap();
        assert_eq!((second.ticket.key.as_str(), leased(&queue, 4, 11)), ("a", None));
        assert!(!queue.renew(&late, at(12)).unwrap() && !queue.complete(&late, RESULT).unwrap());
        assert!(queue.complete(&second, RESULT).unwrap());
        assert!(queue.complete(&alive, RESULT).unwrap(), "it has renewed its lease");
        let results = std::iter::from_fn(|| queue.result().unwrap());
        assert_eq!(results.map(|(ticket, _)| ticket.key).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_withdrawn_is_leased_by_nobody_and_has_no_result() {
        let queue = queue(&["a", "b"]);
        queue.cancel("a").unwrap();
        let lease = leased(&queue, 1, 0).unwrap();
        assert_eq!(lease.ticket.key, "b");
        queue.cancel("b").unwrap();
        assert!(!queue.renew(&lease, at(1)).unwrap() && !queue.complete(&lease, RESULT).unwrap());
        // Anew, and only once, though it is in the channel twice.
        queue.submit(ticket("a")).unwrap();
        assert_eq!(leased(&queue, 1, 0).unwrap().ticket.key, "a");
        assert_eq!((leased(&queue, 2, 0), queue.result().unwrap()), (None, None));
        // A result that is there stays: somebody worked for it.
        queue.submit(ticket("c")).unwrap();
        let lease = leased(&queue, 1, 0).unwrap();
        assert!(queue.complete(&lease, RESULT).unwrap());
        queue.cancel("c").unwrap();
        assert_eq!(queue.result().unwrap(), Some((ticket("c"), RESULT)));
    }
}
