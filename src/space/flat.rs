//! The authors' numbers, as people paste them.
//!
//! ```text
//! 0 2 0 0 …                     `input op input op` per node, the normal cell, then the reduction
//! [0, 2, 0, 0, …], [1, 0, …]    with commas and brackets, one pair a cell
//! [0 2 0 0 …]                   the log of the authors' search, with the score below
//! [1 0 1 0 …]
//! val_acc=0.8125
//! fixed_arc="0 2 0 0 …"         their scripts
//! fixed_arc="$fixed_arc 1 0 …"
//! ```

use crate::space::{Arch, Cell, CellKind, Edge, Node, Op, SpaceError};

/// Numbers that spell one node of one cell.
const PER_NODE: usize = 4;

/// More digits than this in one word are numbers without blanks between them.
const MAX_DIGITS: usize = 15;

pub(super) fn write(arch: &Arch) -> String {
    let numbers: Vec<String> = CellKind::ALL
        .into_iter()
        .flat_map(|kind| arch.cell(kind).nodes().to_vec())
        .flat_map(|Node([a, b])| [a.input, a.op.idx(), b.input, b.op.idx()])
        .map(|number| number.to_string())
        .collect();
    numbers.join(" ")
}

/// Whether `text` starts like numbers, so that an error should speak of them.
pub(super) fn looks_like(text: &str) -> bool {
    words(text)
        .next()
        .is_some_and(|word| word.starts_with(|c: char| "+-".contains(c) || c.is_numeric()))
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let numbers: Vec<usize> = words(source)
        .enumerate()
        .map(|(idx, word)| number(idx + 1, word))
        .collect::<Result<_, SpaceError>>()?;
    let half = numbers.len() / 2;
    let n_nodes = half / PER_NODE;
    if !numbers.len().is_multiple_of(2 * PER_NODE) || n_nodes < *Cell::NODE_RANGE.start() {
        return Err(wrong_length(numbers.len()));
    }
    let edge = |position: usize| {
        let found = numbers[position + 1];
        let op = Op::ALL.get(found).copied();
        let op = op.ok_or(SpaceError::OpIdx { position: position + 2, found })?;
        Ok(Edge { input: numbers[position], op })
    };
    let cell = |start: usize| {
        let nodes = (start..start + half).step_by(PER_NODE);
        let nodes = nodes.map(|at| Ok(Node([edge(at)?, edge(at + 2)?])));
        Cell::new(nodes.collect::<Result<_, SpaceError>>()?)
    };
    Arch::from_cells(&cell(0)?, &cell(half)?)
}

/// The words that are to be numbers. Brackets, commas and quotes only part them; names that are
/// given a value go, with their value where it is a score.
fn words(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(values).flat_map(|line| {
        line.split(|c: char| c.is_whitespace() || "[](){},;'\"`".contains(c))
            .filter(|word| !word.is_empty() && !word.starts_with('$') && !is_rule(word))
    })
}

/// What of a line is no name of a variable; nothing of one that gives a score.
fn values(line: &str) -> Option<&str> {
    let Some((name, value)) = line.split_once('=') else { return Some(line) };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.trim().chars().all(is_name) {
        return Some(line);
    }
    let is_score = value.contains('.') && value.trim().parse::<f64>().is_ok();
    (!is_score).then_some(value)
}

/// Whether a word is a line drawn with dashes, as between two entries of a log.
fn is_rule(word: &str) -> bool {
    2 < word.len() && word.bytes().all(|c| c == b'-')
}

fn number(position: usize, word: &str) -> Result<usize, SpaceError> {
    let digits = word.strip_prefix('+').unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(SpaceError::NotANumber { position, found: word.chars().take(20).collect() });
    }
    let digits = digits.trim_start_matches('0');
    let too_many = || SpaceError::LongNumber { position, digits: word.len() };
    if MAX_DIGITS < digits.len() { Err(too_many()) } else { Ok(digits.parse().unwrap_or(0)) }
}

/// Why so many numbers are no architecture, by what they may be meant for.
fn wrong_length(found: usize) -> SpaceError {
    let macro_layers = (4..=24).find(|layers| layers * (layers + 1) / 2 == found);
    let one_cell = found / PER_NODE;
    match macro_layers {
        _ if found.is_multiple_of(PER_NODE) && Cell::NODE_RANGE.contains(&one_cell) => {
            SpaceError::OneCell { found, nodes: one_cell }
        }
        Some(layers) => SpaceError::MacroForm { found, layers },
        None => SpaceError::FlatLength { found },
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
            "0 2 0 0 0 1 1 1",
            "8 numbers are one micro cell of 2 nodes; give the normal cell and then the \
             reduction cell, 16 numbers",
        );
        check(
            "[1]\n[1 1]\n[5 0 0]\n[5 0 0 0]",
            "10 numbers are an ENAS macro architecture of 4 layers (1 + 2 + … + 4), of a space \
             that this version does not have; the micro space takes 8 numbers for each node",
        );
        check(
            "0 2 0",
            "3 numbers do not spell two micro cells; expected 8 for each node (`input op input op` \
             per node, the normal cell, then the reduction cell): 40 for 5 nodes",
        );
        check(&"0 ".repeat(64), "a cell has 8 nodes; the micro space takes 2 to 7");
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
                     one; put a blank between numbers"
                ),
            );
        }
        check(
            "0 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0",
            "node 2 reads node 2, which does not precede it; it may read 0 to 1",
        );
    }
}
