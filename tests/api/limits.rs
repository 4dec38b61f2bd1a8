//! What strangers may send: bodies without end, heads without end, and nothing.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use enasd::api::Limits;

use crate::rig::{Rig, within};

/// Sends `bytes`, and returns what comes until the server hangs up.
fn exchange(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // A server that does not hang up fails the test instead of blocking it.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
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

fn impatient() -> Rig {
    let (head, body) = (Duration::from_secs(1), Duration::from_millis(300));
    Rig::with_limits(Limits { head, body, ..Limits::DAEMON })
}

#[track_caller]
fn check_problem(reply: &str, status: &str, code: &str) {
    assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    assert!(reply.contains("content-type: application/problem+json"), "{reply}");
    assert!(reply.contains(&format!("\"code\":\"{code}\"")), "{reply}");
}

#[test]
fn a_half_sent_head_and_silence_are_hung_up_on() {
    let rig = impatient();
    for bytes in [&b"GET /v1/status HTTP/1.1\r\nhost: x\r\nx-half: "[..], b""] {
        let reply = exchange(&rig.socket(), bytes);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 408"), "{reply}");
    }
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
    for (line, allowed) in [("PUT /v1/status", "GET"), ("DELETE /v1/stop", "POST")] {
        let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let reply = exchange(&rig.socket(), request.as_bytes());
        check_problem(&reply, "405", "method_not_allowed");
        assert!(reply.contains(&format!("allow: {allowed}\r\n")), "{reply}");
    }
}

#[test]
fn what_is_no_http_is_hung_up_on() {
    let rig = impatient();
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"SELECT 1;\r\n\r\n"] {
        let reply = exchange(&rig.socket(), bytes);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    }
}

#[tokio::test]
async fn the_server_answers_others_meanwhile() {
    let rig = impatient();
    let silent: Vec<_> = (0..50).map(|_| UnixStream::connect(rig.socket()).unwrap()).collect();
    let bytes = within(rig.client().get_bytes("/healthz")).await.unwrap();
    assert_eq!(&bytes[..], b"alive\n");
    drop(silent);
}

#[test]
fn metrics_are_served_on_tcp_and_nothing_else() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = enasd::api::serve_metrics(listener, || "enas_cycle 3\n".to_owned()).unwrap();
    let ask = |request: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    };
    let reply = ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{reply}");
    assert!(reply.ends_with("enas_cycle 3\n"), "{reply}");
    let reply = ask("GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    for body in ["content-length: 9\r\n\r\nx", "transfer-encoding: chunked\r\n\r\n5\r\nx"] {
        let reply = ask(&format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{body}"));
        assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(within(server.stop())).unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}
