//! The best architectures: those of the newest checkpoint have their files, whole and with the
//! weights that their scores were measured with, as a start checks them.

use enasd::actors::nth;
use enasd::search::{BestArch, Place, ScheduleConfig};
use enasd::store::{ArchFault, Newest, StateView, StoreError, scored_weights};
use serde_json::{Map, Value};

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, is_forbidden};
use crate::printer::thousands;

const BEST: &str = "best";

/// How often it is looked while a daemon replaces what is looked at.
const ATTEMPTS: usize = 4;

/// An architecture whose files are not right.
struct Fault<'a> {
    best: &'a BestArch,
    why: ArchFault,
    /// Whether a start has the weights that scored it, from its files or from the checkpoint.
    has_weights: bool,
}

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Ok(state) = &patient.state else { return Vec::new() };
    let Ok(Some(newest)) = &state.newest else { return Vec::new() };
    let mut newest = newest.clone();
    // A daemon replaces the files before it writes the checkpoint that names them, and removes
    // those of architectures that left after it.
    for _ in 0..ATTEMPTS {
        match state.view.newest() {
            Ok(Some(later))
                if later.step != newest.step && !faults_of(&state.view, &newest).is_empty() =>
            {
                newest = later;
            }
            _ => break,
        }
    }
    let faults = faults_of(&state.view, &newest);
    let Some(archs) = &newest.best else {
        let what = format!("the checkpoint {:012} cannot be read by this program", newest.step);
        return vec![Finding::skip(BEST, what)];
    };
    if archs.is_empty() {
        return vec![Finding::ok(BEST, "no architecture was derived yet")];
    }
    if faults.is_empty() {
        let what = format!("{} architectures, each with its files", thousands(archs.len() as u64));
        return vec![Finding::ok(BEST, what)];
    }
    let is_closed = |fault: &Fault| match &fault.why {
        ArchFault::Files(error) => is_forbidden(error),
        _ => false,
    };
    if faults.iter().any(is_closed) {
        return vec![Finding::forbidden(BEST, "read the best architectures", patient.uid)];
    }
    faults.iter().map(|fault| fault.told(&state.view)).collect()
}

/// Those of a checkpoint whose files are not right. Those of a step that the search has yet to
/// take again, and will write again, are.
fn faults_of<'a>(view: &StateView, newest: &'a Newest) -> Vec<Fault<'a>> {
    let folder = view.best();
    let archs = newest.best.iter().flatten();
    let faults = archs.filter_map(|best| match scored_weights(&folder, best) {
        Ok(_) => {
            let error = folder.check(&best.arch.id()).err()?;
            Some(Fault { best, why: error.into(), has_weights: true })
        }
        Err(ArchFault::Step { step }) if newest.step <= step => None,
        Err(why) => Some(Fault { best, why, has_weights: has_weights(newest, best) }),
    });
    faults.collect()
}

impl Fault<'_> {
    /// What is wrong with an architecture, and what becomes of it.
    fn told(&self, view: &StateView) -> Finding {
        let id = self.best.arch.id();
        let path = view.path().join(BEST).join(&id);
        let why = match &self.why {
            ArchFault::Files(StoreError::Corrupt { path, why }) => {
                format!("{} is damaged: {why}", path.display())
            }
            other => other.to_string(),
        };
        let what = format!("{id}, derived in cycle {}: {why}", nth(self.best.cycle));
        let path = path.display();
        let cure = if self.has_weights {
            format!("nothing need be done: a start writes {path} again, with the same weights")
        } else {
            format!(
                "restore {path} from a backup while the daemon is down; without one these weights \
                 are lost, and only the architecture and its score stay"
            )
        };
        Finding::warn(BEST, what, cure)
    }
}

/// Whether the ω of a checkpoint is the one that scored `best`.
fn has_weights(newest: &Newest, best: &BestArch) -> bool {
    let schedule = newest.config.as_deref().and_then(schedule);
    schedule.is_some_and(|schedule| {
        let updates = |number| Place::shared_steps_before(number, &schedule);
        updates(best.step) == updates(newest.step)
    })
}

/// The schedule by the settings of a checkpoint, which are listed by key.
fn schedule(config: &str) -> Option<ScheduleConfig> {
    let config: Map<String, Value> = serde_json::from_str(config).ok()?;
    let values = config.into_iter();
    let values =
        values.filter_map(|(key, value)| Some((key.strip_prefix("schedule.")?.to_owned(), value)));
    serde_json::from_value(Value::Object(values.collect())).ok()
}
