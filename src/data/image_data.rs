//! All images of a run: training, validation and test split, with what normalizes them.

use std::fmt;
use std::path::Path;

use rand::seq::index;

use crate::data::image_order::balanced;
use crate::data::image_set::N_LABELS;
use crate::data::split::Parts;
use crate::data::{DataConfig, DataError, DataNote, ImageBatch, ImageOrder, ImageSet, ImageShape};
use crate::data::{DeepRange, Normalization, Receipt, Scratch, audit, cache, split};
use crate::random::{Owner, generator};

/// Images of a validation batch where the configuration does not say how many: at 128, four fifths
/// of what differs between two rewards of the embedded images is noise of the images drawn.
const VALID_BATCH: usize = 512;

/// The test split, which nothing reads without a [`Receipt`].
///
/// ω learns on the training split and θ on the validation split; a look at the test split while
/// the search runs would choose architectures by it and make its accuracy worthless (ENAS, section
/// 2.2, and every critique of it). So the images are loaded, checked and counted, and the one way
/// to them is [`ImageData::test_batches`], which takes the leave that the ledger gave.
pub struct LockedTest(ImageSet);

impl LockedTest {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The number of images alone.
impl fmt::Debug for LockedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedTest").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// All images of a run.
#[derive(Debug)]
pub struct ImageData {
    /// Invariant: two or more.
    class_names: Vec<String>,
    train: ImageSet,
    /// Invariant: of the shape of `train`, as `test` is, and no label of the three is beyond
    /// `class_names`.
    valid: ImageSet,
    test: Option<LockedTest>,
    normalization: Normalization,
    notes: Vec<DataNote>,
}

impl ImageData {
    /// Reads and checks everything that `config` names; `seed` decides which images are for
    /// validation where the source does not.
    pub fn load(config: &DataConfig, seed: u64) -> Result<Self, DataError> {
        Self::load_into(config, seed, &Scratch::default())
    }

    /// The same; sets that are too large for memory lie in `scratch`.
    pub fn load_into(config: &DataConfig, seed: u64, scratch: &Scratch) -> Result<Self, DataError> {
        let Parts { class_names, train, valid, test, notes } =
            split::parts(cache::load(config, scratch)?, config, seed)?;
        let mut dataset = Self::new(class_names, train, valid, test)?;
        dataset.notes = notes;
        let Self { class_names, train, valid, test, notes, .. } = &mut dataset;
        let test = test.as_ref().map(|LockedTest(set)| ("test", set));
        for (split, set) in [("training", &*train), ("validation", &*valid)].into_iter().chain(test)
        {
            audit::check_spread(set)?;
            notes.extend(audit::classes_without(split, set, class_names));
        }
        Ok(dataset)
    }

    /// Puts three splits together, refusing those that do not fit each other.
    pub fn new(
        class_names: Vec<String>,
        train: ImageSet,
        valid: ImageSet,
        test: Option<ImageSet>,
    ) -> Result<Self, DataError> {
        let n_classes = class_names.len();
        if !(2..=N_LABELS).contains(&n_classes) {
            return Err(DataError::ClassCount { path: train.origin().into(), found: n_classes });
        }
        for set in [&train, &valid].into_iter().chain(&test) {
            check_labels(set, n_classes)?;
            if set.shape() != train.shape() {
                return Err(DataError::MixedShapes {
                    train: train.origin().into(),
                    path: set.origin().into(),
                    expected: train.shape(),
                    found: set.shape(),
                });
            }
        }
        let normalization = Normalization::of(&train)?;
        let test = test.map(LockedTest);
        Ok(Self { class_names, train, valid, test, normalization, notes: Vec::new() })
    }

    /// The shape of every image.
    pub const fn shape(&self) -> ImageShape {
        self.train.shape()
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.class_names.len()
    }

    /// The name of each class, in the order of the labels.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The images that ω learns on.
    pub const fn train(&self) -> &ImageSet {
        &self.train
    }

    /// The images that θ learns on.
    pub const fn valid(&self) -> &ImageSet {
        &self.valid
    }

    /// The images that nothing of the search reads, if there are any.
    pub const fn test(&self) -> Option<&LockedTest> {
        self.test.as_ref()
    }

    /// What a person should know about the data.
    pub fn notes(&self) -> &[DataNote] {
        &self.notes
    }

    /// Which values of images of 16 bits became 0 to 255; where none had 16 bits, all would.
    pub(super) fn deep_range(&self) -> DeepRange {
        let found = self.notes.iter().find_map(|note| match *note {
            DataNote::Deep { low, high, .. } => Some(DeepRange::new(low, high)),
            _ => None,
        });
        found.unwrap_or(DeepRange::FULL)
    }

    /// The splits by name, `train` first, to be counted and compared; none leaves this layer.
    pub(super) fn splits(&self) -> impl Iterator<Item = (&'static str, &ImageSet)> {
        let test = self.test.as_ref().map(|LockedTest(set)| ("test", set));
        [("train", &self.train), ("valid", &self.valid)].into_iter().chain(test)
    }

    /// The statistics of the training split, which all images are standardized with.
    pub const fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// `size` different validation images, not augmented, drawn by `order`'s rule; which ones
    /// depends on the run's `seed` and on `batch_seed`. A `size` of 0 is 512 images, or all where
    /// there are fewer.
    pub fn valid_batch(
        &self,
        size: usize,
        order: ImageOrder,
        (seed, batch_seed): (u64, u64),
    ) -> Result<ImageBatch, DataError> {
        let size = self.valid_batch_size(size);
        check_batch_size("schedule.valid_batch_size", "validation", size, self.valid.len())?;
        let mut rng = generator(seed, Owner::ValidBatch, batch_seed);
        let idxs = match order {
            ImageOrder::Stored => index::sample(&mut rng, self.valid.len(), size).into_vec(),
            ImageOrder::Balanced => {
                let mut idxs = balanced(self.valid.labels(), &mut rng);
                idxs.truncate(size);
                idxs
            }
        };
        ImageBatch::plain(&self.valid, &self.normalization, idxs.into_iter())
    }

    /// The images that a validation batch of the configured `size` has.
    pub fn valid_batch_size(&self, size: usize) -> usize {
        if size == 0 { VALID_BATCH.min(self.valid.len()) } else { size }
    }

    /// All validation images as `order` has them, in batches of `size`, the last of which may be
    /// smaller.
    pub fn valid_batches_by(
        &self,
        order: ImageOrder,
        size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Result<ImageBatch, DataError>> + '_ {
        let idxs = match order {
            ImageOrder::Stored => (0..self.valid.len()).collect(),
            // No θ step has this number.
            ImageOrder::Balanced => {
                balanced(self.valid.labels(), &mut generator(seed, Owner::ValidBatch, u64::MAX))
            }
        };
        self.batches(&self.valid, idxs, size)
    }

    /// `size` training images, all where there are fewer, not augmented and each class with its
    /// share: the same ones for a run's `seed`.
    pub fn calibration_batch(&self, size: usize, seed: u64) -> Result<ImageBatch, DataError> {
        let mut idxs = balanced(self.train.labels(), &mut generator(seed, Owner::Calibration, 0));
        idxs.truncate(size);
        ImageBatch::plain(&self.train, &self.normalization, idxs.into_iter())
    }

    /// All validation images in their order, in batches of `size` (0 counts as 1), the last of
    /// which may be smaller.
    pub fn valid_batches(
        &self,
        size: usize,
    ) -> impl Iterator<Item = Result<ImageBatch, DataError>> + '_ {
        self.valid_batches_by(ImageOrder::Stored, size, 0)
    }

    /// The same of the test images, for whoever has leave to look at them.
    pub fn test_batches(
        &self,
        _leave: &Receipt,
        size: usize,
    ) -> Result<impl Iterator<Item = Result<ImageBatch, DataError>> + '_, DataError> {
        let LockedTest(test) = self.test.as_ref().ok_or(DataError::NoTestSplit)?;
        Ok(self.batches(test, (0..test.len()).collect(), size))
    }

    /// The images of `set` numbered `idxs`, in batches of `size`.
    fn batches<'a>(
        &'a self,
        set: &'a ImageSet,
        idxs: Vec<usize>,
        size: usize,
    ) -> impl Iterator<Item = Result<ImageBatch, DataError>> + 'a {
        let size = size.clamp(1, set.len());
        (0..idxs.len()).step_by(size).map(move |start| {
            let batch = &idxs[start..idxs.len().min(start + size)];
            ImageBatch::plain(set, &self.normalization, batch.iter().copied())
        })
    }
}

/// Refuses a batch that is empty or larger than its split, and names the `key` that sizes it.
pub(super) fn check_batch_size(
    key: &'static str,
    split: &'static str,
    size: usize,
    available: usize,
) -> Result<(), DataError> {
    if (1..=available).contains(&size) {
        Ok(())
    } else {
        Err(DataError::BatchSize { key, split, size, available })
    }
}

fn check_labels(set: &ImageSet, n_classes: usize) -> Result<(), DataError> {
    let wrong = set.labels().iter().position(|&label| usize::from(label) >= n_classes);
    wrong.map_or(Ok(()), |item| {
        let found = usize::from(set.labels()[item]);
        Err(DataError::Label { path: Path::to_owned(set.origin()), item, found, n_classes })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };

    /// Images of one class each, whose pixels all are the number of the image.
    pub(in crate::data) fn numbered(n: usize) -> ImageSet {
        let pixels = (0..n).flat_map(|idx| [idx as u8; 64]).collect();
        ImageSet::new(format!("{n} images"), SHAPE, pixels, (0..n as u16).collect()).unwrap()
    }

    /// `n_train` training images, 10 for validation and 5 for the test, a class for each.
    pub(in crate::data) fn dataset(n_train: usize) -> ImageData {
        let names = (0..n_train.max(10)).map(|class| class.to_string()).collect();
        ImageData::new(names, numbered(n_train), numbered(10), Some(numbered(5))).unwrap()
    }

    #[track_caller]
    fn check(n_classes: usize, valid: ImageSet, text: &str) {
        let names = vec![String::new(); n_classes];
        let found =
            ImageData::new(names, numbered(3), valid, Some(numbered(3))).unwrap_err().to_string();
        assert!(found.starts_with(text), "{found}");
    }

    #[test]
    fn splits_that_do_not_fit_are_refused() {
        check(1, numbered(1), "`3 images` has 1 class(es); expected 2 to 65536");
        check(2, numbered(1), "image 2 of `3 images` has label 2, but there are 2 classes, 0 to 1");
        check(3, numbered(4), "image 3 of `4 images` has label 3, but there are 3 classes, 0 to 2");
        let shape = ImageShape { channels: 4, ..SHAPE };
        let other = ImageSet::new("other", shape, vec![0; 256], vec![0]).unwrap();
        check(3, other, "the images of `other` are 4x8x8, those of `3 images` are 1x8x8");
    }

    #[test]
    fn the_default_is_the_embedded_data_standardized_by_its_training_split() {
        let dataset = ImageData::load(&DataConfig::default(), 7).unwrap();
        let sizes = (dataset.train().len(), dataset.valid().len(), dataset.test().unwrap().len());
        assert_eq!((sizes, dataset.n_classes()), ((7000, 3000, 5000), 10));
        let all = ImageBatch::plain(dataset.train(), dataset.normalization(), 0..7000).unwrap();
        let n = all.images.len() as f64;
        let mean = all.images.iter().copied().map(f64::from).sum::<f64>() / n;
        let square = all.images.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-5, "{mean} {square}");
        // The published statistics of all 60,000 training images are .2860 and .3530.
        let (mean, std) = (dataset.normalization().mean()[0], dataset.normalization().std()[0]);
        assert!((mean - 0.286).abs() < 0.005 && (std - 0.353).abs() < 0.005, "{mean} {std}");
    }

    #[test]
    fn a_validation_batch_holds_different_images_chosen_by_its_seeds() {
        let dataset = dataset(20);
        let labels =
            |batch, seed| dataset.valid_batch(6, ImageOrder::Stored, (seed, batch)).unwrap().labels;
        assert_eq!(labels(1, 7), labels(1, 7));
        assert_ne!(labels(1, 7), labels(2, 7));
        assert_ne!(labels(1, 7), labels(1, 8));
        let mut all = dataset.valid_batch(10, ImageOrder::Stored, (7, 1)).unwrap().labels;
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<u32>>());
    }

    #[test]
    fn a_validation_batch_is_standardized_and_nothing_else() {
        let dataset = dataset(20);
        let batch = dataset.valid_batch(10, ImageOrder::Stored, (7, 1)).unwrap();
        for (image, &label) in batch.images.chunks_exact(64).zip(&batch.labels) {
            let expected = dataset.normalization().table(0)[label as usize];
            assert!(image.iter().all(|value| value.to_bits() == expected.to_bits()));
        }
    }

    #[test]
    fn a_validation_batch_larger_than_the_split_is_refused() {
        for order in [ImageOrder::Stored, ImageOrder::Balanced] {
            let text = dataset(20).valid_batch(11, order, (7, 1)).unwrap_err().to_string();
            assert!(text.contains("set `schedule.valid_batch_size` to 1 to 10"), "{text}");
            assert_eq!(dataset(20).valid_batch(0, order, (7, 1)).unwrap().len(), 10);
        }
    }

    #[test]
    fn both_orders_read_every_image_and_one_shows_its_share_of_each_class_at_once() {
        let dataset = ImageData::load(&DataConfig::default(), 7).unwrap();
        let shares = |order| {
            let batches: Vec<ImageBatch> =
                dataset.valid_batches_by(order, 500, 7).map(Result::unwrap).collect();
            let first = batches[0].labels.clone();
            let mut all: Vec<u32> = batches.into_iter().flat_map(|batch| batch.labels).collect();
            all.sort_unstable();
            let count = |class| first.iter().filter(|&&label| label == class).count();
            (all, (0..10).map(count).collect::<Vec<_>>())
        };
        let (stored, of_file) = shares(ImageOrder::Stored);
        let (balanced, by_class) = shares(ImageOrder::Balanced);
        assert_eq!(stored, balanced);
        // The file is partly sorted by class.
        assert!(of_file.iter().any(|&n| 80 < n), "{of_file:?}");
        let label = |class| stored.iter().filter(|&&label| label == class).count();
        for (class, &found) in (0..).zip(&by_class) {
            let share = label(class) as f64 / 6.0;
            assert!((found as f64 - share).abs() <= 1.0, "class {class}: {by_class:?}");
        }
    }

    #[test]
    fn validation_batches_cover_the_split_in_order() {
        for (size, sizes) in [(4, &[4, 4, 2][..]), (5, &[5, 5]), (usize::MAX, &[10]), (0, &[1; 10])]
        {
            let dataset = dataset(20);
            let batches: Vec<ImageBatch> =
                dataset.valid_batches(size).map(Result::unwrap).collect();
            assert_eq!(batches.iter().map(ImageBatch::len).collect::<Vec<_>>(), sizes);
            let labels: Vec<u32> = batches.into_iter().flat_map(|batch| batch.labels).collect();
            assert_eq!(labels, (0..10).collect::<Vec<u32>>());
        }
    }
}
