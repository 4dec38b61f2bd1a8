//! What the routes answer from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::actors::{Commands, Status};
use crate::api::peer::Commanders;
use crate::api::readings::Readings;
use crate::api::turns::{Turn, Turns};
use crate::api::{LogFilter, Problem, RunningConfig};
use crate::net::NetFamily;
use crate::search::Budget;
use crate::store::{BestFolder, Exports};

/// Called after every request with its route (one of [`route_paths`](crate::api::route_paths), or
/// `other`), the HTTP status of the reply, and how long it took.
pub type RequestHook = Arc<dyn Fn(&'static str, u16, Duration) + Send + Sync>;

/// Followers of events at a time: each holds a connection and asks the database twice a second.
const MAX_FOLLOWERS: usize = 16;

/// Commands under way at a time: as many as the controller's mailbox holds.
const MAX_COMMANDS: usize = 16;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the head of a request is there; 1 s or more, since actix-web's clock for it is up to
    /// half a second late.
    pub head: Duration,
    /// Until the body of a request is there.
    pub body: Duration,
    /// Until a peer takes more of a reply that does not fit the socket: one that stops reading is
    /// hung up on.
    pub take: Duration,
    /// Until the disk has answered a reading.
    pub read: Duration,
    /// A command that waits for a step at most, and a large reply for its turn.
    pub command: Duration,
    /// Scoring, weights and checkpoints: a step, then work of the same order.
    pub work: Duration,
    /// A derivation: hundreds of scores.
    pub derive: Duration,
    /// Without a finished step, after which the daemon is not ready. Far above any step: a
    /// derivation of the paper's net on a CPU takes minutes.
    pub progress: Duration,
}

impl Limits {
    /// The limits of a daemon.
    pub const DAEMON: Self = Self {
        head: Duration::from_secs(5),
        body: Duration::from_secs(5),
        take: Duration::from_secs(5),
        read: Duration::from_secs(10),
        command: Duration::from_mins(2),
        work: Duration::from_mins(10),
        derive: Duration::from_hours(1),
        progress: Duration::from_mins(15),
    };
}

/// What a server is given.
#[derive(Clone)]
pub struct ServeConfig {
    /// The last status.
    pub status: watch::Receiver<Arc<Status>>,
    /// The controller.
    pub commands: Commands,
    /// The nets of this search, to count what a child costs.
    pub family: Arc<dyn NetFamily>,
    /// What architectures may cost, to count what one costs that stands alone.
    pub budget: Arc<Budget>,
    /// The database of the history.
    pub history: PathBuf,
    /// Epochs of a cycle, which never change in a search.
    pub epochs_per_cycle: u64,
    /// The folder of the best. It must be opened before the search writes to it: opening
    /// clears away what looks like a broken write.
    pub best: Arc<BestFolder>,
    /// The folder of the champions, opened likewise.
    pub champions: Arc<BestFolder>,
    /// The nets that can be written as files.
    pub exports: Arc<Exports>,
    /// The configuration in force.
    pub running: watch::Receiver<Arc<RunningConfig>>,
    /// What is logged.
    pub log: LogFilter,
    /// How long things may take.
    pub limits: Limits,
    /// Counts requests.
    pub hook: RequestHook,
}

impl fmt::Debug for ServeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeConfig").field("history", &self.history).finish_non_exhaustive()
    }
}

/// What the routes answer from: the configuration, and the few things that a server counts.
pub struct ApiState {
    pub(super) config: ServeConfig,
    /// The OpenAPI document, which is made of the routes.
    pub(super) document: Bytes,
    pub(super) followers: Arc<Semaphore>,
    pub(super) commands: Semaphore,
    readings: Readings,
    /// Turns to make a list of architectures.
    pub(super) lists: Turns,
    /// Turns to get a child's weights.
    pub(super) weights: Turns,
    /// Turns to read the whole history.
    pub(super) reports: Turns,
    /// True once the server ends: streams end too.
    pub(super) stopping: watch::Receiver<bool>,
    /// When the status changed last.
    progress: watch::Receiver<Instant>,
    /// Draws without a seed so far: each gets another one.
    draws: AtomicU64,
    /// Whether it was told that rows of the history are damaged: once is enough.
    told_damage: AtomicBool,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("config", &self.config).finish_non_exhaustive()
    }
}

impl ApiState {
    pub(super) fn new(
        config: ServeConfig,
        document: Bytes,
        stopping: watch::Receiver<bool>,
        progress: watch::Receiver<Instant>,
    ) -> Self {
        let (limit, work) = (config.limits.command, config.limits.work);
        Self {
            readings: Readings::new(config.limits.read),
            config,
            document,
            followers: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
            commands: Semaphore::new(MAX_COMMANDS),
            lists: Turns::new(limit),
            weights: Turns::new(limit),
            reports: Turns::new(work),
            stopping,
            progress,
            draws: AtomicU64::new(0),
            told_damage: AtomicBool::new(false),
        }
    }

    /// The last status.
    pub(super) fn status(&self) -> Arc<Status> {
        self.config.status.borrow().clone()
    }

    /// The configuration in force.
    pub(super) fn running(&self) -> Arc<RunningConfig> {
        self.config.running.borrow().clone()
    }

    /// Who may command now.
    pub(super) fn commanders(&self) -> Commanders {
        Commanders::new(&self.config.running.borrow().admins)
    }

    /// How long ago the status changed; none once nobody can change it any more.
    pub(super) fn since_progress(&self) -> Option<Duration> {
        let published = self.config.status.has_changed().is_ok();
        published.then(|| self.progress.borrow().elapsed())
    }

    /// Runs what waits for a disk on a thread that may.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.readings.read(work).await
    }

    /// The same in a turn, which lasts until it is done.
    pub(super) async fn read_in<T: Send + 'static>(
        &self,
        turn: &Turn,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        turn.read(&self.readings, work).await
    }

    /// Says, once, that somebody was given less of the history than was asked for.
    pub(super) fn tell_damage(&self, damaged: u64) {
        if damaged != 0 && !self.told_damage.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                damaged,
                "rows of the history are damaged and are left out of answers; `enasctl doctor` \
                 says more"
            );
        }
    }

    /// A seed for a draw that names none.
    pub(super) fn next_seed(&self) -> u64 {
        self.status().place.number.wrapping_add(self.draws.fetch_add(1, Ordering::Relaxed))
    }
}

/// Notes when the status changes, for as long as somebody can change it.
pub(super) async fn note_progress(
    mut status: watch::Receiver<Arc<Status>>,
    progress: watch::Sender<Instant>,
) {
    while status.changed().await.is_ok() {
        progress.send_replace(Instant::now());
    }
}
