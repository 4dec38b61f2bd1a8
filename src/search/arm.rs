//! Who brings an architecture, and for what: one word for it everywhere.

use serde::{Deserialize, Serialize};

/// Who draws, or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The policy π, to learn.
    Controller,
    /// The control arm: uniformly.
    Random,
    /// The policy, to be derived from.
    Derive,
    /// Nobody: somebody asked for it by name.
    Injected,
}

impl Arm {
    /// Every arm.
    pub const ALL: [Self; 4] = [Self::Controller, Self::Random, Self::Derive, Self::Injected];

    /// The name in the history, on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Random => "random",
            Self::Derive => "derive",
            Self::Injected => "injected",
        }
    }

    /// The arm called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arm| arm.name() == name)
    }
}
