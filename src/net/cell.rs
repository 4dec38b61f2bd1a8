//! The recurrent cell of a net of words, as a net runs it.

use serde::{Deserialize, Serialize};

use crate::net::NetError;
use crate::space::{Activation, Arch, Recurrent, RecurrentNode};

/// A recurrent cell as a net runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecurrentCell {
    /// Nodes 1 to n.
    pub nodes: Vec<CellNode>,
    /// The nodes whose mean is the state, by their numbers: 0 is the input node.
    pub ends: Vec<usize>,
}

/// What a node does with what it reads, beside the highway around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellFunction {
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// x itself.
    Identity,
}

impl From<Activation> for CellFunction {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Tanh => Self::Tanh,
            Activation::Relu => Self::Relu,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Identity => Self::Identity,
        }
    }
}

/// A node of a recurrent cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellNode {
    /// The node that it reads.
    pub from: usize,
    /// What it does with that.
    pub function: CellFunction,
    /// Start of the name of its weights.
    pub path: String,
}

/// What the state of a recurrent cell is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateOf {
    /// The mean of the nodes that no other reads (ENAS, section 2.1).
    #[default]
    LooseEnds,
    /// The mean of all nodes but that of the input (the search of `enas_lm`, and DARTS).
    All,
}

impl RecurrentCell {
    /// The cell of `arch`, the weights of whose nodes are called as `path` says of each number.
    pub(super) fn of(
        arch: &Arch,
        state_of: StateOf,
        path: impl Fn(usize, RecurrentNode) -> String,
    ) -> Result<Self, NetError> {
        let spelled = Recurrent::nodes(arch).zip(Recurrent::loose_ends(arch));
        let (nodes, loose_ends) =
            spelled.ok_or(NetError::NoRecurrentCell { found: arch.space() })?;
        let ends = match state_of {
            StateOf::LooseEnds => loose_ends,
            StateOf::All => (1..=nodes.len()).collect(),
        };
        let nodes = nodes.into_iter().zip(1..).map(|(node, number)| CellNode {
            from: node.from,
            function: node.activation.into(),
            path: path(number, node),
        });
        Ok(Self { nodes: nodes.collect(), ends })
    }
}
