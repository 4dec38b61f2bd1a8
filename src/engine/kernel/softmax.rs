//! Softmax and cross-entropy of one row of logits.

use pulp::{Simd, WithSimd};

use super::Isa;
use super::exponential::exp;

/// Logits that are summed in f32; their sums are in f64.
const BLOCK: usize = 1024;

/// What one row of logits has for its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// `−ln softmax(logits)[label]`
    pub nll: f64,
    /// Whether the label has the largest logit, and no label before it has it too.
    pub is_right: bool,
}

/// What `logits` have at `label`; they become `scale·(softmax(logits) − onehot(label))`. A logit that is
/// no number makes all of that none.
pub fn cross_entropy(isa: Isa, logits: &mut [f32], label: usize, scale: f32) -> Answer {
    isa.run(CrossEntropy { logits, label, scale })
}

struct CrossEntropy<'a> {
    logits: &'a mut [f32],
    label: usize,
    scale: f32,
}

impl WithSimd for CrossEntropy<'_> {
    type Output = Answer;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Answer {
        let Self { logits, label, scale } = self;
        let own = logits[label];
        let largest = largest(simd, logits);
        let wins = own >= largest && !logits[..label].contains(&own);
        let mut sum = 0.0;
        let shift = simd.splat_f32s(largest);
        for block in logits.chunks_mut(BLOCK) {
            let (vectors, tail) = S::as_mut_simd_f32s(block);
            let mut part = simd.splat_f32s(0.0);
            for x in vectors {
                *x = exp(simd, simd.sub_f32s(*x, shift));
                part = simd.add_f32s(part, *x);
            }
            sum += f64::from(simd.reduce_sum_f32s(part));
            if !tail.is_empty() {
                let x = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shift));
                simd.partial_store_f32s(tail, x);
                sum += tail.iter().map(|&x| f64::from(x)).sum::<f64>();
            }
        }
        let factor = simd.splat_f32s((f64::from(scale) / sum) as f32);
        let (vectors, tail) = S::as_mut_simd_f32s(logits);
        for x in vectors {
            *x = simd.mul_f32s(*x, factor);
        }
        let x = simd.mul_f32s(simd.partial_load_f32s(tail), factor);
        simd.partial_store_f32s(tail, x);
        logits[label] -= scale;
        Answer {
            nll: sum.ln() + f64::from(largest) - f64::from(own),
            is_right: wins && sum.is_finite(),
        }
    }
}

/// The largest of them.
#[inline(always)]
fn largest<S: Simd>(simd: S, xs: &[f32]) -> f32 {
    let (vectors, tail) = S::as_simd_f32s(xs);
    let mut most = simd.splat_f32s(f32::NEG_INFINITY);
    for x in vectors {
        most = simd.max_f32s(most, *x);
    }
    tail.iter().copied().fold(simd.reduce_max_f32s(most), f32::max)
}

#[cfg(test)]
mod tests;
