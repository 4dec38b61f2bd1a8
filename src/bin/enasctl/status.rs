//! `enasctl status`: what the daemon does, and whether it is well.

use std::time::Duration;

use enasd::actors::{AdvantageStatus, DerivationStatus, DeviceStatus, RunState, Status, nth};
use enasd::api::ApiError;

use crate::clock::now;
use crate::failure::Failure;
use crate::printer::{Printer, fields, or_dash, percent, thousands};
use crate::socket::Daemon;

/// Prints the status; a degraded daemon gives an exit status of its own.
pub(crate) async fn status(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let status: Result<Status, ApiError> = daemon.questions.get("/v1/status").await;
    let status = status?;
    printer.one(&status, |status| table(status, now()))?;
    match degraded(&status) {
        Some(why) => Err(Failure::Degraded { why }),
        None => Ok(()),
    }
}

/// Why the daemon is not well, if so.
pub(crate) fn degraded(status: &Status) -> Option<String> {
    if status.state == RunState::Failed {
        let why = status.error.as_deref().unwrap_or("no reason is known");
        return Some(format!("the search failed: {why}"));
    }
    if let Some(silence) = status.disk_silence_seconds {
        return Some(format!("the disk has not answered for {}", seconds(silence)));
    }
    let why = status.checkpoint.last_error.as_ref()?;
    Some(format!("checkpoints fail: {why}"))
}

/// Lines for people, as of `now` in seconds since 1970.
fn table(status: &Status, now: f64) -> String {
    let (process, up) = (&status.process, (now - status.started_unix_seconds).max(0.0));
    fields(&[
        ("state", state(status)),
        ("place", place(status)),
        ("cycle", cycle(status)),
        ("shared", shared(status)),
        ("policy", policy(status)),
        ("advantage", advantage(status)),
        (
            "archs",
            format!(
                "{} drawn, about {} different",
                thousands(status.archs_sampled),
                thousands(status.archs_different())
            ),
        ),
        (
            "best",
            or_dash(status.best.first(), |b| format!("{}, {}", b.id, percent(b.score.accuracy))),
        ),
        ("checkpoint", checkpoint(status)),
        ("device", device(status)),
        ("data", data(status)),
        ("process", format!("{}, up for {}", process.pid, seconds(up))),
        ("state folder", process.state.clone()),
        ("socket", process.socket.clone()),
        ("metrics", or_dash(process.metrics.as_ref(), |at| format!("http://{at}/metrics"))),
        (
            "version",
            format!(
                "{}, {} of {}, seed {}",
                status.version, status.space, status.space_size, status.seed
            ),
        ),
    ])
}

fn state(status: &Status) -> String {
    let name = format!("{:?}", status.state).to_lowercase();
    match &status.error {
        Some(why) => format!("{name}: {why}"),
        None => name,
    }
}

fn place(status: &Status) -> String {
    let place = &status.place;
    format!(
        "cycle {}, epoch {}, {}; search step {}",
        place.nth_cycle(),
        place.epoch_text(),
        doing(status),
        thousands(place.search_step())
    )
}

/// The phase, and how far it is.
pub(crate) fn doing(status: &Status) -> String {
    let place = &status.place;
    match status.derivation {
        Some(DerivationStatus { scored, of }) => format!("derive, {scored} of {of} scored"),
        None => format!("{} phase, step {}/{}", place.phase, place.nth_step(), place.phase_steps),
    }
}

fn cycle(status: &Status) -> String {
    let place = &status.place;
    let left = or_dash(status.cycle_seconds_left, seconds);
    let (done, of) = (thousands(place.cycle_done), thousands(place.cycle_steps));
    format!("{done} of {of} steps are done, {left} left")
}

fn shared(status: &Status) -> String {
    let shared = &status.shared;
    format!(
        "loss {}, training accuracy {}, validation accuracy {}, {} images/s",
        or_dash(shared.loss, |loss| format!("{loss:.4}")),
        or_dash(shared.train_accuracy, percent),
        or_dash(shared.valid_accuracy, percent),
        or_dash(shared.images_per_second, |rate| format!("{rate:.0}"))
    )
}

fn policy(status: &Status) -> String {
    let policy = &status.policy;
    format!(
        "reward {}, random arm {}, baseline {}, entropy {}",
        or_dash(policy.reward, percent),
        or_dash(policy.random_reward, percent),
        or_dash(policy.baseline, percent),
        or_dash(policy.entropy_nats, |nats| format!("{nats:.2} nats"))
    )
}

fn checkpoint(status: &Status) -> String {
    let checkpoint = &status.checkpoint;
    let newest =
        or_dash(checkpoint.step, |step| format!("resumes at search step {}", thousands(nth(step))));
    let bytes = or_dash(checkpoint.bytes, |bytes| format!("{} bytes", thousands(bytes)));
    let failed = match &checkpoint.last_error {
        Some(why) => format!("; the last attempt failed: {why}"),
        None => String::new(),
    };
    format!("{newest}, {bytes}{failed}")
}

fn advantage(status: &Status) -> String {
    let AdvantageStatus { mean, low, high, steps, verdict } = &status.advantage;
    match (mean, low, high) {
        (Some(mean), Some(low), Some(high)) => format!(
            "{verdict}: {:+.2} points, 95 % within {:+.2} to {:+.2}, over {steps} steps",
            100.0 * mean,
            100.0 * low,
            100.0 * high
        ),
        _ => verdict.clone(),
    }
}

fn device(status: &Status) -> String {
    let device = &status.device;
    let DeviceStatus { wanted, used, reason, executor, threads } = device;
    format!("{used} ({wanted} wanted: {reason}), executor {executor}, {threads} threads")
}

fn data(status: &Status) -> String {
    let data = &status.data;
    let [channels, rows, columns] = data.image;
    format!(
        "{}: {} training, {} validation, {} test images of {channels}×{rows}×{columns}, {} classes",
        data.source, data.train, data.valid, data.test, data.classes
    )
}

/// A time in its two largest units.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default().as_secs();
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_runs_and_failing_checkpoints_are_degraded() {
        let mut status = Status { state: RunState::Running, ..Status::default() };
        assert_eq!(degraded(&status), None);
        status.checkpoint.last_error = Some("disk full".to_owned());
        assert_eq!(degraded(&status).as_deref(), Some("checkpoints fail: disk full"));
        status.disk_silence_seconds = Some(65.0);
        let why = degraded(&status);
        assert_eq!(why.as_deref(), Some("the disk has not answered for 1 min 5 s"));
        status.state = RunState::Failed;
        status.error = Some("three errors in a row".to_owned());
        let why = degraded(&status);
        assert_eq!(why.as_deref(), Some("the search failed: three errors in a row"));
    }

    #[test]
    fn times_are_told_in_two_units() {
        for (found, text) in [(0.4, "0 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")] {
            assert_eq!(seconds(found), text);
        }
    }
}
