//! DARTS' form: `Genotype(recurrent=[('tanh', 0), …], concat=range(1, 9))`, the activation of each
//! node and the node that it reads; also without the names of the fields.
//!
//! Nodes are numbered as here, 0 being the input node, which applies tanh there too. The output of
//! its cells is the mean of the nodes that `concat` names: those that no other reads, or all behind
//! the input node. Here a setting of the net says which, so a genotype is read where `concat` has
//! one of the two, and is written with the first.

use crate::space::genotype::{fields, joined};
use crate::space::literal::{self, Literal};
use crate::space::recurrent::{RecurrentNode, averaging, loose_ends, nodes};
use crate::space::{Arch, Recurrent, SpaceError};

const FIELDS: [&str; 2] = ["recurrent", "concat"];
const EACH: &str = "`recurrent` and `concat`, each once";
const NODE: &str = "a node such as `('tanh', 0)`";

/// Whether `text` is a genotype of a recurrent cell, or may be.
pub(super) fn looks_like(text: &str) -> bool {
    let has_fields = FIELDS.iter().all(|name| text.contains(name));
    has_fields || (text.contains("Genotype") && !text.contains("normal"))
}

pub(super) fn write(arch: &Arch) -> String {
    let nodes = nodes(arch);
    let pairs = nodes.iter().map(|node| format!("('{}', {})", node.activation, node.from));
    let pairs = pairs.collect::<Vec<_>>().join(", ");
    format!("Genotype(recurrent=[{pairs}], concat={:?})", loose_ends(&nodes))
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let text = literal::read(source)?;
    let genotype = text.only(is_genotype)?.unwrap_or(&text);
    let [nodes, concat] = fields(genotype, FIELDS, EACH)?;
    let nodes = nodes.ok_or_else(|| {
        genotype.unexpected("a genotype with `recurrent=[…]`, the nodes of the cell")
    })?;
    let concat = concat.ok_or_else(|| {
        genotype.unexpected("a genotype with `concat=[…]`, of which the output is the mean")
    })?;
    let nodes = nodes.items().iter().map(node).collect::<Result<Vec<_>, _>>()?;
    let arch = Recurrent::arch(&nodes)?;
    averaging(arch, joined(concat, *Recurrent::NODE_RANGE.end())?)
}

fn is_genotype(found: &Literal<'_>) -> bool {
    let is_called = found.is_list() && found.word.ends_with("Genotype");
    is_called || FIELDS.iter().all(|name| found.get(name).is_some())
}

fn node(found: &Literal<'_>) -> Result<RecurrentNode, SpaceError> {
    let [activation, from] = found.items() else { return Err(found.unexpected(NODE)) };
    if activation.is_list() {
        return Err(activation.unexpected(NODE));
    }
    let from = from.number("the number of the node read")?;
    Ok(RecurrentNode { from, activation: activation.word.parse()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell that DARTS found, as its authors give it.
    const DARTS: &str = "DARTS = Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2), \
                         ('relu', 3), ('relu', 4), ('identity', 1), ('relu', 5), ('relu', 1)], \
                         concat=range(1, 9))";

    /// What they took for the cell of ENAS.
    const ENAS: &str = "ENAS = Genotype(
    recurrent = [
        ('tanh', 0),
        ('tanh', 1),
        ('relu', 1),
        ('tanh', 3),
        ('tanh', 3),
        ('relu', 3),
        ('relu', 4),
        ('relu', 7),
        ('relu', 8),
        ('relu', 8),
        ('relu', 8),
    ],
    concat = [2, 5, 6, 9, 10, 11]
)
";

    #[test]
    fn both_published_genotypes_are_read() {
        let darts: Arch = DARTS.parse().unwrap();
        assert_eq!(
            darts.to_string(),
            "cell=[relu(0), relu(1), tanh(2), relu(3), relu(4), identity(1), relu(5), relu(1)]"
        );
        assert_eq!(
            darts.text("genotype").unwrap(),
            "Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2), ('relu', 3), ('relu', 4), \
             ('identity', 1), ('relu', 5), ('relu', 1)], concat=[6, 7, 8])"
        );
        let enas: Arch = ENAS.parse().unwrap();
        assert_eq!(enas.to_flat(), "0 0 1 0 1 1 3 0 3 0 3 1 4 1 7 1 8 1 8 1 8 1");
    }

    #[test]
    fn genotypes_are_read_as_people_paste_them() {
        let arch: Arch = DARTS.parse().unwrap();
        for text in [
            DARTS.replace("range(1, 9)", "list(range(1, 9))"),
            DARTS.replace("range(1, 9)", "[8, 7, 6]"),
            DARTS.replace("recurrent=", "").replace("concat=", ""),
            DARTS.replace('\'', "\""),
            DARTS.strip_prefix("DARTS = Genotype").unwrap().to_owned(),
            format!("10/02 05:37:12 PM genotype = {}", DARTS.strip_prefix("DARTS = ").unwrap()),
            DARTS
                .replace("DARTS = Genotype(", "{")
                .replace("recurrent=", "\"recurrent\": ")
                .replace("concat=range(1, 9))", "\"concat\": [6, 7, 8]}"),
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_no_cell_of_this_space_is_told() {
        check(
            &DARTS.replace("range(1, 9)", "range(2, 9)"),
            "the output is the mean of nodes 2, 3, 4, 5, 6, 7, 8; in the recurrent space it is \
             that of all nodes behind the input node or of those that no other reads, which are \
             6, 7, 8 here, so this cell is none of its",
        );
        check(
            &DARTS.replace("'identity'", "'none'"),
            "unknown operation `none`; the operations are tanh, relu, sigmoid, identity",
        );
        check(
            "Genotype(recurrent=[('tanh', 0)])",
            "at character 1: expected a genotype with `concat=[…]`, of which the output is the \
             mean, found `Genotype(rec`",
        );
        check(
            "Genotype(recurrent=[('tanh',)], concat=[1])",
            "at character 21: expected a node such as `('tanh', 0)`, found `('tanh',)], `",
        );
    }
}
