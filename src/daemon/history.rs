//! The history at the start: opened, set back to the checkpoint, and held against it. What is
//! missing or damaged is told, and no reason to stay down: the search does not read it.

use crate::actors::LastRun;
use crate::search::Applied;
use crate::store::{Health, History, OwnHistory, RejectedHistory, StateFolder, StoreError};
use crate::telemetry::{Metrics, unix_millis};

/// The history at the start.
pub(super) struct Opened {
    pub(super) history: History,
    /// How it was found.
    pub(super) health: Health,
    /// How the run before ended.
    pub(super) last: LastRun,
    /// From whose children θ learnt in steps that are to be taken again.
    pub(super) replay: Vec<Applied>,
}

/// Opens the history of `folder` for a search that goes on at `step`.
pub(super) fn open_history(
    folder: &StateFolder,
    bytes: u64,
    step: u64,
) -> Result<Opened, StoreError> {
    let opened = OwnHistory::open(folder, bytes).and_then(|own| hold_against(own, step));
    let (OwnHistory { mut history, rejected }, last, health, replay) = match opened {
        Err(error) if error.is_history_damage() => {
            hold_against(OwnHistory::begin(folder, bytes, &error)?, step)?
        }
        opened => opened?,
    };
    let mut tell = |kind, message: String| tell(&mut history, kind, &message);
    if let Some(RejectedHistory { moved_to, why }) = rejected {
        let moved_to = moved_to.display();
        let what = format!("the history was moved to {moved_to}, and a new one begins: {why}");
        tell("history-damaged", what)?;
    }
    if 0 < health.missing {
        let what = format!(
            "the history lacks {} of the search steps before the newest checkpoint: {}",
            health.missing,
            health.missing_text()
        );
        tell("history-gap", what)?;
    }
    if 0 < health.damaged {
        let rows = if health.damaged == 1 { "row" } else { "rows" };
        tell("history-damaged", format!("{} {rows} of the history are damaged", health.damaged))?;
    }
    Ok(Opened { history, health, last, replay })
}

/// Sets a history back to `step` and holds it against a search that stands there. Damage is an
/// error only where the history cannot be written for it.
fn hold_against(
    mut own: OwnHistory,
    step: u64,
) -> Result<(OwnHistory, LastRun, Health, Vec<Applied>), StoreError> {
    let last = last_run(&own.history, step)?;
    let replay = own.history.applied(step)?;
    own.history.rewind(step)?;
    let health = own.history.check(step)?;
    Ok((own, last, health, replay))
}

/// How the run before ended that left `history`, where the checkpoint resumes at `step`.
fn last_run(history: &History, step: u64) -> Result<LastRun, StoreError> {
    let again = history.end().saturating_sub(step);
    Ok(match history.last_event(["start", "stop"])? {
        Some((kind, message)) if kind == "stop" => LastRun::Stopped { message, again },
        None if step == 0 => LastRun::None,
        None => LastRun::Stopped { message: "its history is gone".to_owned(), again },
        Some(_) => LastRun::Killed { again },
    })
}

/// Logs what was found, and writes an event, unless the last of its kind said the same.
fn tell(history: &mut History, kind: &'static str, message: &str) -> Result<(), StoreError> {
    tracing::warn!(kind, "{message}; the search goes on, and `enasctl doctor` says more");
    if history.last_event([kind, kind])?.is_some_and(|(_, last)| last == message) {
        return Ok(());
    }
    history.event(unix_millis(), kind, message).map(drop)
}

/// Publishes what was found at the start.
pub(super) fn publish(health: &Health, metrics: &Metrics) {
    metrics.history_missing(health.missing);
    metrics.history_damaged(health.damaged);
}
