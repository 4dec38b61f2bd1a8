//! What the service manager is told (`sd_notify`). Without one, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started this process, if one did.
#[derive(Clone, Copy, Debug)]
pub struct ServiceManager {
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names.
    pub fn of_environment() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// After how long without [`ServiceManager::feed`] it ends this process, if it does.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The daemon works; `status` is for people.
    pub fn ready(&self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// One line on what the daemon does.
    pub fn status(&self, status: &str) {
        tell(&[NotifyState::Status(status)]);
    }

    /// The configuration is being read again; [`ServiceManager::ready`] is to follow.
    pub fn reloading(&self) {
        // Only with the time of the monotonic clock does `systemctl reload` know which it was.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!("the monotonic clock cannot be read: {error}"),
        }
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// The end takes longer: at least so long from now.
    pub fn extend(&self, by: Duration) {
        tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(by.as_micros()).unwrap_or(u32::MAX))]);
    }

    /// The daemon makes progress.
    pub fn feed(&self) {
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the service manager cannot be told: {error}");
    }
}
