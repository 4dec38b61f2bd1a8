//! Faults of the state folder: who may use it, who holds it, and what is in it.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use enasd::store::{History, StateFolder};

use crate::rig::{Diagnosis, Rig, is_root};

/// The folders of the checkpoints, the oldest first.
fn checkpoints(rig: &Rig) -> Vec<PathBuf> {
    let folders = fs::read_dir(rig.state().join("checkpoints")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    folders
}

fn damage(file: &std::path::Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn wrong_modes_of_the_folder_are_found() {
    let rig = Rig::ended();
    for (mode, verdict, what, cure) in [
        (0o777, "fail", "everybody may write into it (mode 0777)", "`chmod o-w` it"),
        (0o755, "warn", "mode 0755", "chmod 0750"),
        (0o050, "fail", "its owner may not use", "chmod 0750"),
    ] {
        fs::set_permissions(rig.state(), Permissions::from_mode(mode)).unwrap();
        rig.doctor().check("state", verdict, what, cure);
    }
}

#[test]
fn a_link_in_the_folders_place_is_found() {
    let rig = Rig::ended();
    let real = rig.folder.path().join("real");
    fs::rename(rig.state(), &real).unwrap();
    symlink(&real, rig.state()).unwrap();
    rig.doctor().check("state", "fail", "symbolic link", "give the folder itself");
}

#[test]
fn a_folder_that_was_given_to_somebody_else_is_found() {
    if !is_root() {
        return;
    }
    let rig = Rig::running();
    chown(rig.state(), Some(65534), None).unwrap();
    rig.doctor().check("state", "fail", "belongs to uid 65534", "change its owner");
}

#[test]
fn a_lock_that_no_daemon_holds_is_found() {
    let rig = Rig::ended();
    let _held = StateFolder::open(&rig.state()).unwrap();
    let holder = format!("process {}", std::process::id());
    let found = rig.doctor();
    found.check("lock", "fail", &holder, "exit status 75");
    found.check("socket", "fail", &holder, "--socket");
}

#[test]
fn a_damaged_checkpoint_is_found_and_where_a_start_would_go_on() {
    let rig = Rig::ended();
    let folders = checkpoints(&rig);
    let [.., before, newest] = &folders[..] else { panic!("{folders:?}") };
    damage(&newest.join("shared.safetensors"));
    let found = rig.doctor();
    let before = before.file_name().unwrap().to_str().unwrap();
    let cure = format!("goes on from {before}");
    found.check("checkpoint", "fail", "the bytes of `shared.safetensors`", &cure);
    found.check("checkpoint", "ok", &format!("{before} is whole"), "");
    assert_eq!(checkpoints(&rig), folders);
}

#[test]
fn checkpoints_of_which_none_is_whole_are_found() {
    let rig = Rig::ended();
    for folder in checkpoints(&rig) {
        damage(&folder.join("MANIFEST.json"));
    }
    rig.doctor().check("checkpoint", "fail", "is whole", "restore the folder from a backup");
}

#[test]
fn what_was_set_aside_is_found_with_its_reason() {
    let rig = Rig::ended();
    damage(&checkpoints(&rig).last().unwrap().join("search.json"));
    rig.run(3);
    let found = rig.doctor();
    found.check("corrupt", "warn", "the bytes of `search.json`", "corrupt");
    found.check("checkpoint", "ok", "whole", "");
}

#[test]
fn a_damaged_history_is_found() {
    let rig = Rig::ended();
    let path = rig.state().join("history.sqlite");
    // A log would give the pages back.
    for log in ["history.sqlite-wal", "history.sqlite-shm"] {
        let _ = fs::remove_file(rig.state().join(log));
    }
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    rig.doctor().check("history", "fail", "history.sqlite", "sets it aside");
    let foreign = rig.state().join("foreign");
    let db = rusqlite::Connection::open(&foreign).unwrap();
    db.execute_batch("CREATE TABLE x (y)").unwrap();
    db.close().unwrap();
    fs::rename(&foreign, &path).unwrap();
    rig.doctor().check("history", "fail", "no history of this program", "move it away");
    fs::remove_file(&path).unwrap();
    rig.doctor().check("history", "warn", "checkpoints and no", "restore it from a backup");
}

/// The folders of the best architectures.
fn best(rig: &Rig) -> Vec<PathBuf> {
    let folders = fs::read_dir(rig.state().join("best")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    folders
}

#[test]
fn best_architectures_without_their_files_are_found_and_what_becomes_of_them() {
    let rig = Rig::ended();
    rig.doctor().check("best", "ok", "each with its files", "");
    let folders = best(&rig);
    let [one, other, ..] = &folders[..] else { panic!("{folders:?}") };
    let id = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let cycle = |folder: &PathBuf| -> u64 {
        let card = fs::read(folder.join("arch.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&card).unwrap()["cycle"].as_u64().unwrap()
    };
    // The last step of the run derived in its second cycle, with the ω of the checkpoint.
    let cure = |cycle: u64| if cycle == 1 { "a start writes" } else { "from a backup" };
    let cycles = (cycle(one), cycle(other));
    damage(&one.join("weights.safetensors"));
    let found = rig.doctor();
    found.check("best", "warn", &format!("{}, derived in cycle", id(one)), cure(cycles.0));
    found.check("best", "warn", "the bytes of `weights.safetensors`", "");
    let count = |found: &Diagnosis| {
        found.of_verdict("warn").into_iter().filter(|check| *check == "best").count()
    };
    assert_eq!(count(&found), 1);
    // The files of another architecture, under sums that fit.
    fs::remove_dir_all(one).unwrap();
    assert!(Command::new("cp").arg("-r").args([other, one]).status().unwrap().success());
    rig.doctor().check("best", "warn", &format!("its files are of {}", id(other)), "");
    fs::remove_dir_all(rig.state().join("best")).unwrap();
    let found = rig.doctor();
    assert_eq!(count(&found), folders.len());
    for (folder, cycle) in [(one, cycles.0), (other, cycles.1)] {
        found.check("best", "warn", &id(folder), cure(cycle));
    }
    // A start does as was foretold.
    rig.run(2);
    for (folder, cycle) in [(one, cycles.0), (other, cycles.1)] {
        assert_eq!(folder.join("weights.safetensors").is_file(), cycle == 1, "{}", id(folder));
    }
}

#[test]
fn a_clock_that_was_set_back_is_found_by_checkpoints_and_by_events() {
    let rig = Rig::ended();
    let newest = checkpoints(&rig).pop().unwrap().join("MANIFEST.json");
    let file = File::options().append(true).open(&newest).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_hours(1)).unwrap();
    let cure = "set the clock right";
    rig.doctor().check("clock", "warn", "the newest checkpoint is dated 3", cure);
    file.set_modified(SystemTime::now()).unwrap();
    rig.doctor().check("clock", "ok", "", "");
    let mut history = History::open(&rig.state().join("history.sqlite"), 1 << 30).unwrap();
    history.event(4_000_000_000_000, "started", "in the year 2096").unwrap();
    rig.doctor().check("clock", "warn", "the last event is dated", cure);
}

#[test]
fn a_folder_that_vanishes_under_a_daemon_is_found() {
    let rig = Rig::running();
    fs::rename(rig.state(), rig.folder.path().join("elsewhere")).unwrap();
    rig.doctor().check("state", "fail", "is gone while a daemon runs", "backup");
}

#[test]
fn a_checkpoint_that_grows_is_not_whole() {
    let rig = Rig::ended();
    let newest = checkpoints(&rig).pop().unwrap().join("search.json");
    File::options().append(true).open(newest).unwrap().write_all(b" ").unwrap();
    rig.doctor().check("checkpoint", "fail", "expected", "dmesg");
}

#[test]
fn a_ledger_of_the_test_split_that_a_start_refuses_is_found() {
    let rig = Rig::ended();
    rig.edit("candidates = 0", "candidates = 1");
    rig.run(3);
    rig.doctor().check("test-split", "ok", "candidates were ever measured on it", "");
    let path = rig.state().join("test-split.json");
    damage(&path);
    rig.doctor().check("test-split", "fail", "`test-split.json` was changed", "from a backup");
    fs::remove_file(&path).unwrap();
    rig.doctor().check("test-split", "fail", "counts fewer than the", "`begin after ");
}
