//! Average and maximum pools, forward and backward.

use crate::engine::cpu_exec::grads::{GroupSink, Sink};
use crate::engine::cpu_exec::job::{Job, with_groups};
use crate::engine::cpu_exec::planes::{Input, Planes, Value};
use crate::engine::cpu_exec::slide::{InputRows, OutputRows, Slide};
use crate::engine::kernel::{
    Lanes, NO_TAP, Place, Target, depthwise, max_pool, max_pool_grad, max_pool_taps, relu_grad,
    scale_pixels,
};
use crate::net::{Layer, LayerKind};

/// A pool that has been run, with what its gradient needs.
#[derive(Debug)]
pub(super) struct Pool {
    slide: Slide,
    max: bool,
    relu: bool,
    input: Value,
}

impl Pool {
    /// Runs the layer; `None` where it is no pool.
    pub(super) fn run(job: &Job, layer: &Layer, input: &Value) -> Option<(Self, Value)> {
        let (max, relu) = match layer.kind {
            LayerKind::MaxPool { .. } => (true, false),
            LayerKind::AvgPool { .. } => (false, false),
            LayerKind::AuxPool => (false, true),
            _ => return None,
        };
        let slide = Slide::of(layer)?;
        let pool = Self { slide, max, relu, input: input.clone() };
        let factors = pool.factors();
        let (planes, _) = job.fill(slide.output, |group, out| {
            let input = pool.input.input(group, relu);
            if max {
                pool.max_group(job, input, out);
            } else {
                pool.mean_group(job, input, &factors, out);
            }
        });
        Some((pool, Value::plain(planes)))
    }

    /// What the sum of each window is multiplied by, `[row][column]`.
    fn factors(&self) -> Vec<f32> {
        let Slide { input, output, .. } = self.slide;
        let columns = self.slide.counts(input.width, output.width);
        let rows = self.slide.counts(input.height, output.height);
        let count = |row: usize| columns.iter().map(move |column| 1.0 / (row * column) as f32);
        rows.into_iter().flat_map(count).collect()
    }

    /// Sums every tap.
    fn ones(&self) -> Vec<f32> {
        let kernel = self.slide.window.kernel;
        vec![1.0; self.slide.input.channels * kernel * kernel]
    }

    fn max_group(&self, job: &Job, input: Input<'_>, out: &mut [Lanes]) {
        let mut rows = InputRows::new(&job.buffers, self.slide, input, f32::NEG_INFINITY, 1);
        let row_len = self.slide.output.channels * self.slide.output.width;
        for (row, out) in out.chunks_exact_mut(row_len).enumerate() {
            max_pool(job.isa, self.slide.windows(), &three(&rows.under(job.isa, row, 1)), out);
        }
    }

    fn mean_group(&self, job: &Job, input: Input<'_>, factors: &[f32], out: &mut [Lanes]) {
        let mut rows = InputRows::new(&job.buffers, self.slide, input, 0.0, 1);
        let (width, ones) = (self.slide.output.width, self.ones());
        let row_len = self.slide.output.channels * width;
        let mut sums = job.scratch(row_len);
        let place = Place { padded: width, before: 0, step: 1 };
        let by_row = out.chunks_exact_mut(row_len).zip(factors.chunks_exact(width));
        for (row, (out, factors)) in by_row.enumerate() {
            let rows = rows.under(job.isa, row, 1);
            depthwise(job.isa, self.slide.windows(), &rows, &ones, Target::Rows(&mut sums));
            scale_pixels(job.isa, &sums, factors, out, place);
        }
    }

    /// Given the gradient of the output, adds that of the input.
    pub(super) fn backward(&self, job: &Job, grad: &Planes, sink: &mut Sink) {
        let factors = self.factors();
        with_groups(sink.groups().collect(), |group, sink| {
            let (input, grad) = (self.input.input(group, self.relu), grad.group(group));
            if self.max {
                self.max_group_grad(job, input, grad, sink);
            } else {
                self.mean_group_grad(job, (input, &factors), grad, sink);
            }
        });
    }

    fn max_group_grad(&self, job: &Job, input: Input<'_>, grad: &[Lanes], mut sink: GroupSink<'_>) {
        let (isa, slide) = (job.isa, self.slide);
        let mut rows = InputRows::new(&job.buffers, slide, input, f32::NEG_INFINITY, 1);
        let mut taps = OutputRows::new(&job.buffers, slide, NO_TAP, 1);
        let mut ds = OutputRows::new(&job.buffers, slide, 0.0, 1);
        let place = ds.place();
        let ones = vec![1.0; slide.output.width];
        let row_len = slide.input.channels * slide.input.width;
        let mut scratch = job.scratch(row_len);
        let by_row = grad.chunks_exact(slide.output.channels * slide.output.width);
        for (row, grad) in by_row.enumerate() {
            let under = three(&rows.under(isa, row, 1));
            max_pool_taps(isa, slide.windows(), &under, taps.give(), place);
            scale_pixels(isa, grad, &ones, ds.give(), place);
            while let Some(row) = ds.next_complete() {
                let [taps, ds] = [&taps, &ds].map(|rows| three(&rows.over(row)));
                max_pool_grad(isa, slide.transposed(), &taps, &ds, &mut scratch);
                relu_grad(isa, &scratch, input.raw(row), sink.row(row, row_len));
            }
        }
    }

    fn mean_group_grad(
        &self,
        job: &Job,
        (input, factors): (Input<'_>, &[f32]),
        grad: &[Lanes],
        mut sink: GroupSink<'_>,
    ) {
        let (isa, slide, ones) = (job.isa, self.slide, self.ones());
        let mut ds = OutputRows::new(&job.buffers, slide, 0.0, 1);
        let place = ds.place();
        let width = slide.output.width;
        let row_len = slide.input.channels * slide.input.width;
        let mut scratch = job.scratch(row_len);
        let by_row = grad.chunks_exact(slide.output.channels * width);
        for (grad, factors) in by_row.zip(factors.chunks_exact(width)) {
            scale_pixels(isa, grad, factors, ds.give(), place);
            while let Some(row) = ds.next_complete() {
                let target = Target::Rows(&mut scratch);
                depthwise(isa, slide.transposed(), &ds.over(row), &ones, target);
                relu_grad(isa, &scratch, input.raw(row), sink.row(row, row_len));
            }
        }
    }
}

/// The rows under a maximum's window.
fn three<'a>(rows: &[&'a [Lanes]]) -> [&'a [Lanes]; 3] {
    rows.try_into().expect("the window of a max pool has three rows")
}
