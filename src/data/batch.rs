//! What a net is trained on at once, of either kind.

use crate::data::{ImageBatch, WordBatch};

/// What a net is trained on at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// Some images.
    Images(ImageBatch),
    /// A window of text.
    Words(WordBatch),
}

impl Batch {
    /// How many items are predicted.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(batch) => batch.len(),
            Self::Words(batch) => batch.len(),
        }
    }

    /// What the learning rate is scaled by: 1 but for windows of text, whose lengths differ.
    pub fn share(&self) -> f64 {
        match self {
            Self::Images(_) => 1.0,
            Self::Words(batch) => batch.share,
        }
    }
}
