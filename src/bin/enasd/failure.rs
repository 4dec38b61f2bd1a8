//! Why the program ends before its work is done.

use enasd::config::ConfigError;
use enasd::daemon::DaemonError;

/// Why the program ends before its work is done.
pub(crate) struct Failure {
    pub(crate) why: String,
    pub(crate) exit_code: u8,
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self { why: error.to_string(), exit_code: error.exit_code() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        DaemonError::from(error).into()
    }
}
