//! Links: the network of a macro script against the reference's numbers, candle's and central
//! differences.

#![cfg(test)]

use super::*;
use crate::engine::Snapshot;
use crate::search::theta::Layout;
use crate::search::walk::checks::{check_against_candle, check_close, check_differences};
use crate::search::{Policy, PolicyConfig};
use crate::space::{SearchSpace, WholeNet};
use candle_core::Tensor;

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

// enas-spec, section 9.7: the authors' controller in numpy, float64.
#[test]
fn the_published_architecture_has_the_reference_values() {
    let config = authors();
    let theta = filled(&config, 0.1);
    let policy = Policy::from_snapshot(&config, &script(12), &theta, 0).unwrap();
    let found = policy.outcomes(&script(12), &[&published(12)], 0).unwrap()[0];
    check_close(-found.log_prob, 67.144_314_505_2, 1e-9);
    check_close(found.entropy, 67.246_940_445_7, 1e-9);
    check_close(found.link_kl, 0.116_712_565_9, 1e-9);
    let policy = Policy::from_snapshot(&config, &script(24), &theta, 0).unwrap();
    let found = policy.outcomes(&script(24), &[&published(24)], 0).unwrap()[0];
    check_close(-found.log_prob, 233.973_282_424_3, 1e-9);
}

#[test]
fn the_first_logits_are_the_references() {
    let config = authors();
    let theta = filled(&config, 0.1);
    let theta = Theta::from_snapshot(&Layout::new(64, &script(3)), &theta, "").unwrap();
    let inputs = Network::inputs(Isa::best(), &theta);
    let bounds = Bounds::new(&config, 0);
    let network = Network::new(Isa::best(), &theta, bounds, &inputs);
    let mut tape = Tape::default();
    walk(network, &script(3), 1, &mut |_, _, _| Ok(0), Some(&mut tape)).unwrap();
    let Some(Moment::Decide(decided)) = tape.moments.first() else { panic!("no decision") };
    let expected = [0.000_574_833_1, 0.000_483_696_5, -0.000_052_148_4];
    for (&score, expected) in decided.scores.iter().zip(expected) {
        check_close(bounds.logit(decided.decision, score), expected, 1e-10);
    }
}

// enas-spec, sections 9.3 and 9.5.
#[test]
fn without_weights_every_choice_is_even() {
    let theta = filled(&authors(), 0.0);
    let policy = Policy::from_snapshot(&authors(), &script(12), &theta, 0).unwrap();
    let found = policy.outcomes(&script(12), &[&published(12)], 0).unwrap()[0];
    check_close(-found.log_prob, 67.248_828, 1e-6);
    check_close(found.entropy, 67.248_828, 1e-6);
    check_close(found.link_kl, 0.122_465_984, 1e-9);
}

#[test]
fn the_macro_policy_has_the_published_number_of_parameters() {
    let theta = Policy::new(&authors(), &script(12), 1).snapshot().unwrap();
    assert_eq!(theta.values().map(Tensor::elem_count).sum::<usize>(), 41_856);
}

#[test]
fn gradients_are_the_central_differences() {
    let config = other_bounds();
    let choices = choices("4 1 1 0 1 0 5 1 1 0 2 0 0 0 0");
    check_differences(&config, &script(5), &filled(&config, 0.8), (&choices, 0));
    let let_go = PolicyConfig { bound_epochs: 8, ..config };
    check_differences(&let_go, &script(5), &filled(&config, 0.8), (&choices, 3));
}

#[test]
fn values_and_gradients_are_candles() {
    let config = PolicyConfig { bound_epochs: 8, ..other_bounds() };
    for (n, epoch, let_go) in [(1, 0, 0.0), (2, 0, 0.0), (7, 0, 0.0), (7, 6, 0.75)] {
        check_against_candle(&config, &script(6), &filled(&config, 0.8), (n, epoch, let_go));
    }
}
