//! Which space is searched, and of which size.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::space::SpaceError;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpaceConfig {
    /// The search space.
    pub kind: SpaceKind,
    /// Of micro: computed nodes of a cell (the paper's B less its two inputs), 2 to 7.
    pub nodes: usize,
    /// Of whole nets: layers, 3 to 22. Ids of nets with more layers are hashes, which the history
    /// could not read back.
    pub layers: usize,
}

impl Default for SpaceConfig {
    fn default() -> Self {
        Self { kind: SpaceKind::Micro, nodes: 5, layers: 12 }
    }
}

/// The search spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// One normal and one reduction cell, stacked (ENAS, section 2.4).
    #[default]
    Micro,
    /// Every layer of the net and its skip connections (ENAS, section 2.3).
    WholeNet,
}

impl SpaceKind {
    /// Every space.
    pub const ALL: [Self; 2] = [Self::Micro, Self::WholeNet];

    /// The name used in configs and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::WholeNet => "whole_net",
        }
    }
}

impl fmt::Display for SpaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SpaceKind {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| SpaceError::UnknownSpace { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    #[test]
    fn every_kind_is_a_space_of_that_name() {
        for (kind, default) in SpaceKind::ALL.into_iter().zip(Space::each()) {
            let space = Space::new(&SpaceConfig { kind, ..SpaceConfig::default() }).unwrap();
            assert_eq!((space, space.name()), (default, kind.name()));
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "macro".parse::<SpaceKind>().unwrap_err().to_string();
        assert_eq!(error, "unknown space `macro`; the spaces are micro, whole_net");
    }
}
