//! Signals, and standard streams that are closed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::{Daemon, check_undisturbed, enasd, run_to, said};

#[test]
fn sigterm_in_every_phase_saves_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for (phase, signals) in
        [("shared", &["-TERM"][..]), ("controller", &["-INT"]), ("derive", &["-TERM", "-TERM"])]
    {
        let mut daemon = Daemon::start(enasd(&state), &state);
        daemon.wait_for(phase, |status| {
            let place = &status["place"];
            place["phase"] == phase && 0 < place["number"].as_u64().unwrap()
        });
        for signal in signals {
            daemon.signal(signal);
        }
        assert_eq!(daemon.end(), Some(0), "{phase}");
        assert!(!daemon.socket().try_exists().unwrap(), "{phase}: the socket stays");
        check_undisturbed(&state);
    }
}

#[test]
fn sigterm_while_paused_ends_it() {
    let mut daemon = Daemon::fresh();
    daemon.wait_for("a cycle", |status| 1 <= status["place"]["cycle"].as_u64().unwrap());
    daemon.ctl(&["pause"]).check(0, &[]);
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&daemon.state);
}

#[test]
fn a_killed_daemon_leaves_a_socket_that_the_next_one_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut daemon = Daemon::start(enasd(&state), &state);
    daemon
        .wait_for("it saves", |status| 1 < status["checkpoint"]["writes_total"].as_u64().unwrap());
    daemon.signal("-KILL");
    assert_eq!(daemon.end(), None);
    assert!(daemon.socket().try_exists().unwrap());
    daemon.ctl(&["status"]).check(3, &["no daemon answers"]);
    let daemon = Daemon::start(enasd(&state), &state);
    daemon.ctl(&["status"]).check(0, &[]);
    drop(daemon);
    check_undisturbed(&state);
}

/// Runs a cycle by a shell, with `streams` behind the command.
fn check_streams(folder: &Path, streams: &str) {
    let state = folder.join("state");
    let direct = enasd(&state);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$0\" \"$@\" --until cycles=1 {streams}"));
    shell.arg(direct.get_program()).args(direct.get_args());
    shell.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    said(&mut shell).check(0, &[]);
    check_undisturbed(&state);
    run_to(&state, 2);
    check_undisturbed(&state);
}

#[test]
fn closed_and_full_streams_do_not_end_the_search() {
    for streams in [">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"] {
        check_streams(tempfile::tempdir().unwrap().path(), streams);
    }
}

#[test]
fn a_log_that_nobody_reads_does_not_end_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut command = enasd(&state);
    command.args(["--until", "cycles=1"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    check_undisturbed(&state);
}
