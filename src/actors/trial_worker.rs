//! A trial worker: the mailbox of one net that is trained from scratch.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Message, MessageResult};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::process::setpriority_process;
use rustix::thread::gettid;

use crate::data::{NetResult, Receipt};
use crate::search::{SearchError, Trial, TrialPlan, TrialReport, TrialState, TrialTask};

/// Trains a net for one epoch. Controller → trial worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<TrialEpoch, SearchError>")]
pub struct TrainTrial {
    /// Which net, and how.
    pub plan: TrialPlan,
    /// Where it goes on from.
    pub from: TrialStart,
    /// The answer brings the net along where none did for so long. It does so anyway once the net is
    /// finished.
    pub every: Duration,
    /// How long the epoch may take, where that is limited: one that takes longer is broken off.
    pub limit: Option<Duration>,
}

/// Where a trial goes on from.
#[derive(Clone, Debug)]
pub enum TrialStart {
    /// From where this worker left it.
    Here,
    /// From the beginning.
    Scratch,
    /// From here.
    State(Arc<TrialState>),
}

/// An epoch of a trial.
#[derive(Clone, Debug)]
pub struct TrialEpoch {
    /// What it measured; none where it was broken off, or where the net was finished before.
    pub report: Option<TrialReport>,
    /// The net, where it is due or finished.
    pub state: Option<Arc<TrialState>>,
    /// How long it took.
    pub duration: Duration,
}

/// Measures nets on the test split. Controller → trial worker.
#[derive(Debug, Message)]
#[rtype(result = "Certified")]
pub struct Certify {
    /// The nets of one candidate, by seed.
    pub nets: Vec<(TrialPlan, Arc<TrialState>)>,
    /// Leave to look at the test split.
    pub receipt: Receipt,
}

/// What came of [`Certify`].
#[derive(Debug)]
pub struct Certified {
    /// The leave, which is to be given back.
    pub receipt: Receipt,
    /// What each net had right.
    pub nets: Result<Vec<NetResult>, SearchError>,
}

/// Trains one net at a time. All of its logic is in [`Trial`].
#[derive(Debug)]
pub struct TrialWorker {
    task: TrialTask,
    /// Set where training is to be broken off.
    stop: Arc<AtomicBool>,
    trial: Option<Trial>,
    /// When the trial began here, or was last brought along.
    brought: Instant,
    /// The thread that trains; none for all that the process has.
    thread: Option<ThreadPool>,
}

/// The niceness of what takes only what others leave.
const NICEST: i32 = 19;

impl TrialWorker {
    /// A worker that breaks off where `stop` is set.
    pub fn new(task: TrialTask, stop: Arc<AtomicBool>) -> Self {
        Self { task, stop, trial: None, brought: Instant::now(), thread: None }
    }

    /// The same on one thread, which takes only what of the machine is otherwise idle.
    pub fn idle(task: TrialTask, stop: Arc<AtomicBool>) -> io::Result<Self> {
        Ok(Self { thread: Some(idle_thread()?), ..Self::new(task, stop) })
    }

    fn train(&mut self, message: TrainTrial) -> Result<TrialEpoch, SearchError> {
        let start = Instant::now();
        let TrainTrial { plan, from, every, limit } = message;
        let here = self.trial.take().filter(|trial| *trial.plan() == plan);
        let mut trial = if let (TrialStart::Here, Some(trial)) = (&from, here) {
            trial
        } else {
            self.brought = start;
            let state = if let TrialStart::State(state) = &from { Some(&**state) } else { None };
            Trial::new(self.task.clone(), plan, state)?
        };
        let is_late = || limit.is_some_and(|limit| limit < start.elapsed());
        let stop = || self.stop.load(Ordering::Relaxed) || is_late();
        let report = if trial.is_finished() { None } else { trial.epoch(stop)? };
        let is_due = every <= self.brought.elapsed() && report.is_some();
        let state = if trial.is_finished() || is_due {
            self.brought = Instant::now();
            Some(Arc::new(trial.state()?))
        } else {
            None
        };
        // One that was broken off stands in the middle of an epoch.
        self.trial = (report.is_some() && !trial.is_finished()).then_some(trial);
        Ok(TrialEpoch { report, state, duration: start.elapsed() })
    }
}

/// A thread that takes only what others leave.
fn idle_thread() -> io::Result<ThreadPool> {
    let thread = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "idle trial".to_owned());
    let thread = thread.build().map_err(io::Error::other)?;
    thread.install(|| setpriority_process(Some(gettid()), NICEST))?;
    Ok(thread)
}

impl Actor for TrialWorker {
    type Context = Context<Self>;
}

impl Handler<TrainTrial> for TrialWorker {
    type Result = Result<TrialEpoch, SearchError>;

    fn handle(&mut self, message: TrainTrial, _: &mut Context<Self>) -> Self::Result {
        match self.thread.take() {
            Some(thread) => {
                let trained = thread.install(|| self.train(message));
                self.thread = Some(thread);
                trained
            }
            None => self.train(message),
        }
    }
}

impl Handler<Certify> for TrialWorker {
    type Result = MessageResult<Certify>;

    fn handle(&mut self, message: Certify, _: &mut Context<Self>) -> Self::Result {
        let Certify { nets, receipt } = message;
        let measured = nets.iter().map(|(plan, state)| self.task.certify(plan, state, &receipt));
        let nets = measured.collect();
        MessageResult(Certified { receipt, nets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_of_an_idle_worker_is_nice_and_no_other() {
        use rustix::process::getpriority_process;
        let before = getpriority_process(Some(gettid())).unwrap();
        let thread = idle_thread().unwrap();
        assert_eq!(thread.install(|| getpriority_process(Some(gettid()))), Ok(NICEST));
        assert_eq!(getpriority_process(Some(gettid())), Ok(before));
    }
}
