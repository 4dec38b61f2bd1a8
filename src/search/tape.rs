//! The tape: what a pass of the policy's network leaves for its gradient.

use crate::search::input::StepInput;
use crate::space::{Choice, Decision};

/// Everything about a pass with n rollouts, by LSTM step; h is the number of hidden units.
#[derive(Debug, Default)]
pub(super) struct Tape {
    /// What each step read, `(steps, n)`.
    pub(super) inputs: Vec<StepInput>,
    /// The gates i, f, o, g, `(steps, n, 4h)`.
    pub(super) gates: Vec<f64>,
    /// The memory after the step, `(steps, n, h)`.
    pub(super) c: Vec<f64>,
    /// Its tanh, `(steps, n, h)`.
    pub(super) squashed: Vec<f64>,
    /// The output, `(steps, n, h)`.
    pub(super) h: Vec<f64>,
    /// What became of the output.
    pub(super) moments: Vec<Moment>,
    /// The share of a node with links in the divergence of all.
    pub(super) link_share: f64,
}

/// What became of the output of an LSTM step.
#[derive(Debug)]
pub(super) enum Moment {
    /// The key of a node of the part, and its anchor where it has one.
    Place {
        /// Its place among the part's nodes.
        node: usize,
        /// Whether it has an anchor that is not zero.
        anchored: bool,
    },
    /// A decision; after links, the key and the anchor of the node that asked, too.
    Decide(Decided),
    /// Nobody but the next step reads it.
    PassOn,
}

/// A decision of n rollouts.
#[derive(Debug)]
pub(super) struct Decided {
    /// What was asked.
    pub(super) decision: Decision,
    /// `(n, answers)`
    pub(super) choices: Vec<Choice>,
    /// q, `(n, options)`, or `(n, earlier)` for links.
    pub(super) scores: Vec<f64>,
    /// `(n, answers, options)`
    pub(super) log_probs: Vec<f64>,
    /// For `Point` and `Link`: tanh(key + h·W₂), `(nodes, n, h)`.
    pub(super) mixed: Vec<f64>,
}

impl Tape {
    /// Takes note of a node's share in the divergence of all links.
    pub(super) fn with(&mut self, link_share: f64) -> &mut Self {
        self.link_share = link_share;
        self
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        let Self { inputs, gates, c, squashed, h, moments, .. } = self;
        inputs.clear();
        moments.clear();
        [gates, c, squashed, h].into_iter().for_each(Vec::clear);
    }

    /// Takes note of an LSTM step: what it read, its gates, and c, tanh c and h after it.
    pub(super) fn push_step(
        &mut self,
        inputs: &[StepInput],
        gates: &[f64],
        [c, squashed, h]: [&[f64]; 3],
    ) {
        self.inputs.extend_from_slice(inputs);
        self.gates.extend_from_slice(gates);
        self.c.extend_from_slice(c);
        self.squashed.extend_from_slice(squashed);
        self.h.extend_from_slice(h);
    }
}
