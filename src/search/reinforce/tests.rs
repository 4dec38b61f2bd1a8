//! The updates of θ: bandits, the loss, clipping, and what is refused.

use super::*;
use crate::engine::to_safetensors;
use crate::numbers::mean;
use crate::random::{Owner, generator};
use crate::search::{EntropyRange, Probabilities, Rollout, StrategyKind, UpdateReport};
use crate::space::{CellKind, Decision, MicroSpace, Op, Space, Step};
use candle_core::{Device, Tensor};

const SMALL: PolicyConfig = PolicyConfig {
    strategy: StrategyKind::Reinforce,
    hidden: 16,
    temperature: 1.0,
    tanh_constant: 1.10,
    op_tanh_reduction: 2.5,
    bound_epochs: 0,
    learning_rate: 0.05,
    beta1: 0.0,
    beta2: 0.999,
    epsilon: 1e-3,
    clip_norm: 1e6,
    entropy_weight: 0.0,
    entropy_target: 0.0,
    standardize: false,
    phase_updates: 0,
    prior: true,
    ppo_clip: 0.2,
    ppo_updates: 4,
    population: 100,
    tournament: 25,
    baseline_decay: 0.9,
    skip_rate: 0.4,
    skip_weight: 0.8,
};

/// A step that others of its phase follow.
const STEP: PolicyStep = PolicyStep { epoch: 0, left: 1 };

fn space() -> Space {
    Space::Micro(MicroSpace::new(2).unwrap())
}

fn script() -> Script {
    space().script()
}

/// A learner whose operation bias is `op_bias`.
fn learner(config: &PolicyConfig, op_bias: [f64; 5]) -> Reinforce {
    let mut state = Reinforce::new(config, script(), 1).state().unwrap();
    state.policy.insert("op.bias".to_owned(), Tensor::new(&op_bias, &Device::Cpu).unwrap());
    Reinforce::from_state(config, script(), &state).unwrap()
}

fn draw(learner: &Reinforce, n: usize, index: u64) -> Vec<Rollout> {
    learner.learner.policy.sample(&script(), n, 0, &mut generator(1, Owner::Policy, index)).unwrap()
}

fn scored(rollout: Rollout, reward: f64) -> Scored {
    Scored::with_reward(space(), rollout, reward)
}

/// Draws 10 rollouts, scores them and learns from them.
fn update(learner: &mut Reinforce, index: u64, reward: impl Fn(&Rollout) -> f64) -> LearnReport {
    let rollouts = draw(learner, 10, index).into_iter();
    let scored = rollouts.map(|rollout| scored(rollout.clone(), reward(&rollout)));
    learner.learn(&scored.collect::<Vec<_>>(), STEP).unwrap()
}

fn theta(learner: &Reinforce) -> Vec<u8> {
    to_safetensors(&learner.learner.policy.snapshot().unwrap()).unwrap()
}

/// The share of picks that chose average pooling.
fn average_pools(rollout: &Rollout) -> f64 {
    let script = script();
    let picks: Vec<bool> = script
        .decisions()
        .zip(&rollout.choices)
        .filter(|(decision, _)| matches!(decision, Decision::Pick { .. }))
        .map(|(_, &choice)| choice as usize == Op::AvgPool3x3.idx())
        .collect();
    picks.iter().filter(|&&hit| hit).count() as f64 / picks.len() as f64
}

/// Rewards average pooling alone, and compares its probability at the end with the highest
/// that the bounded logits allow.
#[track_caller]
fn check_bandit(op_bias: [f64; 5], ceilings: [f64; 2]) {
    let mut learner = learner(&SMALL, op_bias);
    for index in 0..200 {
        update(&mut learner, index, average_pools);
    }
    let reached = Probabilities::mean(draw(&learner, 100, 1_000_000).iter());
    for (cell, ceiling) in CellKind::ALL.into_iter().zip(ceilings) {
        let found = reached.get(cell as usize, "op").unwrap()[Op::AvgPool3x3.idx()];
        let within = (ceiling - 0.005..=ceiling + 1e-9).contains(&found);
        assert!(within, "{cell}: {found}, ceiling {ceiling}");
    }
}

/// The probability of average pooling when its own logit is at `0.44` and the others are at
/// `separable` (both separable convolutions) and at `-0.44` (the other two); `fixed` is the
/// fixed bias, negative for average pooling.
fn ceiling(separable: f64, fixed: f64) -> f64 {
    let own = (0.44 - fixed).exp();
    own / (own + 2.0 * (separable + fixed).exp() + 2.0 * (-0.44 - fixed).exp())
}

#[test]
fn a_bandit_drives_the_rewarded_operation_to_the_ceiling_of_the_bounded_logits() {
    let ceilings = [ceiling(-0.44, 0.25), ceiling(-0.44, 0.0)];
    assert!((ceilings[0] - 0.312_77).abs() < 1e-4 && (ceilings[1] - 0.376_07).abs() < 1e-4);
    check_bandit([0.0; 5], ceilings);
}

#[test]
fn the_authors_bias_keeps_separable_convolutions_at_their_highest_logit() {
    check_bandit([10.0, 10.0, 0.0, 0.0, 0.0], [ceiling(0.44, 0.25), ceiling(0.44, 0.0)]);
}

#[test]
fn a_constant_reward_leaves_theta_as_it_is() {
    let mut learner = learner(&SMALL, [0.0; 5]);
    let before = theta(&learner);
    for index in 0..3 {
        let report = update(&mut learner, index, |_| 0.3).update.unwrap();
        assert_eq!((report.mean_advantage, report.grad_norm), (0.0, 0.0));
        assert!((report.baseline - 0.3).abs() < 1e-15, "{report:?}");
    }
    assert_eq!(theta(&learner), before);
    assert_eq!(learner.learner.policy.version(), 3);
}

#[test]
fn a_rollout_that_did_well_gets_more_probable_and_one_that_did_badly_less() {
    let start = learner(&SMALL, [0.0; 5]);
    let rollout = draw(&start, 1, 0).remove(0);
    let log_prob_after = |reward| {
        let mut state = start.state().unwrap();
        state.baseline = Some(0.5);
        let mut learner = Reinforce::from_state(&SMALL, script(), &state).unwrap();
        learner.learn(&[scored(rollout.clone(), reward)], STEP).unwrap();
        let choices = [&rollout.choices[..]];
        learner.learner.policy.outcomes(&script(), &choices, 0).unwrap()[0].log_prob
    };
    assert!(rollout.log_prob < log_prob_after(0.9));
    assert!(log_prob_after(0.1) < rollout.log_prob);
}

#[test]
fn the_entropy_bonus_raises_the_entropy() {
    let config = PolicyConfig { entropy_weight: 1.0, ..SMALL };
    let mut learner = learner(&config, [0.5, -0.5, 1.0, 0.0, 0.0]);
    let entropies: Vec<f64> =
        (0..20).map(|index| update(&mut learner, index, |_| 0.5).mean_entropy).collect();
    assert!(entropies[0] + 0.1 < entropies[19], "{entropies:?}");
}

/// θ and the report after an update from one rollout with a reward of `reward`.
fn update_clipped_to(clip_norm: f64, reward: f64) -> (Vec<f64>, UpdateReport) {
    let config = PolicyConfig { clip_norm, ..SMALL };
    let mut state = learner(&config, [0.0; 5]).state().unwrap();
    state.baseline = Some(0.0);
    let mut learner = Reinforce::from_state(&config, script(), &state).unwrap();
    let rollout = draw(&learner, 1, 0).remove(0);
    let report = learner.learn(&[scored(rollout, reward)], STEP).unwrap();
    let values = learner.learner.policy.snapshot().unwrap();
    let values = values.values().flat_map(|t| t.flatten_all().unwrap().to_vec1().unwrap());
    (values.collect(), report.update.unwrap())
}

#[test]
fn a_gradient_above_the_limit_counts_by_its_direction_alone() {
    let (far, large) = update_clipped_to(0.01, 100.0);
    let (near, small) = update_clipped_to(0.01, 50.0);
    assert!((large.grad_norm / small.grad_norm - 2.0).abs() < 1e-9, "norms are told unclipped");
    assert!(0.01 < small.grad_norm);
    let largest =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest(&far, &near) < 1e-12);
    let (free, _) = update_clipped_to(1e6, 100.0);
    assert!(1e-3 < largest(&far, &free), "the limit did nothing");
    let below = small.grad_norm * 1.001;
    assert_eq!(update_clipped_to(below, 50.0).0, update_clipped_to(1e6, 50.0).0);
}

#[test]
fn a_stale_rollout_is_refused_and_changes_nothing() {
    let mut learner = learner(&SMALL, [0.0; 5]);
    let stale = draw(&learner, 1, 0).remove(0);
    update(&mut learner, 1, average_pools);
    let (before, baseline) = (theta(&learner), learner.state().unwrap().baseline);
    let mut all = vec![scored(draw(&learner, 1, 2).remove(0), 0.9)];
    all.push(scored(stale, 0.5));
    let err = learner.learn(&all, STEP).unwrap_err();
    assert!(matches!(err, SearchError::StaleRollout { drawn_by: 0, current: 1 }), "{err}");
    all[1].reward = f64::INFINITY;
    let err = learner.learn(&all, STEP).unwrap_err();
    assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
    assert!(matches!(learner.learn(&[], STEP), Err(SearchError::NoRollouts)));
    assert_eq!((theta(&learner), learner.state().unwrap().baseline), (before, baseline));
}

#[test]
fn a_gradient_that_is_not_finite_leaves_theta_as_it_was() {
    let mut learner = learner(&SMALL, [0.0; 5]);
    let before = theta(&learner);
    let rollouts = draw(&learner, 2, 0).into_iter().zip([-f64::MAX, f64::MAX]);
    let all: Vec<_> = rollouts.map(|(rollout, reward)| scored(rollout, reward)).collect();
    let err = learner.learn(&all, STEP).unwrap_err();
    assert!(matches!(err, SearchError::NonFiniteGradient { version: 0, .. }), "{err}");
    assert_eq!(theta(&learner), before);
    assert_eq!(learner.state().unwrap().baseline, None);
}

#[test]
fn a_restored_learner_goes_on_bit_for_bit() {
    let config = PolicyConfig { beta1: 0.9, entropy_weight: 1e-3, ..SMALL };
    let mut unbroken = learner(&config, [0.0; 5]);
    (0..3).for_each(|index| _ = update(&mut unbroken, index, average_pools));
    let state = unbroken.state().unwrap();
    let mut restored = Reinforce::from_state(&config, script(), &state).unwrap();
    for index in 3..6 {
        let expected = update(&mut unbroken, index, average_pools);
        assert_eq!(update(&mut restored, index, average_pools), expected);
    }
    assert_eq!(theta(&restored), theta(&unbroken));
}

#[test]
fn the_entropy_goes_to_its_target_from_above_and_from_below() {
    for (target, bias) in [(0.8, [0.0; 5]), (0.95, [3.0, -3.0, 3.0, -3.0, -3.0])] {
        let config = PolicyConfig {
            entropy_weight: 1.0,
            entropy_target: target,
            tanh_constant: 0.0,
            prior: false,
            ..SMALL
        };
        let mut learner = learner(&config, bias);
        let largest: f64 = script().options().map(|n| (n as f64).ln()).sum();
        let share = |index| update_share(&mut learner, index, largest);
        let shares: Vec<f64> = (0..60).map(share).collect();
        let (first, last) = (shares[0], shares[59]);
        assert!(0.05 < (first - target).abs(), "{target}: {shares:?}");
        assert!((last - target).abs() < 0.03, "{target}: {shares:?}");
    }
}

/// The share of the largest entropy that an update saw; the reward is always the same.
fn update_share(learner: &mut Reinforce, index: u64, largest: f64) -> f64 {
    update(learner, index, |_| 0.5).mean_entropy / largest
}

#[test]
fn without_the_prior_and_without_bounds_a_bandit_is_won_nearly_always() {
    let config = PolicyConfig { tanh_constant: 0.0, prior: false, ..SMALL };
    let mut learner = learner(&config, [0.0; 5]);
    for index in 0..200 {
        update(&mut learner, index, average_pools);
    }
    let reached = Probabilities::mean(draw(&learner, 100, 1_000_000).iter());
    for cell in CellKind::ALL {
        let found = reached.get(cell as usize, "op").unwrap()[Op::AvgPool3x3.idx()];
        assert!(0.9 < found, "{cell}: {found}");
    }
}

#[test]
fn a_policy_that_favors_one_option_of_each_pick_is_at_its_bound_and_no_nearer_to_certainty() {
    // Picks alone: where a policy points depends on more than a bias.
    let picks = |step: &&Step| !matches!(step, Step::Ask(Decision::Point { .. }));
    let picks = Script(script().steps().iter().filter(picks).copied().collect());
    let left = |config: &PolicyConfig, op_bias: [f64; 5]| {
        let policy = learner(config, op_bias).learner.policy;
        let rollouts = policy.sample(&picks, 20, 0, &mut generator(1, Owner::Policy, 0)).unwrap();
        let entropies: Vec<f64> = rollouts.iter().map(|rollout| rollout.entropy).collect();
        EntropyRange::of(config, &picks, 0).left(mean(&entropies)).unwrap()
    };
    let favorite = [20.0, -20.0, -20.0, -20.0, -20.0];
    let settled = left(&SMALL, favorite);
    assert!(settled < 1e-9, "{settled}");
    let undecided = left(&PolicyConfig { prior: false, ..SMALL }, [0.0; 5]);
    assert!((0.95..1.0).contains(&undecided), "{undecided}");
    // Without bounds it is certain.
    assert!(left(&PolicyConfig { tanh_constant: 0.0, ..SMALL }, favorite) < 1e-9);
    let half = left(&SMALL, [0.5, -0.5, -0.5, -0.5, -0.5]);
    assert!((0.2..0.8).contains(&half), "{half}");
}

/// The state after phases of five steps each, after which θ learns from all of them so often.
fn after_phases(phases: u64, phase_updates: u64) -> Reinforce {
    let mut learner = learner(&PolicyConfig { phase_updates, ..SMALL }, [0.0; 5]);
    for index in 0..5 * phases {
        let step = PolicyStep { epoch: 0, left: 4 - index % 5 };
        let rollouts = draw(&learner, 10, index).into_iter();
        let scored: Vec<Scored> =
            rollouts.map(|rollout| scored(rollout.clone(), average_pools(&rollout))).collect();
        let updates = if step.left == 0 { 1 + phase_updates } else { 1 };
        assert_eq!(learner.learn(&scored, step).unwrap().updates, updates);
    }
    learner
}

#[test]
fn learning_from_a_phase_once_more_wins_a_bandit_with_fewer_rollouts() {
    let reached = |phase_updates| {
        let learner = after_phases(2, phase_updates);
        assert_eq!(learner.learner.policy.version(), 2 * (5 + phase_updates));
        assert_eq!(learner.state().unwrap().rollouts, [[]; 0], "a phase is forgotten at its end");
        mean(&draw(&learner, 200, 1_000_000).iter().map(average_pools).collect::<Vec<_>>())
    };
    let (once, again) = (reached(0), reached(5));
    assert!(once + 0.01 < again, "{once} and {again}");
}

#[test]
fn an_update_from_a_phase_follows_the_gradient_of_its_equation() {
    let config = PolicyConfig { phase_updates: 1, entropy_weight: 0.5, ..SMALL };
    let mut learner = learner(&config, [0.5, 0.0, -0.5, 0.0, 1.0]);
    let rewards = [0.5, 0.9, 0.1, 0.2];
    let rollouts = draw(&learner, 4, 0);
    let scored: Vec<Scored> =
        rollouts.iter().zip(rewards).map(|(r, reward)| scored(r.clone(), reward)).collect();
    // The step alone, and then by hand what the end of the phase adds.
    let mut expected = learner.clone();
    expected.phase_updates = 0;
    expected.learn(&scored, STEP).unwrap();
    let choices: Vec<&[Choice]> = rollouts.iter().map(|r| &r.choices[..]).collect();
    let now = expected.learner.policy.outcomes(&script(), &choices, 0).unwrap();
    let ratios: Vec<f64> =
        now.iter().zip(&rollouts).map(|(now, r)| (now.log_prob - r.log_prob).exp()).collect();
    assert!(ratios.iter().any(|r| *r < 1.0) && ratios.iter().any(|r| 1.0 < *r), "{ratios:?}");
    let weight = |(ratio, advantage): (&f64, f64)| WalkOutcome {
        log_prob: -0.25 * ratio.min(1.0) * advantage,
        entropy: -0.25 * ratio.min(1.0) * 0.5,
        link_kl: 0.25 * ratio.min(1.0) * SMALL.skip_weight,
    };
    let others = [1.2 / 3.0, 0.8 / 3.0, 1.6 / 3.0, 1.5 / 3.0];
    let advantages = rewards.iter().zip(others).map(|(reward, others)| reward - others);
    let weights: Vec<WalkOutcome> = ratios.iter().zip(advantages).map(weight).collect();
    expected.learner.update((&script(), &choices), &weights, 0, None).unwrap();

    learner.learn(&scored, PolicyStep { left: 0, ..STEP }).unwrap();
    let values = |learner: &Reinforce| -> Vec<f64> {
        let theta = learner.learner.policy.snapshot().unwrap();
        theta.values().flat_map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    for (found, expected) in values(&learner).into_iter().zip(values(&expected)) {
        assert!((found - expected).abs() < 1e-9, "{found} and {expected}");
    }
}

#[test]
fn a_phase_of_another_space_is_refused() {
    let mut state = after_phases(0, 2).state().unwrap();
    let arch = Space::Micro(MicroSpace::new(5).unwrap()).arch(&[0; 40]).unwrap();
    state.rollouts = vec![vec![PhaseRollout { arch, log_prob: -1.0, reward: 0.5 }]];
    let err = Reinforce::from_state(&SMALL, script(), &state).unwrap_err();
    assert!(matches!(err, SearchError::Space(_)), "{err}");
}

#[test]
fn what_an_earlier_policy_drew_is_learnt_from_by_the_gradient_where_that_stands() {
    let config = SMALL;
    let mut earlier = learner(&config, [0.0; 5]);
    let mut later = earlier.clone();
    update(&mut later, 1, average_pools);
    // The baseline moves within a step, so both begin with the same.
    let state = StrategyState { baseline: None, ..later.state().unwrap() };
    let mut later = Reinforce::from_state(&config, script(), &state).unwrap();
    let rollouts = draw(&earlier, 10, 0).into_iter();
    let all: Vec<_> =
        rollouts.map(|rollout| scored(rollout.clone(), average_pools(&rollout))).collect();
    let before = theta(&later);
    let by = earlier.learner.policy.clone();
    let late = later.learn_by(&all, STEP, Some(&by)).unwrap().update.unwrap();
    let early = earlier.learn(&all, STEP).unwrap().update.unwrap();
    assert_eq!(late.grad_norm.to_bits(), early.grad_norm.to_bits());
    assert!(theta(&later) != before && theta(&later) != theta(&earlier));
    assert_eq!(later.state().unwrap().policy_version, 2);
    // Versions are held against the policy that is said to have drawn them.
    let err = later.learn(&all, STEP).unwrap_err();
    assert!(matches!(err, SearchError::StaleRollout { drawn_by: 0, current: 2 }), "{err}");
}
