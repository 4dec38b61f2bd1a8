//! The history: its database opens, every page of it is whole, and every step has its rows.

use std::fs;
use std::io;

use enasd::store::{HistoryReader, StoreError};

use crate::doctor::Finding;
use crate::doctor::patient::Patient;
use crate::printer::thousands;

const HISTORY: &str = "history";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Ok(state) = &patient.state else { return Vec::new() };
    if state.is_missing() {
        return Vec::new();
    }
    let path = state.view.history();
    let shown = path.display();
    let forbidden = || vec![Finding::forbidden(HISTORY, &format!("read {shown}"), patient.uid)];
    match fs::File::open(&path) {
        Ok(_) => {}
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => return forbidden(),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            return vec![match state.view.steps() {
                Ok(steps) if !steps.is_empty() => Finding::warn(
                    HISTORY,
                    format!("there are checkpoints and no {shown}"),
                    "restore it from a backup; without it the search goes on with an empty history",
                ),
                _ => Finding::ok(HISTORY, "there is none yet"),
            }];
        }
        Err(err) => {
            let what = format!("cannot open {shown}: {err}");
            return vec![Finding::fail(HISTORY, what, "see `dmesg` and the disk's health")];
        }
    }
    let step = match &state.newest {
        Ok(Some(newest)) => newest.step,
        _ => 0,
    };
    let checked = HistoryReader::look(&path).and_then(|reader| reader.check(step));
    let cure = "restore it from a backup while the daemon is down: a start sets it aside under \
                `corrupt/`, and the search goes on with a new history";
    vec![match checked {
        Ok(health) if health.missing == 0 && health.damaged == 0 => {
            Finding::ok(HISTORY, format!("{} rows, every page whole", thousands(health.draws)))
        }
        Ok(health) => Finding::warn(
            HISTORY,
            format!("{} whole rows; {health}", thousands(health.draws)),
            "restore it from a backup while the daemon is down; the search does not need it, and \
             goes on without what is lost",
        ),
        Err(err @ StoreError::OlderFormat { .. }) => Finding::ok(HISTORY, err.to_string()),
        Err(err) if err.is_history_damage() => Finding::fail(HISTORY, cause(&err), cure),
        Err(err) => Finding::error(HISTORY, &err, "see what stands in its place"),
    }]
}

/// What is wrong, without what mends it.
fn cause(err: &StoreError) -> String {
    match err {
        StoreError::Corrupt { path, why } => format!("{} is damaged: {why}", path.display()),
        StoreError::Database { path, source, .. } => format!("{}: {source}", path.display()),
        other => other.to_string(),
    }
}
