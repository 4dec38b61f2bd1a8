//! `enasctl events`: what happened to the daemon, as a list or as it happens.

use std::time::Duration;

use enasd::api::wire::Event;
use enasd::api::{ApiError, Lines, ProblemCode};
use tokio::time::sleep;

use crate::clock::{Since, local};
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
    since: Since,
    follow: bool,
) -> Result<(), Failure> {
    let (mut since, from_ms) = match since {
        Since::Event(number) => (number, i64::MIN),
        Since::Moment(unix_ms) => (0, unix_ms),
    };
    // Where nobody is from the start, the socket is more likely wrong than the daemon gone.
    let mut lines = open(daemon, since, follow).await?;
    loop {
        let ended = print(&mut lines, printer, &mut since, from_ms).await;
        match ended {
            Ok(()) | Err(Failure::Api(_)) if follow => lines = reopen(daemon, since).await?,
            ended => return ended,
        }
    }
}

async fn open(daemon: &Daemon, since: u64, follow: bool) -> Result<Lines, ApiError> {
    daemon.questions.lines(&format!("/v1/events?since={since}&follow={follow}")).await
}

/// Prints those of the events that happened at `from_ms` or later.
async fn print(
    lines: &mut Lines,
    printer: &mut Printer,
    since: &mut u64,
    from_ms: i64,
) -> Result<(), Failure> {
    while let Some(event) = lines.next::<Event>().await? {
        *since = event.seq;
        if event.unix_ms < from_ms {
            continue;
        }
        printer.item(&event, |event| {
            let Event { seq, kind, message, .. } = event;
            format!("{seq:>6}  {}  {kind}  {message}", local(event.unix_ms))
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
