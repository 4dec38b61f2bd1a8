//! Who draws the architectures that ω is trained on.
//!
//! ```text
//! policy     π at every step                                               (ENAS)
//! uniform    nobody at any: ω favors nothing, and so flatters nothing
//! annealed   nobody in a step of epoch e with probability 1 − e/E, else π     (TuNAS)
//! fair       nobody; of every n architectures in a row each of the n options of each choice
//!            is in one                                                     (FairNAS, strictly)
//! ```
//!
//! ω is trained on what π draws, so that it suits those architectures best and their scores rise: half
//! of what a policy seems to be worth can be its own doing. Draws that no policy has a say in leave
//! scores that compare architectures.
//!
//! With `control_steps` the control arm has a second ω, which is trained on what `uniform` draws at
//! the same steps: draw for draw, so that it is the ω of a search with uniform draws, bit for bit.

use rand::RngExt;

use crate::random::{Owner, generator};
use crate::search::{Arm, DrawRequest, DrawRule, Place, ScheduleConfig, SearchConfig, SharedDraws};

/// What the step of ω at `place` draws; `index` is the number of the step.
pub(super) fn request(config: &SearchConfig, place: Place, index: u64) -> DrawRequest {
    let schedule = &config.schedule;
    let count = schedule.archs_per_step;
    let epoch = place.epoch;
    let by = |arm| DrawRequest { arm, count, index, epoch, rule: DrawRule::OfArm };
    match schedule.draws {
        SharedDraws::Policy => by(Arm::Controller),
        SharedDraws::Uniform => by(Arm::Random),
        SharedDraws::Annealed => {
            let uniform = 1.0 - place.epoch as f64 / schedule.annealed_epochs as f64;
            let drawn = generator(config.seed, Owner::Anneal, index).random::<f64>();
            by(if drawn < uniform { Arm::Random } else { Arm::Controller })
        }
        SharedDraws::Fair => {
            let first = place.shared_step(schedule) * count as u64;
            DrawRequest { rule: DrawRule::Fair { first }, ..by(Arm::Random) }
        }
    }
}

/// What the control arm's ω draws at the update of ω that `index` others came before; nothing where it
/// is not trained then. It has the random numbers that nobody else takes, for ω is trained on what the
/// policy draws; only where that anneals both ω have some steps' draws in common.
pub(super) fn control_request(schedule: &ScheduleConfig, index: u64) -> Option<DrawRequest> {
    let place = Place::of_shared_step(index, schedule)?;
    (place.phase.step() < schedule.control_steps).then(|| DrawRequest {
        arm: Arm::Random,
        count: schedule.archs_per_step,
        index: place.number(schedule),
        epoch: place.epoch,
        rule: DrawRule::OfArm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Phase;
    use crate::search::fair::fair;
    use crate::space::{Space, SpaceConfig};

    fn config(draws: SharedDraws) -> SearchConfig {
        let schedule = ScheduleConfig { draws, annealed_epochs: 4, ..ScheduleConfig::default() };
        SearchConfig { schedule, ..SearchConfig::default() }
    }

    /// The share of uniform draws among the steps of an epoch.
    fn uniform_share(draws: SharedDraws, epoch: u64) -> f64 {
        let config = config(draws);
        let schedule = &config.schedule;
        let mut place = Place { epoch, ..Place::first(schedule) };
        let mut uniform = 0;
        for _ in 0..schedule.shared_steps {
            let found = request(&config, place, place.number(schedule));
            uniform += u64::from(found.arm == Arm::Random);
            place = place.next(schedule);
        }
        uniform as f64 / schedule.shared_steps as f64
    }

    #[test]
    fn the_share_of_uniform_draws_is_the_settings() {
        for (draws, share) in [(SharedDraws::Policy, 0.0), (SharedDraws::Uniform, 1.0)] {
            assert!((uniform_share(draws, 3) - share).abs() < 1e-9);
        }
        for (epoch, share) in [(0, 1.0), (1, 0.75), (2, 0.5), (4, 0.0), (9, 0.0)] {
            let found = uniform_share(SharedDraws::Annealed, epoch);
            assert!((found - share).abs() < 0.1, "epoch {epoch}: {found}");
        }
    }

    #[test]
    fn the_control_arm_draws_what_uniform_draws_at_its_steps_and_nothing_at_others() {
        let mut config = config(SharedDraws::Uniform);
        let schedule = &mut config.schedule;
        (schedule.shared_steps, schedule.control_steps, schedule.controller_steps) = (3, 2, 4);
        let mut place = Place::first(&config.schedule);
        for _ in 0..2 * config.schedule.epochs_per_cycle * 7 {
            let schedule = &config.schedule;
            if let Phase::Shared { step } = place.phase {
                let uniform = request(&config, place, place.number(schedule));
                let found = control_request(schedule, place.shared_step(schedule));
                assert_eq!(found, (step < 2).then_some(uniform));
            }
            place = place.next(schedule);
        }
        config.schedule.control_steps = 0;
        assert_eq!(control_request(&config.schedule, 0), None);
    }

    #[test]
    fn steps_of_several_architectures_go_on_where_the_step_before_ended() {
        let space = Space::new(&SpaceConfig { nodes: 2, ..SpaceConfig::default() }).unwrap();
        let script = space.script();
        let mut config = config(SharedDraws::Fair);
        config.schedule.archs_per_step = 3;
        let mut place = Place::first(&config.schedule);
        let mut found = Vec::new();
        for _ in 0..4 {
            let request = request(&config, place, place.number(&config.schedule));
            let DrawRule::Fair { first } = request.rule else { panic!("{request:?}") };
            found.extend(fair(&script, request.count, first, 7));
            place = place.next(&config.schedule);
        }
        assert_eq!(found, fair(&script, 12, 0, 7));
    }
}
