//! The state folder: there, of the right user, closed to others, held by the daemon that answers.

use std::fs;
use std::os::unix::fs::MetadataExt;

use enasd::store::FolderFacts;

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, StateFacts, is_forbidden};

const FOLDER: &str = "state";
const LOCK: &str = "lock";

/// What the owner needs, and what a daemon gives the group.
const OWNER: u32 = 0o700;
const CLOSED: u32 = 0o027;

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let state = match &patient.state {
        Ok(state) => state,
        Err(err) => return vec![Finding::error(FOLDER, err, "set `store.state`")],
    };
    let path = state.view.path().display();
    let facts = match state.view.facts() {
        Ok(Some(facts)) => facts,
        Ok(None) if patient.is_daemon_there() && patient.origins.is_some() => {
            return vec![Finding::fail(
                FOLDER,
                format!("{path} is gone while a daemon runs on it"),
                "stop the daemon, and give the folder back from a backup before the next start",
            )];
        }
        Ok(None) => {
            return vec![Finding::ok(FOLDER, format!("{path} is not there; a start makes it"))];
        }
        Err(err) if is_forbidden(&err) => {
            return vec![Finding::forbidden(FOLDER, &format!("look at {path}"), patient.uid)];
        }
        Err(err) => return vec![Finding::error(FOLDER, &err, "see what stands in its place")],
    };
    vec![folder(patient, state, facts), lock(patient, state)]
}

fn folder(patient: &Patient, state: &StateFacts, facts: FolderFacts) -> Finding {
    let path = state.view.path().display();
    let FolderFacts { uid, gid, mode } = facts;
    // Where no daemon runs, who will start it is not known: its owner, it is to be hoped.
    let daemon = patient.holder().and_then(user).unwrap_or(uid);
    match state.view.fault(daemon) {
        Ok(None) => {}
        Ok(Some(fault)) => {
            let text = format!("{path} cannot be the state folder: {fault}");
            return Finding::error(FOLDER, &text, "give it to the daemon's user alone");
        }
        Err(err) => return Finding::error(FOLDER, &err, "see what stands in its place"),
    }
    if mode & OWNER != OWNER {
        return Finding::fail(
            FOLDER,
            format!("its owner may not use {path} (mode {mode:04o})"),
            format!("`chmod 0750 {path}`"),
        );
    }
    if mode & CLOSED != 0 {
        return Finding::warn(
            FOLDER,
            format!("others than its owner may use {path} (mode {mode:04o})"),
            format!("`chmod 0750 {path}`"),
        );
    }
    Finding::ok(FOLDER, format!("{path}, mode {mode:04o}, uid {uid}, gid {gid}"))
}

fn lock(patient: &Patient, state: &StateFacts) -> Finding {
    let path = state.view.path().display();
    match (&state.holder, &patient.status) {
        (Err(err), _) if is_forbidden(err) => {
            Finding::forbidden(LOCK, "see who holds the state folder", patient.uid)
        }
        (Err(err), _) => Finding::error(LOCK, err, "see what stands in its place"),
        (Ok(Some(pid)), Ok(_)) => Finding::ok(LOCK, format!("held by {}", process(*pid))),
        (Ok(Some(pid)), Err(_)) if patient.may_not_ask() => {
            Finding::ok(LOCK, format!("held by {}, which this user may not ask", process(*pid)))
        }
        (Ok(Some(pid)), Err(_)) => Finding::fail(
            LOCK,
            format!(
                "{} holds {path}, but no daemon answers at {}",
                process(*pid),
                patient.socket.display()
            ),
            format!(
                "if it is an enasd, say where it listens with `--socket`; else end process {pid}: \
                 while it holds the folder a start is refused (exit status 75)"
            ),
        ),
        (Ok(None), Ok(_)) => Finding::skip(
            LOCK,
            "the daemon that answers is not seen to hold the folder: it runs in another container, \
             or uses another state folder",
        ),
        (Ok(None), Err(_)) => Finding::ok(LOCK, "free"),
    }
}

/// The user that a process runs as.
fn user(pid: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|found| found.uid())
}

/// A process with its name.
fn process(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim()),
        Err(_) => format!("process {pid}"),
    }
}
