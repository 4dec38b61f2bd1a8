//! Where the search is, as fields of every log line that its driver writes.

use tracing::Span;

use crate::search::{Place, ScheduleConfig};

/// A span with the phase, the cycle and the epoch of a step. A span is made for each step: fields
/// that are set again in one span pile up.
pub(super) fn place_span(place: Place, schedule: &ScheduleConfig) -> Span {
    // At the highest level, so that it is there for whatever is logged.
    tracing::error_span!(
        "search",
        phase = place.phase.name(),
        cycle = place.cycle(schedule),
        epoch = place.epoch,
    )
}
