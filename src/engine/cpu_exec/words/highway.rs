//! The recurrent cell of highways, step by step forward and back.

use crate::engine::cpu_exec::words::bands::Bands;
use crate::engine::cpu_exec::words::packed::{CellPanels, OF_STATES, OF_WORDS};
use crate::engine::cpu_exec::words::values::{
    add_product, add_scaled, before, multiply, state_mask,
};
use crate::engine::cpu_exec::words::workspace::Size;
use crate::engine::kernel::{BAND, Isa, Rows, RowsMut, cell_node, cell_node_grad, matmul};
use crate::engine::words::Masks;
use crate::net::{CellFunction, RecurrentCell};

/// What a cell is unrolled with.
#[derive(Clone, Copy)]
pub(super) struct Highway<'a> {
    pub(super) isa: Isa,
    pub(super) size: Size,
    pub(super) cell: &'a RecurrentCell,
    pub(super) masks: &'a Masks,
    pub(super) panels: CellPanels<'a>,
}

/// What a node reads, does, and is packed as.
struct Node {
    from: usize,
    function: CellFunction,
    place: usize,
}

impl Highway<'_> {
    /// Nodes 1 to n.
    fn nodes(&self) -> impl DoubleEndedIterator<Item = (usize, Node)> + ExactSizeIterator {
        self.cell.nodes.iter().enumerate().map(|(place, node)| {
            let node =
                Node { from: node.from, function: node.function, place: OF_STATES + 1 + place };
            (place + 1, node)
        })
    }

    /// Values of a list of states that lie before those of a step.
    fn at(&self, step: usize) -> usize {
        step * self.size.state()
    }

    /// The rows of a step in a list of states, of which each band has so many.
    fn rows<'a>(&self, list: &'a [f32], step: usize, lists: usize) -> Rows<'a> {
        let (stride, band) = (self.size.hidden, lists * self.size.band());
        Rows { values: &list[self.at(step)..], stride, band }
    }

    /// Has node 0 read what it does of all words, then all nodes step by step.
    pub(super) fn forward(&self, mut bands: Bands<'_>) {
        let Size { steps, hidden, nodes, .. } = self.size;
        for band in 0..bands.count {
            let inputs = &bands.inputs[band * self.size.band()..];
            let gates = &mut bands.gates[2 * band * nodes * self.size.band()..];
            let (inputs, gates) = (Rows::apart(hidden, inputs), RowsMut::apart(2 * hidden, gates));
            let rows = self.size.band() / hidden;
            matmul(self.isa, inputs, self.panels.forward(OF_WORDS), gates, (rows, false));
        }
        for step in 0..steps {
            self.input_node(&mut bands, step);
            for (number, node) in self.nodes() {
                self.node(&mut bands, step, number, &node);
            }
            self.output(&mut bands, step);
        }
    }

    fn input_node(&self, bands: &mut Bands<'_>, step: usize) {
        let Size { hidden, nodes, .. } = self.size;
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        for band in 0..bands.count {
            let before = before(bands.carried, bands.outputs, (step, band), self.size);
            let masked = &mut bands.befores[band * band_len + at..][..state];
            multiply(before, state_mask(self.masks, self.size, bands.first + band), masked);
        }
        let read = self.rows(bands.befores, step, 1);
        let gates = &mut bands.gates[2 * at..];
        let gates = RowsMut { values: gates, stride: 2 * hidden, band: 2 * nodes * band_len };
        let count = bands.count * BAND;
        matmul(self.isa, read, self.panels.forward(OF_STATES), gates, (count, true));
        for band in 0..bands.count {
            let before = before(bands.carried, bands.outputs, (step, band), self.size);
            let gates = &mut bands.gates[2 * (band * nodes * band_len + at)..][..2 * state];
            let to = &mut bands.states[band * nodes * band_len + at..][..state];
            cell_node(self.isa, CellFunction::Tanh, hidden, [gates, to], before);
        }
    }

    fn node(&self, bands: &mut Bands<'_>, step: usize, number: usize, node: &Node) {
        let Size { hidden, nodes, .. } = self.size;
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        let from_at = node.from * band_len + at;
        let read = if self.masks.state.is_empty() {
            self.rows(&bands.states[node.from * band_len..], step, nodes)
        } else {
            for band in 0..bands.count {
                let from = &bands.states[band * nodes * band_len + from_at..][..state];
                let masked = &mut bands.masked[band * band_len + at..][..state];
                multiply(from, state_mask(self.masks, self.size, bands.first + band), masked);
            }
            self.rows(bands.masked, step, 1)
        };
        let gates = &mut bands.gates[2 * (number * band_len + at)..];
        let gates = RowsMut { values: gates, stride: 2 * hidden, band: 2 * nodes * band_len };
        let count = bands.count * BAND;
        matmul(self.isa, read, self.panels.forward(node.place), gates, (count, false));
        for band in 0..bands.count {
            let first = band * nodes * band_len;
            let gates = &mut bands.gates[2 * (first + number * band_len + at)..][..2 * state];
            let (earlier, later) = bands.states[first..].split_at_mut(number * band_len);
            let to = [gates, &mut later[at..][..state]];
            cell_node(self.isa, node.function, hidden, to, &earlier[from_at..][..state]);
        }
    }

    /// The mean of the ends.
    fn output(&self, bands: &mut Bands<'_>, step: usize) {
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        let ends = &self.cell.ends;
        let share = 1.0 / ends.len() as f32;
        for band in 0..bands.count {
            let output = &mut bands.outputs[band * band_len + at..][..state];
            output.fill(0.0);
            for end in ends {
                let node = (band * self.size.nodes + end) * band_len + at;
                add_scaled(&bands.states[node..][..state], share, output);
            }
        }
    }

    /// From gradients of the outputs to those of the gates, which take their place, and of the
    /// inputs, which take that of the outputs'.
    pub(super) fn backward(&self, mut bands: Bands<'_>) {
        let Size { steps, hidden, nodes, .. } = self.size;
        bands.before_grads[0].fill(0.0);
        for step in (0..steps).rev() {
            self.output_grads(&mut bands, step);
            for (number, node) in self.nodes().rev() {
                self.node_grads(&mut bands, step, number, &node);
            }
            self.input_node_grads(&mut bands, step);
        }
        for band in 0..bands.count {
            let gates = &bands.gates[2 * band * nodes * self.size.band()..];
            let grads = &mut bands.grads[band * self.size.band()..];
            let (gates, grads) = (Rows::apart(2 * hidden, gates), RowsMut::apart(hidden, grads));
            let rows = self.size.band() / hidden;
            matmul(self.isa, gates, self.panels.back(OF_WORDS), grads, (rows, false));
        }
    }

    /// Shares the gradient of a step's output among the ends.
    fn output_grads(&self, bands: &mut Bands<'_>, step: usize) {
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        let ends = &self.cell.ends;
        let share = 1.0 / ends.len() as f32;
        bands.step_grads.fill(0.0);
        for band in 0..bands.count {
            let later = &bands.before_grads[0][band * state..][..state];
            let output = &mut bands.grads[band * band_len + at..][..state];
            add_scaled(later, 1.0, output);
            for end in ends {
                let node = (band * self.size.nodes + end) * state;
                add_scaled(output, share, &mut bands.step_grads[node..][..state]);
            }
        }
    }

    fn node_grads(&self, bands: &mut Bands<'_>, step: usize, number: usize, node: &Node) {
        let Size { hidden, nodes, .. } = self.size;
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        for band in 0..bands.count {
            let first = band * nodes * band_len;
            let gates = &mut bands.gates[2 * (first + number * band_len + at)..][..2 * state];
            let from = &bands.states[first + node.from * band_len + at..][..state];
            let (earlier, later) =
                bands.step_grads[band * nodes * state..].split_at_mut(number * state);
            let to = [gates, &mut earlier[node.from * state..][..state]];
            cell_node_grad(self.isa, node.function, hidden, to, [from, &later[..state]]);
        }
        self.past(bands, (step, number), node.place, |bands, band, room, mask| {
            let grads = &mut bands.step_grads[(band * nodes + node.from) * state..][..state];
            add_product(room, mask, grads);
        });
    }

    fn input_node_grads(&self, bands: &mut Bands<'_>, step: usize) {
        let Size { hidden, nodes, .. } = self.size;
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        bands.before_grads[0].fill(0.0);
        for band in 0..bands.count {
            let before = before(bands.carried, bands.outputs, (step, band), self.size);
            let gates = &mut bands.gates[2 * (band * nodes * band_len + at)..][..2 * state];
            let to = [gates, &mut bands.before_grads[0][band * state..][..state]];
            let grads = &bands.step_grads[band * nodes * state..][..state];
            cell_node_grad(self.isa, CellFunction::Tanh, hidden, to, [before, grads]);
        }
        self.past(bands, (step, 0), OF_STATES, |bands, band, room, mask| {
            add_product(room, mask, &mut bands.before_grads[0][band * state..][..state]);
        });
    }

    /// Has `add` add to each band what the gradients of a node's gates are of the state that it read.
    fn past(
        &self,
        bands: &mut Bands<'_>,
        (step, number): (usize, usize),
        place: usize,
        add: impl Fn(&mut Bands<'_>, usize, &[f32], &[f32]),
    ) {
        let Size { hidden, nodes, .. } = self.size;
        let (state, band_len, at) = (self.size.state(), self.size.band(), self.at(step));
        let room = std::mem::take(&mut bands.before_grads[1]);
        let gates = &bands.gates[2 * (number * band_len + at)..];
        let gates = Rows { values: gates, stride: 2 * hidden, band: 2 * nodes * band_len };
        let count = bands.count * BAND;
        let read = RowsMut::apart(hidden, room);
        matmul(self.isa, gates, self.panels.back(place), read, (count, false));
        for band in 0..bands.count {
            let mask = state_mask(self.masks, self.size, bands.first + band);
            add(bands, band, &room[band * state..][..state], mask);
        }
        bands.before_grads[1] = room;
    }
}
