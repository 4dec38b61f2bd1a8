//! A cell as the drawings see it: vertices and links, with the output as a vertex of its own.
//!
//! ```text
//! vertices  0, 1          the inputs h[k-2] and h[k-1]
//!           2 … n+1       the nodes
//!           n+2           the output: the loose ends, concatenated
//! links     input → node  with an operation, two for each node
//!           loose end → output
//! ```

use crate::space::{Cell, N_CELL_INPUTS, Node, Op};

/// One arrow of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The vertex that is read.
    pub(super) from: usize,
    /// The vertex that reads.
    pub(super) to: usize,
    /// The operation on the way; the output takes what it reads as it is.
    pub(super) op: Option<Op>,
}

/// A cell as vertices and links.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    /// The links into the nodes, in order, and then those into the output.
    pub(super) links: Vec<Link>,
    /// For each vertex, the most links on a way from an input. The output's is the greatest: the
    /// deepest node is a loose end.
    pub(super) depths: Vec<usize>,
}

impl Graph {
    /// The vertices and links of `cell`.
    pub(super) fn new(cell: &Cell) -> Self {
        let output = cell.nodes().len() + N_CELL_INPUTS;
        let mut links: Vec<Link> = cell
            .numbered_nodes()
            .flat_map(|(to, Node(edges))| {
                edges.map(|edge| Link { from: edge.input, to, op: Some(edge.op) })
            })
            .collect();
        let loose_ends = cell.loose_ends().into_iter();
        links.extend(loose_ends.map(|from| Link { from, to: output, op: None }));
        let mut depths = vec![0; output + 1];
        for link in &links {
            depths[link.to] = depths[link.to].max(depths[link.from] + 1);
        }
        Self { links, depths }
    }

    /// The output's vertex, the last.
    pub(super) fn output(&self) -> usize {
        self.depths.len() - 1
    }

    /// What is written on a vertex.
    pub(super) fn label(&self, vertex: usize) -> String {
        match vertex {
            0 => "h[k-2]".to_owned(),
            1 => "h[k-1]".to_owned(),
            _ if vertex == self.output() => "h[k]".to_owned(),
            _ => vertex.to_string(),
        }
    }
}

/// The color of an operation, of the same contrast on white for each; no two are confused by
/// color-blind eyes (after Okabe and Ito, darkened).
pub(super) const fn color(op: Op) -> &'static str {
    match op {
        Op::SepConv3x3 => "#0067a5",
        Op::SepConv5x5 => "#c04a00",
        Op::AvgPool3x3 => "#00805c",
        Op::MaxPool3x3 => "#a8477f",
        Op::Identity => "#4a4f57",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::space::{Arch, CellKind, MicroSpace, Space};
    use proptest::prelude::*;

    /// The authors' best cells.
    pub(in crate::export) const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    /// The smallest cells, one a chain and one with an input that is a loose end.
    pub(in crate::export) const SMALL: &str = "0 0 1 1 0 2 2 3 1 4 1 0 1 1 2 2";

    /// Any architecture of the micro space.
    pub(in crate::export) fn arch() -> impl Strategy<Value = Arch> {
        Cell::NODE_RANGE.prop_flat_map(|n_nodes| {
            let space = Space::Micro(MicroSpace::new(n_nodes).unwrap());
            let choices: Vec<_> = space.script().decisions().map(|n| 0..n as u32).collect();
            choices.prop_map(move |choices| space.arch(&choices).unwrap())
        })
    }

    #[test]
    fn the_output_reads_the_loose_ends_and_is_the_deepest() {
        let arch: Arch = SMALL.parse().unwrap();
        let graph = Graph::new(&arch.cell(CellKind::Reduction));
        assert_eq!(graph.depths, [0, 0, 1, 2, 3]);
        let output: Vec<_> =
            graph.links.iter().filter(|l| l.op.is_none()).map(|l| (l.from, l.to)).collect();
        assert_eq!(output, [(0, 4), (3, 4)]);
    }

    proptest! {
        #[test]
        fn every_link_leads_to_a_greater_depth_and_only_the_output_has_the_greatest(arch in arch()) {
            for kind in CellKind::ALL {
                let Graph { links, depths } = Graph::new(&arch.cell(kind));
                prop_assert!(links.iter().all(|link| depths[link.from] < depths[link.to]));
                let (output, others) = depths.split_last().unwrap();
                prop_assert!(others.iter().all(|depth| depth < output));
            }
        }
    }

    #[test]
    fn operations_have_colors_of_their_own() {
        let colors: std::collections::BTreeSet<_> = Op::ALL.map(color).into();
        assert_eq!(colors.len(), Op::ALL.len());
    }
}
