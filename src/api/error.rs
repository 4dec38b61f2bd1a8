//! Why the API could not be served or asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::Problem;

/// Why the API could not be served or asked.
///
/// Causes are fields named `r#source`, which `thiserror` does not report as
/// [`std::error::Error::source`]: the texts contain them already.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Another process answers on the socket.
    #[error(
        "{} is in use: another process answers there; stop that one, or set another path in \
         `api.socket`",
        path.display()
    )]
    SocketTaken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has the socket's name.
    #[error(
        "{} is there and is no socket; move it away, or set another path in `api.socket`",
        path.display()
    )]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// The socket cannot be made, looked at or removed.
    #[error("cannot {action} {}: {source}; set another path in `api.socket`", path.display())]
    Socket {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// A server cannot start or ended by an error.
    #[error("the {server} server failed: {source}")]
    Server {
        /// Which one.
        server: &'static str,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// Nobody answers on the socket.
    #[error(
        "no daemon answers at {}: {source}; {}",
        path.display(),
        unreachable_remedy(source)
    )]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// The daemon took too long.
    #[error(
        "the daemon at {} did not answer within {} s; `enasctl status` says what it does",
        path.display(),
        limit.as_secs()
    )]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The answer is no HTTP, or it broke off.
    #[error("the answer from {} broke off: {source}", path.display())]
    Http {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        r#source: hyper::Error,
    },
    /// The answer is not what this program expects.
    #[error(
        "the answer from {} cannot be read: {source}; are the daemon and this program of the same \
         version?",
        path.display()
    )]
    Reply {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        r#source: serde_json::Error,
    },
    /// An answer without end.
    #[error("the answer from {} has more than {limit_bytes} bytes", path.display())]
    TooLong {
        /// The socket.
        path: PathBuf,
        /// The most that is read.
        limit_bytes: usize,
    },
    /// The daemon refuses.
    #[error(transparent)]
    Problem(#[from] Problem),
}

fn unreachable_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "run this as root, as the daemon's user, or as a member of the socket's group"
        }
        _ => "start one with `enasd run`, or say where it is with `--state` or `--socket`",
    }
}
