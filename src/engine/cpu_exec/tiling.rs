//! Planes cut into the tiles of Winograd's convolution, some tiles at a time.

use std::ops::Range;

use crate::engine::cpu_exec::slide::Slide;
use crate::engine::kernel::{PAIRS, POINTS, TilePlace, TileRow};

/// Tiles that are computed at a time: of more, with some dozen channels, the transforms would not
/// stay in the L2 cache until they are multiplied.
const BLOCK_TILES: usize = 4;

/// The tiles of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    /// The layer's window, with rows as long as the tiles are.
    pub(super) slide: Slide,
    /// The side of a tile of outputs.
    pub(super) side: usize,
    /// Tiles side by side in the plane.
    across: usize,
    /// Tiles side by side in a block, and one below the other, which are several only where all
    /// tiles of a row are in a block.
    block: [usize; 2],
}

impl Tiling {
    /// `slide` has windows of 3×3 or 5×5 at stride 1.
    pub(super) fn new(slide: Slide) -> Self {
        let side = POINTS + 1 - slide.window.columns.kernel;
        let [across, down] =
            [slide.output.width, slide.output.height].map(|outputs| outputs.div_ceil(side));
        let wide = across.min(BLOCK_TILES);
        let block = [wide, (BLOCK_TILES / across).clamp(1, down)];
        Self { slide: Slide { block: side, ..slide }, side, across, block }
    }

    /// Output rows of a block.
    pub(super) fn block_rows(&self) -> usize {
        self.block[1] * self.side
    }

    /// Tiles side by side: in the plane, and in a block.
    pub(super) fn across(&self) -> [usize; 2] {
        [self.across, self.block[0]]
    }

    /// Tiles of a row of a block.
    pub(super) fn row(&self, tiles: &Range<usize>, channels: usize) -> TileRow {
        TileRow { side: self.side, first: tiles.start, n: tiles.len(), channels }
    }

    /// Where the transforms of a block are that matrices are multiplied with: the channels of a
    /// tile one after the other.
    pub(super) fn columns(&self, channels: usize) -> TilePlace {
        TilePlace { pair: self.pair(channels), tile: channels, channel: 1 }
    }

    /// Where the products are: the tiles of a channel one after the other.
    pub(super) fn products(&self, channels: usize) -> TilePlace {
        let [wide, down] = self.block;
        TilePlace { pair: self.pair(channels), tile: 1, channel: wide * down }
    }

    /// Values of a block's transforms.
    pub(super) fn len(&self, channels: usize) -> usize {
        PAIRS * self.pair(channels)
    }

    /// Values that the transforms of a row of a block take on their way.
    pub(super) fn line_len(&self) -> usize {
        self.row(&(0..self.block[0]), 1).columns() * POINTS
    }

    /// Odd, so that the values of one tile are in different sets of a cache.
    fn pair(&self, channels: usize) -> usize {
        let [wide, down] = self.block;
        (wide * down * channels) | 1
    }
}
