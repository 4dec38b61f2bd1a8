//! Who reads stderr.

use std::io::IsTerminal;

use rustix::fs::fstat;

/// Who reads stderr: a person, the journal, or another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A person: lines to be read, and a progress bar.
    Terminal,
    /// A program: one JSON object a line, and nothing else.
    Stream,
    /// The journal of systemd: every line with fields of its own.
    Journal,
}

impl Output {
    /// Looks at this process' stderr.
    pub fn of_stderr() -> Self {
        let journal = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        if std::io::stderr().is_terminal() {
            Self::Terminal
        } else if is_stderr(&journal) {
            Self::Journal
        } else {
            Self::Stream
        }
    }
}

/// Whether stderr is the file that `stream` names, as `device:inode`: another program may have
/// been given the variable and its own stderr.
fn is_stderr(stream: &str) -> bool {
    fstat(std::io::stderr()).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}
