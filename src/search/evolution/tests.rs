//! Who is a parent, what a child is, and who leaves.

use super::*;
use crate::numbers::mean;
use crate::random::{Owner, generator};
use crate::search::population::told;
use crate::search::{Random, Rollout};
use crate::space::{Arch, Choice, MicroSpace, Space};

const STEP: PolicyStep = PolicyStep { epoch: 0, left: 1 };

fn space() -> Space {
    Space::Micro(MicroSpace::new(2).unwrap())
}

fn evolution(population: usize, tournament: usize) -> Evolution {
    Evolution::new(&PolicyConfig { population, tournament, ..PolicyConfig::default() })
}

fn scored(choices: Vec<Choice>, reward: f64) -> Scored {
    Scored::with_reward(space(), told(&space().script(), choices, 0.0), reward)
}

/// The choices of an architecture that others are told from by their first operation.
fn marked(mark: Choice) -> Vec<Choice> {
    let mut choices = vec![0; 16];
    choices[2] = mark;
    choices
}

fn draw(evolution: &Evolution, n: usize, index: u64) -> Vec<Rollout> {
    let Drawer::Population(population) = evolution.drawer() else { panic!("a population draws") };
    population.sample(&space().script(), n, &mut generator(1, Owner::Policy, index))
}

fn rewards(evolution: &Evolution) -> Vec<f64> {
    evolution.population.members().map(|member| member.reward).collect()
}

#[test]
fn the_first_of_a_population_are_drawn_as_random_search_draws() {
    let mut evolution = evolution(5, 2);
    let script = space().script();
    let expected = Random::sample(&script, 4, &mut generator(1, Owner::Policy, 9));
    assert_eq!(draw(&evolution, 4, 9), expected);
    for reward in [1.0, 2.0, 3.0] {
        evolution.learn(&[scored(marked(0), reward)], STEP).unwrap();
    }
    let drawn = draw(&evolution, 4, 9);
    assert_eq!(drawn[..2], expected[..2], "two founders are wanted still");
    for child in &drawn[2..] {
        assert!(child.log_prob > expected[0].log_prob, "{child:?}");
    }
}

#[test]
fn a_step_may_draw_more_than_the_population_has() {
    let mut evolution = evolution(2, 25);
    let script = space().script();
    let expected = Random::sample(&script, 5, &mut generator(1, Owner::Policy, 9));
    assert_eq!(draw(&evolution, 5, 9), expected, "there are no parents yet");
    let members: Vec<Scored> = (0..5).map(|mark| scored(marked(mark), 1.0)).collect();
    evolution.learn(&members, STEP).unwrap();
    assert_eq!((rewards(&evolution).len(), draw(&evolution, 5, 9).len()), (2, 5));
}

#[test]
fn a_child_differs_from_its_parent_in_one_choice_and_each_alike() {
    let mut evolution = evolution(1, 1);
    evolution.learn(&[scored(marked(3), 0.5)], STEP).unwrap();
    let options: Vec<usize> = space().script().options().collect();
    let (n, mut of_place) = (16_000, vec![vec![0_u32; 5]; options.len()]);
    for child in draw(&evolution, n, 0) {
        let changed = |&place: &usize| child.choices[place] != marked(3)[place];
        let changed: Vec<usize> = (0..options.len()).filter(changed).collect();
        assert_eq!(changed.len(), 1, "{child:?}");
        of_place[changed[0]][child.choices[changed[0]] as usize] += 1;
        let expected = -((options.len() * (options[changed[0]] - 1)) as f64).ln();
        assert!((child.log_prob - expected).abs() < 1e-12);
        assert!((child.entropy + child.log_prob).abs() < 1e-12);
    }
    for (place, counts) in of_place.iter().enumerate() {
        for (option, &count) in counts.iter().enumerate().take(options[place]) {
            let is_own = option as Choice == marked(3)[place];
            let p = 1.0 / (options.len() * (options[place] - 1)) as f64;
            let expected = if is_own { 0.0 } else { p * f64::from(n as u32) };
            let off = (f64::from(count) - expected) / (expected * (1.0 - p)).sqrt().max(1.0);
            assert!(off.abs() < 4.5, "choice {place} option {option}: {off} sigma");
        }
    }
}

#[test]
fn a_parent_is_the_best_of_a_tournament() {
    let mut evolution = evolution(5, 2);
    let members: Vec<Scored> = (0..5).map(|mark| scored(marked(mark), f64::from(mark))).collect();
    evolution.learn(&members, STEP).unwrap();
    let n = 10_000;
    let mut of_parent = [0.0; 5];
    for child in draw(&evolution, n, 3) {
        // A change of the mark itself hides the parent: one choice in sixteen.
        if marked(child.choices[2]) != child.choices {
            of_parent[child.choices[2] as usize] += 1.0;
        }
    }
    let known: f64 = of_parent.iter().sum();
    for (mark, count) in of_parent.into_iter().enumerate() {
        // The better of two of five, with replacement.
        let p = (2 * mark + 1) as f64 / 25.0;
        let off = (count - p * known) / (p * (1.0 - p) * known).sqrt();
        assert!(off.abs() < 4.0, "member {mark}: {off} sigma");
    }
}

#[test]
fn the_oldest_leaves_however_good_it_is() {
    let mut evolution = evolution(3, 2);
    for reward in [9.0, 1.0, 2.0, 3.0] {
        let report = evolution.learn(&[scored(marked(0), reward)], STEP).unwrap();
        assert!((report.mean_reward - reward).abs() < 1e-15);
        assert_eq!((report.updates, report.update), (0, None));
    }
    assert_eq!(rewards(&evolution), [1.0, 2.0, 3.0]);
    let nothing = evolution.learn(&[], STEP);
    assert!(matches!(nothing, Err(SearchError::NoRollouts)));
    assert_eq!(rewards(&evolution), [1.0, 2.0, 3.0]);
}

#[test]
fn a_population_goes_on_from_its_state_with_the_same_children() {
    let mut evolution = evolution(4, 2);
    let members: Vec<Scored> = (0..5).map(|mark| scored(marked(mark), f64::from(mark))).collect();
    evolution.learn(&members, STEP).unwrap();
    let (state, script) = (evolution.state().unwrap(), space().script());
    let config = PolicyConfig { population: 4, tournament: 2, ..PolicyConfig::default() };
    let resumed = Evolution::from_state(&config, &script, &state).unwrap();
    assert_eq!(draw(&resumed, 20, 5), draw(&evolution, 20, 5));
    let other = Space::Micro(MicroSpace::new(3).unwrap()).script();
    assert!(Evolution::from_state(&config, &other, &state).is_err(), "of another space");
}

#[test]
fn on_a_reward_that_counts_options_it_beats_random_search() {
    let reward = |arch: &Arch| {
        let places = [2, 3, 6, 7, 10, 11, 14, 15];
        places.iter().filter(|&&place| arch.choices()[place] == 2).count() as f64
    };
    let mut evolution = evolution(20, 5);
    for index in 0..400 {
        let rollout = draw(&evolution, 1, index).remove(0);
        let arch = space().arch(&rollout.choices).unwrap();
        let found = reward(&arch);
        evolution.learn(&[Scored::with_reward(space(), rollout, found)], STEP).unwrap();
    }
    // Of 400 uniform draws the best has 5 or 6 of 8.
    assert!(7.0 <= mean(&rewards(&evolution)), "{:?}", rewards(&evolution));
}
