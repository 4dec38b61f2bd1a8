//! A script of decisions: what a policy is asked, in order, to spell an architecture.

use crate::space::{CellKind, Op, SpaceError};

/// The answer to one decision: the number of the chosen option.
pub type Choice = u32;

/// One line of a script. Some lines ask for a choice, others only move the policy on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A cell begins: forget the nodes of the one before and place the inputs.
    Begin {
        /// The cell that begins.
        cell: CellKind,
        /// Nodes that are there before the first decision.
        n_inputs: usize,
    },
    /// Decision: point at one of the `n_earlier` nodes of this cell.
    Point {
        /// Number of options.
        n_earlier: usize,
    },
    /// Decision: pick one of the operations.
    Pick {
        /// The cell it is for: the policy's fixed operation bias depends on it.
        cell: CellKind,
    },
    /// The node just decided on is placed: later decisions may point at it.
    Place,
}

impl Step {
    /// The number of options, where the step is a decision.
    pub const fn n_options(self) -> Option<usize> {
        match self {
            Self::Point { n_earlier } => Some(n_earlier),
            Self::Pick { .. } => Some(Op::ALL.len()),
            Self::Begin { .. } | Self::Place => None,
        }
    }
}

/// Everything a policy is asked for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub(crate) Vec<Step>);

impl Script {
    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether `choices` answer every decision, each with one of its options.
    pub fn check(&self, choices: &[Choice]) -> Result<(), SpaceError> {
        let expected = self.decisions().count();
        if choices.len() != expected {
            return Err(SpaceError::ChoiceCount { found: choices.len(), expected });
        }
        for (position, (&found, options)) in choices.iter().zip(self.decisions()).enumerate() {
            if options <= found as usize {
                return Err(SpaceError::ChoiceRange { position, found, options });
            }
        }
        Ok(())
    }

    /// The number of options of every decision, in order.
    pub fn decisions(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().filter_map(|step| step.n_options())
    }
}
