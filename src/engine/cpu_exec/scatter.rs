//! The gradient of columns, given back to the tensors that they were read from.

use std::ops::Range;

use crate::engine::cpu_exec::buffers::Buffer;
use crate::engine::cpu_exec::grads::GroupSink;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::plan::{Plan, Reads};
use crate::engine::cpu_exec::planes::Input;
use crate::engine::cpu_exec::slide::{OutputRows, Slide};
use crate::engine::kernel::{GradRow, Lanes, Target, depthwise, relu_grad, scale_pixels};
use crate::net::Shape;

/// Writes the gradients of one group's inputs, block by block.
pub(super) struct Scatter<'a> {
    inputs: Vec<Input<'a>>,
    sinks: Vec<GroupSink<'a>>,
    output: Shape,
    how: How,
}

enum How {
    Pixels,
    Halves,
    Taps(Slide),
    Depthwise(Box<Windows>),
}

/// What the gradient of a depthwise convolution needs.
struct Windows {
    slide: Slide,
    /// Gradients of the convolution, spread to the stride.
    rows: OutputRows,
    /// Its weights, back to front.
    flipped: Vec<f32>,
    /// Factors that leave a row as it is.
    ones: Vec<f32>,
    /// One row of the input's gradient.
    row: Buffer,
}

impl<'a> Scatter<'a> {
    /// Without sinks nobody asks for gradients.
    pub(super) fn new(
        job: &Job,
        plan: &Plan,
        depthwise: &[f32],
        inputs: &[Input<'a>],
        sinks: Vec<GroupSink<'a>>,
    ) -> Self {
        let how = match plan.reads {
            Reads::Pixels => How::Pixels,
            Reads::Halves => How::Halves,
            Reads::Taps(slide) => How::Taps(slide),
            Reads::Depthwise(slide) => {
                let taps = slide.window.kernel * slide.window.kernel;
                let flipped = depthwise.chunks_exact(taps).flat_map(|taps| taps.iter().rev());
                How::Depthwise(Box::new(Windows {
                    rows: OutputRows::new(&job.buffers, slide, 0.0, plan.block_rows),
                    slide,
                    flipped: flipped.copied().collect(),
                    ones: vec![1.0; plan.output.width],
                    row: job.scratch(slide.input.channels * slide.input.width),
                }))
            }
        };
        Self { inputs: inputs.to_vec(), sinks, output: plan.output, how }
    }

    /// Whether the gradient of the columns is of no use.
    pub(super) fn is_idle(&self) -> bool {
        self.sinks.is_empty() && !matches!(self.how, How::Depthwise(_))
    }

    /// The gradients `dxs`, `[row][in][column]`, of the columns of a block of output rows.
    pub(super) fn write(&mut self, job: &Job, rows: Range<usize>, dxs: &[Lanes]) {
        if self.sinks.is_empty() {
            return;
        }
        let dxs = rows.clone().zip(dxs.chunks_exact(dxs.len() / rows.len()));
        match &mut self.how {
            How::Pixels => dxs.for_each(|(row, dxs)| self.write_pixels(job, row, dxs)),
            How::Halves => dxs.for_each(|(row, dxs)| self.write_halves(row, dxs)),
            How::Taps(slide) => {
                let slide = *slide;
                if rows.start == 0 && !self.sinks[0].add {
                    self.sinks[0].out.fill(Lanes::default());
                }
                dxs.for_each(|(row, dxs)| self.write_taps(slide, row, dxs));
            }
            How::Depthwise(windows) => {
                let Windows { rows, slide, flipped, ones, row: scratch } = &mut **windows;
                let (input, sink) = (&self.inputs[0], &mut self.sinks[0]);
                let place = rows.place();
                for (_, dxs) in dxs {
                    scale_pixels(job.isa, dxs, ones, rows.give(), place);
                }
                while let Some(row) = rows.next_complete() {
                    let target = Target::Rows(scratch);
                    depthwise(job.isa, slide.transposed(), &rows.over(row), flipped, target);
                    let out = sink.row(row, scratch.len());
                    relu_grad(job.isa, scratch, input.raw(row), out);
                }
            }
        }
    }

    fn write_pixels(&mut self, job: &Job, row: usize, dxs: &[Lanes]) {
        let mut rest = dxs;
        for (input, sink) in self.inputs.iter().zip(&mut self.sinks) {
            let row_len = input.shape.channels * input.shape.width;
            let (dxs, others) = rest.split_at(row_len);
            rest = others;
            relu_grad(job.isa, dxs, input.raw(row), sink.row(row, row_len));
        }
    }

    /// Output row `row` reads input rows `2·row`, at even columns, and `2·row + 1`, at odd ones.
    fn write_halves(&mut self, row: usize, dxs: &[Lanes]) {
        let (input, sink) = (&self.inputs[0], &mut self.sinks[0]);
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
            let dxs = &dxs[shift * channels * self.output.width..];
            for (channel, dxs) in dxs.chunks_exact(self.output.width).take(channels).enumerate() {
                let places = (shift..width).step_by(2).map(|x| channel * width + x);
                let cell = Gate::of(input, channel);
                for (place, ds) in places.zip(dxs) {
                    cell.pass(ds, &input.row(at)[place], &mut out[place]);
                }
            }
        }
    }

    /// Every tap's gradient is added to the pixel under it.
    fn write_taps(&mut self, slide: Slide, row: usize, dxs: &[Lanes]) {
        let (input, sink) = (&self.inputs[0], &mut self.sinks[0]);
        let Shape { channels, height, width } = input.shape;
        let kernel = slide.window.kernel;
        let [above, before] = slide.pad();
        for (tap, dxs) in dxs.chunks_exact(self.output.width).enumerate() {
            let (channel, ky, kx) = (tap / (kernel * kernel), tap / kernel % kernel, tap % kernel);
            let Some(at) = (row + ky).checked_sub(above).filter(|&at| at < height) else {
                continue;
            };
            let cell = Gate::of(input, channel);
            for (x, ds) in dxs.iter().enumerate() {
                if let Some(x) = (x + kx).checked_sub(before).filter(|&x| x < width) {
                    let place = channel * width + x;
                    let out = &mut sink.row(at, channels * width).row[place];
                    cell.pass(ds, &input.row(at)[place], out);
                }
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
