//! A search of a second, driven as a user would.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use enasd::store::{HistoryRow, StepRow};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Killed, history, history_from, shipped_config};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(2);

/// What makes a cycle of `config/tiny.toml` take half a second.
const SHORT: [(&str, &str); 6] = [
    ("ENASD_ENGINE__THREADS", "1"),
    ("ENASD_SCHEDULE__SHARED_STEPS", "2"),
    ("ENASD_SCHEDULE__CONTROLLER_STEPS", "2"),
    ("ENASD_DERIVE__SAMPLES", "2"),
    ("ENASD_DERIVE__RERANK", "1"),
    ("ENASD_FINAL__CANDIDATES", "0"),
];

/// A daemon for the state folder `state`.
pub(crate) fn enasd(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command.args(["run", "--config"]).arg(shipped_config("tiny.toml")).arg("--state").arg(state);
    // A variable, so that a case may give a flag instead.
    command.env("ENASD_API__SOCKET", state.with_extension("sock")).envs(SHORT);
    command.stdin(Stdio::null());
    command
}

/// What a program that ended said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code(), out, err }
    }
}

impl Said {
    /// Every program and every case: its status, its words, and no panic.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, words: &[&str]) {
        let Self { out, err, .. } = self;
        eprintln!("{code}: {err}");
        assert_eq!(self.code, Some(code), "{out}{err}");
        assert!(!err.contains("panic"), "{err}");
        for word in words {
            assert!(err.contains(word), "`{word}` is not in: {err}");
        }
    }
}

/// Runs a program to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    command.output().unwrap().into()
}

/// Runs `cycles` cycles to the end, and returns the log.
#[track_caller]
pub(crate) fn run_to(state: &Path, cycles: u64) -> String {
    let said = said(enasd(state).args(["--until", &format!("cycles={cycles}")]));
    said.check(0, &[]);
    said.err
}

/// Rollouts and steps of a search that nothing disturbed.
type History = (Vec<HistoryRow>, Vec<StepRow>);

/// The history of an undisturbed search of at least `cycles` cycles.
fn undisturbed(cycles: u64) -> History {
    static LONGEST: Mutex<Option<(u64, History)>> = Mutex::new(None);
    let mut longest = LONGEST.lock().unwrap();
    if let Some((_, found)) = longest.as_ref().filter(|(length, _)| cycles <= *length) {
        return found.clone();
    }
    let folder = tempfile::tempdir().unwrap();
    let (state, cycles) = (folder.path().join("undisturbed"), cycles.max(6));
    run_to(&state, cycles);
    let found = history(&state);
    *longest = Some((cycles, found.clone()));
    found
}

/// Sees that a search went as if nothing had been.
#[track_caller]
pub(crate) fn check_undisturbed(state: &Path) {
    let (rollouts, steps) = history(state);
    let last = rollouts.last().expect("the search has drawn something");
    let (all_rollouts, all_steps) = undisturbed(u64::from(last.cycle) + 1);
    assert!(rollouts[..] == all_rollouts[..rollouts.len()], "the history differs");
    assert!(steps[..] == all_steps[..steps.len()], "the steps differ");
}

/// The same for a search whose history begins at the step `from`.
#[track_caller]
pub(crate) fn check_undisturbed_from(state: &Path, from: u64) {
    let (rollouts, steps) = history_from(state, from);
    let last = rollouts.last().expect("the search has drawn something");
    let (mut all_rollouts, mut all_steps) = undisturbed(u64::from(last.cycle) + 1);
    all_rollouts.retain(|row| (from..=last.step).contains(&row.step));
    all_steps.retain(|row| (from..=last.step).contains(&row.step));
    assert!(rollouts == all_rollouts, "the history differs");
    assert!(steps == all_steps, "the steps differ");
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// A running daemon.
pub(crate) struct Daemon {
    pub(crate) state: PathBuf,
    pub(crate) process: Killed,
    _folder: Option<TempDir>,
}

impl Daemon {
    /// A daemon with a state folder of its own, which serves.
    pub(crate) fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let daemon = Self::start(enasd(&state), &state);
        Self { _folder: Some(folder), ..daemon }
    }

    /// Starts `command`, and waits until it serves.
    pub(crate) fn start(mut command: Command, state: &Path) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self::start_with_streams(command, state)
    }

    /// Starts `command`, which has standard streams already, and waits until it serves.
    pub(crate) fn start_with_streams(mut command: Command, state: &Path) -> Self {
        let process = Killed(command.spawn().unwrap());
        let daemon = Self { state: state.to_owned(), process, _folder: None };
        wait("it serves", || UnixStream::connect(daemon.socket()).ok());
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.state.with_extension("sock")
    }

    pub(crate) fn ctl(&self, args: &[&str]) -> Said {
        said(&mut self.ctl_command(args))
    }

    pub(crate) fn ctl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasctl"));
        command.args(args).arg("--socket").arg(self.socket()).stdin(Stdio::null());
        command
    }

    /// The status, whatever it says.
    pub(crate) fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.ctl(&["status", "--output", "json"]).out).ok()
    }

    /// Asks for the status until `wanted` is so.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait(what, || self.status().filter(&wanted))
    }

    /// Where the metrics of a daemon are that was started with `--metrics 127.0.0.1:0`.
    pub(crate) fn metrics(&self) -> String {
        let status =
            self.wait_for("it has metrics", |status| status["process"]["metrics"].is_string());
        status["process"]["metrics"].as_str().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end, and returns the exit status.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<i32> {
        wait("it ends", || self.process.0.try_wait().unwrap()).code()
    }
}

/// What `/metrics` says at this address.
#[track_caller]
pub(crate) fn scrape(address: &str) -> String {
    let mut peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    text
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Whether these tests may mount and be other users. Where not, it says so; in CI, where nobody
/// reads that, the test fails.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        assert!(std::env::var_os("CI").is_none(), "CI must run these tests as root");
        eprintln!("not run: only root can try this");
    }
    is_root
}
