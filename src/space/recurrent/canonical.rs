//! The canonical spelling of a recurrent cell: one for all that compute the same.
//!
//! Every node reads one other, so a cell is a tree that grows from its input node. Two cells are
//! the same when one becomes the other by renumbering nodes, which is where their trees differ only
//! in the order of the branches. The canonical form numbers a node and then its branches, the
//! smallest first, each whole before the next.

use std::mem::take;

use crate::space::recurrent::{Activation, RecurrentNode, depths};

/// The nodes of a branch, each before those that read it: how far each is from the input node, and
/// its activation. No two branches that differ have the same.
type Branch = Vec<(usize, Activation)>;

/// The canonical spelling of the cell of `nodes`, each of which reads one that precedes it.
pub(super) fn canonical(nodes: &[RecurrentNode]) -> Vec<RecurrentNode> {
    let depths = depths(nodes);
    // Of each node, the input node first.
    let mut branches: Vec<Vec<Branch>> = vec![Vec::new(); nodes.len() + 1];
    // Whoever reads a node comes after it, so its branches are complete.
    for (idx, node) in nodes.iter().enumerate().rev() {
        let stem = vec![(depths[idx + 1], node.activation)];
        let branch = [stem, sorted(take(&mut branches[idx + 1]))].concat();
        branches[node.from].push(branch);
    }
    // The latest node of each depth: the next one that is deeper reads it.
    let mut latest = vec![0; nodes.len() + 1];
    let numbered = sorted(take(&mut branches[0])).into_iter().zip(1..);
    numbered
        .map(|((depth, activation), node)| {
            latest[depth] = node;
            RecurrentNode { from: latest[depth - 1], activation }
        })
        .collect()
}

/// The branches one after the other, the smallest first.
fn sorted(mut branches: Vec<Branch>) -> Branch {
    branches.sort();
    branches.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Arch, Choice, Recurrent, Space};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn cell() -> impl Strategy<Value = Vec<RecurrentNode>> {
        (1_usize..=24).prop_flat_map(|n| {
            let node = |idx| {
                (0..=idx, 0..Activation::ALL.len()).prop_map(|(from, activation)| RecurrentNode {
                    from,
                    activation: Activation::ALL[activation],
                })
            };
            (0..n).map(node).collect::<Vec<_>>()
        })
    }

    /// Renumbers the nodes by `keys`, where order allows.
    fn disguise(nodes: &[RecurrentNode], keys: &[u8]) -> Vec<RecurrentNode> {
        let mut new_of = vec![None; nodes.len() + 1];
        new_of[0] = Some(0);
        let mut renumbered = Vec::new();
        while renumbered.len() < nodes.len() {
            let is_ready =
                |&node: &usize| new_of[node].is_none() && new_of[nodes[node - 1].from].is_some();
            let ready = (1..=nodes.len()).filter(is_ready);
            let node = ready.min_by_key(|&node| keys[node]).unwrap();
            let RecurrentNode { from, activation } = nodes[node - 1];
            renumbered.push(RecurrentNode { from: new_of[from].unwrap(), activation });
            new_of[node] = Some(renumbered.len());
        }
        renumbered
    }

    proptest! {
        #[test]
        fn renumbered_cells_keep_their_id_and_ids_read_back(
            nodes in cell(), keys in prop::array::uniform25(0_u8..)
        ) {
            let id = Recurrent::arch(&nodes).unwrap().id();
            prop_assert_eq!(&Recurrent::arch(&disguise(&nodes, &keys)).unwrap().id(), &id);
            let again: Arch = id.parse().unwrap();
            prop_assert_eq!(&again.id(), &id);
        }
    }

    /// As many as there are trees whose nodes but for the root are of four kinds.
    #[test]
    fn there_are_as_many_ids_as_trees() {
        for (n_nodes, trees) in [(1, 4), (2, 26), (3, 188), (4, 1499)] {
            let space = Recurrent::new(n_nodes).unwrap();
            let script = Space::Recurrent(space).script();
            let options: Vec<usize> = script.options().collect();
            let mut ids = BTreeSet::new();
            for mut number in 0..options.iter().product::<usize>() {
                let mut choices = Vec::new();
                for &options in &options {
                    choices.push((number % options) as Choice);
                    number /= options;
                }
                ids.insert(Space::Recurrent(space).arch(&choices).unwrap().id());
            }
            assert_eq!(ids.len(), trees, "{n_nodes} nodes");
        }
    }
}
