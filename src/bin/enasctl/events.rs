//! `enasctl events`: what happened to the daemon, as a list or as it happens.

use std::time::Duration;

use enasd::api::wire::Event;
use enasd::api::{ApiError, Lines, ProblemCode};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::printer::{Printer, remark};
use crate::socket::Daemon;

/// Before another attempt to reach a daemon that is gone.
const RETRY: Duration = Duration::from_secs(1);

/// Prints events, a line each. Once it follows, it outlives the daemon: it waits for the next one
/// and goes on after the last event printed, so none is lost or printed twice.
pub(crate) async fn events(
    daemon: &Daemon,
    printer: &mut Printer,
    mut since: u64,
    follow: bool,
) -> Result<(), Failure> {
    // Where nobody is from the start, the socket is more likely wrong than the daemon gone.
    let mut lines = open(daemon, since, follow).await?;
    loop {
        let ended = print(&mut lines, printer, &mut since).await;
        match ended {
            Ok(()) | Err(Failure::Api(_)) if follow => lines = reopen(daemon, since).await?,
            ended => return ended,
        }
    }
}

async fn open(daemon: &Daemon, since: u64, follow: bool) -> Result<Lines, ApiError> {
    daemon.questions.lines(&format!("/v1/events?since={since}&follow={follow}")).await
}

async fn print(lines: &mut Lines, printer: &mut Printer, since: &mut u64) -> Result<(), Failure> {
    while let Some(event) = lines.next::<Event>().await? {
        *since = event.seq.max(*since);
        printer.item(&event, |event| {
            let Event { seq, kind, message, .. } = event;
            format!("{seq:>6}  {}  {kind}  {message}", utc(event.unix_ms))
        })?;
    }
    Ok(())
}

/// Waits for a daemon that can be followed.
async fn reopen(daemon: &Daemon, since: u64) -> Result<Lines, ApiError> {
    let mut is_told = false;
    loop {
        sleep(RETRY).await;
        match open(daemon, since, true).await {
            Ok(lines) => {
                remark(format_args!("following again, after event {since}"));
                return Ok(lines);
            }
            Err(error) if is_passing(&error) => {
                if !is_told {
                    remark(format_args!("{error}; waiting for it"));
                    is_told = true;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a daemon that starts or has much to do may be the cause.
fn is_passing(error: &ApiError) -> bool {
    match error {
        ApiError::Unreachable { .. } | ApiError::Silent { .. } | ApiError::Http { .. } => true,
        ApiError::Problem(problem) => problem.code == ProblemCode::Busy,
        _ => false,
    }
}

/// Milliseconds since 1970 as `2026-03-31 12:00:00Z`.
pub(crate) fn utc(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01, by eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_of_march + 2) / 5 + 1;
    let month = if month_of_march < 10 { month_of_march + 3 } else { month_of_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from `date -u -d @N`.
    #[test]
    fn times_are_told_in_utc() {
        for (unix_ms, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399_999, "2000-02-28 23:59:59Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (1_798_761_599_000, "2026-12-31 23:59:59Z"),
            (-1, "1969-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc(unix_ms), text);
        }
    }
}
