//! Why a text is no architecture of NASNet's blocks.

use crate::space::told::{listed, start};

/// Why a text is no architecture of NASNet's blocks, or none that another program has too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The number of blocks is out of range.
    #[error("a cell has {found} blocks; the nasnet space takes 1 to 10")]
    Count {
        /// Blocks found or asked for.
        found: usize,
    },
    /// The two cells differ in size.
    #[error(
        "the normal cell has {normal} blocks and the reduction cell {reduction}; give both the same \
         number"
    )]
    UnequalCells {
        /// Blocks of the normal cell.
        normal: usize,
        /// Blocks of the reduction cell.
        reduction: usize,
    },
    /// The output of a genotype's cell joins other states than the loose ends.
    #[error(
        "the output of the {cell} cell joins nodes {}; in the nasnet space it joins the hidden states \
         that no block reads, which are {} here, so this cell is none of its",
        listed(joined),
        listed(loose_ends)
    )]
    Joined {
        /// The name of the cell.
        cell: &'static str,
        /// The states that the text joins.
        joined: Vec<usize>,
        /// Those that no block reads.
        loose_ends: Vec<usize>,
    },
    /// An edge of a genotype has an operation that the nasnet space lacks.
    #[error(
        "at character {position}: node {node} of the {cell} cell applies `{}`, which the nasnet \
         space does not have; of DARTS' operations it has {}",
        start(op),
        known.join(", ")
    )]
    Op {
        /// Place in characters, counted from 1.
        position: usize,
        /// The name of the cell.
        cell: &'static str,
        /// The node that the edge belongs to.
        node: usize,
        /// The operation's name there.
        op: String,
        /// DARTS' names of those that there are.
        known: &'static [&'static str],
    },
    /// A cell that no genotype spells.
    #[error("state {node} of the {cell} cell {what}, which no genotype of DARTS says")]
    NoGenotype {
        /// The name of the cell.
        cell: &'static str,
        /// The state.
        node: usize,
        /// What of it DARTS lacks.
        what: &'static str,
    },
}
