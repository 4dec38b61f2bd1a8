//! How long the windows over the training text are.
//!
//! ```text
//! base ~ bptt with probability .95, else bptt / 2
//! length = ⌊N(base, 5)⌋, 5 or more, and no more than what is left of the rows
//! ```
//!
//! So the places where gradients are cut differ from pass to pass (Merity et al., 2018, section 4.1).
//! A draw of N beyond two deviations is drawn again, as in the authors' code of ENAS for text, which
//! keeps a length below bptt + 11: a clamp would let the longest come up too often.
//!
//! A pass ends where fewer than five words of each row are left, which are left out of it: so short
//! a window is a step of ω for next to nothing. A pass has one window at least, however short the
//! rows are.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::random::{Owner, generator, truncated_normal};

/// Words of the shortest window.
const SHORTEST: usize = 5;

/// The share of windows that are about `bptt` words long; the others have half of it.
const FULL_SHARE: f64 = 0.95;

/// The deviation of a length in words.
const DEVIATION: f64 = 5.0;

/// How long the windows are, pass by pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowLengths {
    pub(super) seed: u64,
    /// Words of an ordinary window.
    pub(super) bptt: usize,
    /// Words of a row that are predicted. Invariant: one or more.
    pub(super) predicted: usize,
}

impl WindowLengths {
    /// The lengths in words of the windows of `pass`.
    pub(super) fn of_pass(self, pass: u64) -> impl Iterator<Item = usize> {
        let mut rng = generator(self.seed, Owner::WordWindow, pass);
        let (mut left, shortest) = (self.predicted, SHORTEST.min(self.predicted));
        std::iter::from_fn(move || {
            let length = (shortest <= left).then(|| self.draw(&mut rng).min(left))?;
            left -= length;
            Some(length)
        })
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> usize {
        let bptt = self.bptt as f64;
        let base = if rng.random::<f64>() < FULL_SHARE { bptt } else { bptt / 2.0 };
        let length = base + DEVIATION * truncated_normal(rng);
        (length as usize).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_fill_a_pass_within_their_bounds(
            seed: u64, pass: u64, bptt in 1..80_usize, predicted in 1..2000_usize,
        ) {
            let lengths: Vec<usize> = WindowLengths { seed, bptt, predicted }.of_pass(pass).collect();
            let total: usize = lengths.iter().sum();
            prop_assert!(!lengths.is_empty());
            prop_assert!(total <= predicted && predicted < total + SHORTEST);
            prop_assert!(lengths.iter().all(|&length| length <= (bptt + 10).max(SHORTEST)));
            prop_assert!(lengths.iter().all(|&length| SHORTEST.min(predicted) <= length));
        }
    }

    #[test]
    fn lengths_are_about_the_window_and_seldom_half_of_it() {
        let lengths = WindowLengths { seed: 7, bptt: 35, predicted: 1_000_000 };
        let lengths: Vec<usize> = lengths.of_pass(0).collect();
        let share = |fits: fn(usize) -> bool| {
            lengths.iter().filter(|&&length| fits(length)).count() as f64 / lengths.len() as f64
        };
        let mean = 1e6 / lengths.len() as f64;
        // Half a word goes in whole numbers, and .05 · 17.5 by the windows of half the length.
        assert!((mean - 33.6).abs() < 0.2, "{mean}");
        assert!((share(|length| length < 25) - 0.05 * 0.93).abs() < 0.01, "{}", share(|l| l < 25));
        assert!((share(|length| 35 <= length) - 0.95 / 2.0).abs() < 0.02, "{}", share(|l| 35 <= l));
    }

    #[test]
    fn seeds_and_passes_differ() {
        let lengths = |seed, pass| -> Vec<usize> {
            WindowLengths { seed, bptt: 35, predicted: 500 }.of_pass(pass).collect()
        };
        assert_eq!(lengths(7, 1), lengths(7, 1));
        assert_ne!(lengths(7, 1), lengths(7, 2));
        assert_ne!(lengths(7, 1), lengths(8, 1));
    }
}
