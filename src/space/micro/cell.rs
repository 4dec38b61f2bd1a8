//! A cell: the directed acyclic graph of nodes that the micro search looks for and stacks.
//!
//! ```text
//! node n = op_1(node i_1) + op_2(node i_2),   i_1, i_2 < n;   nodes 0 and 1 are the inputs
//! ```

use std::fmt;
use std::ops::RangeInclusive;

use crate::space::SpaceError;
use crate::space::config::NODES;
use crate::space::micro::Op;

/// Nodes 0 and 1 are the outputs of the two cells before.
pub const N_CELL_INPUTS: usize = 2;

/// Which of the two searched cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellKind {
    /// Keeps the size of the plane.
    Normal,
    /// Halves the plane and doubles the channels.
    Reduction,
}

impl CellKind {
    /// Both kinds, in the order in which the policy spells them.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Reduction];

    /// The names of [`CellKind::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let [normal, reduction] = Self::ALL;
        [normal.name(), reduction.name()]
    };

    /// The name used in texts and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Reduction => "reduction",
        }
    }
}

impl fmt::Display for CellKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An operation applied to an earlier node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The node that is read: 0 and 1 are the cell's inputs, 2 the first computed node.
    pub input: usize,
    /// The operation applied to it.
    pub op: Op,
}

/// A node adds two edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node(pub [Edge; 2]);

/// A directed acyclic graph of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Invariant: [`Cell::NODE_RANGE`] nodes, and every edge reads a node that precedes its own.
    nodes: Vec<Node>,
}

impl Cell {
    /// The fewest and the most computed nodes.
    pub const NODE_RANGE: RangeInclusive<usize> = NODES;

    /// Builds a cell, refusing one of a wrong size or with an edge that reads forward.
    pub fn new(nodes: Vec<Node>) -> Result<Self, SpaceError> {
        if !Self::NODE_RANGE.contains(&nodes.len()) {
            return Err(SpaceError::NodeCount { found: nodes.len() });
        }
        for (idx, Node(edges)) in nodes.iter().enumerate() {
            let node = idx + N_CELL_INPUTS;
            for &Edge { input, .. } in edges {
                if node <= input {
                    return Err(SpaceError::ForwardEdge { node, input });
                }
            }
        }
        Ok(Self { nodes })
    }

    /// The computed nodes; the first is node 2.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The computed nodes with their numbers.
    pub fn numbered_nodes(&self) -> impl Iterator<Item = (usize, Node)> + '_ {
        self.nodes.iter().enumerate().map(|(idx, &node)| (idx + N_CELL_INPUTS, node))
    }

    /// The nodes that no other node reads, inputs included (ENAS code semantics); together they
    /// are the cell's output.
    pub fn loose_ends(&self) -> Vec<usize> {
        (0..self.nodes.len() + N_CELL_INPUTS).filter(|&node| !self.reads(node)).collect()
    }

    /// The first input that no node reads, which the output then joins.
    pub(super) fn unread_input(&self) -> Option<usize> {
        (0..N_CELL_INPUTS).find(|&input| !self.reads(input))
    }

    /// Whether any node reads `node`.
    pub fn reads(&self, node: usize) -> bool {
        self.nodes.iter().any(|Node(edges)| edges.iter().any(|edge| edge.input == node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds the cell spelled by `nodes` and compares its loose ends, or its error.
    #[track_caller]
    fn check(nodes: &[[usize; 2]], expected: Result<&[usize], &str>) {
        let edge = |input| Edge { input, op: Op::Identity };
        let nodes = nodes.iter().map(|&[a, b]| Node([edge(a), edge(b)])).collect();
        let found = Cell::new(nodes).map(|cell| cell.loose_ends()).map_err(|err| err.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_chain_has_one_loose_end() {
        check(&[[0, 1], [2, 2], [3, 3]], Ok(&[4]));
    }

    #[test]
    fn unread_nodes_are_all_loose() {
        check(&[[0, 1], [0, 1], [0, 1]], Ok(&[2, 3, 4]));
    }

    #[test]
    fn an_unread_input_is_loose_too() {
        check(&[[1, 1], [1, 2]], Ok(&[0, 3]));
    }

    #[test]
    fn a_node_cannot_read_itself() {
        check(
            &[[0, 2], [0, 0]],
            Err("node 2 reads node 2, which does not precede it; it may read 0 to 1"),
        );
    }

    #[test]
    fn sizes_outside_one_to_seven_are_refused() {
        check(&[], Err("a cell has 0 nodes; the micro space takes 1 to 7"));
        check(&[[0, 1]; 8], Err("a cell has 8 nodes; the micro space takes 1 to 7"));
    }
}
