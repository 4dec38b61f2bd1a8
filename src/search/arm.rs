//! Who draws an architecture, and for what: one word for it everywhere.

use serde::{Deserialize, Serialize};

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The policy π, to learn.
    Controller,
    /// The control arm: uniformly.
    Random,
    /// The policy, to be derived from.
    Derive,
}

impl Arm {
    /// Every arm.
    pub const ALL: [Self; 3] = [Self::Controller, Self::Random, Self::Derive];

    /// The name in the history, on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Random => "random",
            Self::Derive => "derive",
        }
    }

    /// The arm called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arm| arm.name() == name)
    }
}
