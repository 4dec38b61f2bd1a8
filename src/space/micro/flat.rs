//! The authors' numbers: `input op input op` per node, the normal cell and then the reduction cell.

use crate::space::micro::{Cell, Edge, Node, Op, cells};
use crate::space::{Arch, MicroSpace, SpaceError, numbers};

/// Numbers that spell one node of one cell.
const PER_NODE: usize = 4;

/// Whether `text` starts like numbers, and not like lists that grow as those of a net's layers do.
pub(super) fn looks_like(text: &str) -> bool {
    numbers::looks_like(text) && !numbers::is_ragged(text)
}

pub(super) fn write(arch: &Arch) -> String {
    let numbers: Vec<String> = cells(arch)
        .iter()
        .flat_map(|cell| cell.nodes().to_vec())
        .flat_map(|Node([a, b])| [a.input, a.op.idx(), b.input, b.op.idx()])
        .map(|number| number.to_string())
        .collect();
    numbers.join(" ")
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let numbers = numbers::lines(source)?.concat();
    let half = numbers.len() / 2;
    let n_nodes = half / PER_NODE;
    if !numbers.len().is_multiple_of(2 * PER_NODE) || n_nodes < *Cell::NODE_RANGE.start() {
        return Err(wrong_length(numbers.len()));
    }
    let edge = |position: usize| {
        let found = numbers[position + 1];
        let op = Op::ALL.get(found).copied();
        let op =
            op.ok_or(SpaceError::OpIdx { position: position + 2, found, options: Op::ALL.len() })?;
        Ok(Edge { input: numbers[position], op })
    };
    let cell = |start: usize| {
        let nodes = (start..start + half).step_by(PER_NODE);
        let nodes = nodes.map(|at| Ok(Node([edge(at)?, edge(at + 2)?])));
        Cell::new(nodes.collect::<Result<_, SpaceError>>()?)
    };
    MicroSpace::arch(&cell(0)?, &cell(half)?)
}

/// Why so many numbers are no architecture, by what they may be meant for.
fn wrong_length(found: usize) -> SpaceError {
    let nodes = found / PER_NODE;
    if found.is_multiple_of(PER_NODE) && Cell::NODE_RANGE.contains(&nodes) {
        SpaceError::OneCell { found, nodes }
    } else {
        SpaceError::FlatLength { found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1";
    const REDUCTION: &str = "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    #[test]
    fn numbers_are_read_as_people_paste_them() {
        let plain = format!("{NORMAL} {REDUCTION}");
        let arch: Arch = plain.parse().unwrap();
        assert_eq!(arch.to_flat(), plain);
        let (normal, reduction) = (NORMAL.replace(' ', ", "), REDUCTION.replace(' ', ", "));
        for text in [
            plain.replace(' ', ","),
            plain.replace(' ', ", "),
            plain.replace(' ', "\n"),
            plain.replace(' ', "\u{a0}"),
            format!("\u{feff}{plain}\r\n"),
            format!("[{plain}]"),
            format!("\"{plain}\""),
            format!("[{NORMAL}]\r\n[{REDUCTION}]"),
            format!("[{NORMAL}]\n[{REDUCTION}]\nval_acc=0.8125\n--------"),
            format!("[[{normal}], [{reduction}]]"),
            format!("“{plain}”"),
            format!("normal: {NORMAL}\nreduce: {REDUCTION}"),
            format!("--child_fixed_arc='{plain}' \\"),
            format!("--child_fixed_arc \"{plain}\""),
            format!("export fixed_arc=\"{NORMAL} \\\n{REDUCTION}\"\n"),
            format!("({normal}), ({reduction})"),
            format!("fixed_arc=\"{plain}\""),
            format!("fixed_arc=\"{NORMAL}\"\nfixed_arc=\"$fixed_arc {REDUCTION}\"\n"),
            plain.replace('0', "00").replace(" 4", " +4"),
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_wrong_number_of_numbers_is_told_by_what_it_may_be() {
        check(
            NORMAL,
            "20 numbers are one micro cell of 5 nodes; give the normal cell and then the \
             reduction cell, 40 numbers",
        );
        check(
            "0 2 0 0 0 1 1 4 0 1 1 4",
            "12 numbers are one micro cell of 3 nodes; give the normal cell and then the \
             reduction cell, 24 numbers",
        );
        check(
            "0 2 0",
            "3 numbers do not spell two micro cells; expected 8 for each node (`input op input op` \
             per node, the normal cell, then the reduction cell): 40 for 5 nodes",
        );
        check(&"0 ".repeat(64), "a cell has 8 nodes; the micro space takes 1 to 7");
    }

    #[test]
    fn a_wrong_number_is_told_by_its_place() {
        check(
            "0 2 0 0 0 5 0 0 0 0 0 0 0 0 0 0",
            "number 6 is operation 5; the operations are 0 to 4",
        );
        for (text, position, found) in
            [("0 x", 2, "x"), ("0 -1", 2, "-1"), ("[0.0, 2]", 1, "0.0"), ("０ ２", 1, "０")]
        {
            check(
                text,
                &format!(
                    "number {position} is `{found}`, which is not a whole number of 0 or more in \
                     the digits 0 to 9"
                ),
            );
        }
        for text in ["99999999999999999999 0", "0200040104111001021110100302113110040311"] {
            let digits = text.split(' ').next().unwrap().len();
            check(
                text,
                &format!(
                    "number 1 has {digits} digits, and none of an architecture has more than \
                     two; put a blank between numbers"
                ),
            );
        }
        check(
            "0 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0",
            "node 2 reads node 2, which does not precede it; it may read 0 to 1",
        );
    }
}
