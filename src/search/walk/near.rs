//! Near nodes: the network of a recurrent script against the reference's numbers, candle's and
//! central differences.

#![cfg(test)]

use super::*;
use crate::engine::Snapshot;
use crate::search::theta::Layout;
use crate::search::walk::checks::{check_against_candle, check_close, check_differences};
use crate::search::{Policy, PolicyConfig};
use crate::space::{Arch, Locality, Recurrent, SearchSpace};

fn published() -> Vec<Choice> {
    Recurrent::PUBLISHED.parse::<Arch>().unwrap().choices().to_vec()
}

fn script(n_nodes: usize) -> Script {
    Recurrent::new(n_nodes).unwrap().script()
}

/// The authors' bounds in `enas_lm`; every decision has the same.
fn authors() -> PolicyConfig {
    let config = PolicyConfig { temperature: 5.0, tanh_constant: 2.25, ..PolicyConfig::default() };
    PolicyConfig { op_tanh_reduction: 1.0, ..config }
}

/// Bounds that are not the authors', so that none of them can be forgotten.
fn other_bounds() -> PolicyConfig {
    let config = PolicyConfig { temperature: 1.7, tanh_constant: 1.3, ..authors() };
    PolicyConfig { op_tanh_reduction: 2.0, hidden: 6, ..config }
}

/// `scale·sin(k)` for k = 1, 2, … through all parameters, row by row.
fn filled(config: &PolicyConfig, scale: f64) -> Snapshot {
    let mut theta = Theta::zeros(&Layout::new(config.hidden, &script(3)));
    let values = theta.parts_mut().into_iter().flatten();
    (1..).zip(values).for_each(|(k, value)| *value = scale * f64::from(k).sin());
    theta.snapshot("").unwrap()
}

/// What the published cell is given: its negative log probability, and the entropy.
fn look(config: &PolicyConfig, scale: f64) -> [f64; 2] {
    let policy = Policy::from_snapshot(config, &script(8), &filled(config, scale), 0).unwrap();
    let found = policy.outcomes(&script(8), &[&published()], 0).unwrap()[0];
    [-found.log_prob, found.entropy]
}

// The authors' first controller in plain Python, which gives 33.1621692798 for the arc in
// enas-spec, section 9.7, with this script's steps in place of its own, H = 64:
//
//   def point(h, keys, i, a):                                  # node i points at a
//       q = [c * tanh(dot(v, tanh(key + h @ W2)) / tau) - (i - j)**2 / 6 for j, key in enumerate(keys)]
//       decide(log_softmax(q), a)
//   h = lstm(g); anchors = [zeros]; keys = [h @ W1]; x = g
//   for i, (a, f) in enumerate(arc, 1):
//       h = lstm(x); point(h, keys, i, a); x = anchors[a] / (.1 + i - a)
//       h = lstm(x); decide(log_softmax(c * tanh(h @ S / tau)), f); x = E[f]
//       h = lstm(x); anchors.append(h); keys.append(h @ W1); x = g
#[test]
fn the_published_cell_has_the_reference_values() {
    let found = look(&authors(), 0.4);
    check_close(found[0], 19.028_363_632_554_72, 1e-10);
    check_close(found[1], 18.490_575_541_916_19, 1e-10);
    // Without `- (i - j)**2 / 6` and `/ (.1 + i - a)`.
    let found = look(&PolicyConfig { prior: false, ..authors() }, 0.4);
    check_close(found[0], 21.976_073_119_199_867, 1e-10);
    check_close(found[1], 21.561_310_421_430_186, 1e-10);
}

// enas-spec, section 9.6.
#[test]
fn without_weights_nearness_alone_decides() {
    let point = Decision::Point { earlier: 3, locality: Locality::Near };
    let mut log_probs = Bounds::new(&authors(), 0).fixed(point);
    log_softmax(&mut log_probs);
    for (found, expected) in log_probs.iter().zip([0.140_951, 0.324_326, 0.534_723]) {
        check_close(found.exp(), expected, 1e-6);
    }
    let [_, entropy] = look(&authors(), 0.0);
    check_close(entropy, 7.387_302 + 8.0 * 4.0_f64.ln(), 1e-6);
    let [nll, entropy] = look(&PolicyConfig { prior: false, ..authors() }, 0.0);
    let uniform: f64 = script(8).options().map(|options| (options as f64).ln()).sum();
    check_close(nll, uniform, 1e-12);
    check_close(entropy, uniform, 1e-12);
}

#[test]
fn gradients_are_the_central_differences() {
    let config = other_bounds();
    let theta = filled(&config, 0.8);
    let choices = [0, 3, 0, 1, 2, 0, 1, 2, 3, 1];
    check_differences(&config, &script(5), &theta, (&choices, 0));
    let even = PolicyConfig { prior: false, bound_epochs: 8, ..config };
    check_differences(&even, &script(5), &theta, (&choices, 3));
}

#[test]
fn values_and_gradients_are_candles() {
    let config = PolicyConfig { bound_epochs: 8, ..other_bounds() };
    let theta = filled(&config, 0.8);
    for (n, epoch, let_go) in [(1, 0, 0.0), (2, 0, 0.0), (7, 0, 0.0), (7, 6, 0.75)] {
        check_against_candle(&config, &script(6), &theta, (n, epoch, let_go));
    }
    let even = PolicyConfig { prior: false, ..config };
    check_against_candle(&even, &script(6), &theta, (7, 2, 0.25));
}
