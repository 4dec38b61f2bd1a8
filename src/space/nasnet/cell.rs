//! A cell of blocks: each combines what two operations make of two earlier hidden states.
//!
//! ```text
//! block n = op_1(state i_1) ∘ op_2(state i_2),   i_1, i_2 < n;   states 0 and 1 are the inputs
//! ```

use std::ops::RangeInclusive;

use crate::space::config::BLOCKS;
use crate::space::nasnet::{BlockCombine, NasnetOp};
use crate::space::{BlockError, N_CELL_INPUTS, SpaceError};

/// An operation applied to an earlier hidden state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockEdge {
    /// The hidden state that is read: 0 and 1 are the cell's inputs, 2 that of the first block.
    pub input: usize,
    /// The operation applied to it.
    pub op: NasnetOp,
}

/// A block: its hidden state, by the number of its cell's inputs behind theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// What it combines.
    pub edges: [BlockEdge; 2],
    /// How.
    pub combine: BlockCombine,
}

/// A directed acyclic graph of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockCell {
    /// Invariant: [`BlockCell::RANGE`] blocks, and every edge reads a state that precedes its own.
    blocks: Vec<Block>,
}

impl BlockCell {
    /// The fewest and the most blocks.
    pub const RANGE: RangeInclusive<usize> = BLOCKS;

    /// Builds a cell, refusing one of a wrong size or with an edge that reads forward.
    pub fn new(blocks: Vec<Block>) -> Result<Self, SpaceError> {
        if !Self::RANGE.contains(&blocks.len()) {
            return Err(SpaceError::Blocks(BlockError::Count { found: blocks.len() }));
        }
        for (node, Block { edges, .. }) in (N_CELL_INPUTS..).zip(&blocks) {
            if let Some(&BlockEdge { input, .. }) = edges.iter().find(|edge| node <= edge.input) {
                return Err(SpaceError::ForwardEdge { node, input });
            }
        }
        Ok(Self { blocks })
    }

    /// The blocks; the first one's state is 2.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The blocks with the numbers of their states.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, Block)> + '_ {
        (N_CELL_INPUTS..).zip(self.blocks.iter().copied())
    }

    /// The states that no block reads, inputs included; together they are the cell's output.
    pub fn loose_ends(&self) -> Vec<usize> {
        (0..self.blocks.len() + N_CELL_INPUTS).filter(|&state| !self.reads(state)).collect()
    }

    /// Whether any block reads `state`.
    pub fn reads(&self, state: usize) -> bool {
        self.blocks.iter().any(|block| block.edges.iter().any(|edge| edge.input == state))
    }
}
