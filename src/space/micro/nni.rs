//! NNI's form: the dictionary of choices of its cells, as its strategies export it and its model
//! spaces take it.
//!
//! ```text
//! {"normal/op_2_0": "sep_conv_3x3", "normal/input_2_0": [0],      edge 0 of node 2
//!  "normal/op_2_1": "skip_connect", "normal/input_2_1": [1],      edge 1 of node 2
//!  …, "reduce/op_2_0": …, …}
//! ```
//!
//! Nodes are numbered as here, and operations named as in DARTS. An input is a list of one number,
//! in NNI's older versions the number; width and depth, which NNI chooses too, are the net's here
//! and not read. The dictionary does not say which nodes the cell's output joins, but the space
//! does that it is for: in NNI's `DARTS`, the only one of four nodes, all computed ones; in its
//! `ENAS`, `NASNet` and `AmoebaNet`, of five, those that no other reads. (`PNAS` has five too and
//! joins all; a dictionary of it is read as one of `ENAS`.) A number of nodes that no space of NNI
//! has is taken as five are. NNI never joins an input, which the micro space does where no node
//! reads it: that cell, and any of four nodes where one reads another, the two do not share.

use crate::space::literal::{self, Literal};
use crate::space::micro::{Cell, CellKind, Edge, N_CELL_INPUTS, Node, Op, cells};
use crate::space::{Arch, MicroSpace, SpaceError};

/// The prefixes of the cells, in the order of [`CellKind::ALL`].
const PREFIXES: [&str; CellKind::ALL.len()] = ["normal", "reduce"];

/// What NNI chooses beside the cells.
const OF_THE_NET: [&str; 2] = ["width", "depth"];

/// Nodes of NNI's `DARTS`.
const NODES_OF_DARTS: usize = 4;

const MAX_NODES: usize = *Cell::NODE_RANGE.end();

/// What a dictionary says of one edge.
type Found = (Option<usize>, Option<Op>);

pub(super) fn looks_like(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        [format!("{prefix}/op_"), format!("{prefix}/input_")].iter().any(|key| text.contains(key))
    })
}

pub(super) fn write(arch: &Arch) -> Result<String, SpaceError> {
    let mut choices = Vec::new();
    for (kind, cell) in CellKind::ALL.into_iter().zip(cells(arch)) {
        check(kind, &cell)?;
        let prefix = PREFIXES[kind as usize];
        for (node, Node(edges)) in cell.numbered_nodes() {
            for (idx, Edge { input, op }) in edges.into_iter().enumerate() {
                choices.push(format!("\"{prefix}/op_{node}_{idx}\": \"{}\"", op.darts_name()));
                choices.push(format!("\"{prefix}/input_{node}_{idx}\": [{input}]"));
            }
        }
    }
    Ok(format!("{{{}}}", choices.join(", ")))
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let text = literal::read(source)?;
    let is_key = |item: &Literal<'_>| looks_like(item.key);
    let choices = text.only(|found| found.items().iter().any(is_key))?.unwrap_or(&text);
    let mut found = [[[Found::default(); 2]; MAX_NODES]; PREFIXES.len()];
    for item in choices.items() {
        if !OF_THE_NET.contains(&item.key) {
            choose(item, &mut found)?;
        }
    }
    let [normal, reduction] = CellKind::ALL.map(|kind| cell(kind, &found[kind as usize]));
    MicroSpace::arch(&normal?, &reduction?)
}

/// Writes down what one item says.
fn choose(
    item: &Literal<'_>,
    found: &mut [[[Found; 2]; MAX_NODES]; PREFIXES.len()],
) -> Result<(), SpaceError> {
    const KEY: &str =
        "a choice such as `normal/op_2_0` or `reduce/input_8_1`, or `width` or `depth`";
    const ONCE: &str = "each choice once";
    let (kind, what, node, edge) = spelled(item.key).ok_or_else(|| item.unexpected(KEY))?;
    let (input, op) = &mut found[kind as usize][node - N_CELL_INPUTS][edge];
    let was_there = if what == "op" {
        op.replace(Op::foreign(item.word, item.position(), kind.name(), node)?).is_some()
    } else {
        const INPUT: &str = "a choice of one input, such as `[0]`";
        let number = match item.items() {
            [one] => one.number(INPUT)?,
            _ => item.number(INPUT)?,
        };
        input.replace(number).is_some()
    };
    if was_there { Err(item.unexpected(ONCE)) } else { Ok(()) }
}

/// The cell of a key, whether it is of an operation or an input, the node and its edge.
fn spelled(key: &str) -> Option<(CellKind, &str, usize, usize)> {
    let (prefix, rest) = key.split_once('/')?;
    let kind = CellKind::ALL.into_iter().find(|kind| PREFIXES[*kind as usize] == prefix)?;
    let (what, rest) = rest.split_once('_')?;
    let (node, edge) = rest.split_once('_')?;
    let number =
        |text: &str| text.parse().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit()));
    let (node, edge): (usize, usize) = (number(node)?, number(edge)?);
    let is_there = (N_CELL_INPUTS..N_CELL_INPUTS + MAX_NODES).contains(&node) && edge < 2;
    (["op", "input"].contains(&what) && is_there).then_some((kind, what, node, edge))
}

/// The cell of these choices, up to the last node that any of them is of.
fn cell(kind: CellKind, found: &[[Found; 2]; MAX_NODES]) -> Result<Cell, SpaceError> {
    let is_said = |node: &[Found; 2]| node.iter().any(|f| f.0.is_some() || f.1.is_some());
    let n_nodes = found.iter().rposition(is_said).map_or(0, |idx| idx + 1);
    let edge = |node: usize, edge: usize| {
        let (input, op) = found[node - N_CELL_INPUTS][edge];
        let missing =
            |what| SpaceError::MissingChoice { prefix: PREFIXES[kind as usize], what, node, edge };
        let input = input.ok_or_else(|| missing("input"))?;
        Ok(Edge { input, op: op.ok_or_else(|| missing("op"))? })
    };
    let nodes = (N_CELL_INPUTS..N_CELL_INPUTS + n_nodes)
        .map(|node| Ok(Node([edge(node, 0)?, edge(node, 1)?])));
    let cell = Cell::new(nodes.collect::<Result<_, SpaceError>>()?)?;
    check(kind, &cell)?;
    Ok(cell)
}

/// Refuses a cell whose output NNI and the micro space would make of different nodes.
fn check(kind: CellKind, cell: &Cell) -> Result<(), SpaceError> {
    let name = kind.name();
    if let Some(input) = cell.unread_input() {
        return Err(SpaceError::UnreadInput { program: "NNI", cell: name, input });
    }
    let nodes = N_CELL_INPUTS..N_CELL_INPUTS + cell.nodes().len();
    let inner: Vec<usize> = nodes.filter(|&node| cell.reads(node)).collect();
    if cell.nodes().len() == NODES_OF_DARTS && !inner.is_empty() {
        return Err(SpaceError::JoinsAll { cell: name, inner });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An architecture of two nodes.
    fn two() -> String {
        let lines = [
            r#"{"normal/op_2_0": "sep_conv_3x3", "normal/input_2_0": [0]"#,
            r#""normal/op_2_1": "skip_connect", "normal/input_2_1": [1]"#,
            r#""normal/op_3_0": "sep_conv_5x5", "normal/input_3_0": [2]"#,
            r#""normal/op_3_1": "avg_pool_3x3", "normal/input_3_1": [1]"#,
            r#""reduce/op_2_0": "max_pool_3x3", "reduce/input_2_0": [0]"#,
            r#""reduce/op_2_1": "max_pool_3x3", "reduce/input_2_1": [1]"#,
            r#""reduce/op_3_0": "skip_connect", "reduce/input_3_0": [2]"#,
            r#""reduce/op_3_1": "max_pool_3x3", "reduce/input_3_1": [1]}"#,
        ];
        lines.join(", ")
    }

    #[test]
    fn a_dictionary_is_read_and_written() {
        let arch: Arch = two().parse().unwrap();
        assert_eq!(
            arch.to_string(),
            "normal=[sep_conv_3x3(0)+identity(1), sep_conv_5x5(2)+avg_pool_3x3(1)] \
             reduction=[max_pool_3x3(0)+max_pool_3x3(1), identity(2)+max_pool_3x3(1)]"
        );
        assert_eq!(arch.text("nni").as_deref(), Ok(two().as_str()));
    }

    #[test]
    fn dictionaries_are_read_as_people_paste_them() {
        let two = two();
        let arch: Arch = two.parse().unwrap();
        let numbers = two.replace(['[', ']'], "");
        for text in [
            numbers.replace('"', "'"),
            format!("exported_arch = {}", numbers.replace('"', "'")),
            two.replace(", ", ",\n    ").replace("[1]}", "[1],\n}"),
            two.replace('{', "{'width': 32, 'depth': 8, "),
            format!("[{{\"accuracy\": 0.97, \"arch\": {two}}}]"),
            format!("'{two}'"),
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_the_micro_space_lacks_is_named() {
        let two = two();
        check(
            &two.replace("_0\": \"sep_conv_5x5", "_0\": \"sep_conv_7x7"),
            "at character 119: node 3 of the normal cell applies `sep_conv_7x7`, which the micro \
             space does not have; its operations are sep_conv_3x3, sep_conv_5x5, avg_pool_3x3, \
             max_pool_3x3, skip_connect",
        );
        check(
            &two.replace("\"reduce/input_2_0\": [0]", "\"reduce/input_2_0\": [1]"),
            "no node of the reduction cell reads node 0, one of its inputs, so the micro space \
             joins that to the cell's output too, and NNI does not; they have no such cell in \
             common",
        );
    }

    #[test]
    fn a_dictionary_of_four_nodes_is_of_a_space_that_joins_all() {
        let chain = "normal=[identity(0)+identity(1), identity(2)+identity(0), \
                     identity(0)+identity(0), identity(2)+identity(1)] ";
        let flat = chain.replace("identity(2)", "identity(1)").replace("normal", "reduction");
        let error = "a dictionary of four nodes is of NNI's DARTS space, where the output of a cell \
                     joins every computed node; the micro space does not join nodes 2 of the normal \
                     cell, which others read, so the two have no such cell in common";
        let arch: Arch = format!("{chain}{flat}").parse().unwrap();
        assert_eq!(arch.text("nni").unwrap_err().to_string(), error);
        let normal = flat.replace("reduction", "normal");
        let text = format!("{normal}{flat}").parse::<Arch>().unwrap().text("nni").unwrap();
        text.parse::<Arch>().unwrap();
        check(&text.replacen("\"normal/input_5_0\": [1]", "\"normal/input_5_0\": [2]", 1), error);
    }

    #[test]
    fn a_broken_dictionary_is_told_where_it_breaks() {
        let two = two();
        check(
            &two.replace(", \"reduce/input_3_0\": [2]", ""),
            "the dictionary has no `reduce/input_3_0`; give an operation and an input for each of \
             the two edges of a node",
        );
        let key = "a choice such as `normal/op_2_0` or `reduce/input_8_1`, or `width` or `depth`";
        for wrong in ["normal/op_9_0", "normal/op_1_0", "normal/op_2_2", "cell/op_2_0", "x"] {
            check(
                &two.replace("{\"", &format!("{{\"{wrong}\": \"skip_connect\", \"")),
                &format!(
                    "at character 3: expected {key}, found `{}`",
                    format!("{wrong}\": \"skip_connect").chars().take(12).collect::<String>()
                ),
            );
        }
        check(
            &two.replace("\"normal/input_2_0\": [0]", "\"normal/input_2_0\": [0, 1]"),
            "at character 36: expected a choice of one input, such as `[0]`, found `normal/input`",
        );
        check(
            &two.replace("normal/op_2_1", "normal/op_2_0"),
            "at character 61: expected each choice once, found `normal/op_2_`",
        );
        check(
            &two.replace("normal/op_3_0", "normal/op_7_0"),
            "the dictionary has no `normal/op_3_0`; give an operation and an input for each of \
             the two edges of a node",
        );
        check(
            "{'normal/op_2_0': 'none'",
            "at character 24: expected `,` or the `}` that closes \
             the bracket, found the end",
        );
    }
}
