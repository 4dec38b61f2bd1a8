//! The signals that end a program which holds the terminal.
//!
//! A terminal that nobody reads (Ctrl-S, a stalled link) holds up the thread that draws. So another
//! one waits for the signals, and ends the process where the drawing one cannot.

use std::io;
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ratatui::crossterm::terminal::disable_raw_mode;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// How long the drawing thread may take to give the terminal back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Told of the first signal.
pub(super) struct Ends(oneshot::Receiver<()>);

impl Ends {
    /// Listens from here on.
    pub(super) fn new() -> io::Result<Self> {
        let (sender, told) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Err(error) = wait(&ready) {
                // Whoever started this thread waits for it.
                let _ = ready.send(Err(error));
                return;
            }
            // Nobody listens where the screen is closed already.
            let _ = sender.send(());
            thread::sleep(PATIENCE);
            // The picture stays; keys are to be keys again.
            drop(disable_raw_mode());
            process::exit(0);
        })?;
        is_ready.recv().map_err(io::Error::other)??;
        Ok(Self(told))
    }

    /// Waits for a signal.
    pub(super) async fn wait(&mut self) {
        // The sender goes only with a signal, or with the process.
        let _ = (&mut self.0).await;
    }
}

/// Says when it listens, and waits for a signal.
fn wait(ready: &mpsc::Sender<io::Result<()>>) -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
        let mut signals = kinds.map(signal).into_iter().collect::<io::Result<Vec<Signal>>>()?;
        let _ = ready.send(Ok(()));
        let first = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(first).await;
        Ok(())
    })
}
