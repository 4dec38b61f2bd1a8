//! DARTS' form: `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[2, 3], reduce=[…],
//! reduce_concat=[…])`, two edges for each node; also without the names of the fields, and with
//! the two edges of a node in brackets of their own.
//!
//! Nodes are numbered as here, 0 and 1 being the inputs, and the five operations have DARTS' names
//! but for the identity, its `skip_connect`. DARTS joins the nodes that `concat` names, the micro
//! space those that no other reads: a genotype is read where both are the same, and any other is a
//! cell that this space does not have. Of this space's cells DARTS lacks one kind, a reduction cell
//! with an input that no node reads: the output would join the input, which is not halved.

use crate::space::literal::{self, Literal};
use crate::space::micro::{Cell, CellKind, Edge, N_CELL_INPUTS, Node, Op, cells};
use crate::space::{Arch, MicroSpace, SpaceError, genotype};

/// Whether `text` is a genotype rather than of the native form.
pub(super) fn looks_like(text: &str) -> bool {
    genotype::is_of_cells(text)
}

pub(super) fn write(arch: &Arch) -> Result<String, SpaceError> {
    let cells = cells(arch);
    let [_, reduction] = &cells;
    if let Some(input) = reduction.unread_input() {
        let cell = CellKind::Reduction.name();
        return Err(SpaceError::UnreadInput { program: "DARTS", cell, input });
    }
    let fields = cells.iter().zip(["normal", "reduce"]).map(|(cell, name)| {
        let edges = cell.nodes().iter().flat_map(|Node(edges)| edges);
        let edges = edges.map(|Edge { input, op }| format!("('{}', {input})", op.darts_name()));
        let edges = edges.collect::<Vec<_>>().join(", ");
        format!("{name}=[{edges}], {name}_concat={:?}", cell.loose_ends())
    });
    Ok(format!("Genotype({})", fields.collect::<Vec<_>>().join(", ")))
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let text = literal::read(source)?;
    let [normal, reduction] = genotype::of_cells(&text)?;
    let normal = cell(CellKind::Normal, normal)?;
    MicroSpace::arch(&normal, &cell(CellKind::Reduction, reduction)?)
}

fn cell(kind: CellKind, [edges, concat]: [&Literal<'_>; 2]) -> Result<Cell, SpaceError> {
    let pairs = genotype::pairs(edges)?.into_iter().zip(N_CELL_INPUTS..);
    let nodes = pairs.map(|([a, b], node)| {
        let edge = |found| edge(found, kind, node);
        Ok(Node([edge(a)?, edge(b)?]))
    });
    let cell = Cell::new(nodes.collect::<Result<_, SpaceError>>()?)?;
    let most = Cell::NODE_RANGE.end() + N_CELL_INPUTS;
    let (joined, loose_ends) = (genotype::joined(concat, most)?, cell.loose_ends());
    if joined == loose_ends {
        Ok(cell)
    } else {
        Err(SpaceError::Concat { cell: kind.name(), joined, loose_ends })
    }
}

fn edge(found: &Literal<'_>, kind: CellKind, node: usize) -> Result<Edge, SpaceError> {
    let (op, input) = genotype::edge(found)?;
    Ok(Edge { input, op: Op::foreign(op.word, op.position(), kind.name(), node)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINED: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), \
                          ('sep_conv_5x5', 0), (\"avg_pool_3x3\", 1)], normal_concat=[3, 2], \
                          reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), \
                          ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(3, 4))";

    /// The authors' published cells as DARTS' world writes them, with the operations of one node
    /// after the other.
    const ENAS: &str = "ENAS = Genotype(
  normal = [
    ('avg_pool_3x3', 0),
    ('sep_conv_3x3', 0),
    ('skip_connect', 0),
    ('sep_conv_5x5', 0),
    ('skip_connect', 0),
    ('sep_conv_5x5', 1),
    ('sep_conv_3x3', 1),
    ('sep_conv_5x5', 0),
    ('avg_pool_3x3', 0),
    ('sep_conv_5x5', 1),
  ],
  normal_concat = [2, 3, 4, 5, 6],  # all
  reduce = [
    ('sep_conv_3x3', 1),
    ('sep_conv_3x3', 1),
    ('max_pool_3x3', 0),
    ('avg_pool_3x3', 0),
    ('sep_conv_5x5', 1),
    ('sep_conv_5x5', 3),
    ('sep_conv_3x3', 1),
    ('skip_connect', 0),
    ('max_pool_3x3', 0),
    ('sep_conv_5x5', 1),
  ],
  reduce_concat = [2, 4, 5, 6],
)
";

    #[test]
    fn a_genotype_whose_output_joins_its_loose_ends_is_read() {
        let arch: Arch = JOINED.parse().unwrap();
        assert_eq!(
            arch.to_string(),
            "normal=[sep_conv_3x3(0)+identity(1), sep_conv_5x5(0)+avg_pool_3x3(1)] \
             reduction=[max_pool_3x3(0)+max_pool_3x3(1), identity(2)+max_pool_3x3(1)]"
        );
        assert_eq!(ENAS.parse::<Arch>().unwrap().to_flat(), MicroSpace::PUBLISHED);
    }

    #[test]
    fn genotypes_are_read_as_people_paste_them() {
        let arch: Arch = JOINED.parse().unwrap();
        let inner = JOINED.strip_prefix("Genotype(").unwrap().strip_suffix(')').unwrap();
        let nested = JOINED.replace("=[('", "=[[('").replace("1)]", "1)]]");
        let nested = nested
            .replace("1), ('sep_conv_5", "1)], [('sep_conv_5")
            .replace("1), ('s", "1)], [('s");
        let positional = ["normal=", "normal_concat=", "reduce=", "reduce_concat="]
            .iter()
            .rev()
            .fold(JOINED.to_owned(), |text, name| text.replace(name, ""));
        let json = JOINED.replace("Genotype(", "{").replace("range(3, 4))", "[3]}");
        let json = json.replace('(', "[").replace("),", "],").replace(")]", "]]");
        let json = ["normal", "normal_concat", "reduce", "reduce_concat"]
            .iter()
            .fold(json.replace('\'', "\""), |text, name| {
                text.replace(&format!("{name}="), &format!("\"{name}\": "))
            });
        for text in [
            inner.to_owned(),
            format!("09/23 05:37:12 PM genotype = {JOINED}"),
            format!("genotype=\"{}\"", JOINED.replace('"', "\\\"")),
            format!("from genotypes import *\n\nBEST = genotypes.{JOINED}\n# 97.2 %\n"),
            JOINED.replace("range(3, 4)", "list(range(3, 4))"),
            JOINED.replace('\'', "’").replace("[3, 2]", "(2, 3,)"),
            JOINED.replace(", ", ",\r\n    "),
            nested,
            positional,
            json,
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[test]
    fn a_reduction_cell_that_joins_an_input_is_not_written() {
        let genotype = |text: &str| text.parse::<Arch>().unwrap().text("genotype");
        let normal = "normal=[identity(1)+identity(1), identity(2)+identity(1)]";
        let reduction = normal.replace("normal", "reduction");
        let error = genotype(&format!("{normal} {reduction}")).unwrap_err().to_string();
        assert_eq!(
            error,
            "no node of the reduction cell reads node 0, one of its inputs, so the micro space \
             joins that to the cell's output too, and DARTS does not; they have no such cell in \
             common"
        );
        let text =
            genotype(&format!("{normal} {}", reduction.replace("identity(2)", "identity(0)")));
        assert!(text.unwrap().contains("normal_concat=[0, 3]"));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_genotype_that_this_space_lacks_is_refused_with_the_reason() {
        check(
            &JOINED.replace("range(3, 4)", "range(2, 4)"),
            "the output of the reduction cell joins nodes 2, 3; in the micro space it joins the \
             nodes that no other reads, which are 3 here, so this cell is none of its",
        );
        check(
            &JOINED.replace("('max_pool_3x3', 1)]", "('dil_conv_3x3', 1)]"),
            "at character 198: node 3 of the reduction cell applies `dil_conv_3x3`, which the \
             micro space does not have; its operations are sep_conv_3x3, sep_conv_5x5, \
             avg_pool_3x3, max_pool_3x3, skip_connect",
        );
    }

    #[test]
    fn a_broken_genotype_is_told_where_it_breaks() {
        check(
            "Genotype(normal=[('identity', 0)], normal_concat=[2], reduce=[], reduce_concat=[])",
            "at character 10: expected two edges for each node, so an even number of them, found \
             `normal=[('id`",
        );
        check(
            "Genotype(cells=[('tanh', 0)], concat=range(1, 9))",
            "at character 10: expected `normal`, `normal_concat`, `reduce` and `reduce_concat`, \
             each once, found `cells=[('tan`",
        );
        check(
            "normal=[('identity', 0)]",
            "at character 1: expected a genotype with `normal_concat=[…]`, what the normal cell's \
             output joins, found `normal=[('id`",
        );
        check(
            &JOINED.replace("[3, 2]", "all"),
            "at character 103: expected what the output joins, such as `[2, 3]` or `range(2, 4)`, \
             found `normal_conca`",
        );
        check(
            &JOINED.replace("('skip_connect', 1)", "('skip_connect', 1, 2)"),
            "at character 39: expected an edge such as `('sep_conv_3x3', 0)`, found `('skip_conne`",
        );
        check(
            &format!("A = {JOINED}\nB = {JOINED}"),
            "at character 249: expected one architecture alone, found `B = Genotype`",
        );
    }
}
