//! What the recurrent space says about itself, against the published numbers.

use super::*;

fn space(n_nodes: usize) -> Recurrent {
    Recurrent::new(n_nodes).unwrap()
}

fn counts(n_nodes: usize) -> Vec<String> {
    space(n_nodes).sizes().into_iter().map(|size| size.count).collect()
}

// enas-spec, section 9.2; the last are counted by `canonical.rs` for up to 4 nodes.
#[test]
fn the_space_has_the_published_sizes() {
    assert_eq!(counts(8)[1], "2642411520");
    assert_eq!(
        counts(11)[..3],
        ["8036313307545600", "167423193907200", "669692775628800"].map(String::from)
    );
    let distinct: Vec<_> = (1..=4).map(|n| counts(n)[3].clone()).collect();
    assert_eq!(distinct, ["4", "26", "188", "1499"]);
}

#[test]
fn what_is_published_is_cut_to_the_nodes_of_the_space() {
    let published = |n_nodes| space(n_nodes).published();
    assert_eq!(published(8).unwrap().to_flat(), Recurrent::PUBLISHED);
    assert_eq!(published(3).unwrap().to_string(), "cell=[sigmoid(0), tanh(1), relu(2)]");
    let original = |n_nodes| published(n_nodes).unwrap().text("original").unwrap();
    assert_eq!(original(11), Recurrent::ORIGINAL_PUBLISHED);
    assert_eq!(original(9), &Recurrent::ORIGINAL_PUBLISHED[..37]);
    assert_eq!(
        published(12).unwrap_err().to_string(),
        "the authors published a recurrent cell of 11 nodes, and 12 are asked for; give fewer"
    );
}

#[test]
fn the_published_cell_is_told() {
    let arch: Arch = Recurrent::PUBLISHED.parse().unwrap();
    let facts: Vec<_> =
        arch.facts().into_iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    assert_eq!(
        facts,
        [
            "nodes: 8",
            "tanh: 3",
            "relu: 1",
            "sigmoid: 4",
            "identity: 0",
            "longest way from the input node: 6",
            "loose ends: 7 8",
        ]
    );
}

/// The text is a promise to every state folder.
#[test]
fn ids_are_exact_for_every_number_of_nodes() {
    for n_nodes in Recurrent::NODE_RANGE {
        let choices: Vec<_> = space(n_nodes).script().options().map(|n| n as Choice - 1).collect();
        let arch = Space::Recurrent(space(n_nodes)).arch(&choices).unwrap();
        let id = arch.id();
        assert!(id.starts_with(&format!("r{n_nodes}-")) && id.len() <= 64, "{id}");
        // A chain has one numbering.
        assert_eq!(id.parse::<Arch>().as_ref(), Ok(&arch));
    }
    assert_eq!(Recurrent::PUBLISHED.parse::<Arch>().unwrap().id(), "r8-1k80w8y");
}

#[test]
fn sizes_outside_one_to_twenty_four_are_refused() {
    for n_nodes in [0, 25] {
        let expected = format!(
            "a cell has {n_nodes} nodes behind its input node; the recurrent space takes 1 to 24"
        );
        assert_eq!(Recurrent::new(n_nodes).unwrap_err().to_string(), expected);
    }
}
