//! What an LSTM step of the policy reads beside its state.

use crate::search::prior::near_share;

/// What an LSTM step reads beside its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepInput {
    /// The embedding of the start (0) or of an option: a row of θ's embeddings.
    Embedding(usize),
    /// The anchor of a node of the part.
    Anchor(usize),
    /// The same, where near nodes are favored: times what `prior.rs` says.
    Near {
        /// The node.
        node: usize,
        /// How many nodes back it is.
        back: usize,
    },
    /// The sum of the anchors of these nodes, divided by one more than they are.
    Linked(Vec<usize>),
}

impl StepInput {
    /// The embedding of the start.
    pub(super) const START: Self = Self::Embedding(0);

    /// Writes to `gates` what they read of it: rows of `embeddings`, and of the nodes' anchors.
    pub(super) fn read<'a>(
        &self,
        gates: &mut [f64],
        embeddings: &[f64],
        anchor: impl Fn(usize) -> &'a [f64],
    ) {
        let width = gates.len();
        match self {
            Self::Embedding(row) => {
                gates.copy_from_slice(&embeddings[row * width..(row + 1) * width]);
            }
            Self::Anchor(node) => gates.copy_from_slice(anchor(*node)),
            Self::Near { node, back } => {
                let share = near_share(*back);
                for (gate, read) in gates.iter_mut().zip(anchor(*node)) {
                    *gate = share * read;
                }
            }
            Self::Linked(nodes) => {
                gates.fill(0.0);
                for &node in nodes {
                    for (gate, read) in gates.iter_mut().zip(anchor(node)) {
                        *gate += read;
                    }
                }
                let share = 1.0 / (1.0 + nodes.len() as f64);
                for gate in gates {
                    *gate *= share;
                }
            }
        }
    }
}
