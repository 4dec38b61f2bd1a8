//! The checkpoints: whether a start could go on from the newest, how old it is, and what was set
//! aside.

use enasd::actors::{RunState, Status, nth};
use enasd::store::{Newest, StoreError};

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, StateFacts};
use crate::printer::thousands;

const CHECKPOINT: &str = "checkpoint";
const AGE: &str = "saving";
const CORRUPT: &str = "corrupt";

/// How many intervals may pass, and how many seconds beyond them for the writing itself.
const MAX_INTERVALS: f64 = 3.0;
const PATIENCE_SECONDS: f64 = 60.0;

/// The longest list of what was set aside.
const MAX_LISTED: usize = 5;

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = match &patient.state {
        Ok(state) if state.is_missing() => Vec::new(),
        Ok(state) if state.is_closed() => {
            vec![Finding::forbidden(CHECKPOINT, "look at the checkpoints", patient.uid)]
        }
        Ok(state) => {
            let mut findings = newest(&state.newest, patient.now);
            findings.push(corrupt(state));
            findings
        }
        Err(_) => Vec::new(),
    };
    if let Ok(status) = &patient.status {
        let every = patient.setting("store.checkpoint_seconds").and_then(|every| every.as_f64());
        findings.push(age(status, every.unwrap_or_default(), patient.now));
    }
    findings
}

fn newest(found: &Result<Option<Newest>, StoreError>, now: f64) -> Vec<Finding> {
    let newest = match found {
        Ok(Some(newest)) => newest,
        Ok(None) => return vec![Finding::ok(CHECKPOINT, "there is none yet")],
        Err(err) => return vec![Finding::error(CHECKPOINT, err, "restore it from a backup")],
    };
    let Newest { step, bytes, program, damaged, .. } = newest;
    let mut findings: Vec<Finding> = damaged
        .iter()
        .map(|(damaged, why)| {
            Finding::fail(
                CHECKPOINT,
                format!("the checkpoint {damaged:012} is damaged: {why}"),
                format!(
                    "nothing need be done: a start sets it aside and goes on from {step:012}, \
                     which is whole; but see `dmesg` and the disk's health"
                ),
            )
        })
        .collect();
    findings.push(Finding::ok(
        CHECKPOINT,
        format!(
            "{step:012} is whole by its BLAKE3 sums, and resumes at search step {}: {} bytes, written \
             {:.0} s ago by enasd {program}",
            thousands(nth(*step)),
            thousands(*bytes),
            (now - newest.unix_seconds as f64).max(0.0)
        ),
    ));
    findings
}

fn corrupt(state: &StateFacts) -> Finding {
    let aside = match state.view.corrupt() {
        Ok(aside) => aside,
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Vec::new()
        }
        Err(err) => return Finding::error(CORRUPT, &err, "see what stands in its place"),
    };
    if aside.is_empty() {
        return Finding::ok(CORRUPT, "nothing was ever set aside");
    }
    let listed = aside.iter().take(MAX_LISTED).map(|one| {
        let why = one.why.as_deref().unwrap_or("no reason is written down");
        format!("{} ({why})", one.name)
    });
    let listed: Vec<String> = listed.collect();
    Finding::warn(
        CORRUPT,
        format!("set aside as damaged, {} in all: {}", aside.len(), listed.join(", ")),
        format!(
            "see the disk's health (`dmesg`, `smartctl -a`), then delete what is in {}",
            state.view.path().join("corrupt").display()
        ),
    )
}

/// Whether the daemon saves, and as often as it should.
fn age(status: &Status, every: f64, now: f64) -> Finding {
    let checkpoint = &status.checkpoint;
    if let Some(why) = &checkpoint.last_error {
        let text = format!("the last attempt to save failed: {why}");
        return Finding::error(AGE, &text, "see the daemon's log");
    }
    let last = checkpoint.unix_seconds.unwrap_or(status.started_unix_seconds);
    let age = now - last;
    let limit = MAX_INTERVALS * every + PATIENCE_SECONDS;
    if status.state == RunState::Running && limit < age {
        return Finding::fail(
            AGE,
            format!("the daemon has not saved for {age:.0} s, and should every {every} s"),
            "see `enasctl status` and the daemon's log; a step that hangs keeps it from saving",
        );
    }
    match checkpoint.unix_seconds {
        Some(_) => Finding::ok(AGE, format!("saved {:.0} s ago, every {every} s", age.max(0.0))),
        None => Finding::ok(AGE, format!("not saved since the start {:.0} s ago", age.max(0.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_daemon_that_does_not_save_is_found_by_its_age_and_by_its_error() {
        let mut status =
            Status { state: RunState::Running, started_unix_seconds: 1000.0, ..Status::default() };
        assert_eq!(age(&status, 10.0, 1050.0).verdict, Verdict::Ok);
        assert_eq!(age(&status, 10.0, 1091.0).verdict, Verdict::Fail);
        status.checkpoint.unix_seconds = Some(1080.0);
        assert_eq!(age(&status, 10.0, 1091.0).verdict, Verdict::Ok);
        status.state = RunState::Paused;
        assert_eq!(age(&status, 10.0, 9000.0).verdict, Verdict::Ok);
        status.checkpoint.last_error = Some("no room; free some space".to_owned());
        let found = age(&status, 10.0, 1081.0);
        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.cure.as_deref(), Some("free some space"));
    }
}
