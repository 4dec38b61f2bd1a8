//! Who waits while the images are read: a terminal, and the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::LoadWatch;
use crate::telemetry::{Outlet, View};

/// Reading that takes longer is not done again at the next start.
const LONG: Duration = Duration::from_secs(5);

/// Images between two drawings.
const SHOWN_EVERY: u64 = 256;

/// Shows how many images were read, at most as often as a person can follow.
pub(super) struct Loading {
    start: Instant,
    outlet: Outlet,
}

impl Loading {
    /// From now on.
    pub(super) fn start(outlet: Outlet) -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), outlet })
    }
}

impl LoadWatch for Loading {
    fn read(&self, images: u64) {
        if images.is_multiple_of(SHOWN_EVERY) {
            self.outlet.show(View::reading(images));
        }
    }

    fn is_long(&self) -> bool {
        LONG <= self.start.elapsed()
    }

    fn tell(&self, what: &str) {
        tracing::info!("{what}");
    }
}
