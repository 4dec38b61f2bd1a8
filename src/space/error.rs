//! Why a text or a list of choices is not an architecture.

use crate::space::told::{earlier_tensors, listed, start};
use crate::space::{BlockError, CnnError, SpaceKind, TreeError, config, form};

/// Why a text or a list of choices is not an architecture. Each text says what is wrong, where,
/// and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The number of computed nodes is out of range.
    #[error("a cell has {found} nodes; the micro space takes 1 to 7")]
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
    /// The number of nodes of a recurrent cell is out of range.
    #[error("a cell has {found} nodes behind its input node; the recurrent space takes 1 to 24")]
    RecurrentNodeCount {
        /// Nodes found or asked for.
        found: usize,
    },
    /// The input node of a recurrent cell is another than here.
    #[error(
        "the input node applies {found}; in the recurrent space it applies tanh always, as in the \
         authors' corrected program, so this cell is none of its"
    )]
    InputActivation {
        /// The activation found.
        found: &'static str,
    },
    /// The output of a recurrent cell is the mean of other nodes than any here.
    #[error(
        "the output is the mean of nodes {}; in the recurrent space it is that of all nodes behind \
         the input node or of those that no other reads, which are {} here, so this cell is none of \
         its",
        listed(joined),
        listed(loose_ends)
    )]
    Mean {
        /// The nodes of which the text takes the mean.
        joined: Vec<usize>,
        /// The nodes that no other reads.
        loose_ends: Vec<usize>,
    },
    /// Of the `nas_cnn` space.
    #[error(transparent)]
    Cnn(CnnError),
    /// Of the nasnet space.
    #[error(transparent)]
    Blocks(BlockError),
    /// No space has this name.
    #[error("unknown space `{name}`; the spaces are {}", SpaceKind::NAMES.join(", "))]
    UnknownSpace {
        /// The name found.
        name: String,
    },
    /// No operation has this name.
    #[error("unknown operation `{name}`; the operations are {}", known.join(", "))]
    UnknownOp {
        /// The name found.
        name: String,
        /// The names that there are.
        known: &'static [&'static str],
    },
    /// An operation number is out of range.
    #[error("number {position} is operation {found}; the operations are 0 to {}", options - 1)]
    OpIdx {
        /// Place in the list, counted from 1.
        position: usize,
        /// The number found.
        found: usize,
        /// How many operations there are.
        options: usize,
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
        "number {position} has {digits} digits, and none of an architecture has more than two; \
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
    /// The number of layers is out of range.
    #[error("a net has {found} layers; the whole_net space takes 3 to 40")]
    LayerCount {
        /// Layers found or asked for.
        found: usize,
    },
    /// Nothing so large was published.
    #[error("the authors published {of} of {most} {parts}, and {asked} are asked for; give fewer")]
    Unpublished {
        /// What they published.
        of: &'static str,
        /// What its size is counted in.
        parts: &'static str,
        /// How many are asked for.
        asked: usize,
        /// How many they have.
        most: usize,
    },
    /// The numbers of layers are too many or too few.
    #[error(
        "{found} numbers do not spell the layers of a net; layer i takes i + 1 of them, its \
         operation and a 0 or 1 for each earlier tensor: 78 for 12 layers"
    )]
    LayerNumbers {
        /// Numbers found.
        found: usize,
    },
    /// A line has too many or too few numbers for its layer.
    #[error(
        "line {line} has {found} numbers, but layer {} takes {line}: its operation and a 0 or 1 \
         for each earlier tensor", line - 1
    )]
    LayerLine {
        /// The line, counted from 1 without those that have no numbers.
        line: usize,
        /// Its numbers.
        found: usize,
    },
    /// A skip connection is neither there nor not.
    #[error("number {position} is {found}; a skip connection of layer {layer} is 0 or 1")]
    SkipBit {
        /// Place in the list, counted from 1.
        position: usize,
        /// The layer.
        layer: usize,
        /// The number found.
        found: usize,
    },
    /// A layer skips from a tensor that does not precede its main input.
    #[error("layer {layer} skips from {from}; it may skip from {}", earlier_tensors(*layer))]
    ForwardSkip {
        /// The layer.
        layer: usize,
        /// What it skips from.
        from: String,
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
        /// The name of the cell.
        cell: &'static str,
        /// The nodes that the text joins.
        joined: Vec<usize>,
        /// The nodes that no other reads.
        loose_ends: Vec<usize>,
    },
    /// An edge of another program's cell has an operation that the micro space lacks.
    #[error(
        "at character {position}: node {node} of the {cell} cell applies `{}`, which the micro \
         space does not have; its operations are {}",
        start(op),
        known.join(", ")
    )]
    CellOp {
        /// Place in characters, counted from 1.
        position: usize,
        /// The name of the cell.
        cell: &'static str,
        /// The node that the edge belongs to.
        node: usize,
        /// The operation's name there.
        op: String,
        /// The names that the other program has for those that there are.
        known: &'static [&'static str],
    },
    /// A layer of another program's net has an operation that the whole-net space lacks.
    #[error(
        "layer {layer} applies operation {id}, `{}`, which the whole_net space does not have: its \
         layers convolve by 3 or 5, plainly or separably, or pool by 3, with stride 1",
        start(op)
    )]
    NetOp {
        /// The layer.
        layer: usize,
        /// The number that stands for the operation.
        id: usize,
        /// What it is.
        op: String,
    },
    /// Nothing says which operation a number stands for.
    #[error(
        "layer {layer} applies operation {id}, and nothing says which that is; give `nn_config` \
         with its `embedding` too, or the authors' numbers 0 to 5"
    )]
    NoEmbedding {
        /// The layer.
        layer: usize,
        /// The number that stands for the operation.
        id: usize,
    },
    /// Two operations have one number.
    #[error(
        "layer {layer} applies operation {id}, which `embedding` in `nn_config` explains twice; \
         keep the one that was meant"
    )]
    TwoEmbeddings {
        /// The layer.
        layer: usize,
        /// The number that stands for both.
        id: usize,
    },
    /// A cell with an input that no node reads, which another program does not join.
    #[error(
        "no node of the {cell} cell reads node {input}, one of its inputs, so the micro space \
         joins that to the cell's output too, and {program} does not; they have no such cell in \
         common"
    )]
    UnreadInput {
        /// Whose form it is.
        program: &'static str,
        /// The name of the cell.
        cell: &'static str,
        /// The input.
        input: usize,
    },
    /// A cell of four nodes of which some read others, in NNI's form.
    #[error(
        "a dictionary of four nodes is of NNI's DARTS space, where the output of a cell joins \
         every computed node; the micro space does not join nodes {} of the {cell} cell, which \
         others read, so the two have no such cell in common",
        listed(inner)
    )]
    JoinsAll {
        /// The name of the cell.
        cell: &'static str,
        /// The computed nodes that others read.
        inner: Vec<usize>,
    },
    /// A dictionary of choices lacks one.
    #[error(
        "the dictionary has no `{prefix}/{what}_{node}_{edge}`; give an operation and an input for \
         each of the two edges of a node"
    )]
    MissingChoice {
        /// How the keys of the cell begin.
        prefix: &'static str,
        /// `op` or `input`.
        what: &'static str,
        /// The node.
        node: usize,
        /// Which of its edges.
        edge: usize,
    },
    /// No form of this name can be written.
    #[error(
        "`{}` is no form that the {space} space writes; it writes {}",
        start(form),
        known.join(", ")
    )]
    NotWritten {
        /// The name asked for.
        form: String,
        /// The name of the space.
        space: &'static str,
        /// The forms that it writes.
        known: Vec<&'static str>,
    },
    /// An id is malformed.
    #[error(
        "`{id}` is not an architecture id; one looks like `{tag}-` and {digits} digits or letters"
    )]
    Id {
        /// The text found.
        id: String,
        /// How ids of this space begin.
        tag: String,
        /// Digits that an id of this size has.
        digits: usize,
    },
    /// An id that is a hash.
    #[error(
        "`{id}` is made by hashing, and no architecture can be read from it; no search has such \
         ids, for the nets that are searched have at most {} layers; give the text of the \
         architecture, as in `layers=[op, op(stem), …]`, or its numbers", config::LAYERS.end()
    )]
    HashedId {
        /// The id.
        id: String,
    },
    /// A tree that is no cell of the `nas_rnn` space.
    #[error(transparent)]
    Tree(TreeError),
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
        "`{text}` is no known form of an architecture; give {}, or an id (`m5-…`)",
        form::examples()
    )]
    UnknownForm {
        /// The start of the text found.
        text: String,
    },
}
