//! The built daemon in a folder of its own, and `enasctl` to ask it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Killed, tiny_daemon, tiny_text};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(3);

/// What a program has of the environment: nothing of the machine's own enasd.
const KEPT: [&str; 3] = ["LANG", "PATH", "TMPDIR"];

/// A folder for the state of a small search, and its daemon where one runs.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    daemon: Option<Killed>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), daemon: None }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts the daemon, and waits until it takes steps.
    pub(crate) fn start(&mut self) {
        let child = bare(tiny_daemon(&self.state())).stderr(Stdio::null()).spawn().unwrap();
        self.daemon = Some(Killed(child));
        self.wait_for(|status| status["state"] == "running");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        drop(self.daemon.take().unwrap());
    }

    /// Ends the daemon in order.
    pub(crate) fn stop(&mut self) {
        assert!(self.ctl(&["stop"]).status.success());
        assert!(self.daemon.take().unwrap().0.wait().unwrap().success());
    }

    /// The configuration of a small search, without a line about the metrics.
    pub(crate) fn config(&self) -> PathBuf {
        let path = self.folder.path().join("tiny.toml");
        fs::write(&path, tiny_text().replace("metrics = \"off\"\n", "")).unwrap();
        path
    }

    pub(crate) fn ctl(&self, args: &[&str]) -> Output {
        let socket = self.state().with_extension("sock");
        enasctl().args(args).arg("--socket").arg(socket).output().unwrap()
    }

    /// What `enasctl` prints for people.
    #[track_caller]
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let output = self.ctl(args);
        assert!(output.status.success(), "{args:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `enasctl` prints for programs, a value a line.
    #[track_caller]
    pub(crate) fn values(&self, args: &[&str]) -> Vec<Value> {
        let text = self.text(&[args, &["--output", "ndjson"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The messages of the events of a kind.
    pub(crate) fn told(&self, kind: &str) -> Vec<String> {
        let events = self.values(&["events"]).into_iter();
        let of_kind = events.filter(|event| event["kind"] == kind);
        of_kind.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Asks for the status until `wanted` is so.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        wait("the status", || {
            let output = self.ctl(&["status", "--output", "json"]);
            serde_json::from_slice(&output.stdout).ok().filter(&wanted)
        })
    }
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A program without the machine's own environment.
pub(crate) fn bare(mut command: Command) -> Command {
    command.env_clear();
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

pub(crate) fn enasctl() -> Command {
    bare(Command::new(env!("CARGO_BIN_EXE_enasctl")))
}

pub(crate) fn enasd() -> Command {
    let mut command = bare(Command::new(env!("CARGO_BIN_EXE_enasd")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
