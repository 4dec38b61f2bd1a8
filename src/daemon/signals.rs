//! Signals: SIGTERM and SIGINT end the run, SIGHUP has the configuration read again.
//!
//! On a terminal SIGHUP ends the run too: it says that the terminal is gone.

use actix::Addr;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::actors::{Controller, Stop};
use crate::daemon::DaemonError;
use crate::telemetry::Output;

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
        let reload = match output {
            Output::Terminal => {
                stop.push(hangup);
                None
            }
            Output::Stream | Output::Journal => Some(hangup),
        };
        Ok(Self { stop, reload })
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
