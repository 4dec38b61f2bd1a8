//! The time of day. It may be set to anything while the daemon runs, so nothing is reckoned with
//! it: it is written down.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970-01-01 UTC; none on a clock that is before that.
pub fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same in milliseconds, as events have it.
pub fn unix_millis() -> i64 {
    i64::try_from(unix_time().as_millis()).unwrap_or(i64::MAX)
}
