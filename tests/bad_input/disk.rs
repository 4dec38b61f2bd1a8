//! Disks that are full or read-only, and folders of others.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{Daemon, check_undisturbed, enasd, is_root, run_to, said, wait};

/// A user that owns nothing here.
const NOBODY: u32 = 65534;

/// A filesystem of its own, until it is dropped.
struct Mount(TempDir);

impl Mount {
    /// None where mounting is not permitted, which is said.
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("not run: a filesystem cannot be mounted here");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let mut mount = Command::new("mount");
        said(mount.args(["-o", &options]).arg(self.0.path())).check(0, &[]);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Writes until there is no more room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
}

/// Deletes the files of the best while the search is paused and there is no room to write them;
/// then makes room, which is all it takes.
fn delete_best_and_free(daemon: &Daemon, mount: &Mount, ballast: &Path) {
    daemon.ctl(&["pause"]).check(0, &[]);
    daemon.wait_for("it is paused", |status| status["state"] == "paused");
    let best = mount.0.path().join("state/best");
    fs::remove_dir_all(&best).unwrap();
    let more = mount.0.path().join("more");
    fill(&more);
    let failures = |status: &Value| status["checkpoint"]["failures_total"].as_u64().unwrap();
    let before = failures(&daemon.status().unwrap());
    daemon.wait_for("it tries again though it is paused", |status| before < failures(status));

    fs::remove_file(ballast).unwrap();
    fs::remove_file(&more).unwrap();
    daemon.wait_for("it saves again", |status| status["checkpoint"]["last_error"].is_null());
    daemon.ctl(&["status"]).check(0, &[]);
    let told = |kind: &str, words: &str| {
        let events = daemon.ctl(&["events", "--output", "ndjson"]).out;
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.any(|e| e["kind"] == kind && e["message"].as_str().unwrap().contains(words))
    };
    for (kind, words) in [
        ("disk", "nearly full: "),
        ("disk", "fine again: "),
        ("disk", "best was gone"),
        ("checkpoint-failed", "free some space"),
        ("checkpoint-saved", "after it failed"),
    ] {
        wait(&format!("the event `{kind}` with `{words}`"), || told(kind, words).then_some(()));
    }
    assert!(!told("best-lost", ""), "their weights were held");
    for best_arch in daemon.status().unwrap()["best"].as_array().unwrap() {
        let weights = best.join(best_arch["id"].as_str().unwrap());
        assert!(weights.join("weights.safetensors").is_file(), "{best_arch}");
    }
}

#[test]
fn a_disk_that_fills_up_degrades_the_daemon_and_loses_nothing() {
    let Some(mount) = Mount::new("24m") else { return };
    let (state, ballast) = (mount.0.path().join("state"), mount.0.path().join("ballast"));
    let outside = tempfile::tempdir().unwrap();
    let mut command = enasd(&state);
    command.arg("--socket").arg(outside.path().join("state.sock"));
    let socket_state = outside.path().join("state");
    let mut daemon = Daemon::start(command, &socket_state);
    let saves = |status: &Value| status["checkpoint"]["writes_total"].as_u64().unwrap();
    let status = daemon.wait_for("a best architecture", |status| status["best"][0].is_object());
    daemon.wait_for("it saves", |later| saves(&status) + 1 < saves(later));

    fill(&ballast);
    let status = daemon
        .wait_for("no room", |status| 0 < status["checkpoint"]["failures_total"].as_u64().unwrap());
    let number = status["place"]["number"].as_u64().unwrap();
    let status = daemon.wait_for("the search goes on", |status| {
        number + 5 < status["place"]["number"].as_u64().unwrap()
    });
    assert_eq!(status["state"], "running");
    daemon.wait_for("the free space is known though nothing can be saved", |status| {
        let bytes = |pointer: &str| status.pointer(pointer).unwrap().as_u64().unwrap();
        bytes("/state_free_bytes") < 2 * bytes("/checkpoint/bytes")
    });
    daemon.ctl(&["status"]).check(4, &["degraded: checkpoints fail: ", "free some space"]);
    daemon.ctl(&["checkpoint"]).check(1, &["free some space"]);

    delete_best_and_free(&daemon, &mount, &ballast);
    daemon.ctl(&["resume"]).check(0, &[]);
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}

#[test]
fn an_end_that_cannot_be_saved_is_no_success() {
    // Less than what a checkpoint leaves free.
    let Some(mount) = Mount::new("8m") else { return };
    let state = mount.0.path().join("state");
    let full = said(enasd(&state).args(["--until", "cycles=1"]));
    full.check(70, &["the last checkpoint could not be written", "free some space"]);
    mount.remount("size=64m");
    run_to(&state, 1);
    check_undisturbed(&state);
}

#[test]
fn a_read_only_folder_is_refused() {
    let Some(mount) = Mount::new("64m") else { return };
    let state = mount.0.path().join("state");
    run_to(&state, 1);
    mount.remount("ro");
    let refused = said(enasd(&state).args(["--until", "cycles=2"]));
    refused.check(70, &["state", "Read-only file system", "mount the filesystem writable"]);
    mount.remount("rw");
    run_to(&state, 2);
    check_undisturbed(&state);
}

#[test]
fn the_folder_of_somebody_else_is_refused() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    run_to(&state, 1);
    chown(&state, Some(NOBODY), None).unwrap();
    let refused = said(enasd(&state).args(["--until", "cycles=2"]));
    refused.check(78, &["cannot be the state folder", "65534"]);
    chown(&state, Some(0), None).unwrap();
    run_to(&state, 2);
    check_undisturbed(&state);
}
