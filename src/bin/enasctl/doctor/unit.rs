//! The unit: what systemd knows of the service.

use std::collections::BTreeMap;

use crate::doctor::Finding;
use crate::doctor::command::{Ran, run};
use crate::doctor::patient::Patient;

const UNIT: &str = "unit";
const RESTARTS: &str = "restarts";
const WATCHDOG: &str = "watchdog";

/// The service's name.
pub(crate) const SERVICE: &str = "enasd.service";

const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,\
                          WatchdogUSec,UnitFileState,MainPID";

type Properties = BTreeMap<String, String>;

pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    match run("systemctl", &["show", SERVICE, "-p", PROPERTIES]).await {
        Ran::Done(text) => judged(&properties(&text), patient.status.is_ok()),
        Ran::Absent => vec![Finding::skip(UNIT, "there is no systemctl on this machine")],
        Ran::Failed(why) => vec![Finding::skip(UNIT, format!("systemd does not answer: {why}"))],
    }
}

fn properties(text: &str) -> Properties {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn judged(unit: &Properties, answers: bool) -> Vec<Finding> {
    let value = |name: &str| unit.get(name).map_or("", String::as_str);
    if value("LoadState") == "not-found" {
        return vec![Finding::skip(UNIT, format!("{SERVICE} is not installed"))];
    }
    let mut findings = vec![state(unit, answers)];
    if value("ActiveState") == "active" {
        findings.push(match value("NRestarts") {
            "" | "0" => Finding::ok(RESTARTS, "none since it was started"),
            times => Finding::warn(
                RESTARTS,
                format!("systemd restarted it {times} times"),
                "`journalctl -u enasd` says why; `systemctl reset-failed enasd` clears the count",
            ),
        });
        findings.push(match value("WatchdogUSec") {
            "" | "0" | "infinity" => Finding::warn(
                WATCHDOG,
                "the unit has no watchdog: a search that hangs is not restarted",
                "give the unit `WatchdogSec=`, as the one that is shipped has",
            ),
            time => Finding::ok(WATCHDOG, format!("restarts a search that hangs for {time}")),
        });
    }
    findings
}

fn state(unit: &Properties, answers: bool) -> Finding {
    let value = |name: &str| unit.get(name).map_or("", String::as_str);
    let (active, file) = (value("ActiveState"), value("UnitFileState"));
    let (result, exit) = (value("Result"), value("ExecMainStatus"));
    match active {
        "active" | "reloading" if file == "disabled" => Finding::warn(
            UNIT,
            format!("{SERVICE} is active, and will not be started at boot"),
            "`systemctl enable enasd`",
        ),
        "active" | "reloading" => {
            Finding::ok(UNIT, format!("{SERVICE} is active ({}), {file}", value("SubState")))
        }
        "failed" => Finding::fail(
            UNIT,
            format!("{SERVICE} failed: {result}, exit status {exit}"),
            "`journalctl -u enasd` says why; mend that, then `systemctl restart enasd`",
        ),
        _ if answers => {
            Finding::ok(UNIT, format!("{SERVICE} is {active}: the daemon was started otherwise"))
        }
        _ => Finding::warn(UNIT, format!("{SERVICE} is {active}"), "`systemctl start enasd`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict::{self, Fail, Ok, Skip, Warn};

    #[track_caller]
    fn check(text: &str, answers: bool, expected: &[(&str, Verdict)]) {
        let found = judged(&properties(text), answers);
        let found: Vec<_> = found.iter().map(|found| (found.check, found.verdict)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_state_of_the_unit_is_judged() {
        check("LoadState=not-found\nActiveState=inactive\n", true, &[(UNIT, Skip)]);
        let loaded = "LoadState=loaded\nUnitFileState=enabled\n";
        let with = |rest: &str| format!("{loaded}{rest}");
        check(&with("ActiveState=inactive\n"), false, &[(UNIT, Warn)]);
        check(&with("ActiveState=inactive\n"), true, &[(UNIT, Ok)]);
        check(&with("ActiveState=failed\nResult=watchdog\n"), false, &[(UNIT, Fail)]);
        check(
            &with("ActiveState=active\nNRestarts=0\nWatchdogUSec=30s\n"),
            true,
            &[(UNIT, Ok), (RESTARTS, Ok), (WATCHDOG, Ok)],
        );
        check(
            &with("ActiveState=active\nNRestarts=3\nWatchdogUSec=0\n"),
            true,
            &[(UNIT, Ok), (RESTARTS, Warn), (WATCHDOG, Warn)],
        );
        check(
            "LoadState=loaded\nUnitFileState=disabled\nActiveState=active\nWatchdogUSec=30s\n",
            true,
            &[(UNIT, Warn), (RESTARTS, Ok), (WATCHDOG, Ok)],
        );
    }
}
