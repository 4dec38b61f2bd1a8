//! The gradients of weights: sums over all words of a window, each in one product.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use candle_core::{Result, Tensor};

use crate::engine::cpu_exec::words::unroll::Unroll;
use crate::engine::cpu_exec::words::values::multiply;
use crate::engine::cpu_exec::words::workspace::{Size, Window};
use crate::engine::floats;
use crate::engine::kernel::{BAND, Factors, Isa, matmul_sums, matmul_sums_scratch};
use crate::net::WordCell;

/// Rows of a gradient that a thread works on at a time.
const TASK: usize = 128;

/// Adds to `sums`, `(ins, outs)`, some of its rows on each thread.
pub(super) fn sums_by_rows(
    isa: Isa,
    Factors { xs: (xs, stride), ys, rows }: Factors<'_>,
    [ins, outs]: [usize; 2],
    sums: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let each = matmul_sums_scratch(TASK);
    scratch.resize(each * ins.div_ceil(TASK), 0.0);
    let tasks = sums.par_chunks_mut(TASK * outs).zip(scratch.par_chunks_mut(each));
    tasks.enumerate().for_each(|(task, (sums, scratch))| {
        let xs = (&xs[task * TASK..], stride);
        let ins = sums.len() / outs;
        matmul_sums(isa, Factors { xs, ys, rows }, [ins, outs], sums, scratch);
    });
}

/// The gradients of a window's weights.
pub(super) struct WeightGrads<'a> {
    pub(super) unroll: Unroll<'a>,
    pub(super) window: &'a mut Window,
    pub(super) scratch: &'a mut Vec<f32>,
}

impl WeightGrads<'_> {
    /// After the steps back: writes the gradient of the cell's weights number `place`.
    pub(super) fn write(&mut self, place: usize, grad: &Tensor) -> Result<()> {
        let (unroll, size) = (self.unroll, self.unroll.size);
        let (cell, masks) = (&unroll.net.cell, unroll.masks);
        let from = place.checked_sub(1).map(|node| cell.nodes()[node].from);
        if let Some(from) = from
            && !masks.state.is_empty()
        {
            mask_states(self.window, size, from, &masks.state);
        }
        // The products of leaves with states have gradients of their own.
        let of_states = match cell {
            WordCell::Highway(_) => 0,
            WordCell::Tree(tree) => tree.n_leaves() * size.band(),
        };
        let Window { inputs, befores, gates, states, masked, .. } = &*self.window;
        let [ins, outs] = unroll.net.sides(place);
        floats::write_with(grad, &mut *self.scratch, |sums, scratch| {
            sums.fill(0.0);
            for band in 0..size.bands() {
                let (at, nodes) = (band * size.band(), size.nodes);
                let own = &gates[at * size.gates + 2 * place * size.band()..];
                let mut add = |xs: &[f32], before: usize, sums: &mut [f32]| {
                    let (xs, ys) = ((xs, size.hidden), (&own[before..], outs));
                    let factors = Factors { xs, ys, rows: size.steps * BAND };
                    sums_by_rows(unroll.isa, factors, [size.hidden, outs], sums, scratch);
                };
                match from {
                    None => {
                        let (words, states) = sums.split_at_mut(ins / 2 * outs);
                        add(&inputs[at..], 0, words);
                        add(&befores[at..], of_states, states);
                    }
                    Some(from) if masks.state.is_empty() => {
                        add(&states[at * nodes + from * size.band()..], 0, sums);
                    }
                    Some(_) => add(&masked[at..], 0, sums),
                }
            }
            if let Some(mask) = masks.weights.get(place).filter(|mask| !mask.is_empty()) {
                sums.iter_mut().zip(mask).for_each(|(sum, factor)| *sum *= factor);
            }
        })
    }
}

/// What the readers of node `from` saw of it, of all steps.
fn mask_states(window: &mut Window, size: Size, from: usize, mask: &[f32]) {
    let (band_len, state) = (size.band(), size.state());
    let states = &window.states;
    window.masked.par_chunks_mut(band_len).enumerate().for_each(|(band, masked)| {
        let states = &states[(band * size.nodes + from) * band_len..];
        let mask = &mask[band * state..][..state];
        for (masked, states) in masked.chunks_exact_mut(state).zip(states.chunks_exact(state)) {
            multiply(states, mask, masked);
        }
    });
}
