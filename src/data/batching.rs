//! How training images or words are put in batches, whoever trains on them.

use crate::data::{DataConfig, WordLayout, WordLayoutKeys};

/// How training images or words are put in batches, and how images are changed.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Where the configuration says so.
    pub keys: BatchingKeys,
    /// Images of a batch, or rows of text.
    pub batch_size: usize,
    /// Words of each row of text.
    pub bptt: usize,
    /// Zero pixels around an image before a random crop to its size; 0 for no crop.
    pub crop_padding: usize,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// Side in pixels of the square that is blanked; 0 for none.
    pub cutout: usize,
}

/// The keys that errors name.
#[derive(Clone, Copy, Debug)]
pub struct BatchingKeys {
    /// Of the size of a batch.
    pub batch_size: &'static str,
    /// Of the words of a row.
    pub bptt: &'static str,
    /// Of the pixels around an image.
    pub crop_padding: &'static str,
    /// Of the side of the square.
    pub cutout: &'static str,
}

impl Batching {
    /// How ω sees the data.
    pub const fn of_search(config: &DataConfig, batch_size: usize, bptt: usize) -> Self {
        let keys = BatchingKeys {
            batch_size: "schedule.batch_size",
            bptt: "schedule.bptt",
            crop_padding: "data.crop_padding",
            cutout: "data.cutout",
        };
        let &DataConfig { crop_padding, flip, cutout, .. } = config;
        Self { keys, batch_size, bptt, crop_padding, flip, cutout }
    }

    /// The same of text.
    pub(super) const fn layout(self) -> WordLayout {
        let Self { keys, batch_size: rows, bptt, .. } = self;
        WordLayout { rows, bptt, keys: WordLayoutKeys { rows: keys.batch_size, bptt: keys.bptt } }
    }
}
