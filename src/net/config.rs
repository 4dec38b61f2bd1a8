//! The size of a net.

use std::ops::RangeInclusive;

use crate::setting::{above, from, search, settings, size};

/// Normal cells of a micro net.
pub(super) const LAYERS: RangeInclusive<usize> = 1..=40;

/// Channels of the first cells or layers.
pub(super) const CHANNELS: RangeInclusive<usize> = 1..=512;

settings! {
    /// How wide the nets are, and how they are regularized.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct NetConfig in net {
        /// Normal cells of micro nets; two reduction cells come on top (the authors' `num_layers`).
        pub layers: usize = 1 => search(size(LAYERS)).only_of("micro");
        /// Channels of the first cells or layers; each reduction of a micro net doubles them, and
        /// of a whole net that stands alone.
        pub channels: usize = 4 => search(size(CHANNELS));
        /// Share of activations kept by the dropout before the classifier.
        pub dropout_keep: f64 = 0.9 => search(above(0.0, 1.0));
        /// Weight of the loss of micro nets' auxiliary head; 0 leaves the head out.
        pub aux_weight: f64 = 0.4 => search(from(0.0, 10.0)).only_of("micro");
    }
}
