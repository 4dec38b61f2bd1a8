//! What may change while the daemon runs: its configuration, and what it logs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::ConfigOrigins;

/// The configuration that the daemon runs with, as far as the API shows it and goes by it.
#[derive(Clone, Debug)]
pub struct RunningConfig {
    /// All of it, to be shown.
    pub config: serde_json::Value,
    /// Where each of its values came from.
    pub origins: ConfigOrigins,
    /// Users that may command, besides root and the daemon's own.
    pub admins: Vec<u32>,
}

/// Sets what is logged, or says why not.
pub type SetFilter = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What is logged, and how to change it.
#[derive(Clone)]
pub struct LogFilter {
    /// The filter.
    pub get: Arc<dyn Fn() -> String + Send + Sync>,
    /// Sets another one, or says why not.
    pub set: SetFilter,
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&(self.get)()).finish()
    }
}

/// The reply of `GET /v1/log-level`, and the body of `PUT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// A level (off, error, warn, info, debug, trace), or a list such as
    /// `info,enasd::actors=debug`.
    #[schema(
        pattern = r"^ *([A-Za-z0-9_:]+=)?(off|error|warn|info|debug|trace) *(, *([A-Za-z0-9_:]+=)?(off|error|warn|info|debug|trace) *)*$"
    )]
    pub level: String,
}
