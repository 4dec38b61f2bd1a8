//! Where the daemon listens: on the sockets that it was handed, else where the configuration says.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::api::{
    ApiError, ServeConfig, ServerThread, Socket, serve, serve_listener, serve_metrics,
};
use crate::config::{Loaded, Source};
use crate::daemon::DaemonError;
use crate::daemon::handed_over::HandedOver;
use crate::telemetry::Metrics;

/// The value of `telemetry.metrics` for no metrics.
const OFF: &str = "off";

/// The sockets of the daemon, open.
pub(super) struct Listeners {
    api: Api,
    /// Where the API is.
    pub(super) path: PathBuf,
    metrics: Option<TcpListener>,
}

/// The API's socket, by who owns its file.
enum Api {
    Own(Socket),
    HandedOver(UnixListener),
}

impl Listeners {
    pub(super) fn open(handed: HandedOver, loaded: &Loaded) -> Result<Self, DaemonError> {
        let wanted = &loaded.config.telemetry.metrics;
        let metrics = match handed.metrics {
            Some(listener) => {
                let address = listener.local_addr().map(|at| at.to_string()).unwrap_or_default();
                tracing::info!(address, "serving /metrics on the socket that was handed over");
                tell_of_unused(loaded, "telemetry.metrics", *wanted == address);
                Some(listener)
            }
            None => listen(wanted)?,
        };
        let (api, path) = if let Some(listener) = handed.api {
            let path = path_of(&listener);
            tracing::info!(path = %path.display(), "serving the API on the socket that was handed over");
            tell_of_unused(loaded, "api.socket", loaded.config.api.socket.as_ref() == Some(&path));
            (Api::HandedOver(listener), path)
        } else {
            let path = loaded.socket()?;
            (Api::Own(Socket::bind(&path)?), path)
        };
        Ok(Self { api, path, metrics })
    }

    /// Serves the metrics, if they are to be served, and the API.
    pub(super) fn serve(
        self,
        config: ServeConfig,
        metrics: &Metrics,
    ) -> Result<Vec<ServerThread>, ApiError> {
        let metrics = metrics.clone();
        let scraped =
            self.metrics.map(|at| serve_metrics(at, move || metrics.render())).transpose()?;
        let api = match self.api {
            Api::Own(socket) => serve(socket, config)?,
            Api::HandedOver(listener) => serve_listener(listener, config)?,
        };
        Ok([Some(api), scraped].into_iter().flatten().collect())
    }
}

/// Says that a setting counts for nothing, where somebody made it and it says something else.
fn tell_of_unused(loaded: &Loaded, key: &'static str, same: bool) {
    let source = loaded.sources.get(key).cloned().unwrap_or_default();
    if source != Source::Default && !same {
        tracing::warn!(key, %source, "this setting counts for nothing: the socket was handed over");
    }
}

fn path_of(listener: &UnixListener) -> PathBuf {
    let address = listener.local_addr().ok();
    let path = address.as_ref().and_then(|address| address.as_pathname());
    path.map_or_else(|| PathBuf::from("(a socket without a file)"), Path::to_owned)
}

fn listen(address: &str) -> Result<Option<TcpListener>, DaemonError> {
    if address == OFF {
        return Ok(None);
    }
    let listener = TcpListener::bind(address).map_err(|error| DaemonError::Metrics {
        address: address.to_owned(),
        why: error.to_string(),
    })?;
    tracing::info!(address, "serving /metrics");
    Ok(Some(listener))
}
