//! Who waits while the images are read: a terminal, and the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::LoadWatch;
use crate::telemetry::{Outlet, Output, View};

/// Reading that takes longer is not done again at the next start.
const LONG: Duration = Duration::from_secs(5);

/// Reading that takes less is over before a person could follow it.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Images between two drawings.
const SHOWN_EVERY: u64 = 256;

/// Shows how many images were read, at most as often as a person can follow.
pub(super) struct Loading {
    start: Instant,
    /// Where a person sees it.
    outlet: Option<Outlet>,
}

impl Loading {
    /// From now on; shown where `output` is a terminal.
    pub(super) fn start(output: Output, outlet: &Outlet) -> Arc<Self> {
        let outlet = output.has_progress().then(|| outlet.clone());
        Arc::new(Self { start: Instant::now(), outlet })
    }
}

impl LoadWatch for Loading {
    fn read(&self, images: u64) {
        let Some(outlet) = &self.outlet else { return };
        if images.is_multiple_of(SHOWN_EVERY) && SHOWN_AFTER <= self.start.elapsed() {
            outlet.show(View::reading(images));
        }
    }

    fn is_long(&self) -> bool {
        LONG <= self.start.elapsed()
    }

    fn tell(&self, what: &str) {
        tracing::info!("{what}");
    }
}
