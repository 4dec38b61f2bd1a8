//! How the driver retrains: which worker trains which net, and which nets are at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::Recipient;
use tokio::sync::mpsc;

use crate::actors::{ActorError, Crew, TrainTrial, TrialEpoch, TrialStart, TrialStatus};
use crate::search::{
    ChildResult, Failure, Lease, LocalTrials, StandAlone, Ticket, TrialPlan, TrialState, TrialTask,
    Trials, result_of,
};

/// The trials under way, and the nets of those that are finished.
pub(super) struct Retraining {
    task: TrialTask,
    crew: Crew,
    workers: Vec<Recipient<TrainTrial>>,
    is_idle: bool,
    /// How long a net may be trained, where that is limited.
    limit: Option<Duration>,
    /// What waits for a worker. Workers are threads of this process: none of them dies alone.
    queue: LocalTrials,
    /// The keys of what was put there, and is not over.
    submitted: BTreeSet<String>,
    /// What each worker is at; none where it has nothing to do.
    slots: Vec<Option<Slot>>,
    answers: mpsc::UnboundedReceiver<Answer>,
    answer: mpsc::UnboundedSender<Answer>,
    /// Set while training is to be broken off.
    stop: Arc<AtomicBool>,
    /// Finished nets of the promotion under way, by key.
    nets: BTreeMap<String, Arc<TrialState>>,
}

/// What a worker answered.
type Answer = (usize, Result<TrialEpoch, ActorError>);

/// A trial at a worker.
struct Slot {
    lease: Lease,
    status: TrialStatus,
    /// Whether an epoch is under way.
    is_busy: bool,
    /// How long its epochs took here.
    spent: Duration,
}

/// An epoch that is over.
pub(super) struct Finished {
    pub(super) plan: TrialPlan,
    pub(super) key: String,
    pub(super) epoch: TrialEpoch,
}

impl std::fmt::Debug for Retraining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retraining").field("nets", &self.nets.len()).finish_non_exhaustive()
    }
}

impl Retraining {
    /// Trains with the workers of `crew`, which break off where `stop` is set.
    pub(super) fn new(task: TrialTask, crew: Crew, stop: Arc<AtomicBool>) -> Self {
        let workers = crew.trials.clone();
        Self::with_workers(task, crew, workers, false, stop)
    }

    /// The same with the workers of `crew` that train the children of the search, each for no longer
    /// than it may be.
    pub(super) fn of_children(alone: &StandAlone, crew: Crew, stop: Arc<AtomicBool>) -> Self {
        let workers = crew.children.clone();
        let all = Self::with_workers(alone.task().clone(), crew, workers, false, stop);
        Self { limit: alone.limit(), ..all }
    }

    /// The same with the worker of `crew` that takes what of the machine is otherwise idle.
    pub(super) fn idle(task: TrialTask, crew: Crew, stop: Arc<AtomicBool>) -> Self {
        let workers = crew.idle_trial.iter().cloned().collect();
        Self::with_workers(task, crew, workers, true, stop)
    }

    fn with_workers(
        task: TrialTask,
        crew: Crew,
        workers: Vec<Recipient<TrainTrial>>,
        is_idle: bool,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        let slots = workers.iter().map(|_| None).collect();
        let queue = LocalTrials::new(Duration::MAX);
        Self {
            task,
            crew,
            workers,
            is_idle,
            limit: None,
            queue,
            submitted: BTreeSet::new(),
            slots,
            answers,
            answer,
            stop,
            nets: BTreeMap::new(),
        }
    }

    /// What is trained on.
    pub(super) fn task(&self) -> &TrialTask {
        &self.task
    }

    /// The trials under way, for people.
    pub(super) fn running(&self) -> Vec<TrialStatus> {
        self.slots.iter().flatten().map(|slot| slot.status.clone()).collect()
    }

    /// Whether an epoch is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.slots.iter().flatten().any(|slot| slot.is_busy)
    }

    /// Has `plans` wait for workers, and what was to be trained before no more.
    pub(super) fn submit(&mut self, plans: &[TrialPlan]) -> Result<(), ActorError> {
        let mut wanted = BTreeSet::new();
        for plan in plans {
            let key = self.task.key(plan);
            wanted.insert(key.clone());
            if self.submitted.insert(key.clone()) {
                let ticket = Ticket { key, plan: plan.clone() };
                self.queue.submit(ticket).map_err(ActorError::Trials)?;
            }
        }
        let others: Vec<String> = self.submitted.difference(&wanted).cloned().collect();
        others.iter().try_for_each(|key| self.cancel(key))
    }

    fn cancel(&mut self, key: &str) -> Result<(), ActorError> {
        self.submitted.remove(key);
        self.queue.cancel(key).map_err(ActorError::Trials)
    }

    /// What waits longest, for a worker that is free.
    pub(super) fn lease(&self) -> Result<Option<Lease>, ActorError> {
        let Some(free) = self.slots.iter().position(Option::is_none) else { return Ok(None) };
        self.queue.lease(free as u64, Duration::ZERO).map_err(ActorError::Trials)
    }

    /// Gives a worker what it leased, which goes on from `from`, and is brought along where it was not
    /// for as long as `every`.
    pub(super) fn start(&mut self, lease: Lease, from: Option<Arc<TrialState>>, every: Duration) {
        let (worker, plan) = (lease.worker as usize, &lease.ticket.plan);
        let status = TrialStatus {
            id: plan.arch.id(),
            seed: plan.seed,
            epoch: from.as_ref().map_or(0, |state| state.epoch),
            began: from.as_ref().filter(|state| state.goes_on()).map_or(0, |state| state.epoch),
            epochs: plan.recipe.epochs,
            ..TrialStatus::default()
        };
        self.slots[worker] = Some(Slot { lease, status, is_busy: false, spent: Duration::ZERO });
        self.go_on(worker, from.map_or(TrialStart::Scratch, TrialStart::State), every);
    }

    /// Gives every worker that waits its next epoch; nets are brought along that were not for as long
    /// as `every`.
    pub(super) fn go_on_all(&mut self, every: Duration) {
        for worker in 0..self.slots.len() {
            if self.slots[worker].as_ref().is_some_and(|slot| !slot.is_busy) {
                self.go_on(worker, TrialStart::Here, every);
            }
        }
    }

    fn go_on(&mut self, worker: usize, from: TrialStart, every: Duration) {
        let Some(slot) = &mut self.slots[worker] else { return };
        slot.is_busy = true;
        let limit = self.limit.map(|limit| limit.saturating_sub(slot.spent));
        let plan = slot.lease.ticket.plan.clone();
        let message = TrainTrial { plan, from, every, limit };
        let trained = self.crew.train_trial(&self.workers[worker], self.is_idle, message);
        let answer = self.answer.clone();
        actix::spawn(async move {
            // Nobody wants it where the run is over.
            drop(answer.send((worker, trained.await)));
        });
    }

    /// Waits for an epoch to end; for ever where none is under way. May be dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Finished>, ActorError> {
        // The sender is kept here: the channel does not close.
        let Some(answer) = self.answers.recv().await else {
            return std::future::pending().await;
        };
        self.answered(answer)
    }

    /// An epoch that is over by now, if there is one.
    pub(super) fn try_next(&mut self) -> Result<Option<Finished>, ActorError> {
        let Ok(answer) = self.answers.try_recv() else { return Ok(None) };
        self.answered(answer)
    }

    fn answered(&mut self, (worker, epoch): Answer) -> Result<Option<Finished>, ActorError> {
        let Some(slot) = &mut self.slots[worker] else { return Ok(None) };
        slot.is_busy = false;
        let lease = slot.lease.clone();
        let Ticket { key, plan } = lease.ticket.clone();
        let mut epoch = match epoch {
            Ok(epoch) => epoch,
            Err(error) => {
                self.slots[worker] = None;
                self.cancel(&key)?;
                return Err(error);
            }
        };
        slot.spent += epoch.duration;
        let is_late = self.limit.is_some_and(|limit| limit < slot.spent);
        if let Some(report) = &epoch.report {
            slot.status.observe(report);
        }
        // One that nobody wants any more is let go.
        if !self.queue.renew(&lease, Duration::ZERO).map_err(ActorError::Trials)? {
            self.slots[worker] = None;
            return Ok(None);
        }
        if is_late {
            // Nobody is to find its net.
            epoch.state = None;
            self.complete(worker, Err(Failure::OutOfTime))?;
            return Ok(Some(Finished { plan, key, epoch }));
        }
        let finished = epoch.state.as_ref().filter(|state| state.is_finished(&plan.recipe));
        if let Some(net) = finished {
            self.nets.insert(key.clone(), net.clone());
        }
        if let Some(score) = finished.and_then(|state| state.valid) {
            self.complete(worker, result_of(score))?;
        } else if epoch.report.is_none() {
            // One that was broken off is to be begun again from its files.
            self.slots[worker] = None;
            self.cancel(&key)?;
        }
        Ok(Some(Finished { plan, key, epoch }))
    }

    /// Hands in what came of what a worker is at, which then is free.
    fn complete(&mut self, worker: usize, result: ChildResult) -> Result<(), ActorError> {
        if let Some(slot) = self.slots[worker].take() {
            self.hand_in(&slot.lease, result)?;
        }
        Ok(())
    }

    fn hand_in(&mut self, lease: &Lease, result: ChildResult) -> Result<(), ActorError> {
        self.submitted.remove(&lease.ticket.key);
        self.queue.complete(lease, result).map(drop).map_err(ActorError::Trials)
    }

    /// Hands in what was leased without a net, before it is begun.
    pub(super) fn refuse(&mut self, lease: &Lease, failure: Failure) -> Result<(), ActorError> {
        self.hand_in(lease, Err(failure))
    }

    /// The next result, each once.
    pub(super) fn result(&self) -> Result<Option<(TrialPlan, ChildResult)>, ActorError> {
        let found = self.queue.result().map_err(ActorError::Trials)?;
        Ok(found.map(|(ticket, result)| (ticket.plan, result)))
    }

    /// The finished net of `plan`, where it is at hand.
    pub(super) fn net(&self, plan: &TrialPlan) -> Option<Arc<TrialState>> {
        self.nets.get(&self.task.key(plan)).cloned()
    }

    /// Takes a finished net from the disk to hand.
    pub(super) fn found(&mut self, plan: &TrialPlan, net: Arc<TrialState>) {
        self.nets.insert(self.task.key(plan), net);
    }

    /// Lets go of all nets but those of these keys.
    pub(super) fn retain(&mut self, keys: &BTreeSet<String>) {
        self.nets.retain(|key, _| keys.contains(key));
    }

    /// Lets go of all nets.
    pub(super) fn forget(&mut self) {
        self.nets.clear();
    }

    /// Breaks off what is under way, and waits until it is.
    pub(super) async fn break_off(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.is_busy() {
            // What was to come of it is of no interest any more.
            drop(self.next().await);
        }
        self.stop.store(false, Ordering::Relaxed);
        self.slots.iter_mut().for_each(|slot| *slot = None);
        for key in std::mem::take(&mut self.submitted) {
            // A queue of this process is always there.
            drop(self.queue.cancel(&key));
        }
    }
}
