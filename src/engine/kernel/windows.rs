//! Where windows and pixels lie in rows.

use super::Lanes;

/// A square window that slides over padded rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Its side.
    pub kernel: usize,
    /// From one window to the next, along both sides.
    pub stride: usize,
    /// Channels of all rows.
    pub channels: usize,
    /// Outputs in a row.
    pub width: usize,
    /// Columns of a padded input row, at least `(width - 1) * stride + kernel`.
    pub padded: usize,
}

impl Windows {
    /// How many rows of outputs `rows` padded rows make.
    pub(super) fn output_rows(&self, rows: usize) -> usize {
        (rows - self.kernel) / self.stride + 1
    }
}

/// Rows with padding columns.
#[derive(Clone, Copy, Debug)]
pub struct PaddedRows<'a> {
    /// Each `(channels, padded)`.
    pub rows: &'a [&'a [Lanes]],
    /// Columns of a row.
    pub padded: usize,
    /// Padding columns before the first pixel.
    pub before: usize,
}

/// Where the pixels of a row go in a padded row: pixel `x` to column `before + step * x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// Columns of the padded row, more than `before + step * (width - 1)`.
    pub padded: usize,
    /// The column of the first pixel.
    pub before: usize,
    /// 1, or the stride that the gradient of a strided window is spread out by.
    pub step: usize,
}

impl RowPlace {
    /// The columns of `channel` in `row`, from that of the first pixel on.
    pub(super) fn channel_mut<'a>(&self, row: &'a mut [Lanes], channel: usize) -> &'a mut [Lanes] {
        &mut row[channel * self.padded..][..self.padded][self.before..]
    }
}
