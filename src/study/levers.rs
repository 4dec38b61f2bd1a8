//! The levers: ways to train ω, each tried on the same architectures with the same truth.

use crate::net::{SharedForm, WeightsOf};
use crate::search::{PolicyConfig, ScheduleConfig, ScoreConfig, SearchConfig, SharedDraws};
use crate::space::Space;
use crate::study::StudyError;

/// A way to train ω.
#[derive(Clone, Copy, Debug)]
pub struct Lever {
    /// By which it is asked for.
    pub name: &'static str,
    /// What is done, in words.
    pub about: &'static str,
    /// The space whose searches alone it changes; none where it changes all.
    pub only_of: Option<&'static str>,
    set: fn(&mut SearchConfig),
}

/// The learning rate at which ω was measured to order architectures best.
const HIGH_RATE: f64 = 0.2;

/// All of them. Those that begin with `+` have uniform draws and the high rate too.
pub const LEVERS: &[Lever] = &[
    lever("configured", "as the configuration has it", |_| ()),
    lever("paper", "as in ENAS: the policy draws, each edge has weights of its own", paper),
    lever("rate", "shared.learning_rate_max = 0.2", |config| {
        paper(config);
        config.shared.learning_rate_max = HIGH_RATE;
    }),
    lever("uniform", "schedule.draws = \"uniform\"", |config| {
        paper(config);
        config.schedule.draws = SharedDraws::Uniform;
    }),
    lever("uniform-rate", "uniform draws, and the rate of 0.2", uniform_rate),
    lever("annealed-rate", "schedule.draws = \"annealed\" over half of the cycle, 0.2", |config| {
        paper(config);
        config.shared.learning_rate_max = HIGH_RATE;
        config.schedule.draws = SharedDraws::Annealed;
        config.schedule.annealed_epochs = (config.schedule.epochs_per_cycle / 2).max(1);
    }),
    lever("+fair", "schedule.draws = \"fair\"", |config| {
        uniform_rate(config);
        config.schedule.draws = SharedDraws::Fair;
    }),
    lever("+operation", "net.weights_of = \"operation\"", |config| {
        uniform_rate(config);
        config.net.weights_of = WeightsOf::Operation;
    })
    .only_of("micro"),
    lever("+fair-operation", "fair draws, and weights of operations", |config| {
        uniform_rate(config);
        config.schedule.draws = SharedDraws::Fair;
        config.net.weights_of = WeightsOf::Operation;
    })
    .only_of("micro"),
    lever("+stand-alone", "net.shared_form = \"stand-alone\"", |config| {
        uniform_rate(config);
        config.net.shared_form = SharedForm::StandAlone;
    })
    .only_of("micro"),
    lever("+four", "schedule.archs_per_step = 4, as many steps", |config| {
        uniform_rate(config);
        config.schedule.archs_per_step = 4;
    }),
    lever("+long", "one period of the learning rate over the cycle", |config| {
        uniform_rate(config);
        config.shared.learning_rate_period = config.schedule.epochs_per_cycle;
    }),
    lever("+twice", "twice as many epochs, in one period", |config| {
        uniform_rate(config);
        config.schedule.epochs_per_cycle *= 2;
        config.shared.learning_rate_period = config.schedule.epochs_per_cycle;
    }),
    lever("+rate", "the rate of 0.4", |config| {
        uniform_rate(config);
        config.shared.learning_rate_max = 2.0 * HIGH_RATE;
    }),
    lever("+batch", "batches twice as large, half of the steps", |config| {
        uniform_rate(config);
        config.schedule.batch_size *= 2;
        config.schedule.shared_steps = (config.schedule.shared_steps / 2).max(1);
    }),
    lever("+few-shot", "net.split_by = 3: a copy of ω for each option of that choice", |config| {
        uniform_rate(config);
        config.net.split_by = 3;
    }),
    lever("+no-aux", "net.aux_weight = 0", |config| {
        uniform_rate(config);
        config.net.aux_weight = 0.0;
    })
    .only_of("micro"),
    lever(
        "annealed-bounds",
        "policy.bound_epochs = half of the cycle, 0.2; the policy draws",
        |config| {
            paper(config);
            config.shared.learning_rate_max = HIGH_RATE;
            config.policy.bound_epochs = (config.schedule.epochs_per_cycle / 2).max(1);
        },
    ),
    lever("phase-updates", "policy.phase_updates = 5, 0.2; the policy draws", |config| {
        paper(config);
        config.shared.learning_rate_max = HIGH_RATE;
        config.policy.phase_updates = 5;
    }),
    lever("unbounded", "policy.tanh_constant = 0, no prior, 0.2; the policy draws", |config| {
        paper(config);
        config.shared.learning_rate_max = HIGH_RATE;
        config.policy.tanh_constant = 0.0;
        config.policy.prior = false;
        config.policy.standardize = true;
        config.policy.entropy_target = 0.6;
        config.policy.entropy_weight = 0.01;
    }),
];

const fn lever(name: &'static str, about: &'static str, set: fn(&mut SearchConfig)) -> Lever {
    Lever { name, about, only_of: None, set }
}

impl Lever {
    const fn only_of(self, space: &'static str) -> Self {
        Self { only_of: Some(space), ..self }
    }

    /// Refuses a lever that says nothing to searches of `space`.
    pub(super) fn check(self, space: Space) -> Result<(), StudyError> {
        match self.only_of.filter(|only_of| *only_of != space.name()) {
            Some(space) => Err(StudyError::Lever { lever: self.name, space }),
            None => Ok(()),
        }
    }

    /// The lever called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        LEVERS.iter().find(|lever| lever.name == name).copied()
    }

    /// The settings of a search of one cycle that trains ω so; nothing is derived or retrained, and
    /// scores are sound. Where no policy draws, θ has a single step an epoch: its scores would take
    /// a third of the time, and ω does not depend on them.
    pub fn config(self, base: &SearchConfig, seed: u64) -> SearchConfig {
        let mut config = base.clone();
        (self.set)(&mut config);
        config.seed = seed;
        (config.derive.samples, config.derive.rerank) = (1, 1);
        (config.finals.candidates, config.finals.sample) = (0, 0);
        // It would double the time, and is what `uniform` trains.
        config.schedule.control_steps = 0;
        if matches!(config.schedule.draws, SharedDraws::Uniform | SharedDraws::Fair) {
            (config.schedule.controller_steps, config.schedule.rollouts_per_step) = (1, 1);
        }
        config
    }
}

/// All levers as the paper and the authors' code have them.
fn paper(config: &mut SearchConfig) {
    let defaults = PolicyConfig::default();
    let PolicyConfig { tanh_constant, entropy_weight, .. } = defaults;
    config.policy = PolicyConfig {
        tanh_constant,
        bound_epochs: 0,
        phase_updates: 0,
        entropy_weight,
        entropy_target: 0.0,
        standardize: false,
        prior: true,
        ..config.policy
    };
    config.schedule = ScheduleConfig { draws: SharedDraws::Policy, ..config.schedule };
    (config.net.weights_of, config.net.split_by) = (WeightsOf::Edge, 0);
    config.net.shared_form = SharedForm::Shared;
    config.shared.learning_rate_max = 0.05;
    config.score = ScoreConfig::paper();
}

fn uniform_rate(config: &mut SearchConfig) {
    paper(config);
    config.shared.learning_rate_max = HIGH_RATE;
    config.schedule.draws = SharedDraws::Uniform;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lever_has_a_name_of_its_own_and_other_settings_than_the_papers() {
        let base = SearchConfig::default();
        let config = |name: &str| Lever::of_name(name).unwrap().config(&base, 7);
        let paper = config("paper");
        for (place, lever) in LEVERS.iter().enumerate() {
            assert!(LEVERS[..place].iter().all(|other| other.name != lever.name), "{}", lever.name);
            let found = lever.config(&base, 7);
            assert_eq!((found.seed, found.finals.candidates, found.derive.samples), (7, 0, 1));
            if !["paper", "configured"].contains(&lever.name) {
                assert_ne!(found, paper, "{}", lever.name);
            }
        }
        assert!(Lever::of_name("other").is_none());
        let annealed = config("annealed-bounds");
        let rate = config("rate").policy;
        assert_eq!(annealed.policy, PolicyConfig { bound_epochs: 2, ..rate }, "of five epochs");
        let again = config("phase-updates");
        assert_eq!(again.policy, PolicyConfig { phase_updates: 5, ..rate });
        assert_eq!(again.schedule, base.schedule, "the policy draws, as often as ever");
        assert_eq!(config("+fair").shared.learning_rate_max.to_bits(), HIGH_RATE.to_bits());
    }

    #[test]
    fn a_configuration_with_levers_set_is_taken_back_to_the_paper() {
        let mut base = SearchConfig::default();
        base.schedule.draws = SharedDraws::Fair;
        base.net.weights_of = WeightsOf::Operation;
        base.net.shared_form = SharedForm::StandAlone;
        base.policy.standardize = true;
        base.schedule.control_steps = 8;
        base.policy.bound_epochs = 7;
        base.policy.phase_updates = 3;
        let paper = Lever::of_name("paper").unwrap().config(&base, 1);
        assert_eq!(paper.schedule.draws, SharedDraws::Policy);
        assert_eq!(paper.net.shared_form, SharedForm::Shared);
        assert_eq!((paper.net.weights_of, paper.policy.standardize), (WeightsOf::Edge, false));
        assert_eq!((paper.policy.bound_epochs, paper.policy.phase_updates), (0, 0));
        let configured = Lever::of_name("configured").unwrap().config(&base, 1);
        assert_eq!(configured.net, base.net);
        assert_eq!(configured.schedule.control_steps, 0);
    }
}
