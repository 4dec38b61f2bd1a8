//! The order in which the images of a split are read, where it is not the file's.
//!
//! ```text
//! class 0    0.1    0.35    0.6    0.85          (j + u) / n of each class, u drawn once a class
//! class 1          0.3            0.8
//! order      0  1  0  0  1  0                    by these numbers
//! ```
//!
//! Every stretch of it has its share of each class, give or take an image. A measurement on the
//! first images of a shuffled file has less, and one on the first of a sorted file nothing of it.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::split::by_class;

/// Which validation images a batch holds, and in which order all of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageOrder {
    /// Batches are drawn from all images whatever their class, and all are read in the order of
    /// the files (the authors' code).
    Stored,
    /// Batches have their share of each class, and all are read in an order in which every stretch
    /// has.
    Balanced,
}

/// The numbers of the images with these `labels`, in an order in which every stretch has its share
/// of each class.
pub(super) fn balanced(labels: &[u16], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(labels.len());
    for mut class in by_class(labels) {
        class.shuffle(rng);
        let (offset, n) = (rng.random::<f64>(), class.len() as f64);
        placed.extend(class.into_iter().enumerate().map(|(j, idx)| ((j as f64 + offset) / n, idx)));
    }
    // Stable: classes that meet are in the order of their labels.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, idx)| idx).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stretch_has_its_share_of_each_class(
            labels in prop::collection::vec(0..5_u16, 1..200),
            seed: u64,
            ends in (0..200_usize, 0..200_usize),
        ) {
            let order = balanced(&labels, &mut generator(seed, Owner::ValidBatch, 0));
            let mut all = order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let (from, to) = (ends.0.min(ends.1), ends.0.max(ends.1));
            let stretch = &order[from.min(labels.len())..to.min(labels.len())];
            for class in 0..5 {
                let count = |idxs: &[usize]| idxs.iter().filter(|&&i| labels[i] == class).count();
                let share = stretch.len() as f64 / labels.len() as f64;
                let off = count(stretch) as f64 - share * count(&order) as f64;
                // Its neighbours of each class may stand on either side of both ends.
                prop_assert!(off.abs() <= 5.0, "{} of class {} too many", off, class);
            }
        }
    }

    #[test]
    fn equal_classes_are_in_every_batch_alike() {
        let labels: Vec<u16> = (0..300).map(|n| n / 100).collect();
        let order = balanced(&labels, &mut generator(7, Owner::ValidBatch, 1));
        for batch in order.chunks(30) {
            for class in 0..3 {
                let found = batch.iter().filter(|&&idx| labels[idx] == class).count();
                assert_eq!(found, 10, "of class {class}");
            }
        }
        let other = balanced(&labels, &mut generator(7, Owner::ValidBatch, 2));
        assert_ne!(order, other);
    }
}
