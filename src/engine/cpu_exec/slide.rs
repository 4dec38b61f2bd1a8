//! Windows that slide over a plane row by row, forward and backward.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers};
use crate::engine::cpu_exec::planes::Input;
use crate::engine::kernel::{Isa, Lanes, Padded, RowPlace, Windows, affine_padded};
use crate::net::{Layer, Shape, Span, Window};

/// Pixels of the rows that are computed at a time: enough for a matrix product, few enough for
/// the cache.
const BLOCK_PIXELS: usize = 64;

/// Rows that are computed at a time at most.
const BLOCK_ROWS: usize = 8;

/// Output rows that are computed at a time.
pub(super) fn block_rows(output: Shape) -> usize {
    (BLOCK_PIXELS / output.width).clamp(1, output.height.min(BLOCK_ROWS))
}

/// Rows under the windows of a block: not on the heap up to windows of 5×5 at stride 2.
pub(super) type Rows<'a> = SmallVec<[&'a [Lanes]; (BLOCK_ROWS - 1) * 2 + 5]>;

/// The window of a layer over its input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slide {
    pub(super) window: Window,
    pub(super) input: Shape,
    pub(super) output: Shape,
    /// Outputs that are computed at a time along a row: the rows under them are long enough for
    /// whole blocks.
    pub(super) block: usize,
}

impl Slide {
    /// `None` for a layer without windows.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        let input = layer.input_shapes[0];
        Some(Self { window: layer.window()?, input, output: layer.output, block: 1 })
    }

    /// The windows over rows of the input, of a square window whose taps lie side by side.
    pub(super) fn windows(&self) -> Windows {
        let Span { kernel, stride, .. } = self.window.columns;
        Windows {
            kernel,
            stride,
            channels: self.input.channels,
            width: self.output.width,
            padded: self.padded(),
        }
    }

    /// Columns of a row of the input with its padding.
    pub(super) fn padded(&self) -> usize {
        let columns = self.window.columns;
        let outputs = self.output.width.next_multiple_of(self.block);
        let reach = (outputs - 1) * columns.stride + columns.reach();
        reach.max(self.pad()[1] + self.input.width)
    }

    /// The windows over rows of the output's gradient, spread to the stride, that give the
    /// gradient of the input.
    pub(super) fn transposed(&self) -> Windows {
        Windows {
            kernel: self.window.columns.kernel,
            stride: 1,
            channels: self.input.channels,
            width: self.input.width,
            padded: self.input.width + self.window.columns.kernel - 1,
        }
    }

    /// Where the pixels of a row of the output's gradient go in those rows.
    pub(super) fn spread(&self) -> RowPlace {
        let Span { kernel, stride, .. } = self.window.columns;
        let [_, before] = self.pad();
        RowPlace { padded: self.transposed().padded, before: kernel - 1 - before, step: stride }
    }

    /// Padding above and left of the plane.
    pub(super) fn pad(&self) -> [usize; 2] {
        self.window.pads_before(self.input)
    }
}

/// Cells of a side under each of its windows, whose taps lie side by side.
pub(super) fn counts(span: Span, side: usize) -> impl Iterator<Item = usize> {
    let before = span.pad_before(side);
    (0..span.outputs(side)).map(move |output| {
        let start = output * span.stride;
        (start + span.kernel).min(before + side) - start.max(before)
    })
}

/// The newest rows of one group, each in a slot of its own; all others read as padding.
#[derive(Debug)]
struct Ring {
    values: Buffer,
    row_len: usize,
    capacity: usize,
}

impl Ring {
    /// Rows of so many channels, whose pixels will be written at `place`, and `width` of them.
    fn new(
        buffers: &Arc<Buffers>,
        (capacity, channels): (usize, usize),
        (place, width): (RowPlace, usize),
        padding: f32,
    ) -> Self {
        let row_len = channels * place.padded;
        let mut values = buffers.take((capacity + 1) * row_len);
        let padding = Lanes::splat(padding);
        let (slots, outside) = values.split_at_mut(capacity * row_len);
        outside.fill(padding);
        if place.step == 1 {
            // The pixels are written before they are read.
            for columns in slots.chunks_exact_mut(place.padded) {
                columns[..place.before].fill(padding);
                columns[place.before + width..].fill(padding);
            }
        } else {
            slots.fill(padding);
        }
        Self { values, row_len, capacity }
    }

    fn row_mut(&mut self, row: usize) -> &mut [Lanes] {
        &mut self.values[row % self.capacity * self.row_len..][..self.row_len]
    }

    fn row(&self, row: Option<usize>) -> &[Lanes] {
        // The last slot is never written.
        let slot = row.map_or(self.capacity, |row| row % self.capacity);
        &self.values[slot * self.row_len..][..self.row_len]
    }
}

/// The padded input rows under the windows of the output rows at hand.
#[derive(Debug)]
pub(super) struct InputRows<'a> {
    slide: Slide,
    input: Input<'a>,
    ring: Ring,
    filled: usize,
}

impl<'a> InputRows<'a> {
    /// `padding` is what the windows see outside the plane; they come `block` rows at a time.
    pub(super) fn new(
        buffers: &Arc<Buffers>,
        slide: Slide,
        input: Input<'a>,
        padding: f32,
        block: usize,
    ) -> Self {
        let rows = slide.window.rows;
        let capacity = (block - 1) * rows.stride + rows.reach();
        let [_, before] = slide.pad();
        let place = RowPlace { padded: slide.padded(), before, step: 1 };
        let Shape { channels, width, .. } = input.shape;
        let ring = Ring::new(buffers, (capacity, channels), (place, width), padding);
        Self { slide, input, ring, filled: 0 }
    }

    /// What slides over these rows.
    pub(super) fn slide(&self) -> Slide {
        self.slide
    }

    /// The rows under the windows of `n` output rows from `first` on, which grows call by call.
    pub(super) fn under(&mut self, isa: Isa, first: usize, n: usize) -> Rows<'_> {
        let Span { stride, .. } = self.slide.window.rows;
        let [above, before] = self.slide.pad();
        let n_rows = (n - 1) * stride + self.slide.window.rows.reach();
        let height = self.slide.input.height;
        let start = first * stride;
        let end = (start + n_rows).saturating_sub(above).min(height);
        let pad = Padded { before, padded: self.slide.padded() };
        let needed = self.filled.max(start.saturating_sub(above));
        for row in needed..end {
            let ys = self.ring.row_mut(row);
            affine_padded(isa, self.input.raw(row), ys, pad);
        }
        self.filled = self.filled.max(end);
        let row = |row: usize| row.checked_sub(above).filter(|&row| row < height);
        (start..start + n_rows).map(|at| self.ring.row(row(at))).collect()
    }
}

/// Rows of an output's gradient, padded and spread to the stride, for the gradient of the input.
#[derive(Debug)]
pub(super) struct OutputRows {
    slide: Slide,
    ring: Ring,
    given: usize,
    taken: usize,
}

impl OutputRows {
    /// `padding` is what stands between and around the rows, which come `block` at a time.
    pub(super) fn new(buffers: &Arc<Buffers>, slide: Slide, padding: f32, block: usize) -> Self {
        let windows = slide.transposed();
        let capacity = block + windows.kernel;
        let pixels = (slide.spread(), slide.output.width);
        let ring = Ring::new(buffers, (capacity, windows.channels), pixels, padding);
        Self { slide, ring, given: 0, taken: 0 }
    }

    /// The slot of the next output row, to be written at [`Slide::spread`].
    pub(super) fn give(&mut self) -> &mut [Lanes] {
        self.given += 1;
        self.ring.row_mut(self.given - 1)
    }

    /// The last `n` rows that were given.
    pub(super) fn newest(&self, n: usize) -> Rows<'_> {
        (self.given - n..self.given).map(|row| self.ring.row(Some(row))).collect()
    }

    /// The next input row whose windows have all been given.
    pub(super) fn next_complete(&mut self) -> Option<usize> {
        let row = self.taken;
        let [above, _] = self.slide.pad();
        let last = (row + above) / self.slide.window.rows.stride;
        let all = self.given == self.slide.output.height;
        let complete = row < self.slide.input.height && (last < self.given || all);
        self.taken += usize::from(complete);
        complete.then_some(row)
    }

    /// The rows whose windows cover input row `row`, top to bottom.
    pub(super) fn over(&self, row: usize) -> Rows<'_> {
        let Span { kernel, stride, .. } = self.slide.window.rows;
        let [above, _] = self.slide.pad();
        let spread = |at: usize| {
            let at = at.checked_sub(kernel - 1)?;
            let output = at / stride;
            (at % stride == 0 && output < self.given).then_some(output)
        };
        (row + above..row + above + kernel).map(|at| self.ring.row(spread(at))).collect()
    }
}
