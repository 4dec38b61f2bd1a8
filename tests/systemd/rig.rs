//! A service manager in small: it opens sockets, starts the daemon with them, and listens.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Killed, tiny_text};

/// Far longer than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// Moves standard input and output to where systemd puts sockets.
const HAND_OVER: &str = "exec 3<&0 4>&1 0</dev/null 1>/dev/null; LISTEN_PID=$$; \
                         export LISTEN_PID; exec \"$0\" \"$@\"";

/// A folder with the two sockets and the one for notifications.
pub(crate) struct Manager {
    folder: tempfile::TempDir,
    pub(crate) api: UnixListener,
    pub(crate) metrics: TcpListener,
    notified: UnixDatagram,
}

impl Manager {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let api = UnixListener::bind(folder.path().join("api.sock")).unwrap();
        let metrics = TcpListener::bind("127.0.0.1:0").unwrap();
        let notified = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notified.set_read_timeout(Some(LIMIT)).unwrap();
        Self { folder, api, metrics, notified }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The daemon on the state folder of this manager, with `sockets` for its API and metrics.
    pub(crate) fn enasd(&self, sockets: Option<[OwnedFd; 2]>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", HAND_OVER, env!("CARGO_BIN_EXE_enasd"), "run"]);
        if let Some([first, second]) = sockets {
            command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "enasd:enasd");
            command.stdin(first).stdout(second);
        }
        command
            .arg("--config")
            .arg(self.config())
            .arg("--state")
            .arg(self.path("state"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .stderr(Stdio::piped());
        command
    }

    /// The configuration file, which is `config/tiny.toml` without retraining unless a test wrote
    /// another.
    pub(crate) fn config(&self) -> PathBuf {
        let path = self.path("enasd.toml");
        if !path.try_exists().unwrap() {
            std::fs::write(&path, tiny_text()).unwrap();
        }
        path
    }

    /// The daemon with both sockets handed over.
    pub(crate) fn start(&self) -> Killed {
        Killed(self.enasd(Some(self.sockets())).stderr(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn sockets(&self) -> [OwnedFd; 2] {
        [self.api.try_clone().unwrap().into(), self.metrics.try_clone().unwrap().into()]
    }

    /// The lines of the next notification.
    pub(crate) fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.notified.recv(&mut bytes).expect("nothing was said");
        String::from_utf8(bytes[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }

    /// Reads notifications until one has a line that starts with `start`; gives all of them.
    pub(crate) fn until(&self, start: &str) -> Vec<Vec<String>> {
        let deadline = Instant::now() + LIMIT;
        let mut said = Vec::new();
        loop {
            assert!(Instant::now() < deadline, "no {start} in {said:?}");
            said.push(self.next());
            if said.last().unwrap().iter().any(|line| line.starts_with(start)) {
                return said;
            }
        }
    }

    /// How often `line` is said within `span`.
    pub(crate) fn count(&self, line: &str, span: Duration) -> usize {
        let end = Instant::now() + span;
        let mut count = 0;
        while let Some(left) =
            end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            self.notified.set_read_timeout(Some(left)).unwrap();
            let mut bytes = [0; 4096];
            let Ok(length) = self.notified.recv(&mut bytes) else { break };
            let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
            count += usize::from(said.lines().any(|found| found == line));
        }
        self.notified.set_read_timeout(Some(LIMIT)).unwrap();
        count
    }

    /// What `enasctl` says.
    pub(crate) fn ctl(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_enasctl"))
            .args(args)
            .arg("--socket")
            .arg(self.path("api.sock"))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    pub(crate) fn scrape(&self) -> String {
        let stream = TcpStream::connect(self.metrics.local_addr().unwrap()).unwrap();
        asked(stream, "/metrics")
    }
}

/// Asks on a connection that is there already, for as long as an answer takes.
pub(crate) fn asked(mut stream: impl Read + Write, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Sends a signal.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success(), "{name}");
}
