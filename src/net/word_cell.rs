//! The cell of a net of words, as a net runs it: a recurrent cell of highways, or a tree.

use crate::net::{CellNode, RecurrentCell, TreeCell};

/// The cell of a net of words.
#[derive(Clone, Debug, PartialEq)]
pub enum WordCell {
    /// Of the recurrent space: nodes with highways around them.
    Highway(RecurrentCell),
    /// Of the `nas_rnn` space.
    Tree(TreeCell),
}

impl From<RecurrentCell> for WordCell {
    fn from(cell: RecurrentCell) -> Self {
        Self::Highway(cell)
    }
}

impl From<TreeCell> for WordCell {
    fn from(cell: TreeCell) -> Self {
        Self::Tree(cell)
    }
}

impl WordCell {
    /// The nodes with weights of their own, but for those that read words; a tree has none.
    pub fn nodes(&self) -> &[CellNode] {
        match self {
            Self::Highway(cell) => &cell.nodes,
            Self::Tree(_) => &[],
        }
    }

    /// The same, to be changed.
    pub(super) fn nodes_mut(&mut self) -> &mut [CellNode] {
        match self {
            Self::Highway(cell) => &mut cell.nodes,
            Self::Tree(_) => &mut [],
        }
    }

    /// What the weights that read words and states are called.
    pub const fn input(&self) -> &'static str {
        match self {
            Self::Highway(_) => "input",
            Self::Tree(_) => "leaves",
        }
    }

    /// How many times H values they make of a word: the two gates of node 0, or the leaves.
    pub fn width(&self) -> usize {
        match self {
            Self::Highway(_) => 2,
            Self::Tree(tree) => tree.n_leaves(),
        }
    }

    /// How many states of H features go from word to word: h, and the c of a tree.
    pub const fn n_states(&self) -> usize {
        match self {
            Self::Highway(_) => 1,
            Self::Tree(_) => 2,
        }
    }
}
