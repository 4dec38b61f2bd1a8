//! Where the daemon listens: on the sockets that it was handed, else where the configuration says.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
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

/// Ports after the default one that are tried where nothing else is configured: so many daemons of
/// several users have one each.
const MORE_PORTS: u16 = 10;

/// The sockets of the daemon, open.
pub(super) struct Listeners {
    api: Api,
    /// Where the API is.
    pub(super) path: PathBuf,
    metrics: Option<TcpListener>,
    /// Names under which the metrics answer.
    hosts: Vec<String>,
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
            None if wanted == OFF => None,
            None => Some(listen(wanted, loaded.sources.get("telemetry.metrics"))?),
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
        let hosts = loaded.config.telemetry.metrics_hosts.clone();
        Ok(Self { api, path, metrics, hosts })
    }

    /// Where the metrics are, if they are to be served.
    pub(super) fn metrics_address(&self) -> Option<String> {
        Some(self.metrics.as_ref()?.local_addr().ok()?.to_string())
    }

    /// Serves the metrics, if they are to be served, and the API.
    pub(super) fn serve(
        self,
        config: ServeConfig,
        metrics: &Metrics,
    ) -> Result<Vec<ServerThread>, ApiError> {
        let metrics = metrics.clone();
        let serve_metrics = |at| serve_metrics(at, &self.hosts, move || metrics.render());
        let scraped = self.metrics.map(serve_metrics).transpose()?;
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

/// Listens at `wanted`. Where nobody configured it and the port is taken, at the next free one: a
/// second user of the machine has a daemon, too.
fn listen(wanted: &str, source: Option<&Source>) -> Result<TcpListener, DaemonError> {
    let is_default = source.is_none_or(|source| *source == Source::Default);
    match TcpListener::bind(wanted) {
        Ok(listener) => Ok(listener),
        Err(error) if is_default && error.kind() == ErrorKind::AddrInUse => listen_beyond(wanted)
            .ok_or_else(|| DaemonError::Metrics {
                address: wanted.to_owned(),
                why: format!("{error}, and so are the next {MORE_PORTS} ports"),
            }),
        Err(error) => {
            Err(DaemonError::Metrics { address: wanted.to_owned(), why: error.to_string() })
        }
    }
}

fn listen_beyond(taken: &str) -> Option<TcpListener> {
    let first: SocketAddr = taken.parse().ok()?;
    let mut ports = (1..=MORE_PORTS).map(|more| first.port().saturating_add(more));
    let listener = ports.find_map(|port| TcpListener::bind((first.ip(), port)).ok())?;
    let address = listener.local_addr().ok()?;
    tracing::warn!("{taken} is taken: /metrics is at {address}; have Prometheus scrape that");
    Some(listener)
}
