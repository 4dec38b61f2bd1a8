//! The columns of a matrix product, read from a layer's inputs block by block.

use std::sync::Arc;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers};
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::plan::{OutputBlock, Plan, Reads};
use crate::engine::cpu_exec::planes::Input;
use crate::engine::cpu_exec::slide::{InputRows, Rows, Slide};
use crate::engine::cpu_exec::tiling::Tiling;
use crate::engine::kernel::{
    ColumnPlace, Isa, Lanes, Target, affine_columns, depthwise, winograd_inputs,
};

/// Reads one group.
pub(super) enum Columns<'a> {
    Pixels { inputs: PerInput<Input<'a>>, total: usize },
    Halves { input: Input<'a>, width: usize },
    Taps { rows: InputRows<'a>, kernel: usize, width: usize },
    Winograd { rows: InputRows<'a>, tiling: Tiling, line: Buffer },
    Depthwise { rows: InputRows<'a>, weights: &'a [f32] },
}

impl<'a> Columns<'a> {
    pub(super) fn new(
        buffers: &Arc<Buffers>,
        plan: &Plan,
        inputs: PerInput<Input<'a>>,
        weights: &'a [f32],
    ) -> Self {
        let rows = |slide: Slide, n| InputRows::new(buffers, slide, inputs[0], 0.0, n);
        match plan.reads {
            Reads::Pixels => Self::Pixels { inputs, total: plan.ins },
            Reads::Halves => Self::Halves { input: inputs[0], width: plan.output.width },
            Reads::Taps(slide) => {
                let kernel = slide.window.kernel;
                Self::Taps { rows: rows(slide, plan.block_rows), kernel, width: plan.output.width }
            }
            Reads::Winograd(tiling) => Self::Winograd {
                rows: rows(tiling.slide, tiling.side),
                tiling,
                line: buffers.take(tiling.line_len()),
            },
            Reads::Depthwise(slide) => {
                Self::Depthwise { rows: rows(slide, plan.block_rows), weights }
            }
        }
    }

    /// Writes the columns of a block, `[pixel][in]`, or `[tile][in]` for each pair of points. For
    /// depthwise convolutions it returns the input rows under them.
    pub(super) fn read(
        &mut self,
        isa: Isa,
        block: &OutputBlock,
        columns: &mut [Lanes],
    ) -> Rows<'_> {
        let (first, n) = (block.rows.start, block.rows.len());
        match self {
            Self::Pixels { inputs, total } => {
                for (row, columns) in (first..).zip(columns.chunks_exact_mut(columns.len() / n)) {
                    read_pixels(isa, inputs, *total, row, columns);
                }
            }
            Self::Halves { input, width } => {
                for (row, columns) in (first..).zip(columns.chunks_exact_mut(columns.len() / n)) {
                    read_halves(isa, *input, *width, row, columns);
                }
            }
            Self::Taps { rows, kernel, width } => {
                read_taps(&rows.under(isa, first, n), *kernel, *width, columns);
            }
            Self::Winograd { rows, tiling, line } => {
                let channels = rows.windows().channels;
                let tiles = tiling.row(&block.tiles, channels);
                let place = tiling.columns(channels);
                for (row, at) in block.rows.clone().step_by(tiling.side).enumerate() {
                    let under = rows.under(isa, at, tiling.side);
                    let columns = &mut columns[row * tiles.n * place.tile..];
                    winograd_inputs(isa, tiles, &under, (columns, place), line);
                }
            }
            Self::Depthwise { rows, weights } => {
                let windows = rows.windows();
                let rows = rows.under(isa, first, n);
                depthwise(isa, windows, &rows, weights, Target::Columns(columns));
                return rows;
            }
        }
        Rows::new()
    }
}

fn read_pixels(isa: Isa, inputs: &[Input<'_>], total: usize, row: usize, columns: &mut [Lanes]) {
    let mut first = 0;
    for input in inputs {
        let width = input.shape.width;
        let place = ColumnPlace { step: 1, start: 0, n: width, first, total };
        affine_columns(isa, input.raw(row), columns, place);
        first += input.shape.channels;
    }
}

fn read_halves(isa: Isa, input: Input<'_>, width: usize, row: usize, columns: &mut [Lanes]) {
    let channels = input.shape.channels;
    for shift in 0..2 {
        let first = shift * channels;
        let at = 2 * row + shift;
        if at < input.shape.height {
            let total = 2 * channels;
            let place = ColumnPlace { step: 2, start: shift, n: width, first, total };
            affine_columns(isa, input.raw(at), columns, place);
        } else {
            for column in columns.chunks_exact_mut(2 * channels).take(width) {
                column[first..].fill(Lanes::default());
            }
        }
    }
}

/// `rows` are as many as the windows of a block need.
fn read_taps(rows: &[&[Lanes]], kernel: usize, width: usize, columns: &mut [Lanes]) {
    let n = rows.len() + 1 - kernel;
    let channels_by_padded = rows[0].len();
    let ins = columns.len() / (n * width);
    let channels = ins / (kernel * kernel);
    let padded = channels_by_padded / channels;
    for (pixel, column) in columns.chunks_exact_mut(ins).enumerate() {
        let (row, x) = (pixel / width, pixel % width);
        for (channel, taps) in column.chunks_exact_mut(kernel * kernel).enumerate() {
            for (ky, taps) in taps.chunks_exact_mut(kernel).enumerate() {
                taps.copy_from_slice(&rows[row + ky][channel * padded + x..][..kernel]);
            }
        }
    }
}
