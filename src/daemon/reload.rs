//! SIGHUP: the whole configuration is read again from the same sources. What may change while the
//! daemon runs is swapped; where anything else changed, nothing is, and the log says what.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::Recipient;
use tokio::sync::{oneshot, watch};

use crate::actors::{Note, Saving};
use crate::api::RunningConfig;
use crate::config::{Changes, ConfigError, Difference, Loaded};
use crate::daemon::DaemonError;
use crate::daemon::origins::origins;
use crate::store::Retention;
use crate::telemetry::{LogControl, Metrics};

/// Reads the configuration from the sources that it was read from at the start.
pub type Load = Arc<dyn Fn() -> Result<Loaded, ConfigError> + Send + Sync>;

/// Where a configuration takes effect while the daemon runs.
pub(super) struct Live {
    pub(super) log: LogControl,
    pub(super) saving: watch::Sender<Saving>,
    pub(super) running: watch::Sender<Arc<RunningConfig>>,
}

/// Reads the configuration again and puts it in force.
pub(super) struct Reloader {
    pub(super) load: Load,
    /// The configuration in force.
    pub(super) loaded: Loaded,
    /// Where the API is.
    pub(super) socket: PathBuf,
    pub(super) live: Live,
    pub(super) metrics: Metrics,
    /// Takes events: the controller.
    pub(super) notes: Recipient<Note>,
}

impl Reloader {
    /// Reads the configuration; a refused one changes nothing.
    pub(super) async fn reload(&mut self) {
        let message = match self.read().await.and_then(|new| self.swap(new)) {
            Ok(changed) if changed.is_empty() => "nothing changed".to_owned(),
            Ok(changed) => shown(&changed),
            Err(error) => {
                self.metrics.config_refused();
                tracing::error!(
                    "the configuration was refused; the one before stays in force: {error}"
                );
                self.note(format!("refused: {error}")).await;
                return;
            }
        };
        self.metrics.config_accepted();
        tracing::info!(changes = message, "the configuration was read again");
        self.note(message).await;
    }

    /// Reads the configuration on a thread of its own: the disk may take its time, and this thread
    /// has a search to conduct.
    async fn read(&self) -> Result<Loaded, DaemonError> {
        let failed = |why| DaemonError::System { action: "read the configuration again", why };
        let (load, (sender, read)) = (Arc::clone(&self.load), oneshot::channel());
        let reader = thread::Builder::new().name("reload".to_owned());
        let reading = reader.spawn(move || drop(sender.send(load())));
        reading.map_err(|error| failed(error.to_string()))?;
        Ok(read.await.map_err(|error| failed(error.to_string()))??)
    }

    fn swap(&mut self, new: Loaded) -> Result<Vec<Difference>, DaemonError> {
        let new = new.continuing(&self.loaded.config.fingerprint())?;
        let Changes { live, restart, search } = Changes::between(&self.loaded, &new);
        if !(restart.is_empty() && search.is_empty()) {
            return Err(DaemonError::NotLive { restart: shown(&restart), search: shown(&search) });
        }
        let (saving, running) = (saving(&new)?, running_config(&new, self.socket.clone())?);
        // Set even where it is what it was: it may have been changed over the API since.
        self.live.log.set_filter(&new.config.telemetry.log)?;
        self.live.saving.send_replace(saving);
        self.live.running.send_replace(Arc::new(running));
        self.loaded = new;
        Ok(live)
    }

    /// Writes an event.
    async fn note(&self, message: String) {
        if let Err(error) = self.notes.send(Note::new("reload", message)).await {
            tracing::warn!("an event is lost: the run is over: {error}");
        }
    }
}

fn shown(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// How a configuration has checkpoints written.
pub(super) fn saving(loaded: &Loaded) -> Result<Saving, DaemonError> {
    let store = &loaded.config.store;
    Ok(Saving {
        every: Duration::from_secs_f64(store.checkpoint_seconds),
        retention: Retention::newest(store.keep_checkpoints)?,
        history_bytes: store.history_bytes,
    })
}

/// A configuration as the API shows it and goes by it.
pub(super) fn running_config(
    loaded: &Loaded,
    socket: PathBuf,
) -> Result<RunningConfig, DaemonError> {
    Ok(RunningConfig {
        config: loaded.shown(),
        origins: origins(loaded, &socket)?,
        admins: loaded.config.api.admins.clone(),
    })
}
