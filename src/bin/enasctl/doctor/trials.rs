//! The nets that are trained from scratch: whether their files can be read, and are what was written.

use enasd::store::{StateView, StoreError};

use crate::doctor::Finding;
use crate::doctor::kept::Kept;
use crate::doctor::patient::Patient;

const TRIALS: &str = "trials";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    match &patient.state {
        Ok(state) if !state.is_missing() => look(&state.view, patient.uid),
        _ => Vec::new(),
    }
}

fn look(view: &StateView, uid: u32) -> Vec<Finding> {
    let trials = view.trials();
    let read = |key: &str| {
        // A daemon may have replaced it between the reading of the hashes and of a file.
        let found = trials.load(key).or_else(|_| trials.load(key));
        found.map(|trial| trial.is_some())
    };
    let damaged = |_: &str, error: &StoreError| {
        let StoreError::Corrupt { path, why } = error else { return None };
        let what = format!("{} is damaged: {why}", path.display());
        let cure = "nothing need be done: a net that is asked for is trained again, to the same bits; \
                    but see `dmesg` and the disk's health";
        Some(Finding::warn(TRIALS, what, cure))
    };
    Kept { check: TRIALS, each: "whole", uid }.look(trials.list(), read, damaged)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use enasd::engine::Snapshot;
    use enasd::search::{FinalConfig, TrialPlan, TrialState};
    use enasd::store::{BestFolder, TrialFolder};

    use super::*;
    use crate::doctor::Verdict;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn put(state: &Path) {
        let cell = "[identity(0)+identity(1), identity(0)+identity(1)]";
        let arch = format!("normal={cell} reduction={cell}").parse().unwrap();
        let plan = TrialPlan { arch, seed: 0, recipe: FinalConfig::default() };
        let [params, running, momenta] = [const { Snapshot::new() }; 3];
        let state_of = TrialState { epoch: 3, params, running, momenta, ..TrialState::default() };
        TrialFolder::open(&state.join("trials")).unwrap().put(KEY, &plan, &state_of).unwrap();
    }

    #[track_caller]
    fn check(state: &Path, verdict: Verdict, what: &str, cure: Option<&str>) {
        let found = look(&StateView::new(state), 0);
        let [found] = &found[..] else { panic!("{found:?}") };
        assert!(found.verdict == verdict && found.what.contains(what), "{found:?}");
        let told = found.cure.as_deref().unwrap_or_default();
        assert!(cure.map_or(told.is_empty(), |cure| told.contains(cure)), "{found:?}");
    }

    #[test]
    fn trials_are_whole_or_damaged_or_of_a_later_program() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path();
        check(state, Verdict::Ok, "none is kept", None);
        put(state);
        check(state, Verdict::Ok, "kept are 1, each whole", None);
        fs::write(state.join("trials").join(KEY).join("trial.json"), "{").unwrap();
        check(state, Verdict::Warn, "the bytes of `trial.json`", Some("trained again"));
        let later: &[(&str, &[u8])] = &[("trial.json", br#"{"format": 7}"#)];
        BestFolder::look(&state.join("trials")).put(KEY, later).unwrap();
        check(state, Verdict::Fail, "has format 7", Some("install the version"));
        fs::remove_dir_all(state.join("trials")).unwrap();
        fs::write(state.join("trials"), "").unwrap();
        check(state, Verdict::Fail, "cannot list", Some("a part of the path is a file"));
    }
}
