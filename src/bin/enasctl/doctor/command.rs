//! Other programs that are asked, each with a limit: systemd may not answer either.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long another program may take.
const LIMIT: Duration = Duration::from_secs(15);

/// What came of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It succeeded, and printed this.
    Done(String),
    /// There is no such program.
    Absent,
    /// It did not succeed; in its words.
    Failed(String),
}

/// Runs a program to its end. It sees no input, and speaks English.
pub(crate) async fn run(program: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    match timeout(LIMIT, command.output()).await {
        Ok(Ok(Output { status, stdout, stderr })) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if status.success() {
                return Ran::Done(text(&stdout));
            }
            let words = text(&stderr);
            let words = words.lines().next().unwrap_or_default();
            Ran::Failed(format!("{program}: {words} ({status})"))
        }
        Ok(Err(err)) if err.kind() == io::ErrorKind::NotFound => Ran::Absent,
        Ok(Err(err)) => Ran::Failed(format!("{program}: {err}")),
        Err(_) => Ran::Failed(format!("{program} did not end within {} s", LIMIT.as_secs())),
    }
}
