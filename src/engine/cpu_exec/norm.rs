//! Batch normalization: from sums over the batch to scales, offsets and gradients.
//!
//! ```text
//! ŷ = (y − μ) / σ        v = γ·ŷ + β        σ² = Var(y) + ε
//! ∂γ = Σ d·ŷ             ∂β = Σ d
//! ∂y = γ/σ · (d − ∂β/n − ŷ·∂γ/n)
//! ```
//!
//! Sums over the batch are in f64, everything per pixel in f32.

use std::sync::Arc;

use crate::engine::cpu_exec::buffers::{Buffers, Numbers};
use crate::engine::layers::NORM_EPSILON;

/// Mean and variance of each channel.
#[derive(Debug)]
pub(super) struct Moments {
    pub(super) mean: Numbers<f64>,
    pub(super) variance: Numbers<f64>,
}

impl Moments {
    /// From `[Σ y, Σ y²]` of each channel over `n` values.
    pub(super) fn of_sums(buffers: &Arc<Buffers>, sums: &[[f64; 2]], n: usize) -> Self {
        let mean = |[sum, _]: &[f64; 2]| sum / n as f64;
        let variance = |sums: &[f64; 2]| {
            // Rounding may take a constant channel below zero.
            (sums[1] / n as f64 - mean(sums) * mean(sums)).max(0.0)
        };
        Self {
            mean: buffers.collect(sums.iter().map(mean)),
            variance: buffers.collect(sums.iter().map(variance)),
        }
    }

    /// γ/σ of each channel.
    fn factors<'a>(&'a self, gamma: &'a [f32]) -> impl ExactSizeIterator<Item = f64> + 'a {
        let factor =
            |(&gamma, variance): (&f32, &f64)| f64::from(gamma) / (variance + NORM_EPSILON).sqrt();
        gamma.iter().zip(self.variance.iter()).map(factor)
    }
}

/// A batch normalization whose moments are known.
#[derive(Debug)]
pub(super) struct KnownNorm {
    pub(super) moments: Moments,
    pub(super) gamma: Numbers<f32>,
}

/// What comes back through a batch normalization.
pub(super) struct NormGrad {
    /// `∂y = c[0]·d + c[1]·y + c[2]`, per channel.
    pub(super) coefficients: Numbers<[f32; 3]>,
    pub(super) gamma: Numbers<f32>,
    pub(super) beta: Numbers<f32>,
}

impl KnownNorm {
    /// `γ/σ` and `β − μ·γ/σ` of each channel.
    pub(super) fn scale_and_offset(
        &self,
        buffers: &Arc<Buffers>,
        beta: &[f32],
    ) -> [Numbers<f32>; 2] {
        let factors = || self.moments.factors(&self.gamma);
        let offset = factors().zip(beta).zip(self.moments.mean.iter());
        let offset = offset.map(|((factor, &beta), mean)| (f64::from(beta) - mean * factor) as f32);
        [buffers.collect(factors().map(|factor| factor as f32)), buffers.collect(offset)]
    }

    /// From `[Σ d, Σ d·y]` of each channel over `n` values, where `d` is the gradient by `v`.
    pub(super) fn grad(&self, buffers: &Arc<Buffers>, sums: &[[f64; 2]], n: usize) -> NormGrad {
        let Moments { mean, variance } = &self.moments;
        let mut grad = NormGrad {
            coefficients: buffers.numbers(sums.len()),
            gamma: buffers.numbers(sums.len()),
            beta: buffers.numbers(sums.len()),
        };
        for (channel, &[d, dy]) in sums.iter().enumerate() {
            let deviation = (variance[channel] + NORM_EPSILON).sqrt();
            let gamma_grad = (dy - mean[channel] * d) / deviation;
            let factor = f64::from(self.gamma[channel]) / deviation;
            let slope = -factor * gamma_grad / (n as f64 * deviation);
            let constant = -factor * d / n as f64 - slope * mean[channel];
            grad.coefficients[channel] = [factor as f32, slope as f32, constant as f32];
            grad.gamma[channel] = gamma_grad as f32;
            grad.beta[channel] = d as f32;
        }
        grad
    }
}
