//! The clipped objective, and what it shares with REINFORCE.

use super::*;
use crate::engine::to_safetensors;
use crate::random::{Owner, generator};
use crate::search::{Reinforce, Rollout};
use crate::space::{MicroSpace, Space};

const STEP: PolicyStep = PolicyStep { epoch: 0, left: 1 };

fn space() -> Space {
    Space::Micro(MicroSpace::new(2).unwrap())
}

fn config(ppo_updates: u64) -> PolicyConfig {
    PolicyConfig {
        hidden: 16,
        learning_rate: 0.02,
        prior: false,
        ppo_updates,
        ..Default::default()
    }
}

fn draw(strategy: &dyn Strategy, n: usize, index: u64) -> Vec<Rollout> {
    let rng = &mut generator(1, Owner::Policy, index);
    strategy.drawer().sample(&space().script(), n, 0, rng).unwrap()
}

/// Draws, scores by how many operations are max pooling, and learns.
fn step(strategy: &mut dyn Strategy, index: u64) -> LearnReport {
    let reward = |rollout: &Rollout| {
        let ops = rollout.choices.chunks_exact(4).flat_map(|node| &node[2..]);
        ops.filter(|&&op| op == 3).count() as f64 / 8.0
    };
    let scored: Vec<Scored> = draw(strategy, 10, index)
        .into_iter()
        .map(|rollout| {
            let found = reward(&rollout);
            Scored::with_reward(space(), rollout, found)
        })
        .collect();
    strategy.learn(&scored, STEP).unwrap()
}

fn theta(strategy: &dyn Strategy) -> Vec<u8> {
    to_safetensors(&strategy.state().unwrap().policy).unwrap()
}

#[test]
fn what_is_gained_beyond_the_clip_counts_no_more() {
    let whole = WalkOutcome { log_prob: -0.5, entropy: -0.25, link_kl: 0.125 };
    for (advantage, ratio, expected) in [
        (1.0, 1.0, 1.0),
        (1.0, 1.19, 1.19),
        (1.0, 1.21, 0.0),
        // Likely though it got, it is taken back where it was worth less than the baseline.
        (-1.0, 1.5, 1.5),
        (1.0, 0.5, 0.5),
        (-1.0, 0.81, 0.81),
        (-1.0, 0.79, 0.0),
    ] {
        let found = clipped(whole, advantage, ratio, 0.2);
        let expected = WalkOutcome { log_prob: -0.5 * expected, ..whole };
        assert_eq!(found, expected, "advantage {advantage}, ratio {ratio}");
    }
}

#[test]
fn one_update_a_step_is_reinforce() {
    let config = config(1);
    let mut ppo = Ppo::new(&config, space().script(), 7);
    let mut reinforce = Reinforce::new(&config, space().script(), 7);
    for index in 0..3 {
        let (a, b) = (step(&mut ppo, index), step(&mut reinforce, index));
        assert_eq!(a.update, b.update);
        assert_eq!(theta(&ppo), theta(&reinforce));
    }
}

#[test]
fn four_updates_a_step_learn_faster_from_as_many_rollouts() {
    let learnt = |mut strategy: Box<dyn Strategy>| {
        let rewards = (0..60).map(|index| step(&mut *strategy, index).mean_reward);
        rewards.collect::<Vec<f64>>()[40..].iter().sum::<f64>() / 20.0
    };
    let config = config(4);
    let ppo = learnt(Box::new(Ppo::new(&config, space().script(), 7)));
    let reinforce = learnt(Box::new(Reinforce::new(&config, space().script(), 7)));
    assert!(reinforce + 0.02 < ppo, "{ppo} and {reinforce}");
    assert!(0.2 < reinforce, "uniform draws have a fifth: {reinforce}");
}

#[test]
fn it_goes_on_from_its_state_and_an_error_changes_nothing() {
    let config = config(4);
    let mut ppo = Ppo::new(&config, space().script(), 7);
    step(&mut ppo, 0);
    assert_eq!(ppo.state().unwrap().policy_version, 4);
    let state = ppo.state().unwrap();
    let mut resumed = Ppo::from_state(&config, space().script(), &state).unwrap();
    let stale = Scored::with_reward(
        space(),
        Rollout { policy_version: 0, ..draw(&ppo, 1, 1).remove(0) },
        0.5,
    );
    let refused = ppo.learn(&[stale], STEP);
    assert!(matches!(refused, Err(SearchError::StaleRollout { drawn_by: 0, current: 4 })));
    step(&mut ppo, 1);
    step(&mut resumed, 1);
    assert_eq!(theta(&ppo), theta(&resumed));
    assert_eq!(ppo.state().unwrap().baseline, resumed.state().unwrap().baseline);
}

#[test]
fn what_an_earlier_policy_drew_counts_by_how_far_theta_has_moved_since() {
    let config = config(1);
    let fresh = || Ppo::new(&config, space().script(), 7);
    let all = |strategy: &dyn Strategy| -> Vec<Scored> {
        let worth = |place: usize| place as f64;
        let drawn = draw(strategy, 2, 0).into_iter().enumerate();
        drawn.map(|(place, one)| Scored::with_reward(space(), one, worth(place))).collect()
    };
    // Not at all: as if it had drawn them itself.
    let (mut plain, mut late) = (fresh(), fresh());
    let (scored, by) = (all(&plain), late.learner.policy.clone());
    plain.learn(&scored, STEP).unwrap();
    late.learn_by(&scored, STEP, Some(&by)).unwrap();
    assert_eq!(theta(&plain), theta(&late));
    // So far that the better one is past the clip: there is nothing more to gain from it.
    let mut far = Ppo::new(&PolicyConfig { ppo_updates: 200, ..config }, space().script(), 7);
    far.learn(&scored, STEP).unwrap();
    let now =
        far.learner.outcomes(&space().script(), &[&scored[1].sampled.rollout.choices], 0).unwrap();
    assert!(scored[1].sampled.rollout.log_prob + 0.2_f64.ln_1p() < now[0].log_prob);
    let mut late = Ppo::from_state(&config, space().script(), &far.state().unwrap()).unwrap();
    let report = late.learn_by(&scored[1..], STEP, Some(&by)).unwrap().update.unwrap();
    assert!(report.grad_norm < 1e-2, "{report:?}");
}
