//! How training images are put in batches and changed, whoever trains on them.

use crate::data::DataConfig;

/// How training images are put in batches and changed.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Where the configuration says so.
    pub keys: BatchingKeys,
    /// Images of a batch.
    pub batch_size: usize,
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
    /// Of the pixels around an image.
    pub crop_padding: &'static str,
    /// Of the side of the square.
    pub cutout: &'static str,
}

impl Batching {
    /// How ω sees the images.
    pub const fn of_search(config: &DataConfig, batch_size: usize) -> Self {
        let keys = BatchingKeys {
            batch_size: "schedule.batch_size",
            crop_padding: "data.crop_padding",
            cutout: "data.cutout",
        };
        let &DataConfig { crop_padding, flip, cutout, .. } = config;
        Self { keys, batch_size, crop_padding, flip, cutout }
    }
}
