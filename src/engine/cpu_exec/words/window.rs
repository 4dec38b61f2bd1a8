//! What goes into a window and what comes out: the words, the states carried on, dropout and penalties.

use candle_core::{Result, Tensor};

use crate::engine::cpu_exec::words::values::{add_scaled, multiply};
use crate::engine::cpu_exec::words::workspace::{Size, Window};
use crate::engine::floats;
use crate::engine::kernel::BAND;
use crate::engine::words::{Masks, WordNet, Words};
use crate::net::WordCell;

/// Where row `row` of step `step` lies in a list of states.
fn place(size: Size, step: usize, row: usize) -> usize {
    (row / BAND) * size.band() + step * size.state() + row % BAND * size.hidden
}

impl Size {
    /// Of a window that `net` reads.
    pub(super) fn of(net: &WordNet, words: &Words<'_>) -> Result<Self> {
        let nodes = 1 + net.cell.nodes().len();
        let gates = match &net.cell {
            WordCell::Highway(_) => 2 * nodes,
            WordCell::Tree(tree) => 2 * tree.n_leaves(),
        };
        Ok(Self {
            steps: words.steps(net)?,
            rows: words.rows,
            hidden: net.hidden,
            nodes,
            gates,
            carried: net.cell.n_states(),
            vocabulary: net.vocabulary,
        })
    }

    /// Each word of a window by its number, with the place of its row in a list of states.
    fn places(self) -> impl Iterator<Item = (usize, usize)> {
        let Self { steps, rows, .. } = self;
        (0..steps).flat_map(move |step| {
            (0..rows).map(move |row| (step * rows + row, place(self, step, row)))
        })
    }
}

impl Window {
    /// Begins with the states that were carried on.
    pub(super) fn start(&mut self, size: Size, carried: &[f32]) {
        let (hidden, lists) = (size.hidden, size.carried);
        self.first.fill(0.0);
        for (row, states) in carried.chunks_exact(lists * hidden).enumerate() {
            for (list, state) in states.chunks_exact(hidden).enumerate() {
                let at = (row / BAND * lists + list) * size.state() + row % BAND * hidden;
                self.first[at..][..hidden].copy_from_slice(state);
            }
        }
    }

    /// The states after the last step.
    pub(super) fn carry(&self, size: Size, carried: &mut Vec<f32>) {
        carried.clear();
        for row in 0..size.rows {
            let last = place(size, size.steps - 1, row);
            let lists = [&self.outputs, &self.states];
            for list in &lists[..size.carried] {
                carried.extend_from_slice(&list[last..][..size.hidden]);
            }
        }
    }

    /// Has node 0 see the words.
    pub(super) fn embed(
        &mut self,
        size: Size,
        words: &Words<'_>,
        embedding: &[f32],
        masks: &Masks,
    ) {
        let hidden = size.hidden;
        if size.rows < size.bands() * BAND {
            self.inputs.fill(0.0);
        }
        for (word, at) in size.places() {
            let id = words.ids[word] as usize;
            let (input, row) = (&mut self.inputs[at..][..hidden], word % size.rows);
            let mask = masks.input.get(row * hidden..).unwrap_or_default();
            multiply(&embedding[id * hidden..][..hidden], mask, input);
            if let Some(factor) = masks.words.get(id) {
                for value in input {
                    *value *= factor;
                }
            }
        }
    }

    /// Drops what the softmax does not see.
    pub(super) fn drop_outputs(&mut self, size: Size, mask: &[f32]) {
        let state = size.state();
        let bands =
            self.outputs.chunks_exact(size.band()).zip(self.dropped.chunks_exact_mut(size.band()));
        for ((outputs, dropped), mask) in bands.zip(mask.chunks_exact(state)) {
            let steps = outputs.chunks_exact(state).zip(dropped.chunks_exact_mut(state));
            steps.for_each(|(outputs, dropped)| multiply(outputs, mask, dropped));
        }
    }

    /// From the gradients of what the softmax read to those of the states, penalties included.
    pub(super) fn add_penalties(&mut self, size: Size, net: &WordNet, mask: &[f32]) {
        let Size { steps, rows, hidden, .. } = size;
        let activation = 2.0 * net.activation_weight / (steps * rows * hidden) as f64;
        let slowness = 2.0 * net.slowness_weight / ((steps - 1).max(1) * rows * hidden) as f64;
        let (activation, slowness) = (activation as f32, slowness as f32);
        let Self { outputs, grads, .. } = self;
        for (word, at) in size.places() {
            let (step, row) = (word / rows, word % rows);
            let (grad, own) = (&mut grads[at..][..hidden], &outputs[at..][..hidden]);
            for (value, factor) in grad.iter_mut().zip(mask.get(row * hidden..).unwrap_or_default())
            {
                *value *= factor;
            }
            if activation != 0.0 {
                add_scaled(own, activation, grad);
            }
            if slowness != 0.0 {
                // (h_t − h_{t−1})² and (h_{t+1} − h_t)²
                let near = [step.checked_sub(1), Some(step + 1).filter(|&next| next < steps)];
                for other in near.into_iter().flatten() {
                    let other = &outputs[place(size, other, row)..][..hidden];
                    for ((value, own), other) in grad.iter_mut().zip(own).zip(other) {
                        *value += slowness * (own - other);
                    }
                }
            }
        }
    }

    /// Adds to the gradient of E what the words' own features have.
    pub(super) fn add_embedded(
        &self,
        size: Size,
        words: &Words<'_>,
        (embedding, masks): (&Tensor, &Masks),
    ) -> Result<()> {
        let hidden = size.hidden;
        floats::write(embedding, |sums| {
            for (word, at) in size.places() {
                let (id, row) = (words.ids[word] as usize, word % size.rows);
                let (grad, sum) = (&self.grads[at..][..hidden], &mut sums[id * hidden..][..hidden]);
                let factor = masks.words.get(id).copied().unwrap_or(1.0);
                match masks.input.get(row * hidden..).filter(|_| !masks.input.is_empty()) {
                    Some(mask) => {
                        for ((sum, grad), mask) in sum.iter_mut().zip(grad).zip(mask) {
                            *sum += factor * mask * grad;
                        }
                    }
                    None => add_scaled(grad, factor, sum),
                }
            }
        })
    }
}
