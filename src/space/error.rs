//! Why a text or a list of choices is not an architecture.

use crate::space::{CellKind, Op};

/// Why a text or a list of choices is not an architecture. Each text says what is wrong, where,
/// and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The number of computed nodes is out of range.
    #[error("a cell has {found} nodes; the micro space takes 2 to 7")]
    NodeCount {
        /// Nodes found or asked for.
        found: usize,
    },
    /// The two cells differ in size.
    #[error(
        "the normal cell has {normal} nodes and the reduction cell {reduction}; give both the same number"
    )]
    UnequalCells {
        /// Nodes of the normal cell.
        normal: usize,
        /// Nodes of the reduction cell.
        reduction: usize,
    },
    /// An edge reads its own node or a later one.
    #[error("node {node} reads node {input}, which does not precede it; it may read 0 to {}", node - 1)]
    ForwardEdge {
        /// The reading node.
        node: usize,
        /// The node it reads.
        input: usize,
    },
    /// No operation has this name.
    #[error("unknown operation `{name}`; the operations are {}", Op::ALL.map(Op::name).join(", "))]
    UnknownOp {
        /// The name found.
        name: String,
    },
    /// An operation number is out of range.
    #[error("number {position} is operation {found}; the operations are 0 to {}", Op::ALL.len() - 1)]
    OpIdx {
        /// Place in the list, counted from 1.
        position: usize,
        /// The number found.
        found: usize,
    },
    /// A token of a flat string is not a number.
    #[error(
        "number {position} is `{found}`, which is not a whole number of 0 or more in the digits 0 to 9"
    )]
    NotANumber {
        /// Place in the list, counted from 1.
        position: usize,
        /// The token found.
        found: String,
    },
    /// A token of a flat string has more digits than any number of an architecture.
    #[error(
        "number {position} has {digits} digits, and none of an architecture has more than one; \
         put a blank between numbers"
    )]
    LongNumber {
        /// Place in the list, counted from 1.
        position: usize,
        /// Its digits.
        digits: usize,
    },
    /// A flat string has the length of one cell alone.
    #[error(
        "{found} numbers are one micro cell of {nodes} nodes; give the normal cell and then the \
         reduction cell, {} numbers", 2 * found
    )]
    OneCell {
        /// Numbers found.
        found: usize,
        /// Nodes that they spell.
        nodes: usize,
    },
    /// A flat string has the length of an architecture of the macro space.
    #[error(
        "{found} numbers are an ENAS macro architecture of {layers} layers (1 + 2 + … + {layers}), \
         of a space that this version does not have; the micro space takes 8 numbers for each node"
    )]
    MacroForm {
        /// Numbers found.
        found: usize,
        /// Layers that they spell.
        layers: usize,
    },
    /// A flat string has a length that no architecture has.
    #[error(
        "{found} numbers do not spell two micro cells; expected 8 for each node \
         (`input op input op` per node, the normal cell, then the reduction cell): 40 for 5 nodes"
    )]
    FlatLength {
        /// Numbers found.
        found: usize,
    },
    /// A list of choices does not fit the script.
    #[error("{found} choices, but the script asks for {expected}")]
    ChoiceCount {
        /// Choices found.
        found: usize,
        /// Choices the script asks for.
        expected: usize,
    },
    /// A choice is not among the options of its decision.
    #[error("choice {position} is {found}, but that decision has {options} options")]
    ChoiceRange {
        /// Place in the list, counted from 0.
        position: usize,
        /// The choice found.
        found: u32,
        /// The number of options.
        options: usize,
    },
    /// The native text form is broken.
    #[error("at character {position}: expected {expected}, found {found}")]
    Syntax {
        /// Place in characters, counted from 1.
        position: usize,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The output of a genotype's cell joins other nodes than the loose ends.
    #[error(
        "the output of the {cell} cell joins nodes {}; in the micro space it joins the nodes that \
         no other reads, which are {} here, so this cell is none of its",
        listed(joined),
        listed(loose_ends)
    )]
    Concat {
        /// Which cell.
        cell: CellKind,
        /// The nodes that the text joins.
        joined: Vec<usize>,
        /// The nodes that no other reads.
        loose_ends: Vec<usize>,
    },
    /// An id is malformed.
    #[error(
        "`{id}` is not an architecture id; one looks like `m5-` and {digits} digits or letters"
    )]
    Id {
        /// The text found.
        id: String,
        /// Digits that an id of this size has.
        digits: usize,
    },
    /// Nothing but blanks.
    #[error("an empty text is no architecture")]
    NoText,
    /// Longer than any architecture.
    #[error("a text of {found} characters is no architecture; the longest has {limit}")]
    LongText {
        /// Its characters.
        found: usize,
        /// The most that are read.
        limit: usize,
    },
    /// Nothing recognizable.
    #[error(
        "`{text}` is no known form of an architecture; give \
         `normal=[op(input)+op(input), …] reduction=[…]`, the authors' numbers \
         (`0 2 0 0 … 1 1`), DARTS' `Genotype(…)`, or an id (`m5-…`)"
    )]
    UnknownForm {
        /// The start of the text found.
        text: String,
    },
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
