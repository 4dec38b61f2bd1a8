//! The gradient of columns, given back to the tensors that they were read from.

use crate::engine::cpu_exec::buffers::{Buffer, Numbers};
use crate::engine::cpu_exec::grads::GroupSink;
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::plan::{OutputBlock, Plan, Reads};
use crate::engine::cpu_exec::planes::Input;
use crate::engine::cpu_exec::slide::{OutputRows, Rows, Slide};
use crate::engine::cpu_exec::tiling::Tiling;
use crate::engine::kernel::{
    GradRow, Isa, Lanes, POINTS, RowPlace, SharedRows, Target, depthwise, relu_grad, scale_pixels,
    winograd_input_grads,
};
use crate::net::{Shape, Window};

/// Takes the gradients of a block of columns, row by row, `[in][column]`, and writes those of one
/// group's inputs.
pub(super) struct Scatter<'a, 's> {
    isa: Isa,
    inputs: PerInput<Input<'a>>,
    sinks: PerInput<GroupSink<'s>>,
    output: Shape,
    how: How<'a>,
    /// The gradients of a block of columns; unused where they go elsewhere at once.
    block: Buffer,
    /// Values of one of its rows.
    row_len: usize,
}

enum How<'a> {
    Pixels,
    Halves,
    Taps(Slide),
    Winograd(Tiles),
    Depthwise(Windows<'a>),
}

/// What the gradient of the inputs under tiles needs.
struct Tiles {
    tiling: Tiling,
    /// The rows of the gradient that the tiles at hand share, a ring.
    rows: Buffer,
    line: Buffer,
}

/// What the gradient of a depthwise convolution needs.
struct Windows<'a> {
    slide: Slide,
    /// Gradients of the convolution, spread to the stride.
    rows: OutputRows,
    /// Its weights, back to front.
    flipped: &'a [f32],
    /// Factors that leave a row as it is.
    ones: &'a [f32],
    /// One row of the input's gradient.
    row: Buffer,
}

/// The depthwise weights of a layer with every window back to front.
pub(super) fn flipped(job: &Job, plan: &Plan, depthwise: &[f32]) -> Numbers<f32> {
    let mut flipped = job.buffers.collect(depthwise.iter().copied());
    if let Reads::Depthwise(slide) = plan.reads {
        flipped.chunks_exact_mut(slide.window.area()).for_each(<[f32]>::reverse);
    }
    flipped
}

impl<'a, 's> Scatter<'a, 's> {
    /// `flipped` are the depthwise weights back to front. Without sinks nobody asks for gradients.
    pub(super) fn new(
        job: &Job,
        plan: &'a Plan,
        flipped: &'a [f32],
        inputs: PerInput<Input<'a>>,
        sinks: PerInput<GroupSink<'s>>,
    ) -> Self {
        let how = match plan.reads {
            Reads::Pixels => How::Pixels,
            Reads::Halves => How::Halves,
            Reads::Taps(slide) => How::Taps(slide),
            Reads::Winograd(tiling) => How::Winograd(Tiles {
                tiling,
                rows: job.scratch(POINTS * plan.ins * plan.output.width),
                line: job.scratch(tiling.line_len()),
            }),
            Reads::Depthwise(slide) => How::Depthwise(Windows {
                rows: OutputRows::new(&job.buffers, slide, 0.0, plan.block_rows),
                slide,
                flipped,
                ones: &plan.ones,
                row: job.scratch(slide.input.channels * slide.input.width),
            }),
        };
        let row_len = plan.ins * plan.output.width;
        let block = job.scratch(plan.columns_len(plan.block_rows, plan.ins));
        Self { isa: job.isa, inputs, sinks, output: plan.output, how, block, row_len }
    }

    /// Whether the gradient of the columns is of no use.
    pub(super) fn is_idle(&self) -> bool {
        self.sinks.is_empty() && !matches!(self.how, How::Depthwise(_))
    }

    /// Where the gradients of the columns of row `row` of a block go, the rows of which come in
    /// order, and the distance of two channels there.
    pub(super) fn columns_mut(&mut self, row: usize) -> (&mut [Lanes], usize) {
        match &mut self.how {
            How::Depthwise(windows) if windows.is_dense() => {
                let RowPlace { before, padded, .. } = windows.slide.spread();
                (&mut windows.rows.give()[before..], padded)
            }
            _ => (&mut self.block[row * self.row_len..][..self.row_len], self.output.width),
        }
    }

    /// Where the gradients of the columns of all matrices go.
    pub(super) fn block_mut(&mut self) -> &mut [Lanes] {
        &mut self.block
    }

    /// The gradients of the columns of a block of `n` rows, and where their pixels are.
    pub(super) fn columns(&self, n: usize) -> (Rows<'_>, RowPlace) {
        match &self.how {
            How::Depthwise(windows) if windows.is_dense() => {
                (windows.rows.newest(n), windows.slide.spread())
            }
            _ => {
                let rows = self.block.chunks_exact(self.row_len).take(n).collect();
                (rows, RowPlace { padded: self.output.width, before: 0, step: 1 })
            }
        }
    }

    /// Writes what the gradients of the columns of a block of output rows make complete.
    pub(super) fn write(&mut self, outputs: &OutputBlock) {
        if self.sinks.is_empty() {
            return;
        }
        let Self { isa, inputs, sinks, output, how, block, row_len } = self;
        let rows = outputs.rows.clone();
        let dxs = rows.clone().zip(block.chunks_exact(*row_len));
        let inputs = &inputs[..];
        match how {
            How::Pixels => dxs.for_each(|(row, dxs)| write_pixels(*isa, inputs, sinks, (row, dxs))),
            How::Halves => dxs.for_each(|(row, dxs)| {
                write_halves((&inputs[0], &mut sinks[0]), output.width, row, dxs);
            }),
            How::Taps(slide) => {
                if rows.start == 0 && !sinks[0].add {
                    sinks[0].out.fill(Lanes::default());
                }
                dxs.for_each(|(row, dxs)| {
                    write_taps((&inputs[0], &mut sinks[0]), *slide, row, dxs);
                });
            }
            How::Winograd(tiles) => tiles.write(*isa, (&inputs[0], &mut sinks[0]), block, outputs),
            How::Depthwise(windows) => {
                if !windows.is_dense() {
                    dxs.for_each(|(_, dxs)| windows.give(*isa, dxs));
                }
                windows.write(*isa, &inputs[0], &mut sinks[0]);
            }
        }
    }
}

impl Tiles {
    /// Adds the products of a block of outputs, and writes the rows of the input's gradient
    /// that no later tile reaches.
    fn write(
        &mut self,
        isa: Isa,
        (input, sink): (&Input<'_>, &mut GroupSink<'_>),
        products: &[Lanes],
        outputs: &OutputBlock,
    ) {
        let Self { tiling, rows, line } = self;
        let Shape { channels, height, width } = input.shape;
        let row_len = channels * width;
        let [above, before] = tiling.slide.pad();
        let (tiles, place) = (tiling.row(&outputs.tiles, channels), tiling.products(channels));
        for (row, first) in outputs.rows.clone().step_by(tiling.side).enumerate() {
            let begun = if first == 0 { 0 } else { POINTS - tiling.side };
            let shared = SharedRows { rows, first: first % POINTS, begun, width, before };
            let products = &products[row * tiles.n * place.tile..];
            winograd_input_grads(isa, tiles, (products, place), shared, line);
            if !outputs.ends_rows {
                continue;
            }
            let is_last = height <= first + tiling.side;
            let complete = if is_last { POINTS } else { tiling.side };
            for at in first..first + complete {
                if let Some(row) = at.checked_sub(above).filter(|&row| row < height) {
                    let ds = &rows[at % POINTS * row_len..][..row_len];
                    relu_grad(isa, ds, input.raw(row), sink.row(row, row_len));
                }
            }
        }
    }
}

impl Windows<'_> {
    /// Whether rows are not spread, so that they can be written where they are read.
    fn is_dense(&self) -> bool {
        self.slide.window.columns.stride == 1
    }

    fn give(&mut self, isa: Isa, dxs: &[Lanes]) {
        scale_pixels(isa, dxs, self.ones, self.rows.give(), self.slide.spread());
    }

    /// Writes the rows of the input's gradient whose windows have all been given.
    fn write(&mut self, isa: Isa, input: &Input<'_>, sink: &mut GroupSink<'_>) {
        let Self { slide, rows, flipped, row: scratch, .. } = self;
        while let Some(row) = rows.next_complete() {
            let target = Target::Rows(scratch);
            depthwise(isa, slide.transposed(), &rows.over(row), flipped, target);
            relu_grad(isa, scratch, input.raw(row), sink.row(row, scratch.len()));
        }
    }
}

fn write_pixels(
    isa: Isa,
    inputs: &[Input<'_>],
    sinks: &mut [GroupSink<'_>],
    (row, mut dxs): (usize, &[Lanes]),
) {
    for (input, sink) in inputs.iter().zip(sinks) {
        let row_len = input.shape.channels * input.shape.width;
        let (own, others) = dxs.split_at(row_len);
        dxs = others;
        relu_grad(isa, own, input.raw(row), sink.row(row, row_len));
    }
}

/// Output row `row`, of `outputs` columns, reads input rows `2·row`, at even columns, and
/// `2·row + 1`, at odd ones.
fn write_halves(
    (input, sink): (&Input<'_>, &mut GroupSink<'_>),
    outputs: usize,
    row: usize,
    dxs: &[Lanes],
) {
    let Shape { channels, height, width } = input.shape;
    for shift in 0..2 {
        let at = 2 * row + shift;
        if height <= at {
            continue;
        }
        let GradRow { row: out, add } = sink.row(at, channels * width);
        if !add {
            out.fill(Lanes::default());
        }
        let dxs = &dxs[shift * channels * outputs..];
        for (channel, dxs) in dxs.chunks_exact(outputs).take(channels).enumerate() {
            let places = (shift..width).step_by(2).map(|x| channel * width + x);
            let cell = Gate::of(input, channel);
            for (place, ds) in places.zip(dxs) {
                cell.pass(ds, &input.row(at)[place], &mut out[place]);
            }
        }
    }
}

/// Every tap's gradient is added to the pixel under it.
fn write_taps(
    (input, sink): (&Input<'_>, &mut GroupSink<'_>),
    slide: Slide,
    row: usize,
    dxs: &[Lanes],
) {
    let Shape { channels, height, width } = input.shape;
    let Window { rows: down, columns: across } = slide.window;
    let [above, before] = slide.pad();
    for (tap, dxs) in dxs.chunks_exact(slide.output.width).enumerate() {
        let (place, kx) = (tap / across.kernel, tap % across.kernel);
        let (channel, ky) = (place / down.kernel, place % down.kernel);
        let at = (row * down.stride + ky * down.dilation).checked_sub(above);
        let Some(at) = at.filter(|&at| at < height) else {
            continue;
        };
        let gate = Gate::of(input, channel);
        let under = &input.row(at)[channel * width..][..width];
        let out = &mut sink.row(at, channels * width).row[channel * width..][..width];
        for (x, ds) in dxs.iter().enumerate() {
            let x = (x * across.stride + kx * across.dilation).checked_sub(before);
            if let Some(x) = x.filter(|&x| x < width) {
                gate.pass(ds, &under[x], &mut out[x]);
            }
        }
    }
}

/// The ReLU of one channel of an input, for the layers that are too rare for a kernel.
#[derive(Clone, Copy)]
struct Gate {
    scale: f32,
    offset: f32,
}

impl Gate {
    fn of(input: &Input<'_>, channel: usize) -> Self {
        if input.relu {
            let affine = input.affine;
            Self { scale: affine.scale[channel], offset: affine.offset[channel] }
        } else {
            Self { scale: 0.0, offset: 1.0 }
        }
    }

    fn pass(self, ds: &Lanes, ys: &Lanes, out: &mut Lanes) {
        for ((out, d), y) in out.0.iter_mut().zip(ds.0).zip(ys.0) {
            *out += if 0.0 < self.scale * y + self.offset { d } else { 0.0 };
        }
    }
}
