//! `/metrics` on TCP, and its limits.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use enasd::api::{ServerThread, serve_metrics};

use crate::limits::{MALFORMED, check_problem, exchange_on, heavy, stare};
use crate::rig::within;

struct Scraped {
    server: ServerThread,
    address: SocketAddr,
}

impl Scraped {
    fn new(text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self { server: serve_metrics(listener, move || text.clone()).unwrap(), address }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    fn ask(&self, request: impl AsRef<[u8]>) -> String {
        exchange_on(self.connect(), request.as_ref())
    }
}

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn metrics_are_served_on_tcp_and_nothing_else() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    let reply = rig.ask(SCRAPE);
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{reply}");
    assert!(reply.ends_with("enas_cycle 3\n"), "{reply}");
    let other = rig.ask("GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n");
    check_problem(&other, "404", "not_found");
    let reply = rig.ask("DELETE /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    check_problem(&reply, "405", "method_not_allowed");
    assert!(reply.contains("allow: GET\r\n"), "{reply}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(within(rig.server.stop())).unwrap();
    assert!(TcpStream::connect(rig.address).is_err());
}

#[test]
fn strangers_on_tcp_meet_the_limits_of_the_socket() {
    let rig = Scraped::new("enas_cycle 3\n".to_owned());
    for body in ["content-length: 9\r\n\r\nx", "transfer-encoding: chunked\r\n\r\n5\r\nx"] {
        let reply = rig.ask(format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{body}"));
        check_problem(&reply, "413", "body_too_large");
    }
    let long = format!("/metrics?{}", "m".repeat(40 << 10));
    check_problem(&rig.ask(heavy(&long, 0, 0)), "414", "url_too_long");
    check_problem(&rig.ask(heavy("/metrics", 20, 1000)), "431", "head_too_large");
    for (count, bytes) in [(500, 1), (1, 1 << 20)] {
        let reply = rig.ask(heavy("/metrics", count, bytes));
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 431"), "{reply}");
    }
    for bytes in MALFORMED {
        let reply = rig.ask(bytes);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");
    }
    let twice = format!("{SCRAPE}GET /metrics HTTP/1.1\r\nx-ha");
    assert_eq!(rig.ask(twice).matches("enas_cycle").count(), 1);
}

#[test]
fn scrapers_that_dawdle_or_do_not_read_are_hung_up_on() {
    // More than the sockets hold.
    let rig = Scraped::new("#".repeat(64 << 20));
    // As many as are served at a time: one more is served once they are gone.
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
