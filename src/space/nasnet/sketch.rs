//! A cell of blocks as drawings see it.
//!
//! ```text
//! vertices  0, 1          the inputs h[k-2] and h[k-1]
//!           2 … B+1       the blocks
//!           B+2           the output: the loose ends, concatenated
//! ```

use crate::space::nasnet::{Block, BlockCell, BlockCombine, BlockEdge, NasnetOp};
use crate::space::{CellKind, Choice, Link, Sketch, Vertex, VertexRole};

pub(super) fn sketch(kind: CellKind, cell: &BlockCell) -> Sketch {
    let plain = |name: &str, label: &str, role, join| Vertex {
        name: name.to_owned(),
        label: label.to_owned(),
        role,
        op: None,
        join,
        note: "",
        caption: Vec::new(),
    };
    let input = |name, label| plain(name, label, VertexRole::Input, "");
    let mut vertices = vec![input("0", "h[k-2]"), input("1", "h[k-1]")];
    let mut links = Vec::new();
    for (to, Block { edges, combine }) in cell.numbered() {
        let join = match combine {
            BlockCombine::Add => "+",
            BlockCombine::Concat => "concat",
        };
        let [a, b] = edges
            .map(|BlockEdge { input, op }| format!("{}({input})", NasnetOp::SHORT_NAMES[op.idx()]));
        let number = to.to_string();
        let node = plain(&number, &number, VertexRole::Node, join);
        vertices.push(Vertex { caption: vec![a, format!("{} {b}", combine.sign())], ..node });
        links.extend(edges.map(|BlockEdge { input: from, op }| {
            let op = Some(op.idx() as Choice);
            Link { from, to, op }
        }));
    }
    let (output, ends) = (vertices.len(), cell.loose_ends());
    vertices.push(plain("out", "h[k]", VertexRole::Output, "concat"));
    links.extend(ends.into_iter().map(|from| Link { from, to: output, op: None }));
    Sketch { title: format!("{kind} cell"), ops: &NasnetOp::SHORT_NAMES, vertices, links }
}
