//! The text forms of an architecture: native, the authors' flat numbers, and (read only) the id.
//!
//! ```text
//! native  normal=[sep_conv_3x3(0)+identity(1), …] reduction=[…]      one `op(input)` per edge
//! flat    0 0 1 4 …                                                  `input op input op` per node
//! ```

use std::fmt;

use crate::space::{Arch, Cell, CellKind, Edge, Node, Op, SpaceError, canonical};

/// Numbers that spell one node in both cells.
const FLAT_PER_NODE: usize = 8;

/// The longest text worth reading: the native form of the largest architecture has under 600.
const MAX_CHARS: usize = 2000;

pub(super) fn write_native(arch: &Arch, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (idx, kind) in CellKind::ALL.into_iter().enumerate() {
        let nodes: Vec<String> = arch
            .cell(kind)
            .nodes()
            .iter()
            .map(|Node([a, b])| format!("{}({})+{}({})", a.op, a.input, b.op, b.input))
            .collect();
        let blank = if idx == 0 { "" } else { " " };
        write!(f, "{blank}{kind}=[{}]", nodes.join(", "))?;
    }
    Ok(())
}

pub(super) fn write_flat(arch: &Arch) -> String {
    let numbers: Vec<String> = CellKind::ALL
        .into_iter()
        .flat_map(|kind| arch.cell(kind).nodes().to_vec())
        .flat_map(|Node([a, b])| [a.input, a.op.idx(), b.input, b.op.idx()])
        .map(|number| number.to_string())
        .collect();
    numbers.join(" ")
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let source = source.trim();
    match source.chars().next() {
        Some('0'..='9') if source.len() <= MAX_CHARS => read_flat(source),
        Some('n') if source.starts_with("normal") && source.len() <= MAX_CHARS => {
            Reader { source, rest: source }.arch()
        }
        Some('m') if canonical::looks_like_id(source) => canonical::read(source),
        _ => Err(SpaceError::UnknownForm { text: source.chars().take(40).collect() }),
    }
}

fn read_flat(source: &str) -> Result<Arch, SpaceError> {
    let numbers = source
        .split_whitespace()
        .enumerate()
        .map(|(idx, token)| {
            token.parse().map_err(|_| SpaceError::NotANumber {
                position: idx + 1,
                found: token.chars().take(20).collect(),
            })
        })
        .collect::<Result<Vec<usize>, SpaceError>>()?;
    if !numbers.len().is_multiple_of(FLAT_PER_NODE)
        || !Cell::NODE_RANGE.contains(&(numbers.len() / FLAT_PER_NODE))
    {
        return Err(SpaceError::FlatLength { found: numbers.len() });
    }
    let edge = |position: usize| {
        let found = numbers[position + 1];
        let op = Op::ALL.get(found).copied();
        let op = op.ok_or(SpaceError::OpIdx { position: position + 2, found })?;
        Ok(Edge { input: numbers[position], op })
    };
    let cell = |start: usize| {
        let nodes = (start..start + numbers.len() / 2).step_by(4);
        Cell::new(
            nodes
                .map(|at| Ok(Node([edge(at)?, edge(at + 2)?])))
                .collect::<Result<_, SpaceError>>()?,
        )
    };
    Arch::from_cells(&cell(0)?, &cell(numbers.len() / 2)?)
}

/// Reads the native form from left to right; blanks between words do not count.
struct Reader<'a> {
    source: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn arch(mut self) -> Result<Arch, SpaceError> {
        let normal = self.cell("normal", "`normal=[`")?;
        let reduction = self.cell("reduction", "`reduction=[`")?;
        self.skip_blanks();
        if self.rest.is_empty() {
            Arch::from_cells(&normal, &reduction)
        } else {
            Err(self.unexpected("the end"))
        }
    }

    fn cell(&mut self, name: &str, expected: &'static str) -> Result<Cell, SpaceError> {
        for word in [name, "=", "["] {
            self.word(word, expected)?;
        }
        let mut nodes = vec![self.node()?];
        while self.take(",") {
            nodes.push(self.node()?);
        }
        self.word("]", "`,` and another node, or `]`")?;
        Cell::new(nodes)
    }

    fn node(&mut self) -> Result<Node, SpaceError> {
        let first = self.edge()?;
        self.word("+", "`+` and the node's second edge")?;
        Ok(Node([first, self.edge()?]))
    }

    fn edge(&mut self) -> Result<Edge, SpaceError> {
        let name = self.run_of(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() {
            return Err(self.unexpected("an operation such as `identity(0)`"));
        }
        let op = name.parse()?;
        self.word("(", "`(` and the number of the node read")?;
        let digits = self.run_of(|c| c.is_ascii_digit());
        let input = digits.parse().map_err(|_| self.unexpected("the number of the node read"))?;
        self.word(")", "`)`")?;
        Ok(Edge { input, op })
    }

    fn word(&mut self, word: &str, expected: &'static str) -> Result<(), SpaceError> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn take(&mut self, word: &str) -> bool {
        self.skip_blanks();
        self.rest.strip_prefix(word).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn run_of(&mut self, accept: impl Fn(char) -> bool) -> String {
        self.skip_blanks();
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run.to_owned()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self, expected: &'static str) -> SpaceError {
        let consumed = &self.source[..self.source.len() - self.rest.len()];
        let found = match self.rest.chars().next() {
            Some(_) => format!("`{}`", self.rest.chars().take(12).collect::<String>()),
            None => "the end".to_owned(),
        };
        SpaceError::Syntax { offset: consumed.chars().count(), expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{MicroSpace, Space};
    use proptest::prelude::*;

    const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                             1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    #[test]
    fn the_published_cell_reads_as_the_paper_draws_it() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.to_flat(), PUBLISHED);
        assert_eq!(arch.cell(CellKind::Normal).loose_ends(), [2, 3, 4, 5, 6]);
        assert_eq!(arch.cell(CellKind::Reduction).loose_ends(), [2, 4, 5, 6]);
        assert_eq!(
            arch.to_string(),
            "normal=[avg_pool_3x3(0)+sep_conv_3x3(0), identity(0)+sep_conv_5x5(0), \
             identity(0)+sep_conv_5x5(1), sep_conv_3x3(1)+sep_conv_5x5(0), \
             avg_pool_3x3(0)+sep_conv_5x5(1)] reduction=[sep_conv_3x3(1)+sep_conv_3x3(1), \
             max_pool_3x3(0)+avg_pool_3x3(0), sep_conv_5x5(1)+sep_conv_5x5(3), \
             sep_conv_3x3(1)+identity(0), max_pool_3x3(0)+sep_conv_5x5(1)]"
        );
    }

    fn arch() -> impl Strategy<Value = Arch> {
        (2_usize..=7).prop_flat_map(|n_nodes| {
            let space = Space::Micro(MicroSpace::new(n_nodes).unwrap());
            let choices: Vec<_> = space.script().decisions().map(|n| 0..n as u32).collect();
            choices.prop_map(move |choices| space.arch(&choices).unwrap())
        })
    }

    proptest! {
        #[test]
        fn every_architecture_reads_back_from_its_texts(arch in arch()) {
            prop_assert_eq!(&arch.to_string().parse::<Arch>().unwrap(), &arch);
            prop_assert_eq!(&arch.to_flat().parse::<Arch>().unwrap(), &arch);
            prop_assert_eq!(&arch.space().arch(arch.choices()).unwrap(), &arch);
            prop_assert_eq!(arch.id().parse::<Arch>().unwrap().id(), arch.id());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", prefix in "(normal=\\[|m5-|0 )?") {
            let _: Result<Arch, SpaceError> = format!("{prefix}{text}").parse();
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn flat_strings_say_which_number_is_wrong() {
        check(
            "0 2 0",
            "3 numbers do not spell two micro cells; expected 8 for each node (`input op input op` \
             per node, the normal cell, then the reduction cell): 40 for 5 nodes",
        );
        check(
            "0 2 0 0 0 5 0 0 0 0 0 0 0 0 0 0",
            "number 6 is operation 5; the operations are 0 to 4",
        );
        check("0 x", "number 2 is `x`, which is not a whole number of 0 or more");
        check(
            "0 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0",
            "node 2 reads node 2, which does not precede it; it may read 0 to 1",
        );
    }

    #[test]
    fn native_texts_say_where_they_break() {
        check(
            "normal=[identity(0)*identity(1)]",
            "at character 19: expected `+` and the node's second edge, found `*identity(1)`",
        );
        check(
            "normal=[swish(0)+identity(1)]",
            "unknown operation `swish`; the operations are sep_conv_3x3, sep_conv_5x5, \
             avg_pool_3x3, max_pool_3x3, identity",
        );
        check(
            "normal=[identity(0)+identity(1), identity(0)+identity(1)] reduction=",
            "at character 68: expected `reduction=[`, found the end",
        );
    }
}
