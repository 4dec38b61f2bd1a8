//! Everything that is opened, read and checked before the first step.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::actors::{
    Archive, ChildrenStatus, DataStatus, DeviceStatus, KeeperFiles, LastRun, Saving, Status,
};
use crate::config::{Config, Loaded};
use crate::daemon::DaemonError;
use crate::daemon::binding;
use crate::daemon::costs;
use crate::daemon::history::{Opened, open_history};
use crate::daemon::memory;
use crate::data::{Contents, DataNote, Dataset, LoadWatch, Scratch, Sizes};
use crate::engine::{DeviceChoice, Executor, ExecutorChoice, OpenDevice, reason};
use crate::search::{Search, SearchConfig, SearchError, SearchState, Task, TrialTask};
use crate::store::{
    BestFolder, Binding, Checkpoints, Health, History, LedgerFile, LoadedCheckpoint, Rejected,
    StateFolder, TrialFolder, read_state,
};
use crate::telemetry::{unix_millis, unix_time};

/// A CUDA device may come up after the daemon, at boot.
const DEVICE_PATIENCE: Duration = Duration::from_mins(1);

/// Names of classes in the status, which is published after every step.
const MAX_CLASS_NAMES: usize = 100;

/// What the daemon runs with.
pub(super) struct Setup {
    pub(super) last: LastRun,
    /// The configuration as it goes on with the search of the state folder.
    pub(super) loaded: Loaded,
    pub(super) task: Task,
    pub(super) state: SearchState,
    pub(super) files: KeeperFiles,
    pub(super) binding: Binding,
    pub(super) status: Status,
    pub(super) rejected: Vec<Rejected>,
    pub(super) history_path: PathBuf,
    pub(super) history_health: Health,
}

pub(super) fn set_up(
    loaded: &Loaded,
    saving: watch::Receiver<Saving>,
    threads: usize,
    watch: Arc<dyn LoadWatch>,
) -> Result<Setup, DaemonError> {
    let folder = StateFolder::open(&loaded.state()?)?;
    let checkpoints = Checkpoints::new(&folder, saving.borrow().retention);
    let found = checkpoints.load_newest()?;
    let loaded = match &found {
        Some(found) => binding::go_on(loaded, &folder, found)?,
        None => loaded.clone(),
    };
    let config = &loaded.config;
    let device = open_device(&config.engine.device)?;
    let task = open_task(config, &folder, &device, watch)?;
    let (task, timed) = costs::timed(task, folder.path(), device.used, found.is_some())?;
    let computed_by = format!("{}, {}", device.used.kind(), task.exec.arithmetic());
    let contents = Contents::of(&task.dataset)?;
    tell((&contents, task.dataset.sizes()), &loaded, task.dataset.notes());
    let binding = binding::binding(config, &contents, computed_by);
    let bound = (config, &folder, &contents, &binding, &device);
    let (mut state, rejected, events) = state_of(found, &task, bound)?;
    let step = state.place.number(&config.search.schedule);
    let Opened { mut history, health, last, replay } =
        open_history(&folder, config.store.history_bytes, step)?;
    state.replay = replay;
    write_down(&mut history, events.into_iter().chain(timed).collect())?;
    binding::keep_list(&folder, &task.dataset, &contents)?;
    let best = Arc::new(BestFolder::open(&folder.best())?);
    let archive = archive(&task, &folder, contents.blake3(), &state)?;
    let champions = Arc::new(BestFolder::open(&folder.champions())?);
    let mut status = initial_status(&task, &device, threads, (&loaded, contents));
    status.checkpoint.rejected_total = rejected.len() as u64;
    // What was drawn before this process is not fresh.
    status.archs_unique = history.unique_archs();
    Ok(Setup {
        last,
        task,
        state,
        binding,
        status,
        rejected,
        history_path: folder.history(),
        history_health: health,
        loaded,
        files: KeeperFiles {
            folder,
            checkpoints,
            history,
            first_step: step,
            best,
            archive,
            champions,
            saving,
        },
    })
}

/// A state, the checkpoints that were set aside, and what is worth an event, by kind.
type Begun = (SearchState, Vec<Rejected>, Vec<(&'static str, String)>);

/// What a checkpoint is held against.
type Bound<'a> = (&'a Config, &'a StateFolder, &'a Contents, &'a Binding, &'a OpenDevice);

/// The state of the checkpoint that was found, those that were set aside, and what is worth an
/// event; the state at the start of a search where there is none.
fn state_of(
    found: Option<LoadedCheckpoint>,
    task: &Task,
    (config, folder, contents, binding, device): Bound<'_>,
) -> Result<Begun, DaemonError> {
    let Some(found) = found else {
        return Ok((Search::initial_state(task)?, Vec::new(), Vec::new()));
    };
    let (data, by) = ((&task.dataset, contents), (binding.computed_by.as_str(), device));
    let events = binding::events(config, folder, &found, data, by)?;
    Ok((read_state(&found, task)?, found.rejected, events))
}

/// What is searched on.
fn open_task(
    config: &Config,
    folder: &StateFolder,
    device: &OpenDevice,
    watch: Arc<dyn LoadWatch>,
) -> Result<Task, DaemonError> {
    let search = &config.search;
    let scratch = Scratch::new(&folder.cache()).watched(watch);
    let dataset = Dataset::load_into(&search.data, search.seed, &scratch)?;
    let exec = open_executor(config.engine.executor, device)?;
    let task = Task::new(search.clone(), dataset, exec)?;
    // It is found at once, not in the first steps.
    task.check()?;
    memory::reserve(&task, config.engine.memory_limit)?;
    Ok(task)
}

/// The trials and the ledger of the test split. Nets that cannot be built, or batches that cannot
/// be drawn, are found at once and not at the end of the first cycle.
fn archive(
    task: &Task,
    folder: &StateFolder,
    data: &str,
    state: &SearchState,
) -> Result<Archive, DaemonError> {
    let trials = TrialTask::new(task, data);
    check_promotions(task, &trials)?;
    let file = LedgerFile::open(&folder.test_ledger(), data);
    let ledger = file.load()?;
    file.check(&ledger, &state.finals)?;
    let task = trials;
    let trials = TrialFolder::open(&folder.trials())?;
    Ok(Archive { task, trials, file, ledger, is_behind: false })
}

fn check_promotions(task: &Task, trials: &TrialTask) -> Result<(), SearchError> {
    let recipe = task.config.finals;
    if recipe.candidates == 0 { Ok(()) } else { trials.check(task.space, &recipe) }
}

/// Refuses what a search on these data is refused for at its start: nets that cannot be built,
/// batches that cannot be drawn. Nothing is computed.
pub fn check(config: &SearchConfig, dataset: Dataset) -> Result<(), DaemonError> {
    let exec = ExecutorChoice::Auto.on_cpu().map_err(SearchError::from)?;
    let task = Task::new(config.clone(), dataset, exec)?;
    task.check()?;
    Ok(check_promotions(&task, &TrialTask::new(&task, ""))?)
}

/// Logs what the search learns from, and what a person should know about it.
fn tell((contents, sizes): (&Contents, Sizes), loaded: &Loaded, notes: &[DataNote]) {
    let (source, fingerprint) = (loaded.config.search.data.source.name(), contents.blake3());
    let Sizes { train, valid, test } = sizes;
    match contents {
        Contents::Images(contents) => tracing::info!(
            source,
            train,
            valid,
            test,
            classes = contents.class_names.len(),
            fingerprint,
            "data with the classes {}",
            contents.first_classes()
        ),
        Contents::Words(contents) => {
            let vocabulary = contents.vocabulary;
            tracing::info!(source, train, valid, test, vocabulary, fingerprint, "a text of words");
        }
    }
    for note in notes {
        if note.is_warning() {
            tracing::warn!("data: {note}");
        } else {
            tracing::info!("data: {note}");
        }
    }
}

/// Logs events, and writes them to the history.
fn write_down(
    history: &mut History,
    events: Vec<(&'static str, String)>,
) -> Result<(), DaemonError> {
    for (kind, event) in events {
        tracing::info!(kind, "{event}");
        history.event(unix_millis(), kind, &event)?;
    }
    Ok(())
}

fn open_executor(
    choice: ExecutorChoice,
    device: &OpenDevice,
) -> Result<Arc<dyn Executor>, DaemonError> {
    choice.open(device).map_err(|error| DaemonError::Executor { why: reason(&error) })
}

/// Opens the configured device, which at boot may come up after the daemon.
fn open_device(text: &str) -> Result<OpenDevice, DaemonError> {
    let failed = |why: String| DaemonError::Device { device: text.to_owned(), why };
    let choice: DeviceChoice = text.parse().map_err(|error| failed(format!("{error}")))?;
    let start = Instant::now();
    let open = choice.open_patiently(|why| {
        let is_patient = start.elapsed() < DEVICE_PATIENCE;
        if is_patient {
            tracing::warn!(device = text, "the device does not answer yet: {why}");
            std::thread::sleep(Duration::from_secs(2));
        }
        is_patient
    });
    let open = open.map_err(|error| failed(error.to_string()))?;
    tracing::debug!(wanted = %open.wanted, used = %open.used, reason = open.reason, "device");
    Ok(open)
}

fn initial_status(
    task: &Task,
    device: &OpenDevice,
    threads: usize,
    (loaded, contents): (&Loaded, Contents),
) -> Status {
    let (image, classes) = task.family.input().sides();
    let Sizes { train, valid, test } = task.dataset.sizes();
    let (blake3, class_names) = match contents {
        Contents::Images(contents) => (contents.blake3, contents.class_names),
        Contents::Words(contents) => (contents.blake3, Vec::new()),
    };
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: task.config.seed,
        space: task.space.name().to_owned(),
        space_size: task.space.rules().size(),
        objective: task.objective.name().to_owned(),
        device: DeviceStatus {
            wanted: device.wanted.to_string(),
            used: device.used.to_string(),
            reason: device.reason.clone(),
            executor: task.exec.name(),
            threads,
        },
        data: DataStatus {
            source: loaded.config.search.data.source.name().to_owned(),
            image,
            classes,
            train,
            valid,
            test,
            reward_images: task.reward_items(),
            class_names: class_names.into_iter().take(MAX_CLASS_NAMES).collect(),
            blake3,
        },
        started_unix_seconds: unix_time().as_secs_f64(),
        children: task.is_stand_alone().then(ChildrenStatus::default),
        ..Status::default()
    }
}
