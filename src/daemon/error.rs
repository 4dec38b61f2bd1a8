//! Why the daemon could not start or go on, and the exit status that says so to systemd.

use std::path::PathBuf;

use crate::actors::ActorError;
use crate::api::ApiError;
use crate::config::ConfigError;
use crate::data::DataError;
use crate::search::SearchError;
use crate::store::{LedgerFault, StoreError};
use crate::telemetry::TelemetryError;

/// Why the daemon could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data is not there or broken.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The state folder holds a search with other settings.
    #[error(
        "the search in {} was started with other settings; give them back, or another state \
         folder with `store.state` or --state. They differ in:\n{}{hint}",
        path.display(),
        differences.join("\n")
    )]
    OtherSearch {
        /// The state folder.
        path: PathBuf,
        /// `key: old → new`, a line each.
        differences: Vec<String>,
        /// What helps beside that.
        hint: &'static str,
    },
    /// Something else computes here than computed the checkpoint.
    #[error(
        "the checkpoint of step {step} was computed by {before}, and here {now} would go on ({why}), with \
         other bits than a run that had stayed there: have `engine.device` and `engine.executor` open what \
         computed it, or allow the move with `engine.resume_elsewhere = true`"
    )]
    Elsewhere {
        /// The step of the checkpoint.
        step: u64,
        /// What computed it.
        before: String,
        /// What would go on.
        now: String,
        /// Why that.
        why: String,
    },
    /// The state folder holds a search on other data.
    #[error(
        "the search in {} was started on other data than {} holds; give that back, or another \
         state folder with `store.state` or --state. What changed:\n{}",
        path.display(),
        data.as_ref().map_or_else(|| "the program".into(), |data| data.display().to_string()),
        changes.join("\n")
    )]
    OtherData {
        /// The state folder.
        path: PathBuf,
        /// The folder of the data, where it is not embedded.
        data: Option<PathBuf>,
        /// What changed, a line each.
        changes: Vec<String>,
    },
    /// The device that was asked for is not there.
    #[error("the device `{device}` of `engine.device` cannot be opened: {why}")]
    Device {
        /// What was asked for.
        device: String,
        /// Why, and what helps.
        why: String,
    },
    /// The executor that was asked for does not compute on the device.
    #[error("{why}; set `engine.executor` to `auto`, or `engine.device` to `cpu`")]
    Executor {
        /// Why.
        why: String,
    },
    /// A limit goes by how long layers take, which cannot be measured.
    #[error("how long layers take cannot be measured: {why}; set `limits.milliseconds` to 0")]
    Timing {
        /// Why.
        why: String,
    },
    /// The address of the metrics cannot be listened on.
    #[error("cannot listen on {address} for metrics: {why}; set `telemetry.metrics` or --metrics")]
    Metrics {
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
    /// A configuration that is read while the daemon runs changes what cannot change then.
    #[error("{}nothing was changed", not_live(restart, search))]
    NotLive {
        /// The keys that take a restart, with what they were and are.
        restart: String,
        /// Those that take another state folder.
        search: String,
    },
    /// A socket that the service manager hands over is of no use.
    #[error(
        "socket {number} of those handed over, named `{name}`, {why}. enasd takes one listening Unix \
         stream socket (the API) and one listening TCP socket (the metrics), with \
         FileDescriptorName=enasd or none: mend the socket unit"
    )]
    HandedOver {
        /// Which, counted from 1.
        number: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of the state cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings and the data do not fit, or a step failed too often.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The run ended with an error.
    #[error(transparent)]
    Run(#[from] ActorError),
    /// The socket cannot be served.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Logs or metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The machine does not let the process have what a search needs.
    #[error("a search needs {needed} and could have only {found}: {limits}; {cure}")]
    Limit {
        /// What it needs.
        needed: String,
        /// How much of that there is.
        found: String,
        /// The limits, as far as they are known.
        limits: String,
        /// How to raise them.
        cure: &'static str,
    },
    /// The memory of a GPU does not do.
    #[error(
        "{why}: make batches smaller (`schedule.batch_size`, `final.batch_size`) or nets \
         (`net.channels`, `net.layers`, `final.channels`), raise `engine.memory_limit`, or see with \
         `nvidia-smi` who else has memory there"
    )]
    Memory {
        /// Why.
        why: String,
    },
    /// The clock stands at a time of no use.
    #[error(
        "the clock stands {seconds} s before 1970, and no library reckons from there: set it \
         (`date -s`, `timedatectl set-time`), and start again"
    )]
    Clock {
        /// How far.
        seconds: u64,
    },
    /// A runtime or a signal handler cannot be set up.
    #[error("cannot {action}: {why}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        why: String,
    },
}

fn not_live(restart: &str, search: &str) -> String {
    let parts = [
        (search, "this is another search, which needs another state folder (`store.state`)"),
        (restart, "this takes a restart"),
    ];
    let told = parts.iter().filter(|(keys, _)| !keys.is_empty());
    told.map(|(keys, what)| [keys, ": ", what, "; "].concat()).collect()
}

/// `EX_CONFIG`: a restart does not help.
pub const EXIT_CONFIG: u8 = 78;
/// `EX_OSERR`: the machine does not allow what a search needs, and a restart does not help.
pub const EXIT_SYSTEM: u8 = 71;
/// `EX_TEMPFAIL`: another daemon holds the state folder.
pub const EXIT_LOCKED: u8 = 75;
/// `EX_SOFTWARE`: a restart from the last checkpoint may help.
pub const EXIT_INTERNAL: u8 = 70;

impl DaemonError {
    /// The exit status of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::NotLive { .. }
            | Self::Data(_)
            | Self::OtherSearch { .. }
            | Self::OtherData { .. }
            | Self::Elsewhere { .. }
            | Self::Device { .. }
            | Self::Executor { .. }
            | Self::Metrics { .. }
            | Self::HandedOver { .. }
            | Self::Store(
                StoreError::Folder { .. }
                | StoreError::Ledger { fault: LedgerFault::OtherData { .. }, .. },
            )
            | Self::Search(
                SearchError::Net(_)
                | SearchError::Data(_)
                | SearchError::Limits { .. }
                | SearchError::NoWords { .. }
                | SearchError::NotInTable { .. },
            )
            | Self::Run(ActorError::Search(SearchError::AllFailed { .. }))
            | Self::Api(ApiError::NotASocket { .. } | ApiError::Socket { .. })
            | Self::Telemetry(_) => EXIT_CONFIG,
            Self::Store(StoreError::Locked { .. }) | Self::Api(ApiError::SocketTaken { .. }) => {
                EXIT_LOCKED
            }
            Self::Limit { .. } | Self::Memory { .. } | Self::Clock { .. } => EXIT_SYSTEM,
            Self::Store(_)
            | Self::Search(_)
            | Self::Timing { .. }
            | Self::Run(_)
            | Self::Api(_)
            | Self::System { .. } => EXIT_INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: LedgerFault, expected: u8) {
        let error = StoreError::Ledger { path: PathBuf::from("test-split.json"), fault };
        assert_eq!(DaemonError::from(error).exit_code(), expected);
    }

    #[test]
    fn a_ledger_of_other_data_is_a_matter_of_settings_and_a_lost_one_is_not() {
        let (found, expected) = ("a".to_owned(), "b".to_owned());
        check(LedgerFault::OtherData { found, expected }, EXIT_CONFIG);
        check(LedgerFault::Lost { known: 1 }, EXIT_INTERNAL);
    }
}
