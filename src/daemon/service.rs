//! What the service manager is told: that the daemon is ready, what it does, that it makes
//! progress, and that it ends.
//!
//! ```text
//! Starting ──first step──► READY=1 ──┬─ STATUS= when phase, cycle or epoch change
//!                                    ├─ WATCHDOG=1 while no actor is stalled
//!                                    └─ Stopping ──► STOPPING=1, EXTEND_TIMEOUT_USEC= while saving
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::actors::{RunState, Status};
use crate::daemon::reload::Reloader;
use crate::telemetry::{Metrics, ServiceManager};

/// How often the daemon looks at itself.
const TICK: Duration = Duration::from_secs(1);

/// How much longer than now the end may take, told again at every look.
const EXTENSION: Duration = Duration::from_secs(20);

/// How long a last checkpoint may take in all: a disk that hangs ends no sooner.
const LONGEST_END: Duration = Duration::from_mins(10);

/// Tells the service manager what the status says.
pub(super) struct Service {
    manager: ServiceManager,
    metrics: Metrics,
    /// Whether it was told that the daemon is ready.
    ready: bool,
    told: String,
    fed: Instant,
    stalled: bool,
    stopping: Option<Instant>,
}

impl Service {
    pub(super) fn new(manager: ServiceManager, metrics: Metrics) -> Self {
        Self {
            manager,
            metrics,
            ready: false,
            told: String::new(),
            fed: Instant::now(),
            stalled: false,
            stopping: None,
        }
    }

    /// How long to wait until the next [`Service::look`].
    pub(super) fn tick(&self) -> Duration {
        self.manager.watchdog().map_or(TICK, |limit| TICK.min(limit / 8))
    }

    /// Has the configuration read again. Before the daemon is ready nobody waits for the end of it.
    async fn reload(&mut self, reloader: &mut Reloader) {
        if self.ready {
            self.manager.reloading();
        }
        reloader.reload().await;
        if self.ready {
            self.manager.ready(&self.told);
        }
    }

    /// Tells what changed since the last look.
    pub(super) fn look(&mut self, status: &Status) {
        match status.state {
            RunState::Starting | RunState::Stopped | RunState::Failed => {}
            RunState::Running | RunState::Paused => self.tell(&line(status)),
            RunState::Stopping => self.end(status),
        }
        if self.ready {
            self.watch(status);
        }
    }

    fn tell(&mut self, line: &str) {
        if !self.ready {
            self.ready = true;
            self.manager.ready(line);
        } else if self.told != line {
            self.manager.status(line);
        }
        line.clone_into(&mut self.told);
    }

    fn end(&mut self, status: &Status) {
        if self.stopping.is_none() {
            // One that ends before its first step was ready all the same.
            self.tell(&line(status));
            self.manager.stopping();
        }
        let since = self.stopping.get_or_insert_with(Instant::now);
        if since.elapsed() < LONGEST_END {
            self.manager.extend(EXTENSION);
        }
    }

    /// Feeds the watchdog while no actor is stalled for half its limit: then it ends the process
    /// after one and a half times the limit at the latest.
    fn watch(&mut self, status: &Status) {
        let Some(limit) = self.manager.watchdog() else { return };
        let resting = status.state != RunState::Running;
        let stall = self.metrics.stalled(resting, limit / 2);
        match stall {
            Some(stall) if !self.stalled => {
                tracing::error!("no progress: the watchdog is not fed any more: {stall}");
            }
            None if self.stalled => tracing::warn!("progress again: the watchdog is fed"),
            _ => {}
        }
        self.stalled = stall.is_some();
        if !self.stalled && limit / 4 <= self.fed.elapsed() {
            self.fed = Instant::now();
            self.manager.feed();
        }
    }
}

/// One line for `systemctl status`.
fn line(status: &Status) -> String {
    let place = &status.place;
    let doing = match status.state {
        RunState::Paused => "paused in",
        RunState::Stopping => "ends in",
        _ => "in",
    };
    let (cycle, epoch) = (place.nth_cycle(), place.epoch_text());
    format!("{doing} phase {}, cycle {cycle}, epoch {epoch}", place.phase)
}

/// Looks at the status when it changes and every so often, for as long as somebody can change it,
/// and has the configuration read again at each `hangup`.
pub(super) async fn tell_service_manager(
    mut service: Service,
    mut status: watch::Receiver<Arc<Status>>,
    mut reloader: Reloader,
    mut hangup: Option<Signal>,
) {
    loop {
        let now = status.borrow_and_update().clone();
        service.look(&now);
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(service.tick()) => {}
            () = received(&mut hangup) => service.reload(&mut reloader).await,
        }
    }
}

/// Waits for a signal, for ever where none is listened for.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
