//! How the driver retrains: which worker trains which net, and which nets are at hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::Recipient;
use tokio::sync::mpsc;

use crate::actors::{ActorError, Crew, TrainTrial, TrialEpoch, TrialStart, TrialStatus};
use crate::search::{TrialPlan, TrialState, TrialTask};

/// The trials under way, and the nets of those that are finished.
pub(super) struct Retraining {
    task: TrialTask,
    crew: Crew,
    workers: Vec<Recipient<TrainTrial>>,
    is_idle: bool,
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
    plan: TrialPlan,
    key: String,
    status: TrialStatus,
    /// Whether an epoch is under way.
    is_busy: bool,
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
        let nets = BTreeMap::new();
        Self { task, crew, workers, is_idle, slots, answers, answer, stop, nets }
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

    /// The next of `plans` that no worker is at, and the worker that is free for it.
    pub(super) fn next_start(&self, plans: &[TrialPlan]) -> Option<(usize, TrialPlan)> {
        let free = self.slots.iter().position(Option::is_none)?;
        let is_new =
            |plan: &&TrialPlan| self.slots.iter().flatten().all(|slot| slot.plan != **plan);
        Some((free, plans.iter().find(is_new)?.clone()))
    }

    /// Gives a worker a trial, which goes on from `from`, and is brought along where it was not for
    /// as long as `every`.
    pub(super) fn start(
        &mut self,
        worker: usize,
        plan: TrialPlan,
        from: Option<Arc<TrialState>>,
        every: Duration,
    ) {
        let status = TrialStatus {
            id: plan.arch.id(),
            seed: plan.seed,
            epoch: from.as_ref().map_or(0, |state| state.epoch),
            began: from.as_ref().filter(|state| state.goes_on()).map_or(0, |state| state.epoch),
            epochs: plan.recipe.epochs,
            ..TrialStatus::default()
        };
        let key = self.task.key(&plan);
        self.slots[worker] = Some(Slot { plan, key, status, is_busy: false });
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
        let message = TrainTrial { plan: slot.plan.clone(), from, every };
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
        let (plan, key) = (slot.plan.clone(), slot.key.clone());
        let epoch = match epoch {
            Ok(epoch) => epoch,
            Err(error) => {
                self.slots[worker] = None;
                return Err(error);
            }
        };
        if let Some(report) = &epoch.report {
            slot.status.observe(report);
        }
        let finished = epoch.state.as_ref().filter(|state| state.valid.is_some());
        if let Some(net) = finished {
            self.nets.insert(key.clone(), net.clone());
        }
        // One that was broken off is to be begun again from its files.
        if finished.is_some() || epoch.report.is_none() {
            self.slots[worker] = None;
        }
        Ok(Some(Finished { plan, key, epoch }))
    }

    /// The finished net of `plan`, where it is at hand.
    pub(super) fn net(&self, plan: &TrialPlan) -> Option<Arc<TrialState>> {
        self.nets.get(&self.task.key(plan)).cloned()
    }

    /// Takes a finished net from the disk to hand.
    pub(super) fn found(&mut self, plan: &TrialPlan, net: Arc<TrialState>) {
        self.nets.insert(self.task.key(plan), net);
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
    }
}
