//! Sums, joins and drop-path: layers that only move activations.

use crate::engine::cpu_exec::buffers::Numbers;
use crate::engine::cpu_exec::grads::{Grads, Sink};
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::planes::{Planes, Value};
use crate::engine::kernel::{Lanes, Padded, add_affine, add_assign, affine_padded};
use crate::net::{Shape, TensorId};

/// The sum of two values.
pub(super) fn add(job: &Job, a: &Value, b: &Value) -> Value {
    let shape = a.shape();
    let row_len = shape.channels * shape.width;
    let planes = job.fill(shape, |group, out| {
        let inputs = [a, b].map(|value| value.planes.group(group));
        let rows = inputs[0].chunks_exact(row_len).zip(inputs[1].chunks_exact(row_len));
        for (out, (xs, ys)) in out.chunks_exact_mut(row_len).zip(rows) {
            add_affine(job.isa, (xs, a.affine()), (ys, b.affine()), out);
        }
    });
    Value::plain(&job.buffers, planes)
}

/// Values joined on channels.
pub(super) fn concat(job: &Job, values: &[&Value], shape: Shape) -> Value {
    let planes = job.fill(shape, |group, out| {
        for (row, mut out) in out.chunks_exact_mut(shape.channels * shape.width).enumerate() {
            for value in values {
                let raw = value.input(group, false).raw(row);
                let (own, rest) = out.split_at_mut(raw.xs.len());
                let pad = Padded { before: 0, padded: shape.width };
                affine_padded(job.isa, raw, own, pad);
                out = rest;
            }
        }
    });
    Value::plain(&job.buffers, planes)
}

/// A value with zeros around it, so many rows above and columns left of it.
pub(super) fn pad(job: &Job, value: &Value, [above, left]: [usize; 2], shape: Shape) -> Value {
    let rows = value.shape().height;
    let place = Padded { before: left, padded: shape.width };
    let planes = job.fill(shape, |group, out| {
        out.fill(Lanes::splat(0.0));
        let input = value.input(group, false);
        let out = out.chunks_exact_mut(shape.channels * shape.width).skip(above).take(rows);
        for (row, out) in out.enumerate() {
            affine_padded(job.isa, input.raw(row), out, place);
        }
    });
    Value::plain(&job.buffers, planes)
}

/// Given the gradient of a value with zeros around it, adds that of the value, of the given shape.
pub(super) fn pad_grad(
    job: &Job,
    [above, left]: [usize; 2],
    (grad, shape): (&Planes, Shape),
    sink: &mut Sink,
) {
    let Shape { channels, height, width } = shape;
    let whole = grad.shape.width;
    job.by_group(sink.parts(), |group, sink| {
        let sink = sink.own();
        let grad = grad.group(group).chunks_exact(whole).skip(above * channels);
        let lines = sink.out.chunks_exact_mut(width).zip(grad).take(height * channels);
        for (out, line) in lines {
            write(job, &line[left..][..width], out, sink.add);
        }
    });
}

/// Zeros.
pub(super) fn zeros(job: &Job, shape: Shape) -> Value {
    let planes = job.fill(shape, |_, out| out.fill(Lanes::splat(0.0)));
    Value::plain(&job.buffers, planes)
}

/// Hands each input of a join its channels of the gradient of tensor `from`.
pub(super) fn concat_grad(
    job: &Job,
    (from, joined): (TensorId, Shape),
    inputs: impl Iterator<Item = (TensorId, Shape)>,
    grads: &mut Grads,
) {
    let row_len = joined.channels * joined.width;
    let mut first = 0;
    for (id, shape) in inputs {
        let own_len = shape.channels * shape.width;
        grads.write(job, id, shape, |grads, sink| {
            let Some(grad) = grads.get(from) else { return };
            job.by_group(sink.parts(), |group, sink| {
                let (sink, rows) = (sink.own(), grad.group(group).chunks_exact(row_len));
                for (out, row) in sink.out.chunks_exact_mut(own_len).zip(rows) {
                    write(job, &row[first..][..own_len], out, sink.add);
                }
            });
        });
        first += own_len;
    }
}

fn write(job: &Job, xs: &[Lanes], out: &mut [Lanes], add: bool) {
    if add {
        add_assign(job.isa, xs, out);
    } else {
        out.copy_from_slice(xs);
    }
}

/// Factors of the images, one `Lanes` a group: drop-path scales whole images.
#[derive(Debug)]
pub(super) struct ImageFactors(pub(super) Numbers<Lanes>);

impl ImageFactors {
    /// Each image of the value times its factor.
    pub(super) fn apply(&self, job: &Job, value: &Value) -> Value {
        let shape = value.shape();
        let row_len = shape.channels * shape.width;
        let planes = job.fill(shape, |group, out| {
            let input = value.input(group, false);
            let pad = Padded { before: 0, padded: shape.width };
            for (row, out) in out.chunks_exact_mut(row_len).enumerate() {
                affine_padded(job.isa, input.raw(row), out, pad);
                for out in out {
                    *out = times(*out, self.0[group]);
                }
            }
        });
        Value::plain(&job.buffers, planes)
    }

    /// Given the gradient of the output, adds that of the input.
    pub(super) fn backward(&self, job: &Job, grad: &Planes, sink: &mut Sink) {
        job.by_group(sink.parts(), |group, sink| {
            let (sink, factors) = (sink.own(), self.0[group]);
            for (out, d) in sink.out.iter_mut().zip(grad.group(group)) {
                let d = times(*d, factors);
                *out = if sink.add { plus(*out, d) } else { d };
            }
        });
    }
}

fn times(a: Lanes, b: Lanes) -> Lanes {
    Lanes(std::array::from_fn(|lane| a.0[lane] * b.0[lane]))
}

fn plus(a: Lanes, b: Lanes) -> Lanes {
    Lanes(std::array::from_fn(|lane| a.0[lane] + b.0[lane]))
}
