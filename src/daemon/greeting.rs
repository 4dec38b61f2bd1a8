//! The first lines of a run: what it is, where it is found, and how to ask it.

use std::path::{Path, absolute};

use crate::actors::{ProcessStatus, Status};
use crate::config::{Config, Loaded, environment};
use crate::daemon::listeners::Listeners;

/// The process and where it is found.
pub(super) fn process(state: &Path, listeners: &Listeners) -> ProcessStatus {
    ProcessStatus {
        pid: std::process::id(),
        state: whole(state),
        socket: whole(&listeners.path),
        metrics: listeners.metrics_address(),
    }
}

/// Says in the log what this run is.
pub(super) fn greet(status: &Status, loaded: &Loaded) {
    let ProcessStatus { pid, state, socket, metrics } = &status.process;
    let (device, data) = (&status.device, &status.data);
    tracing::info!(
        "enasd {}, process {pid}: searches on {} with seed {}; the device is {} ({}), with {} \
         threads",
        status.version,
        data.source,
        status.seed,
        device.used,
        device.reason,
        device.threads
    );
    tracing::info!("the state is in {state}, the socket is {socket}");
    let metrics = metrics
        .as_ref()
        .map_or_else(|| "are off".to_owned(), |address| format!("are at http://{address}/metrics"));
    tracing::info!("the metrics {metrics}");
    tracing::info!("ask with: {}", how_to_ask(loaded, socket));
}

/// The shortest command that finds this daemon from the same environment.
fn how_to_ask(loaded: &Loaded, socket: &str) -> String {
    let finds = |flags: &[(String, String)]| {
        let found = Config::load(None, environment(), flags).and_then(|loaded| loaded.socket());
        found.is_ok_and(|path| whole(&path) == socket)
    };
    if finds(&[]) {
        return "enasctl status".to_owned();
    }
    if let Some(state) = &loaded.config.store.state {
        let state = whole(state);
        if finds(&[("store.state".to_owned(), state.clone())]) {
            return format!("enasctl --state {state} status");
        }
    }
    format!("enasctl --socket {socket} status")
}

/// The path as somebody in another folder has to write it.
pub(super) fn whole(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
