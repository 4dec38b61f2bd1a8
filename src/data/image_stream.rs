//! The endless stream of training batches, a pure function of seed and batch index.
//!
//! ```text
//! positions   0 …                n−1 | n …               2n−1 | 2n …
//!             pass 0, permuted       | pass 1, permuted again | …
//! batches     [ 0 ][ 1 ][ 2 ][ 3 ][ 4 ][ 5 ] …
//! ```
//!
//! Batch `i` of size `b` covers the positions `i·b` to `(i+1)·b` of all passes put in a row, so none
//! is short and no image is left out at the end of a pass. A restart needs the next index alone.
//!
//! Departure from the authors' code: their queue shuffles within a window of some thousand images
//! and cannot be resumed; here every pass is a full permutation.

use std::sync::{Arc, Mutex, PoisonError};

use rand::seq::SliceRandom;

use crate::data::augment::Augment;
use crate::data::image_data::check_batch_size;
use crate::data::{Batching, DataError, ImageBatch, ImageData};
use crate::random::{Owner, generator};

/// The order of the training images in one pass.
type Order = Arc<[u32]>;

/// The endless stream of training batches.
#[derive(Debug)]
pub struct ImageStream {
    dataset: Arc<ImageData>,
    augment: Augment,
    /// Invariant: 1 to the size of the training split.
    batch_size: usize,
    seed: u64,
    /// The pass used last and its order, which the next batch mostly uses too.
    last: Mutex<Option<(u64, Order)>>,
}

impl ImageStream {
    /// The stream of `dataset`'s training images, batched and changed as `batching` says, for the
    /// run with `seed`.
    pub fn new(dataset: Arc<ImageData>, batching: Batching, seed: u64) -> Result<Self, DataError> {
        let batch_size = batching.batch_size;
        check_batch_size(batching.keys.batch_size, "training", batch_size, dataset.train().len())?;
        let augment = Augment::new(&batching, dataset.shape())?;
        Ok(Self { dataset, augment, batch_size, seed, last: Mutex::new(None) })
    }

    /// Batch `index` of the stream.
    pub fn batch(&self, index: u64) -> Result<ImageBatch, DataError> {
        let (set, shape) = (self.dataset.train(), self.dataset.shape());
        let idxs = self.idxs(index);
        let mut rng = generator(self.seed, Owner::Augment, index);
        let mut buffer = Vec::new();
        let mut images = vec![0.0; idxs.len() * shape.n_values()];
        for (&idx, out) in idxs.iter().zip(images.chunks_exact_mut(shape.n_values())) {
            let image = (set.read(idx as usize, &mut buffer)?, shape);
            self.augment.write(image, self.dataset.normalization(), &mut rng, out);
        }
        let labels = idxs.iter().map(|&idx| u32::from(set.labels()[idx as usize])).collect();
        Ok(ImageBatch { images, labels, shape })
    }

    /// Whole batches of a pass, and at least one.
    pub(super) fn whole_batches(&self) -> u64 {
        (self.dataset.train().len() / self.batch_size).max(1) as u64
    }

    /// Which images batch `index` holds. It touches two passes at most, for it is no larger than
    /// one.
    fn idxs(&self, index: u64) -> Vec<u32> {
        let (n, size) = (self.dataset.train().len(), self.batch_size);
        // In 128 bits, since an index comes from a file and may be anything.
        let start = u128::from(index) * size as u128;
        // The pass is at most the index, and the place in it below n.
        let (pass, place) = ((start / n as u128) as u64, (start % n as u128) as usize);
        let end = n.min(place + size);
        let mut idxs = self.order(pass)[place..end].to_vec();
        if idxs.len() < size {
            let rest = size - idxs.len();
            idxs.extend_from_slice(&self.order(pass + 1)[..rest]);
        }
        idxs
    }

    /// The order of the images in `pass`.
    fn order(&self, pass: u64) -> Order {
        // A panic elsewhere cannot leave half an order behind: it is put in whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, order)) if *known == pass => Arc::clone(order),
            _ => {
                let mut order: Vec<u32> = (0..self.dataset.train().len() as u32).collect();
                order.shuffle(&mut generator(self.seed, Owner::Shuffle, pass));
                let order = Order::from(order);
                *last = Some((pass, Arc::clone(&order)));
                order
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::image_data::tests::dataset;
    use crate::data::{DataConfig, ImageOrder, Scratch};

    /// A stream of `n` images, augmented in every way, each with a label of its own.
    pub(in crate::data) fn stream(n: usize, batch_size: usize, seed: u64) -> ImageStream {
        let config = DataConfig { crop_padding: 2, cutout: 3, ..DataConfig::default() };
        ImageStream::new(Arc::new(dataset(n)), Batching::of_search(&config, batch_size, 35), seed)
            .unwrap()
    }

    fn without_changes(n: usize, batch_size: usize) -> ImageStream {
        let config = DataConfig { crop_padding: 0, flip: false, ..DataConfig::default() };
        ImageStream::new(Arc::new(dataset(n)), Batching::of_search(&config, batch_size, 35), 7)
            .unwrap()
    }

    proptest! {
        #[test]
        fn every_pass_holds_every_image_once(n in 1..60_usize, part in 0..60_usize, seed: u64) {
            let batch_size = 1 + part % n;
            let stream = stream(n, batch_size, seed);
            let n_batches = (3 * n).div_ceil(batch_size) as u64;
            let labels: Vec<u32> = (0..n_batches).flat_map(|i| stream.batch(i).unwrap().labels).collect();
            for pass in labels.chunks_exact(n) {
                let mut pass = pass.to_vec();
                pass.sort_unstable();
                prop_assert_eq!(pass, (0..n as u32).collect::<Vec<u32>>());
            }
        }

        #[test]
        fn a_batch_depends_on_seed_and_index_alone(indexes in prop::collection::vec(0..50_u64, 1..8)) {
            let used = stream(13, 5, 7);
            for index in indexes {
                prop_assert_eq!(used.batch(index).unwrap(), stream(13, 5, 7).batch(index).unwrap());
            }
        }
    }

    #[test]
    fn seeds_passes_and_indexes_differ() {
        let stream_7 = stream(60, 60, 7);
        assert_ne!(stream_7.batch(0).unwrap().labels, stream(60, 60, 8).batch(0).unwrap().labels);
        assert_ne!(stream_7.batch(0).unwrap().labels, stream_7.batch(1).unwrap().labels);
        assert_ne!(stream_7.batch(0).unwrap().images, stream_7.batch(1).unwrap().images);
    }

    #[test]
    fn images_stay_with_their_labels() {
        let stream = without_changes(20, 8);
        let batch = stream.batch(2).unwrap();
        assert_eq!((batch.len(), batch.images.len()), (8, 8 * 64));
        for (image, &label) in batch.images.chunks_exact(64).zip(&batch.labels) {
            let expected = stream.dataset.normalization().table(0)[label as usize];
            assert!(image.iter().all(|value| value.to_bits() == expected.to_bits()));
        }
    }

    #[test]
    fn images_beyond_memory_give_the_same_batches() {
        let folder = tempfile::tempdir().unwrap();
        let config = DataConfig::default();
        let batches = |memory_bytes| {
            let scratch = Scratch::with_memory(folder.path(), memory_bytes);
            let dataset = Arc::new(ImageData::load_into(&config, 7, &scratch).unwrap());
            assert_eq!(dataset.train().is_on_disk(), memory_bytes == 0);
            let valid = dataset.valid_batch(50, ImageOrder::Stored, (7, 3)).unwrap();
            let batching = Batching::of_search(&config, 50, 35);
            (ImageStream::new(dataset, batching, 7).unwrap().batch(9).unwrap(), valid)
        };
        assert_eq!(batches(0), batches(usize::MAX));
    }

    #[test]
    fn the_last_index_of_all_has_a_batch() {
        assert_eq!(stream(13, 13, 7).batch(u64::MAX - 1).unwrap().len(), 13);
        assert_eq!(stream(13, 5, 7).batch(u64::MAX).unwrap().len(), 5);
    }

    #[test]
    fn a_batch_larger_than_the_split_is_refused() {
        for size in [0, 14] {
            let batching = Batching::of_search(&DataConfig::default(), size, 35);
            let stream = ImageStream::new(Arc::new(dataset(13)), batching, 7);
            let text = stream.unwrap_err().to_string();
            assert!(text.contains("set `schedule.batch_size` to 1 to 13"), "{text}");
        }
    }
}
