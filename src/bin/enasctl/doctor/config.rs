//! The configuration: readable, every key known and in its range, and the same as the daemon runs
//! with and the checkpoints belong to.

use std::collections::BTreeMap;
use std::io;

use enasd::api::{ConfigOrigins, OriginLayer};
use enasd::config::{ConfigError, DEFAULT_FILE, Difference, Loaded, role};
use enasd::setting::Role;

use crate::doctor::Finding;
use crate::doctor::patient::Patient;

const CONFIG: &str = "config";
const DRIFT: &str = "drift";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let loaded = match &patient.loaded {
        Ok(loaded) => loaded,
        Err(err) => return faults(err, patient.uid),
    };
    let file = match &loaded.file {
        Some(file) => format!("{} is right", file.display()),
        None => format!("there is none of the user's own and no {DEFAULT_FILE}: the defaults hold"),
    };
    let passed_over = loaded.passed_over.iter().map(|variable| {
        Finding::warn(CONFIG, variable.to_string(), "name it as was meant, or remove it")
    });
    let drift = match &patient.origins {
        Some(origins) => Some(from_daemon(loaded, origins)),
        None => from_checkpoint(loaded, patient),
    };
    [Finding::ok(CONFIG, file)].into_iter().chain(passed_over).chain(drift).collect()
}

/// Every fault of the configuration.
fn faults(err: &ConfigError, uid: u32) -> Vec<Finding> {
    let cure = "mend that line; `enasd check-config` shows what holds";
    match err {
        ConfigError::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
            vec![Finding::forbidden(CONFIG, &format!("read {}", path.display()), uid)]
        }
        ConfigError::Problems { problems } => {
            problems.iter().map(|problem| Finding::error(CONFIG, problem, cure)).collect()
        }
        other => vec![Finding::error(CONFIG, other, cure)],
    }
}

/// What a reload or a restart would change. What the environment or a flag set is not looked at:
/// there it would be set again.
fn from_daemon(loaded: &Loaded, origins: &ConfigOrigins) -> Finding {
    let running: BTreeMap<_, _> = origins.keys.iter().map(|(key, it)| (key, &it.value)).collect();
    let running = serde_json::to_string(&running).expect("values under text keys are JSON");
    let values = match loaded.continuing(&running) {
        Ok(loaded) => loaded.values(),
        Err(err) => return Finding::error(DRIFT, &err, "ask a daemon of this version"),
    };
    let of_file = |layer| matches!(layer, OriginLayer::Default | OriginLayer::File);
    let changed = origins.keys.iter().filter_map(|(key, origin)| {
        let value = values.get(key.as_str()).filter(|value| **value != origin.value)?;
        let shown = |value: &serde_json::Value| (!value.is_null()).then(|| value.to_string());
        let (old, new) = (shown(&origin.value), shown(value));
        of_file(origin.layer).then(|| Difference { key: key.clone(), old, new })
    });
    let role_of = |change: &Difference| role(&change.key);
    let (bound, free): (Vec<_>, Vec<_>) =
        changed.partition(|change| role_of(change) == Some(Role::Search));
    if !bound.is_empty() {
        return Finding::fail(
            DRIFT,
            format!("the file contradicts the search that runs: {}", list(&bound)),
            "set these back, or give the daemon another state folder: after its next end it would \
             not start (exit status 78)",
        );
    }
    if !free.is_empty() {
        let cure = if free.iter().all(|change| role_of(change) == Some(Role::Live)) {
            "have the daemon read it again: `systemctl reload enasd`, or SIGHUP"
        } else {
            "restart the daemon, which saves first and goes on where it was"
        };
        let what = format!("the file has changed since the daemon read it: {}", list(&free));
        return Finding::warn(DRIFT, what, cure);
    }
    Finding::ok(DRIFT, "the daemon runs with what the file says")
}

/// What would keep a start from going on with the search.
fn from_checkpoint(loaded: &Loaded, patient: &Patient) -> Option<Finding> {
    let newest = patient.state.as_ref().ok()?.newest.as_ref().ok()?.as_ref()?;
    let recorded = newest.config.as_ref()?;
    let differences = loaded.continuing(recorded).and_then(|it| it.config.differences(recorded));
    match differences {
        Ok(differences) if differences.is_empty() => {
            Some(Finding::ok(DRIFT, "the checkpoints belong to this configuration"))
        }
        Ok(differences) => Some(Finding::fail(
            DRIFT,
            format!("the checkpoints belong to other settings: {}", list(&differences)),
            "say what the daemon reads with `--config` if it is another file; else set these back, \
             or give the daemon another state folder",
        )),
        Err(err) => Some(Finding::error(DRIFT, &err, "restore the checkpoint from a backup")),
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
