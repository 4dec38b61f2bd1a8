//! Who is at the other end of the socket, and what that user may do.

use std::collections::BTreeSet;

use actix_web::dev::Extensions;
use actix_web::rt::net::UnixStream;

use crate::api::connection::Timed;
use crate::api::{Problem, ProblemCode};

/// The user at the other end, as the kernel says (`SO_PEERCRED`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    uid: u32,
}

/// Remembers the peer of a connection. One whose user cannot be told may read and not command.
pub(super) fn remember(connection: &Timed<UnixStream>, data: &mut Extensions) {
    if let Ok(credentials) = connection.get_ref().peer_cred() {
        data.insert(Peer { uid: credentials.uid() });
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

    pub(super) fn check(&self, peer: Option<Peer>) -> Result<(), Problem> {
        let who = match peer {
            Some(Peer { uid }) if self.0.contains(&uid) => return Ok(()),
            Some(Peer { uid }) => format!("user {uid} may read and not command"),
            None => "a peer without a known user may read and not command".to_owned(),
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
            assert_eq!(commanders.check(Some(Peer { uid })), Ok(()));
        }
        for peer in [Some(Peer { uid: 4_000_002 }), None] {
            assert_eq!(commanders.check(peer).unwrap_err().code, ProblemCode::Forbidden);
        }
    }
}
