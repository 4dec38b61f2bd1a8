//! The endless stream of training batches, of either kind.

use std::sync::Arc;

use crate::data::{Batch, Batching, DataError, Dataset, ImageStream, WordStream};

/// The endless stream of training batches: each is a function of the run's seed and of its index.
#[derive(Debug)]
pub enum TrainStream {
    /// Of images.
    Images(ImageStream),
    /// Of windows of text.
    Words(WordStream),
}

impl TrainStream {
    /// The stream of `dataset`'s training split, batched as `batching` says, for the run with
    /// `seed`.
    pub fn new(dataset: &Dataset, batching: Batching, seed: u64) -> Result<Self, DataError> {
        Ok(match dataset {
            Dataset::Images(data) => {
                Self::Images(ImageStream::new(Arc::clone(data), batching, seed)?)
            }
            Dataset::Words(corpus) => {
                Self::Words(WordStream::new(Arc::clone(corpus), batching.layout(), seed)?)
            }
        })
    }

    /// Batch `index` of the stream.
    pub fn batch(&self, index: u64) -> Result<Batch, DataError> {
        Ok(match self {
            Self::Images(stream) => Batch::Images(stream.batch(index)?),
            Self::Words(stream) => Batch::Words(stream.window(index)?),
        })
    }

    /// The numbers of the batches of one pass over the training split, `pass` counted from 0: of
    /// images as many whole ones as there are, one at least.
    pub fn pass(&self, pass: u64) -> Result<std::ops::Range<u64>, DataError> {
        match self {
            Self::Images(stream) => {
                let batches = stream.whole_batches();
                Ok(pass * batches..(pass + 1) * batches)
            }
            Self::Words(stream) => stream.pass(pass),
        }
    }
}
