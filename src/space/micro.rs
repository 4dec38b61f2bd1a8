//! The micro space: one normal and one reduction cell of B computed nodes (ENAS, section 2.4).
//!
//! The script of a cell is, for each node, *point, point, pick, pick, place*. The paper counts
//! the two inputs: its "B = 7 nodes" is 5 computed nodes here.

mod canonical;
mod cell;
mod flat;
mod genotype;
mod native;
mod nni;
mod op;

pub use cell::{Cell, CellKind, Edge, N_CELL_INPUTS, Node};
pub use op::Op;

use crate::space::fact::row;
use crate::space::sketch::CellNode;
use crate::space::{
    Arch, Choice, Decision, Fact, Form, Locality, Menu, Script, SearchSpace, Size, Sketch, Space,
    SpaceError, Step, Write,
};

/// The operations of an edge; of both cells.
static OPS: Menu = Menu { name: "op", options: &Op::NAMES };

const FORMS: &[Form] = &[
    Form {
        name: "native",
        example: "normal=[op(input)+op(input), …] reduction=[…]",
        recognize: native::looks_like,
        read: native::read,
        write: Write::Always(native::write),
    },
    Form {
        name: Form::NUMBERS,
        example: "0 2 0 0 … 1 1",
        recognize: flat::looks_like,
        read: flat::read,
        write: Write::Always(flat::write),
    },
    Form {
        name: "genotype",
        example: "Genotype(normal=[…], …)",
        recognize: genotype::looks_like,
        read: genotype::read,
        write: Write::Where(genotype::write),
    },
    Form {
        name: "nni",
        example: "{\"normal/op_2_0\": …}",
        recognize: nni::looks_like,
        read: nni::read,
        write: Write::Where(nni::write),
    },
];

/// Decisions of one node: two inputs, two operations.
const CHOICES_PER_NODE: usize = 4;

/// The micro space of cells with a given number of computed nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MicroSpace {
    /// Invariant: within [`Cell::NODE_RANGE`].
    n_nodes: usize,
}

/// Five nodes, as in the paper.
impl Default for MicroSpace {
    fn default() -> Self {
        Self { n_nodes: 5 }
    }
}

impl MicroSpace {
    /// The two cells that the paper found (Pham et al., 2018, figure 8), as the authors' code gives
    /// them.
    pub const PUBLISHED: &'static str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                                         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    /// The space of cells with `n_nodes` computed nodes, 1 to 7.
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

    /// The architecture made of two cells of the same size.
    pub fn arch(normal: &Cell, reduction: &Cell) -> Result<Arch, SpaceError> {
        let (n, r) = (normal.nodes().len(), reduction.nodes().len());
        if n != r {
            return Err(SpaceError::UnequalCells { normal: n, reduction: r });
        }
        let mut choices = Self::choices(normal);
        choices.extend(Self::choices(reduction));
        Ok(Arch::checked(Space::Micro(Self::new(n)?), choices))
    }

    /// The normal and the reduction cell of an architecture of a micro space; nothing of another.
    pub fn cells(arch: &Arch) -> Option<[Cell; 2]> {
        let Space::Micro(space) = arch.space() else { return None };
        Some(space.both_cells(arch.choices()))
    }

    fn both_cells(self, choices: &[Choice]) -> [Cell; 2] {
        CellKind::ALL.map(|kind| self.cell(choices, kind))
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
}

impl SearchSpace for MicroSpace {
    fn name(&self) -> &'static str {
        "micro"
    }

    fn about(&self) -> &'static str {
        "A normal and a reduction cell, which the net stacks: each node of a cell adds two \
         operations on earlier nodes (ENAS, section 2.4)"
    }

    fn size(&self) -> String {
        format!("{} nodes", self.n_nodes)
    }

    fn published(&self) -> Result<Arch, SpaceError> {
        flat::read(Self::PUBLISHED)
    }

    fn tag(&self) -> String {
        format!("m{}", self.n_nodes)
    }

    fn parts(&self) -> &'static [&'static str] {
        &CellKind::NAMES
    }

    /// The normal cell, then the reduction cell.
    fn script(&self) -> Script {
        let mut steps = Vec::new();
        for part in CellKind::ALL.map(|cell| cell as usize) {
            steps.push(Step::Begin { part, inputs: N_CELL_INPUTS });
            for earlier in N_CELL_INPUTS..N_CELL_INPUTS + self.n_nodes {
                let point = Decision::Point { earlier, locality: Locality::Even };
                steps.extend([Step::Ask(point); 2]);
                steps.extend([Step::Ask(Decision::Pick { part, menu: &OPS }); 2]);
                steps.push(Step::Place);
            }
        }
        Script(steps)
    }

    fn canonical(&self, choices: &[Choice]) -> Vec<Choice> {
        let cells = self.both_cells(choices);
        cells.iter().flat_map(|cell| Self::choices(&canonical::canonical(cell))).collect()
    }

    /// An edge after the other.
    fn id_order(&self) -> Vec<usize> {
        let nodes = (0..CellKind::ALL.len() * self.n_nodes).map(|node| node * CHOICES_PER_NODE);
        nodes.flat_map(|at| [at, at + 2, at + 1, at + 3]).collect()
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let mut facts = vec![Fact::new("nodes a cell", self.n_nodes)];
        for (kind, cell) in CellKind::ALL.into_iter().zip(self.both_cells(choices)) {
            facts.push(Fact::new(format!("loose ends, {kind}"), row(&cell.loose_ends())));
        }
        facts
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        let cells = CellKind::ALL.into_iter().zip(self.both_cells(choices));
        let sketch = |(kind, cell): (CellKind, Cell)| {
            let nodes = cell.nodes().iter().map(|Node(edges)| CellNode {
                edges: edges.map(|Edge { input, op }| (input, op.idx())),
                join: "+",
                sign: "+",
            });
            Sketch::of_cell(format!("{kind} cell"), &Op::SHORT_NAMES, nodes, cell.loose_ends())
        };
        cells.map(sketch).collect()
    }

    fn sizes(&self) -> Vec<Size> {
        let (inputs, ops) = (N_CELL_INPUTS..N_CELL_INPUTS + self.n_nodes, Op::ALL.len());
        let edges = inputs.map(|node| node * ops);
        let both = |cell: Vec<usize>| [&cell[..], &cell[..]].concat();
        let ordered: Vec<usize> = edges.clone().flat_map(|edge| [edge, edge]).collect();
        let unordered: Vec<usize> = edges.map(|edge| edge * (edge + 1) / 2).collect();
        let paper: Vec<usize> = [ops].into_iter().chain(1..=self.n_nodes).collect();
        vec![
            Size::product("the paper's formula, (5·(B−2)!)⁴", both(both(paper))),
            Size::product("lists of choices of a cell", ordered.clone()),
            Size::product("lists of choices", both(ordered)),
            Size::product("cells, the edges of a node unordered", unordered.clone()),
            Size::product("architectures, the edges of a node unordered", both(unordered)),
        ]
    }
}

/// The cells of an architecture that one of this space's forms writes.
fn cells(arch: &Arch) -> [Cell; 2] {
    MicroSpace::cells(arch).expect("a form writes architectures of its own space")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(n_nodes: usize) -> Vec<String> {
        let sizes = MicroSpace::new(n_nodes).unwrap().sizes();
        sizes.into_iter().map(|size| size.count).collect()
    }

    #[test]
    fn five_nodes_have_the_published_counts() {
        let counts = counts(5);
        assert_eq!(counts[0], "129600000000");
        assert_eq!(counts[1], "5062500000000");
        assert_eq!(counts[3], "209459250000");
    }

    #[test]
    fn the_uniform_policy_has_the_published_negative_log_probability() {
        let script = MicroSpace::new(5).unwrap().script();
        let nll: f64 = script.options().map(|options| (options as f64).ln()).sum();
        assert!((nll - 58.505_763).abs() < 1e-6, "{nll}");
    }

    #[test]
    fn the_smallest_and_the_largest_space_can_be_counted() {
        assert_eq!(counts(2)[1], (100 * 225).to_string());
        let seven: u128 = (2..=8_u128).map(|n| 25 * n * n).product();
        assert_eq!(counts(7)[1], seven.to_string());
    }
}
