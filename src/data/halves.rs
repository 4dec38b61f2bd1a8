//! The validation split in two, so that what is compared is measured on different images.

use rand::seq::SliceRandom;

use crate::data::split::by_class;
use crate::data::{DataError, ImageData};
use crate::random::{Owner, generator};

impl ImageData {
    /// The same training images with each half of the validation images, every class in both; no
    /// test split, which nobody has leave to look at. A score on the one and a score on the other
    /// share no luck with their images.
    pub fn halved(&self, seed: u64) -> Result<[Self; 2], DataError> {
        let valid = self.valid();
        let mut rng = generator(seed, Owner::Halves, 0);
        let mut halves = [Vec::new(), Vec::new()];
        for (number, mut class) in by_class(valid.labels()).into_iter().enumerate() {
            class.shuffle(&mut rng);
            for (turn, idx) in class.into_iter().enumerate() {
                // Of classes with an odd number the one half has one more and then the other.
                halves[(number + turn) % 2].push(idx);
            }
        }
        let half = |mut idxs: Vec<usize>| {
            idxs.sort_unstable();
            if idxs.is_empty() {
                return Err(DataError::Empty { path: valid.origin().to_owned() });
            }
            let names = self.class_names().to_vec();
            Self::new(names, self.train().clone(), valid.select(&idxs), None)
        };
        let [first, second] = halves;
        Ok([half(first)?, half(second)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, ImageContents};

    #[test]
    fn every_validation_image_is_in_one_half_and_every_class_in_both() {
        let dataset = ImageData::load(&DataConfig::default(), 7).unwrap();
        let halves = dataset.halved(7).unwrap();
        assert_eq!(halves.each_ref().map(|half| half.valid().len()), [1500, 1500]);
        assert!(halves.iter().all(|half| half.test().is_none() && half.train().len() == 7000));
        let counts = halves
            .each_ref()
            .map(|half| ImageContents::of(half).unwrap().split("valid").unwrap().per_class.clone());
        let whole = ImageContents::of(&dataset).unwrap().split("valid").unwrap().per_class.clone();
        for (class, &n) in whole.iter().enumerate() {
            assert_eq!(counts[0][class] + counts[1][class], n);
            assert!(counts[0][class].abs_diff(counts[1][class]) <= 1, "{counts:?}");
        }
        let names = halves.each_ref().map(|half| {
            (0..1500).map(|idx| half.valid().name(idx)).collect::<std::collections::BTreeSet<_>>()
        });
        assert!(names[0].is_disjoint(&names[1]));
    }
}
