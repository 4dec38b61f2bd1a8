//! A normalized layer forward and backward: columns, matrix product, batch normalization.
//!
//! ```text
//! y = W·X        ∂W += ∂y·Xᵀ        ∂X = Wᵀ·∂y
//! ```
//!
//! The columns `X` live only in the cache: the backward pass reads them anew.

use candle_core::Result;

use crate::engine::cpu_exec::buffers::Numbers;
use crate::engine::cpu_exec::columns::Columns;
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::norm::{Moments, Norm};
use crate::engine::cpu_exec::plan::Plan;
use crate::engine::cpu_exec::planes::{Input, Value};
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::kernel::{Lanes, Packed, channel_sums, gemm};

/// A layer with what it reads.
pub(super) struct Product<'a> {
    pub(super) job: &'a Job,
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a Weights<'a>,
    pub(super) inputs: PerInput<&'a Value>,
}

impl Product<'_> {
    /// Runs the layer; with `given` moments, or by those of the batch.
    pub(super) fn forward(&self, given: Option<Moments>) -> Result<(Value, Norm)> {
        let Self { job, plan, weights, .. } = self;
        let matrix = plan.matrix(&job.buffers, weights)?;
        let depthwise = self.depthwise()?;
        let mut packed = job.buffers.numbers(matrix.len());
        let packed = Packed::new(plan.outs(), &matrix, &mut packed);
        let mut planes = job.planes(plan.output);
        let mut sums = job.sums(plan.outs());
        job.by_group((planes.parts(), sums.parts()), |group, (ys, sums)| {
            let columns = Columns::new(&job.buffers, plan, self.inputs_of(group), &depthwise);
            let sums = given.is_none().then_some(sums.own());
            Forward { job, plan, packed, group }.run(columns, ys.own(), sums);
        });
        let n = job.batch.images * plan.output.plane();
        let moments = given.unwrap_or_else(|| Moments::of_sums(&job.buffers, sums.total(), n));
        let [scale, offset] = &plan.norm;
        let norm = Norm { moments, gamma: weights.copy(&job.buffers, scale)? };
        let [scale, offset] =
            weights.read(offset, |beta| norm.scale_and_offset(&job.buffers, beta))?;
        Ok((Value { planes, scale, offset }, norm))
    }

    /// The depthwise weights, if there are any.
    pub(super) fn depthwise(&self) -> Result<Numbers<f32>> {
        match &self.plan.depthwise {
            Some(name) => self.weights.copy(&self.job.buffers, name),
            None => Ok(self.job.buffers.numbers(0)),
        }
    }

    /// What one group reads.
    pub(super) fn inputs_of(&self, group: usize) -> PerInput<Input<'_>> {
        self.inputs.iter().map(|value| value.input(group, self.plan.relu)).collect()
    }
}

/// One group on its way forward.
struct Forward<'a> {
    job: &'a Job,
    plan: &'a Plan,
    packed: Packed<'a>,
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
