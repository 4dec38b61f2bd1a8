//! Seeded generators: every random number of a run is a pure function of the run's seed, of the
//! owner that draws it, and of a counter that the checkpoint holds.
//!
//! No generator has state to save: step 4,711 draws the same numbers whether the run came there
//! in one go or through twenty restarts, and whichever thread asks first.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Who draws. Each owner has its own stream, so a new draw in one place moves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Owner {
    /// Initial values of ω.
    SharedInit = 1,
    /// Initial values of θ.
    PolicyInit = 2,
    /// The train/validation split; index 0.
    Split = 3,
    /// The order of one pass over the training split; the index is the pass.
    Shuffle = 4,
    /// Crops, flips and cutouts; the index is the batch.
    Augment = 5,
    /// Which validation images a batch holds; the index is the batch seed.
    ValidBatch = 6,
    /// Architectures drawn from π; the index is the sample seed.
    Policy = 7,
    /// Architectures drawn uniformly; the index is the sample seed.
    Uniform = 8,
    /// Dropout and drop-path masks; the index is the ω step.
    Dropout = 9,
    /// Bootstrap resamples; the index is the θ step.
    Bootstrap = 10,
    /// Images and labels that a benchmark makes up; index 0.
    Bench = 11,
    /// Seeds of the trainings from scratch; the index is the net's.
    Trial = 12,
    /// Initial values of a net that is trained from scratch; index 0 of its own seed.
    TrialInit = 13,
    /// Resamples of a rank correlation; the index is the number of architectures.
    RankCorrelation = 14,
    /// The training images that norms are calibrated on; index 0.
    Calibration = 15,
    /// Whether a step of ω draws uniformly or from π; the index is the step.
    Anneal = 16,
    /// The order in which fair draws go through the options of a choice; the index is the round.
    Fair = 17,
    /// Which validation images are in which half; index 0.
    Halves = 18,
    /// Architectures and nets of a study; the index says what of it.
    Study = 19,
    /// Architectures drawn from π as it was at the start; the index is the sample seed.
    Untrained = 20,
    /// Lengths of the windows in one pass over the training text; the index is the pass.
    WordWindow = 21,
}

/// Normal draws are truncated at this many standard deviations.
const TRUNCATION: f64 = 2.0;

/// The generator of `owner` for the draw numbered `index` of the run with `seed`.
pub fn generator(seed: u64, owner: Owner, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(owner as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A standard normal draw within two standard deviations, by the Box–Muller transform; one beyond
/// them is drawn again.
pub fn truncated_normal(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        // In (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let draw = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        if draw.abs() <= TRUNCATION {
            return draw;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_key_changes_the_stream() {
        let draw = |seed, owner, index| generator(seed, owner, index).random::<u64>();
        let first = draw(1, Owner::Policy, 1);
        assert_eq!(first, draw(1, Owner::Policy, 1));
        assert_ne!(first, draw(2, Owner::Policy, 1));
        assert_ne!(first, draw(1, Owner::Uniform, 1));
        assert_ne!(first, draw(1, Owner::Policy, 2));
    }
}
