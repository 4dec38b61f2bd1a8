//! The way back through a normalized layer: the gradients of its inputs and of its parameters.

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::columns::Columns;
use crate::engine::cpu_exec::found;
use crate::engine::cpu_exec::grads::{Grads, GroupSink, Sink, SinkParts};
use crate::engine::cpu_exec::groups::{Each, PerInput};
use crate::engine::cpu_exec::job::add_up;
use crate::engine::cpu_exec::norm::{KnownNorm, NormGrad};
use crate::engine::cpu_exec::plan::{OutputBlock, Reads};
use crate::engine::cpu_exec::planes::{Planes, Value};
use crate::engine::cpu_exec::product::Product;
use crate::engine::cpu_exec::scatter::{Scatter, flipped};
use crate::engine::kernel::{
    Lanes, NormGradRows, Packed, PaddedRows, RowPlace, WeightSums, depthwise_weight_grad, gemm,
    gemm_nt, grad_sums, norm_grad_columns, winograd_output_grads,
};
use crate::net::TensorId;

impl Product<'_> {
    /// Given the gradient of the output, which is tensor `from`, adds those of the inputs and
    /// writes those of the parameters. `input_ids` are the inputs' tensors; tensor 0, the images,
    /// has no gradient.
    pub(super) fn backward(
        &self,
        (output, norm): (&Value, &KnownNorm),
        (from, input_ids): (TensorId, &[TensorId]),
        tensors: &mut Grads,
        grads: &Snapshot,
    ) -> Result<()> {
        let Self { job, plan, .. } = self;
        let matrix = plan.matrix(job, self.weights)?;
        let depthwise = self.depthwise()?;
        let flipped = flipped(job, plan, &depthwise);
        let mut packed = job.buffers.numbers(matrix.len());
        let transposed = plan.packed(Packed::transposed, &matrix, &mut packed);
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
            transposed: &transposed,
            depthwise: [&depthwise, &flipped],
        };
        job.by_group((sink_parts, sums_of_groups), |group, (sinks, (matrix, depthwise))| {
            let sinks = sinks.into_iter().map(SinkParts::own).collect();
            way.run(group, sinks, Sums { matrix: matrix.own(), depthwise: depthwise.own() });
        });
        sinks.into_iter().for_each(|sink| tensors.close(sink));
        let add = |sum: &mut f32, other: &f32| *sum += other;
        plan.keep(job, add_up(&mut sums, matrix.len(), add), grads)?;
        if let Some(name) = &plan.depthwise {
            let sums = add_up(&mut depthwise_sums, depthwise.len(), add);
            found::write(grads, name, |values| values.copy_from_slice(sums))?;
        }
        let [scale, offset] = &plan.norm;
        found::write(grads, scale, |values| values.copy_from_slice(&norm.gamma))?;
        found::write(grads, offset, |values| values.copy_from_slice(&norm.beta))
    }

    fn norm_grad(&self, grad: &Planes, output: &Value, norm: &KnownNorm) -> NormGrad {
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
    transposed: &'a [Packed<'a>],
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
        let [mut columns, mut dys, mut line] = [
            plan.columns_len(plan.block_rows, ins),
            plan.columns_len(plan.block_rows, outs),
            if let Reads::Winograd(tiling) = plan.reads { tiling.line_len() } else { 0 },
        ]
        .map(|len| job.scratch(len));
        for block in plan.output_blocks() {
            let (n_rows, n) = (block.rows.len(), plan.columns(&block));
            let columns = &mut columns[..plan.columns_len(n_rows, ins)];
            let under = reader.read(job.isa, &block, columns);
            let dys = &mut dys[..plan.columns_len(n_rows, outs)];
            self.read_grad(group, &block, dys, &mut line);
            for (matrix, sums) in sums.matrix.chunks_exact_mut(outs * ins).enumerate() {
                let dys = plan.columns_of(matrix, dys, [n, outs]);
                let columns = plan.columns_of(matrix, columns, [n, ins]);
                gemm_nt(job.isa, [dys, columns], &valid, sums, outs);
            }
            if scatter.is_idle() {
                continue;
            }
            if let Reads::Winograd(tiling) = plan.reads {
                let place = tiling.products(ins);
                for (pair, out) in scatter.block_mut().chunks_exact_mut(place.pair).enumerate() {
                    let dys = plan.columns_of(pair, dys, [n, outs]);
                    gemm(job.isa, self.transposed[pair], dys, out, place.channel);
                }
            } else {
                for (row, dys) in dys.chunks_exact(width * outs).enumerate() {
                    let (out, stride) = scatter.columns_mut(row);
                    gemm(job.isa, self.transposed[0], dys, out, stride);
                }
            }
            if let Reads::Depthwise(slide) = plan.reads {
                let (ds, RowPlace { padded, before, .. }) = scatter.columns(n_rows);
                let ds = PaddedRows { rows: &ds, padded, before };
                let sums = WeightSums { valid: &valid, sums: &mut *sums.depthwise };
                depthwise_weight_grad(job.isa, slide.windows(), &under, ds, sums);
            }
            scatter.write(&block);
        }
    }

    /// The gradient before the batch normalization, `[pixel][out]`, or `[tile][out]` for each
    /// pair of points.
    fn read_grad(&self, group: usize, block: &OutputBlock, dys: &mut [Lanes], line: &mut [Lanes]) {
        let Product { job, plan, .. } = self.product;
        let rows = &block.rows;
        let (outs, width) = (plan.outs(), plan.output.width);
        let row_len = outs * width;
        let [ds, ys] = self
            .planes
            .map(|planes| &planes.group(group)[rows.start * row_len..rows.end * row_len]);
        if let Reads::Winograd(tiling) = plan.reads {
            let (tiles, place) = (tiling.row(&block.tiles, outs), tiling.columns(outs));
            let len = tiling.side * row_len;
            for (row, (ds, ys)) in ds.chunks(len).zip(ys.chunks(len)).enumerate() {
                let grads = NormGradRows { ds, ys, coefficients: self.norm };
                let dys = &mut dys[row * tiles.n * place.tile..];
                winograd_output_grads(job.isa, tiles, (grads, width), (dys, place), line);
            }
        } else {
            let rows = ds.chunks_exact(row_len).zip(ys.chunks_exact(row_len));
            for ((ds, ys), dys) in rows.zip(dys.chunks_exact_mut(row_len)) {
                norm_grad_columns(job.isa, ds, ys, self.norm, dys);
            }
        }
    }
}
