//! The champions: whether their files can be read, and are what was written.

use enasd::store::{BestFolder, Newest, StoreError, check_champion};

use crate::doctor::Finding;
use crate::doctor::kept::Kept;
use crate::doctor::patient::Patient;

const CHAMPIONS: &str = "champions";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let state = match &patient.state {
        Ok(state) if !state.is_missing() => state,
        _ => return Vec::new(),
    };
    let newest = state.newest.as_ref().ok().and_then(Option::as_ref);
    look(&state.view.champions(), present(newest).as_deref(), patient.uid)
}

/// The id of the champion that a start goes on with.
fn present(newest: Option<&Newest>) -> Option<String> {
    Some(newest?.finals.as_ref()?.champion.as_ref()?.arch.id())
}

fn look(folder: &BestFolder, present: Option<&str>, uid: u32) -> Vec<Finding> {
    let damaged = |id: &str, error: &StoreError| {
        error.is_lost().then(|| damaged(id, error, present == Some(id)))
    };
    let kept = Kept { check: CHAMPIONS, each: "with its files", uid };
    kept.look(folder.list(), |id| read(folder, id), damaged)
}

/// Whether a champion is there; it is whole then.
fn read(folder: &BestFolder, id: &str) -> Result<bool, StoreError> {
    let path = folder.path_of(id)?;
    let look = || check_champion(&path).and_then(|()| folder.check(id));
    // A daemon may have replaced it between the reading of the hashes and of a file.
    match look().or_else(|_| look()) {
        Err(StoreError::NotFound { path: gone }) if gone == path => Ok(false),
        found => found.map(|()| true),
    }
}

/// What is wrong with a champion, and what becomes of it.
fn damaged(id: &str, error: &StoreError, is_present: bool) -> Finding {
    let why = match error {
        StoreError::Corrupt { why, .. } => format!("{id} is damaged: {why}"),
        other => format!("{id} lacks a file: {other}"),
    };
    let cure = if is_present {
        "nothing need be done: a start writes it again from the net that was trained; where that is \
         lost too, restore it from a backup"
    } else {
        "restore it from a backup, or delete it: the search goes on without"
    };
    Finding::warn(CHAMPIONS, why, cure)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::doctor::Verdict;

    const ID: &str = "m5-0";

    #[track_caller]
    fn check(folder: &BestFolder, present: Option<&str>, verdict: Verdict, told: [&str; 2]) {
        let found = look(folder, present, 0);
        let [found] = &found[..] else { panic!("{found:?}") };
        let cure = found.cure.as_deref().unwrap_or_default();
        let is_told = found.what.contains(told[0]) && cure.contains(told[1]);
        assert!(found.verdict == verdict && is_told, "{found:?}");
    }

    #[test]
    fn champions_are_there_or_damaged_or_of_a_later_program() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("champions");
        check(&BestFolder::look(&path), None, Verdict::Ok, ["none is kept", ""]);
        let folder = BestFolder::open(&path).unwrap();
        folder.put(ID, &[("card.json", b"{}")]).unwrap();
        check(&folder, None, Verdict::Warn, ["m5-0 is damaged", "delete it"]);
        check(&folder, Some(ID), Verdict::Warn, ["m5-0 is damaged", "a start writes it again"]);
        folder.put(ID, &[("README.md", b"")]).unwrap();
        check(&folder, None, Verdict::Warn, ["m5-0 lacks a file", "delete it"]);
        folder.put(ID, &[("card.json", br#"{"format": 7}"#)]).unwrap();
        check(&folder, None, Verdict::Fail, ["has format 7", "install the version"]);
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "").unwrap();
        check(&folder, None, Verdict::Fail, ["cannot list", "a part of the path is a file"]);
    }
}
