//! Probabilities of logits, `p_i = exp(x_i) / Σ exp(x_j)`, and the largest of them.

/// `exp(x_i) / Σ exp(x_j)`; nothing where one is infinite or not a number.
pub(super) fn softmax(logits: &[f32]) -> Option<Vec<f64>> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if logits.is_empty() || !logits.iter().all(|logit| logit.is_finite()) {
        return None;
    }
    let powers = logits.iter().map(|&logit| (f64::from(logit) - f64::from(largest)).exp());
    let powers: Vec<f64> = powers.collect();
    let sum: f64 = powers.iter().sum();
    Some(powers.into_iter().map(|power| power / sum).collect())
}

/// The `n` largest of `probabilities` with their places, the largest first; among equals the first
/// place, as argmax has it.
pub(super) fn likeliest(probabilities: &[f64], n: usize) -> Vec<(usize, f64)> {
    let mut places: Vec<(usize, f64)> = probabilities.iter().copied().enumerate().collect();
    // Stable.
    places.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    places.truncate(n);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_first_and_among_equals_the_first() {
        let found = likeliest(&[0.25, 0.125, 0.25, 0.375], 3);
        assert_eq!(found, [(3, 0.375), (0, 0.25), (2, 0.25)]);
        assert_eq!(likeliest(&[1.0], 3), [(0, 1.0)]);
    }

    #[test]
    fn a_softmax_sums_to_one_whatever_the_logits() {
        let three = 3_f32.ln();
        for (logits, expected) in [
            (&[0.0, three][..], Some(vec![0.25, 0.75])),
            (&[1000.0, 1000.0 + three], Some(vec![0.25, 0.75])),
            (&[-1e30, 1e30], Some(vec![0.0, 1.0])),
            (&[0.0, f32::NAN], None),
            (&[0.0, f32::INFINITY], None),
            (&[], None),
        ] {
            let found = softmax(logits);
            let is_near = match (&found, &expected) {
                (Some(found), Some(expected)) => {
                    found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4)
                        && (found.iter().sum::<f64>() - 1.0).abs() < 1e-12
                }
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_near, "{logits:?}: {found:?}, not {expected:?}");
        }
    }
}
