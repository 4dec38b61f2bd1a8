//! How long layers take: whether the table of a search that goes by it can be read, and is what was
//! written.

use enasd::store::{CostFile, StoreError};

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, is_forbidden};
use crate::printer::thousands;

const COSTS: &str = "costs";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Ok(state) = &patient.state else { return Vec::new() };
    let limit = patient.setting("limits.milliseconds").and_then(|limit| limit.as_f64());
    let is_bound = matches!(state.newest, Ok(Some(_))) && limit.is_some_and(|limit| limit != 0.0);
    if is_bound { vec![look(&CostFile::of(state.view.path()), patient.uid)] } else { Vec::new() }
}

/// What is found of the file of a search that has begun, and goes by it.
fn look(file: &CostFile, uid: u32) -> Finding {
    let cure = "restore it from a backup while the daemon is down; without one a start measures the \
                layers again, and other architectures may be within `limits.milliseconds`";
    match file.load() {
        Ok(Some(times)) => {
            let layers = thousands(times.len() as u64);
            Finding::ok(COSTS, format!("costs.json has the times of {layers} layers"))
        }
        Ok(None) => Finding::warn(COSTS, "costs.json is gone", cure),
        Err(StoreError::Corrupt { why, .. }) => {
            Finding::warn(COSTS, format!("costs.json is damaged: {why}"), cure)
        }
        Err(error) if is_forbidden(&error) => Finding::forbidden(COSTS, "read costs.json", uid),
        Err(error) => Finding::error(COSTS, &error, "see `dmesg`"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use enasd::net::LayerTimes;

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_table_is_whole_or_damaged_or_gone_or_cannot_be_read() {
        let root = tempfile::tempdir().unwrap();
        let file = CostFile::of(root.path());
        let check = |file: &CostFile, verdict, what: &str| {
            let found = look(file, 0);
            assert!(found.verdict == verdict && found.what.contains(what), "{found:?}");
            assert_eq!(found.cure.is_none(), verdict == Verdict::Ok, "{found:?}");
        };
        check(&file, Verdict::Warn, "is gone");
        file.save("cpu", &LayerTimes::default()).unwrap();
        check(&file, Verdict::Ok, "the times of 0 layers");
        fs::write(root.path().join("costs.json"), "{}").unwrap();
        check(&file, Verdict::Warn, "is damaged: `costs.json` was changed");
        // Longer than any name may be.
        let nowhere = CostFile::of(&root.path().join("x".repeat(300)));
        check(&nowhere, Verdict::Fail, "cannot open");
    }
}
