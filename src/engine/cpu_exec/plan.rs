//! A normalized layer as a matrix product: `y = W · columns(x)`, then batch normalization.

use std::ops::Range;

use candle_core::Result;

use crate::engine::cpu_exec::slide::{Slide, block_rows};
use crate::engine::cpu_exec::weights::Weights;
use crate::net::{Layer, LayerKind, Shape};

/// Where the columns of a layer come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// Each pixel, the channels of all inputs one after the other.
    Pixels,
    /// Every second pixel of every second row, and the same shifted by one down and right.
    Halves,
    /// Every tap of the window of each channel.
    Taps(Slide),
    /// The depthwise convolution of each channel.
    Depthwise(Slide),
}

/// Where one parameter stands in the matrix `W`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) outs: Range<usize>,
    pub(super) ins: Range<usize>,
}

/// How a normalized layer is computed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) reads: Reads,
    pub(super) relu: bool,
    pub(super) output: Shape,
    /// Rows of the columns.
    pub(super) ins: usize,
    /// Output rows computed at a time.
    pub(super) block_rows: usize,
    blocks: Vec<Block>,
    /// The depthwise weights.
    pub(super) depthwise: Option<String>,
    /// Start of the names of scale and offset.
    pub(super) norm: String,
}

impl Plan {
    /// `None` for layers without batch normalization.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        let norm = layer.norm_path()?;
        let (relu, reads) = match (layer.kind, Slide::of(layer)) {
            (LayerKind::Conv { kernel: 1, relu }, _) => (relu, Reads::Pixels),
            (LayerKind::Conv { relu, .. }, Some(slide)) => (relu, Reads::Taps(slide)),
            (LayerKind::SepConv { .. }, Some(slide)) => (true, Reads::Depthwise(slide)),
            (LayerKind::FactorizedReduction { relu }, _) => (relu, Reads::Halves),
            _ => (true, Reads::Pixels),
        };
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
                dims: spec.dims,
                outs: first..end_of_outs,
                ins: end_of_ins - ins..end_of_ins,
            });
        }
        let (output, ins) = (layer.output, end_of_ins);
        let block_rows = block_rows(output);
        Some(Self { reads, relu, output, ins, block_rows, blocks, depthwise, norm })
    }

    /// Rows of `W`.
    pub(super) fn outs(&self) -> usize {
        self.output.channels
    }

    /// `W`, `(outs, ins)`, from its parameters.
    pub(super) fn matrix(&self, weights: &Weights<'_>) -> Result<Vec<f32>> {
        let mut matrix = vec![0.0; self.outs() * self.ins];
        for block in &self.blocks {
            let values = weights.get(&block.name)?;
            let rows = values.chunks_exact(block.ins.len());
            for (row, out) in rows.zip(block.outs.clone()) {
                matrix[out * self.ins..][block.ins.clone()].copy_from_slice(row);
            }
        }
        Ok(matrix)
    }

    /// The parameters' shares of the gradient of `W`: name, dimensions, values.
    pub(super) fn split(&self, matrix: &[f32]) -> impl Iterator<Item = (&str, &[usize], Vec<f32>)> {
        self.blocks.iter().map(move |block| {
            let rows = block.outs.clone().map(|out| &matrix[out * self.ins..][block.ins.clone()]);
            (block.name.as_str(), block.dims.as_slice(), rows.flatten().copied().collect())
        })
    }

    /// Blocks of output rows.
    pub(super) fn row_blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (block, height) = (self.block_rows, self.output.height);
        (0..height).step_by(block).map(move |first| first..(first + block).min(height))
    }
}
