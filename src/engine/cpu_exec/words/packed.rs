//! Weights packed for the products of a pass.

use candle_core::Result;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::engine::cpu_exec::weights::Weights;
use crate::engine::cpu_exec::words::workspace::PackedWeights;
use crate::engine::kernel::{Panels, pack, pack_transposed, panel_len};
use crate::engine::words::{Masks, WordNet};

/// The weights of node 0, or of the leaves, that read words, and those that read states; those of other
/// nodes follow.
pub(super) const OF_WORDS: usize = 0;
pub(super) const OF_STATES: usize = 1;

/// The packed weights of a cell, `(H, width)` each.
#[derive(Clone, Copy)]
pub(super) struct CellPanels<'a> {
    pub(super) packed: &'a PackedWeights,
    pub(super) hidden: usize,
    pub(super) width: usize,
}

impl CellPanels<'_> {
    /// Of the weights number `place`, for products with what they read.
    pub(super) fn forward(&self, place: usize) -> Panels<'_> {
        Panels::packed([self.hidden, self.width], &self.packed.cell[place][0])
    }

    /// For products with gradients of what they make.
    pub(super) fn back(&self, place: usize) -> Panels<'_> {
        Panels::packed([self.width, self.hidden], &self.packed.cell[place][1])
    }
}

impl PackedWeights {
    /// Packs all weights that `net` reads, without what is dropped of them; for a pass without
    /// gradients only what goes forward.
    pub(super) fn fill(
        &mut self,
        net: &WordNet,
        weights: Weights<'_>,
        (masks, with_grads): (&Masks, bool),
        scratch: &mut Vec<f32>,
    ) -> Result<()> {
        let (hidden, width, words) = (net.hidden, net.width(), net.vocabulary);
        self.cell.resize_with(1 + net.weights.len(), Default::default);
        for (place, name) in net.weights.iter().enumerate() {
            let mask = masks.weights.get(place).filter(|mask| !mask.is_empty());
            weights.read(name, |values| {
                let values = match mask {
                    Some(mask) => {
                        scratch.clear();
                        scratch.extend(values.iter().zip(mask).map(|(value, mask)| value * mask));
                        &scratch[..]
                    }
                    None => values,
                };
                // The first are two: the rows that read words, and those that read states.
                let first = if place == 0 { OF_WORDS } else { OF_STATES + place };
                let halves = values.chunks_exact(width * hidden);
                for (values, packed) in halves.zip(&mut self.cell[first..]) {
                    pack_both([hidden, width], values, packed, with_grads);
                }
            })?;
        }
        weights.read(&net.embedding, |values| {
            let [forward, back] = &mut self.embedding;
            pack_all([hidden, words], values, forward, pack_transposed);
            if with_grads {
                pack_all([words, hidden], values, back, pack);
            }
        })
    }
}

/// Packs a matrix `(depth, width)` and its transpose.
fn pack_both(
    [depth, width]: [usize; 2],
    matrix: &[f32],
    [forward, back]: &mut [Vec<f32>; 2],
    with_grads: bool,
) {
    pack_all([depth, width], matrix, forward, pack);
    if with_grads {
        pack_all([width, depth], matrix, back, pack_transposed);
    }
}

/// Packs all panels of a matrix.
fn pack_all(
    dims: [usize; 2],
    matrix: &[f32],
    packed: &mut Vec<f32>,
    pack: impl Fn([usize; 2], &[f32], usize, &mut [f32]) + Sync,
) {
    packed.resize(Panels::len(dims), 0.0);
    let panels = packed.par_chunks_mut(panel_len(dims[0])).enumerate();
    panels.for_each(|(nth, panel)| pack(dims, matrix, nth, panel));
}
