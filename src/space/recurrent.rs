//! The recurrent space: the cell of a net that reads words one after the other (ENAS, section 2.1,
//! as the authors corrected it in `enas_lm`).
//!
//! ```text
//! x[t], h[t-1] ─► node 0: tanh, always       s = h[t-1] + σ(t̃)·(tanh(h̃) − h[t-1])
//! node i reads one of nodes 0 to i−1, p:     sᵢ = s_p + σ(t̃ᵢ)·(fᵢ(h̃ᵢ) − s_p)
//! h[t] = the mean of the loose ends, the nodes that no other reads
//! ```
//!
//! Each node reads by matrices of its own: h̃ᵢ and t̃ᵢ are products with `s_p`, those of node 0 with
//! x[t] and h[t-1] together. The script of a node is *point, pick, place*. Whether the output is the
//! mean of all nodes instead is a setting of the net, as in their programs.

mod activation;
mod arcs;
mod canonical;
mod dag;
mod genotype;
mod native;
mod sketch;

pub use activation::Activation;

use std::ops::RangeInclusive;

use crate::space::config::RECURRENT_NODES;
use crate::space::fact::row;
use crate::space::{
    Arch, Choice, Decision, Fact, Form, Locality, Menu, Script, SearchSpace, Size, Sketch, Space,
    SpaceError, Step, Write,
};

/// The activations of a node.
static ACTIVATIONS: Menu = Menu { name: "activation", options: &Activation::NAMES };

const FORMS: &[Form] = &[
    Form {
        name: "native",
        example: "cell=[tanh(0), relu(1), …]",
        recognize: native::looks_like,
        read: native::read,
        write: Write::Always(native::write),
    },
    Form {
        name: Form::NUMBERS,
        example: "0 2 1 0 2 1 …",
        recognize: arcs::looks_like_pairs,
        read: arcs::read_pairs,
        write: Write::Always(arcs::write_pairs),
    },
    Form {
        name: "original",
        example: "0 0 0 1 1 2 1 …",
        recognize: arcs::looks_like_original,
        read: arcs::read_original,
        write: Write::Always(arcs::write_original),
    },
    Form {
        name: "genotype",
        example: "Genotype(recurrent=[…], concat=[…])",
        recognize: genotype::looks_like,
        read: genotype::read,
        write: Write::Always(genotype::write),
    },
    Form {
        name: "dag",
        example: "{\"-1\": [[0, \"tanh\"]], …}",
        recognize: dag::looks_like,
        read: dag::read,
        write: Write::Always(dag::write),
    },
];

/// The recurrent space of cells with a given number of nodes behind the input node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recurrent {
    /// Invariant: within [`Recurrent::NODE_RANGE`].
    n_nodes: usize,
}

/// Eight nodes, as the cell has that the authors published with `enas_lm`.
impl Default for Recurrent {
    fn default() -> Self {
        Self { n_nodes: 8 }
    }
}

/// A node behind the input node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecurrentNode {
    /// The node that it reads: 0 is the input node.
    pub from: usize,
    /// What it does with that.
    pub activation: Activation,
}

impl Recurrent {
    /// The cell of eight nodes that the authors published with `enas_lm`, in its numbers.
    pub const PUBLISHED: &'static str = "0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2";

    /// The cell of eleven that they published with the original program, in those of that.
    pub const ORIGINAL_PUBLISHED: &'static str = "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1";

    /// The fewest and the most nodes behind the input node.
    pub const NODE_RANGE: RangeInclusive<usize> = RECURRENT_NODES;

    /// The space of cells with `n_nodes` nodes behind the input node, 1 to 24.
    pub fn new(n_nodes: usize) -> Result<Self, SpaceError> {
        if Self::NODE_RANGE.contains(&n_nodes) {
            Ok(Self { n_nodes })
        } else {
            Err(SpaceError::RecurrentNodeCount { found: n_nodes })
        }
    }

    /// Nodes of a cell behind its input node.
    pub fn n_nodes(self) -> usize {
        self.n_nodes
    }

    /// The cell of these nodes, the first of which is node 1.
    pub fn arch(nodes: &[RecurrentNode]) -> Result<Arch, SpaceError> {
        let space = Self::new(nodes.len())?;
        for (node, &RecurrentNode { from: input, .. }) in (1..).zip(nodes) {
            if node <= input {
                return Err(SpaceError::ForwardEdge { node, input });
            }
        }
        Ok(Arch::checked(Space::Recurrent(space), choices(nodes)))
    }

    /// The nodes behind the input node, the first of which is node 1, of an architecture of a
    /// recurrent space; nothing of another.
    pub fn nodes(arch: &Arch) -> Option<Vec<RecurrentNode>> {
        matches!(arch.space(), Space::Recurrent(_)).then(|| spelled(arch.choices()))
    }

    /// The numbers of the nodes that no other reads, in order, of an architecture of a recurrent
    /// space; nothing of another. The input node is none of them.
    pub fn loose_ends(arch: &Arch) -> Option<Vec<usize>> {
        Self::nodes(arch).map(|nodes| loose_ends(&nodes))
    }

    /// How many of its cells differ in more than the numbers of their nodes: the trees with so many
    /// nodes of four kinds below a root, by the Euler transform.
    fn distinct(self) -> u128 {
        // Of each number of nodes: trees below a root, and the same with a node of a kind for root.
        let (mut below, mut trees) = (vec![1_u128], vec![0]);
        for n in 1..=self.n_nodes {
            trees.push(below[n - 1] * Activation::ALL.len() as u128);
            let divisors = |k: usize| (1..=k).filter(move |d| k.is_multiple_of(*d));
            let of = |k: usize| divisors(k).map(|d| d as u128 * trees[d]).sum::<u128>();
            below.push((1..=n).map(|k| of(k) * below[n - k]).sum::<u128>() / n as u128);
        }
        below[self.n_nodes]
    }
}

/// The choices that spell `nodes`.
fn choices(nodes: &[RecurrentNode]) -> Vec<Choice> {
    let choices = |node: &RecurrentNode| [node.from, node.activation.idx()].map(|c| c as Choice);
    nodes.iter().flat_map(choices).collect()
}

/// The nodes that `choices` spell.
fn spelled(choices: &[Choice]) -> Vec<RecurrentNode> {
    let (pairs, _) = choices.as_chunks::<2>();
    let node = |&[from, activation]: &[Choice; 2]| RecurrentNode {
        from: from as usize,
        activation: Activation::ALL[activation as usize],
    };
    pairs.iter().map(node).collect()
}

/// The nodes that no other of `nodes` reads.
fn loose_ends(nodes: &[RecurrentNode]) -> Vec<usize> {
    (1..=nodes.len()).filter(|&end| nodes.iter().all(|node| node.from != end)).collect()
}

/// For each node, the input node first, how many others lie between it and the words.
fn depths(nodes: &[RecurrentNode]) -> Vec<usize> {
    let mut depths = vec![0];
    for node in nodes {
        depths.push(depths[node.from] + 1);
    }
    depths
}

/// The nodes of an architecture that one of this space's forms writes.
fn nodes(arch: &Arch) -> Vec<RecurrentNode> {
    Recurrent::nodes(arch).expect("a form writes architectures of its own space")
}

/// `arch`, where the nodes `joined` of which another program takes the mean, in order, are those of
/// which a net here may.
fn averaging(arch: Arch, joined: Vec<usize>) -> Result<Arch, SpaceError> {
    let nodes = nodes(&arch);
    let loose_ends = loose_ends(&nodes);
    if joined == loose_ends || joined.iter().copied().eq(1..=nodes.len()) {
        Ok(arch)
    } else {
        Err(SpaceError::Mean { joined, loose_ends })
    }
}

impl SearchSpace for Recurrent {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn about(&self) -> &'static str {
        "The recurrent cell of a net that reads words: each node applies an activation to one \
         earlier node (ENAS, section 2.1)"
    }

    fn size(&self) -> String {
        format!("{} nodes", self.n_nodes)
    }

    /// What the authors published with `enas_lm`, above its eight nodes with the original program.
    fn published(&self) -> Result<Arch, SpaceError> {
        let known =
            [arcs::read_pairs(Self::PUBLISHED)?, arcs::read_original(Self::ORIGINAL_PUBLISHED)?];
        let [fewer, most] = known.map(|arch| nodes(&arch));
        let nodes = if self.n_nodes <= fewer.len() { fewer } else { most };
        let cut = nodes.get(..self.n_nodes).ok_or(SpaceError::Unpublished {
            of: "a recurrent cell",
            parts: "nodes",
            asked: self.n_nodes,
            most: nodes.len(),
        })?;
        Self::arch(cut)
    }

    fn tag(&self) -> String {
        format!("r{}", self.n_nodes)
    }

    fn parts(&self) -> &'static [&'static str] {
        &["cell"]
    }

    fn script(&self) -> Script {
        let mut steps = vec![Step::Begin { part: 0, inputs: 1 }];
        for earlier in 1..=self.n_nodes {
            steps.push(Step::Ask(Decision::Point { earlier, locality: Locality::Near }));
            steps.push(Step::Ask(Decision::Pick { part: 0, menu: &ACTIVATIONS }));
            steps.push(Step::Place);
        }
        Script(steps)
    }

    fn canonical(&self, choices: &[Choice]) -> Vec<Choice> {
        self::choices(&canonical::canonical(&spelled(choices)))
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let nodes = spelled(choices);
        let mut facts = vec![Fact::new("nodes", nodes.len())];
        for activation in Activation::ALL {
            let count = nodes.iter().filter(|node| node.activation == activation).count();
            facts.push(Fact::new(activation.name(), count));
        }
        let depth = depths(&nodes).into_iter().max().unwrap_or(0);
        facts.push(Fact::new("longest way from the input node", depth));
        facts.push(Fact::new("loose ends", row(&loose_ends(&nodes))));
        facts
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        vec![sketch::sketch(&spelled(choices))]
    }

    fn sizes(&self) -> Vec<Size> {
        let (n, activations) = (self.n_nodes, Activation::ALL.len());
        let script = self.script();
        let free = [activations].into_iter().chain(script.options());
        let paper = (1..=n + 1).flat_map(|node| [node, activations]);
        vec![
            Size::product("the paper's formula for N = n + 1 nodes, 4^N·N!", paper),
            Size::product("lists of choices, 4^n·n!", script.options()),
            Size::product("the same with any activation of the input node, 4^(n+1)·n!", free),
            Size {
                of: "cells, however their nodes are numbered",
                count: self.distinct().to_string(),
            },
        ]
    }
}

#[cfg(test)]
mod tests;
