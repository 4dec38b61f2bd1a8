//! The cell of NAS-Bench-201 (Dong and Yang, 2020): a space for tables of what was trained before.
//!
//! ```text
//! node 0, the input ─► 1 ─► 2 ─► 3, the output     each node adds what its edges bring,
//!                                                  one from every node before it
//! |op~0|+|op~0|op~1|+|op~0|op~1|op~2|              the edges of nodes 1, 2 and 3
//! ```
//!
//! The benchmark trained each of the 15,625 texts as an architecture of its own, also where two of
//! them compute the same, as with an edge of `none` or two nodes that could change places. So none
//! stands for another here: the canonical spelling of a cell is its own.
//!
//! The script is a pick for each edge, in the order of the text. There are no nets of it: rewards
//! come from the table.

mod native;
mod op;

pub use op::EdgeOp;

use crate::space::{
    Arch, Choice, Decision, Fact, Form, Link, Menu, Script, SearchSpace, Size, Sketch, Space,
    SpaceError, Step, Vertex, VertexRole, Write,
};

/// The operations of an edge.
static EDGE: Menu = Menu { name: "edge", options: &EdgeOp::NAMES };

const FORMS: &[Form] = &[Form {
    name: "native",
    example: "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|",
    recognize: native::looks_like,
    read: native::read,
    write: Write::Always(native::write),
}];

/// Nodes of a cell, the input among them.
const N_NODES: usize = 4;

/// Edges of a cell: one for each two nodes.
const N_EDGES: usize = N_NODES * (N_NODES - 1) / 2;

/// The space of NAS-Bench-201, which has one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nasbench201;

impl Nasbench201 {
    /// The cell that the benchmark's authors call a `ResNet`'s (`ResNet_CODE` of their program).
    pub const PUBLISHED: &'static str =
        "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|";

    /// The space whose cells have so many nodes; nothing where that is not the benchmark's.
    pub(super) fn of_nodes(n_nodes: usize) -> Option<Self> {
        (n_nodes == N_NODES).then_some(Self)
    }

    /// The cell with these operations, in the order of the text.
    fn arch(ops: [EdgeOp; N_EDGES]) -> Arch {
        let choices = ops.map(|op| op.idx() as Choice).to_vec();
        Arch::checked(Space::Nasbench201(Self), choices)
    }

    /// The operations of an architecture of this space in the order of its text: those of node 1,
    /// of node 2 and of node 3, each from the nodes before it in order; nothing of another space.
    pub fn ops(arch: &Arch) -> Option<Vec<EdgeOp>> {
        matches!(arch.space(), Space::Nasbench201(_)).then(|| spelled(arch.choices()))
    }
}

/// The operations that `choices` spell.
fn spelled(choices: &[Choice]) -> Vec<EdgeOp> {
    choices.iter().map(|&choice| EdgeOp::ALL[choice as usize]).collect()
}

/// The nodes that each edge leads from and to, in the order of the text.
fn edges() -> impl Iterator<Item = (usize, usize)> {
    (1..N_NODES).flat_map(|to| (0..to).map(move |from| (from, to)))
}

impl SearchSpace for Nasbench201 {
    fn name(&self) -> &'static str {
        "nasbench201"
    }

    fn about(&self) -> &'static str {
        "The cell of NAS-Bench-201, of which every architecture was trained: the operation of each \
         of its edges; for tables, as it has no nets here (Dong and Yang, 2020)"
    }

    fn size(&self) -> String {
        format!("{N_NODES} nodes")
    }

    fn published(&self) -> Result<Arch, SpaceError> {
        native::read(Self::PUBLISHED)
    }

    fn tag(&self) -> String {
        format!("b{N_NODES}")
    }

    fn parts(&self) -> &'static [&'static str] {
        &["cell"]
    }

    fn script(&self) -> Script {
        let pick = Step::Ask(Decision::Pick { part: 0, menu: &EDGE });
        let begin = Step::Begin { part: 0, inputs: 0 };
        Script([begin].into_iter().chain([pick; N_EDGES]).collect())
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let ops = spelled(choices);
        let count = |op: EdgeOp| ops.iter().filter(|found| **found == op).count();
        EdgeOp::ALL.into_iter().map(|op| Fact::new(op.name(), count(op))).collect()
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        vec![sketch(&spelled(choices))]
    }

    fn sizes(&self) -> Vec<Size> {
        vec![Size::product("architectures, 5⁶", self.script().options())]
    }
}

/// ```text
/// vertices  0             the input, node 0
///           1, 2, 3       the other nodes
///           4             the output: node 3 as it is
/// ```
fn sketch(ops: &[EdgeOp]) -> Sketch {
    let mut vertices = vec![Vertex::new("0", "input", VertexRole::Input)];
    let mut links = Vec::new();
    for ((from, to), op) in edges().zip(ops) {
        if vertices.len() == to {
            let number = to.to_string();
            vertices.push(Vertex { join: "+", ..Vertex::new(&number, &number, VertexRole::Node) });
        }
        let caption = &mut vertices[to].caption;
        let plus = if caption.is_empty() { "" } else { "+ " };
        caption.push(format!("{plus}{}({from})", op.short_name()));
        links.push(Link { from, to, op: Some(op.idx() as Choice) });
    }
    let output = vertices.len();
    vertices.push(Vertex::new("out", "output", VertexRole::Output));
    links.push(Link { from: output - 1, to: output, op: None });
    Sketch { title: "cell".to_owned(), ops: &EdgeOp::SHORT_NAMES, vertices, links }
}

#[cfg(test)]
mod tests;
