//! Weights packed for the products of a pass.

use candle_core::Result;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::engine::cpu_exec::weights::Weights;
use crate::engine::cpu_exec::words::workspace::PackedWeights;
use crate::engine::kernel::{Panels, pack, pack_transposed, panel_len};
use crate::engine::words::{Masks, WordNet};

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
        let (hidden, words) = (net.hidden, net.vocabulary);
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
                // Those of node 0 are two: the rows that read words, and those that read states.
                let first = if place == 0 { 0 } else { place + 1 };
                let halves = values.chunks_exact(2 * hidden * hidden);
                for (values, packed) in halves.zip(&mut self.cell[first..]) {
                    pack_both([hidden, 2 * hidden], values, packed, with_grads);
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
