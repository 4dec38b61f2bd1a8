//! Which architecture is run: the published cell, a random one, or one given as text.

use std::str::FromStr;

use rand::RngExt;

use crate::random::{Owner, generator};
use crate::space::{Arch, Choice, MicroSpace, Space, SpaceError};

/// The cell that the paper found in the micro space (Pham et al., 2018, figure 8), as the
/// authors' code gives it.
const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

/// Computed nodes of a random cell: those of the published one.
const RANDOM_NODES: usize = 5;

/// Which architecture is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchChoice {
    /// The published cell.
    Published,
    /// Every decision drawn uniformly.
    Random,
    /// This one.
    Given(Arch),
}

impl FromStr for ArchChoice {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        match text {
            "published" => Ok(Self::Published),
            "random" => Ok(Self::Random),
            text => text.parse().map(Self::Given),
        }
    }
}

impl ArchChoice {
    /// The architecture; a random one is a function of `seed`.
    pub fn arch(&self, seed: u64) -> Result<Arch, SpaceError> {
        match self {
            Self::Published => PUBLISHED.parse(),
            Self::Random => {
                let space = Space::Micro(MicroSpace::new(RANDOM_NODES)?);
                let mut rng = generator(seed, Owner::Uniform, 0);
                let script = space.script();
                let choices = script.decisions().map(|n| rng.random_range(0..n as Choice));
                space.arch(&choices.collect::<Vec<_>>())
            }
            Self::Given(arch) => Ok(arch.clone()),
        }
    }
}
