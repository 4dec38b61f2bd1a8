//! SIGHUP: the configuration is read again, and put in force whole or not at all.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Killed, tiny_text};
use crate::rig::{LIMIT, Manager, asked, connect, signal};

/// A daemon whose file is `config/tiny.toml` without retraining and with `changes`, each of the first
/// place where it can be.
fn write(manager: &Manager, changes: &[(&str, &str)]) {
    let mut text = tiny_text();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    fs::write(manager.config(), text).unwrap();
}

/// Has the configuration read again, and waits for the end of it.
#[track_caller]
fn reload(manager: &Manager, daemon: &Killed) {
    signal(&daemon.0, "-HUP");
    let said = manager.until("RELOADING=1").pop().unwrap();
    let monotonic = said.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(0 < monotonic.unwrap().parse::<u64>().unwrap());
    manager.until("READY=1");
}

fn metric(manager: &Manager, name: &str) -> f64 {
    let text = manager.scrape();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

#[test]
fn what_may_change_while_it_runs_changes_at_once() {
    let manager = Manager::new();
    write(&manager, &[]);
    let daemon = manager.start();
    manager.until("READY=1");
    assert_eq!(manager.ctl(&["log-level"]).1, "info\n");
    let before = metric(&manager, "enas_config_reload_success_timestamp_seconds");
    write(
        &manager,
        &[
            ("checkpoint_seconds = 0.2", "checkpoint_seconds = 3600.0"),
            ("keep_checkpoints = 3", "keep_checkpoints = 2"),
            ("[telemetry]", "[api]\nadmins = [4000001]\n[telemetry]\nlog = \"warn\""),
        ],
    );
    reload(&manager, &daemon);
    assert_eq!(manager.ctl(&["log-level"]).1, "warn\n");
    let config = asked(connect(&manager.path("api.sock")), "/v1/config");
    for part in ["\"checkpoint_seconds\":3600.0", "\"keep_checkpoints\":2", "\"admins\":[4000001]"]
    {
        assert!(config.contains(part), "{part}: {config}");
    }
    assert!(before < metric(&manager, "enas_config_reload_success_timestamp_seconds"));
    assert!(metric(&manager, "enas_config_reload_successful") > 0.5);
    let events = manager.ctl(&["events"]).1;
    assert!(events.contains("store.checkpoint_seconds: 0.2 → 3600.0"), "{events}");

    // Checkpoints come from now on at cycles' ends only, and two of them stay.
    manager.ctl(&["checkpoint"]);
    let checkpoints = || fs::read_dir(manager.path("state/checkpoints")).unwrap().count();
    let deadline = Instant::now() + LIMIT;
    while checkpoints() != 2 {
        assert!(Instant::now() < deadline, "{} checkpoints", checkpoints());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_takes_a_restart_is_refused_by_key_and_nothing_changes() {
    let manager = Manager::new();
    write(&manager, &[]);
    let daemon = manager.start();
    manager.until("READY=1");
    for (changes, expected) in [
        (
            &[("channels = 2", "channels = 3"), ("[telemetry]", "[telemetry]\nlog = \"debug\"")][..],
            "net.channels: 2 → 3: this is another search, which needs another state folder",
        ),
        (&[("channels = 2", "chanels = 2")], "net.channels"),
        (&[("[telemetry]", "[telemetry]\nlog = \"loudest!\"")], "telemetry.log"),
    ] {
        write(&manager, changes);
        reload(&manager, &daemon);
        assert!(metric(&manager, "enas_config_reload_successful") < 0.5);
        assert_eq!(manager.ctl(&["log-level"]).1, "info\n", "half of it was put in force");
        let events = manager.ctl(&["events"]).1;
        let last = events.lines().rev().find(|line| line.contains("refused")).unwrap_or(&events);
        assert!(last.contains(expected), "{events}");
    }
    write(&manager, &[]);
    reload(&manager, &daemon);
    assert!(metric(&manager, "enas_config_reload_successful") > 0.5);
}

#[test]
fn a_level_that_was_set_over_the_api_lasts_until_the_configuration_is_read() {
    let manager = Manager::new();
    let daemon = manager.start();
    manager.until("READY=1");
    assert_eq!(manager.ctl(&["log-level", "debug"]), (Some(0), "debug\n".to_owned()));
    assert_eq!(manager.ctl(&["log-level"]).1, "debug\n");
    let (code, text) = manager.ctl(&["log-level", "enasd=loudest"]);
    assert!(code == Some(1) && text.contains("`enasd=loudest`"), "{text}");
    assert_eq!(manager.ctl(&["log-level"]).1, "debug\n");
    reload(&manager, &daemon);
    assert_eq!(manager.ctl(&["log-level"]).1, "info\n");
}

#[test]
fn a_line_that_repeats_is_written_ten_times_and_the_rest_counted() {
    let manager = Manager::new();
    let daemon = manager.enasd(Some(manager.sockets())).spawn().unwrap();
    manager.until("READY=1");
    for _ in 0..13 {
        assert_eq!(manager.ctl(&["log-level", "warn"]).0, Some(0));
    }
    assert_eq!(manager.ctl(&["stop"]).0, Some(0));
    let log = daemon.wait_with_output().unwrap().stderr;
    let log = String::from_utf8(log).unwrap();
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("\"message\":\"the API changed what is logged\""), 10, "{log}");
    assert_eq!(count("\"message\":\"repeated: the API changed what is logged\""), 1, "{log}");
    assert_eq!(count("\"repeated\":3"), 1, "{log}");
}
