//! The tree cell, step by step forward and back. Rows that fill up the last band stay zero: what a tree
//! makes of zeros may grow from step to step.

use crate::engine::cpu_exec::words::bands::Bands;
use crate::engine::cpu_exec::words::packed::{CellPanels, OF_STATES, OF_WORDS};
use crate::engine::cpu_exec::words::values::{add_scaled, before, multiply, state_mask};
use crate::engine::cpu_exec::words::workspace::Size;
use crate::engine::kernel::{BAND, Isa, Rows, RowsMut, matmul, tree_cell, tree_cell_grad};
use crate::engine::words::Masks;
use crate::net::TreeCell;

/// What a tree is unrolled with.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) isa: Isa,
    pub(super) size: Size,
    pub(super) cell: &'a TreeCell,
    pub(super) masks: &'a Masks,
    pub(super) panels: CellPanels<'a>,
}

impl Tree<'_> {
    /// Values of a band of products of leaves, with words or with states.
    fn products(&self) -> usize {
        self.cell.n_leaves() * self.size.band()
    }

    /// The same of a step.
    fn products_of_step(&self) -> usize {
        self.cell.n_leaves() * self.size.state()
    }

    /// Rows of a band that are rows of the text.
    fn rows(&self, band: usize) -> usize {
        BAND.min(self.size.rows - band * BAND)
    }

    /// Has the leaves read all words, then the states step by step.
    pub(super) fn forward(&self, mut bands: Bands<'_>) {
        let Size { steps, hidden, gates, .. } = self.size;
        let band_len = self.size.band();
        for band in 0..bands.count {
            let inputs = Rows::apart(hidden, &bands.inputs[band * band_len..]);
            let products = &mut bands.gates[band * gates * band_len..];
            let products = RowsMut::apart(self.panels.width, products);
            let rows = band_len / hidden;
            matmul(self.isa, inputs, self.panels.forward(OF_WORDS), products, (rows, false));
        }
        for step in 0..steps {
            self.read_states(&mut bands, step);
            for band in 0..bands.count {
                self.step(&mut bands, step, band);
            }
        }
    }

    /// The products of leaves with the h before a step.
    fn read_states(&self, bands: &mut Bands<'_>, step: usize) {
        let Size { hidden, gates, .. } = self.size;
        let (state, band_len) = (self.size.state(), self.size.band());
        for band in 0..bands.count {
            let before = before(bands.carried, bands.outputs, (step, band), self.size);
            let masked = &mut bands.befores[band * band_len + step * state..][..state];
            multiply(before, state_mask(self.masks, self.size, bands.first + band), masked);
        }
        let befores = &bands.befores[step * state..];
        let read = Rows { values: befores, stride: hidden, band: band_len };
        let products = &mut bands.gates[self.products() + step * self.products_of_step()..];
        let (stride, band) = (self.panels.width, gates * band_len);
        let products = RowsMut { values: products, stride, band };
        let count = bands.count * BAND;
        matmul(self.isa, read, self.panels.forward(OF_STATES), products, (count, false));
    }

    fn step(&self, bands: &mut Bands<'_>, step: usize, band: usize) {
        let (state, band_len, hidden) = (self.size.state(), self.size.band(), self.size.hidden);
        let rows = self.rows(bands.first + band);
        let [xs, hs] = self.products_at(bands.gates, step, band);
        let (earlier, later) =
            bands.states[band * band_len..][..band_len].split_at_mut(step * state);
        let before = self.c_before(bands.carried, earlier, step, band);
        let (h, fill_h) =
            bands.outputs[band * band_len + step * state..][..state].split_at_mut(rows * hidden);
        let (c, fill_c) = later[..state].split_at_mut(rows * hidden);
        let wide = rows * self.panels.width;
        let (xs, hs, of) = (&xs[..wide], &hs[..wide], (self.cell, hidden));
        tree_cell(self.isa, of, [xs, hs], &before[..rows * hidden], [h, c]);
        fill_h.fill(0.0);
        fill_c.fill(0.0);
    }

    /// The c before a step of a band, whose list of it is `earlier` up to there.
    fn c_before<'c>(
        &self,
        carried: &'c [f32],
        earlier: &'c [f32],
        step: usize,
        band: usize,
    ) -> &'c [f32] {
        let state = self.size.state();
        match step.checked_sub(1) {
            Some(last) => &earlier[last * state..][..state],
            None => &carried[(band * self.size.carried + 1) * state..][..state],
        }
    }

    /// The products of a step of a band: with words, and with states.
    fn products_at<'g>(
        &self,
        gates: &'g mut [f32],
        step: usize,
        band: usize,
    ) -> [&'g mut [f32]; 2] {
        let own = self.size.gates * self.size.band();
        let (words, states) = gates[band * own..][..own].split_at_mut(self.products());
        let of_step = self.products_of_step();
        [words, states].map(|list| &mut list[step * of_step..][..of_step])
    }

    /// From gradients of the outputs to those of the products, which take their place, and of the
    /// inputs, which take that of the outputs'.
    pub(super) fn backward(&self, mut bands: Bands<'_>) {
        let Size { steps, hidden, gates, .. } = self.size;
        let band_len = self.size.band();
        bands.before_grads[0].fill(0.0);
        bands.step_grads.fill(0.0);
        for step in (0..steps).rev() {
            for band in 0..bands.count {
                self.step_grads(&mut bands, step, band);
            }
            self.state_grads(&mut bands, step);
        }
        for band in 0..bands.count {
            let products = Rows::apart(self.panels.width, &bands.gates[band * gates * band_len..]);
            let grads = RowsMut::apart(hidden, &mut bands.grads[band * band_len..]);
            let rows = band_len / hidden;
            matmul(self.isa, products, self.panels.back(OF_WORDS), grads, (rows, false));
        }
    }

    /// From the gradients of h and c after a step to those of its products, and of the c before.
    fn step_grads(&self, bands: &mut Bands<'_>, step: usize, band: usize) {
        let (state, band_len, hidden) = (self.size.state(), self.size.band(), self.size.hidden);
        let rows = self.rows(bands.first + band);
        let d_h = &mut bands.grads[band * band_len + step * state..][..state];
        add_scaled(&bands.before_grads[0][band * state..][..state], 1.0, d_h);
        let d_c = &mut bands.step_grads[band * state..][..rows * hidden];
        let [xs, hs] = self.products_at(bands.gates, step, band);
        let states = &bands.states[band * band_len..][..band_len];
        let before = self.c_before(bands.carried, states, step, band);
        let wide = rows * self.panels.width;
        let (xs, hs, of) = (&mut xs[..wide], &mut hs[..wide], (self.cell, hidden));
        let grads = (&d_h[..rows * hidden], d_c);
        tree_cell_grad(self.isa, of, [xs, hs], &before[..rows * hidden], grads);
    }

    /// The gradients of the h before a step, past the leaves.
    fn state_grads(&self, bands: &mut Bands<'_>, step: usize) {
        let Size { hidden, gates, .. } = self.size;
        let (state, band_len) = (self.size.state(), self.size.band());
        let products = &bands.gates[self.products() + step * self.products_of_step()..];
        let (stride, band) = (self.panels.width, gates * band_len);
        let products = Rows { values: products, stride, band };
        let [grads, room] = &mut bands.before_grads;
        let count = bands.count * BAND;
        let found = RowsMut::apart(hidden, room);
        matmul(self.isa, products, self.panels.back(OF_STATES), found, (count, false));
        for band in 0..bands.count {
            let mask = state_mask(self.masks, self.size, bands.first + band);
            let room = &room[band * state..][..state];
            multiply(room, mask, &mut grads[band * state..][..state]);
        }
    }
}
