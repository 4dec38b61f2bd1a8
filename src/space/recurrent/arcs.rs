//! The authors' numbers, in the orders of their two programs: the original, whose recurrent part they
//! declared wrong, and `enas_lm`, which corrects it.
//!
//! ```text
//! enas_lm, an even count:             0 2 1 0 2 1 …      (node read, activation) of each node
//! the original, an odd count:         0 0 0 1 1 2 1 …    the same after the input node's activation
//! ```
//!
//! They number the activations otherwise: tanh, ReLU, sigmoid, identity, and tanh, ReLU, identity,
//! sigmoid. Only the original has the input node's activation chosen; here as in `enas_lm` it
//! is tanh, and cells with another one are none of this space.

use crate::space::recurrent::{Activation, RecurrentNode, nodes};
use crate::space::{Arch, Recurrent, SpaceError, numbers};

/// The activations in the order of the original program.
const ORIGINAL: [Activation; Activation::ALL.len()] =
    [Activation::Tanh, Activation::Relu, Activation::Identity, Activation::Sigmoid];

/// Whether `text` has numbers in pairs.
pub(super) fn looks_like_pairs(text: &str) -> bool {
    is_row(text) && numbers::count(text).is_multiple_of(2)
}

/// Whether `text` has numbers in pairs and one before them.
pub(super) fn looks_like_original(text: &str) -> bool {
    is_row(text) && !numbers::count(text).is_multiple_of(2)
}

/// Whether `text` has numbers, and not in lists or lines that grow as those of a net's layers do.
fn is_row(text: &str) -> bool {
    numbers::looks_like(text) && !numbers::is_ragged(text) && !numbers::is_triangle(text)
}

pub(super) fn write_pairs(arch: &Arch) -> String {
    pairs(arch, Activation::idx).join(" ")
}

pub(super) fn write_original(arch: &Arch) -> String {
    let place = |activation| ORIGINAL.iter().take_while(|&&other| other != activation).count();
    let numbers = [vec![place(Activation::Tanh).to_string()], pairs(arch, place)];
    numbers.concat().join(" ")
}

fn pairs(arch: &Arch, number: impl Fn(Activation) -> usize) -> Vec<String> {
    let pairs = nodes(arch).into_iter().flat_map(|node| [node.from, number(node.activation)]);
    pairs.map(|number| number.to_string()).collect()
}

pub(super) fn read_pairs(source: &str) -> Result<Arch, SpaceError> {
    cell(&numbers::lines(source)?.concat(), 0, Activation::ALL)
}

pub(super) fn read_original(source: &str) -> Result<Arch, SpaceError> {
    let numbers = numbers::lines(source)?.concat();
    let Some((&input, pairs)) = numbers.split_first() else { return Err(SpaceError::NoText) };
    match activation(input, 1, ORIGINAL)? {
        Activation::Tanh => cell(pairs, 1, ORIGINAL),
        other => Err(SpaceError::InputActivation { found: other.name() }),
    }
}

/// The cell that `pairs` spell, before which `skipped` other numbers stand.
fn cell(
    pairs: &[usize],
    skipped: usize,
    order: [Activation; Activation::ALL.len()],
) -> Result<Arch, SpaceError> {
    let (pairs, _) = pairs.as_chunks::<2>();
    let nodes = pairs.iter().enumerate().map(|(idx, &[from, number])| {
        let activation = activation(number, skipped + 2 * idx + 2, order)?;
        Ok(RecurrentNode { from, activation })
    });
    Recurrent::arch(&nodes.collect::<Result<Vec<_>, SpaceError>>()?)
}

/// The activation of this number, which stands at `position`, counted from 1.
fn activation(
    found: usize,
    position: usize,
    order: [Activation; Activation::ALL.len()],
) -> Result<Activation, SpaceError> {
    let options = order.len();
    order.get(found).copied().ok_or(SpaceError::OpIdx { position, found, options })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    fn read(text: &str) -> Result<Arch, String> {
        Arch::parse(Space::Recurrent(Recurrent::default()), text).map_err(|err| err.to_string())
    }

    // enas-spec, sections 3.1 and 3.2.
    #[test]
    fn the_published_arcs_are_the_cells_that_the_authors_drew() {
        let arch = read(Recurrent::PUBLISHED).unwrap();
        assert_eq!(
            arch.to_string(),
            "cell=[sigmoid(0), tanh(1), relu(2), sigmoid(2), tanh(4), tanh(5), sigmoid(3), \
             sigmoid(6)]"
        );
        assert_eq!(arch.to_flat(), Recurrent::PUBLISHED);
        assert_eq!(Recurrent::loose_ends(&arch).unwrap(), [7, 8]);
        let original = read(Recurrent::ORIGINAL_PUBLISHED).unwrap();
        assert_eq!(
            original.to_string(),
            "cell=[tanh(0), relu(1), relu(2), tanh(2), tanh(2), relu(5), tanh(1), relu(6), \
             relu(8), relu(8), relu(8)]"
        );
        assert_eq!(original.text("original").as_deref(), Ok(Recurrent::ORIGINAL_PUBLISHED));
        assert_eq!(Recurrent::loose_ends(&original).unwrap(), [3, 4, 7, 9, 10, 11]);
    }

    #[test]
    fn the_two_programs_number_sigmoid_and_identity_otherwise() {
        let pairs = read("0 2 0 3").unwrap();
        assert_eq!(pairs.to_string(), "cell=[sigmoid(0), identity(0)]");
        assert_eq!(read("0 0 3 0 2"), Ok(pairs));
    }

    #[test]
    fn numbers_are_read_as_people_paste_them() {
        let arch = read(Recurrent::PUBLISHED).unwrap();
        let comma = Recurrent::PUBLISHED.replace(' ', ", ");
        for text in [
            comma.clone(),
            format!("[{comma}]"),
            format!("arc=[{}]", Recurrent::PUBLISHED),
            format!("fixed_arc='{}'", Recurrent::PUBLISHED),
            Recurrent::PUBLISHED.replace(' ', "\n"),
        ] {
            assert_eq!(read(&text).as_ref(), Ok(&arch), "{text}");
        }
    }

    #[test]
    fn what_is_no_cell_is_told_by_its_place() {
        let refused = |text: &str| read(text).unwrap_err();
        assert_eq!(refused("0 0 1 4"), "number 4 is operation 4; the operations are 0 to 3");
        assert_eq!(refused("0 0 0 1 4"), "number 5 is operation 4; the operations are 0 to 3");
        assert_eq!(
            refused("3 0 0"),
            "the input node applies sigmoid; in the recurrent space it applies tanh always, as in \
             the authors' corrected program, so this cell is none of its"
        );
        assert_eq!(
            refused("0 0 2 0"),
            "node 2 reads node 2, which does not precede it; it may read 0 to 1"
        );
        assert_eq!(
            refused("0"),
            "a cell has 0 nodes behind its input node; the recurrent space takes 1 to 24"
        );
    }
}
