//! The recurrent cell as a tree (Zoph & Le, 2016, section 3.4): leaves read the word and the state
//! before it, nodes above them join two nodes below, and a second state, c, goes beside h from word to
//! word, as in an LSTM.
//!
//! ```text
//! leaf i               aᵢ = act(W_i·x[t] ∘ U_i·h[t-1])           ∘ is + or the product of features
//! node k above         a_k = act(a_l ∘ a_r)
//! the injected node j  a′ⱼ = act_inject(aⱼ ∘_inject c[t-1]) takes the place of aⱼ
//! h[t]                 the root
//! c[t]                 the memory node m before its activation
//! ```
//!
//! The tree is complete: leaves come first, and from the first on each two nodes are read by the next
//! node above, so that each node but the root, the last, is read once. With a power of two leaves it is
//! the balanced tree of the paper, whose numbers its nodes have; the paper searches with 8. The script
//! of a node is *pick, pick, place*; then come the two picks of *cell inject*, and the *cell indices*,
//! the memory node and the injected one, each of which is any node, the root too. So 8 leaves make
//! 8¹⁶·15² lists of choices, the 6·10¹⁶ that the paper counts.
//!
//! # Cells with less to them
//!
//! Every list of choices is a cell. What the paper leaves open is settled by one rule: c[t] is what the
//! memory node makes of the two that it reads, before its own activation and before anything is
//! injected behind that. So c[t] reads c[t-1] itself only where the memory node stands above the
//! injected one. Elsewhere, as where both are one node or where leaves are (the example of the paper is
//! such a cell), c[t] is of the word and of h[t-1] alone, and c[t-1] lives on in h[t]. Where the root is
//! injected, h[t] is a′ of it; where the root is the memory node, c[t] is h[t] before its activation.
//!
//! Cells whose activations are all without bounds may grow beyond numbers; their training is one that
//! diverged, and no special case.

mod canonical;
mod native;
mod sketch;

use std::ops::RangeInclusive;

use crate::space::config::LEAVES;
use crate::space::{
    Activation, Arch, Choice, Decision, Fact, Form, Locality, Menu, Script, SearchSpace, Size,
    Sketch, Space, SpaceError, Step, TreeError, Write,
};

/// How a node joins what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Combine {
    /// The sum.
    Add,
    /// The product, feature by feature.
    Multiply,
}

impl Combine {
    /// Both, in the order of the policy's logits.
    pub const ALL: [Self; 2] = [Self::Add, Self::Multiply];

    /// The names of [`Combine::ALL`].
    const NAMES: [&str; Self::ALL.len()] = ["add", "multiply"];

    /// The sign in texts.
    const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Multiply => '*',
        }
    }
}

/// The combinations of a node.
static COMBINATIONS: Menu = Menu { name: "tree_combine", options: &Combine::NAMES };

/// The activations of a node.
static ACTIVATIONS: Menu = Menu { name: "tree_activation", options: &Activation::NAMES };

const FORMS: &[Form] = &[Form {
    name: "native",
    example: "tree=[tanh(x+h), relu(x*h), sigmoid(0*1)] inject=relu(0+c) c=1",
    recognize: native::looks_like,
    read: native::read,
    write: Write::Always(native::write),
}];

/// The space of tree cells with a given number of leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NasRnn {
    /// Invariant: within [`NasRnn::LEAF_RANGE`].
    n_leaves: usize,
}

/// The paper's base number.
impl Default for NasRnn {
    fn default() -> Self {
        Self { n_leaves: 8 }
    }
}

/// What a node, or the injection, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeNode {
    /// How it joins the two that it reads.
    pub combine: Combine,
    /// What it does with that.
    pub activation: Activation,
}

/// A tree cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The leaves, then the nodes above them; the root is the last.
    pub nodes: Vec<TreeNode>,
    /// How c[t-1] is joined.
    pub inject: TreeNode,
    /// The node that it is joined to.
    pub injected: usize,
    /// The node whose value before its activation is `c[t]`.
    pub memory: usize,
}

impl NasRnn {
    /// The example of the paper, with two leaves.
    pub const EXAMPLE: &'static str =
        "tree=[tanh(x+h), relu(x*h), sigmoid(0*1)] inject=relu(0+c) c=1";

    /// The fewest and the most leaves.
    pub const LEAF_RANGE: RangeInclusive<usize> = LEAVES;

    /// The space of cells with `n_leaves` leaves, 2 to 16.
    pub fn new(n_leaves: usize) -> Result<Self, SpaceError> {
        if Self::LEAF_RANGE.contains(&n_leaves) {
            Ok(Self { n_leaves })
        } else {
            Err(SpaceError::Tree(TreeError::LeafCount { found: n_leaves }))
        }
    }

    /// Leaves of a cell.
    pub fn n_leaves(self) -> usize {
        self.n_leaves
    }

    /// Nodes of a cell.
    fn n_nodes(self) -> usize {
        2 * self.n_leaves - 1
    }

    /// The nodes that node number `node` reads; none where it is a leaf.
    pub fn reads(self, node: usize) -> Option<[usize; 2]> {
        node.checked_sub(self.n_leaves).map(|above| [2 * above, 2 * above + 1])
    }

    /// The cell `tree`.
    pub fn arch(tree: &Tree) -> Result<Arch, SpaceError> {
        let nodes = tree.nodes.len();
        if nodes.is_multiple_of(2) {
            return Err(SpaceError::Tree(TreeError::NodeCount { found: nodes }));
        }
        let space = Self::new(nodes.div_ceil(2))?;
        for (index, found) in [("inject", tree.injected), ("c", tree.memory)] {
            if nodes <= found {
                return Err(SpaceError::Tree(TreeError::NoNode { index, found, nodes }));
            }
        }
        Ok(Arch::checked(Space::NasRnn(space), choices(tree)))
    }

    /// The cell of an architecture of a `nas_rnn` space; nothing of another.
    pub fn tree(arch: &Arch) -> Option<Tree> {
        matches!(arch.space(), Space::NasRnn(_)).then(|| spelled(arch.choices()))
    }

    /// The LSTM, without biases, as a tree: of its gates the forget gate is injected, and the memory
    /// node adds the input gate's product to it. Nodes that are not named add what they read, so that a
    /// gate above leaves is a sum of theirs. With three and four leaves there is no room for the input
    /// gate, nor for any of it with two.
    fn lstm(self) -> Option<Tree> {
        let root = self.n_nodes() - 1;
        let [output_gate, memory] = self.reads(root)?;
        let [forget_gate, news] = self.reads(memory)?;
        let node = |combine, activation| TreeNode { combine, activation };
        let product = node(Combine::Multiply, Activation::Identity);
        let tanh = node(Combine::Add, Activation::Tanh);
        let gate = node(Combine::Add, Activation::Sigmoid);
        let mut nodes = vec![node(Combine::Add, Activation::Identity); self.n_nodes()];
        nodes[root] = product;
        nodes[memory] = tanh;
        nodes[output_gate] = gate;
        nodes[forget_gate] = gate;
        if let Some([input_gate, candidate]) = self.reads(news) {
            nodes[news] = product;
            nodes[input_gate] = gate;
            nodes[candidate] = tanh;
        } else {
            nodes[news] = tanh;
        }
        Some(Tree { nodes, inject: product, injected: forget_gate, memory })
    }
}

/// The choices that spell `tree`.
fn choices(tree: &Tree) -> Vec<Choice> {
    let picks = tree.nodes.iter().chain([&tree.inject]);
    let picks = picks.flat_map(|node| [node.combine as usize, node.activation.idx()]);
    picks.chain([tree.memory, tree.injected]).map(|choice| choice as Choice).collect()
}

/// The cell that `choices` spell.
fn spelled(choices: &[Choice]) -> Tree {
    let (pairs, _) = choices.as_chunks::<2>();
    let node = |&[combine, activation]: &[Choice; 2]| TreeNode {
        combine: Combine::ALL[combine as usize],
        activation: Activation::ALL[activation as usize],
    };
    let (nodes, rest) = pairs.split_at(pairs.len() - 2);
    let [memory, injected] = rest[1].map(|node| node as usize);
    Tree { nodes: nodes.iter().map(node).collect(), inject: node(&rest[0]), injected, memory }
}

impl Tree {
    /// The space that it is of.
    fn space(&self) -> NasRnn {
        NasRnn { n_leaves: self.nodes.len().div_ceil(2) }
    }

    /// The nodes that node number `node` reads; none where it is a leaf.
    pub fn reads(&self, node: usize) -> Option<[usize; 2]> {
        self.space().reads(node)
    }

    /// Whether c[t] reads c[t-1] itself: whether the memory node stands above the injected one.
    fn remembers(&self) -> bool {
        let space = self.space();
        let mut above = vec![false; self.nodes.len()];
        for node in 0..self.nodes.len() {
            let is_above = |&from: &usize| from == self.injected || above[from];
            above[node] = space.reads(node).is_some_and(|reads| reads.iter().any(is_above));
        }
        above[self.memory]
    }
}

impl SearchSpace for NasRnn {
    fn name(&self) -> &'static str {
        "nas_rnn"
    }

    fn about(&self) -> &'static str {
        "The recurrent cell of a net that reads words as a tree: each node joins two others and \
         applies an activation, and a second state goes beside the first (Zoph & Le, section 3.4)"
    }

    fn size(&self) -> String {
        format!("{} leaves", self.n_leaves)
    }

    /// None of the cells that the paper found is known here by its numbers, so it is the example that
    /// the paper explains where there are two leaves, and the LSTM elsewhere.
    fn published(&self) -> Result<Arch, SpaceError> {
        match self.lstm() {
            Some(tree) => Self::arch(&tree),
            None => native::read(Self::EXAMPLE),
        }
    }

    fn tag(&self) -> String {
        format!("t{}", self.n_leaves)
    }

    fn parts(&self) -> &'static [&'static str] {
        &["cell"]
    }

    fn script(&self) -> Script {
        let node =
            [&COMBINATIONS, &ACTIVATIONS].map(|menu| Step::Ask(Decision::Pick { part: 0, menu }));
        let index =
            Step::Ask(Decision::Point { earlier: self.n_nodes(), locality: Locality::Even });
        let mut steps = vec![Step::Begin { part: 0, inputs: 0 }];
        for _ in 0..self.n_nodes() {
            steps.extend(node);
            steps.push(Step::Place);
        }
        steps.extend(node);
        steps.extend([index; 2]);
        Script(steps)
    }

    fn canonical(&self, choices: &[Choice]) -> Vec<Choice> {
        self::choices(&canonical::canonical(&spelled(choices)))
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let tree = spelled(choices);
        let count = |is: &dyn Fn(&TreeNode) -> bool| tree.nodes.iter().filter(|n| is(n)).count();
        let mut facts = vec![Fact::new("leaves", self.n_leaves)];
        for (combine, name) in Combine::ALL.into_iter().zip(Combine::NAMES) {
            facts.push(Fact::new(name, count(&|node| node.combine == combine)));
        }
        for activation in Activation::ALL {
            let n = count(&|node| node.activation == activation);
            facts.push(Fact::new(activation.name(), n));
        }
        facts.push(Fact::new("node that c[t-1] is injected into", tree.injected));
        facts.push(Fact::new("node that c[t] is of", tree.memory));
        let remembers = if tree.remembers() { "yes" } else { "no, by h[t-1] alone" };
        facts.push(Fact::new("c[t] reads c[t-1] itself", remembers));
        facts
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        vec![sketch::sketch(&spelled(choices))]
    }

    fn sizes(&self) -> Vec<Size> {
        let distinct = canonical::distinct(*self).to_string();
        vec![
            Size::product("lists of choices, 8^(2n)·(2n−1)²", self.script().options()),
            Size { of: "cells, whichever of two nodes comes first", count: distinct },
        ]
    }
}

#[cfg(test)]
mod tests;
