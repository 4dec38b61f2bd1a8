//! What the network of any script is held to: central differences, and candle's gradients.

#![cfg(test)]

use super::*;
use crate::engine::Snapshot;
use crate::random::{Owner, generator};
use crate::search::witness::Witness;
use crate::search::{Policy, PolicyConfig};
use candle_core::{Device, Tensor};
use rand::RngExt;

/// Log probability, entropy and divergence, each alone.
const EACH: [WalkOutcome; 3] = [
    WalkOutcome { log_prob: 1.0, entropy: 0.0, link_kl: 0.0 },
    WalkOutcome { log_prob: 0.0, entropy: 1.0, link_kl: 0.0 },
    WalkOutcome { log_prob: 0.0, entropy: 0.0, link_kl: 1.0 },
];

#[track_caller]
pub(super) fn check_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

pub(super) fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The gradients of [`EACH`] for one rollout in `epoch`, against central differences of the fourth
/// order.
#[track_caller]
pub(super) fn check_differences(
    config: &PolicyConfig,
    script: &Script,
    theta: &Snapshot,
    (choices, epoch): (&[Choice], u64),
) {
    let step = 1e-3;
    let policy = |theta: &Snapshot| Policy::from_snapshot(config, script, theta, 0).unwrap();
    let found = EACH.map(|weight| {
        let (grad, _) = policy(theta).gradient(script, &[choices], &[weight], epoch).unwrap();
        grad.snapshot("").unwrap()
    });
    let moved = |name: &str, at: usize, by: f64| {
        let mut theta = theta.clone();
        let mut entries = values(&theta[name]);
        entries[at] += by;
        let tensor = Tensor::from_vec(entries, theta[name].shape(), &Device::Cpu).unwrap();
        theta.insert(name.to_owned(), tensor);
        let WalkOutcome { log_prob, entropy, link_kl } =
            policy(&theta).outcomes(script, &[choices], epoch).unwrap()[0];
        [log_prob, entropy, link_kl]
    };
    for (name, tensor) in theta {
        let n = tensor.elem_count();
        for at in (0..n).step_by(n.div_ceil(6)) {
            let near = [-2.0, -1.0, 1.0, 2.0].map(|by| moved(name, at, by * step));
            for which in 0..EACH.len() {
                let terms = near.iter().zip([1.0, -8.0, 8.0, -1.0]);
                let slope: f64 = terms.map(|(value, weight)| weight * value[which]).sum();
                let slope = slope / (12.0 * step);
                let grad = values(&found[which][name])[at];
                check_close(grad, slope, 1e-6 * slope.abs() + 1e-10);
            }
        }
    }
}

/// `n` rollouts in `epoch`, in which so much of the bounds is let go, their values and the gradient of
/// a weighted sum of these, against candle's.
#[track_caller]
pub(super) fn check_against_candle(
    config: &PolicyConfig,
    script: &Script,
    theta: &Snapshot,
    (n, epoch, let_go): (usize, u64, f64),
) {
    let policy = Policy::from_snapshot(config, script, theta, 0).unwrap();
    let mut rng = generator(2, Owner::Policy, n as u64);
    let rollouts = policy.sample(script, n, epoch, &mut rng).unwrap();
    let choices: Vec<&[Choice]> = rollouts.iter().map(|rollout| &rollout.choices[..]).collect();
    let mut weight = || rng.random_range(-1.0..1.0);
    let weights: Vec<WalkOutcome> = (0..n)
        .map(|_| WalkOutcome { log_prob: weight(), entropy: weight(), link_kl: weight() })
        .collect();
    let (grad, outcomes) = policy.gradient(script, &choices, &weights, epoch).unwrap();

    let witness = Witness::new(config, theta, let_go);
    let found = witness.look(script, &choices);
    for (at, (outcome, rollout)) in outcomes.iter().zip(&rollouts).enumerate() {
        check_close(outcome.log_prob, values(&found.log_prob)[at], 1e-12);
        check_close(outcome.entropy, values(&found.entropy)[at], 1e-12);
        check_close(outcome.link_kl, values(&found.link_kl)[at], 1e-12);
        let drawn = [rollout.log_prob, rollout.entropy].map(f64::to_bits);
        assert_eq!(drawn, [outcome.log_prob, outcome.entropy].map(f64::to_bits));
    }
    let weighted = |value: Tensor, weight: fn(&WalkOutcome) -> f64| {
        let weights: Vec<f64> = weights.iter().map(weight).collect();
        (value * Tensor::new(weights, &Device::Cpu).unwrap()).unwrap().sum_all().unwrap()
    };
    let loss = weighted(found.log_prob, |w| w.log_prob) + weighted(found.entropy, |w| w.entropy);
    let loss = loss.unwrap() + weighted(found.link_kl, |w| w.link_kl);
    let expected = loss.unwrap().backward().unwrap();
    for (name, found) in grad.snapshot("").unwrap() {
        let expected = values(expected.get(witness.params.get(&name).unwrap()).unwrap());
        let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        assert!(1e-4 < largest, "{name} shows nothing: {largest}");
        for (found, expected) in values(&found).into_iter().zip(expected) {
            check_close(found, expected, 1e-10 * largest);
        }
    }
}
