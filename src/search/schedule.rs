//! The schedule: which step comes next. Pure, so that any step can be named by its number.
//!
//! ```text
//! epoch:  Shared 0 … S−1  ─►  Controller 0 … C−1  ─►  next epoch
//! cycle:  E epochs        ─►  Derive              ─►  next cycle, for ever
//! ```
//!
//! ENAS (section 2.2) alternates the first two phases. The authors derive once, at the end; a
//! daemon derives at the end of every cycle and goes on with the same ω and θ. Where nothing is
//! shared, S is 0.

use std::fmt;

use crate::search::ScheduleConfig;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// θ is fixed; ω descends the training loss of sampled architectures.
    Shared {
        /// Steps of this phase that are finished.
        step: u64,
    },
    /// ω is fixed; θ ascends the expected validation reward.
    Controller {
        /// Steps of this phase that are finished.
        step: u64,
    },
    /// Both are fixed; the best of many samples are chosen.
    Derive,
}

impl Phase {
    /// What an epoch begins with: θ, where the schedule has no steps of ω.
    const fn first(config: &ScheduleConfig) -> Self {
        if config.shared_steps == 0 {
            Self::Controller { step: 0 }
        } else {
            Self::Shared { step: 0 }
        }
    }

    /// The name used in the history, in metrics and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared { .. } => "shared",
            Self::Controller { .. } => "controller",
            Self::Derive => "derive",
        }
    }

    /// The step within the phase, counted from 0.
    pub const fn step(self) -> u64 {
        match self {
            Self::Shared { step } | Self::Controller { step } => step,
            Self::Derive => 0,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the search is: the step that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Epochs that are finished, over all cycles.
    pub epoch: u64,
    /// The phase, and the step in it.
    pub phase: Phase,
}

impl Place {
    /// The first step of a search.
    pub const fn first(config: &ScheduleConfig) -> Self {
        Self { epoch: 0, phase: Phase::first(config) }
    }

    /// The place after this step is finished.
    pub fn next(self, config: &ScheduleConfig) -> Self {
        let phase = match self.phase {
            Phase::Shared { step } if step + 1 < config.shared_steps => {
                Phase::Shared { step: step + 1 }
            }
            Phase::Shared { .. } => Phase::Controller { step: 0 },
            Phase::Controller { step } if step + 1 < config.controller_steps => {
                Phase::Controller { step: step + 1 }
            }
            Phase::Controller { .. } if self.ends_cycle(config) => Phase::Derive,
            Phase::Controller { .. } | Phase::Derive => {
                return Self { epoch: self.epoch + 1, phase: Phase::first(config) };
            }
        };
        Self { phase, ..self }
    }

    /// Cycles that are finished.
    pub fn cycle(self, config: &ScheduleConfig) -> u64 {
        self.epoch / config.epochs_per_cycle
    }

    /// The number of this step, counted from 0 over the whole search.
    pub fn number(self, config: &ScheduleConfig) -> u64 {
        // Each finished cycle has one step of derivation beside its epochs' steps.
        let derived = self.cycle(config);
        let in_epoch = match self.phase {
            Phase::Shared { step } => step,
            Phase::Controller { step } => config.shared_steps + step,
            Phase::Derive => config.shared_steps + config.controller_steps,
        };
        self.epoch * (config.shared_steps + config.controller_steps) + derived + in_epoch
    }

    /// Updates of ω before this step: also the number of the training batch that comes next.
    pub fn shared_step(self, config: &ScheduleConfig) -> u64 {
        let in_epoch = match self.phase {
            Phase::Shared { step } => step,
            Phase::Controller { .. } | Phase::Derive => config.shared_steps,
        };
        self.epoch * config.shared_steps + in_epoch
    }

    /// The place of the update of ω that so many came before; there is none where nothing is shared.
    pub fn of_shared_step(index: u64, config: &ScheduleConfig) -> Option<Self> {
        let step = index.checked_rem(config.shared_steps)?;
        Some(Self { epoch: index / config.shared_steps, phase: Phase::Shared { step } })
    }

    /// Updates of ω before the step of this number.
    pub fn shared_steps_before(number: u64, config: &ScheduleConfig) -> u64 {
        let per_epoch = config.shared_steps + config.controller_steps;
        let per_cycle = config.epochs_per_cycle * per_epoch + 1;
        let (cycle, in_cycle) = (number / per_cycle, number % per_cycle);
        let epoch = cycle * config.epochs_per_cycle + in_cycle / per_epoch;
        epoch * config.shared_steps + (in_cycle % per_epoch).min(config.shared_steps)
    }

    /// Steps of a cycle, and how many of them are finished.
    pub fn progress(self, config: &ScheduleConfig) -> (u64, u64) {
        let start = Self {
            epoch: self.cycle(config) * config.epochs_per_cycle,
            phase: Phase::first(config),
        };
        let per_epoch = config.shared_steps + config.controller_steps;
        (self.number(config) - start.number(config), config.epochs_per_cycle * per_epoch + 1)
    }

    fn ends_cycle(self, config: &ScheduleConfig) -> bool {
        (self.epoch + 1).is_multiple_of(config.epochs_per_cycle)
    }
}

/// When a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never.
    Forever,
    /// After this many cycles of the whole search.
    Cycles(u64),
    /// After this many epochs of the whole search.
    Epochs(u64),
}

impl Until {
    /// Whether the search that stands at `place` is done.
    pub fn is_reached(self, place: Place, config: &ScheduleConfig) -> bool {
        // The last epoch of a cycle is over only when its derivation is.
        let finished = place.epoch;
        match self {
            Self::Forever => false,
            Self::Cycles(cycles) => cycles <= finished / config.epochs_per_cycle,
            Self::Epochs(epochs) => epochs <= finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(shared_steps: u64, controller_steps: u64, epochs_per_cycle: u64) -> ScheduleConfig {
        ScheduleConfig {
            shared_steps,
            controller_steps,
            epochs_per_cycle,
            ..ScheduleConfig::default()
        }
    }

    proptest! {
        #[test]
        fn numbers_count_up_one_by_one_through_every_phase(s in 0_u64..5, c in 1_u64..5, e in 1_u64..4) {
            let config = config(s, c, e);
            let mut place = Place::first(&config);
            let mut derived = 0;
            for number in 0..3 * (e * (s + c) + 1) {
                prop_assert_eq!(place.number(&config), number);
                let before = Place::shared_steps_before(number, &config);
                prop_assert_eq!(before, place.shared_step(&config));
                if let Phase::Shared { .. } = place.phase {
                    prop_assert_eq!(Place::of_shared_step(before, &config), Some(place));
                }
                prop_assert_eq!(place.progress(&config).0, number % (e * (s + c) + 1));
                derived += u64::from(place.phase == Phase::Derive);
                place = place.next(&config);
            }
            prop_assert_eq!(derived, 3);
            prop_assert_eq!(place.cycle(&config), 3);
            prop_assert_eq!(place.shared_step(&config), 3 * e * s);
        }
    }

    #[test]
    fn a_schedule_without_steps_of_omega_has_none() {
        let config = config(0, 2, 2);
        let mut place = Place::first(&config);
        let phases = std::iter::repeat_with(|| {
            let phase = place.phase;
            place = place.next(&config);
            phase
        });
        let [first, second] = [0, 1].map(|step| Phase::Controller { step });
        let cycle = [first, second, first, second, Phase::Derive];
        assert_eq!(phases.take(10).collect::<Vec<_>>(), [cycle, cycle].concat());
    }

    #[test]
    fn a_cycle_ends_after_its_derivation() {
        let config = config(1, 1, 1);
        let derive = Place { epoch: 0, phase: Phase::Derive };
        assert!(!Until::Cycles(1).is_reached(derive, &config));
        assert!(Until::Cycles(1).is_reached(derive.next(&config), &config));
        assert!(Until::Epochs(1).is_reached(derive.next(&config), &config));
        assert!(!Until::Forever.is_reached(derive.next(&config), &config));
    }
}
