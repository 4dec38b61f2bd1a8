//! A tree cell as drawings see it.
//!
//! ```text
//! vertices  0, 1, 2       x[t], h[t-1] and c[t-1]
//!           3 … 2n+1      the nodes; node i is vertex i + 3
//!           2n+2          h[t], the root
//! ```

use crate::space::nas_rnn::Tree;
use crate::space::nas_rnn::native::term;
use crate::space::{Activation, Choice, Link, Sketch, Vertex, VertexRole};

/// Vertices before the nodes: what comes from outside.
const INPUTS: [[&str; 2]; 3] = [["x", "x[t]"], ["h", "h[t-1]"], ["c", "c[t-1]"]];

/// The vertex of c[t-1].
const MEMORY: usize = 2;

pub(super) fn sketch(tree: &Tree) -> Sketch {
    let space = tree.space();
    let mut vertices: Vec<Vertex> =
        INPUTS.map(|[name, label]| Vertex::new(name, label, VertexRole::Input)).into();
    let mut links = Vec::new();
    for (number, &node) in tree.nodes.iter().enumerate() {
        let to = number + INPUTS.len();
        let mut link = |from, activation: Activation| {
            links.push(Link { from, to, op: Some(activation.idx() as Choice) });
        };
        let reads = space.reads(number);
        let from = reads.map_or([0, 1], |reads| reads.map(|node| node + INPUTS.len()));
        for from in from {
            link(from, node.activation);
        }
        let [left, right] = from.map(|from| match from.checked_sub(INPUTS.len()) {
            Some(node) => node.to_string(),
            None => INPUTS[from][0].to_owned(),
        });
        let mut caption = vec![term(node, &left, &right)];
        if number == tree.injected {
            link(MEMORY, tree.inject.activation);
            caption.extend(["then".to_owned(), term(tree.inject, "·", "c")]);
        }
        let name = number.to_string();
        let note = if number == tree.memory { "c[t] before activation" } else { "" };
        vertices.push(Vertex { note, caption, ..Vertex::new(&name, &name, VertexRole::Node) });
    }
    let output = vertices.len();
    vertices.push(Vertex::new("out", "h[t]", VertexRole::Output));
    links.push(Link { from: output - 1, to: output, op: None });
    let title = "tree cell".to_owned();
    Sketch { title, ops: &Activation::NAMES, vertices, links }
}

#[cfg(test)]
mod tests {
    use crate::space::{Arch, NasRnn};

    #[test]
    fn leaves_read_both_inputs_and_the_output_reads_the_root() {
        let arch: Arch = NasRnn::EXAMPLE.parse().unwrap();
        let [cell] = &arch.sketch()[..] else { panic!("a cell alone") };
        assert_eq!(cell.reads(cell.output()), [5]);
        assert_eq!([3, 4, 5].map(|v| cell.reads(v)), [vec![0, 1, 2], vec![0, 1], vec![3, 4]]);
        assert_eq!((cell.n_inputs(), cell.is_layered()), (3, false));
        assert_eq!(cell.vertices[3].caption.join(" "), "tanh(x+h) then relu(·+c)");
        assert_eq!(cell.vertices[4].note, "c[t] before activation");
    }
}
