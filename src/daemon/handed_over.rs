//! Sockets that the service manager opened and hands over (`LISTEN_FDS`): it goes on listening
//! while the daemon restarts, and owns their files.
//!
//! systemd gives all sockets of a unit one name, so their kind tells them apart: a Unix socket is
//! the API's, a TCP socket is that of the metrics.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::daemon::DaemonError;

/// The name that a socket must have where it has one: `FileDescriptorName=` of the unit.
const NAME: &str = "enasd";

/// The name of a socket whose unit or service manager gives none.
const NO_NAME: &str = "unknown";

/// The sockets that were handed over.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    /// The API's.
    pub(super) api: Option<UnixListener>,
    /// That of the metrics.
    pub(super) metrics: Option<TcpListener>,
}

impl HandedOver {
    /// Takes what this process was started with. To be called once, before there are threads: the
    /// variables are cleared.
    pub(super) fn take() -> Result<Self, DaemonError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self::sort(ListenFd::from_env(), &names)
    }

    /// Sorts sockets by kind; `names` are theirs, with colons between.
    fn sort(mut given: ListenFd, names: &str) -> Result<Self, DaemonError> {
        let mut names = names.split(':');
        let mut handed = Self::default();
        for idx in 0..given.len() {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or(NO_NAME);
            let refused =
                |why| DaemonError::HandedOver { number: idx + 1, name: name.to_owned(), why };
            if ![NAME, NO_NAME].contains(&name) {
                return Err(refused("has a name that is not enasd's"));
            }
            if let Ok(Some(socket)) = given.take_unix_listener(idx) {
                let free = handed.api.is_none();
                handed.api = Some(listening(socket).ok_or_else(|| refused("does not listen"))?);
                if !free {
                    return Err(refused("is a second Unix socket"));
                }
            } else if let Ok(Some(socket)) = given.take_tcp_listener(idx) {
                let free = handed.metrics.is_none();
                handed.metrics = Some(listening(socket).ok_or_else(|| refused("does not listen"))?);
                if !free {
                    return Err(refused("is a second TCP socket"));
                }
            } else {
                return Err(refused("is neither a Unix stream socket nor a TCP socket"));
            }
        }
        Ok(handed)
    }
}

/// A socket on which nobody can be accepted, such as a single connection, is none.
fn listening<S: AsFd>(socket: S) -> Option<S> {
    socket_acceptconn(&socket).is_ok_and(|listens| listens).then_some(socket)
}
