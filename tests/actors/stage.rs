//! The real actors on a state folder, each on its own thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, Context};
use enasd::actors::{
    Archive, Controller, Crew, DriverConfig, End, Evaluator, Keeper, KeeperFiles, LastRun,
    Observer, PickStatus, Sampler, Saving, Status, Trainer, TrialWorker, TrialWorkers,
};
use enasd::data::TestLedger;
use enasd::search::{Search, SearchState, SharedLearner, SharedWeights, Task, TrialTask, Until};
use enasd::store::{
    BestFolder, Binding, Checkpoints, History, LedgerFile, Retention, StateFolder, TrialFolder,
};
use enasd::telemetry::{Metrics, MetricsSetup};
use tokio::sync::watch;
use tokio::time::timeout;

/// Far longer than anything here takes: a test that waits for it has failed.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// The real actors on a state folder, each on its own thread.
pub(crate) struct Stage {
    pub(crate) controller: Addr<Controller>,
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) end: End,
}

pub(crate) fn on_own_thread<A: Actor<Context = Context<A>> + Send>(actor: A) -> Addr<A> {
    A::start_in_arbiter(&Arbiter::new().handle(), |_| actor)
}

pub(crate) fn stage(
    task: &Task,
    folder: &Path,
    until: Until,
    change: impl FnOnce(Crew) -> Crew,
) -> Stage {
    stage_from(task, &Search::initial_state(task).unwrap(), folder, until, change)
}

pub(crate) fn stage_from(
    task: &Task,
    state: &SearchState,
    folder: &Path,
    until: Until,
    change: impl FnOnce(Crew) -> Crew,
) -> Stage {
    set_stage((task, state), folder, until, |crew, _| change(crew))
}

/// `change` gets the status that is published, too.
pub(crate) fn stage_watched(
    task: &Task,
    folder: &Path,
    until: Until,
    change: impl FnOnce(Crew, watch::Receiver<Arc<Status>>) -> Crew,
) -> Stage {
    set_stage((task, &Search::initial_state(task).unwrap()), folder, until, change)
}

/// The files of a keeper in `folder`.
fn keeper_files(task: &Task, state: &SearchState, folder: &Path) -> KeeperFiles {
    let folder = StateFolder::open(folder).unwrap();
    let retention = Retention::newest(3).unwrap();
    let (_, saving) = watch::channel(Saving {
        every: Duration::from_millis(300),
        retention,
        history_bytes: 1 << 30,
    });
    KeeperFiles {
        checkpoints: Checkpoints::new(&folder, retention),
        history: History::open(&folder.history(), 1 << 30).unwrap(),
        first_step: state.place.number(&task.config.schedule),
        best: Arc::new(BestFolder::open(&folder.best()).unwrap()),
        champions: Arc::new(BestFolder::open(&folder.champions()).unwrap()),
        archive: Archive {
            task: TrialTask::new(task, ""),
            trials: TrialFolder::open(&folder.trials()).unwrap(),
            file: LedgerFile::open(&folder.test_ledger(), ""),
            ledger: TestLedger::default(),
            is_behind: false,
        },
        folder,
        saving,
    }
}

fn metrics(task: &Task) -> Metrics {
    Metrics::new(MetricsSetup {
        version: "0".to_owned(),
        device_wanted: "cpu".to_owned(),
        device_used: "cpu".to_owned(),
        menus: PickStatus::series(task.space),
        routes: vec!["/".to_owned()],
        commands: Vec::new(),
    })
    .unwrap()
}

fn set_stage(
    (task, state): (&Task, &SearchState),
    folder: &Path,
    until: Until,
    change: impl FnOnce(Crew, watch::Receiver<Arc<Status>>) -> Crew,
) -> Stage {
    let files = keeper_files(task, state, folder);
    let saving = files.saving.clone();
    let (trials, break_off) = (files.archive.task.clone(), Arc::<AtomicBool>::default());
    let search = Search::new(task.clone(), state).unwrap();
    let batch = state.place.shared_step(&task.config.schedule);
    let learner = SharedLearner::new(task.clone(), &state.shared, batch).unwrap();
    let drawer = search.drawer();
    let sampler = on_own_thread(Sampler::new(task.clone(), drawer));
    let trainer = on_own_thread(Trainer::new(learner));
    let evaluator = on_own_thread(Evaluator::new(Box::new(SharedWeights::new(task.clone()))));
    let binding =
        Binding { config: "{}".to_owned(), data: "{}".to_owned(), computed_by: String::new() };
    let workers =
        [0, 1].map(|_| on_own_thread(TrialWorker::new(trials.clone(), break_off.clone())));
    let idle = on_own_thread(TrialWorker::idle(trials.clone(), break_off.clone()).unwrap());
    let workers = TrialWorkers { finals: &workers, children: &[], idle: Some(&idle) };
    let keeper = Keeper::new(task.clone(), files, binding);
    let keeper = on_own_thread(keeper);
    let (publish, status) = watch::channel(Arc::new(Status::default()));
    let metrics = metrics(task);
    let crew = Crew::new((&sampler, &trainer), &evaluator, workers, &keeper, &metrics);
    let crew = change(crew, status.clone());
    let observer = Observer::new(Status::default(), publish, metrics);
    let config = DriverConfig {
        last: LastRun::None,
        until,
        saving,
        disk_patience: Duration::from_millis(500),
        trials,
        break_off,
        test_uses: 0,
    };
    let (controller, end) = Controller::new(search, crew, observer, config);
    Stage { controller: controller.start(), status, end }
}

/// Looks until it is so.
pub(crate) async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let looked = async {
        while !look() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(LIMIT, looked).await.is_ok(), "in vain: {what}");
}
