//! What strangers and typists send to the socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::rig::{Daemon, check_undisturbed, said};

/// Sends `bytes` and nothing more, and returns the first part of the reply.
fn exchange(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.set_write_timeout(Some(Duration::from_mins(1))).unwrap();
    // The server may hang up in the middle of what it refuses.
    let _ = stream.write_all(bytes);
    let mut reply = vec![0; 4096];
    let length = stream.read(&mut reply).unwrap_or(0);
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

fn get(daemon: &Daemon, path: &str) -> String {
    exchange(daemon, format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
}

#[test]
fn bad_requests_get_problems_and_do_no_harm() {
    let mut daemon = Daemon::fresh();
    for (args, words) in [
        (&["sample", "0"][..], "it must be 1 to 1000"),
        (&["sample", "100000"], "it must be 1 to 1000"),
        (&["list", "--limit", "0"], "10000"),
        (&["history", "--limit", "4000000000"], "10000"),
        (&["show", "m2-000000000"], "m2-000000000"),
        (&["show", "../../etc/passwd"], "etc/passwd"),
        (&["score", "normal=[sep_conv_9x9(0)+identity(1)]"], "sep_conv_9x9"),
        (&["score", ""], "enasctl:"),
        (&["score", "m5-7zzzzzzzz"], "enasctl:"),
        (&["resume"], "not paused"),
    ] {
        daemon.ctl(args).check(1, &[words]);
    }
    daemon.ctl(&["sample", "-1"]).check(2, &["usage"].map(|_| "error:"));

    for path in ["/v1/archs/..%2f..%2fetc.svg", "/v1/archs/%00.safetensors", "/v1/archs/m2-xx.dot"]
    {
        let reply = get(&daemon, path);
        assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
        assert!(reply.contains("\"code\":\"unknown_arch\""), "{reply}");
    }
    let reply = get(&daemon, "/v1/archs/../../../etc/passwd");
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    for bytes in
        [&b"\x16\x03\x01 no HTTP \xff\xfe\r\n\r\n"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let reply = exchange(&daemon, bytes);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");
    }
    let huge = [b"GET /v1/status HTTP/1.1\r\nx: ", &vec![b'x'; 1 << 20][..], b"\r\n\r\n"].concat();
    let reply = exchange(&daemon, &huge);
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    let json = "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9\r\n\r\n{\"arch\":1";
    assert!(exchange(&daemon, json.as_bytes()).starts_with("HTTP/1.1 400"));

    // Half a request holds up nobody else.
    let mut half = UnixStream::connect(daemon.socket()).unwrap();
    half.write_all(b"POST /v1/pause HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").unwrap();
    daemon.ctl(&["status"]).check(0, &[]);
    drop(half);
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&daemon.state);
}

#[test]
fn texts_that_are_no_architecture_are_told_without_a_daemon() {
    for text in [
        "",
        "m5-",
        "m9-abc",
        "normal=[]",
        "normal=[sep_conv_3x3(0)+identity(7)] reduction=[]",
        "[[0,9]]",
        "0 1 2 3",
        "norm\u{e4}l=[\u{1f600}]",
        &"(".repeat(100_000),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasctl"));
        let said = said(command.args(["arch", "show", text]));
        said.check(1, &["enasctl: "]);
        assert!(said.err.len() < 2000, "a text of {} bytes", said.err.len());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let daemon = Daemon::fresh();
    daemon.wait_for("a cycle", |status| 1 <= status["place"]["cycle"].as_u64().unwrap());
    for args in
        [&["list", "--limit", "10000"][..], &["history", "--limit", "10000"], &["events", "-f"]]
    {
        let mut command = daemon.ctl_command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::with_capacity(1, child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        assert!(!line.is_empty());
        if args[0] == "events" {
            // An event that nobody reads ends it.
            daemon.ctl(&["pause"]).check(0, &[]);
        }
        let ended: crate::rig::Said = child.wait_with_output().unwrap().into();
        ended.check(0, &[]);
        assert_eq!(ended.err, "");
    }
}

#[test]
fn where_no_daemon_is_enasctl_says_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasctl"));
    command.args(["status", "--socket", "/nowhere/x.sock"]);
    said(&mut command).check(3, &["no daemon answers at /nowhere/x.sock", "`enasd run`"]);
}
