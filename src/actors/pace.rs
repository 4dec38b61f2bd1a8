//! How fast steps go: the last ones, and what that makes of the rest of a cycle.

use std::time::Duration;

use crate::actors::Trained;
use crate::actors::recent::Recent;
use crate::search::{Phase, Place, ScheduleConfig};

/// The times of the last steps.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How long the trainer worked, and how long it had waited.
    shared: Recent<(Duration, Duration)>,
    policy: Recent<Duration>,
}

impl Pace {
    /// Notes an update of ω.
    pub(super) fn trained(&mut self, trained: &Trained) {
        self.shared.push((trained.busy, trained.waited));
    }

    /// Notes an update of θ.
    pub(super) fn learned(&mut self, duration: Duration) {
        self.policy.push(duration);
    }

    /// The last update of ω: the work, and the wait before it.
    pub(super) fn last_shared(&self) -> (Duration, Duration) {
        self.shared.last().unwrap_or_default()
    }

    /// The last update of θ.
    pub(super) fn last_policy(&self) -> Duration {
        self.policy.last().unwrap_or_default()
    }

    /// Median seconds of an update of ω, with the wait before it.
    pub(super) fn shared_seconds(&self) -> Option<f64> {
        self.shared.median(|(busy, waited)| *busy + *waited)
    }

    /// Median seconds of an update of θ.
    pub(super) fn policy_seconds(&self) -> Option<f64> {
        self.policy.median(|duration| *duration)
    }

    /// The share of the time that the trainer waited.
    pub(super) fn wait_ratio(&self) -> Option<f64> {
        let (mut busy, mut waited) = (Duration::ZERO, Duration::ZERO);
        for (step, wait) in self.shared.iter() {
            busy += *step;
            waited += *wait;
        }
        let total = (busy + waited).as_secs_f64();
        (0.0 < total).then(|| waited.as_secs_f64() / total)
    }

    /// Steps left of each phase of the cycle times their medians; unknown before both were
    /// measured.
    pub(super) fn cycle_seconds_left(
        &self,
        place: Place,
        schedule: &ScheduleConfig,
    ) -> Option<f64> {
        let epochs_after = schedule.epochs_per_cycle - 1 - place.epoch % schedule.epochs_per_cycle;
        let (shared, controller) = match place.phase {
            Phase::Shared { step } => (schedule.shared_steps - step, schedule.controller_steps),
            Phase::Controller { step } => (0, schedule.controller_steps - step),
            Phase::Derive => (0, 0),
        };
        let shared = (shared + epochs_after * schedule.shared_steps) as f64;
        let controller = (controller + epochs_after * schedule.controller_steps) as f64;
        Some(shared * self.shared_seconds()? + controller * self.policy_seconds()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_cycle_is_its_steps_times_their_medians() {
        let schedule = ScheduleConfig {
            shared_steps: 10,
            controller_steps: 4,
            epochs_per_cycle: 3,
            ..ScheduleConfig::default()
        };
        let mut pace = Pace::default();
        // In the second of the cycle's three epochs.
        let place = Place { epoch: 4, phase: Phase::Shared { step: 7 } };
        assert_eq!((pace.cycle_seconds_left(place, &schedule), pace.wait_ratio()), (None, None));
        pace.shared.push((Duration::from_secs(3), Duration::from_secs(1)));
        assert_eq!(pace.cycle_seconds_left(place, &schedule), None, "θ was never updated");
        pace.learned(Duration::from_secs(100));
        let left = |phase| pace.cycle_seconds_left(Place { epoch: 4, phase }, &schedule);
        assert_eq!(left(place.phase), Some(13.0 * 4.0 + 8.0 * 100.0));
        assert_eq!(left(Phase::Controller { step: 1 }), Some(10.0 * 4.0 + 7.0 * 100.0));
        assert_eq!(pace.wait_ratio(), Some(0.25));
    }
}
