//! What is known before the checks: the daemon as it answers, the configuration as it stands, and
//! the state folder. Everything is looked at once; nothing is changed.

use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enasd::actors::{ProcessStatus, Status};
use enasd::api::{ApiError, Client, ConfigOrigins};
use enasd::config::{Config, ConfigError, Loaded, Source, environment};
use enasd::store::{EventRow, HistoryReader, Newest, StateView, StoreError};

use crate::args::{DaemonPlace, PatientArgs};
use crate::clock::now;
use crate::socket::default_socket;

/// How long an answer may take: the daemon may be in a bad way.
const QUESTION: Duration = Duration::from_secs(10);

/// What the checks look at.
#[derive(Debug)]
pub(crate) struct Patient {
    /// The socket.
    pub(crate) socket: PathBuf,
    /// Asks the daemon.
    pub(crate) client: Client,
    /// What the daemon says of itself.
    pub(crate) status: Result<Status, ApiError>,
    /// The configuration that it runs with, and where that came from.
    pub(crate) origins: Option<ConfigOrigins>,
    /// The configuration that a start would read at this moment: with a daemon, the file that it
    /// read, over the defaults; else also this program's environment.
    pub(crate) loaded: Result<Loaded, ConfigError>,
    /// The state folder.
    pub(crate) state: Result<StateFacts, ConfigError>,
    /// The user that asks.
    pub(crate) uid: u32,
    /// Seconds since 1970.
    pub(crate) now: f64,
}

/// The state folder, and what took time to read there.
#[derive(Debug)]
pub(crate) struct StateFacts {
    /// The folder.
    pub(crate) view: StateView,
    /// The process that holds it.
    pub(crate) holder: Result<Option<u32>, StoreError>,
    /// The newest checkpoint that is whole.
    pub(crate) newest: Result<Option<Newest>, StoreError>,
    /// The last event.
    pub(crate) last_event: Option<EventRow>,
}

impl Patient {
    /// Looks at everything once.
    pub(crate) async fn new(place: &DaemonPlace, args: &PatientArgs) -> Result<Self, ConfigError> {
        let flags = place.flags();
        let local = Config::load(args.config.as_deref(), environment(), &flags);
        // A configuration that is broken is a finding; what does not depend on it goes on.
        let places = match &local {
            Ok(loaded) => loaded.clone(),
            Err(_) => Config::load_without_file(environment(), &flags)
                .or_else(|_| Config::load_without_file(folders(), &flags))?,
        };
        let socket = place.socket.clone().map_or_else(|| default_socket(place, &places), Ok)?;
        let client = Client::new(&socket, QUESTION);
        let status = client.get("/v1/status").await;
        let origins: Option<ConfigOrigins> = client.get("/v1/config/origins").await.ok();
        let loaded = match &origins {
            Some(origins) => {
                let file = args.config.clone().or_else(|| origins.file.clone().map(PathBuf::from));
                Config::load(file.as_deref(), iter::empty(), &[])
            }
            None => local,
        };
        let state = match &origins {
            Some(origins) if place.state.is_none() => Ok(PathBuf::from(&origins.state)),
            _ => places.state(),
        };
        Ok(Self {
            socket,
            client,
            status,
            origins,
            loaded,
            state: state.map(|path| StateFacts::new(&path)),
            uid: rustix::process::geteuid().as_raw(),
            now: now(),
        })
    }

    /// A value of the configuration: of the daemon's, where it answers, else of the one that a
    /// start would read.
    pub(crate) fn setting(&self, key: &str) -> Option<serde_json::Value> {
        if let Some(origins) = &self.origins {
            return origins.keys.get(key).map(|origin| origin.value.clone());
        }
        self.loaded.as_ref().ok()?.values().remove(key)
    }

    /// The address of the metrics: of the daemon's, where it says, else of the one that a start
    /// would try first.
    pub(crate) fn metrics(&self) -> Option<String> {
        match &self.status {
            Ok(status) if status.process != ProcessStatus::default() => {
                Some(status.process.metrics.clone().unwrap_or_else(|| "off".to_owned()))
            }
            _ => Some(self.setting("telemetry.metrics")?.as_str()?.to_owned()),
        }
    }

    /// Whether a start would take the built-in value of a key.
    pub(crate) fn is_default(&self, key: &str) -> bool {
        let source = self.loaded.as_ref().ok().and_then(|loaded| loaded.sources.get(key));
        source.is_none_or(|source| *source == Source::Default)
    }

    /// The process that holds the state, as far as that can be seen.
    pub(crate) fn holder(&self) -> Option<u32> {
        *self.state.as_ref().ok()?.holder.as_ref().ok()?
    }

    /// Whether a daemon is there, be it one that this user may not ask.
    pub(crate) fn is_daemon_there(&self) -> bool {
        match &self.status {
            Err(ApiError::Unreachable { source, .. }) => {
                source.kind() == io::ErrorKind::PermissionDenied || self.holder().is_some()
            }
            _ => true,
        }
    }

    /// Whether the daemon could not be asked for want of rights.
    pub(crate) fn may_not_ask(&self) -> bool {
        matches!(&self.status, Err(ApiError::Unreachable { source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl StateFacts {
    fn new(path: &Path) -> Self {
        let view = StateView::new(path);
        let last_event = HistoryReader::look(&view.history())
            .and_then(|reader| reader.last_events(1))
            .ok()
            .and_then(|mut events| events.pop());
        Self { holder: view.holder(), newest: view.newest(), last_event, view }
    }

    /// Whether this user may not look into the folder.
    pub(crate) fn is_closed(&self) -> bool {
        self.view.steps().is_err_and(|err| is_forbidden(&err))
    }

    /// Whether the folder is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.view.facts(), Ok(None))
    }
}

/// Whether this user may not do what was tried.
pub(crate) fn is_forbidden(err: &StoreError) -> bool {
    matches!(err, StoreError::Io { source, .. }
        if source.kind() == io::ErrorKind::PermissionDenied)
}

/// The environment without what sets keys.
fn folders() -> impl Iterator<Item = (String, String)> {
    environment().filter(|(name, _)| !name.starts_with("ENASD_"))
}
