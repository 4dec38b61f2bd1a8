//! The tree cell of a net of words, as a net runs it.

use crate::net::CellFunction;
use crate::space::{Arch, Combine, NasRnn, TreeNode};

/// A tree cell as a net runs it: leaves read words and states, by weights of their own, and nodes above
/// them two nodes each, without any weights.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeCell {
    /// The leaves, then the nodes above them, each after those that it reads; the last is h.
    pub nodes: Vec<Join>,
    /// What each of the nodes above the leaves reads.
    pub reads: Vec<[usize; 2]>,
    /// How the c before is joined to a node.
    pub inject: Join,
    /// That node.
    pub injected: usize,
    /// The node whose value before its function is c.
    pub memory: usize,
}

/// How two values become one: their sum or their product, and a function of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join {
    /// Whether it is the product.
    pub is_product: bool,
    /// The function.
    pub function: CellFunction,
}

impl From<TreeNode> for Join {
    fn from(TreeNode { combine, activation }: TreeNode) -> Self {
        Self { is_product: combine == Combine::Multiply, function: activation.into() }
    }
}

impl TreeCell {
    /// As many nodes as a tree may have.
    pub const MAX_NODES: usize = 2 * *NasRnn::LEAF_RANGE.end() - 1;

    /// The cell of `arch`, where that is a tree.
    pub(super) fn of(arch: &Arch) -> Option<Self> {
        let tree = NasRnn::tree(arch)?;
        let nodes: Vec<Join> = tree.nodes.iter().copied().map(Join::from).collect();
        let reads = (0..nodes.len()).filter_map(|node| tree.reads(node)).collect();
        let (inject, injected, memory) = (tree.inject.into(), tree.injected, tree.memory);
        Some(Self { nodes, reads, inject, injected, memory })
    }

    /// How many leaves it has.
    pub fn n_leaves(&self) -> usize {
        self.nodes.len().saturating_sub(self.reads.len())
    }

    /// What node number `node` reads; none where it is a leaf.
    pub fn reads(&self, node: usize) -> Option<[usize; 2]> {
        node.checked_sub(self.n_leaves()).map(|above| self.reads[above])
    }
}
