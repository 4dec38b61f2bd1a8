//! Who is at the other end of a connection, and what that user may do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actix_web::rt::net::{TcpStream, UnixStream};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::api::{Problem, ProblemCode};

/// Who is at the other end: what places are counted by, and rights depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    /// A user of this machine, as the kernel says (`SO_PEERCRED`).
    User(u32),
    /// A machine.
    Host(IpAddr),
    /// The kernel does not say.
    Unknown,
}

/// A connection of either server.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Who is at the other end.
    fn peer(&self) -> Peer;

    /// The address at which the peer reached this machine; none on a Unix socket.
    fn reached_at(&self) -> Option<IpAddr>;
}

impl Stream for UnixStream {
    fn peer(&self) -> Peer {
        self.peer_cred().map_or(Peer::Unknown, |credentials| Peer::User(credentials.uid()))
    }

    fn reached_at(&self) -> Option<IpAddr> {
        None
    }
}

impl Stream for TcpStream {
    fn peer(&self) -> Peer {
        self.peer_addr().map_or(Peer::Unknown, |address| Peer::Host(address.ip().to_canonical()))
    }

    fn reached_at(&self) -> Option<IpAddr> {
        self.local_addr().ok().map(|address| address.ip().to_canonical())
    }
}

/// Users that may command: root, the daemon's own, and the admins.
#[derive(Clone, Debug)]
pub(super) struct Commanders(BTreeSet<u32>);

impl Commanders {
    pub(super) fn new(admins: &[u32]) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self(admins.iter().copied().chain([0, own]).collect())
    }

    pub(super) fn check(&self, peer: Peer) -> Result<(), Problem> {
        let who = match peer {
            Peer::User(uid) if self.0.contains(&uid) => return Ok(()),
            Peer::User(uid) => format!("user {uid} may read and not command"),
            _ => "a peer without a known user may read and not command".to_owned(),
        };
        let hint = "run it as root or as the daemon's user, or add the user to `api.admins`";
        Err(Problem::new(ProblemCode::Forbidden, who, hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_daemon_and_admins_may_command_and_nobody_else() {
        let own = rustix::process::geteuid().as_raw();
        let commanders = Commanders::new(&[4_000_001]);
        for uid in [0, own, 4_000_001] {
            assert_eq!(commanders.check(Peer::User(uid)), Ok(()));
        }
        let here = Peer::Host([127, 0, 0, 1].into());
        for peer in [Peer::User(4_000_002), here, Peer::Unknown] {
            assert_eq!(commanders.check(peer).unwrap_err().code, ProblemCode::Forbidden);
        }
    }
}
