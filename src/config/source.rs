//! Where a value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::config::keys;

/// Where a value came from; written as a person would look for it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Source {
    /// Built in: `default`.
    #[default]
    Default,
    /// Nobody has set it, and the search of the state folder began with another value than is built
    /// in: `the state folder`.
    State,
    /// A line of the file: `/etc/enasd/enasd.toml:12`.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable: `ENASD_NET__CHANNELS`.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag: `--state`, or `--set net.channels`.
    Flag {
        /// The key that it sets.
        key: String,
    },
}

/// The source of each key.
pub type Sources = BTreeMap<&'static str, Source>;

impl Source {
    /// How `key` is spelled where this value came from.
    pub(super) fn spell(&self, key: &str) -> String {
        match self {
            Self::Default | Self::State | Self::File { .. } => key.to_owned(),
            Self::Environment { .. } => keys::variable_of(key),
            Self::Flag { .. } => flag(key),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::State => f.write_str("the state folder"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { name } => f.write_str(name),
            Self::Flag { key } => f.write_str(&flag(key)),
        }
    }
}

/// The flag that sets `key`.
fn flag(key: &str) -> String {
    keys::flag_of(key).map_or_else(|| format!("--set {key}"), |flag| format!("--{flag}"))
}
