//! The canonical spelling of a tree cell: one for all that differ only in which of two nodes comes
//! first.
//!
//! Sums and products do not depend on the order of what they join. So where the two nodes that one
//! reads have trees of one shape below them, these may change places, with what is injected into them
//! and with the memory node. The canonical spelling has the smaller one first. Where the shapes differ,
//! as may be where the leaves are no power of two, the numbers of nodes leave but one place for each.
//!
//! Cells that are equal for another reason, as a sum of sums whose terms are grouped otherwise, keep
//! spellings of their own.

use crate::space::nas_rnn::{NasRnn, Tree, TreeNode};

/// What stands at a node: what it does, whether c[t-1] is injected, and whether c[t] is of it.
type Label = (TreeNode, bool, bool);

/// A node and all below it, the node first and each branch whole before the next: whether each is a
/// leaf, and its label.
struct Branch {
    shape: Vec<bool>,
    labels: Vec<Label>,
}

/// The canonical spelling of `tree`.
pub(super) fn canonical(tree: &Tree) -> Tree {
    let (space, root) = (tree.space(), tree.nodes.len() - 1);
    let Branch { labels, .. } = branch(tree, space, root);
    let mut found = tree.clone();
    for (node, (what, is_injected, is_memory)) in in_order(space, root).into_iter().zip(labels) {
        found.nodes[node] = what;
        if is_injected {
            found.injected = node;
        }
        if is_memory {
            found.memory = node;
        }
    }
    found
}

/// The canonical spelling of what stands at and below `node`.
fn branch(tree: &Tree, space: NasRnn, node: usize) -> Branch {
    let label = (tree.nodes[node], node == tree.injected, node == tree.memory);
    let Some(reads) = space.reads(node) else {
        return Branch { shape: vec![true], labels: vec![label] };
    };
    let mut below = reads.map(|node| branch(tree, space, node));
    if below[0].shape == below[1].shape && below[1].labels < below[0].labels {
        below.reverse();
    }
    let mut all = Branch { shape: vec![false], labels: vec![label] };
    for Branch { shape, labels } in below {
        all.shape.extend(shape);
        all.labels.extend(labels);
    }
    all
}

/// The numbers of `node` and all below it, in the order of a [`Branch`].
fn in_order(space: NasRnn, node: usize) -> Vec<usize> {
    let below = space.reads(node).into_iter().flatten();
    [node].into_iter().chain(below.flat_map(|node| in_order(space, node))).collect()
}

/// How many cells of `space` have spellings of their own.
pub(super) fn distinct(space: NasRnn) -> u128 {
    let inject = OF_NODE;
    inject * count(space, space.n_nodes() - 1).both
}

/// What a node can be.
const OF_NODE: u128 = 8;

/// How many canonical branches there are at a node.
struct Count {
    shape: Vec<bool>,
    /// Without the injected node and the memory node.
    plain: u128,
    /// With one of the two; as many for either.
    one: u128,
    /// With both.
    both: u128,
}

fn count(space: NasRnn, node: usize) -> Count {
    let Some(reads) = space.reads(node) else {
        return Count { shape: vec![true], plain: OF_NODE, one: OF_NODE, both: OF_NODE };
    };
    let [left, right] = reads.map(|node| count(space, node));
    let shape = [&[false][..], &left.shape, &right.shape].concat();
    // Of two that may change places, those that are told apart by what is in them count once: one
    // node in either branch, or both in one.
    let (pairs, one, apart) = if left.shape == right.shape {
        (left.plain * (left.plain + 1) / 2, left.one * left.plain, left.one * left.one)
    } else {
        let one = left.one * right.plain + left.plain * right.one;
        (left.plain * right.plain, one, 2 * left.one * right.one)
    };
    let together = if left.shape == right.shape {
        left.both * left.plain
    } else {
        left.both * right.plain + left.plain * right.both
    };
    Count {
        shape,
        plain: OF_NODE * pairs,
        one: OF_NODE * (pairs + one),
        both: OF_NODE * (pairs + 2 * one + apart + together),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Arch, Choice, Space};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn tree() -> impl Strategy<Value = Tree> {
        NasRnn::LEAF_RANGE.prop_flat_map(|n| {
            let space = Space::NasRnn(NasRnn::new(n).unwrap());
            let choices: Vec<_> = space.script().options().map(|n| 0..n as Choice).collect();
            choices.prop_map(move |choices| NasRnn::tree(&space.arch(&choices).unwrap()).unwrap())
        })
    }

    /// Has what stands below `node` change places, where `swaps` says so and the shapes allow.
    fn disguise(tree: &Tree, swaps: &[bool]) -> Tree {
        let (space, mut found) = (tree.space(), tree.clone());
        let nodes = (0..tree.nodes.len()).zip(swaps).filter(|(_, is_swapped)| **is_swapped);
        for (node, _) in nodes {
            let Some([left, right]) = space.reads(node) else { continue };
            let [left, right] = [left, right].map(|node| in_order(space, node));
            let is_leaf = |node: &usize| space.reads(*node).is_none();
            if !left.iter().map(is_leaf).eq(right.iter().map(is_leaf)) {
                continue;
            }
            for (&left, &right) in left.iter().zip(&right) {
                found.nodes.swap(left, right);
                for index in [&mut found.injected, &mut found.memory] {
                    if *index == left {
                        *index = right;
                    } else if *index == right {
                        *index = left;
                    }
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn branches_that_change_places_keep_the_id_and_ids_read_back(
            tree in tree(), swaps in prop::array::uniform32(any::<bool>())
        ) {
            let id = NasRnn::arch(&tree).unwrap().id();
            prop_assert_eq!(&NasRnn::arch(&disguise(&tree, &swaps)).unwrap().id(), &id);
            let again: Arch = id.parse().unwrap();
            prop_assert_eq!(&again.id(), &id);
        }
    }

    /// All of two leaves, by Burnside: 8³·9 trees, of which the swap leaves 8²·1 as they are.
    #[test]
    fn there_are_as_many_ids_as_cells_of_two_leaves() {
        let space = Space::NasRnn(NasRnn::new(2).unwrap());
        let options: Vec<usize> = space.script().options().collect();
        let mut ids = BTreeSet::new();
        for mut number in 0..options.iter().product::<usize>() {
            let mut choices = Vec::new();
            for &options in &options {
                choices.push((number % options) as Choice);
                number /= options;
            }
            ids.insert(space.rules().canonical(&choices));
        }
        assert_eq!(ids.len(), 8 * (8 * 8 * 8 * 9 + 8 * 8) / 2);
        assert_eq!(ids.len() as u128, distinct(NasRnn::new(2).unwrap()));
    }

    /// As above, by the group of all swaps: 4 leaves have the swaps of both pairs and of the two.
    #[test]
    fn the_number_of_cells_is_burnsides() {
        // Of trees of the nodes 0 to 6, with two indices: what each of the 8 swaps leaves as it is.
        let k = OF_NODE;
        let all = k.pow(7) * 49;
        // One pair is swapped: its leaves are alike, and neither index is one of them.
        let one_pair = k.pow(6) * 25;
        let both_pairs = k.pow(5) * 9;
        // Nodes 4 and 5 change places: only the root is where it was. With one pair swapped besides,
        // the leaves go round in one ring.
        let halves = k.pow(4);
        let ring = k.pow(3);
        let fixed = all + 2 * one_pair + both_pairs + 2 * halves + 2 * ring;
        assert_eq!(distinct(NasRnn::new(4).unwrap()), k * fixed / 8);
        // Three leaves: only 0 and 1, which node 3 reads, may change places.
        let fixed = k.pow(5) * 25 + k.pow(4) * 9;
        assert_eq!(distinct(NasRnn::new(3).unwrap()), k * fixed / 2);
    }
}
