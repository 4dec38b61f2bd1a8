//! A server on a socket in a temporary folder, with a stub in the controller's place.

use std::fmt::Debug;
use std::fs::{self, Permissions};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use enasd::actors::{BestStatus, DataStatus, RunState, ScoreView, Status};
use enasd::api::{
    ApiError, Client, ConfigOrigins, Limits, LogFilter, Origin, OriginLayer, Problem, ProblemCode,
    RunningConfig, ServeConfig, ServerThread, Socket, serve,
};
use enasd::net::{Input, NetConfig, NetFamily, Shape, family};
use enasd::search::{Arm, Budget, LimitsConfig, ScoreConfig};
use enasd::space::Arch;
use enasd::store::{ArchCard, BestFolder, History, HistoryPhase, HistoryRow, Keeping, StepRow};
use tokio::sync::watch;

use crate::champion::exports;
use crate::stub::Controller;

/// The architecture that the paper publishes.
pub(crate) const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                                    1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

/// Another one: identities only.
pub(crate) const IDENTITIES: &str = "0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 \
                                     0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4";

/// What the stub finds for any architecture, and the score of the best one.
pub(crate) const SCORE: ScoreView =
    ScoreView { accuracy: 0.75, correct: 450, items: 600, perplexity: None };

/// Epochs of a cycle of the stub's search.
pub(crate) const EPOCHS_PER_CYCLE: u64 = 5;

/// The weights kept with the best architecture.
pub(crate) const KEPT_WEIGHTS: &[u8] = b"the kept weights";

/// A request as the hook saw it.
pub(crate) type Counted = (&'static str, u16);

/// A server and everything that it answers from.
pub(crate) struct Rig {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) status: Option<watch::Sender<Arc<Status>>>,
    pub(crate) history: History,
    pub(crate) counted: Arc<Mutex<Vec<Counted>>>,
    controller: Controller,
    server: Option<ServerThread>,
}

impl Rig {
    /// A server with the limits of a daemon.
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::DAEMON)
    }

    /// A server with other limits.
    pub(crate) fn with_limits(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The group may enter, for the test that comes as another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
        let history = write_history(&folder.path().join("history.sqlite"));
        let best = BestFolder::open(&folder.path().join("best")).unwrap();
        put(&best, 450);
        let (status, receiver) = watch::channel(Arc::new(running()));
        let champions = BestFolder::open(&folder.path().join("champions")).unwrap();
        let champions = Arc::new(champions);
        let controller = Controller::start(champions.clone());
        let counted = Arc::new(Mutex::new(Vec::new()));
        let count = Arc::clone(&counted);
        let config = ServeConfig {
            status: receiver,
            commands: controller.commands.clone(),
            family: nets(),
            budget: Arc::new(Budget::new(LimitsConfig::default(), nets(), None)),
            history: folder.path().join("history.sqlite"),
            epochs_per_cycle: EPOCHS_PER_CYCLE,
            best: Arc::new(best),
            exports: exports(champions.clone(), &folder.path().join("trials")),
            champions,
            running: running_config(folder.path()),
            log: log_filter(),
            limits,
            hook: Arc::new(move |route, status, _| count.lock().unwrap().push((route, status))),
        };
        let socket = Socket::bind(&folder.path().join("api.sock")).unwrap();
        let server = Some(serve(socket, config).unwrap());
        Self { folder, status: Some(status), history, counted, controller, server }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.socket(), Duration::from_secs(20))
    }

    /// The folder of the nets that are trained from scratch.
    pub(crate) fn trials(&self) -> PathBuf {
        self.folder.path().join("trials")
    }

    /// The folder of the champions.
    pub(crate) fn champions(&self) -> BestFolder {
        BestFolder::look(&self.folder.path().join("champions"))
    }

    pub(crate) fn publish(&self, change: impl FnOnce(&mut Status)) {
        let mut status = running();
        change(&mut status);
        self.status.as_ref().unwrap().send_replace(Arc::new(status));
    }

    /// Ends the controller; the server goes on.
    pub(crate) fn stop_controller(&mut self) {
        self.controller.stop();
        self.status = None;
    }

    /// Ends the server.
    pub(crate) async fn stop_server(&mut self) {
        let server = self.server.take().unwrap();
        assert!(server.is_serving());
        within(server.stop()).await.unwrap();
    }
}

fn running() -> Status {
    let arch: Arch = PUBLISHED.parse().unwrap();
    Status {
        version: "0.1.0".to_owned(),
        state: RunState::Running,
        space: "micro".to_owned(),
        space_size: "5 nodes".to_owned(),
        best: vec![BestStatus { id: arch.id(), arch: arch.to_string(), score: SCORE, cycle: 0 }],
        data: DataStatus { reward_images: 64, ..DataStatus::default() },
        ..Status::default()
    }
}

fn running_config(folder: &Path) -> watch::Receiver<Arc<RunningConfig>> {
    let config = serde_json::json!({ "seed": 7, "net": { "layers": 6, "path": null } });
    let running = RunningConfig { config, origins: origins(folder), admins: vec![] };
    watch::channel(Arc::new(running)).1
}

/// A filter that takes levels only.
fn log_filter() -> LogFilter {
    let kept = Arc::new(Mutex::new("info".to_owned()));
    let get = Arc::clone(&kept);
    let set = move |level: &str| {
        if !["debug", "info", "warn"].contains(&level) {
            return Err(format!("`{level}` is no level"));
        }
        level.clone_into(&mut kept.lock().unwrap());
        Ok(())
    };
    LogFilter { get: Arc::new(move || get.lock().unwrap().clone()), set: Arc::new(set) }
}

fn origins(folder: &Path) -> ConfigOrigins {
    let place = "/etc/enasd/enasd.toml:1".to_owned();
    let origin = Origin { value: 7.into(), layer: OriginLayer::File, place };
    ConfigOrigins {
        file: Some("/etc/enasd/enasd.toml".to_owned()),
        state: folder.display().to_string(),
        socket: folder.join("api.sock").display().to_string(),
        keys: [("seed".to_owned(), origin)].into(),
    }
}

/// The nets of the stub's search.
pub(crate) fn nets() -> Arc<dyn NetFamily> {
    let config = NetConfig { layers: 6, channels: 20, ..NetConfig::default() };
    let shape = Shape { channels: 3, height: 32, width: 32 };
    let published: Arch = PUBLISHED.parse().unwrap();
    family(published.space(), &config, Input::Image { shape, classes: 10 }).unwrap()
}

/// Writes the files of the best architecture, whose score is `correct` of 600.
pub(crate) fn put(best: &BestFolder, correct: u64) {
    put_with(best, correct, KEPT_WEIGHTS);
}

/// The same with other weights.
pub(crate) fn put_with(best: &BestFolder, correct: u64, weights: &[u8]) {
    let card = ArchCard {
        format: 1,
        id: id(PUBLISHED),
        arch: PUBLISHED.to_owned(),
        flat: PUBLISHED.to_owned(),
        accuracy: correct as f64 / 600.0,
        correct,
        items: 600,
        valid_batch_size: 100,
        scored: ScoreConfig::default(),
        cycle: 0,
        step: 17,
        net: NetConfig::default(),
        image: [3, 32, 32],
        classes: 10,
        class_names: Vec::new(),
        params: 1,
        multiply_adds: 1,
    };
    let card = serde_json::to_vec(&card).unwrap();
    let files = [("arch.json", card.as_slice()), ("weights.safetensors", weights)];
    best.put(&id(PUBLISHED), &files).unwrap();
}

fn write_history(path: &Path) -> History {
    let mut history = History::open(path, 1 << 30).unwrap();
    let rows = [row(1, 0, PUBLISHED, 0.5), row(2, 0, PUBLISHED, 0.9), row(3, 0, IDENTITIES, 0.25)];
    // Without a step 0 the history would lack one.
    let first =
        StepRow { step: 0, loss: None, accuracy: None, learning_rate: 0.05, grad_norm: None };
    history.record(&rows, &[first], KEEPING).unwrap();
    history.event(1000, "started", "from nothing").unwrap();
    history
}

/// Everything stays.
pub(crate) const KEEPING: Keeping = Keeping { bytes: 1 << 30, at_unix_ms: 0 };

/// A rollout of the policy.
pub(crate) fn row(step: u64, idx: u32, arch: &str, reward: f64) -> HistoryRow {
    let arch: Arch = arch.parse().unwrap();
    HistoryRow {
        step,
        arm: Arm::Controller,
        idx,
        phase: HistoryPhase::Controller,
        cycle: 2,
        cycle_epoch: 1,
        arch_id: arch.id(),
        reward: Some(reward),
        log_prob: Some(-58.5),
        entropy: Some(1.5),
    }
}

/// The id of an architecture.
pub(crate) fn id(arch: &str) -> String {
    arch.parse::<Arch>().unwrap().id()
}

/// Awaits, but not for ever.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it takes too long")
}

/// The problem that a request met.
#[track_caller]
pub(crate) fn problem<T: Debug>(found: Result<T, ApiError>) -> Problem {
    match found.unwrap_err() {
        ApiError::Problem(problem) => problem,
        other => panic!("{other}"),
    }
}

/// Checks that a request is refused with `code`, and that the text says `words`.
#[track_caller]
pub(crate) fn check_refused<T: Debug>(found: Result<T, ApiError>, code: ProblemCode, words: &str) {
    let problem = problem(found);
    assert_eq!(problem.code, code, "{problem}");
    assert!(problem.message.contains(words), "{problem}");
    assert!(!problem.hint.is_empty(), "{problem}");
}
