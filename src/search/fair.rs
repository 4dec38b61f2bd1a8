//! Fair draws: uniform ones that go through the options of each choice in turns (`FairNAS`, strictly),
//! so that of as many architectures in a row as a choice has options each option is in one.

use rand::seq::SliceRandom;

use crate::random::{Owner, generator};
use crate::search::{Random, Rollout};
use crate::space::{Choice, Script};

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
    use crate::space::Space;

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
}
