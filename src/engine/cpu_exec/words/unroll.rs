//! The cell of a net, whichever it is, step by step forward and back.

use crate::engine::cpu_exec::words::bands::Bands;
use crate::engine::cpu_exec::words::highway::Highway;
use crate::engine::cpu_exec::words::packed::CellPanels;
use crate::engine::cpu_exec::words::tree::Tree;
use crate::engine::cpu_exec::words::workspace::{PackedWeights, Size};
use crate::engine::kernel::Isa;
use crate::engine::words::{Masks, WordNet};
use crate::net::WordCell;

/// What a cell is unrolled with.
#[derive(Clone, Copy)]
pub(super) struct Unroll<'a> {
    pub(super) isa: Isa,
    pub(super) size: Size,
    pub(super) net: &'a WordNet,
    pub(super) masks: &'a Masks,
    pub(super) packed: &'a PackedWeights,
}

/// The cell itself.
enum Cell<'a> {
    Highway(Highway<'a>),
    Tree(Tree<'a>),
}

impl<'a> Unroll<'a> {
    fn cell(&self) -> Cell<'a> {
        let Self { isa, size, net, masks, packed } = *self;
        let panels = CellPanels { packed, hidden: net.hidden, width: net.width() };
        match &net.cell {
            WordCell::Highway(cell) => Cell::Highway(Highway { isa, size, cell, masks, panels }),
            WordCell::Tree(cell) => Cell::Tree(Tree { isa, size, cell, masks, panels }),
        }
    }

    /// All words of the window.
    pub(super) fn forward(&self, bands: Bands<'_>) {
        match self.cell() {
            Cell::Highway(cell) => cell.forward(bands),
            Cell::Tree(cell) => cell.forward(bands),
        }
    }

    /// From gradients of the outputs to those of the gates, which take their place, and of the
    /// inputs, which take that of the outputs'.
    pub(super) fn backward(&self, bands: Bands<'_>) {
        match self.cell() {
            Cell::Highway(cell) => cell.backward(bands),
            Cell::Tree(cell) => cell.backward(bands),
        }
    }
}
