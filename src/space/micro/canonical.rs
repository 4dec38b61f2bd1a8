//! The canonical spelling of a cell: one for all that compute the same.
//!
//! Two cells are the same when one becomes the other by swapping the edges of nodes and by
//! renumbering computed nodes. The canonical form of a cell is its smallest spelling, in which a node
//! reads as its edge pair.

use crate::space::micro::{Cell, Edge, N_CELL_INPUTS, Node, Op};
use crate::space::smallest::{Renumbered, smallest};

/// The smallest spelling of `cell`.
pub(super) fn canonical(cell: &Cell) -> Cell {
    let nodes =
        smallest(cell).into_iter().enumerate().map(|(idx, code)| node_of(code, idx)).collect();
    Cell::new(nodes).expect("a cell that is spelled otherwise is a cell")
}

/// Edge values of the node at `idx`: operations times earlier nodes.
const fn edge_radix(idx: usize) -> u32 {
    ((idx + N_CELL_INPUTS) * Op::ALL.len()) as u32
}

fn edge_code(edge: Edge) -> u32 {
    (edge.input * Op::ALL.len() + edge.op.idx()) as u32
}

/// The pair as a number, the smaller edge first.
fn node_code(edges: [Edge; 2], idx: usize) -> u32 {
    let [a, b] = edges.map(edge_code);
    a.min(b) * edge_radix(idx) + a.max(b)
}

fn node_of(code: u32, idx: usize) -> Node {
    let edge = |code: u32| Edge {
        input: code as usize / Op::ALL.len(),
        op: Op::ALL[code as usize % Op::ALL.len()],
    };
    Node([edge(code / edge_radix(idx)), edge(code % edge_radix(idx))])
}

impl Renumbered for Cell {
    fn sides(&self) -> [usize; 2] {
        [N_CELL_INPUTS, self.nodes().len()]
    }

    fn code(&self, node: usize, idx: usize, place_of: &[Option<usize>]) -> Option<u32> {
        let Node(edges) = self.nodes()[node - N_CELL_INPUTS];
        let [a, b] = edges.map(|edge| Some(Edge { input: place_of[edge.input]?, ..edge }));
        Some(node_code([a?, b?], idx))
    }

    fn reads(&self, node: usize) -> bool {
        Self::reads(self, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Arch, MicroSpace};
    use proptest::prelude::*;

    fn cell() -> impl Strategy<Value = Vec<[(usize, usize); 2]>> {
        (2_usize..=7).prop_flat_map(|n| {
            (0..n)
                .map(|idx| {
                    let edge = (0..idx + N_CELL_INPUTS, 0..Op::ALL.len());
                    (edge.clone(), edge).prop_map(|(a, b)| [a, b])
                })
                .collect::<Vec<_>>()
        })
    }

    fn build(nodes: &[[(usize, usize); 2]]) -> Cell {
        let edge = |(input, op): (usize, usize)| Edge { input, op: Op::ALL[op] };
        Cell::new(nodes.iter().map(|pair| Node(pair.map(edge))).collect()).unwrap()
    }

    /// Swaps edges by the bits of `swaps` and renumbers the nodes by `keys`, where order allows.
    fn disguise(cell: &Cell, swaps: u8, keys: &[u8]) -> Cell {
        let n = cell.nodes().len();
        let mut new_of: Vec<Option<usize>> = vec![None; n + N_CELL_INPUTS];
        new_of[0] = Some(0);
        new_of[1] = Some(1);
        let mut nodes = Vec::new();
        while nodes.len() < n {
            let (node, Node(edges)) = cell
                .numbered_nodes()
                .filter(|&(node, _)| new_of[node].is_none())
                .filter(|(_, Node(edges))| edges.iter().all(|e| new_of[e.input].is_some()))
                .min_by_key(|&(node, _)| keys[node])
                .unwrap();
            let mut edges = edges.map(|e| Edge { input: new_of[e.input].unwrap(), op: e.op });
            if swaps >> nodes.len() & 1 == 1 {
                edges.reverse();
            }
            new_of[node] = Some(nodes.len() + N_CELL_INPUTS);
            nodes.push(Node(edges));
        }
        Cell::new(nodes).unwrap()
    }

    proptest! {
        #[test]
        fn disguised_architectures_keep_their_id_and_ids_read_back(
            nodes in cell(), swaps: u8, keys in prop::array::uniform9(0_u8..)
        ) {
            let (plain, other) = (build(&nodes), disguise(&build(&nodes), swaps, &keys));
            let id = MicroSpace::arch(&plain, &plain).unwrap().id();
            prop_assert_eq!(&MicroSpace::arch(&other, &plain).unwrap().id(), &id);
            prop_assert_eq!(&MicroSpace::arch(&plain, &other).unwrap().id(), &id);
            prop_assert_eq!(&id.parse::<Arch>().unwrap().id(), &id);
        }
    }

    /// All 40,000 two-node cells fall into as many classes as brute force finds.
    #[test]
    fn ids_differ_exactly_where_brute_force_finds_no_disguise() {
        let mut ids = std::collections::BTreeSet::new();
        let mut classes = std::collections::BTreeSet::new();
        let fixed = build(&[[(0, 0), (1, 0)], [(0, 0), (1, 0)]]);
        let pair = |n: usize, code: usize| {
            let edge = |code: usize| (code / 5, code % 5);
            [edge(code / (5 * n)), edge(code % (5 * n))]
        };
        for (first, second) in (0..100).flat_map(|a| (0..225).map(move |b| (a, b))) {
            let cell = build(&[pair(2, first), pair(3, second)]);
            let class = [[0; 9], [0, 0, 1, 0, 0, 0, 0, 0, 0]]
                .iter()
                .flat_map(|keys| (0..4).map(|swaps| disguise(&cell, swaps, keys)))
                .map(|cell| {
                    let codes: Vec<u32> =
                        cell.nodes().iter().flat_map(|n| n.0.map(edge_code)).collect();
                    codes
                })
                .min();
            classes.insert(class);
            ids.insert(MicroSpace::arch(&cell, &fixed).unwrap().id());
        }
        assert_eq!(ids.len(), classes.len());
    }
}
