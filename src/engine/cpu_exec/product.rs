//! A normalized layer forward and backward: columns, matrix product, batch normalization.
//!
//! ```text
//! y = W·X        ∂W += ∂y·Xᵀ        ∂X = Wᵀ·∂y
//! ```
//!
//! The columns `X` live only in the cache: the backward pass reads them anew.

use std::ops::Range;

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::columns::Columns;
use crate::engine::cpu_exec::grads::{Grads, GroupSink, Sink};
use crate::engine::cpu_exec::job::{Job, add_up, with_groups};
use crate::engine::cpu_exec::norm::{Moments, Norm, NormGrad};
use crate::engine::cpu_exec::plan::{Plan, Reads};
use crate::engine::cpu_exec::planes::{Input, Planes, Value};
use crate::engine::cpu_exec::scatter::Scatter;
use crate::engine::cpu_exec::weights::{Weights, tensor};
use crate::engine::kernel::{
    Lanes, Packed, PaddedRows, WeightSums, channel_sums, depthwise_weight_grad, gemm, gemm_nt,
    grad_sums, norm_grad_columns,
};
use crate::net::TensorId;

/// A layer that has been run, with what its gradient needs.
#[derive(Debug)]
pub(super) struct Product {
    plan: Plan,
    matrix: Vec<f32>,
    depthwise: Vec<f32>,
    inputs: Vec<Value>,
    output: Value,
    norm: Norm,
}

impl Product {
    /// Runs the layer; with `given` moments, or by those of the batch.
    pub(super) fn run(
        job: &Job,
        plan: Plan,
        weights: &Weights<'_>,
        inputs: Vec<Value>,
        given: Option<Moments>,
    ) -> Result<Self> {
        let matrix = plan.matrix(weights)?;
        let depthwise = match &plan.depthwise {
            Some(name) => weights.get(name)?,
            None => Vec::new(),
        };
        let packed = Packed::new(plan.outs(), &matrix);
        let (planes, sums) = job.fill(plan.output, |group, ys| {
            let inputs = inputs.iter().map(|value| value.input(group, plan.relu)).collect();
            let columns = Columns::new(&job.buffers, &plan, inputs, &depthwise);
            let mut sums = vec![[0.0; 2]; plan.outs()];
            let sums_of = given.is_none().then_some(&mut sums[..]);
            Forward { job, plan: &plan, packed: &packed, group }.run(columns, ys, sums_of);
            sums
        });
        let moments = match given {
            Some(moments) => moments,
            None => Moments::of_sums(&add_up(sums), job.batch.images * plan.output.plane()),
        };
        let gamma = weights.get(&format!("{}.scale", plan.norm))?;
        let beta = weights.get(&format!("{}.offset", plan.norm))?;
        let norm = Norm::new(moments, gamma, &beta);
        let output = Value {
            planes: planes.into(),
            scale: norm.scale.as_slice().into(),
            offset: norm.offset.as_slice().into(),
        };
        Ok(Self { plan, matrix, depthwise, inputs, output, norm })
    }

    pub(super) fn output(&self) -> &Value {
        &self.output
    }

    /// Puts mean and variance under their names.
    pub(super) fn keep_moments(&self, moments: &mut Snapshot) -> Result<()> {
        let Moments { mean, variance } = self.norm.moments();
        for (name, values) in [("mean", mean), ("variance", variance)] {
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            let name = format!("{}.{name}", self.plan.norm);
            moments.insert(name, tensor(values, &[self.plan.outs()])?);
        }
        Ok(())
    }

    /// Given the gradient of the output, adds those of the inputs and of the parameters.
    /// `input_ids` are the inputs' tensors; tensor 0, the images, has no gradient.
    pub(super) fn backward(
        &self,
        job: &Job,
        grad: &Planes,
        input_ids: &[TensorId],
        grads: (&mut Grads, &mut Snapshot),
    ) -> Result<()> {
        let (tensors, params) = grads;
        let norm = self.norm_grad(job, grad);
        let transposed = Packed::transposed(self.plan.outs(), &self.matrix);
        let wanted = input_ids.iter().zip(&self.inputs).filter(|(id, _)| **id != 0);
        let mut sinks: Vec<Sink> =
            wanted.map(|(&id, value)| tensors.open(job, id, value.shape())).collect();
        let sums = with_groups(by_group(&mut sinks, job.batch.groups()), |group, sinks| {
            let norm = &norm.coefficients;
            Backward { job, product: self, grad, norm, transposed: &transposed }.run(group, sinks)
        });
        for sink in sinks {
            tensors.close(sink);
        }
        self.keep_grads(sums, norm, params)
    }

    fn norm_grad(&self, job: &Job, grad: &Planes) -> NormGrad {
        let output = &self.output.planes;
        let sums = job.each_group(|group| {
            let mut sums = vec![[0.0; 2]; self.plan.outs()];
            let valid = job.batch.valid(group);
            let ys = [grad.group(group), output.group(group)];
            grad_sums(job.isa, ys, self.plan.output.width, &valid, &mut sums);
            sums
        });
        self.norm.grad(&add_up(sums), job.batch.images * self.plan.output.plane())
    }

    fn keep_grads(&self, sums: Vec<Sums>, norm: NormGrad, params: &mut Snapshot) -> Result<()> {
        let plan = &self.plan;
        let Some(sums) = sums.into_iter().reduce(Sums::plus) else { return Ok(()) };
        for (name, dims, values) in plan.split(&sums.matrix) {
            params.insert(name.to_owned(), tensor(values, dims)?);
        }
        if let (Some(name), Reads::Depthwise(slide)) = (&plan.depthwise, plan.reads) {
            let kernel = slide.window.kernel;
            let dims = [slide.input.channels, kernel, kernel];
            params.insert(name.clone(), tensor(sums.depthwise, &dims)?);
        }
        for (name, values) in [("scale", norm.gamma), ("offset", norm.beta)] {
            params.insert(format!("{}.{name}", plan.norm), tensor(values, &[plan.outs()])?);
        }
        Ok(())
    }
}

/// The way back through one layer.
struct Backward<'a> {
    job: &'a Job,
    product: &'a Product,
    grad: &'a Planes,
    /// Of the gradient through the batch normalization.
    norm: &'a [[f32; 3]],
    transposed: &'a Packed,
}

impl Backward<'_> {
    /// Goes through one group.
    fn run(&self, group: usize, sinks: Vec<GroupSink<'_>>) -> Sums {
        let Self { job, product: Product { plan, depthwise, inputs, .. }, .. } = self;
        let (width, outs, ins) = (plan.output.width, plan.outs(), plan.ins);
        let valid = job.batch.valid(group);
        let inputs: Vec<Input<'_>> =
            inputs.iter().map(|value| value.input(group, plan.relu)).collect();
        let mut scatter = Scatter::new(job, plan, depthwise, &inputs, sinks);
        let mut reader = Columns::new(&job.buffers, plan, inputs, depthwise);
        let pixels = plan.block_rows * width;
        let [mut columns, mut dys, mut dxs] =
            [pixels * ins, pixels * outs, pixels * ins].map(|len| job.scratch(len));
        let mut sums = Sums::new(outs * ins, depthwise.len());
        for rows in plan.row_blocks() {
            let pixels = rows.len() * width;
            let columns = &mut columns[..pixels * ins];
            let under = reader.read(job.isa, rows.start, rows.len(), columns);
            let dys = &mut dys[..pixels * outs];
            self.read_grad(group, rows.clone(), dys);
            gemm_nt(job.isa, [dys, columns], &valid, &mut sums.matrix, outs);
            if scatter.is_idle() {
                continue;
            }
            let dxs = &mut dxs[..pixels * ins];
            let by_row = dys.chunks_exact(width * outs).zip(dxs.chunks_exact_mut(width * ins));
            by_row.for_each(|(dys, dxs)| gemm(job.isa, self.transposed, dys, dxs, width));
            if let Reads::Depthwise(slide) = plan.reads {
                let rows: Vec<&[Lanes]> = dxs.chunks_exact(width * ins).collect();
                let ds = PaddedRows { rows: &rows, padded: width, before: 0 };
                let weight_sums = WeightSums { valid: &valid, sums: &mut sums.depthwise };
                depthwise_weight_grad(job.isa, slide.windows(), &under, ds, weight_sums);
            }
            scatter.write(job, rows, dxs);
        }
        sums
    }

    /// The gradient before the batch normalization, `[pixel][out]`.
    fn read_grad(&self, group: usize, rows: Range<usize>, dys: &mut [Lanes]) {
        let Self { job, product, grad, .. } = self;
        let row_len = product.plan.output.width * product.plan.outs();
        for (row, dys) in rows.zip(dys.chunks_exact_mut(row_len)) {
            let [ds, ys] = [*grad, &product.output.planes]
                .map(|planes| &planes.group(group)[row * row_len..][..row_len]);
            norm_grad_columns(job.isa, ds, ys, self.norm, dys);
        }
    }
}

/// One group's share of the gradients of the weights.
struct Sums {
    matrix: Vec<f32>,
    depthwise: Vec<f32>,
}

impl Sums {
    fn new(matrix: usize, depthwise: usize) -> Self {
        Self { matrix: vec![0.0; matrix], depthwise: vec![0.0; depthwise] }
    }

    fn plus(mut self, other: Self) -> Self {
        let add = |sums: &mut [f32], others: &[f32]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        };
        add(&mut self.matrix, &other.matrix);
        add(&mut self.depthwise, &other.depthwise);
        self
    }
}

/// One group on its way forward.
struct Forward<'a> {
    job: &'a Job,
    plan: &'a Plan,
    packed: &'a Packed,
    group: usize,
}

impl Forward<'_> {
    /// Writes the group's raw output; into `sums`, `[Σ y, Σ y²]` of each channel.
    fn run(self, mut reader: Columns<'_>, ys: &mut [Lanes], mut sums: Option<&mut [[f64; 2]]>) {
        let Self { job, plan, packed, group } = self;
        let (width, outs, ins) = (plan.output.width, plan.outs(), plan.ins);
        let valid = job.batch.valid(group);
        let mut columns = job.scratch(plan.block_rows * width * ins);
        for rows in plan.row_blocks() {
            let n = rows.len();
            let columns = &mut columns[..n * width * ins];
            reader.read(job.isa, rows.start, n, columns);
            let ys = &mut ys[rows.start * width * outs..][..n * width * outs];
            let by_row = ys.chunks_exact_mut(width * outs).zip(columns.chunks_exact(width * ins));
            by_row.for_each(|(ys, columns)| gemm(job.isa, packed, columns, ys, width));
            if let Some(sums) = &mut sums {
                channel_sums(job.isa, ys, width, &valid, sums);
            }
        }
    }
}

/// The sinks of each group.
fn by_group(sinks: &mut [Sink], n_groups: usize) -> Vec<Vec<GroupSink<'_>>> {
    let mut groups: Vec<Vec<GroupSink<'_>>> = (0..n_groups).map(|_| Vec::new()).collect();
    for sink in sinks {
        groups.iter_mut().zip(sink.groups()).for_each(|(group, sink)| group.push(sink));
    }
    groups
}
