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
use crate::net::Window;

/// Reads one group.
pub(super) enum Columns<'a> {
    Pixels { inputs: PerInput<Input<'a>>, total: usize },
    Halves { input: Input<'a>, width: usize },
    Taps { rows: InputRows<'a> },
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
            Reads::Taps(slide) => Self::Taps { rows: rows(slide, plan.block_rows) },
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
            Self::Taps { rows } => {
                let slide = rows.slide();
                read_taps(&rows.under(isa, first, n), slide, columns);
            }
            Self::Winograd { rows, tiling, line } => {
                let channels = rows.slide().input.channels;
                let tiles = tiling.row(&block.tiles, channels);
                let place = tiling.columns(channels);
                for (row, at) in block.rows.clone().step_by(tiling.side).enumerate() {
                    let under = rows.under(isa, at, tiling.side);
                    let columns = &mut columns[row * tiles.n * place.tile..];
                    winograd_inputs(isa, tiles, &under, (columns, place), line);
                }
            }
            Self::Depthwise { rows, weights } => {
                let windows = rows.slide().windows();
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
fn read_taps(rows: &[&[Lanes]], slide: Slide, columns: &mut [Lanes]) {
    let (Window { rows: down, columns: across }, padded) = (slide.window, slide.padded());
    let ins = slide.input.channels * slide.window.area();
    for (pixel, column) in columns.chunks_exact_mut(ins).enumerate() {
        let (row, x) = (pixel / slide.output.width, pixel % slide.output.width);
        for (place, taps) in column.chunks_exact_mut(across.kernel).enumerate() {
            let (channel, ky) = (place / down.kernel, place % down.kernel);
            let row = rows[row * down.stride + ky * down.dilation];
            let under = &row[channel * padded + x * across.stride..][..across.reach()];
            if across.dilation == 1 {
                taps.copy_from_slice(under);
            } else {
                let under = under.iter().step_by(across.dilation);
                taps.iter_mut().zip(under).for_each(|(tap, x)| *tap = *x);
            }
        }
    }
}
