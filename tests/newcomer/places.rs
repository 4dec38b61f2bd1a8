//! Where a daemon is found: by its state folder, beside the daemon of another user, and by what its
//! first lines say.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::Killed;
use crate::rig::{Rig, bare, enasctl, enasd, wait};

/// What `enasctl` with these arguments answers, once it does.
fn status(change: impl Fn(&mut Command)) -> Value {
    wait("a status", || {
        let mut command = enasctl();
        change(&mut command);
        let output = command.args(["status", "--output", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    })
}

#[test]
fn two_searches_of_one_user_are_told_apart_by_their_state_folders() {
    let (first, second) = (Rig::new(), Rig::new());
    let runtime = tempfile::tempdir().unwrap();
    let daemons = [&first, &second].map(|rig| {
        let mut daemon = enasd();
        daemon.args(["run", "--metrics", "off", "--config"]).arg(rig.config());
        daemon.arg("--state").arg(rig.state()).env("XDG_RUNTIME_DIR", runtime.path());
        Killed(daemon.spawn().unwrap())
    });
    for (rig, daemon) in [&first, &second].into_iter().zip(&daemons) {
        let found = status(|ctl| {
            ctl.arg("--state").arg(rig.state()).env("XDG_RUNTIME_DIR", runtime.path());
        });
        let process = &found["process"];
        assert_eq!(process["pid"], daemon.0.id());
        assert_eq!(process["state"], rig.state().to_str().unwrap());
        assert_eq!(process["socket"], rig.state().join("api.sock").to_str().unwrap());
        assert_eq!(process["metrics"], Value::Null);
    }
    let mut people = enasctl();
    let text = people.arg("status").arg("--state").arg(first.state()).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    let pid = daemons[0].0.id();
    for words in [&format!("{pid}, up for "), first.state().to_str().unwrap(), "api.sock"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn a_second_user_of_the_machine_has_metrics_at_the_next_free_port() {
    // Somebody has it, be it this test or another program.
    let _taken = TcpListener::bind("127.0.0.1:9899");
    let rig = Rig::new();
    let mut daemon = enasd();
    daemon.args(["run", "--config"]).arg(rig.config()).arg("--state").arg(rig.state());
    let _daemon = Killed(daemon.spawn().unwrap());
    let found = status(|ctl| {
        ctl.arg("--state").arg(rig.state());
    });
    let address = found["process"]["metrics"].as_str().unwrap();
    let port: u16 = address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert!((9900..=9909).contains(&port), "{address}");
    TcpStream::connect(address).unwrap();
}

#[test]
fn a_configured_address_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let rig = Rig::new();
    let mut daemon = enasd();
    daemon.args(["run", "--metrics", &address, "--config"]).arg(rig.config());
    daemon.arg("--state").arg(rig.state()).stderr(Stdio::piped());
    let output = daemon.output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("cannot listen on {address} for metrics")), "{text}");
}

/// Off a terminal the lines are JSON; `script` gives the daemon a terminal.
#[test]
fn the_first_lines_on_a_terminal_say_where_it_is_and_how_to_ask_it() {
    let rig = Rig::new();
    let (config, state) = (rig.config(), rig.state());
    let command = format!(
        "{} run --metrics off --until epochs=1 --config {} --state {}",
        env!("CARGO_BIN_EXE_enasd"),
        config.display(),
        state.display()
    );
    let mut terminal = bare(Command::new("script"));
    terminal.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm");
    let child = terminal.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = Killed(child);
    let mut text = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" INFO ")).collect();
    let state = state.display();
    for (line, words) in lines.iter().zip([
        "searches on fashion-mnist with seed 42; the device is cpu".to_owned(),
        format!("the state is in {state}, the socket is {state}/api.sock"),
        "the metrics are off".to_owned(),
        format!("ask with: enasctl --state {state} status"),
        "the search begins".to_owned(),
    ]) {
        assert!(line.contains(&words), "{words}\n{text}");
    }
    for chatter in ["workers", "Actix", "starting service", "accept thread"] {
        assert!(!text.contains(chatter), "{text}");
    }
}
