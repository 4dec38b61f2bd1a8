//! Sockets that are handed over: used, kept, and refused where they are of no use.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Output;

use crate::rig::{Manager, asked, connect, signal};

#[test]
fn handed_over_sockets_are_served_and_their_file_stays() {
    let manager = Manager::new();
    // What the configuration says of sockets counts for nothing then, and the log says so.
    let mut command = manager.enasd(Some(manager.sockets()));
    let unused = manager.path("unused.sock");
    let child = command.arg("--socket").arg(&unused).args(["--metrics", "127.0.0.1:1"]);
    let mut daemon = crate::common::Killed(child.spawn().unwrap());
    manager.until("READY=1");
    let (code, text) = manager.ctl(&["status"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(manager.scrape().contains("enas_build_info"));
    assert!(!unused.try_exists().unwrap());
    let origins = asked(connect(&manager.path("api.sock")), "/v1/config/origins");
    let path = manager.path("api.sock");
    assert!(origins.contains(&format!("\"socket\":\"{}\"", path.display())), "{origins}");

    signal(&daemon.0, "-TERM");
    let mut logs = String::new();
    std::io::Read::read_to_string(daemon.0.stderr.as_mut().unwrap(), &mut logs).unwrap();
    assert!(daemon.0.wait().unwrap().success(), "{logs}");
    for key in ["api.socket", "telemetry.metrics"] {
        let told = |line: &str| line.contains(key) && line.contains("counts for nothing");
        assert!(logs.lines().any(told), "{key}: {logs}");
    }
    assert!(path.try_exists().unwrap(), "the file of a socket that is not the daemon's is gone");
}

#[test]
fn a_request_made_between_two_daemons_is_answered_by_the_second() {
    let manager = Manager::new();
    let mut first = manager.start();
    manager.until("READY=1");
    signal(&first.0, "-KILL");
    first.0.wait().unwrap();
    let (api, metrics) = (manager.path("api.sock"), manager.metrics.local_addr().unwrap());
    let (waiting, scraping) = (connect(&api), TcpStream::connect(metrics).unwrap());
    let _second = manager.start();
    assert!(asked(waiting, "/healthz").contains("alive"));
    assert!(asked(scraping, "/metrics").contains("enas_build_info"));
}

/// Runs the daemon with these sockets until it gives up.
fn refused(manager: &Manager, sockets: [OwnedFd; 2], names: &str) -> Output {
    manager.enasd(Some(sockets)).env("LISTEN_FDNAMES", names).output().unwrap()
}

#[track_caller]
fn check(first: impl Into<OwnedFd>, second: impl Into<OwnedFd>, names: &str, expected: &str) {
    let manager = Manager::new();
    let output = refused(&manager, [first.into(), second.into()], names);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("FileDescriptorName=enasd"), "{text}");
}

#[test]
fn sockets_of_no_use_are_refused_with_the_reason() {
    let tcp = || TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut unix = || {
        number += 1;
        UnixListener::bind(folder.path().join(number.to_string())).unwrap()
    };
    let names = "enasd:enasd";
    check(unix(), unix(), names, "socket 2 of those handed over, named `enasd`, is a second Unix");
    check(tcp(), tcp(), names, "socket 2 of those handed over, named `enasd`, is a second TCP");
    check(
        unix(),
        tcp(),
        "enasd:stored",
        "socket 2 of those handed over, named `stored`, has a name",
    );
    let neither = "is neither a Unix stream socket nor a TCP socket";
    check(unix(), UdpSocket::bind("127.0.0.1:0").unwrap(), names, neither);
    check(UnixDatagram::unbound().unwrap(), tcp(), names, neither);
    check(std::fs::File::open("/dev/null").unwrap(), tcp(), names, neither);
    check(UnixStream::pair().unwrap().0, tcp(), names, "does not listen");
}
