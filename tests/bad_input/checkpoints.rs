//! Damage to what is kept: one flipped bit in each file of a checkpoint, in all of them, and in
//! the history.

use std::fs;
use std::path::{Path, PathBuf};

use enasd::store::HistoryReader;

use crate::common::history;
use crate::rig::{Daemon, check_undisturbed, check_undisturbed_from, copy, enasd, run_to, said};

/// The folders of the checkpoints, the oldest first.
fn generations(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("checkpoints")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Flips the lowest bit in the middle.
fn flip_a_bit(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn one_flipped_bit_falls_back_to_the_checkpoint_before_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_to(&whole, 2);
    let newest = generations(&whole).pop().unwrap();
    let step = newest.file_name().unwrap();
    let kinds = names(&newest);
    assert!(5 <= kinds.len(), "{kinds:?}");
    for name in kinds {
        let state = folder.path().join(name.replace('.', "-"));
        copy(&whole, &state);
        flip_a_bit(&state.join("checkpoints").join(step).join(&name));
        let log = run_to(&state, 3);
        assert!(log.contains("a damaged checkpoint was set aside"), "{log}");
        let why = fs::read_to_string(state.join("corrupt").join(step).join("WHY.txt")).unwrap();
        assert!(why.contains(&format!("`{name}`")), "{why}");
        check_undisturbed(&state);
    }
}

#[test]
fn a_checkpoint_that_was_set_aside_is_counted_in_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    run_to(&state, 1);
    flip_a_bit(&generations(&state).pop().unwrap().join("shared.safetensors"));
    let mut daemon = Daemon::start(enasd(&state), &state);
    assert_eq!(daemon.status().unwrap()["checkpoint"]["rejected_total"], 1);
    daemon.wait_for("a step", |status| 0 < status["place"]["number"].as_u64().unwrap_or(0));
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}

#[test]
fn if_no_checkpoint_is_whole_nothing_is_started_over() {
    let folder = tempfile::tempdir().unwrap();
    let (state, whole) = (folder.path().join("state"), folder.path().join("whole"));
    run_to(&state, 1);
    copy(&state, &whole);
    for generation in generations(&state) {
        flip_a_bit(&generation.join("policy.safetensors"));
    }
    // The second start finds what the first one found.
    for _ in 0..2 {
        let refused = said(enasd(&state).args(["--until", "cycles=2"]));
        refused.check(70, &["checkpoints in", "is whole", "`policy.safetensors`", "backup"]);
        assert_eq!(names(&state.join("checkpoints")), names(&whole.join("checkpoints")));
        assert_eq!(names(&state.join("corrupt")), Vec::<String>::new());
    }
    // As the text says: the backup mends it.
    fs::remove_dir_all(state.join("checkpoints")).unwrap();
    copy(&whole.join("checkpoints"), &state.join("checkpoints"));
    run_to(&state, 2);
    check_undisturbed(&state);
}

/// The messages of the events of a kind.
fn told(state: &Path, kind: &str) -> Vec<String> {
    let reader = HistoryReader::open(&state.join("history.sqlite")).unwrap();
    let events = reader.events(0, 1000).unwrap().into_iter();
    events.filter(|event| event.kind == kind).map(|event| event.message).collect()
}

#[test]
fn a_broken_history_is_set_aside_whole_and_the_search_goes_on_with_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_to(&whole, 1);
    let (rollouts, _) = history(&whole);
    let end = rollouts.last().unwrap().step + 1;
    let cut: fn(&mut Vec<u8>) = |bytes| bytes.truncate(5000);
    let noise: fn(&mut Vec<u8>) = |bytes| bytes[..64].fill(0x55);
    let page: fn(&mut Vec<u8>) = |bytes| bytes[8192..].fill(0xaa);
    let numbers: fn(&mut Vec<u8>) = |bytes| bytes[60..72].fill(0);
    let text: fn(&mut Vec<u8>) = |bytes| *bytes = b"no database at all\n".to_vec();
    for (number, damage) in [cut, noise, page, numbers, text].into_iter().enumerate() {
        let state = folder.path().join(format!("state{number}"));
        copy(&whole, &state);
        let path = state.join("history.sqlite");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let log = run_to(&state, 2);
        assert!(log.contains("history-damaged") && log.contains("a new one begins"), "{log}");
        let aside = state.join("corrupt/history");
        assert_eq!(fs::read(aside.join("history.sqlite")).unwrap(), bytes, "nothing is deleted");
        let why = fs::read_to_string(aside.join("WHY.txt")).unwrap();
        assert!(1 < why.len() && why.lines().count() == 1, "{why}");
        let [moved] = &told(&state, "history-damaged")[..] else { panic!() };
        assert!(moved.contains(aside.to_str().unwrap()) && moved.contains(why.trim()), "{moved}");
        let [gap] = &told(&state, "history-gap")[..] else { panic!() };
        assert!(gap.contains(&format!("{end} of the search steps")) && gap.contains("1–"), "{gap}");
        check_undisturbed_from(&state, end);
        // Once is enough: the next start has nothing to set aside.
        assert!(!run_to(&state, 2).contains("a new one begins"));
        assert_eq!(names(&state.join("corrupt")), ["history"]);
    }
}

#[test]
fn the_database_of_somebody_else_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    run_to(&state, 1);
    let (path, kept) = (state.join("history.sqlite"), folder.path().join("kept"));
    fs::rename(&path, &kept).unwrap();
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE events (when_ TEXT); CREATE TABLE people (x)").unwrap();
    foreign.close().unwrap();
    let before = fs::read(&path).unwrap();
    let refused = said(enasd(&state).args(["--until", "cycles=2"]));
    refused.check(70, &["history.sqlite", "no history of this program", "move it away"]);
    assert_eq!((fs::read(&path).unwrap(), names(&state.join("corrupt")).len()), (before, 0));
    // As the text says; without a history only memories are lost.
    fs::rename(&kept, &path).unwrap();
    run_to(&state, 2);
    check_undisturbed(&state);
    fs::remove_file(&path).unwrap();
    run_to(&state, 3);
}
