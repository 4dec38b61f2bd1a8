//! Drawing, against probabilities, and what θ may be.

use super::*;
use crate::search::witness::Witness;
use crate::space::{CellKind, MicroSpace, Op, SearchSpace};
use candle_core::{DType, Tensor};

const SMALL: usize = 8;

fn config(hidden: usize) -> PolicyConfig {
    PolicyConfig { hidden, ..PolicyConfig::default() }
}

fn policy(hidden: usize) -> Policy {
    Policy::new(&config(hidden), &script(5), 1)
}

fn script(n_nodes: usize) -> Script {
    MicroSpace::new(n_nodes).unwrap().script()
}

fn sample(policy: &Policy, n: usize, index: u64) -> Vec<Rollout> {
    policy.sample(&script(5), n, 0, &mut generator(1, Owner::Policy, index)).unwrap()
}

fn values(theta: &Snapshot, name: &str) -> Vec<f64> {
    theta[name].flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_micro_policy_has_the_published_number_of_parameters() {
    let theta = policy(64).snapshot().unwrap();
    assert_eq!(theta.values().map(Tensor::elem_count).sum::<usize>(), 41_733);
}

#[test]
fn initial_values_are_uniform_and_a_function_of_the_seed() {
    let theta = policy(64).snapshot().unwrap();
    assert_eq!(values(&theta, "op.bias"), [10.0, 10.0, 0.0, 0.0, 0.0]);
    let lstm = values(&theta, "lstm.weight");
    assert!(lstm.iter().all(|value| value.abs() <= 0.1));
    let variance = lstm.iter().map(|value| value * value).sum::<f64>() / lstm.len() as f64;
    assert!((variance / (0.2 * 0.2 / 12.0) - 1.0).abs() < 0.05, "{variance}");
    let mean = lstm.iter().sum::<f64>() / lstm.len() as f64;
    assert!(mean.abs() < 0.002, "{mean}");
    assert_ne!(values(&theta, "attention.w1"), values(&theta, "attention.w2"));
    let with_seed = |seed| Policy::new(&config(64), &script(5), seed).snapshot().unwrap();
    assert_eq!(values(&with_seed(1), "lstm.weight"), lstm);
    assert_ne!(values(&with_seed(2), "lstm.weight"), lstm);
}

#[test]
fn the_same_generator_draws_the_same_rollouts_and_another_others() {
    let policy = policy(SMALL);
    assert_eq!(sample(&policy, 5, 3), sample(&policy, 5, 3));
    assert_ne!(sample(&policy, 5, 3), sample(&policy, 5, 4));
    assert_eq!(sample(&policy, 0, 3), []);
}

#[test]
fn what_sampling_says_of_a_rollout_is_what_teacher_forcing_says() {
    let policy = policy(64);
    let rollouts = sample(&policy, 7, 0);
    let choices: Vec<_> = rollouts.iter().map(|r| &r.choices[..]).collect();
    let witness = Witness::new(&config(64), &policy.snapshot().unwrap(), 0.0);
    let found = witness.look(&script(5), &choices);
    let (log_prob, entropy) = (found.log_prob.to_vec1().unwrap(), found.entropy.to_vec1().unwrap());
    for (idx, rollout) in rollouts.iter().enumerate() {
        let (log_prob, entropy): (f64, f64) = (log_prob[idx], entropy[idx]);
        assert!((rollout.log_prob - log_prob).abs() < 1e-12);
        assert!((rollout.entropy - entropy).abs() < 1e-12);
        assert_eq!(rollout.policy_version, 0);
    }
}

#[test]
fn operations_are_drawn_as_often_as_their_probabilities_say() {
    let (policy, n) = (policy(SMALL), 4000);
    let rollouts = policy.sample(&script(2), n, 0, &mut generator(1, Owner::Policy, 0)).unwrap();
    let probabilities = Probabilities::mean(rollouts.iter());
    // Choices 2, 3, 6 and 7 of a cell of two nodes are operations, and a cell has 8.
    for (cell, first) in [(CellKind::Normal, 0), (CellKind::Reduction, 8)] {
        for op in Op::ALL {
            let is_op = |place: &usize, r: &Rollout| r.choices[first + place] as usize == op.idx();
            let hits = rollouts.iter().map(|r| [2, 3, 6, 7].iter().filter(|p| is_op(p, r)).count());
            let frequency = hits.sum::<usize>() as f64 / (4 * n) as f64;
            let p = probabilities.get(cell as usize, "op").unwrap()[op.idx()];
            let deviation = (p * (1.0 - p) / (4 * n) as f64).sqrt();
            let off = (frequency - p) / deviation;
            assert!(off.abs() < 4.0, "{cell} {op}: {frequency} against {p}, {off} sigma");
        }
    }
}

#[test]
fn nodes_are_drawn_as_often_as_their_probabilities_say() {
    // Without a bound the first decision is far from uniform once `attention.v` is large.
    let config = PolicyConfig { tanh_constant: 3.0, ..config(SMALL) };
    let mut theta = policy(SMALL).snapshot().unwrap();
    for value in theta.values_mut() {
        *value = (&*value * 20.0).unwrap();
    }
    let (policy, n) = (Policy::from_snapshot(&config, &script(5), &theta, 0).unwrap(), 4000);
    let rollouts = policy.sample(&script(2), n, 0, &mut generator(1, Owner::Policy, 0)).unwrap();
    let first = Script(script(2).steps()[..2].to_vec());
    let p = policy.outcomes(&first, &[&[0]], 0).unwrap()[0].log_prob.exp();
    assert!((p - 0.5).abs() > 0.05, "{p} shows nothing");
    let hits = rollouts.iter().filter(|r| r.choices[0] == 0).count();
    let off = (hits as f64 / n as f64 - p) / (p * (1.0 - p) / n as f64).sqrt();
    assert!(off.abs() < 4.0, "{hits} of {n} against {p}, {off} sigma");
}

#[test]
fn a_number_falls_into_the_option_that_covers_it() {
    let check = |uniform, expected| assert_eq!(invert(&[0.25, 0.5, 0.25], uniform), expected);
    check(0.0, 0);
    check(0.25, 1);
    check(0.7499, 1);
    check(0.75, 2);
    assert_eq!(invert(&[0.5, 0.499_999], 0.999_999_9), 1);
}

#[test]
fn a_spoilt_theta_is_refused() {
    let mut theta = policy(SMALL).snapshot().unwrap();
    let nan = (&theta["attention.v"] * f64::NAN).unwrap();
    theta.insert("attention.v".to_owned(), nan);
    let policy = Policy::from_snapshot(&config(SMALL), &script(5), &theta, 9).unwrap();
    let err = policy.sample(&script(2), 1, 0, &mut generator(1, Owner::Policy, 0)).unwrap_err();
    assert!(matches!(err, SearchError::NonFinitePolicy { version: 9, .. }), "{err}");
}

#[test]
fn a_snapshot_reads_back_and_one_that_does_not_fit_is_refused() {
    let theta = policy(SMALL).snapshot().unwrap();
    let again = Policy::from_snapshot(&config(SMALL), &script(5), &theta, 4).unwrap();
    assert_eq!(again.version(), 4);
    let same = |r: &Rollout| Rollout { policy_version: 0, ..r.clone() };
    let drawn: Vec<_> = sample(&again, 3, 0).iter().map(same).collect();
    assert_eq!(drawn, sample(&policy(SMALL), 3, 0));

    let check = |hidden, change: &dyn Fn(&mut Snapshot), expected: &str| {
        let mut theta = theta.clone();
        change(&mut theta);
        let err = Policy::from_snapshot(&config(hidden), &script(5), &theta, 0);
        let err = err.unwrap_err().to_string();
        assert!(err.contains(expected), "{err}");
    };
    check(SMALL, &|theta| _ = theta.remove("op.bias"), "no parameter `op.bias`");
    let f32s = theta["op.bias"].to_dtype(DType::F32).unwrap();
    check(SMALL, &|theta| _ = theta.insert("x".to_owned(), f32s.clone()), "parameter `x`");
    check(SMALL, &|theta| _ = theta.insert("op.bias".to_owned(), f32s.clone()), "is f32 [5]");
    check(16, &|_| {}, "f64 [16, 32], expected f64 [32, 64]");
}

#[test]
fn choices_that_do_not_answer_the_script_are_refused() {
    let policy = policy(SMALL);
    let check = |choices: &[&[Choice]], expected: &str| {
        let weights = vec![WalkOutcome::default(); choices.len()];
        let err = policy.gradient(&script(2), choices, &weights, 0).unwrap_err();
        assert_eq!(format!("{err:?}"), expected);
        let err = policy.outcomes(&script(2), choices, 0).unwrap_err();
        assert_eq!(format!("{err:?}"), expected);
    };
    check(&[&[0; 16], &[0; 15]], "Space(ChoiceCount { found: 15, expected: 16 })");
    let mut forward = [0; 16];
    forward[4] = 3;
    check(&[&forward], "Space(ChoiceRange { position: 4, found: 3, options: 3 })");
}

#[test]
fn instruction_sets_that_fuse_give_the_same_bits_and_the_plain_one_nearly() {
    let run = |isa| {
        let policy = Policy { isa, ..policy(64) };
        let rollouts = sample(&policy, 7, 0);
        let choices: Vec<_> = rollouts.iter().map(|r| &r.choices[..]).collect();
        let weights = vec![WalkOutcome { log_prob: 0.3, entropy: -0.2, link_kl: 0.0 }; 7];
        (policy.gradient(&script(5), &choices, &weights, 0).unwrap(), rollouts)
    };
    let ((grad, outcomes), rollouts) = run(Isa::best());
    for isa in Isa::all() {
        let ((found, found_outcomes), drawn) = run(isa);
        if isa.name() == "plain" {
            for (part, expected) in found.parts().into_iter().zip(grad.parts()) {
                assert!(part.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
            }
            let same = |(a, b): (&Rollout, &Rollout)| a.choices == b.choices;
            assert!(drawn.iter().zip(&rollouts).all(same));
        } else {
            assert_eq!((&found, &found_outcomes, &drawn), (&grad, &outcomes, &rollouts));
        }
    }
}
