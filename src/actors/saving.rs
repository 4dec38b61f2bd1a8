//! How often the search is saved.

use std::time::Duration;

use crate::store::Retention;

/// How often checkpoints are written and which stay. May change while the search runs.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// Time between two checkpoints.
    pub every: Duration,
    /// Which stay.
    pub retention: Retention,
    /// Bytes that single rows of the history may take.
    pub history_bytes: u64,
}
