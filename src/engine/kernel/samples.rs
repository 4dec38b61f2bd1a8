//! Random numbers for the tests of kernels, and how close an answer must come.
#![cfg(test)]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Isa, LANES, Lanes};

/// Draws from -1 to 1.
pub(super) struct Samples(ChaCha8Rng);

impl Samples {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.0.random_range(-1.0..1.0)).collect()
    }

    pub(super) fn lanes(&mut self, n: usize) -> Vec<Lanes> {
        (0..n).map(|_| Lanes(std::array::from_fn(|_| self.0.random_range(-1.0..1.0)))).collect()
    }

    /// The same, with lanes that must not count: their sums overflow.
    pub(super) fn lanes_valid_below(&mut self, valid: usize, n: usize) -> Vec<Lanes> {
        let mut all = self.lanes(n);
        for lanes in &mut all {
            lanes.0[valid..].fill(1e30);
        }
        all
    }
}

/// Runs a test on each instruction set that this machine has.
pub(super) fn on_all(test: impl Fn(Isa)) {
    for isa in Isa::all() {
        println!("{}", isa.name());
        test(isa);
    }
}

/// Asserts `got ≈ want`; the error is relative to `scale`, the sum of the sizes of the terms.
#[track_caller]
pub(super) fn assert_near(got: f64, want: f64, scale: f64) {
    assert!((got - want).abs() <= 1e-5 * scale.max(1e-3), "{got} instead of {want}");
}

/// [`assert_near`] for every image, of terms about as large as 1.
#[track_caller]
pub(super) fn assert_lanes(got: &Lanes, want: impl Fn(usize) -> f64) {
    for lane in 0..LANES {
        assert_near(f64::from(got.0[lane]), want(lane), 1.0 + want(lane).abs());
    }
}
