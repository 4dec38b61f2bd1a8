//! A normalized layer as a matrix product: `y = W · columns(x)`, then batch normalization.

use std::ops::Range;

use candle_core::Result;
use smallvec::SmallVec;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::buffers::Numbers;
use crate::engine::cpu_exec::found;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::slide::{Slide, block_rows};
use crate::engine::cpu_exec::tiling::Tiling;
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::kernel::{Lanes, PAIRS, Packed, winograd_weight_grads, winograd_weights};
use crate::net::{Layer, LayerKind, Shape, TensorId};

/// Where the columns of a layer come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// Each pixel, the channels of all inputs one after the other.
    Pixels,
    /// Every second pixel of every second row, and the same shifted by one down and right.
    Halves,
    /// Every tap of the window of each channel: for the few channels of images, and for windows
    /// that have no tiles.
    Taps(Slide),
    /// The transforms of the tiles of each channel, at each pair of points.
    Winograd(Tiling),
    /// The depthwise convolution of each channel.
    Depthwise(Slide),
}

impl Reads {
    /// And whether a ReLU comes first.
    fn of(layer: &Layer) -> (bool, Self) {
        match (layer.kind, Slide::of(layer)) {
            (LayerKind::Conv { window, relu }, Some(slide)) => match window.dense_side() {
                Some(1) => (relu, Self::Pixels),
                Some(3 | 5) if layer.inputs[0] != IMAGES => {
                    (relu, Self::Winograd(Tiling::new(slide)))
                }
                _ => (relu, Self::Taps(slide)),
            },
            (LayerKind::SepConv { .. }, Some(slide)) => (true, Self::Depthwise(slide)),
            (LayerKind::FactorizedReduction { relu }, _) => (relu, Self::Halves),
            _ => (true, Self::Pixels),
        }
    }
}

/// The tensor of the images.
const IMAGES: TensorId = 0;

/// Outputs that are computed at a time.
#[derive(Clone, Debug)]
pub(super) struct OutputBlock {
    pub(super) rows: Range<usize>,
    /// Of the tiles of each row these; else whole rows.
    pub(super) tiles: Range<usize>,
    /// Whether it is the last one of its rows.
    pub(super) ends_rows: bool,
}

/// Where one parameter stands in the matrix `W`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    name: String,
    outs: Range<usize>,
    ins: Range<usize>,
}

/// How a normalized layer is computed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) reads: Reads,
    pub(super) relu: bool,
    pub(super) output: Shape,
    /// Rows of the columns.
    pub(super) ins: usize,
    /// How many `W` there are: one, or one for each pair of points.
    matrices: usize,
    /// Output rows computed at a time.
    pub(super) block_rows: usize,
    blocks: Vec<Block>,
    /// The depthwise weights.
    pub(super) depthwise: Option<String>,
    /// Names of scale and offset.
    pub(super) norm: [String; 2],
    /// Names of mean and variance.
    pub(super) moments: [String; 2],
    /// Factors that leave an output row as it is.
    pub(super) ones: Vec<f32>,
}

impl Plan {
    /// `None` for layers without batch normalization.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        let (norm, moments) = (layer.norm_path()?, layer.statistics()?);
        let norm = ["scale", "offset"].map(|name| format!("{norm}.{name}"));
        let (relu, reads) = Reads::of(layer);
        let mut params = layer.params();
        params.truncate(params.len() - 2);
        let depthwise = match reads {
            Reads::Depthwise(_) => Some(params.remove(0).0),
            _ => None,
        };
        let (mut end_of_outs, mut end_of_ins) = (0, 0);
        let mut blocks = Vec::new();
        for (name, spec) in params {
            let (outs, ins) = (spec.dims[0], spec.len() / spec.dims[0]);
            // The halves of a reduction write channels of their own.
            let first = if matches!(reads, Reads::Halves) { end_of_outs } else { 0 };
            end_of_outs = first + outs;
            end_of_ins += ins;
            blocks.push(Block {
                name,
                outs: first..end_of_outs,
                ins: end_of_ins - ins..end_of_ins,
            });
        }
        let output = layer.output;
        let (block_rows, ins, matrices) = match reads {
            Reads::Winograd(tiling) => (tiling.block_rows(), tiling.slide.input.channels, PAIRS),
            _ => (block_rows(output), end_of_ins, 1),
        };
        let ones = vec![1.0; output.width];
        Some(Self {
            reads,
            relu,
            output,
            ins,
            matrices,
            block_rows,
            blocks,
            depthwise,
            norm,
            moments,
            ones,
        })
    }

    /// Rows of `W`.
    pub(super) fn outs(&self) -> usize {
        self.output.channels
    }

    /// Every `W`, `(matrices, outs, ins)`, from its parameters.
    pub(super) fn matrix(&self, job: &Job, weights: &Weights<'_>) -> Result<Numbers<f32>> {
        let mut matrix = job.buffers.filled(self.outs() * self.taps(), 0.0);
        for Block { name, outs, ins } in &self.blocks {
            weights.read(name, |values| {
                for (row, out) in values.chunks_exact(ins.len()).zip(outs.clone()) {
                    matrix[out * self.taps()..][ins.clone()].copy_from_slice(row);
                }
            })?;
        }
        let Reads::Winograd(tiling) = self.reads else { return Ok(matrix) };
        let mut transformed = job.buffers.numbers(self.matrices * self.outs() * self.ins);
        winograd_weights(job.isa, tiling.slide.window.columns.kernel, &matrix, &mut transformed);
        Ok(transformed)
    }

    /// Every `W` as [`Packed::new`] or [`Packed::transposed`] packs it.
    pub(super) fn packed<'m>(
        &self,
        pack: fn(usize, &[f32], &'m mut [f32]) -> Packed<'m>,
        matrices: &[f32],
        memory: &'m mut [f32],
    ) -> SmallVec<[Packed<'m>; PAIRS]> {
        let len = self.outs() * self.ins;
        let pairs = matrices.chunks_exact(len).zip(memory.chunks_exact_mut(len));
        pairs.map(|(matrix, memory)| pack(self.outs(), matrix, memory)).collect()
    }

    /// Writes the parameters' shares of the gradient of every `W`.
    pub(super) fn keep(&self, job: &Job, matrix: &[f32], grads: &Snapshot) -> Result<()> {
        let taps: Numbers<f32>;
        let matrix = if let Reads::Winograd(tiling) = self.reads {
            let mut found = job.buffers.numbers(self.outs() * self.taps());
            winograd_weight_grads(job.isa, tiling.slide.window.columns.kernel, matrix, &mut found);
            taps = found;
            &taps[..]
        } else {
            matrix
        };
        for Block { name, outs, ins } in &self.blocks {
            found::write(grads, name, |values| {
                for (row, out) in values.chunks_exact_mut(ins.len()).zip(outs.clone()) {
                    row.copy_from_slice(&matrix[out * self.taps()..][ins.clone()]);
                }
            })?;
        }
        Ok(())
    }

    /// Values that a row of all parameters has.
    fn taps(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.ins.end)
    }

    /// Columns of a block.
    pub(super) fn columns(&self, block: &OutputBlock) -> usize {
        match self.reads {
            Reads::Winograd(tiling) => block.rows.len().div_ceil(tiling.side) * block.tiles.len(),
            _ => block.rows.len() * self.output.width,
        }
    }

    /// Values of the columns of so many rows of a block, for all matrices.
    pub(super) fn columns_len(&self, rows: usize, channels: usize) -> usize {
        match self.reads {
            Reads::Winograd(tiling) => tiling.len(channels),
            _ => rows * self.output.width * channels,
        }
    }

    /// The columns of one matrix out of those of all.
    pub(super) fn columns_of<'a>(
        &self,
        matrix: usize,
        all: &'a [Lanes],
        [n, channels]: [usize; 2],
    ) -> &'a [Lanes] {
        &all[matrix * (all.len() / self.matrices)..][..n * channels]
    }

    /// Blocks of outputs: rows from top to bottom, and from left to right where it goes by tiles.
    pub(super) fn output_blocks(&self) -> impl Iterator<Item = OutputBlock> + use<> {
        let (block, height) = (self.block_rows, self.output.height);
        let [across, wide] = match self.reads {
            Reads::Winograd(tiling) => tiling.across(),
            _ => [1, 1],
        };
        let rows = (0..height).step_by(block).map(move |first| first..(first + block).min(height));
        rows.flat_map(move |rows| {
            (0..across).step_by(wide).map(move |first| {
                let tiles = first..(first + wide).min(across);
                OutputBlock { rows: rows.clone(), ends_rows: tiles.end == across, tiles }
            })
        })
    }
}
