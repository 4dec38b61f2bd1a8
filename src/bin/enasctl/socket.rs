//! Where the daemon is, and how long its answers may take.

use std::path::PathBuf;
use std::time::Duration;

use enasd::api::{Client, Limits};
use enasd::config::{Config, ConfigError, environment};

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
    /// The daemon at `socket`, or at the default place.
    pub(crate) fn new(socket: Option<PathBuf>) -> Result<Self, ConfigError> {
        let socket = socket.map_or_else(default_socket, Ok)?;
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

/// Where the daemon itself would listen: the same configuration, environment and folders.
fn default_socket() -> Result<PathBuf, ConfigError> {
    Config::load(None, environment(), &[])?.socket()
}
