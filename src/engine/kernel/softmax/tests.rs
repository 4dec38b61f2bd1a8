//! Cross-entropy against the same arithmetic in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::*;

fn check(isa: Isa, n: usize, scale: f32) {
    let mut samples = Samples::new(n as u64);
    let logits: Vec<f32> = samples.floats(n).iter().map(|x| 20.0 * x).collect();
    let label = n * 7 % 11 % n;
    let total: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
    let mut found = logits.clone();
    let Answer { nll, is_right } = cross_entropy(isa, &mut found, label, scale);
    assert!((nll - (total.ln() - f64::from(logits[label]))).abs() < 1e-5, "{nll}");
    assert_eq!(is_right, logits.iter().all(|x| *x <= logits[label]));
    for (at, (&found, &logit)) in found.iter().zip(&logits).enumerate() {
        let own = if at == label { 1.0 } else { 0.0 };
        let expected = f64::from(scale) * (f64::from(logit).exp() / total - own);
        assert_near(f64::from(found), expected, f64::from(scale));
    }
}

#[test]
fn a_row_has_its_cross_entropy_and_the_gradient() {
    on_all(|isa| {
        (1..=40).for_each(|n| check(isa, n, 1.0));
        for n in [1023, 1024, 1025, 5000] {
            check(isa, n, 0.25);
        }
    });
}

#[test]
fn the_first_of_equals_wins_and_what_is_no_number_is_never_right() {
    on_all(|isa| {
        let right =
            |logits: &[f32], label| cross_entropy(isa, &mut logits.to_vec(), label, 1.0).is_right;
        assert!(right(&[1.0, 1.0], 0) && !right(&[1.0, 1.0], 1));
        for logits in [[f32::NAN, 0.0, 1.0], [0.0, 1.0, f32::NAN], [0.0, f32::INFINITY, 1.0]] {
            for label in 0..3 {
                let mut found = logits;
                let Answer { nll, is_right } = cross_entropy(isa, &mut found, label, 1.0);
                assert!(nll.is_nan() && !is_right && found.iter().any(|x| x.is_nan()), "{found:?}");
            }
        }
    });
}
