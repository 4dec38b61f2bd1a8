//! The socket: there, alive, closed to others; whether this user may ask, and command.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use enasd::api::wire::{SampleArm, SampleRequest, SampleResult};
use enasd::api::{ApiError, ProblemCode};

use crate::doctor::Finding;
use crate::doctor::patient::Patient;

const SOCKET: &str = "socket";
const DAEMON: &str = "daemon";
const RIGHTS: &str = "rights";

/// Others connect.
const OPEN: u32 = 0o006;

pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = vec![socket(patient)];
    if patient.status.is_ok() {
        findings.push(readiness(patient).await);
        findings.push(rights(patient).await);
    }
    findings
}

fn socket(patient: &Patient) -> Finding {
    let path = patient.socket.display();
    let found = match fs::symlink_metadata(&patient.socket) {
        Ok(found) => found,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return missing(patient),
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
            return Finding::forbidden(SOCKET, &format!("look at {path}"), patient.uid);
        }
        Err(err) => {
            let what = format!("cannot look at {path}: {err}");
            return Finding::fail(SOCKET, what, "set another path in `api.socket`");
        }
    };
    if !found.file_type().is_socket() {
        let cure = "move it away, or set another path in `api.socket`";
        return Finding::fail(SOCKET, format!("{path} is there and is no socket"), cure);
    }
    let (mode, gid) = (found.mode() & 0o777, found.gid());
    match &patient.status {
        Ok(_) if mode & OPEN != 0 => Finding::warn(
            SOCKET,
            format!("everybody may ask at {path} (mode {mode:04o})"),
            format!("`chmod 0660 {path}`"),
        ),
        Ok(_) => Finding::ok(SOCKET, format!("{path}, mode {mode:04o}, gid {gid}")),
        Err(ApiError::Unreachable { source, .. }) => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                let what = format!("ask at {path} (mode {mode:04o}, gid {gid})");
                Finding::forbidden(SOCKET, &what, patient.uid)
            }
            io::ErrorKind::ConnectionRefused => Finding::fail(
                SOCKET,
                format!("nobody listens at {path}: a daemon that was killed left it"),
                "start the daemon, which replaces it; its log or `journalctl -u enasd` says why \
                 it ended",
            ),
            _ => Finding::fail(SOCKET, format!("{path}: {source}"), "restart the daemon"),
        },
        Err(err) => Finding::error(SOCKET, err, "restart the daemon; its log says more"),
    }
}

fn missing(patient: &Patient) -> Finding {
    let path = patient.socket.display();
    match patient.holder() {
        Some(pid) => Finding::fail(
            SOCKET,
            format!("process {pid} holds the state folder, and there is no {path}"),
            "restart the daemon if the file was removed, or say where it listens with `--socket`",
        ),
        None => Finding::warn(
            SOCKET,
            format!("no daemon runs: there is no {path}"),
            "start one with `systemctl start enasd` or `enasd run`, or say where it is with \
             `--socket`",
        ),
    }
}

/// The daemon's own judgement.
async fn readiness(patient: &Patient) -> Finding {
    match patient.client.get_bytes("/readyz").await {
        Ok(state) => Finding::ok(DAEMON, String::from_utf8_lossy(&state).trim()),
        Err(ApiError::Problem(problem)) => Finding::fail(DAEMON, problem.message, problem.hint),
        Err(err) => Finding::error(DAEMON, &err, "restart the daemon"),
    }
}

/// Tries a command that has no effect on the search.
async fn rights(patient: &Patient) -> Finding {
    let request = SampleRequest { count: 1, seed: Some(0), arm: SampleArm::Random };
    let answer: Result<SampleResult, ApiError> = patient.client.post("/v1/sample", &request).await;
    let uid = patient.uid;
    match answer {
        Ok(_) => Finding::ok(RIGHTS, format!("uid {uid} may ask and command")),
        Err(ApiError::Problem(problem)) if problem.code == ProblemCode::Forbidden => {
            Finding::ok(RIGHTS, format!("uid {uid} may ask, and not command: {}", problem.hint))
        }
        Err(err @ ApiError::Silent { .. }) => Finding::warn(
            RIGHTS,
            format!("a command waits: {err}"),
            "try again: a step or a derivation under way may be long",
        ),
        Err(err) => Finding::error(RIGHTS, &err, "restart the daemon"),
    }
}
