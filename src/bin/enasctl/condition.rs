//! How the daemon is, in a word and a sentence: what `top` and `watch` say of a status.

use enasd::actors::{RunState, Status};
use enasd::api::Limits;

use crate::printer::thousands;
use crate::status::{degraded, doing, seconds};

/// Seconds without a finished step that are never worth a word.
const SHORT_SECONDS: f64 = 10.0;

/// Medians of a step without a finished step after which something is in the way.
const SLOW_STEPS: f64 = 20.0;

/// How much a condition asks of whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing.
    Good,
    /// To know of it.
    Notice,
    /// To do something.
    Bad,
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// How much it asks.
    pub(crate) severity: Severity,
    /// One word.
    pub(crate) word: &'static str,
    /// A sentence without its final point.
    pub(crate) text: String,
}

impl Condition {
    fn new(severity: Severity, word: &'static str, text: impl Into<String>) -> Self {
        Self { severity, word, text: text.into() }
    }

    /// The condition of a daemon that gave `status`, at `now` in seconds since 1970.
    pub(crate) fn of(status: &Status, now: f64) -> Self {
        use Severity::{Bad, Notice};
        match (status.state, degraded(status)) {
            (RunState::Failed, why) => Self::new(Bad, "failed", why.unwrap_or_default()),
            (RunState::Stopping, _) => {
                Self::new(Notice, "stopping", "the daemon ends: it writes its last checkpoint")
            }
            (RunState::Stopped, _) => Self::new(Notice, "stopped", "the run is over"),
            (RunState::Starting, _) => {
                Self::new(Notice, "starting", "the checkpoint is loaded and the actors start")
            }
            (RunState::Paused | RunState::Running, Some(why)) => {
                let state = match status.state {
                    RunState::Paused => "the search is paused",
                    _ if status.finals.unwritten.is_some() => "the search waits for that",
                    _ => "the search goes on unsaved",
                };
                Self::new(Bad, "degraded", format!("{why}; {state}"))
            }
            (RunState::Paused, None) => Self::new(
                Notice,
                "paused",
                "paused by a command: no steps are taken until a resume",
            ),
            (RunState::Running, None) => Self::of_progress(status, now),
        }
    }

    fn of_progress(status: &Status, now: f64) -> Self {
        // The daemon's clock may be a little ahead of what is read here.
        let age = (now - status.updated_unix_seconds).max(0.0);
        let usual = [status.shared.step_seconds, status.policy.step_seconds];
        let usual = usual.into_iter().flatten().fold(0.0, f64::max);
        if Limits::DAEMON.progress.as_secs_f64() < age {
            let text = format!("no step has ended for {}: the log may say why", seconds(age));
            return Self::new(Severity::Bad, "stalled", text);
        }
        if status.finals.retraining.is_some() {
            // Nobody knows how long an epoch usually takes.
            let text = format!("nets are trained from scratch: {}", doing(status));
            return Self::new(Severity::Good, "running", text);
        }
        if age < SHORT_SECONDS.max(SLOW_STEPS * usual) {
            let text = format!(
                "the search goes on, at search step {}",
                thousands(status.place.search_step())
            );
            return Self::new(Severity::Good, "running", text);
        }
        let text = match status.place.phase.as_str() {
            "derive" => format!("deriving for {}: {}", seconds(age), doing(status)),
            _ => format!(
                "no step has ended for {}, the usual step takes {usual:.2} s: a long command is \
                 carried out, or the machine is busy",
                seconds(age)
            ),
        };
        Self::new(Severity::Notice, "slow", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enasd::actors::{DerivationStatus, RetrainingStatus};

    #[track_caller]
    fn check(change: impl FnOnce(&mut Status), word: &str, text: &str) {
        let mut status =
            Status { state: RunState::Running, updated_unix_seconds: 1000.0, ..Status::default() };
        status.shared.step_seconds = Some(1.5);
        change(&mut status);
        let found = Condition::of(&status, 1000.5);
        assert_eq!(found.word, word, "{found:?}");
        assert!(found.text.contains(text), "{found:?}");
    }

    #[test]
    fn every_state_has_its_words() {
        check(|_| (), "running", "the search goes on");
        check(|status| status.state = RunState::Starting, "starting", "loaded");
        check(|status| status.state = RunState::Paused, "paused", "until a resume");
        check(|status| status.state = RunState::Stopping, "stopping", "last checkpoint");
        check(|status| status.state = RunState::Stopped, "stopped", "over");
        let failed = |status: &mut Status| {
            status.state = RunState::Failed;
            status.error = Some("three errors in a row".to_owned());
        };
        check(failed, "failed", "three errors in a row");
    }

    #[test]
    fn failing_checkpoints_are_told_with_what_the_search_does() {
        let full = |status: &mut Status| {
            status.checkpoint.last_error = Some("the disk is full".to_owned());
        };
        check(full, "degraded", "the disk is full; the search goes on unsaved");
        let paused = |status: &mut Status| {
            full(status);
            status.state = RunState::Paused;
        };
        check(paused, "degraded", "the search is paused");
    }

    #[test]
    fn a_search_without_steps_is_slow_and_then_stalled() {
        let aged = |age: f64| move |status: &mut Status| status.updated_unix_seconds -= age;
        check(aged(29.0), "running", "");
        check(aged(31.0), "slow", "no step has ended for 32 s, the usual step takes 1.50 s");
        let deriving = |status: &mut Status| {
            aged(100.0)(status);
            status.place.phase = "derive".to_owned();
            status.derivation = Some(DerivationStatus { scored: 12, of: 110 });
        };
        check(deriving, "slow", "deriving for 1 min 41 s: derive, 12 of 110 scored");
        let retraining = |age: f64| {
            move |status: &mut Status| {
                aged(age)(status);
                let found =
                    RetrainingStatus { of: 4, epochs_of: 60, ..RetrainingStatus::default() };
                status.finals.retraining = Some(found);
            }
        };
        check(retraining(600.0), "running", "trained from scratch: retrain, 0 of 60 epochs");
        check(retraining(901.0), "stalled", "15 min");
        check(aged(901.0), "stalled", "15 min");
        check(aged(-5.0), "running", "");
    }
}
