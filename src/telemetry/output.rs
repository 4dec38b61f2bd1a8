//! Who reads standard error, and how it is written for them.

use std::env;
use std::io::IsTerminal;

use rustix::fs::fstat;
use serde::{Deserialize, Serialize};

/// How the log is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text on a terminal, fields where systemd's journal reads, JSON elsewhere.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Fields of their own in systemd's journal.
    Journal,
}

/// How standard error is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// How the log is written; never [`LogFormat::Auto`].
    pub(super) format: LogFormat,
    /// Whether a person sits there.
    pub is_terminal: bool,
}

impl Output {
    /// Looks at this process' standard error, and at what is wanted.
    pub fn of_stderr(wanted: LogFormat) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let journal = env::var("JOURNAL_STREAM").unwrap_or_default();
        let format = match wanted {
            LogFormat::Auto if is_terminal => LogFormat::Text,
            LogFormat::Auto if is_stderr(&journal) => LogFormat::Journal,
            LogFormat::Auto => LogFormat::Json,
            wanted => wanted,
        };
        Self { format, is_terminal }
    }

    /// Whether progress is drawn below the lines: for a person, where the cursor can be moved.
    pub fn has_progress(self) -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        self.is_terminal && self.format == LogFormat::Text && !is_dumb
    }
}

/// Whether stderr is the file that `stream` names, as `device:inode`: another program may have
/// been given the variable and its own stderr.
fn is_stderr(stream: &str) -> bool {
    fstat(std::io::stderr()).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}
