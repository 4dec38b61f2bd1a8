//! What the service manager is told, and in which order.

use crate::rig::{Manager, signal};

fn has(said: &[String], line: &str) -> bool {
    said.iter().any(|found| found == line)
}

#[test]
fn ready_after_the_first_step_then_status_then_stopping() {
    let manager = Manager::new();
    let mut daemon = manager.start();
    let first = manager.next();
    assert!(has(&first, "READY=1"), "{first:?}");
    let status = first.iter().find(|line| line.starts_with("STATUS=")).unwrap();
    assert!(status.contains("cycle 1, epoch 1 (1/2)"), "{status}");
    let metrics = manager.scrape();
    let steps =
        metrics.lines().find_map(|line| line.strip_prefix("enas_steps_total{net=\"shared\"} "));
    assert!(1 <= steps.unwrap().parse::<u64>().unwrap(), "ready before a step");

    let said = manager.until("STATUS=in phase derive");
    assert!(!said.iter().any(|said| has(said, "READY=1")), "ready twice: {said:?}");

    signal(&daemon.0, "-TERM");
    let said = manager.until("STOPPING=1");
    assert!(!said.iter().any(|said| said.iter().any(|line| line.starts_with("EXTEND"))));
    manager.until("EXTEND_TIMEOUT_USEC=20000000");
    assert!(daemon.0.wait().unwrap().success());
}

#[test]
fn one_that_is_paused_before_its_first_look_is_ready_too() {
    let manager = Manager::new();
    let daemon = manager.start();
    manager.until("READY=1");
    assert_eq!(manager.ctl(&["pause"]).0, Some(0));
    manager.until("STATUS=paused in phase");
    assert_eq!(manager.ctl(&["resume"]).0, Some(0));
    manager.until("STATUS=in phase");
    drop(daemon);
}

#[test]
fn without_a_service_manager_nothing_is_said_and_nothing_is_needed() {
    let manager = Manager::new();
    let mut command = manager.enasd(None);
    command.env_remove("NOTIFY_SOCKET").arg("--socket").arg(manager.path("own.sock"));
    command.args(["--until", "epochs=1"]).stderr(std::process::Stdio::null());
    assert!(command.status().unwrap().success());
    assert!(!manager.path("own.sock").try_exists().unwrap(), "its own socket file is left");
}
