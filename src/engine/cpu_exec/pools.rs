//! Average and maximum pools, forward and backward.

use crate::engine::cpu_exec::grads::{GroupSink, Sink};
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::planes::{Input, Planes, Value};
use crate::engine::cpu_exec::slide::{InputRows, OutputRows, Slide, counts};
use crate::engine::kernel::{
    GradRow, Isa, Lanes, NO_TAP, RowPlace, Target, add_assign, depthwise, max_pool, max_pool_grad,
    max_pool_taps, relu_grad, scale_pixels,
};
use crate::net::{Layer, LayerKind};

/// A pool, with the factors that it multiplies by.
#[derive(Debug)]
pub(super) struct Pool {
    slide: Slide,
    kind: Kind,
    /// What the sum of each window is multiplied by, `[row][column]`.
    factors: Vec<f32>,
    /// Sums every tap, and leaves every pixel as it is.
    ones: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Max,
    Mean { relu: bool },
}

impl Pool {
    /// `None` for a layer that is no pool.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        let kind = match layer.kind {
            LayerKind::MaxPool { .. } => Kind::Max,
            LayerKind::AvgPool { .. } => Kind::Mean { relu: false },
            LayerKind::AuxPool => Kind::Mean { relu: true },
            _ => return None,
        };
        let slide = Slide::of(layer)?;
        let Slide { window, input, output, .. } = slide;
        let columns: Vec<usize> = counts(window.columns, input.width).collect();
        let rows = counts(window.rows, input.height);
        let share = |row: usize| columns.iter().map(move |column| 1.0 / (row * column) as f32);
        let factors = rows.flat_map(share).collect();
        let taps = input.channels * window.area();
        Some(Self { slide, kind, factors, ones: vec![1.0; taps.max(output.width)] })
    }

    /// Whether the gradient depends on the input.
    pub(super) fn needs_input(&self) -> bool {
        self.kind != Kind::Mean { relu: false }
    }

    pub(super) fn forward(&self, job: &Job, input: &Value) -> Value {
        let planes = job.fill(self.slide.output, |group, out| match self.kind {
            Kind::Max => self.max_group(job, input.input(group, false), out),
            Kind::Mean { relu } => self.mean_group(job, input.input(group, relu), out),
        });
        Value::plain(&job.buffers, planes)
    }

    fn taps(&self) -> &[f32] {
        &self.ones[..self.slide.input.channels * self.slide.window.area()]
    }

    fn max_group(&self, job: &Job, input: Input<'_>, out: &mut [Lanes]) {
        let mut rows = InputRows::new(&job.buffers, self.slide, input, f32::NEG_INFINITY, 1);
        let row_len = self.slide.output.channels * self.slide.output.width;
        for (row, out) in out.chunks_exact_mut(row_len).enumerate() {
            max_pool(job.isa, self.slide.windows(), &three(&rows.under(job.isa, row, 1)), out);
        }
    }

    fn mean_group(&self, job: &Job, input: Input<'_>, out: &mut [Lanes]) {
        let mut rows = InputRows::new(&job.buffers, self.slide, input, 0.0, 1);
        let (width, taps) = (self.slide.output.width, self.taps());
        let row_len = self.slide.output.channels * width;
        let mut sums = job.scratch(row_len);
        let place = RowPlace { padded: width, before: 0, step: 1 };
        let by_row = out.chunks_exact_mut(row_len).zip(self.factors.chunks_exact(width));
        for (row, (out, factors)) in by_row.enumerate() {
            let rows = rows.under(job.isa, row, 1);
            depthwise(job.isa, self.slide.windows(), &rows, taps, Target::Rows(&mut sums));
            scale_pixels(job.isa, &sums, factors, out, place);
        }
    }

    /// Given the gradient of the output, adds that of the input, whose value is there where it
    /// is needed.
    pub(super) fn backward(
        &self,
        job: &Job,
        input: Option<&Value>,
        grad: &Planes,
        sink: &mut Sink,
    ) {
        job.by_group(sink.parts(), |group, sink| {
            let (sink, grad) = (sink.own(), grad.group(group));
            let input = |relu| input.map(|input| input.input(group, relu));
            match self.kind {
                Kind::Max => {
                    if let Some(input) = input(false) {
                        self.max_group_grad(job, input, grad, sink);
                    }
                }
                Kind::Mean { relu } => {
                    self.mean_group_grad(job, input(relu).filter(|_| relu), grad, sink);
                }
            }
        });
    }

    fn max_group_grad(&self, job: &Job, input: Input<'_>, grad: &[Lanes], mut sink: GroupSink<'_>) {
        let (isa, slide) = (job.isa, self.slide);
        let mut rows = InputRows::new(&job.buffers, slide, input, f32::NEG_INFINITY, 1);
        let mut taps = OutputRows::new(&job.buffers, slide, NO_TAP, 1);
        let mut ds = OutputRows::new(&job.buffers, slide, 0.0, 1);
        let place = slide.spread();
        let ones = &self.ones[..slide.output.width];
        let row_len = slide.input.channels * slide.input.width;
        let mut scratch = job.scratch(row_len);
        let by_row = grad.chunks_exact(slide.output.channels * slide.output.width);
        for (row, grad) in by_row.enumerate() {
            let under = three(&rows.under(isa, row, 1));
            max_pool_taps(isa, slide.windows(), &under, taps.give(), place);
            scale_pixels(isa, grad, ones, ds.give(), place);
            while let Some(row) = ds.next_complete() {
                let [taps, ds] = [&taps, &ds].map(|rows| three(&rows.over(row)));
                write_row(isa, sink.row(row, row_len), &mut scratch, |out| {
                    max_pool_grad(isa, slide.transposed(), &taps, &ds, out);
                });
            }
        }
    }

    /// `relu` is the input where its ReLU comes first.
    fn mean_group_grad(
        &self,
        job: &Job,
        relu: Option<Input<'_>>,
        grad: &[Lanes],
        mut sink: GroupSink<'_>,
    ) {
        let (isa, slide) = (job.isa, self.slide);
        let mut ds = OutputRows::new(&job.buffers, slide, 0.0, 1);
        let place = slide.spread();
        let width = slide.output.width;
        let row_len = slide.input.channels * slide.input.width;
        let mut scratch = job.scratch(row_len);
        let by_row = grad.chunks_exact(slide.output.channels * width);
        for (grad, factors) in by_row.zip(self.factors.chunks_exact(width)) {
            scale_pixels(isa, grad, factors, ds.give(), place);
            while let Some(row) = ds.next_complete() {
                let (over, out) = (ds.over(row), sink.row(row, row_len));
                let sum = |out: &mut [Lanes]| {
                    depthwise(isa, slide.transposed(), &over, self.taps(), Target::Rows(out));
                };
                match &relu {
                    Some(input) => {
                        sum(&mut scratch);
                        relu_grad(isa, &scratch, input.raw(row), out);
                    }
                    None => write_row(isa, out, &mut scratch, sum),
                }
            }
        }
    }
}

/// Has `write` write the row, or something to be added to it.
fn write_row(
    isa: Isa,
    target: GradRow<'_>,
    scratch: &mut [Lanes],
    write: impl FnOnce(&mut [Lanes]),
) {
    if target.add {
        write(scratch);
        add_assign(isa, scratch, target.row);
    } else {
        write(target.row);
    }
}

/// The rows under a maximum's window.
fn three<'a>(rows: &[&'a [Lanes]]) -> [&'a [Lanes]; 3] {
    rows.try_into().expect("the window of a max pool has three rows")
}
