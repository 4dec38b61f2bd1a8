//! The canonical spelling of a cell: one for all that compute the same.
//!
//! Two cells are the same when one becomes the other by swapping the sides of blocks and by
//! renumbering blocks. The canonical form of a cell is its smallest spelling, in which a block reads
//! as its pair of edges and how it combines them.

use crate::space::N_CELL_INPUTS;
use crate::space::nasnet::{Block, BlockCell, BlockCombine, BlockEdge, NasnetOp};
use crate::space::smallest::{Renumbered, smallest};

/// The smallest spelling of `cell`.
pub(super) fn canonical(cell: &BlockCell) -> BlockCell {
    let blocks = smallest(cell).into_iter().enumerate().map(|(idx, code)| block_of(code, idx));
    BlockCell::new(blocks.collect()).expect("a cell that is spelled otherwise is a cell")
}

/// Edges that the block at `idx` may have.
const fn radix(idx: usize) -> u32 {
    ((idx + N_CELL_INPUTS) * NasnetOp::ALL.len()) as u32
}

fn edge_code(edge: BlockEdge) -> u32 {
    (edge.input * NasnetOp::ALL.len() + edge.op.idx()) as u32
}

fn edge_of(code: u32) -> BlockEdge {
    let (code, n_ops) = (code as usize, NasnetOp::ALL.len());
    BlockEdge { input: code / n_ops, op: NasnetOp::ALL[code % n_ops] }
}

fn block_of(code: u32, idx: usize) -> Block {
    let (pair, combine) = (code / 2, BlockCombine::ALL[code as usize % 2]);
    Block { edges: [edge_of(pair / radix(idx)), edge_of(pair % radix(idx))], combine }
}

impl Renumbered for BlockCell {
    fn sides(&self) -> [usize; 2] {
        [N_CELL_INPUTS, self.blocks().len()]
    }

    /// The smaller edge, the other one, how they are combined.
    fn code(&self, node: usize, idx: usize, place_of: &[Option<usize>]) -> Option<u32> {
        let Block { edges, combine } = self.blocks()[node - N_CELL_INPUTS];
        let [a, b] = edges.map(|edge| {
            let input = place_of[edge.input]?;
            Some(edge_code(BlockEdge { input, ..edge }))
        });
        let (a, b) = (a?, b?);
        Some((a.min(b) * radix(idx) + a.max(b)) * 2 + combine.idx() as u32)
    }

    fn reads(&self, node: usize) -> bool {
        Self::reads(self, node)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::space::{Arch, Nasnet};

    /// A cell of two blocks by the numbers of its edges and how it combines them, in any order.
    fn two([[a, b], [c, d]]: [[usize; 2]; 2], combine: usize) -> BlockCell {
        let edge = |code: usize| edge_of(code as u32);
        let block = |a, b, combine| Block {
            edges: [edge(a), edge(b)],
            combine: BlockCombine::ALL[combine],
        };
        BlockCell::new(vec![block(a, b, combine % 2), block(c, d, combine / 2)]).unwrap()
    }

    /// Every way to write a cell of two blocks: sides swapped, and blocks where neither reads the
    /// other.
    fn disguises([first, second]: [[usize; 2]; 2], combine: usize) -> Vec<BlockCell> {
        let swap = |[a, b]: [usize; 2], is: usize| if is == 1 { [b, a] } else { [a, b] };
        let mut found = Vec::new();
        for swaps in 0..4 {
            let pair = [swap(first, swaps % 2), swap(second, swaps / 2)];
            found.push(two(pair, combine));
            if second.iter().all(|&edge| edge_of(edge as u32).input < N_CELL_INPUTS) {
                found.push(two([pair[1], pair[0]], combine / 2 + combine % 2 * 2));
            }
        }
        found
    }

    /// Cells of two blocks with the first three operations and every input, in all spellings: they
    /// fall into as many classes as brute force finds, and the ids of a class are one.
    #[test]
    fn ids_differ_exactly_where_brute_force_finds_no_disguise() {
        let n_ops = NasnetOp::ALL.len();
        let edges =
            |inputs: usize| (0..inputs).flat_map(move |i| (0..3).map(move |o| i * n_ops + o));
        let spell = |cell: &BlockCell| {
            let codes =
                cell.blocks().iter().map(|block| (block.edges.map(edge_code), block.combine));
            codes.collect::<Vec<_>>()
        };
        let fixed = two([[0, 0], [0, 0]], 0);
        let (mut classes, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for (a, b) in edges(2).flat_map(|a| edges(2).map(move |b| (a, b))) {
            for (c, d) in edges(3).flat_map(|c| edges(3).map(move |d| (c, d))) {
                for combine in 0..4 {
                    let pairs = [[a, b], [c, d]];
                    classes.insert(disguises(pairs, combine).iter().map(spell).min());
                    ids.insert(Nasnet::arch(&two(pairs, combine), &fixed).unwrap().id());
                }
            }
        }
        assert_eq!(ids.len(), classes.len());
        assert!(ids.iter().all(|id| id.parse::<Arch>().unwrap().id() == *id));
    }
}
