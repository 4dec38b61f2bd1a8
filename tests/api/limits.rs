//! What strangers may send: bodies without end, heads without end, and nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use enasd::api::Limits;
use rustix::process::{Resource, Rlimit};

use crate::rig::{PUBLISHED, Rig, id, within};

/// Either kind of connection.
pub(crate) trait Stream: Read + Write {
    fn limit(&self, limit: Duration);
}

impl Stream for UnixStream {
    fn limit(&self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
        self.set_write_timeout(Some(limit)).unwrap();
    }
}

impl Stream for TcpStream {
    fn limit(&self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
        self.set_write_timeout(Some(limit)).unwrap();
    }
}

/// Sends `bytes`, and returns what comes until the server hangs up.
fn exchange(socket: &Path, bytes: &[u8]) -> String {
    exchange_on(UnixStream::connect(socket).unwrap(), bytes)
}

pub(crate) fn exchange_on(mut stream: impl Stream, bytes: &[u8]) -> String {
    // A server that does not hang up fails the test instead of blocking it.
    stream.limit(Duration::from_secs(20));
    // The server may hang up in the middle of what it refuses.
    let _ = stream.write_all(bytes);
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Ok(_) => {}
        Err(err) if err.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(err) => panic!(
            "the server did not hang up on {:?} after {:?}: {err}",
            String::from_utf8_lossy(bytes),
            String::from_utf8_lossy(&reply)
        ),
    }
    String::from_utf8_lossy(&reply).into_owned()
}

/// Sends a request, reads nothing, and waits until the server hangs up.
pub(crate) fn stare(mut stream: impl Stream, request: &[u8]) {
    stream.limit(Duration::from_secs(20));
    stream.write_all(request).unwrap();
    let start = Instant::now();
    while stream.write_all(b" ").is_ok() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server did not hang up");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Heads that are no HTTP/1.1, or say two things about where a body ends.
pub(crate) const MALFORMED: [&[u8]; 12] = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\0\0\0\0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n",
    b"POST /v1/pause HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nhost: x\r\nx-folded: a\r\n b\r\n\r\n",
];

/// A request for `path` with `count` header fields of `bytes` bytes.
pub(crate) fn heavy(path: &str, count: usize, bytes: usize) -> Vec<u8> {
    let field = |number| format!("x-{number}: {}\r\n", "y".repeat(bytes));
    let fields: Vec<String> = (0..count).map(field).collect();
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", fields.concat()).into_bytes()
}

fn impatient() -> Rig {
    let (head, quick) = (Duration::from_secs(1), Duration::from_millis(300));
    Rig::with_limits(Limits { head, body: quick, take: quick, ..Limits::DAEMON })
}

#[track_caller]
pub(crate) fn check_problem(reply: &str, status: &str, code: &str) {
    assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    assert!(reply.contains("content-type: application/problem+json"), "{reply}");
    assert!(reply.contains(&format!("\"code\":\"{code}\"")), "{reply}");
}

#[test]
fn a_half_sent_head_and_silence_are_hung_up_on() {
    let rig = impatient();
    let half = b"GET /v1/status HTTP/1.1\r\nhost: x\r\nx-half: ";
    check_problem(&exchange(&rig.socket(), half), "408", "head_timeout");
    assert_eq!(exchange(&rig.socket(), b""), "");
}

#[test]
fn a_half_sent_body_is_a_problem_and_hung_up_on_whatever_the_route() {
    let rig = impatient();
    let socket = &rig.socket();
    std::thread::scope(|scope| {
        for line in ["POST /v1/score", "POST /v1/pause", "POST /v1/nothing", "GET /v1/status"] {
            for body in ["content-length: 9\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"] {
                let half = format!("{line} HTTP/1.1\r\nhost: x\r\n{body}");
                scope.spawn(move || {
                    check_problem(&exchange(socket, half.as_bytes()), "408", "body_timeout");
                });
            }
        }
    });
}

#[test]
fn a_body_above_the_limit_is_a_problem_announced_or_not() {
    let rig = Rig::new();
    let announced = "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 65537\r\n\r\n";
    check_problem(&exchange(&rig.socket(), announced.as_bytes()), "413", "body_too_large");
    let mut chunked =
        b"POST /v1/score HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(b"10001\r\n");
    chunked.resize(chunked.len() + 0x10001, b' ');
    chunked.extend(b"\r\n0\r\n\r\n");
    check_problem(&exchange(&rig.socket(), &chunked), "413", "body_too_large");
}

#[test]
fn a_body_that_is_no_json_is_a_problem() {
    let rig = Rig::new();
    let body =
        "POST /v1/score HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\n{{{{{";
    check_problem(&exchange(&rig.socket(), body.as_bytes()), "400", "bad_body");
}

#[test]
fn a_path_that_is_no_text_is_a_problem() {
    let request = "GET /v1/archs/%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let reply = exchange(&Rig::new().socket(), request.as_bytes());
    check_problem(&reply, "404", "unknown_arch");
}

#[test]
fn another_method_is_a_problem_that_names_the_right_one() {
    let rig = Rig::new();
    for (line, allowed) in [("PUT /v1/status", "GET, HEAD"), ("DELETE /v1/stop", "POST")] {
        let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let reply = exchange(&rig.socket(), request.as_bytes());
        check_problem(&reply, "405", "method_not_allowed");
        assert!(reply.contains(&format!("allow: {allowed}\r\n")), "{reply}");
    }
}

#[test]
fn what_is_no_http_or_ambiguous_is_a_problem_and_carried_out_by_nobody() {
    let rig = impatient();
    for bytes in MALFORMED {
        let reply = exchange(&rig.socket(), bytes);
        check_problem(&reply, "400", "bad_head");
        assert!(reply.contains("connection: close\r\n"), "{reply}");
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{reply}");
    }
    // Counted, but for no route.
    assert_eq!(*rig.counted.lock().unwrap(), [("other", 400); MALFORMED.len()]);
}

#[test]
fn a_body_in_broken_chunks_is_a_problem() {
    let rig = impatient();
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx0\r\n\r\n", "fffffffffffffffff\r\n"] {
        let head = "POST /v1/score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        let reply = exchange(&rig.socket(), format!("{head}{chunks}").as_bytes());
        check_problem(&reply, "400", "bad_body");
    }
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let rig = impatient();
    let long = format!("/v1/archs/{}", "m".repeat(40 << 10));
    check_problem(&exchange(&rig.socket(), &heavy(&long, 0, 0)), "414", "url_too_long");
    for (count, bytes) in [(20, 1000), (500, 1), (1, 1 << 20)] {
        let reply = exchange(&rig.socket(), &heavy("/v1/status", count, bytes));
        check_problem(&reply, "431", "head_too_large");
    }
}

/// What may come first on a connection, and with which status it is answered.
const FIRST: [(&str, &str); 9] = [
    ("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "200"),
    ("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n", "200"),
    ("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "200"),
    (
        "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "200",
    ),
    ("GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "200"),
    ("DELETE /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "405"),
    ("POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}", "400"),
    (
        "POST /v1/score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "400",
    ),
    ("GET /healthz HTTP/1.1\r\n\r\n", "400"),
];

#[test]
fn what_follows_the_first_request_of_a_connection_is_carried_out_by_nobody() {
    let rig = impatient();
    for (first, status) in FIRST {
        rig.counted.lock().unwrap().clear();
        let pause = "POST /v1/pause HTTP/1.1\r\nhost: x\r\n\r\n";
        let reply = exchange(&rig.socket(), format!("{first}{pause}{pause}").as_bytes());
        assert_eq!(reply.get(9..12), Some(status), "{first}: {reply}");
        assert_eq!(reply.matches("\r\ndate: ").count(), 1, "{first}: {reply}");
        let counted = rig.counted.lock().unwrap().clone();
        assert!(counted.len() == 1 && counted[0].0 != "/v1/pause", "{first}: {counted:?}");
    }
}

#[test]
fn what_follows_later_is_carried_out_by_nobody_either() {
    let rig = Rig::new();
    // An answer that takes as long as it is listened to.
    let mut stream = UnixStream::connect(rig.socket()).unwrap();
    stream.limit(Duration::from_secs(20));
    stream.write_all(b"GET /v1/events?follow=true HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200");
    // More than the socket holds: it is read, and thrown away.
    let pause = b"POST /v1/pause HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20_000);
    stream.write_all(&pause).unwrap();
    assert_eq!(*rig.counted.lock().unwrap(), [("/v1/events", 200)]);
}

#[test]
fn head_is_answered_as_get_is_without_the_body() {
    let rig = Rig::new();
    let svg = format!("/v1/archs/{}.svg", id(PUBLISHED));
    let paths = ["/healthz", "/v1/status", "/v1/history", "/v1/archs", "/v1/openapi.json"];
    for path in
        paths.into_iter().chain([svg.as_str(), "/v1/archs/m5-0", "/v1/nothing", "/v1/pause"])
    {
        let ask = |method| {
            let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n");
            let reply = exchange(&rig.socket(), request.as_bytes());
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            let lines = head.lines().filter(|line| !line.starts_with("date:"));
            (lines.map(str::to_owned).collect::<Vec<_>>(), body.to_owned())
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(get.0, head.0, "{path}");
        assert!(get.0.contains(&format!("content-length: {}", get.1.len())), "{path}: {get:?}");
        assert_eq!(head.1, "", "{path}");
    }
    // One that never ends has no length, and keeps nobody waiting.
    let reply = exchange(&rig.socket(), b"HEAD /v1/events?follow=true HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(reply.contains("content-type: application/x-ndjson\r\n"), "{reply}");
    assert!(reply.ends_with("\r\n\r\n"), "{reply}");
}

#[test]
fn who_does_not_read_the_reply_is_hung_up_on() {
    let rig = impatient();
    // More than the socket holds.
    rig.publish(|status| status.error = Some("x".repeat(8 << 20)));
    let connect = || UnixStream::connect(rig.socket()).unwrap();
    stare(connect(), b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n");
    stare(connect(), b"GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
}

/// Both ends of every connection here count for this process.
pub(crate) fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(Resource::Nofile, raised).unwrap();
}

/// A server that gives nobody up for being slow.
fn patient() -> Rig {
    let (head, take) = (Duration::from_hours(1), Duration::from_hours(1));
    Rig::with_limits(Limits { head, take, ..Limits::DAEMON })
}

#[tokio::test]
async fn peers_that_say_nothing_make_room_for_those_that_ask() {
    let rig = patient();
    raise_file_limit();
    // More than there are places.
    let silent: Vec<_> = (0..400).map(|_| UnixStream::connect(rig.socket()).unwrap()).collect();
    for _ in 0..3 {
        let bytes = within(rig.client().get_bytes("/healthz")).await.unwrap();
        assert_eq!(&bytes[..], b"alive\n");
    }
    // The first that came was told why it had to go.
    check_problem(&exchange_on(silent.into_iter().next().unwrap(), b""), "503", "busy");
}

#[tokio::test]
async fn readers_that_do_not_read_make_room_for_those_that_do() {
    let rig = patient();
    let bytes = 4 << 20;
    rig.publish(|status| status.error = Some("x".repeat(bytes)));
    let ask = b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n";
    let unread: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(rig.socket()).unwrap();
            stream.limit(Duration::from_secs(20));
            stream.write_all(ask).unwrap();
            stream.read_exact(&mut [0; 12]).unwrap();
            stream
        })
        .collect();
    let whole = within(rig.client().get_bytes("/v1/status")).await.unwrap();
    assert!(bytes < whole.len());
    // All connections together may hold 16 MiB: three of these replies, with the one that was read.
    let cut = unread.into_iter().map(|stream| exchange_on(stream, b"").len() < bytes);
    assert_eq!(cut.collect::<Vec<_>>(), [[true; 38].as_slice(), &[false; 2]].concat());
}

#[test]
fn a_peer_that_closes_its_side_is_answered() {
    let rig = Rig::new();
    for path in ["/healthz", "/v1/history"] {
        let mut stream = UnixStream::connect(rig.socket()).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let reply = exchange_on(stream, b"");
        assert!(reply.starts_with("HTTP/1.0 200"), "{path}: {reply}");
    }
}
