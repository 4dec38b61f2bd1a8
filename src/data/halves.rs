//! The validation split in two, so that what is compared is measured on different images.

use crate::data::image_order::balanced;
use crate::data::{DataError, Dataset};
use crate::random::{Owner, generator};

impl Dataset {
    /// The same training images with each half of the validation images, every class in both; no
    /// test split, which nobody has leave to look at. A score on the one and a score on the other
    /// share no luck with their images.
    pub fn halved(&self, seed: u64) -> Result<[Self; 2], DataError> {
        let valid = self.valid();
        let mut rng = generator(seed, Owner::Halves, 0);
        // Neighbors are of different classes: every second one is half of each.
        let order = balanced(valid.labels(), &mut rng);
        let half = |first: usize| {
            let mut idxs: Vec<usize> = order.iter().skip(first).step_by(2).copied().collect();
            idxs.sort_unstable();
            if idxs.is_empty() {
                return Err(DataError::Empty { path: valid.origin().to_owned() });
            }
            let names = self.class_names().to_vec();
            Self::new(names, self.train().clone(), valid.select(&idxs), None)
        };
        Ok([half(0)?, half(1)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Contents, DataConfig};

    #[test]
    fn every_validation_image_is_in_one_half_and_every_class_in_both() {
        let dataset = Dataset::load(&DataConfig::default(), 7).unwrap();
        let halves = dataset.halved(7).unwrap();
        assert_eq!(halves.each_ref().map(|half| half.valid().len()), [1500, 1500]);
        assert!(halves.iter().all(|half| half.test().is_none() && half.train().len() == 7000));
        let counts = halves
            .each_ref()
            .map(|half| Contents::of(half).unwrap().split("valid").unwrap().per_class.clone());
        let whole = Contents::of(&dataset).unwrap().split("valid").unwrap().per_class.clone();
        for (class, &n) in whole.iter().enumerate() {
            assert_eq!(counts[0][class] + counts[1][class], n);
            assert!(counts[0][class].abs_diff(counts[1][class]) <= 10, "{counts:?}");
        }
        let names = halves.each_ref().map(|half| {
            (0..1500).map(|idx| half.valid().name(idx)).collect::<std::collections::BTreeSet<_>>()
        });
        assert!(names[0].is_disjoint(&names[1]));
    }
}
