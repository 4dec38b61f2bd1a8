//! Where the daemon is, and how long its answers may take.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enasd::api::{Client, Limits};

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
    pub(crate) fn new(socket: Option<PathBuf>) -> Self {
        let socket = socket.unwrap_or_else(default_socket);
        Self { questions: Client::new(&socket, QUESTION) }
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

/// Where a daemon without a configured socket listens: `enasd.sock` in the user's runtime folder,
/// else `api.sock` in the state folder. Relative folders are ignored, as XDG wants it.
fn default_socket() -> PathBuf {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(runtime) = folder("XDG_RUNTIME_DIR") {
        return runtime.join("enasd.sock");
    }
    let state = folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| Path::new("/var/lib").to_owned());
    state.join("enasd/api.sock")
}
