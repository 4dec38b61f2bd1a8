//! Who draws the architectures that ω is trained on, and how fair draws go through the options.
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

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::random::{Owner, generator};
use crate::search::{Arm, DrawRequest, Place, Random, Rollout, SearchConfig, SharedDraws};
use crate::space::{Choice, Script};

/// What the step of ω at `place` draws; `index` is the number of the step.
pub(super) fn request(config: &SearchConfig, place: Place, index: u64) -> DrawRequest {
    let schedule = &config.schedule;
    let count = schedule.archs_per_step;
    let by = |arm| DrawRequest { arm, count, index, fair: None };
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
            DrawRequest { fair: Some(first), ..by(Arm::Random) }
        }
    }
}

/// `n` rollouts of `script` that are numbers `first` and on of all fair ones.
pub(super) fn fair(script: &Script, n: usize, first: u64, seed: u64) -> Vec<Rollout> {
    let choices = (first..).take(n).map(|number| fair_choices(script, number, seed));
    choices.map(|choices| Random::rollout(script, choices)).collect()
}

/// The choices of fair architecture `number`: in each round of as many architectures as a choice has
/// options, each option once, in an order of the round's own.
fn fair_choices(script: &Script, number: u64, seed: u64) -> Vec<Choice> {
    let width = script.options().count() as u64;
    let choice = |(place, options): (usize, usize)| {
        let (round, turn) = (number / options as u64, (number % options as u64) as usize);
        let mut order: Vec<Choice> = (0..options as Choice).collect();
        // No two choices of no two rounds have one generator.
        let draw = round.wrapping_mul(width).wrapping_add(place as u64);
        order.shuffle(&mut generator(seed, Owner::Fair, draw));
        order[turn]
    };
    script.options().enumerate().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::ScheduleConfig;
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
    fn of_as_many_in_a_row_as_a_choice_has_options_each_has_one() {
        for space in Space::each() {
            let script = space.script();
            let all: Vec<Vec<Choice>> = (0..60).map(|n| fair_choices(&script, n, 7)).collect();
            for (place, options) in script.options().enumerate() {
                for round in all.chunks_exact(options) {
                    let mut found: Vec<Choice> = round.iter().map(|arch| arch[place]).collect();
                    found.sort_unstable();
                    assert_eq!(found, (0..options as Choice).collect::<Vec<_>>());
                }
            }
            assert!(all.iter().all(|choices| script.check(choices).is_ok()));
        }
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
            found.extend(fair(&script, request.count, request.fair.unwrap(), 7));
            place = place.next(&config.schedule);
        }
        let found: Vec<Vec<Choice>> = found.into_iter().map(|rollout| rollout.choices).collect();
        assert_eq!(found, (0..12).map(|n| fair_choices(&script, n, 7)).collect::<Vec<_>>());
    }
}
