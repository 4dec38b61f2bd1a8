//! What is well is called well, and the doctor touches nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::rig::{Diagnosis, Rig, is_root, listing};

/// Every check that a running daemon gets.
const CHECKS: [&str; 25] = [
    "version",
    "config",
    "drift",
    "data",
    "binding",
    "state",
    "lock",
    "mount",
    "space",
    "inodes",
    "checkpoint",
    "corrupt",
    "saving",
    "best",
    "test-split",
    "champions",
    "trials",
    "history",
    "socket",
    "daemon",
    "rights",
    "device",
    "metrics",
    "clock",
    "sync",
];

#[test]
fn a_healthy_daemon_has_no_warning_and_no_failure() {
    let rig = Rig::running();
    let found = rig.doctor();
    assert_eq!(found.code, Some(0));
    assert_eq!(found.of_verdict("warn"), Vec::<&str>::new());
    assert_eq!(found.of_verdict("fail"), Vec::<&str>::new());
    let checks: Vec<&str> = found.findings.iter().map(|f| f["check"].as_str().unwrap()).collect();
    assert_eq!(checks[..CHECKS.len()], CHECKS);
    found.check("unit", "skip", "no systemctl", "");
    found.check("lock", "ok", &format!("process {} (enasd)", rig.pid()), "");
}

#[test]
fn the_three_forms_say_the_same() {
    let rig = Rig::running();
    let text = String::from_utf8(rig.ctl(&["doctor"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("ok    socket      "), "{text}");
    assert!(text.ends_with(" 0 warn, 0 fail\n"), "{text}");
    let output = rig.ctl(&["doctor", "--output", "json"]).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verdict"], "skip");
    let lines = rig.doctor().findings.len();
    assert_eq!(json["findings"].as_array().unwrap().len(), lines);
}

#[test]
fn without_a_daemon_everything_on_the_disk_is_checked_and_nothing_is_touched() {
    let rig = Rig::ended();
    let before = listing(rig.folder.path());
    let found = rig.doctor();
    assert!(before == listing(rig.folder.path()), "the doctor changed something");
    assert_eq!(found.of_verdict("fail"), Vec::<&str>::new());
    assert_eq!(found.of_verdict("warn"), ["socket"]);
    found.check("socket", "warn", "no daemon runs", "enasd run");
    found.check("checkpoint", "ok", "whole by its BLAKE3 sums", "");
    found.check("drift", "ok", "belong to this configuration", "");
    found.check("metrics", "ok", "is free", "");
    found.check("lock", "ok", "free", "");
}

#[test]
fn what_an_ordinary_user_may_not_look_at_is_said() {
    if !is_root() {
        return;
    }
    let rig = Rig::running();
    let ctl = rig.ctl(&["doctor", "--output", "ndjson"]);
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(ctl.get_program());
    command.args(ctl.get_args()).arg("--state").arg(rig.state()).env_clear().env("HOME", "/");
    let found = Diagnosis::of(&command.output().unwrap());
    assert_eq!(found.of_verdict("fail"), Vec::<&str>::new());
    for check in ["lock", "checkpoint", "history", "socket"] {
        found.check(check, "skip", "uid 65534 may not", "run it as root");
    }

    // A member of the socket's group asks and does not command.
    fs::set_permissions(rig.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid=65534", "--regid=0", "--clear-groups"]).arg(ctl.get_program());
    command.args(ctl.get_args()).env_clear().env("HOME", "/");
    let found = Diagnosis::of(&command.output().unwrap());
    found.check("rights", "ok", "uid 65534 may ask, and not command", "");
    found.check("daemon", "ok", "running", "");
}
