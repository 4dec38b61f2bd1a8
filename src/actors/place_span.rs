//! Where the search is, as fields of every log line that its driver writes.

use tracing::Span;

use crate::actors::PlaceStatus;
use crate::search::{Place, ScheduleConfig};

/// A span with the phase, the cycle and the epoch of a step, counted from 1 from the start of the
/// search: `phase="shared" cycle=3 epoch=12`. A span is made for each step: fields that are set again in one span pile
/// up.
pub(super) fn place_span(place: Place, schedule: &ScheduleConfig) -> Span {
    let place = PlaceStatus::of(place, schedule);
    // At the highest level, so that it is there for whatever is logged.
    tracing::error_span!(
        "search",
        phase = place.phase,
        cycle = place.nth_cycle(),
        epoch = place.nth_epoch(),
    )
}
