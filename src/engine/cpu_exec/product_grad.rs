//! The way back through a normalized layer: the gradients of its inputs and of its parameters.

use std::ops::Range;

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::columns::Columns;
use crate::engine::cpu_exec::found;
use crate::engine::cpu_exec::grads::{Grads, GroupSink, Sink, SinkParts};
use crate::engine::cpu_exec::groups::{Each, PerInput};
use crate::engine::cpu_exec::job::add_up;
use crate::engine::cpu_exec::norm::{Norm, NormGrad};
use crate::engine::cpu_exec::plan::Reads;
use crate::engine::cpu_exec::planes::{Planes, Value};
use crate::engine::cpu_exec::product::Product;
use crate::engine::cpu_exec::scatter::{Scatter, flipped};
use crate::engine::kernel::{
    Lanes, Packed, PaddedRows, Place, WeightSums, depthwise_weight_grad, gemm, gemm_nt, grad_sums,
    norm_grad_columns,
};
use crate::net::TensorId;

impl Product<'_> {
    /// Given the gradient of the output, which is tensor `from`, adds those of the inputs and
    /// writes those of the parameters. `input_ids` are the inputs' tensors; tensor 0, the images,
    /// has no gradient.
    pub(super) fn backward(
        &self,
        (output, norm): (&Value, &Norm),
        (from, input_ids): (TensorId, &[TensorId]),
        tensors: &mut Grads,
        grads: &Snapshot,
    ) -> Result<()> {
        let Self { job, plan, .. } = self;
        let matrix = plan.matrix(&job.buffers, self.weights)?;
        let depthwise = self.depthwise()?;
        let flipped = flipped(job, plan, &depthwise);
        let mut packed = job.buffers.numbers(matrix.len());
        let transposed = Packed::transposed(plan.outs(), &matrix, &mut packed);
        let wanted = input_ids.iter().zip(&self.inputs).filter(|(id, _)| **id != 0);
        let mut sinks: PerInput<Sink> =
            wanted.map(|(&id, value)| tensors.open(job, id, value.shape())).collect();
        let Some(grad) = tensors.get(from) else { return Ok(()) };
        let norm = self.norm_grad(grad, output, norm);
        let n_groups = job.batch.groups();
        let mut sums = job.buffers.filled(n_groups * matrix.len(), 0.0_f32);
        let mut depthwise_sums = job.buffers.filled(n_groups * depthwise.len(), 0.0_f32);
        let sums_of_groups =
            (Each::new(&mut sums, matrix.len()), Each::new(&mut depthwise_sums, depthwise.len()));
        let sink_parts: PerInput<_> = sinks.iter_mut().map(Sink::parts).collect();
        let way = Backward {
            product: self,
            planes: [grad, &output.planes],
            norm: &norm.coefficients,
            transposed,
            depthwise: [&depthwise, &flipped],
        };
        job.by_group((sink_parts, sums_of_groups), |group, (sinks, (matrix, depthwise))| {
            let sinks = sinks.into_iter().map(SinkParts::own).collect();
            way.run(group, sinks, Sums { matrix: matrix.own(), depthwise: depthwise.own() });
        });
        sinks.into_iter().for_each(|sink| tensors.close(sink));
        let add = |sum: &mut f32, other: &f32| *sum += other;
        plan.keep(add_up(&mut sums, matrix.len(), add), grads)?;
        if let Some(name) = &plan.depthwise {
            let sums = add_up(&mut depthwise_sums, depthwise.len(), add);
            found::write(grads, name, |values| values.copy_from_slice(sums))?;
        }
        let [scale, offset] = &plan.norm;
        found::write(grads, scale, |values| values.copy_from_slice(&norm.gamma))?;
        found::write(grads, offset, |values| values.copy_from_slice(&norm.beta))
    }

    fn norm_grad(&self, grad: &Planes, output: &Value, norm: &Norm) -> NormGrad {
        let Self { job, plan, .. } = self;
        let mut sums = job.sums(plan.outs());
        job.by_group(sums.parts(), |group, sums| {
            let valid = job.batch.valid(group);
            let ys = [grad.group(group), output.planes.group(group)];
            grad_sums(job.isa, ys, plan.output.width, &valid, sums.own());
        });
        norm.grad(&job.buffers, sums.total(), job.batch.images * plan.output.plane())
    }
}

/// The way back through one layer.
struct Backward<'a, 'p> {
    product: &'a Product<'p>,
    /// The gradient of the output, and the output as the matrix product left it.
    planes: [&'a Planes; 2],
    /// Of the gradient through the batch normalization.
    norm: &'a [[f32; 3]],
    transposed: Packed<'a>,
    /// The depthwise weights, and the same back to front.
    depthwise: [&'a [f32]; 2],
}

/// One group's share of the gradients of the weights.
struct Sums<'a> {
    matrix: &'a mut [f32],
    depthwise: &'a mut [f32],
}

impl Backward<'_, '_> {
    /// Goes through one group.
    fn run(&self, group: usize, sinks: PerInput<GroupSink<'_>>, sums: Sums<'_>) {
        let Product { job, plan, .. } = self.product;
        let (width, outs, ins) = (plan.output.width, plan.outs(), plan.ins);
        let valid = job.batch.valid(group);
        let inputs = self.product.inputs_of(group);
        let [depthwise, flipped] = self.depthwise;
        let mut scatter = Scatter::new(job, plan, flipped, inputs.clone(), sinks);
        let mut reader = Columns::new(&job.buffers, plan, inputs, depthwise);
        let pixels = plan.block_rows * width;
        let [mut columns, mut dys] = [pixels * ins, pixels * outs].map(|len| job.scratch(len));
        for rows in plan.row_blocks() {
            let pixels = rows.len() * width;
            let columns = &mut columns[..pixels * ins];
            let under = reader.read(job.isa, rows.start, rows.len(), columns);
            let dys = &mut dys[..pixels * outs];
            self.read_grad(group, rows.clone(), dys);
            gemm_nt(job.isa, [dys, columns], &valid, sums.matrix, outs);
            if scatter.is_idle() {
                continue;
            }
            for (row, dys) in dys.chunks_exact(width * outs).enumerate() {
                let (out, stride) = scatter.columns_mut(row);
                gemm(job.isa, self.transposed, dys, out, stride);
            }
            if let Reads::Depthwise(slide) = plan.reads {
                let (ds, Place { padded, before, .. }) = scatter.columns(rows.len());
                let ds = PaddedRows { rows: &ds, padded, before };
                let sums = WeightSums { valid: &valid, sums: &mut *sums.depthwise };
                depthwise_weight_grad(job.isa, slide.windows(), &under, ds, sums);
            }
            scatter.write(rows);
        }
    }

    /// The gradient before the batch normalization, `[pixel][out]`.
    fn read_grad(&self, group: usize, rows: Range<usize>, dys: &mut [Lanes]) {
        let Product { job, plan, .. } = self.product;
        let row_len = plan.output.width * plan.outs();
        for (row, dys) in rows.zip(dys.chunks_exact_mut(row_len)) {
            let [ds, ys] =
                self.planes.map(|planes| &planes.group(group)[row * row_len..][..row_len]);
            norm_grad_columns(job.isa, ds, ys, self.norm, dys);
        }
    }
}
