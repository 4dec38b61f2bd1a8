//! The sections that belong to no computing layer: the state folder, the local socket, metrics and
//! logs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::telemetry::LogFormat;

/// Where state is kept, and how often it is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The state folder; unset for systemd's `$STATE_DIRECTORY` or `enasd` in the user's XDG
    /// state folder.
    pub state: Option<PathBuf>,
    /// Seconds between two checkpoints, 0.05 to 86,400.
    pub checkpoint_seconds: f64,
    /// Checkpoints that are kept, 2 to 100: one may turn out to be damaged.
    pub keep_checkpoints: usize,
    /// Bytes that single rows of the history may take, 64,000,000 to 10^15; older ones are folded
    /// into a row for each hour, phase and arm.
    pub history_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            state: None,
            checkpoint_seconds: 60.0,
            keep_checkpoints: 3,
            history_bytes: 2_000_000_000,
        }
    }
}

/// The local socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// The Unix socket; unset for `api.sock` in a state folder that is set, else `enasd.sock` in
    /// the user's runtime folder.
    pub socket: Option<PathBuf>,
    /// Numeric ids of the users that may give commands, beside root and the daemon's own.
    pub admins: Vec<u32>,
}

/// Metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// The address of `/metrics`, or `off`. Whoever reaches it may read every metric: an address
    /// that is not loopback needs a firewall or a proxy.
    pub metrics: String,
    /// Names of this machine under which `/metrics` answers, beside its addresses and
    /// `localhost`.
    pub metrics_hosts: Vec<String>,
    /// What is logged: a level, and levels for single modules.
    pub log: String,
    /// How it is written.
    pub log_format: LogFormat,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            metrics: "127.0.0.1:9899".to_owned(),
            metrics_hosts: Vec::new(),
            log: "info".to_owned(),
            log_format: LogFormat::Auto,
        }
    }
}
