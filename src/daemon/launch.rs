//! The start of the actors: who has a thread of its own, and whose signs of life are wanted.

use std::ffi::CStr;
use std::sync::Arc;

use actix::{Actor, Addr, Arbiter};

use crate::actors::{
    Controller, Crew, DriverConfig, End, Evaluator, Keeper, Observer, Sampler, Trainer,
    TrialWorker, TrialWorkers,
};
use crate::daemon::DaemonError;
use crate::daemon::setup::Setup;
use crate::engine::Watched;
use crate::search::{Search, SharedLearner, SharedWeights, Task, TrialTask};
use crate::telemetry::{self, Metrics};

/// Nets that are trained from scratch side by side at most, each on a core: so many are in memory.
const MAX_TRIALS: usize = 16;

/// Starts every actor on a thread of its own, but the controller, which only waits. Others than
/// actors ask only the controller, and the keeper of its history.
pub(super) fn start_actors(
    setup: Setup,
    observer: Observer,
    driver: DriverConfig,
    metrics: &Metrics,
) -> Result<(Addr<Controller>, Addr<Keeper>, End), DaemonError> {
    let Setup { task, state, files, binding, .. } = setup;
    let search = Search::new(task.clone(), &state)?;
    let drawer = search.drawer();
    let batch = state.place.shared_step(&task.config.schedule);
    let trained = watched(&task, metrics, telemetry::Actor::Trainer);
    let scored = watched(&task, metrics, telemetry::Actor::Evaluator);
    let learner = SharedLearner::new(trained, &state.shared, batch)?;

    let sampler = start(c"sampler", Sampler::new(task.clone(), drawer));
    let trainer = start(c"trainer", Trainer::new(learner));
    let evaluator = start(c"evaluator", Evaluator::new(Box::new(SharedWeights::new(scored))));
    let exec = watched(&task, metrics, telemetry::Actor::Trials).exec;
    let trials = driver.trials.clone().with_exec(exec);
    let workers = |task: &TrialTask, count: usize| -> Vec<_> {
        let worker = || TrialWorker::new(task.clone(), driver.break_off.clone());
        (0..count).map(|_| start(c"trial", worker())).collect()
    };
    let at_once = task.exec.children_at_once().clamp(1, MAX_TRIALS);
    let finals = workers(&trials, at_once);
    let children = if task.is_stand_alone() { at_once } else { 0 };
    let children = workers(&trials.best_of(task.config.trial.best_of), children);
    let idle = (0 < task.config.finals.sample).then(|| idle_worker(&driver)).transpose()?;
    let keeper = start(c"keeper", Keeper::new(task, files, binding));
    let workers = TrialWorkers { finals: &finals, children: &children, idle: idle.as_ref() };
    let crew = Crew::new((&sampler, &trainer), &evaluator, workers, &keeper, metrics);
    let (controller, end) = Controller::new(search, crew, observer, driver);
    Ok((controller.start(), keeper, end))
}

/// The worker that retrains the stratified sample. No signs of its life are wanted: a busy machine
/// may leave it nothing for long.
fn idle_worker(driver: &DriverConfig) -> Result<Addr<TrialWorker>, DaemonError> {
    let worker = TrialWorker::idle(driver.trials.clone(), driver.break_off.clone());
    let worker = worker.map_err(|error| DaemonError::System {
        action: "start the thread that retrains the sample",
        why: error.to_string(),
    })?;
    Ok(start(c"idle trial", worker))
}

/// The same task, with every pass of its nets a sign of life of `actor`.
fn watched(task: &Task, metrics: &Metrics, actor: telemetry::Actor) -> Task {
    let metrics = metrics.clone();
    let exec = Watched::new(task.exec.clone(), move || metrics.sign_of_life(actor));
    Task { exec: Arc::new(exec), ..task.clone() }
}

/// Starts an actor on an arbiter, hence a thread, of its own; `name` is the thread's.
pub(super) fn start<A>(name: &'static CStr, actor: A) -> Addr<A>
where
    A: Actor<Context = actix::Context<A>> + Send,
{
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(move || {
        // A thread without a name works as well.
        let _ = rustix::thread::set_name(name);
    });
    A::start_in_arbiter(&arbiter.handle(), |_| actor)
}
