//! A recurrent cell as drawings see it.
//!
//! ```text
//! vertices  0, 1          x[t] and h[t-1]
//!           2             the input node
//!           3 … n+2       the nodes behind it; node i is vertex i + 2
//!           n+3           h[t], the mean of the loose ends
//! ```

use crate::space::recurrent::{Activation, RecurrentNode, loose_ends};
use crate::space::{Choice, Link, Sketch, Vertex, VertexRole};

/// The vertex of the input node.
const INPUT: usize = 2;

pub(super) fn sketch(nodes: &[RecurrentNode]) -> Sketch {
    let node = |number: usize, caption: String| Vertex {
        caption: vec![caption],
        ..Vertex::new(&number.to_string(), &number.to_string(), VertexRole::Node)
    };
    let link =
        |from, to, activation: Activation| Link { from, to, op: Some(activation.idx() as Choice) };
    let mut vertices = vec![
        Vertex::new("x", "x[t]", VertexRole::Input),
        Vertex::new("h", "h[t-1]", VertexRole::Input),
        node(0, "tanh(x, h)".to_owned()),
    ];
    let mut links = vec![link(0, INPUT, Activation::Tanh), link(1, INPUT, Activation::Tanh)];
    for (number, &RecurrentNode { from, activation }) in (1..).zip(nodes) {
        vertices.push(node(number, format!("{activation}({from})")));
        links.push(link(from + INPUT, number + INPUT, activation));
    }
    let (output, ends) = (vertices.len(), loose_ends(nodes));
    vertices.push(Vertex {
        join: "mean",
        caption: vec!["mean".to_owned()],
        ..Vertex::new("out", "h[t]", VertexRole::Output)
    });
    links.extend(ends.into_iter().map(|end| Link { from: end + INPUT, to: output, op: None }));
    Sketch { title: "recurrent cell".to_owned(), ops: &Activation::NAMES, vertices, links }
}

#[cfg(test)]
mod tests {
    use crate::space::{Arch, Recurrent};

    #[test]
    fn the_output_reads_the_loose_ends_and_the_input_node_both_inputs() {
        let arch: Arch = Recurrent::PUBLISHED.parse().unwrap();
        let [cell] = &arch.sketch()[..] else { panic!("a cell alone") };
        assert_eq!(cell.reads(cell.output()), [9, 10]);
        assert_eq!(cell.reads(2), [0, 1]);
        assert_eq!(
            (cell.depths(), cell.is_layered()),
            (vec![0, 0, 1, 2, 3, 4, 4, 5, 6, 5, 7, 8], false)
        );
    }
}
