//! Faults of the configuration, the socket, the metrics and the versions.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use crate::rig::{Diagnosis, Rig};

#[test]
fn a_misspelled_section_is_found() {
    let rig = Rig::ended();
    rig.edit("[store]", "[stroe]");
    let found = rig.doctor();
    found.check("config", "fail", "unknown section [stroe]", "did you mean `[store]`?");
    found.check("checkpoint", "ok", "whole", "");
}

#[test]
fn a_misspelled_key_and_a_wrong_value_are_found_while_the_daemon_runs() {
    let rig = Rig::running();
    rig.edit("layers = 1", "layer = 1");
    rig.edit("channels = 2", "channels = 0");
    let found = rig.doctor();
    found.check("config", "fail", "enasd.toml", "did you mean `net.layers`?");
    found.check("config", "fail", "net.channels", "found");
}

#[test]
fn a_file_that_has_changed_is_found_with_what_it_takes() {
    let rig = Rig::running();
    rig.edit("keep_checkpoints = 3", "keep_checkpoints = 4");
    let found = rig.doctor();
    found.check("drift", "warn", "store.keep_checkpoints: 3 → 4", "systemctl reload");
    let metrics = format!("metrics = \"{}\"", rig.address);
    rig.edit(&metrics, "metrics = \"off\"");
    rig.doctor().check("drift", "warn", "telemetry.metrics", "restart the daemon");
    rig.edit("metrics = \"off\"", &metrics);
    // What the environment set is set again at a restart.
    rig.edit("keep_checkpoints = 4", "keep_checkpoints = 3");
    rig.edit("checkpoint_seconds = 0.2", "checkpoint_seconds = 60");
    rig.doctor().check("drift", "ok", "", "");
}

#[test]
fn a_file_that_contradicts_the_search_is_found_with_and_without_a_daemon() {
    let mut rig = Rig::running();
    rig.edit("channels = 2", "channels = 4");
    let cure = "another state folder";
    rig.doctor().check("drift", "fail", "net.channels: 2 → 4", cure);
    rig.kill();
    rig.doctor().check("drift", "fail", "net.channels: 2 → 4", cure);
}

#[test]
fn a_socket_that_was_removed_is_found() {
    let rig = Rig::running();
    fs::remove_file(rig.socket()).unwrap();
    let mut command = rig.ctl(&["doctor", "--output", "ndjson"]);
    command.arg("--config").arg(rig.config()).arg("--state").arg(rig.state());
    let found = Diagnosis::of(&command.output().unwrap());
    let holder = format!("process {} holds", rig.pid());
    found.check("socket", "fail", &holder, "restart the daemon");
    found.check("lock", "fail", "no daemon answers", "--socket");
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_found() {
    let mut rig = Rig::running();
    rig.kill();
    rig.doctor().check("socket", "fail", "nobody listens", "start the daemon, which replaces it");
}

#[test]
fn a_file_in_the_sockets_place_is_found() {
    let rig = Rig::ended();
    fs::write(rig.socket(), "precious").unwrap();
    rig.doctor().check("socket", "fail", "is no socket", "move it away");
    assert_eq!(fs::read_to_string(rig.socket()).unwrap(), "precious");
}

#[test]
fn a_socket_that_everybody_may_use_is_found() {
    let rig = Rig::running();
    fs::set_permissions(rig.socket(), fs::Permissions::from_mode(0o666)).unwrap();
    rig.doctor().check("socket", "warn", "mode 0666", "chmod 0660");
}

#[test]
fn metrics_that_are_off_are_found() {
    let mut rig = Rig::new();
    rig.edit(&rig.address, "off");
    rig.run(1);
    rig.doctor().check("metrics", "warn", "`off`", "127.0.0.1:9899");
    rig.kill();
}

#[test]
fn an_address_that_another_program_holds_is_found() {
    let rig = Rig::ended();
    let _other = TcpListener::bind(&rig.address).unwrap();
    // Nobody answers there, which takes the doctor its whole patience.
    rig.doctor().check("metrics", "fail", "another program listens", "ss -ltnp");
}

#[test]
fn a_daemon_of_another_version_and_a_search_that_stands_still_are_found() {
    let rig = Rig::running();
    let status = rig.ctl(&["status", "--output", "json"]).output().unwrap().stdout;
    let mut status: Value = serde_json::from_slice(&status).unwrap();
    status["version"] = "9.9.9".into();
    status["checkpoint"]["last_error"] = "no room; free some space".into();
    drop(rig);

    let rig = Rig::new();
    let listener = UnixListener::bind(rig.socket()).unwrap();
    thread::spawn(move || serve(&listener, &status.to_string()));
    let found = rig.doctor();
    found.check("version", "warn", "the daemon is enasd 9.9.9", "restart the daemon");
    found.check("saving", "fail", "no room", "free some space");
    found.check("daemon", "fail", "no step has ended", "the log says more");
}

#[test]
fn a_device_without_a_driver_is_found() {
    if fs::metadata("/proc/driver/nvidia/version").is_ok() {
        return;
    }
    let rig = Rig::new();
    let mut text = fs::read_to_string(rig.config()).unwrap();
    text.push_str("\n[engine]\ndevice = \"cuda:0\"\n");
    fs::write(rig.config(), text).unwrap();
    let started = rig.enasd().stderr(Stdio::null()).status().unwrap();
    assert_eq!(started.code(), Some(78));
    rig.doctor().check("driver", "fail", "cannot read /proc/driver", "install NVIDIA's driver");
}

/// Answers as a daemon of another time: with a status, and that it is not ready.
fn serve(listener: &UnixListener, status: &str) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap_or(0);
        let head = String::from_utf8_lossy(&request[..length]).into_owned();
        let (code, body) = if head.starts_with("GET /v1/status ") {
            ("200 OK", status.to_owned())
        } else if head.starts_with("GET /readyz ") {
            let problem = serde_json::json!({
                "code": "not_ready",
                "message": "no step has ended for 900 s",
                "hint": "`enasctl status` and the log say more; the log says more",
            });
            ("503 Service Unavailable", problem.to_string())
        } else {
            ("404 Not Found", "{}".to_owned())
        };
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {code}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }
}
