//! Signals: SIGTERM and SIGINT end the run, SIGHUP has the configuration read again.
//!
//! On a terminal SIGHUP ends the run too: it says that the terminal is gone.

use actix::Addr;
use nix::sys::signal::{SigSet, Signal as Named};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::actors::{Controller, Stop};
use crate::daemon::DaemonError;
use crate::telemetry::Output;

/// Keeps signals from ending or stopping the process that say what the call which they interrupt
/// says too: a file that may grow no larger (`ulimit -f`), a terminal that background processes may
/// not write to (`stty tostop`). To be called before there are threads, which inherit this.
pub(super) fn block() -> Result<(), DaemonError> {
    let blocked: SigSet = [Named::SIGXFSZ, Named::SIGTTOU].into_iter().collect();
    blocked
        .thread_block()
        .map_err(|errno| DaemonError::System { action: "block signals", why: errno.to_string() })
}

/// The signals that are listened for, by what they do.
pub(super) struct Signals {
    /// End the run.
    pub(super) stop: Vec<Signal>,
    /// Has the configuration read again; none on a terminal.
    pub(super) reload: Option<Signal>,
}

impl Signals {
    pub(super) fn listen(output: Output) -> Result<Self, DaemonError> {
        let listen = |kind| {
            signal(kind).map_err(|error| DaemonError::System {
                action: "listen for signals",
                why: error.to_string(),
            })
        };
        let mut stop = vec![listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?];
        let hangup = listen(SignalKind::hangup())?;
        if output.is_terminal {
            stop.push(hangup);
            return Ok(Self { stop, reload: None });
        }
        Ok(Self { stop, reload: Some(hangup) })
    }
}

/// Each of these signals finishes the step, saves, and ends the run.
pub(super) async fn stop_on(mut signals: Vec<Signal>, controller: Addr<Controller>) {
    loop {
        futures_util::future::select_all(signals.iter_mut().map(|one| Box::pin(one.recv()))).await;
        tracing::info!("a signal asks for the end: finishing the step, then saving");
        if let Err(error) = controller.send(Stop).await {
            tracing::warn!("the run is over already: {error}");
        }
    }
}
