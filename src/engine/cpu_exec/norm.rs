//! Batch normalization: from sums over the batch to scales, offsets and gradients.
//!
//! ```text
//! ŷ = (y − μ) / σ        v = γ·ŷ + β        σ² = Var(y) + ε
//! ∂γ = Σ d·ŷ             ∂β = Σ d
//! ∂y = γ/σ · (d − ∂β/n − ŷ·∂γ/n)
//! ```
//!
//! Sums over the batch are in f64, everything per pixel in f32.

use crate::engine::layers::NORM_EPSILON;

/// Mean and variance of each channel.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) mean: Vec<f64>,
    pub(super) variance: Vec<f64>,
}

impl Moments {
    /// From `[Σ y, Σ y²]` of each channel over `n` values.
    pub(super) fn of_sums(sums: &[[f64; 2]], n: usize) -> Self {
        let mean: Vec<f64> = sums.iter().map(|[sum, _]| sum / n as f64).collect();
        let variance = sums.iter().zip(&mean).map(|([_, squares], mean)| {
            // Rounding may take a constant channel below zero.
            (squares / n as f64 - mean * mean).max(0.0)
        });
        Self { variance: variance.collect(), mean }
    }
}

/// A batch normalization whose moments are known.
#[derive(Debug)]
pub(super) struct Norm {
    moments: Moments,
    gamma: Vec<f32>,
    /// `γ/σ`.
    pub(super) scale: Vec<f32>,
    /// `β − μ·γ/σ`.
    pub(super) offset: Vec<f32>,
}

/// What comes back through a batch normalization.
pub(super) struct NormGrad {
    /// `∂y = c[0]·d + c[1]·y + c[2]`, per channel.
    pub(super) coefficients: Vec<[f32; 3]>,
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
}

impl Norm {
    pub(super) fn new(moments: Moments, gamma: Vec<f32>, beta: &[f32]) -> Self {
        let factors = gamma.iter().zip(&moments.variance);
        let factors: Vec<f64> = factors
            .map(|(&gamma, variance)| f64::from(gamma) / (variance + NORM_EPSILON).sqrt())
            .collect();
        let offset = factors.iter().zip(beta).zip(&moments.mean);
        let offset = offset.map(|((factor, &beta), mean)| (f64::from(beta) - mean * factor) as f32);
        Self {
            offset: offset.collect(),
            scale: factors.iter().map(|&factor| factor as f32).collect(),
            moments,
            gamma,
        }
    }

    pub(super) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// From `[Σ d, Σ d·y]` of each channel over `n` values, where `d` is the gradient by `v`.
    pub(super) fn grad(&self, sums: &[[f64; 2]], n: usize) -> NormGrad {
        let Moments { mean, variance } = &self.moments;
        let mut grad = NormGrad { coefficients: Vec::new(), gamma: Vec::new(), beta: Vec::new() };
        for (channel, &[d, dy]) in sums.iter().enumerate() {
            let deviation = (variance[channel] + NORM_EPSILON).sqrt();
            let gamma_grad = (dy - mean[channel] * d) / deviation;
            let factor = f64::from(self.gamma[channel]) / deviation;
            let slope = -factor * gamma_grad / (n as f64 * deviation);
            let constant = -factor * d / n as f64 - slope * mean[channel];
            grad.coefficients.push([factor as f32, slope as f32, constant as f32]);
            grad.gamma.push(gamma_grad as f32);
            grad.beta.push(d as f32);
        }
        grad
    }
}
