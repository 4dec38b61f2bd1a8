//! Terminals that are closed, and terminals and pipes that nobody reads.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, Winsize, tcflow, tcsetwinsize};
use serde_json::Value;

use crate::common::Killed;
use crate::rig::{Daemon, check_undisturbed, enasd, run_to, said, scrape, wait};

/// A terminal: the side of whoever sits there, and the side of the program.
fn terminal() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(ptsname(&master, Vec::new()).unwrap(), flags, Mode::empty());
    (File::from(master), slave.unwrap())
}

/// `direct` in a session of its own, started by `setsid` with these arguments, on a terminal.
fn on(slave: &OwnedFd, direct: &Command, arguments: &[&str]) -> Command {
    let mut command = Command::new("setsid");
    command.args(arguments).arg(direct.get_program()).args(direct.get_args());
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").stdin(slave.try_clone().unwrap());
    command.stdout(slave.try_clone().unwrap()).stderr(slave.try_clone().unwrap());
    command
}

fn steps(status: &Value) -> u64 {
    status["place"]["number"].as_u64().unwrap()
}

/// Waits until the search has gone on by `count` steps.
#[track_caller]
fn goes_on(daemon: &Daemon, count: u64) {
    let wanted = count + steps(&daemon.wait_for("it answers", |_| true));
    daemon.wait_for("the search goes on", |status| wanted <= steps(status));
}

/// Reads until all `words` have come, and gives the rest to nobody.
#[track_caller]
fn read_until(reader: &mut impl Read, words: &[&str]) {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while !words.iter().all(|word| text.contains(word)) {
        let length = reader.read(&mut bytes).unwrap();
        assert_ne!(length, 0, "{words:?} are not in {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_search_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut master, slave) = terminal();
    let mut daemon = Daemon::start_with_streams(on(&slave, &enasd(&state), &["--ctty"]), &state);
    drop(slave);
    read_until(&mut master, &["INFO", "cycle ", "reward "]);
    drop(master);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
    run_to(&state, 2);
}

#[test]
fn a_terminal_that_goes_without_a_word_does_not_end_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut master, slave) = terminal();
    // It is not the terminal of the session, so there is no signal.
    let mut daemon = Daemon::start_with_streams(on(&slave, &enasd(&state), &[]), &state);
    drop(slave);
    read_until(&mut master, &["INFO", "cycle "]);
    drop(master);
    goes_on(&daemon, 10);
    daemon.ctl(&["log-level", "debug"]).check(0, &[]);
    goes_on(&daemon, 10);
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}

/// A daemon that says something of each connection.
fn talkative(state: &Path) -> Command {
    let mut command = enasd(state);
    command.env("ENASD_TELEMETRY__LOG", "trace,mio=trace");
    command
}

/// Has the daemon say more than anything takes that nobody reads: a pipe takes 64 KiB, the queue
/// before it 1024 lines.
fn fill(daemon: &Daemon) {
    for _ in 0..3000 {
        UnixStream::connect(daemon.socket()).unwrap();
    }
    goes_on(daemon, 10);
}

#[test]
fn a_terminal_that_nobody_reads_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (_unread, slave) = terminal();
    let command = on(&slave, &talkative(&state), &["--ctty"]);
    let mut daemon = Daemon::start_with_streams(command, &state);
    fill(&daemon);
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}

#[test]
fn a_pipe_that_is_read_late_tells_how_many_lines_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (reader, writer) = pipe().unwrap();
    let mut command = talkative(&state);
    command.args(["--metrics", "127.0.0.1:0"]).stderr(writer);
    let mut daemon = Daemon::start_with_streams(command, &state);
    fill(&daemon);
    let metrics = daemon.metrics();
    let dropped = || {
        let scrape = scrape(&metrics);
        let count =
            scrape.lines().find_map(|line| line.strip_prefix("enas_log_lines_dropped_total "));
        count.unwrap().parse::<u64>().unwrap()
    };
    wait("the metrics count them", || (0 < dropped()).then_some(()));
    let lines = read_on(reader);
    wait("it tells of the lines that it dropped", || {
        lines.try_iter().find(|line| line.contains("lines of this log were dropped"))
    });
    goes_on(&daemon, 3);
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}

/// Reads lines to the end on a thread.
fn read_on(reader: PipeReader) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).lines() {
            // The test may be over.
            let _ = sender.send(line.unwrap());
        }
    });
    lines
}

#[test]
fn an_error_at_the_start_does_not_wait_for_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (_unread, mut writer) = pipe().unwrap();
    // As full as it gets.
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let mut command = enasd(&state);
    command.args(["--seed", "none"]).stderr(writer);
    assert_eq!(said(&mut command).code, Some(78));
}

/// `enasctl top` on a terminal, which it has drawn on.
fn top(daemon: &Daemon, arguments: &[&str]) -> (Killed, File, OwnedFd) {
    let (mut master, slave) = terminal();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();
    let process = on(&slave, &daemon.ctl_command(&["top"]), arguments).spawn().unwrap();
    read_until(&mut master, &["running"]);
    (Killed(process), master, slave)
}

#[test]
fn the_live_screen_ends_with_its_terminal() {
    let daemon = Daemon::fresh();
    // With a signal, and without one.
    for arguments in [&["--ctty"][..], &[]] {
        let (mut process, master, slave) = top(&daemon, arguments);
        drop((master, slave));
        let code = wait("it ends", || process.0.try_wait().unwrap()).code();
        assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?}");
    }
}

#[test]
fn the_live_screen_ends_by_a_signal_where_nobody_reads_it() {
    let daemon = Daemon::fresh();
    let (mut process, _master, slave) = top(&daemon, &["--ctty"]);
    tcflow(&slave, Action::OOff).unwrap();
    goes_on(&daemon, 10);
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let code = wait("it ends", || process.0.try_wait().unwrap()).code();
    assert_eq!(code, Some(0));
}

#[test]
fn a_list_whose_reader_has_seen_enough_ends_in_order() {
    let daemon = Daemon::fresh();
    goes_on(&daemon, 3);
    for verb in [&["list"][..], &["history", "--limit", "10000"], &["watch", "--every", "0"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = daemon.ctl_command(verb);
        command.stdout(writer);
        said(&mut command).check(0, &[]);
    }
}
