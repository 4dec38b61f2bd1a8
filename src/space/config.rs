//! Which space is searched, and of which size.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::setting::{Rule, one_of, search, settings, size};
use crate::space::SpaceError;

/// Computed nodes of a micro cell.
pub(super) const NODES: RangeInclusive<usize> = 1..=7;

/// Layers of whole nets that are searched. There are larger ones, but their ids are hashes, of
/// which the history could make no architecture.
pub(super) const LAYERS: RangeInclusive<usize> = 3..=22;

/// Leaves of a tree cell: to twice the paper's base number.
pub(super) const LEAVES: RangeInclusive<usize> = 2..=16;

/// Nodes of a recurrent cell behind its input node: to twice as many as in any cell that was
/// published.
pub(super) const RECURRENT_NODES: RangeInclusive<usize> = 1..=24;

/// Blocks of a cell of NASNet's space. There are larger ones, but their ids would be hashes.
pub(super) const BLOCKS: RangeInclusive<usize> = 1..=10;

const KINDS: &[&str] = &SpaceKind::NAMES;

settings! {
    /// What is searched.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SpaceConfig in space {
        /// The search space.
        pub kind: SpaceKind = SpaceKind::Micro => search(one_of(KINDS));
        /// Computed nodes of a micro cell (the paper's B less its two inputs).
        pub nodes: usize = 5 => search(size(NODES)).once("net.nodes").only_of(&["micro"]);
        /// Layers of whole nets.
        pub layers: usize = 12 => search(size(LAYERS)).only_of(&["whole_net", "nas_cnn"]);
        /// Nodes of a recurrent cell behind its input node.
        pub recurrent_nodes: usize = 8 => search(size(RECURRENT_NODES)).only_of(&["recurrent"]);
        /// Blocks of a cell of NASNet's.
        pub blocks: usize = 5 => search(size(BLOCKS)).only_of(&["nasnet"]);
        /// Whether the strides of layers are searched, too.
        pub strides: bool = false => search(Rule::Switch).before("false").only_of(&["nas_cnn"]);
        /// Leaves of a tree cell (the paper's base number).
        pub leaves: usize = 8 => search(size(LEAVES)).only_of(&["nas_rnn"]);
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
    /// The recurrent cell of a net that reads words (ENAS, section 2.1).
    Recurrent,
    /// The filters of every layer, and the layers that it reads (Zoph and Le, 2016).
    NasCnn,
    /// The recurrent cell of a net that reads words as a tree (Zoph & Le, section 3.4).
    NasRnn,
    /// One normal and one reduction cell of blocks, stacked (Zoph et al., 2018).
    Nasnet,
    /// The cell of NAS-Bench-201, for tables (Dong and Yang, 2020).
    Nasbench201,
}

impl SpaceKind {
    /// Every space.
    pub const ALL: [Self; 7] = [
        Self::Micro,
        Self::WholeNet,
        Self::Recurrent,
        Self::NasCnn,
        Self::NasRnn,
        Self::Nasnet,
        Self::Nasbench201,
    ];

    /// The names of [`SpaceKind::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// The name used in configs and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::WholeNet => "whole_net",
            Self::Recurrent => "recurrent",
            Self::NasCnn => "nas_cnn",
            Self::NasRnn => "nas_rnn",
            Self::Nasnet => "nasnet",
            Self::Nasbench201 => "nasbench201",
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
        assert_eq!(
            error,
            "unknown space `macro`; the spaces are micro, whole_net, recurrent, nas_cnn, nas_rnn, \
             nasnet, nasbench201"
        );
    }
}
