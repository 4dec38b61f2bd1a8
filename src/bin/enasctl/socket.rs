//! Where the daemon is, and how long its answers may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use enasd::api::{Client, Limits};
use enasd::config::{Config, ConfigError, Loaded, SYSTEM_SOCKET, environment};

use crate::args::DaemonPlace;

/// Questions are answered from memory and files.
const QUESTION: Duration = Duration::from_secs(15);

/// What a command's answer may take beyond the server's own limit: the server should be the one
/// to say that it took too long.
const MARGIN: Duration = Duration::from_secs(10);

/// The daemon, by the kinds of requests.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// For what is answered at once.
    pub(crate) questions: Client,
}

impl Daemon {
    /// The daemon at `place`.
    pub(crate) fn new(place: &DaemonPlace) -> Result<Self, ConfigError> {
        let loaded = || Config::load(None, environment(), &place.flags());
        let socket = match &place.socket {
            Some(socket) => socket.clone(),
            None => default_socket(place, &loaded()?)?,
        };
        Ok(Self { questions: Client::new(&socket, QUESTION) })
    }

    /// For commands that wait for a step at most.
    pub(crate) fn commands(&self) -> Client {
        self.questions.with_limit(Limits::DAEMON.command + MARGIN)
    }

    /// For scores, weights, checkpoints and the end.
    pub(crate) fn work(&self) -> Client {
        self.questions.with_limit(Limits::DAEMON.work + MARGIN)
    }

    /// For derivations.
    pub(crate) fn derive(&self) -> Client {
        self.questions.with_limit(Limits::DAEMON.derive + MARGIN)
    }
}

/// Where the daemon itself would listen: the same configuration, environment and folders. Where
/// nothing says where it is and the user runs no daemon, the system's.
pub(crate) fn default_socket(place: &DaemonPlace, loaded: &Loaded) -> Result<PathBuf, ConfigError> {
    if place.state.is_some() || loaded.config.api.socket.is_some() {
        return loaded.socket();
    }
    let own = loaded.socket();
    let is_there = |path: &Path| path.try_exists().unwrap_or(true);
    match own {
        Ok(path) if is_there(&path) => Ok(path),
        _ if is_there(Path::new(SYSTEM_SOCKET)) => Ok(SYSTEM_SOCKET.into()),
        own => own,
    }
}
