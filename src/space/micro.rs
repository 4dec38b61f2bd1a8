//! The micro space: one normal and one reduction cell of B computed nodes (ENAS, section 2.4).
//!
//! The script of a cell is, for each node, *point, point, pick, pick, place*. The paper counts
//! the two inputs: its "B = 7 nodes" is 5 computed nodes here.

use crate::space::{
    Cell, CellKind, Choice, Edge, N_CELL_INPUTS, Node, Op, Script, SpaceError, Step,
};

/// Decisions of one node: two inputs, two operations.
const CHOICES_PER_NODE: usize = 4;

/// The micro space of cells with a given number of computed nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MicroSpace {
    /// Invariant: within [`Cell::NODE_RANGE`].
    n_nodes: usize,
}

/// How many architectures a micro space has, by each way to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MicroSize {
    /// The paper's formula `(5·(B−2)!)^4` with B counting the inputs; an undercount.
    pub paper: u128,
    /// Sequences of choices for one cell.
    pub sequences_per_cell: u128,
    /// Cells with the two edges of a node unordered.
    pub unordered_per_cell: u128,
}

impl MicroSpace {
    /// The space of cells with `n_nodes` computed nodes, 2 to 7.
    pub fn new(n_nodes: usize) -> Result<Self, SpaceError> {
        if Cell::NODE_RANGE.contains(&n_nodes) {
            Ok(Self { n_nodes })
        } else {
            Err(SpaceError::NodeCount { found: n_nodes })
        }
    }

    /// Computed nodes of a cell.
    pub fn n_nodes(self) -> usize {
        self.n_nodes
    }

    /// The script: the normal cell, then the reduction cell.
    pub fn script(self) -> Script {
        let mut steps = Vec::new();
        for cell in CellKind::ALL {
            steps.push(Step::Begin { cell, n_inputs: N_CELL_INPUTS });
            for n_earlier in N_CELL_INPUTS..N_CELL_INPUTS + self.n_nodes {
                steps.extend([Step::Point { n_earlier }; 2]);
                steps.extend([Step::Pick { cell }; 2]);
                steps.push(Step::Place);
            }
        }
        Script(steps)
    }

    /// The choices that spell `cell`.
    pub(super) fn choices(cell: &Cell) -> Vec<Choice> {
        let choice = |idx: usize| idx as Choice;
        cell.nodes()
            .iter()
            .flat_map(|Node([a, b])| [a.input, b.input, a.op.idx(), b.op.idx()].map(choice))
            .collect()
    }

    /// The cell that an architecture's `choices` spell.
    pub(super) fn cell(self, choices: &[Choice], kind: CellKind) -> Cell {
        let start = match kind {
            CellKind::Normal => 0,
            CellKind::Reduction => self.n_nodes * CHOICES_PER_NODE,
        };
        let edge =
            |input: Choice, op: Choice| Edge { input: input as usize, op: Op::ALL[op as usize] };
        let nodes = choices[start..start + self.n_nodes * CHOICES_PER_NODE]
            .chunks_exact(CHOICES_PER_NODE)
            .map(|c| Node([edge(c[0], c[2]), edge(c[1], c[3])]))
            .collect();
        Cell::new(nodes).expect("the choices of an `Arch` answer its script, so inputs precede")
    }

    /// The size of the space.
    pub fn size(self) -> MicroSize {
        let factorial: u128 = (1..=self.n_nodes as u128).product();
        let options =
            || (N_CELL_INPUTS..N_CELL_INPUTS + self.n_nodes).map(|n| (n * Op::ALL.len()) as u128);
        MicroSize {
            paper: (Op::ALL.len() as u128 * factorial).pow(4),
            sequences_per_cell: options().map(|n| n * n).product(),
            unordered_per_cell: options().map(|n| n * (n + 1) / 2).product(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_nodes_have_the_published_counts() {
        let size = MicroSpace::new(5).unwrap().size();
        assert_eq!(size.paper, 129_600_000_000);
        assert_eq!(size.sequences_per_cell, 5_062_500_000_000);
        assert_eq!(size.unordered_per_cell, 209_459_250_000);
    }

    #[test]
    fn the_uniform_policy_has_the_published_negative_log_probability() {
        let script = MicroSpace::new(5).unwrap().script();
        let nll: f64 = script.decisions().map(|options| (options as f64).ln()).sum();
        assert!((nll - 58.505_763).abs() < 1e-6, "{nll}");
    }

    #[test]
    fn the_smallest_and_the_largest_space_can_be_counted() {
        assert_eq!(MicroSpace::new(2).unwrap().size().sequences_per_cell, 100 * 225);
        let seven = (2..=8_u128).map(|n| 25 * n * n).product();
        assert_eq!(MicroSpace::new(7).unwrap().size().sequences_per_cell, seven);
    }
}
