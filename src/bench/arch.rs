//! Which architecture is run: the published one, a random one, or one given as text.

use std::str::FromStr;

use rand::RngExt;

use crate::random::{Owner, generator};
use crate::space::{Arch, Choice, Space, SpaceError};

/// Which architecture is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchChoice {
    /// What the authors published.
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
    /// The architecture, of `space` where it is not given; a random one is a function of `seed`.
    pub fn arch(&self, space: Space, seed: u64) -> Result<Arch, SpaceError> {
        match self {
            Self::Published => space.rules().published(),
            Self::Random => {
                let mut rng = generator(seed, Owner::Uniform, 0);
                let script = space.script();
                let choices = script.options().map(|n| rng.random_range(0..n as Choice));
                space.arch(&choices.collect::<Vec<_>>())
            }
            Self::Given(arch) => Ok(arch.clone()),
        }
    }
}
