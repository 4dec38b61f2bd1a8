//! The watchdog: fed while the search makes progress or rests, and not while its trainer hangs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::Killed;
use crate::rig::Manager;

const FED: &str = "WATCHDOG=1";

/// The watchdog's limit: an actor may be silent for half of it.
const LIMIT: Duration = Duration::from_secs(8);

fn start(manager: &Manager) -> Killed {
    let mut command = manager.enasd(Some(manager.sockets()));
    command.env("WATCHDOG_USEC", LIMIT.as_micros().to_string()).stderr(Stdio::null());
    let daemon = Killed(command.spawn().unwrap());
    manager.until("READY=1");
    daemon
}

#[test]
fn it_is_fed_while_the_search_goes_on_and_while_it_is_paused() {
    let manager = Manager::new();
    let _daemon = start(&manager);
    assert!(manager.count(FED, LIMIT) != 0, "not fed at work");
    assert_eq!(manager.ctl(&["pause"]).0, Some(0));
    // Longer than an actor at work may be silent.
    manager.count(FED, LIMIT);
    assert!(manager.count(FED, LIMIT) != 0, "not fed while paused");
}

#[test]
fn it_is_not_fed_while_the_trainer_hangs() {
    let manager = Manager::new();
    let daemon = start(&manager);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd/hold_thread.py");
    let mut hold = Command::new("python3");
    hold.arg(script).args([&daemon.0.id().to_string(), "trainer", "24"]);
    let mut hold = Killed(hold.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(hold.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    // Half the limit and one look later it starves, although all other threads run: it answers.
    manager.count(FED, LIMIT * 3 / 4);
    assert_eq!(manager.ctl(&["status"]).0, Some(0));
    assert_eq!(manager.count(FED, LIMIT * 5 / 4), 0, "fed although the trainer hangs");
    // Let go, it goes on.
    assert!(hold.0.wait().unwrap().success());
    manager.until(FED);
}
