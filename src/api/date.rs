//! The `date` of a reply.
//!
//! actix-http has one of its own, which panics on a clock before 1970 and ticks twice a second for
//! every connection. It is stopped at the start, and what it says is never sent.

use std::time::{Duration, SystemTime};

use actix_http::{KeepAlive, ServiceConfig};
use actix_web::http::header::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::task::LocalSet;

/// The configuration of a codec whose clock stands still: it is to tick in tasks that nobody runs.
/// To be made once, while the clock is known to be right.
pub(super) fn standing_clock() -> ServiceConfig {
    let never_run = LocalSet::new();
    let _entered = never_run.enter();
    let unused = Duration::ZERO;
    ServiceConfig::new(KeepAlive::Disabled, unused, unused, false, None)
}

/// The time as a header has it. A clock before 1970 or after 9999 shows the start of 1970.
pub(super) fn date(now: SystemTime) -> HeaderValue {
    let now = Timestamp::try_from(now).unwrap_or_default().max(Timestamp::UNIX_EPOCH);
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    let text = text.expect("a year of four digits has a text");
    HeaderValue::from_str(&text).expect("letters and digits are a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_clock_gives_a_date() {
        let at = |seconds| date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        let start = "Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(date(SystemTime::UNIX_EPOCH - Duration::from_hours(24)), start);
        assert_eq!(at(1 << 45), start);
    }
}
