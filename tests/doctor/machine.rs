//! What systemd and the clock's service say; programs in their place answer for them.

use crate::rig::Rig;

/// A unit with what a healthy one has, and `rest`.
fn unit(rest: &str) -> String {
    format!("printf 'LoadState=loaded\\nUnitFileState=enabled\\nSubState=running\\n{rest}'")
}

#[test]
fn a_unit_that_failed_is_found() {
    let rig = Rig::ended();
    rig.tool("systemctl", &unit("ActiveState=failed\\nResult=exit-code\\nExecMainStatus=78\\n"));
    rig.doctor().check("unit", "fail", "exit-code, exit status 78", "journalctl -u enasd");
}

#[test]
fn a_unit_that_restarts_and_has_no_watchdog_is_found() {
    let rig = Rig::running();
    rig.tool("systemctl", &unit("ActiveState=active\\nNRestarts=7\\nWatchdogUSec=0\\n"));
    let found = rig.doctor();
    found.check("unit", "ok", "is active", "");
    found.check("restarts", "warn", "7 times", "journalctl -u enasd");
    found.check("watchdog", "warn", "no watchdog", "WatchdogSec=");
}

#[test]
fn a_unit_that_is_not_there_and_a_systemd_that_does_not_answer_are_no_faults() {
    let rig = Rig::ended();
    rig.tool("systemctl", "printf 'LoadState=not-found\\nActiveState=inactive\\n'");
    rig.doctor().check("unit", "skip", "not installed", "");
    rig.tool("systemctl", "echo 'System has not been booted with systemd' >&2; exit 1");
    rig.doctor().check("unit", "skip", "has not been booted with systemd", "");
}

#[test]
fn a_clock_without_a_time_service_is_a_warning_at_most() {
    let rig = Rig::ended();
    rig.tool("timedatectl", "echo no");
    rig.doctor().check("sync", "warn", "not synchronized", "systemd-timesyncd");
    rig.tool("timedatectl", "echo yes");
    rig.doctor().check("sync", "ok", "is synchronized", "");
}
