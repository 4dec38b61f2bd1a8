//! More than a daemon can take: peers that keep their places, bodies without end, readers that do
//! not read, and no file descriptors.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use enasd::api::{API_PLACES, SPARE_CONNECTIONS};
use enasd::search::Arm;
use enasd::space::Arch;
use enasd::store::{History, HistoryPhase, HistoryRow, Keeping};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::rig::{Daemon, enasd, scrape, wait};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn connect(daemon: &Daemon) -> UnixStream {
    let stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the daemon hangs up, which it must do.
#[track_caller]
fn read_to_end(mut stream: &UnixStream) -> String {
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Ok(_) => {}
        Err(err) if err.kind() == ErrorKind::ConnectionReset => {}
        Err(err) => panic!("the daemon did not hang up: {err}"),
    }
    String::from_utf8_lossy(&reply).into_owned()
}

/// What the daemon has in memory, in KiB.
fn memory_kib(daemon: &Daemon) -> u64 {
    kib(daemon, "VmRSS:")
}

/// A line of `/proc/PID/status`, in KiB.
fn kib(daemon: &Daemon, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", daemon.process.0.id())).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The most that the daemon had in memory since [`forget_peak`], in KiB.
fn peak_kib(daemon: &Daemon) -> u64 {
    kib(daemon, "VmHWM:")
}

fn forget_peak(daemon: &Daemon) {
    fs::write(format!("/proc/{}/clear_refs", daemon.process.0.id()), "5").unwrap();
}

/// What the daemon has computed so far, in ticks of 10 ms.
fn ticks(daemon: &Daemon) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", daemon.process.0.id())).unwrap();
    let fields = text.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// What the daemon has open, as the kernel names it.
fn open_files(daemon: &Daemon) -> impl Iterator<Item = String> {
    let files = fs::read_dir(format!("/proc/{}/fd", daemon.process.0.id())).unwrap();
    // One may be closed in this moment.
    files.filter_map(|file| Some(fs::read_link(file.ok()?.path()).ok()?.display().to_string()))
}

fn sockets(daemon: &Daemon) -> usize {
    open_files(daemon).filter(|name| name.starts_with("socket:")).count()
}

/// A daemon that does nothing of itself.
fn paused(daemon: Daemon) -> Daemon {
    daemon.ctl(&["pause"]).check(0, &[]);
    daemon
}

#[test]
fn two_hundred_peers_that_dawdle_are_hung_up_on_and_nobody_waits_for_them() {
    let daemon = Daemon::fresh();
    let start = Instant::now();
    let peers: Vec<_> = (0..200)
        .map(|number| {
            let mut peer = connect(&daemon);
            if number % 2 == 0 {
                peer.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\nx-half: ").unwrap();
            }
            peer
        })
        .collect();
    let asked = Instant::now();
    daemon.ctl(&["status"]).check(0, &[]);
    eprintln!("status took {:?} with 200 peers", asked.elapsed());
    for (number, peer) in peers.iter().enumerate() {
        let expected = if number % 2 == 0 { "HTTP/1.1 408" } else { "" };
        assert!(read_to_end(peer).starts_with(expected), "{number}");
    }
    eprintln!("all were hung up on within {:?}", start.elapsed());
    daemon.ctl(&["status"]).check(0, &[]);
}

#[test]
fn connections_have_a_limit() {
    let daemon = Daemon::fresh();
    let sockets = || sockets(&daemon);
    let peers: Vec<_> = (0..300).map(|_| connect(&daemon)).collect();
    wait("the daemon takes as many as it may", || (API_PLACES < sockets()).then_some(()));
    for _ in 0..20 {
        // Beside those there are those that are told to go, the listener and signals.
        let taken = sockets();
        assert!(taken < API_PLACES + SPARE_CONNECTIONS + 20, "{taken} sockets at a time");
        sleep(Duration::from_millis(20));
    }
    drop(peers);
    daemon.ctl(&["status"]).check(0, &[]);
}

#[test]
fn a_thousand_silent_connections_keep_nobody_from_asking() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut command = enasd(&state);
    command.args(["--metrics", "127.0.0.1:0"]);
    let daemon = Daemon::start(command, &state);
    let metrics = daemon.metrics();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (mut asking, mut scraping) = (vec![], vec![]);
    for _ in 0..10 {
        asking.extend((0..100).map(|_| connect(&daemon)));
        scraping.extend((0..100).map(|_| TcpStream::connect(&metrics).unwrap()));
        let asked = Instant::now();
        daemon.ctl(&["status"]).check(0, &[]);
        assert!(scrape(&metrics).contains("enas_build_info"));
        eprintln!("both beside {} took {:?}", asking.len(), asked.elapsed());
    }
}

#[test]
fn a_body_without_end_is_cut() {
    const GIB: usize = 1 << 30;
    let daemon = paused(Daemon::fresh());
    let before = memory_kib(&daemon);
    for head in [format!("content-length: {GIB}"), "transfer-encoding: chunked".to_owned()] {
        let mut peer = connect(&daemon);
        let line = format!("POST /v1/score HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n");
        peer.write_all(line.as_bytes()).unwrap();
        if head.starts_with("transfer") {
            peer.write_all(format!("{GIB:x}\r\n").as_bytes()).unwrap();
        }
        let (part, start) = (vec![b' '; 1 << 16], Instant::now());
        let mut sent = 0;
        while peer.write_all(&part).is_ok() {
            sent += part.len();
            assert!(start.elapsed() < PATIENCE, "{head}: {sent} bytes were taken");
        }
        let reply = read_to_end(&peer);
        eprintln!("{head}: cut after {sent} bytes and {:?}: {reply}", start.elapsed());
        assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
    }
    let after = memory_kib(&daemon);
    eprintln!("memory: {before} KiB, then {after} KiB");
    assert!(after < before + (16 << 10), "{before} KiB, then {after} KiB");
}

#[test]
fn readers_who_do_not_read_lose_their_place_and_cost_no_memory() {
    let daemon = paused(Daemon::fresh());
    let mut history = History::open(&daemon.state.join("history.sqlite"), 1 << 30).unwrap();
    // 32 MiB of events: far more than all buffers of a connection hold.
    for number in 0..4096 {
        history.event(number, "noise", &"0".repeat(8 << 10)).unwrap();
    }
    let follow = b"GET /v1/events?follow=true HTTP/1.1\r\nhost: x\r\n\r\n";
    let ask = || {
        let mut peer = connect(&daemon);
        peer.write_all(follow).unwrap();
        let mut reply = [0; 12];
        peer.read_exact(&mut reply).unwrap();
        (peer, String::from_utf8_lossy(&reply).into_owned())
    };
    let before = memory_kib(&daemon);
    let readers: Vec<_> = (0..16).map(|_| ask()).collect();
    assert!(readers.iter().all(|(_, reply)| reply == "HTTP/1.1 200"), "{readers:?}");
    assert_eq!(ask().1, "HTTP/1.1 503");
    let start = Instant::now();
    let (mut reader, _) = wait("a place is free", || {
        sleep(Duration::from_millis(200));
        Some(ask()).filter(|(_, reply)| reply == "HTTP/1.1 200")
    });
    let after = memory_kib(&daemon);
    eprintln!("a place was free after {:?}; {before} KiB, then {after} KiB", start.elapsed());
    // Sixteen times all events are 512 MiB.
    assert!(after < before + (32 << 10), "{before} KiB, then {after} KiB");
    // One who reads gets everything.
    let (mut bytes, mut part) = (0, vec![0; 1 << 16]);
    while bytes < 32 << 20 {
        bytes += reader.read(&mut part).unwrap();
    }
    drop(readers);
}

/// Rows of as many architectures of two nodes, in steps of ten.
fn rows(count: u32) -> Vec<HistoryRow> {
    let row = |number: u32| {
        let ops = (0..8).map(|place| number / 5_u32.pow(place) % 5);
        let choices = ops.enumerate().map(|(place, op)| format!("{} {op}", place % 2));
        let arch: Arch = choices.collect::<Vec<_>>().join(" ").parse().unwrap();
        HistoryRow {
            step: 1000 + u64::from(number / 10),
            arm: Arm::Controller,
            idx: number % 10,
            phase: HistoryPhase::Controller,
            cycle: 1,
            cycle_epoch: 1,
            arch_id: arch.id(),
            reward: Some(f64::from(number) / f64::from(count)),
            log_prob: Some(-1.0),
            entropy: Some(1.0),
        }
    };
    (0..count).map(row).collect()
}

#[test]
fn large_replies_that_nobody_reads_cost_no_memory_and_keep_nobody_from_asking() {
    let daemon = paused(Daemon::fresh());
    let mut history = History::open(&daemon.state.join("history.sqlite"), 1 << 30).unwrap();
    let keeping = Keeping { bytes: 1 << 30, at_unix_ms: 0 };
    history.record(&rows(40_000), &[], keeping).unwrap();
    let ask = |path: &str| {
        let mut peer = connect(&daemon);
        peer.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
        peer
    };
    for path in ["/v1/history?since=1000&limit=10000", "/v1/archs?limit=10000"] {
        let whole = read_to_end(&ask(path)).len();
        assert!(2 << 20 < whole, "{path}: {whole} bytes");
        let before = memory_kib(&daemon);
        forget_peak(&daemon);
        let readers: Vec<_> = (0..240).map(|_| ask(path)).collect();
        for mut reader in &readers {
            // It was answered, or there was no room for it.
            reader.read_exact(&mut [0; 12]).unwrap();
        }
        daemon.ctl(&["status"]).check(0, &[]);
        // One who reads gets everything beside them.
        assert_eq!(read_to_end(&ask(path)).len(), whole);
        wait("all are hung up on", || (sockets(&daemon) < 20).then_some(()));
        let most = peak_kib(&daemon);
        eprintln!("{path}: {whole} bytes each; {before} KiB, then {most} KiB");
        assert!(most < before + (64 << 10), "{path}: {before} KiB, then {most} KiB");
    }
}

#[test]
fn without_file_descriptors_nothing_spins_and_it_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let daemon = paused(Daemon::start(enasd(&state), &state));
    // At its start it would refuse so low a limit.
    let pid = daemon.process.0.id().to_string();
    let lowered = Command::new("prlimit").args(["--nofile=64", "--pid", &pid]).status().unwrap();
    assert!(lowered.success());
    // More than it has descriptors for; the rest waits in the socket's queue.
    let peers: Vec<_> = (0..100).map(|_| connect(&daemon)).collect();
    sleep(Duration::from_secs(1));
    let open = open_files(&daemon).count();
    assert!(64 <= open, "it has descriptors left: {open} are open");
    let before = ticks(&daemon);
    sleep(Duration::from_secs(3));
    let spent = ticks(&daemon) - before;
    eprintln!("{spent} ticks in 3 s without a descriptor left");
    assert!(spent < 60, "{spent} ticks of 10 ms in 3 s: it spins");
    drop(peers);
    daemon.ctl(&["resume"]).check(0, &[]);
    let steps = |status: &serde_json::Value| status["place"]["number"].as_u64().unwrap();
    let number = steps(&daemon.status().unwrap());
    daemon.wait_for("it goes on", |status| number < steps(status));
    daemon.ctl(&["checkpoint"]).check(0, &[]);
}
