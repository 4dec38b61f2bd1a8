//! What the `nas_rnn` space says about itself.

use super::*;

fn space(n_leaves: usize) -> NasRnn {
    NasRnn::new(n_leaves).unwrap()
}

fn counts(n_leaves: usize) -> Vec<String> {
    space(n_leaves).sizes().into_iter().map(|size| size.count).collect()
}

// The paper says about 6·10¹⁶ for 8 leaves: (2·4)¹⁵ nodes, 2·4 injections and 15² indices.
#[test]
fn the_space_has_the_papers_size() {
    assert_eq!(counts(8)[0], (8_u128.pow(16) * 15 * 15).to_string());
    assert_eq!(counts(8)[0], "63331869759897600");
    // By hand: 8³ trees, 8 injections, 3² indices; Burnside's half of it in `canonical.rs`.
    assert_eq!(counts(2), ["36864", "18688"]);
}

#[test]
fn every_node_but_the_root_is_read_once_and_later() {
    for n_leaves in NasRnn::LEAF_RANGE {
        let space = space(n_leaves);
        let mut read = Vec::new();
        for node in 0..space.n_nodes() {
            let reads = space.reads(node);
            assert_eq!(reads.is_none(), node < n_leaves);
            assert!(reads.into_iter().flatten().all(|from| from < node));
            read.extend(reads.into_iter().flatten());
        }
        assert_eq!(read, (0..space.n_nodes() - 1).collect::<Vec<_>>());
    }
    let balanced: Vec<_> = (8..15).map(|node| space(8).reads(node).unwrap()).collect();
    assert_eq!(balanced, [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11], [12, 13]]);
}

#[test]
fn what_stands_for_a_published_cell_is_the_example_and_the_lstm() {
    let published = |n_leaves| space(n_leaves).published().unwrap().to_string();
    assert_eq!(published(2), NasRnn::EXAMPLE);
    assert_eq!(
        published(3),
        "tree=[sigmoid(x+h), tanh(x+h), sigmoid(x+h), tanh(0+1), identity(2*3)] \
         inject=identity(0*c) c=3"
    );
    assert_eq!(
        published(5),
        "tree=[sigmoid(x+h), tanh(x+h), identity(x+h), identity(x+h), sigmoid(x+h), \
         identity(0*1), sigmoid(2+3), tanh(4+5), identity(6*7)] inject=identity(4*c) c=7"
    );
    for n_leaves in 3..=16 {
        let tree = NasRnn::tree(&space(n_leaves).published().unwrap()).unwrap();
        assert!(tree.remembers(), "{n_leaves}");
    }
    assert_eq!(space(8).published().unwrap().id(), "t8-0qre4v6ngp4v");
}

#[test]
fn a_cell_remembers_where_the_memory_node_stands_above_the_injected_one() {
    let tree = NasRnn::tree(&NasRnn::EXAMPLE.parse().unwrap()).unwrap();
    // [injected, memory]
    for (indices, expected) in
        [([0, 1], false), ([0, 0], false), ([0, 2], true), ([2, 2], false), ([2, 0], false)]
    {
        let [injected, memory] = indices;
        assert_eq!(Tree { injected, memory, ..tree.clone() }.remembers(), expected, "{indices:?}");
    }
}

#[test]
fn the_example_is_told() {
    let arch: Arch = NasRnn::EXAMPLE.parse().unwrap();
    let facts: Vec<_> =
        arch.facts().into_iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    assert_eq!(
        facts,
        [
            "leaves: 2",
            "add: 1",
            "multiply: 2",
            "tanh: 1",
            "relu: 1",
            "sigmoid: 1",
            "identity: 0",
            "node that c[t-1] is injected into: 0",
            "node that c[t] is of: 1",
            "c[t] reads c[t-1] itself: no, by h[t-1] alone",
        ]
    );
}

/// The text is a promise to every state folder.
#[test]
fn ids_are_exact_for_every_number_of_leaves() {
    for n_leaves in NasRnn::LEAF_RANGE {
        let choices: Vec<_> = space(n_leaves).script().options().map(|n| n as Choice - 1).collect();
        let arch = Space::NasRnn(space(n_leaves)).arch(&choices).unwrap();
        let id = arch.id();
        assert!(id.starts_with(&format!("t{n_leaves}-")) && id.len() <= 64, "{id}");
        // All nodes are alike, and both indices are the root's.
        assert_eq!(id.parse::<Arch>().as_ref(), Ok(&arch));
    }
}

#[test]
fn sizes_outside_two_to_sixteen_are_refused() {
    for n_leaves in [0, 1, 17] {
        let expected = format!("a tree has {n_leaves} leaves; the nas_rnn space takes 2 to 16");
        assert_eq!(NasRnn::new(n_leaves).unwrap_err().to_string(), expected);
    }
}
