//! What the daemon tells about itself: metrics, logs, progress on a terminal, and
//! words to the service manager.
//!
//! ```text
//!  catalog ── names, kinds, units, helps, labels ──► registry ──► /metrics
//!  Metrics ── typed setters ─────────────────────────┘
//!  Vitals ── signs of life ──► is an actor stalled? ──► ServiceManager: watchdog, status
//!  logs, progress ──► Outlet: a bounded queue ──► one thread ──► a terminal, a pipe, the journal
//! ```
//!
//! This layer knows nothing of the search: it is given numbers and names.
//!
//! # How to add a metric
//!
//! 1. `catalog.rs`: a line with its name, kind, unit, help, labels and first value. Values of labels
//!    are a closed set in `label.rs`, or known at the start (`setup.rs`).
//! 2. `metrics.rs`: a call that sets it, or a line in the call for what happens with it, whose
//!    numbers `event.rs` has. `metrics/tests.rs` shows it in a scrape.
//! 3. Whoever knows the number calls: mostly `actors/observer.rs`.
//! 4. A panel in `dashboards/enasd.json`, or an alert in `dashboards/alerts.yml` with its section in
//!    `runbook.md` and its test in `tests/dashboards/alerts_test.yml`: `.ci/run dashboards` refuses
//!    a metric that has neither.

pub mod catalog;
mod clock;
mod event;
mod journal;
mod journal_socket;
mod label;
mod log_control;
mod logs;
mod metrics;
mod outlet;
mod output;
mod panic;
mod progress;
mod registry;
mod repeats;
mod service_manager;
mod setup;
mod vitals;

pub use clock::{unix_millis, unix_time};
pub use event::{Best, CheckpointWritten, ControllerStep, IntervalNumbers, SharedStepNumbers};
pub use label::{
    Actor, Arm, ChildLabel, CostLabel, NetLabel, PhaseLabel, RankLabel, RulingLabel, Split,
};
pub use log_control::LogControl;
pub use logs::start_logs;
pub use metrics::{Asked, Metrics};
pub use outlet::{LAST_WORDS, Line, Outlet};
pub use output::{LogFormat, Output};
pub use panic::{PANIC_EXIT_CODE, install_panic_hook};
pub use progress::View;
pub use registry::CONTENT_TYPE;
pub use service_manager::ServiceManager;
pub use setup::{MenuLabels, MetricsSetup};
pub use vitals::Stall;

use crate::setting::LOG_LEVELS;

/// Why telemetry did not start. Nothing here fails once it has.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A device that no series of the catalogue names.
    #[error("metrics: label `{label}` cannot be `{value}`; name one of {}", allowed.join(", "))]
    UnknownDevice {
        /// The label.
        label: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        allowed: &'static [&'static str],
    },
    /// More values for a label than the bound on series allows.
    #[error(
        "metrics: label `{label}` has {count} values, at most {limit} keep the number of series bounded; give fewer"
    )]
    TooManyValues {
        /// The label.
        label: &'static str,
        /// How many values were given.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A series would have no name, or two would have the same.
    #[error(
        "metrics: label `{label}` has the value `{value}`, which is empty, reserved or given twice; give each name once"
    )]
    BadValue {
        /// The label.
        label: &'static str,
        /// What was given.
        value: String,
    },
    /// The text is no log filter.
    #[error(
        "`{filter}` is no log filter: write a level or a list such as `info,enasd::actors=debug`; \
         the levels are {}",
        LOG_LEVELS.join(", ")
    )]
    Filter {
        /// The text.
        filter: String,
    },
    /// The logs cannot be changed any more.
    #[error("the log filter cannot be changed: {source}; restart the daemon")]
    LogsGone {
        /// What the subscriber says.
        source: tracing_subscriber::reload::Error,
    },
    /// Logs were set up before, by this program or by a library.
    #[error("logs are set up already: {source}; start them once, first of all")]
    LogsTwice {
        /// What the subscriber says.
        source: tracing_subscriber::util::TryInitError,
    },
}
