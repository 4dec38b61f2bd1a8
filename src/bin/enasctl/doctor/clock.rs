//! The clock: what was written must not lie in the future.

use crate::doctor::Finding;
use crate::doctor::command::{Ran, run};
use crate::doctor::patient::Patient;

const CLOCK: &str = "clock";
const SYNC: &str = "sync";

/// Clocks of files and processes are not read at the same moment.
const TOLERANCE_SECONDS: f64 = 5.0;

pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    vec![clock(patient), sync().await]
}

fn clock(patient: &Patient) -> Finding {
    let mut dated: Vec<(&str, f64)> = Vec::new();
    if let Ok(state) = &patient.state {
        if let Ok(Some(newest)) = &state.newest {
            dated.push(("the newest checkpoint", newest.unix_seconds as f64));
        }
        if let Some(event) = &state.last_event {
            dated.push(("the last event", event.at_unix_ms as f64 / 1000.0));
        }
    }
    if let Ok(status) = &patient.status {
        dated.push(("the daemon's start", status.started_unix_seconds));
        dated.push(("the daemon's last step", status.updated_unix_seconds));
    }
    let ahead = |time: f64| time - patient.now;
    match dated.iter().find(|(_, time)| TOLERANCE_SECONDS < ahead(*time)) {
        Some((what, time)) => Finding::warn(
            CLOCK,
            format!("{what} is dated {:.0} s in the future: the clock was set back", ahead(*time)),
            "set the clock right; the search itself does not depend on it, but ages in metrics and \
             alerts do",
        ),
        None => Finding::ok(CLOCK, "nothing is dated in the future"),
    }
}

async fn sync() -> Finding {
    match run("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]).await {
        Ran::Done(text) if text.trim() == "no" => Finding::warn(
            SYNC,
            "the clock is not synchronized",
            "start a time service, such as `systemctl enable --now systemd-timesyncd`",
        ),
        Ran::Done(text) if text.trim() == "yes" => Finding::ok(SYNC, "the clock is synchronized"),
        Ran::Done(_) | Ran::Absent | Ran::Failed(_) => {
            Finding::skip(SYNC, "nothing here says whether the clock is synchronized")
        }
    }
}
