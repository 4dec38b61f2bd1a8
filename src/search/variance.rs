//! How much of what differs between measurements of architectures is theirs, and how much is that of
//! what each was measured with: of retrainings the seed, of rewards the images of the batch.
//!
//! ```text
//! y_ij = μ + arch_i + seed_j + noise_ij          architectures i, seeds j
//!
//! noise²        = Σ (y_ij − ȳ_i − ȳ_j + ȳ)² / ((a − 1)(s − 1))
//! between²      = (s·Σ (ȳ_i − ȳ)² / (a − 1) − noise²) / s             at least 0
//! reliability   = between² / (between² + noise²)                     of one retraining
//! ```
//!
//! A seed gives all architectures the same order of images, so that what it does to all alike is
//! taken out.

use serde::{Deserialize, Serialize};

use crate::numbers::mean;

/// What differs between retrainings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variance {
    /// The mean over all.
    pub mean: f64,
    /// The standard deviation of what architectures are worth.
    pub between: f64,
    /// The standard deviation of one retraining around that.
    pub noise: f64,
    /// The share of the variance of one retraining that is its architecture's.
    pub reliability: f64,
}

impl Variance {
    /// Of the values of each architecture, one for each seed; none below two architectures of two
    /// seeds each.
    pub fn of(values: &[Vec<f64>]) -> Option<Self> {
        let (archs, seeds) = (values.len(), values.first()?.len());
        if archs < 2 || seeds < 2 || values.iter().any(|of_arch| of_arch.len() != seeds) {
            return None;
        }
        let of_arch: Vec<f64> = values.iter().map(|of_arch| mean(of_arch)).collect();
        let of_seed: Vec<f64> = (0..seeds)
            .map(|seed| mean(&values.iter().map(|v| v[seed]).collect::<Vec<_>>()))
            .collect();
        let all = mean(&of_arch);
        let residual = |arch: usize, seed: usize| {
            (values[arch][seed] - of_arch[arch] - of_seed[seed] + all).powi(2)
        };
        let residuals: f64 = (0..archs)
            .flat_map(|arch| (0..seeds).map(move |seed| (arch, seed)))
            .map(|(arch, seed)| residual(arch, seed))
            .sum();
        let noise = residuals / ((archs - 1) * (seeds - 1)) as f64;
        let squares: f64 = of_arch.iter().map(|value| (value - all).powi(2)).sum();
        let s = seeds as f64;
        let between = ((s * squares / (archs - 1) as f64 - noise) / s).max(0.0);
        let whole = between + noise;
        let reliability = if 0.0 < whole { between / whole } else { 0.0 };
        Some(Self { mean: all, between: between.sqrt(), noise: noise.sqrt(), reliability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_and_noise_are_told_apart_and_seeds_taken_out() {
        // Two architectures 2 apart, seeds 10 apart, and a noise of ±1 that cancels in each.
        let found = Variance::of(&[vec![1.0, 9.0], vec![1.0, 13.0]]).unwrap();
        // ȳ_i: 5, 7; ȳ_j: 1, 11; ȳ: 6. Residuals: 1, −1, −1, 1.
        assert!((found.noise - 2.0).abs() < 1e-12, "{found:?}");
        // s·Σ(ȳ_i − ȳ)² = 4, less 4.
        assert_eq!((found.mean, found.between, found.reliability), (6.0, 0.0, 0.0));
        let clear = Variance::of(&[vec![1.0, 2.0], vec![5.0, 6.0], vec![9.0, 10.0]]).unwrap();
        assert_eq!((clear.noise, clear.reliability), (0.0, 1.0));
        assert!((clear.between - 4.0).abs() < 1e-12, "{clear:?}");
    }

    #[test]
    fn of_too_little_nothing_is_told() {
        assert_eq!(Variance::of(&[]), None);
        assert_eq!(Variance::of(&[vec![1.0, 2.0]]), None);
        assert_eq!(Variance::of(&[vec![1.0], vec![2.0]]), None);
        assert_eq!(Variance::of(&[vec![1.0, 2.0], vec![2.0]]), None);
    }
}
