//! Why a text is no tree cell.

/// Why a text, or a tree, is no cell of the `nas_rnn` space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The number of leaves is out of range.
    #[error("a tree has {found} leaves; the nas_rnn space takes 2 to 16")]
    LeafCount {
        /// Leaves found or asked for.
        found: usize,
    },
    /// No tree has so many nodes.
    #[error(
        "a tree has {found} nodes; one of n leaves has 2n − 1: give the leaves, and a node for \
         each two nodes before it"
    )]
    NodeCount {
        /// Nodes found.
        found: usize,
    },
    /// A node reads others than those that are its own to read.
    #[error("node {node} reads {found}; in a tree of {leaves} leaves it reads {expected}")]
    Reads {
        /// The node.
        node: usize,
        /// What it reads.
        found: String,
        /// How many leaves the tree has.
        leaves: usize,
        /// What it would have to read.
        expected: String,
    },
    /// There is no such node.
    #[error("`{index}` is node {found}; the tree has nodes 0 to {}", nodes - 1)]
    NoNode {
        /// What is said of it.
        index: &'static str,
        /// The node.
        found: usize,
        /// How many there are.
        nodes: usize,
    },
}
