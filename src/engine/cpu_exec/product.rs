//! A normalized layer forward and backward: columns, matrix product, batch normalization.
//!
//! ```text
//! y = W·X        ∂W += ∂y·Xᵀ        ∂X = Wᵀ·∂y
//! ```
//!
//! The columns `X` live only in the cache: the backward pass reads them anew.

use candle_core::Result;

use crate::engine::cpu_exec::buffers::{Buffer, Numbers};
use crate::engine::cpu_exec::columns::Columns;
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::norm::{KnownNorm, Moments};
use crate::engine::cpu_exec::plan::{OutputBlock, Plan, Reads};
use crate::engine::cpu_exec::planes::{Input, Value};
use crate::engine::cpu_exec::tiling::Tiling;
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::kernel::{Lanes, Packed, channel_sums, gemm, winograd_outputs};

/// A layer with what it reads.
pub(super) struct Product<'a> {
    pub(super) job: &'a Job,
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a Weights<'a>,
    pub(super) inputs: PerInput<&'a Value>,
}

impl Product<'_> {
    /// Runs the layer; with `given` moments, or by those of the batch.
    pub(super) fn forward(&self, given: Option<Moments>) -> Result<(Value, KnownNorm)> {
        let Self { job, plan, weights, .. } = self;
        let matrix = plan.matrix(job, weights)?;
        let depthwise = self.depthwise()?;
        let mut packed = job.buffers.numbers(matrix.len());
        let packed = plan.packed(Packed::new, &matrix, &mut packed);
        let mut planes = job.planes(plan.output);
        let mut sums = job.sums(plan.outs());
        job.by_group((planes.parts(), sums.parts()), |group, (ys, sums)| {
            let columns = Columns::new(&job.buffers, plan, self.inputs_of(group), &depthwise);
            let sums = given.is_none().then_some(sums.own());
            Forward { job, plan, packed: &packed, group }.run(columns, ys.own(), sums);
        });
        let n = job.batch.images * plan.output.plane();
        let moments = given.unwrap_or_else(|| Moments::of_sums(&job.buffers, sums.total(), n));
        let [scale, offset] = &plan.norm;
        let norm = KnownNorm { moments, gamma: weights.copy(&job.buffers, scale)? };
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
    packed: &'a [Packed<'a>],
    group: usize,
}

impl Forward<'_> {
    /// Writes the group's raw output; into `sums`, `[Σ y, Σ y²]` of each channel.
    fn run(self, mut reader: Columns<'_>, ys: &mut [Lanes], mut sums: Option<&mut [[f64; 2]]>) {
        let Self { job, plan, packed, group } = self;
        let (width, outs, ins) = (plan.output.width, plan.outs(), plan.ins);
        let valid = job.batch.valid(group);
        let mut columns = job.scratch(plan.columns_len(plan.block_rows, ins));
        let mut tiles = match plan.reads {
            Reads::Winograd(tiling) => Some(Tiles::new(job, tiling, outs)),
            _ => None,
        };
        for block in plan.output_blocks() {
            let n = block.rows.len();
            let columns = &mut columns[..plan.columns_len(n, ins)];
            reader.read(job.isa, &block, columns);
            let ys = &mut ys[block.rows.start * width * outs..][..n * width * outs];
            if let Some(tiles) = &mut tiles {
                tiles.multiply(plan, packed, columns, &block);
                tiles.write(ys, [outs, width], &block);
            } else {
                let by_row =
                    ys.chunks_exact_mut(width * outs).zip(columns.chunks_exact(width * ins));
                by_row.for_each(|(ys, columns)| gemm(job.isa, packed[0], columns, ys, width));
            }
            if let Some(sums) = sums.as_mut().filter(|_| block.ends_rows) {
                channel_sums(job.isa, ys, width, &valid, sums);
            }
        }
    }
}

/// The products of a block of tiles.
struct Tiles<'a> {
    job: &'a Job,
    tiling: Tiling,
    products: Buffer,
    line: Buffer,
}

impl<'a> Tiles<'a> {
    fn new(job: &'a Job, tiling: Tiling, outs: usize) -> Self {
        let [products, line] = [tiling.len(outs), tiling.line_len()].map(|len| job.scratch(len));
        Self { job, tiling, products, line }
    }

    /// Multiplies the columns of a block.
    fn multiply(
        &mut self,
        plan: &Plan,
        packed: &[Packed<'_>],
        columns: &[Lanes],
        block: &OutputBlock,
    ) {
        let place = self.tiling.products(plan.outs());
        let products = self.products.chunks_exact_mut(place.pair);
        for (pair, (packed, products)) in packed.iter().zip(products).enumerate() {
            let columns = plan.columns_of(pair, columns, [plan.columns(block), plan.ins]);
            gemm(self.job.isa, *packed, columns, products, place.channel);
        }
    }

    /// Writes the outputs of a block into its rows, `[row][out][column]`.
    fn write(&mut self, ys: &mut [Lanes], [outs, width]: [usize; 2], block: &OutputBlock) {
        let Self { job, tiling, products, line } = self;
        let (tiles, place) = (tiling.row(&block.tiles, outs), tiling.products(outs));
        for (row, ys) in ys.chunks_mut(tiling.side * outs * width).enumerate() {
            let products = &products[row * tiles.n * place.tile..];
            winograd_outputs(job.isa, tiles, (products, place), (ys, width), line);
        }
    }
}
