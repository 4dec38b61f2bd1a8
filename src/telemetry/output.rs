//! Who reads stderr.

use std::io::IsTerminal;

/// Who reads stderr: a person, or a program such as journald.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A person: lines to be read, and a progress bar.
    Terminal,
    /// A program: one JSON object a line, and nothing else.
    Stream,
}

impl Output {
    /// Looks at this process' stderr.
    pub fn of_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Terminal } else { Self::Stream }
    }
}
