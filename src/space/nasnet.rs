//! NASNet's space: one normal and one reduction cell of B blocks (Zoph et al., 2018, "Learning
//! Transferable Architectures for Scalable Image Recognition", section 3).
//!
//! The script of a block is *point, point, pick, pick, pick, place*: two hidden states, an operation
//! for each, and how the results are combined.

mod canonical;
mod cell;
mod genotype;
mod native;
mod op;

pub use cell::{Block, BlockCell, BlockEdge};
pub use op::{BlockCombine, NasnetOp};

use crate::space::fact::row;
use crate::space::sketch::CellNode;
use crate::space::{
    Arch, BlockError, CellKind, Choice, Decision, Fact, Form, Locality, Menu, N_CELL_INPUTS,
    Script, SearchSpace, Size, Sketch, Space, SpaceError, Step, Write,
};

/// The operations of a block; of both cells.
static OPS: Menu = Menu { name: "nasnet_op", options: &NasnetOp::NAMES };

/// What a block does with the two.
static COMBINE: Menu = Menu { name: "nasnet_combine", options: &BlockCombine::NAMES };

const FORMS: &[Form] = &[
    Form {
        name: "native",
        example: "nasnet normal=[op(state)+op(state), op(state)|op(state), …] reduction=[…]",
        recognize: native::looks_like,
        read: native::read,
        write: Write::Always(native::write),
    },
    Form {
        name: "genotype",
        example: "Genotype(normal=[('sep_conv_7x7', 0), …], …)",
        recognize: genotype::looks_like,
        read: genotype::read,
        write: Write::Where(genotype::write),
    },
];

/// Decisions of one block: two states, two operations, and how they are combined.
const CHOICES_PER_BLOCK: usize = 5;

/// The space of cells with a given number of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nasnet {
    /// Invariant: within [`BlockCell::RANGE`].
    n_blocks: usize,
}

/// Five blocks, as in the paper.
impl Default for Nasnet {
    fn default() -> Self {
        Self { n_blocks: 5 }
    }
}

impl Nasnet {
    /// NASNet-A (figure 4), as DARTS' program spells it.
    pub const PUBLISHED: &'static str = "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), \
        ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), \
        ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)], \
        normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), \
        ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), \
        ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], \
        reduce_concat=[4, 5, 6])";

    /// The space of cells with `n_blocks` blocks.
    pub fn new(n_blocks: usize) -> Result<Self, SpaceError> {
        if BlockCell::RANGE.contains(&n_blocks) {
            Ok(Self { n_blocks })
        } else {
            Err(SpaceError::Blocks(BlockError::Count { found: n_blocks }))
        }
    }

    /// Blocks of a cell.
    pub fn n_blocks(self) -> usize {
        self.n_blocks
    }

    /// The architecture made of two cells of the same size.
    pub fn arch(normal: &BlockCell, reduction: &BlockCell) -> Result<Arch, SpaceError> {
        let (n, r) = (normal.blocks().len(), reduction.blocks().len());
        if n != r {
            let unequal = BlockError::UnequalCells { normal: n, reduction: r };
            return Err(SpaceError::Blocks(unequal));
        }
        let choices = [normal, reduction].into_iter().flat_map(choices).collect();
        Ok(Arch::checked(Space::Nasnet(Self::new(n)?), choices))
    }

    /// The normal and the reduction cell of an architecture of this space; nothing of another.
    pub fn cells(arch: &Arch) -> Option<[BlockCell; 2]> {
        let Space::Nasnet(space) = arch.space() else { return None };
        Some(space.both_cells(arch.choices()))
    }

    fn both_cells(self, choices: &[Choice]) -> [BlockCell; 2] {
        let (normal, reduction) = choices.split_at(self.n_blocks * CHOICES_PER_BLOCK);
        [normal, reduction].map(|choices| {
            let (blocks, _) = choices.as_chunks::<CHOICES_PER_BLOCK>();
            BlockCell::new(blocks.iter().copied().map(block).collect())
                .expect("the choices of an `Arch` answer its script, so inputs precede")
        })
    }
}

/// The choices that spell `cell`.
fn choices(cell: &BlockCell) -> Vec<Choice> {
    let spelled = cell.blocks().iter().flat_map(|&Block { edges: [a, b], combine }| {
        [a.input, b.input, a.op.idx(), b.op.idx(), combine.idx()]
    });
    spelled.map(|choice| choice as Choice).collect()
}

/// The block that choices spell.
fn block(choices: [Choice; CHOICES_PER_BLOCK]) -> Block {
    let [a, b, op_a, op_b, combine] = choices.map(|choice| choice as usize);
    let edge = |input, op: usize| BlockEdge { input, op: NasnetOp::ALL[op] };
    Block { edges: [edge(a, op_a), edge(b, op_b)], combine: BlockCombine::ALL[combine] }
}

/// The cells of an architecture that one of this space's forms writes.
fn cells(arch: &Arch) -> [BlockCell; 2] {
    Nasnet::cells(arch).expect("a form writes architectures of its own space")
}

impl SearchSpace for Nasnet {
    fn name(&self) -> &'static str {
        "nasnet"
    }

    fn about(&self) -> &'static str {
        "A normal and a reduction cell, which the net stacks: each block of a cell applies two of 13 \
         operations to earlier hidden states, and adds or joins the results (Zoph et al., 2018)"
    }

    fn size(&self) -> String {
        format!("{} blocks", self.n_blocks)
    }

    fn published(&self) -> Result<Arch, SpaceError> {
        genotype::read(Self::PUBLISHED)
    }

    fn tag(&self) -> String {
        format!("n{}", self.n_blocks)
    }

    fn parts(&self) -> &'static [&'static str] {
        &CellKind::NAMES
    }

    /// The normal cell, then the reduction cell.
    fn script(&self) -> Script {
        let mut steps = Vec::new();
        for part in CellKind::ALL.map(|cell| cell as usize) {
            steps.push(Step::Begin { part, inputs: N_CELL_INPUTS });
            for earlier in N_CELL_INPUTS..N_CELL_INPUTS + self.n_blocks {
                let point = Decision::Point { earlier, locality: Locality::Even };
                steps.extend([Step::Ask(point); 2]);
                steps.extend([Step::Ask(Decision::Pick { part, menu: &OPS }); 2]);
                steps.push(Step::Ask(Decision::Pick { part, menu: &COMBINE }));
                steps.push(Step::Place);
            }
        }
        Script(steps)
    }

    fn canonical(&self, choices: &[Choice]) -> Vec<Choice> {
        let cells = self.both_cells(choices);
        cells.iter().flat_map(|cell| self::choices(&canonical::canonical(cell))).collect()
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let mut facts = vec![Fact::new("blocks a cell", self.n_blocks)];
        for (kind, cell) in CellKind::ALL.into_iter().zip(self.both_cells(choices)) {
            facts.push(Fact::new(format!("loose ends, {kind}"), row(&cell.loose_ends())));
        }
        facts
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        let cells = CellKind::ALL.into_iter().zip(self.both_cells(choices));
        let sketch = |(kind, cell): (CellKind, BlockCell)| {
            let nodes = cell.blocks().iter().map(|&Block { edges, combine }| CellNode {
                edges: edges.map(|BlockEdge { input, op }| (input, op.idx())),
                join: combine.join(),
                sign: combine.sign(),
            });
            let (title, ops) = (format!("{kind} cell"), &NasnetOp::SHORT_NAMES);
            Sketch::of_cell(title, ops, nodes, cell.loose_ends())
        };
        cells.map(sketch).collect()
    }

    fn sizes(&self) -> Vec<Size> {
        let states = N_CELL_INPUTS..N_CELL_INPUTS + self.n_blocks;
        let edges = states.map(|state| state * NasnetOp::ALL.len());
        let both = |cell: &[usize]| [cell, cell].concat();
        let ordered: Vec<usize> =
            edges.clone().flat_map(|edge| [edge, edge, BlockCombine::ALL.len()]).collect();
        // Of pairs in which order does not count, of either kind: twice e·(e + 1) / 2.
        let unordered: Vec<usize> = edges.map(|edge| edge * (edge + 1)).collect();
        vec![
            Size::product("lists of choices of a cell", ordered.clone()),
            Size::product("lists of choices", both(&ordered)),
            Size::product("cells, the sides of a block unordered", unordered.clone()),
            Size::product("architectures, the sides of a block unordered", both(&unordered)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(n_blocks: usize) -> Vec<String> {
        let sizes = Nasnet::new(n_blocks).unwrap().sizes();
        sizes.into_iter().map(|size| size.count).collect()
    }

    /// By hand: a block that sees n states has n² pairs of them, 13² of operations and 2 ways to
    /// combine them; of pairs without order there are 13n·(13n + 1) / 2.
    #[test]
    fn spaces_have_the_counts_of_a_reckoning_by_hand() {
        let pairs = 26 * 26 * 2 * 39 * 39 * 2;
        let cell = 26 * 27 * 39 * 40;
        assert_eq!(
            counts(2),
            [pairs, pairs * pairs, cell, cell * cell].map(|n: u64| n.to_string())
        );
        assert_eq!(counts(5)[..2], FIVE);
    }

    /// (6!·13⁵)²·2⁵, and its square.
    const FIVE: [&str; 2] = ["2286906949584691200", "5229943396058757337940161399357440000"];

    #[test]
    fn the_largest_space_has_ids_that_read_back() {
        let space = Space::Nasnet(Nasnet::new(*BlockCell::RANGE.end()).unwrap());
        let last: Vec<Choice> = space.script().options().map(|n| n as Choice - 1).collect();
        let id = space.arch(&last).unwrap().id();
        assert!((55..=64).contains(&id.len()), "{id}");
        assert_eq!(id.parse::<Arch>().unwrap().id(), id);
    }

    #[test]
    fn a_size_that_no_search_has_is_refused() {
        let error = Nasnet::new(11).unwrap_err().to_string();
        assert_eq!(error, "a cell has 11 blocks; the nasnet space takes 1 to 10");
    }
}
