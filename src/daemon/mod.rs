//! The daemon: the only wiring. Opens what is configured, starts the actors each on its own
//! thread, serves socket and metrics, and waits for the end.
//!
//! # What it does when something happens
//!
//! | What | What the daemon does | Its exit status |
//! |---|---|---|
//! | a panic, on any thread | logs it with thread and place, and ends at once; nothing is saved | 70 |
//! | a step that fails | goes back to the newest checkpoint and takes the steps again (event `recovery`); the fourth in a row, before the search has come past the step that failed, ends the run, and so does a checkpoint that cannot be read or brought back | 70 at the end |
//! | a loss or gradient of ω that is not finite | that step changes nothing, and is counted | goes on |
//! | SIGTERM, SIGINT, `enasctl stop` | finishes the step under way (a derivation is one), saves, closes the socket, ends | 0; 70 where it could not save |
//! | the same while nets are trained from scratch | breaks off after the batch under way; epochs since a net was last written, at most `store.checkpoint_seconds` ago, are trained again | as above |
//! | the same again | nothing more; it ends no sooner | as above |
//! | a ledger of the test split that is damaged, or counts less than the checkpoint knows of | refused before the first step | 70 |
//! | SIGHUP | reads the configuration again, and puts all of what changed in force or nothing; where standard error is a terminal, ends as by SIGTERM | goes on |
//! | any of these signals while data are still read | the signal's own effect: it is gone, and nothing was begun | the signal's |
//! | SIGKILL, the kernel out of memory, a power cut | nothing; the next start goes on from the newest checkpoint and takes the steps since then again, to the same bits | the signal's |
//! | a disk that is full or fails | searches on, keeps finished steps in memory, and tries to save after `store.checkpoint_seconds`, then ever less often, each 5 minutes at last; with 10,000 steps in memory the search waits for the disk | goes on; 70 where the state cannot be opened at the start, or not saved at the end |
//! | a disk that hangs | the same; after 10 s without an answer, log, status and metrics say so. Going back and ending wait for the disk | goes on |
//! | a stall: an actor has work and gives no sign of life, or none has work (not the keeper: a restart mends no disk) | for half of the watchdog's limit nothing, then an error in the log, and the watchdog is fed no more. Without a watchdog nothing ends it; `/readyz` refuses after 15 minutes | SIGABRT by systemd |
//! | a GPU that is lost | the step fails, and so does going back, which needs the device | 70 |
//! | a GPU that is not there at the start | a build with CUDA waits a minute for it. Then `cuda:N` is refused; `auto` takes the CPU for a new search | 78 for `cuda:N`, as below |
//! | too little memory of a GPU for the largest nets and their batches | refused before the first step, with what is needed, what is free, and the batch that fits | 71 |
//! | another device, executor or instruction set than computed the checkpoint | refused before the first step; with `engine.resume_elsewhere` the search goes on with other bits (event `device`) | 78 |
//! | a damaged checkpoint at the start | is moved to `corrupt/`, and the newest whole one taken; where none is whole, nothing is started over | 70 where none is |
//! | a history that is damaged or gone | is set aside, and a new one begins; the search does not read it | goes on |
//! | `costs.json` damaged or gone, with a limit of time | the layers are measured again, and other architectures may be within the limit (event `costs`) | goes on |
//! | `costs.json` that cannot be read, or is of a later program | left as it is; refused before the first step | 70 |
//! | a net under `trials/` that is damaged, gone, or cannot be read | is trained again, to the same bits | goes on |
//! | wrong configuration or data; a state folder of another search; a ledger of another test split | refused before the first step | 78 |
//! | another daemon has the state folder or the socket | refused before the first step | 75 |
//! | too few threads, files, addresses or memory; a clock before 1970 | refused before the first step | 71 |
//!
//! What systemd does (`systemd/enasd.service`): it starts the daemon again after 2 s unless it was
//! told to stop or the status was 0, 71, 75 or 78, and gives up after five starts in 5 minutes. On
//! `stop` it waits 45 s for the step under way, and 10 minutes for the last checkpoint; then it
//! kills, which loses the steps since the newest checkpoint until they are taken again.
//!
//! The GPU's rows are read from the code; no GPU was at hand. The others are tried, but for signals
//! while data are read, by `tests/bad_input`, `tests/systemd`, `tests/resume.rs`, `tests/actors`,
//! `tests/daemon.rs`, `telemetry/panic.rs`, `.ci/run torture` and `.ci/run booted`.

mod binding;
mod costs;
mod error;
mod greeting;
mod handed_over;
mod history;
mod launch;
mod limits;
mod listeners;
mod loading;
mod memory;
mod origins;
mod reload;
mod service;
mod setup;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use actix::{Recipient, System};
use tokio::sync::watch;

use crate::actors::{
    Classifier, CloseHistory, Commands, DriverConfig, KeeperFiles, Observer, PickStatus,
    RetrainingStatus, RunState, Saving, Status,
};
use crate::api::{
    Limits, LogFilter, RequestHook, ServeConfig, ServerThread, command_paths, route_paths,
};
use crate::config::Loaded;
use crate::daemon::greeting::{greet, process};
use crate::daemon::handed_over::HandedOver;
use crate::daemon::launch::{start, start_actors};
use crate::daemon::listeners::Listeners;
use crate::daemon::loading::Loading;
use crate::daemon::reload::{Live, Reloader, running_config, saving};
use crate::daemon::service::{Service, tell_service_manager};
use crate::daemon::setup::{Setup, set_up};
use crate::daemon::signals::{Signals, stop_on};
use crate::search::Until;
use crate::store::{Exports, TrialFolder};
use crate::telemetry::{
    self, LAST_WORDS, LogControl, Metrics, Outlet, Output, ServiceManager, View,
    install_panic_hook, start_logs,
};

pub use error::{DaemonError, EXIT_CONFIG, EXIT_INTERNAL, EXIT_LOCKED, EXIT_SYSTEM};
pub use reload::Load;
pub use setup::check;

/// How often the progress display looks at the status.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// How often histograms are folded, whether or not anybody scrapes, and dropped lines counted.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// How long the disk may take for one write before it is told of: a slow disk takes a second or two.
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// What the daemon is started with.
pub struct RunConfig {
    /// The configuration.
    pub loaded: Loaded,
    /// Reads it again.
    pub load: Load,
    /// When the run ends by itself.
    pub until: Until,
    /// Threads that compute.
    pub threads: usize,
}

/// Everything that is open before the first step.
struct Open {
    setup: Setup,
    listeners: Listeners,
    log: LogControl,
    saving: watch::Sender<Saving>,
    output: Output,
    outlet: Outlet,
}

/// Runs the daemon until it is to end, a signal, or an error.
pub fn run(config: RunConfig) -> Result<(), DaemonError> {
    let handed = HandedOver::take()?;
    signals::block()?;
    limits::check(config.threads)?;
    let outlet = Outlet::stderr().map_err(|error| limits::no_threads(1, 0, &error))?;
    install_panic_hook(outlet.clone());
    let ended = run_with(config, handed, &outlet);
    outlet.finish(LAST_WORDS);
    ended
}

fn run_with(config: RunConfig, handed: HandedOver, outlet: &Outlet) -> Result<(), DaemonError> {
    let loaded = &config.loaded;
    let output = Output::of_stderr(loaded.config.telemetry.log_format);
    let log = start_logs(&loaded.config.telemetry.log, output, outlet)?;
    for variable in &loaded.passed_over {
        tracing::warn!("{variable}");
    }
    let (saving, saved) = watch::channel(saving(loaded)?);
    let watch = Loading::start(output, outlet);
    let mut setup = set_up(loaded, saved, config.threads, watch)?;
    let listeners = Listeners::open(handed, loaded)?;
    setup.status.process = process(setup.files.folder.path(), &listeners);
    greet(&setup.status, loaded);
    let open = Open { setup, listeners, log: log.clone(), saving, output, outlet: outlet.clone() };
    let ended = System::new().block_on(serve_and_search(config, open));
    log.tell_last_repeats();
    if let Err(error) = &ended {
        tracing::error!("the run ended: {error}");
    }
    ended
}

async fn serve_and_search(config: RunConfig, open: Open) -> Result<(), DaemonError> {
    let RunConfig { load, until, .. } = config;
    let Open { setup, listeners, log, saving, output, outlet } = open;
    let loaded = setup.loaded.clone();
    let metrics = new_metrics(&setup)?;
    let (publish, status) = watch::channel(Arc::new(setup.status.clone()));
    let observer = Observer::new(setup.status.clone(), publish, metrics.clone());
    let driver = driver_config(&setup, until, saving.subscribe());
    let socket = listeners.path.clone();
    let (running, shown) = watch::channel(Arc::new(running_config(&loaded, socket.clone())?));
    let (history, family) = (setup.history_path.clone(), setup.task.family.clone());
    let budget = setup.task.budget.clone();
    let (best, champions) = (setup.files.best.clone(), setup.files.champions.clone());
    let exports = exports(&setup.files);
    let classifier = Classifier::new(champions.clone(), setup.task.exec.clone());
    let classifier = start(c"classifier", classifier);
    let (controller, keeper, end) = start_actors(setup, observer, driver, &metrics)?;
    let api = ServeConfig {
        status: status.clone(),
        commands: Commands::new(&controller, &keeper, &classifier),
        family,
        budget,
        history,
        epochs_per_cycle: loaded.config.search.schedule.epochs_per_cycle,
        best,
        champions,
        exports,
        running: shown,
        log: log_filter(&log),
        limits: Limits::DAEMON,
        hook: request_hook(&metrics),
    };
    let servers = listeners.serve(api, &metrics)?;

    let live = Live { log: log.clone(), saving, running };
    let (notes, close) = (controller.clone().recipient(), keeper.recipient());
    let reloader = Reloader { load, loaded, socket, live, metrics: metrics.clone(), notes };
    let service = Service::new(ServiceManager::of_environment(), metrics.clone());
    let signals = Signals::listen(output)?;
    actix::spawn(tell_service_manager(service, status.clone(), reloader, signals.reload));
    actix::spawn(keep_up(metrics, log, outlet.clone()));
    actix::spawn(stop_on(signals.stop, controller));
    if output.has_progress() {
        actix::spawn(show_progress(status, outlet));
    }

    // The sender goes only with the controller, hence with the whole process.
    let ended = end.await.unwrap_or(Ok(()));
    stop_serving(servers, close).await?;
    Ok(ended?)
}

async fn stop_serving(
    servers: Vec<ServerThread>,
    close: Recipient<CloseHistory>,
) -> Result<(), DaemonError> {
    for server in servers {
        server.stop().await?;
    }
    // The last reader is gone with the servers.
    if let Ok(Err(error)) = close.send(CloseHistory).await {
        tracing::warn!("the history keeps its log beside it: {error}");
    }
    Ok(())
}

fn driver_config(setup: &Setup, until: Until, saving: watch::Receiver<Saving>) -> DriverConfig {
    let archive = &setup.files.archive;
    DriverConfig {
        last: setup.last.clone(),
        until,
        saving,
        disk_patience: DISK_PATIENCE,
        trials: archive.task.clone(),
        break_off: Arc::default(),
        test_uses: archive.ledger.uses(),
    }
}

/// The nets that can be written as files, which the keeper of `files` writes.
fn exports(files: &KeeperFiles) -> Arc<Exports> {
    let trials = TrialFolder::look(&files.folder.trials());
    Arc::new(Exports::new(files.archive.task.clone(), files.champions.clone(), trials))
}

fn new_metrics(setup: &Setup) -> Result<Metrics, DaemonError> {
    let device = &setup.status.device;
    let metrics = Metrics::new(telemetry::MetricsSetup {
        version: setup.status.version.clone(),
        device_wanted: device.wanted.clone(),
        device_used: device.used.clone(),
        menus: PickStatus::series(setup.task.space),
        routes: route_paths().map(str::to_owned).collect(),
        commands: command_paths().map(str::to_owned).collect(),
    })?;
    metrics.config_accepted();
    history::publish(&setup.history_health, &metrics);
    for rejected in &setup.rejected {
        tracing::error!(?rejected, "a damaged checkpoint was set aside");
        metrics.checkpoint_rejected();
    }
    Ok(metrics)
}

/// The logs as the API changes them.
fn log_filter(log: &LogControl) -> LogFilter {
    let (get, set) = (log.clone(), log.clone());
    LogFilter {
        get: Arc::new(move || get.filter()),
        set: Arc::new(move |filter| {
            set.set_filter(filter).map_err(|error| error.to_string())?;
            tracing::warn!(filter, "the API changed what is logged");
            Ok(())
        }),
    }
}

fn request_hook(metrics: &Metrics) -> RequestHook {
    let metrics = metrics.clone();
    Arc::new(move |route, status, duration| metrics.api_request(route, status, duration))
}

async fn keep_up(metrics: Metrics, log: LogControl, outlet: Outlet) {
    let mut tick = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
        metrics.log_lines_dropped(outlet.dropped());
        log.tell_repeats();
    }
}

async fn show_progress(mut status: watch::Receiver<Arc<Status>>, outlet: Outlet) {
    while status.changed().await.is_ok() {
        let view = view(&status.borrow_and_update());
        outlet.show(view);
        tokio::time::sleep(PROGRESS_EVERY).await;
    }
}

fn view(status: &Status) -> View {
    let place = &status.place;
    let retraining = status.finals.retraining.as_ref().map(RetrainingStatus::progress);
    let (doing, step, steps) = match (status.derivation, status.state, retraining) {
        (Some(derivation), _, _) => ("derive, scored", derivation.scored, derivation.of),
        (None, RunState::Paused, _) => ("paused", place.nth_step(), place.phase_steps),
        (None, _, Some((epochs, of))) => ("retrain, epochs", epochs, of),
        (None, _, None) => (place.phase.as_str(), place.nth_step(), place.phase_steps),
    };
    View {
        doing: doing.to_owned(),
        cycle: place.nth_cycle(),
        epoch: place.epoch_text(),
        step,
        steps,
        reward: status.policy.reward,
        baseline: status.policy.baseline,
        random_reward: status.policy.random_reward,
        entropy_nats: status.policy.entropy_nats,
        left: status.cycle_seconds_left.map(Duration::from_secs_f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: &Status, doing: &str, step: u64, steps: u64) {
        let found = view(status);
        assert_eq!((found.doing.as_str(), found.step, found.steps), (doing, step, steps));
    }

    #[test]
    fn the_bar_counts_steps_and_the_epochs_of_all_nets_while_they_are_retrained() {
        let mut status = Status { state: RunState::Running, ..Status::default() };
        status.place.phase = "shared".to_owned();
        status.place.phase_steps = 100;
        check(&status, "shared", 1, 100);
        let retraining = RetrainingStatus { epochs_done: 15, epochs_of: 60, ..Default::default() };
        status.finals.retraining = Some(retraining);
        check(&status, "retrain, epochs", 15, 60);
        status.state = RunState::Paused;
        check(&status, "paused", 1, 100);
    }
}
