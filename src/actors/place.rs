//! Where the search is: as programs read it, counted from 0, and as people do, counted from 1.
//!
//! ```text
//! cycle 3 · epoch 12 (2/5) · shared phase, step 64/100 · search step 3,271
//!    of the search    │                of the phase      over all phases of the search
//!                of the cycle
//! ```

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::{Phase, Place, ScheduleConfig};

/// Where the search is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceStatus {
    /// Finished cycles.
    pub cycle: u64,
    /// Finished epochs, counted from the start of the search.
    pub epoch: u64,
    /// Epochs of a cycle.
    pub cycle_epochs: u64,
    /// The phase of the next step: `shared`, `controller` or `derive`; or `retrain`, while nets
    /// are trained from scratch before it.
    pub phase: String,
    /// Finished steps of this phase; while nets are retrained, their finished epochs.
    pub step: u64,
    /// Steps of this phase; while nets are retrained, the epochs of all of them.
    pub phase_steps: u64,
    /// The number of the next step, over the whole search.
    pub number: u64,
    /// Finished steps of this cycle.
    pub cycle_done: u64,
    /// Steps of a cycle.
    pub cycle_steps: u64,
}

impl PlaceStatus {
    /// `place` in its search.
    pub(super) fn of(place: Place, schedule: &ScheduleConfig) -> Self {
        let (cycle_done, cycle_steps) = place.progress(schedule);
        Self {
            cycle: place.cycle(schedule),
            epoch: place.epoch,
            cycle_epochs: schedule.epochs_per_cycle,
            phase: place.phase.name().to_owned(),
            step: place.phase.step(),
            phase_steps: match place.phase {
                Phase::Shared { .. } => schedule.shared_steps,
                Phase::Controller { .. } => schedule.controller_steps,
                Phase::Derive => 1,
            },
            number: place.number(schedule),
            cycle_done,
            cycle_steps,
        }
    }

    /// The cycle under way, counted from 1.
    pub fn nth_cycle(&self) -> u64 {
        nth(self.cycle)
    }

    /// The epoch under way, counted from the start of the search, the first as 1.
    pub fn nth_epoch(&self) -> u64 {
        nth(self.epoch)
    }

    /// That epoch, and which of its cycle it is: `12 (2/5)`.
    pub fn epoch_text(&self) -> String {
        let of_cycle = self.cycle_epochs.max(1);
        format!("{} ({}/{of_cycle})", self.nth_epoch(), nth(self.epoch % of_cycle))
    }

    /// The step under way of the phase, counted from 1.
    pub fn nth_step(&self) -> u64 {
        nth(self.step)
    }

    /// The step under way over the whole search, counted from 1: the *search step*.
    pub fn search_step(&self) -> u64 {
        nth(self.number)
    }
}

/// The ordinal of what has `idx` before it: people count from 1.
pub const fn nth(idx: u64) -> u64 {
    idx.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_cycles_epochs_and_steps_from_one() {
        let schedule = ScheduleConfig {
            epochs_per_cycle: 5,
            shared_steps: 100,
            controller_steps: 20,
            ..ScheduleConfig::default()
        };
        let place = PlaceStatus::of(Place::first(&schedule), &schedule);
        let counted = |place: &PlaceStatus| {
            (place.nth_cycle(), place.nth_epoch(), place.nth_step(), place.search_step())
        };
        assert_eq!(counted(&place), (1, 1, 1, 1));
        let place = Place { epoch: 11, phase: Phase::Controller { step: 19 } };
        let place = PlaceStatus::of(place, &schedule);
        assert_eq!(counted(&place), (3, 12, 20, 11 * 120 + 2 + 120));
        assert_eq!(place.epoch_text(), "12 (2/5)");
        let last = PlaceStatus::of(Place { epoch: 9, phase: Phase::Derive }, &schedule);
        assert_eq!((last.nth_cycle(), last.epoch_text().as_str()), (2, "10 (5/5)"));
        assert_eq!(nth(u64::MAX), u64::MAX);
    }
}
