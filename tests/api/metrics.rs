//! `/metrics` on TCP, and its limits.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use enasd::api::{ServerThread, serve_metrics};

use crate::limits::{MALFORMED, check_problem, exchange_on, heavy, raise_file_limit, stare};
use crate::rig::within;

struct Scraped {
    server: ServerThread,
    address: SocketAddr,
}

impl Scraped {
    fn new(text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            server: serve_metrics(listener, &["gpu1".to_owned()], move || text.clone()).unwrap(),
            address,
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    fn ask(&self, request: impl AsRef<[u8]>) -> String {
        exchange_on(self.connect(), request.as_ref())
    }
}

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[test]
fn metrics_are_served_on_tcp_and_nothing_else() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    let reply = rig.ask(SCRAPE);
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{reply}");
    assert!(reply.ends_with("enas_cycle 3\n"), "{reply}");
    let other = rig.ask("GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n");
    check_problem(&other, "404", "not_found");
    let reply = rig.ask("DELETE /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
    check_problem(&reply, "405", "method_not_allowed");
    assert!(reply.contains("allow: GET, HEAD\r\n"), "{reply}");
    let head = rig.ask("HEAD /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(head.contains("content-length: 13\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(within(rig.server.stop())).unwrap();
    assert!(TcpStream::connect(rig.address).is_err());
}

#[test]
fn strangers_on_tcp_meet_the_limits_of_the_socket() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    for body in ["content-length: 9\r\n\r\nx", "transfer-encoding: chunked\r\n\r\n5\r\nx"] {
        let reply = rig.ask(format!("GET /metrics HTTP/1.1\r\nhost: localhost\r\n{body}"));
        check_problem(&reply, "413", "body_too_large");
    }
    let long = format!("/metrics?{}", "m".repeat(40 << 10));
    check_problem(&rig.ask(heavy(&long, 0, 0)), "414", "url_too_long");
    check_problem(&rig.ask(heavy("/metrics", 20, 1000)), "431", "head_too_large");
    for (count, bytes) in [(500, 1), (1, 1 << 20)] {
        check_problem(&rig.ask(heavy("/metrics", count, bytes)), "431", "head_too_large");
    }
    for bytes in MALFORMED {
        check_problem(&rig.ask(bytes), "400", "bad_head");
    }
    let twice = format!("{SCRAPE}GET /metrics HTTP/1.1\r\nx-ha");
    assert_eq!(rig.ask(twice).matches("enas_cycle").count(), 1);
}

#[test]
fn metrics_answer_for_this_machine_and_for_no_other() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    let ask = |host: &str| rig.ask(format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    for host in ["localhost", "127.0.0.1:9899", "[::1]:9899", "gpu1", "GPU1:9899"] {
        assert!(ask(host).starts_with("HTTP/1.1 200"), "{host}");
    }
    // A page of this name would be read by a browser on this machine.
    for host in ["rebound.example", "rebound.example:9899", "gpu1.rebound.example", "192.0.2.7"] {
        let reply = ask(host);
        check_problem(&reply, "421", "wrong_host");
        assert!(reply.contains("telemetry.metrics_hosts"), "{reply}");
        assert!(!reply.contains("enas_cycle"), "{reply}");
    }
}

#[test]
fn scrapers_that_say_nothing_make_room_for_one_that_asks() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    raise_file_limit();
    // More than there are places, again and again.
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.extend((0..150).map(|_| rig.connect()));
        assert!(rig.ask(SCRAPE).ends_with("enas_cycle 3\n"));
    }
    let gone = silent.into_iter().next().unwrap();
    check_problem(&exchange_on(gone, b""), "503", "busy");
}

#[test]
fn scrapers_that_dawdle_or_do_not_read_are_hung_up_on() {
    // More than the sockets hold.
    let rig = Scraped::new("#".repeat(64 << 20));
    let dawdlers: Vec<_> = (0..32).map(|_| rig.connect()).collect();
    thread::scope(|scope| {
        scope.spawn(|| stare(rig.connect(), SCRAPE.as_bytes()));
        scope.spawn(|| {
            for dawdler in dawdlers {
                let reply = exchange_on(dawdler, b"GET /metrics HTTP/1.1\r\nx-half: ");
                assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 408"), "{reply}");
            }
        });
    });
    assert!(rig.ask(SCRAPE).ends_with('#'));
}

/// A server that is dropped goes on until its process ends; a daemon stops it.
#[test]
fn a_silent_scraper_does_not_hold_up_the_end() {
    let rig = Scraped::new(String::new());
    let silent = rig.connect();
    thread::sleep(Duration::from_millis(50));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(within(rig.server.stop())).unwrap();
    drop(silent);
}
