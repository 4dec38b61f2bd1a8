//! Every command of `dashboards/runbook.md`, run by bash beside a daemon at work.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::common::{Killed, NOTHING_RETRAINED, shipped_config};
use crate::rig::{bare, enasctl, enasd, wait};

const RUNBOOK: &str = include_str!("../../dashboards/runbook.md");

/// Programs of which a command is only parsed, and why.
const NOT_RUN: [(&str, &str); 4] = [
    ("systemctl", "asks the systemd that runs the installed service"),
    ("journalctl", "reads the journal of that systemd, or of the kernel"),
    ("nvidia-smi", "needs a card and its driver"),
    ("fuser", "is of a package that few machines have"),
];

/// Programs that begin a command within a sentence.
const PROGRAMS: [&str; 5] = ["enasctl", "enasd", "systemctl", "nvidia-smi", "fuser"];

/// The lines of the code blocks, and what sentences have of commands with arguments, each once.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in RUNBOOK.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.push(line.to_owned());
        } else {
            let spans = line.split('`').skip(1).step_by(2).map(str::trim);
            let is_command = |span: &&str| {
                span.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program))
            };
            found.extend(spans.filter(is_command).map(str::to_owned));
        }
    }
    // The end comes last.
    found.sort_by_key(|command| command == "enasctl stop");
    let mut once = Vec::new();
    for command in found {
        if !once.contains(&command) {
            once.push(command);
        }
    }
    once
}

fn is_only_parsed(command: &str) -> bool {
    NOT_RUN.iter().any(|(program, _)| command.contains(program))
}

/// The daemon of a service: its configuration and folders come from the environment.
fn service(folder: &Path, command: &mut Command) {
    let programs = Path::new(env!("CARGO_BIN_EXE_enasctl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("ENASD_API__SOCKET", folder.join("enasd.sock"))
        .env("ENASD_STORE__STATE", folder.join("state"));
}

fn start(folder: &Path, more: &[&str]) -> Killed {
    let mut daemon = enasd();
    let (config, nothing) = (shipped_config("tiny.toml"), NOTHING_RETRAINED.join("="));
    daemon.args(["run", "--metrics", "127.0.0.1:0", "--set", &nothing, "--config"]);
    daemon.arg(config).args(more);
    service(folder, &mut daemon);
    Killed(daemon.spawn().unwrap())
}

fn status(folder: &Path) -> Option<Value> {
    let mut ctl = enasctl();
    service(folder, &mut ctl);
    let output = ctl.args(["status", "--output", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

/// A daemon that set a damaged checkpoint aside, and goes on; its status.
fn at_work(folder: &Path) -> (Killed, Value) {
    for until in ["cycles=1", "cycles=2"] {
        assert!(start(folder, &["--until", until]).0.wait().unwrap().success());
    }
    let mut checkpoints: Vec<_> = fs::read_dir(folder.join("state/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    checkpoints.sort();
    fs::write(checkpoints.last().unwrap().join("search.json"), "{}").unwrap();
    let daemon = start(folder, &[]);
    let status =
        wait("it takes steps", || status(folder).filter(|status| status["state"] == "running"));
    assert_eq!(status["checkpoint"]["rejected_total"], 1);
    (daemon, status)
}

fn bash(folder: &Path, args: &[&str]) -> Output {
    let mut bash = bare(Command::new("bash"));
    service(folder, &mut bash);
    bash.args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn every_command_of_the_runbook_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut daemon, status) = at_work(folder);
    let metrics = status["process"]["metrics"].as_str().unwrap();
    let state = folder.join("state");
    let state = state.to_str().unwrap();
    let commands = commands();
    let run = commands.iter().filter(|command| !is_only_parsed(command)).count();
    assert!(10 <= run, "{commands:?}");
    for command in &commands {
        let command = command
            .replace("/var/lib/enasd", state)
            .replace("127.0.0.1:9899", metrics)
            .replace("DIR", state);
        let how: &[&str] = if is_only_parsed(&command) { &["-n"] } else { &["-o", "pipefail"] };
        let output = bash(folder, &[how, &["-c", &command]].concat());
        assert!(output.status.success(), "{command}\n{output:?}");
    }
    assert!(daemon.0.wait().unwrap().success(), "`enasctl stop` ends it");
}
