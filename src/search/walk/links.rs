//! Links: the network of a macro script against the reference's numbers, candle's and central
//! differences.

#![cfg(test)]

use super::*;
use crate::engine::Snapshot;
use crate::random::{Owner, generator};
use crate::search::theta::Layout;
use crate::search::witness::Witness;
use crate::search::{Policy, PolicyConfig};
use crate::space::{SearchSpace, WholeNet};
use candle_core::{Device, Tensor};
use rand::RngExt;

/// The first layers of the authors' published net.
fn published(layers: usize) -> Vec<Choice> {
    let lines = WholeNet::PUBLISHED.lines().take(layers);
    choices(&lines.collect::<Vec<_>>().join(" "))
}

fn script(layers: usize) -> Script {
    WholeNet::new(layers).unwrap().script()
}

fn choices(text: &str) -> Vec<Choice> {
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// The authors' bounds; every decision has the same.
fn authors() -> PolicyConfig {
    PolicyConfig { tanh_constant: 1.5, op_tanh_reduction: 1.0, ..PolicyConfig::default() }
}

fn other_bounds() -> PolicyConfig {
    let config = PolicyConfig { temperature: 1.7, tanh_constant: 2.3, hidden: 6, ..authors() };
    PolicyConfig { op_tanh_reduction: 2.0, skip_rate: 0.3, ..config }
}

/// `scale·sin(k)` for k = 1, 2, … through all parameters, row by row.
fn filled(config: &PolicyConfig, scale: f64) -> Snapshot {
    let mut theta = Theta::zeros(&Layout::new(config.hidden, &script(3)));
    let values = theta.parts_mut().into_iter().flatten();
    (1..).zip(values).for_each(|(k, value)| *value = scale * f64::from(k).sin());
    theta.snapshot("").unwrap()
}

#[track_caller]
fn check_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

// enas-spec, section 9.7: the authors' controller in numpy, float64.
#[test]
fn the_published_architecture_has_the_reference_values() {
    let config = authors();
    let theta = filled(&config, 0.1);
    let policy = Policy::from_snapshot(&config, &script(12), &theta, 0).unwrap();
    let found = policy.outcomes(&script(12), &[&published(12)])[0];
    check_close(-found.log_prob, 67.144_314_505_2, 1e-9);
    check_close(found.entropy, 67.246_940_445_7, 1e-9);
    check_close(found.link_kl, 0.116_712_565_9, 1e-9);
    let policy = Policy::from_snapshot(&config, &script(24), &theta, 0).unwrap();
    let found = policy.outcomes(&script(24), &[&published(24)])[0];
    check_close(-found.log_prob, 233.973_282_424_3, 1e-9);
}

#[test]
fn the_first_logits_are_the_references() {
    let config = authors();
    let theta = filled(&config, 0.1);
    let theta = Theta::from_snapshot(&Layout::new(64, &script(3)), &theta, "").unwrap();
    let inputs = Network::inputs(Isa::best(), &theta);
    let network = Network::new(Isa::best(), &theta, Bounds::new(&config), &inputs);
    let mut tape = Tape::default();
    walk(network, &script(3), 1, &mut |_, _, _| Ok(0), Some(&mut tape)).unwrap();
    let Some(Moment::Decide(decided)) = tape.moments.first() else { panic!("no decision") };
    let expected = [0.000_574_833_1, 0.000_483_696_5, -0.000_052_148_4];
    for (squashed, expected) in decided.squashed.iter().zip(expected) {
        check_close(1.5 * squashed, expected, 1e-10);
    }
}

// enas-spec, sections 9.3 and 9.5.
#[test]
fn without_weights_every_choice_is_even() {
    let theta = filled(&authors(), 0.0);
    let policy = Policy::from_snapshot(&authors(), &script(12), &theta, 0).unwrap();
    let found = policy.outcomes(&script(12), &[&published(12)])[0];
    check_close(-found.log_prob, 67.248_828, 1e-6);
    check_close(found.entropy, 67.248_828, 1e-6);
    check_close(found.link_kl, 0.122_465_984, 1e-9);
}

#[test]
fn the_macro_policy_has_the_published_number_of_parameters() {
    let theta = Policy::new(&authors(), &script(12), 1).snapshot().unwrap();
    assert_eq!(theta.values().map(Tensor::elem_count).sum::<usize>(), 41_856);
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Log probability, entropy and divergence, each alone.
const EACH: [Outcome; 3] = [
    Outcome { log_prob: 1.0, entropy: 0.0, link_kl: 0.0 },
    Outcome { log_prob: 0.0, entropy: 1.0, link_kl: 0.0 },
    Outcome { log_prob: 0.0, entropy: 0.0, link_kl: 1.0 },
];

#[test]
fn gradients_are_the_central_differences() {
    let (config, script, step) = (other_bounds(), script(5), 1e-3);
    let choices = choices("4 1 1 0 1 0 5 1 1 0 2 0 0 0 0");
    let theta = filled(&config, 0.8);
    let policy = Policy::from_snapshot(&config, &script, &theta, 0).unwrap();
    let found = EACH.map(|weight| {
        let (grad, _) = policy.gradient(&script, &[&choices], &[weight]).unwrap();
        grad.snapshot("").unwrap()
    });
    let moved = |name: &str, at: usize, by: f64| {
        let mut theta = theta.clone();
        let mut entries = values(&theta[name]);
        entries[at] += by;
        let tensor = Tensor::from_vec(entries, theta[name].shape(), &Device::Cpu).unwrap();
        theta.insert(name.to_owned(), tensor);
        let policy = Policy::from_snapshot(&config, &script, &theta, 0).unwrap();
        let Outcome { log_prob, entropy, link_kl } = policy.outcomes(&script, &[&choices])[0];
        [log_prob, entropy, link_kl]
    };
    for (name, tensor) in &theta {
        let n = tensor.elem_count();
        for at in (0..n).step_by(n.div_ceil(6)) {
            let near = [-2.0, -1.0, 1.0, 2.0].map(|by| moved(name, at, by * step));
            for which in 0..3 {
                let terms = near.iter().zip([1.0, -8.0, 8.0, -1.0]);
                let slope: f64 = terms.map(|(value, weight)| weight * value[which]).sum();
                let slope = slope / (12.0 * step);
                let grad = values(&found[which][name])[at];
                check_close(grad, slope, 1e-6 * slope.abs() + 1e-10);
            }
        }
    }
}

/// Rollouts, their values and the gradient of a weighted sum of these, against candle's.
#[test]
fn values_and_gradients_are_candles() {
    let (config, script) = (other_bounds(), script(6));
    let theta = filled(&config, 0.8);
    let policy = Policy::from_snapshot(&config, &script, &theta, 0).unwrap();
    for n in [1, 2, 7] {
        let mut rng = generator(2, Owner::Policy, n as u64);
        let rollouts = policy.sample(&script, n, &mut rng).unwrap();
        let choices: Vec<&[Choice]> = rollouts.iter().map(|rollout| &rollout.choices[..]).collect();
        let mut weight = || rng.random_range(-1.0..1.0);
        let weights: Vec<Outcome> = (0..n)
            .map(|_| Outcome { log_prob: weight(), entropy: weight(), link_kl: weight() })
            .collect();
        let (grad, outcomes) = policy.gradient(&script, &choices, &weights).unwrap();

        let witness = Witness::new(&config, &theta);
        let found = witness.look(&script, &choices);
        for (at, (outcome, rollout)) in outcomes.iter().zip(&rollouts).enumerate() {
            check_close(outcome.log_prob, values(&found.log_prob)[at], 1e-12);
            check_close(outcome.entropy, values(&found.entropy)[at], 1e-12);
            check_close(outcome.link_kl, values(&found.link_kl)[at], 1e-12);
            assert_eq!(outcome.log_prob.to_bits(), rollout.log_prob.to_bits());
        }
        let weighted = |value: Tensor, weight: fn(&Outcome) -> f64| {
            let weights: Vec<f64> = weights.iter().map(weight).collect();
            (value * Tensor::new(weights, &Device::Cpu).unwrap()).unwrap().sum_all().unwrap()
        };
        let loss =
            weighted(found.log_prob, |w| w.log_prob) + weighted(found.entropy, |w| w.entropy);
        let loss = loss.unwrap() + weighted(found.link_kl, |w| w.link_kl);
        let expected = loss.unwrap().backward().unwrap();
        for (name, found) in grad.snapshot("").unwrap() {
            let expected = values(expected.get(witness.params.get(&name).unwrap()).unwrap());
            let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            assert!(1e-3 < largest, "{name} shows nothing: {largest}");
            for (found, expected) in values(&found).into_iter().zip(expected) {
                check_close(found, expected, 1e-10 * largest);
            }
        }
    }
}
