//! A normalized layer as a matrix product: `y = W · columns(x)`, then batch normalization.

use std::ops::Range;
use std::sync::Arc;

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::buffers::{Buffers, Numbers};
use crate::engine::cpu_exec::found;
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
                outs: first..end_of_outs,
                ins: end_of_ins - ins..end_of_ins,
            });
        }
        let (output, ins) = (layer.output, end_of_ins);
        let block_rows = block_rows(output);
        let [norm, moments] = [["scale", "offset"], ["mean", "variance"]]
            .map(|names| names.map(|name| format!("{norm}.{name}")));
        let ones = vec![1.0; output.width];
        Some(Self { reads, relu, output, ins, block_rows, blocks, depthwise, norm, moments, ones })
    }

    /// Rows of `W`.
    pub(super) fn outs(&self) -> usize {
        self.output.channels
    }

    /// `W`, `(outs, ins)`, from its parameters.
    pub(super) fn matrix(
        &self,
        buffers: &Arc<Buffers>,
        weights: &Weights<'_>,
    ) -> Result<Numbers<f32>> {
        let mut matrix = buffers.filled(self.outs() * self.ins, 0.0);
        for Block { name, outs, ins } in &self.blocks {
            weights.read(name, |values| {
                for (row, out) in values.chunks_exact(ins.len()).zip(outs.clone()) {
                    matrix[out * self.ins..][ins.clone()].copy_from_slice(row);
                }
            })?;
        }
        Ok(matrix)
    }

    /// Writes the parameters' shares of the gradient of `W`.
    pub(super) fn keep(&self, matrix: &[f32], grads: &Snapshot) -> Result<()> {
        for Block { name, outs, ins } in &self.blocks {
            found::write(grads, name, |values| {
                for (row, out) in values.chunks_exact_mut(ins.len()).zip(outs.clone()) {
                    row.copy_from_slice(&matrix[out * self.ins..][ins.clone()]);
                }
            })?;
        }
        Ok(())
    }

    /// Blocks of output rows.
    pub(super) fn row_blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (block, height) = (self.block_rows, self.output.height);
        (0..height).step_by(block).map(move |first| first..(first + block).min(height))
    }
}
