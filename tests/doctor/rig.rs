//! A small search with a state folder, a configuration and tools of its own, and what the doctor
//! finds there.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Killed, tiny_text};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(2);

/// What a child process has of the environment: nothing of the machine's own enasd or systemd.
const KEPT: [&str; 2] = ["LANG", "TMPDIR"];

/// A search.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) address: String,
    daemon: Option<Killed>,
}

/// What the doctor said.
pub(crate) struct Diagnosis {
    pub(crate) code: Option<i32>,
    pub(crate) findings: Vec<Value>,
}

impl Rig {
    /// A search that has not begun.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("tools")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let rig = Self { folder, address: format!("127.0.0.1:{port}"), daemon: None };
        let metrics = format!("metrics = \"{}\"", rig.address);
        fs::write(rig.config(), tiny_text().replace("metrics = \"off\"", &metrics)).unwrap();
        rig
    }

    /// A search of two cycles that has ended in order after each, so it has two checkpoints.
    pub(crate) fn ended() -> Self {
        let rig = Self::new();
        rig.run(1);
        rig.run(2);
        rig
    }

    /// A search that runs, and has saved twice.
    pub(crate) fn running() -> Self {
        let mut rig = Self::new();
        let child = rig.enasd().stderr(Stdio::null()).spawn().unwrap();
        rig.keep(child);
        wait("it saves twice", || Some(1 < rig.status()?["checkpoint"]["writes_total"].as_u64()?));
        rig
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("enasd.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("enasd.sock")
    }

    /// Replaces a part of the configuration.
    pub(crate) fn edit(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(self.config(), text.replacen(old, new, 1)).unwrap();
    }

    /// Puts a program on the path, which is a script.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        let path = self.folder.path().join("tools").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    fn clean(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null());
        for name in KEPT {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.folder.path()).env("PATH", self.folder.path().join("tools"));
        command
    }

    /// A daemon. One of its settings comes from the environment, as some do.
    pub(crate) fn enasd(&self) -> Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_enasd"));
        command.args(["run", "--config"]).arg(self.config()).arg("--state").arg(self.state());
        command.arg("--socket").arg(self.socket()).env("ENASD_STORE__CHECKPOINT_SECONDS", "0.3");
        command
    }

    /// Runs until so many cycles have ended.
    pub(crate) fn run(&self, cycles: u64) {
        let until = format!("cycles={cycles}");
        let output = self.enasd().args(["--until", &until]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn keep(&mut self, child: Child) {
        self.daemon = Some(Killed(child));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().0.id()
    }

    /// Kills the daemon, which leaves everything as it is.
    pub(crate) fn kill(&mut self) {
        self.daemon = None;
    }

    /// `enasctl` with a verb and the places of this search.
    pub(crate) fn ctl(&self, args: &[&str]) -> Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_enasctl"));
        command.args(args).arg("--socket").arg(self.socket()).current_dir(self.folder.path());
        command
    }

    fn status(&self) -> Option<Value> {
        UnixStream::connect(self.socket()).ok()?;
        let output = self.ctl(&["status", "--output", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// What the doctor finds; where no daemon answers, on the places of this search.
    pub(crate) fn doctor(&self) -> Diagnosis {
        let mut command = self.ctl(&["doctor", "--output", "ndjson"]);
        if self.daemon.is_none() {
            command.arg("--config").arg(self.config()).arg("--state").arg(self.state());
        }
        Diagnosis::of(&command.output().unwrap())
    }
}

impl Diagnosis {
    pub(crate) fn of(output: &Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
        let findings = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { code: output.status.code(), findings }
    }

    /// Whether there is a finding of `check` with this verdict, whose text and cure contain these
    /// words; and that the exit status tells of failures.
    #[track_caller]
    pub(crate) fn check(&self, check: &str, verdict: &str, what: &str, cure: &str) {
        let found = self.findings.iter().any(|found| {
            let has = |key: &str, words: &str| found[key].as_str().unwrap_or("").contains(words);
            found["check"] == check
                && found["verdict"] == verdict
                && has("what", what)
                && has("cure", cure)
        });
        assert!(found, "no {verdict} of {check} with `{what}` and `{cure}`: {:#?}", self.findings);
        let expected = if self.of_verdict("fail").is_empty() { 0 } else { 4 };
        assert_eq!(self.code, Some(expected));
    }

    /// The checks with this verdict.
    pub(crate) fn of_verdict(&self, verdict: &str) -> Vec<&str> {
        let found = self.findings.iter().filter(|found| found["verdict"] == verdict);
        found.map(|found| found["check"].as_str().unwrap()).collect()
    }
}

/// Looks until it is so.
#[track_caller]
pub(crate) fn wait(what: &str, look: impl Fn() -> Option<bool> + Copy) {
    let deadline = Instant::now() + LIMIT;
    while look() != Some(true) {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Whether these tests may mount and be other users; says so where not.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("not run: only root can try this");
    }
    is_root
}

/// Every file under `folder`, with its size and time.
pub(crate) fn listing(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            files.extend(listing(&entry.path()));
        }
        files.push((entry.path(), metadata.len(), metadata.modified().unwrap()));
    }
    files.sort();
    files
}
