//! What a network is run on at once: some images with their labels.

use crate::data::{DataError, ImageSet, ImageShape, Normalization};

/// Some images, standardized, with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageBatch {
    /// `(b, c, h, w)`.
    pub images: Vec<f32>,
    /// `(b)`; the class of each image.
    pub labels: Vec<u32>,
    /// The shape of one image.
    pub shape: ImageShape,
}

impl ImageBatch {
    /// The images of `set` numbered `idxs`, as they are.
    pub(super) fn plain(
        set: &ImageSet,
        normalization: &Normalization,
        idxs: impl ExactSizeIterator<Item = usize>,
    ) -> Result<Self, DataError> {
        let shape = set.shape();
        let mut buffer = Vec::new();
        let mut images = Vec::with_capacity(idxs.len() * shape.n_values());
        let mut labels = Vec::with_capacity(idxs.len());
        for idx in idxs {
            normalization.append(set.read(idx, &mut buffer)?, &mut images);
            labels.push(u32::from(set.labels()[idx]));
        }
        Ok(Self { images, labels, shape })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}
