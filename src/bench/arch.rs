//! Which architecture is run: the published one, a random one, or one given as text.

use rand::RngExt;

use crate::bench::BenchError;
use crate::random::{Owner, generator};
use crate::space::{Arch, Choice, Space};

/// Which architecture is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchChoice {
    /// What the authors published.
    Published,
    /// Every decision drawn uniformly.
    Random,
    /// The one of this text, which is read once the space is known.
    Given(String),
}

/// Takes every text: which are no architecture, the space says.
impl From<&str> for ArchChoice {
    fn from(text: &str) -> Self {
        match text {
            "published" => Self::Published,
            "random" => Self::Random,
            text => Self::Given(text.to_owned()),
        }
    }
}

impl ArchChoice {
    /// The architecture, of `space` where its text does not spell another; a random one is a
    /// function of `seed`. What is wrong with a text is told in the words of `space`.
    pub fn arch(&self, space: Space, seed: u64) -> Result<Arch, BenchError> {
        match self {
            Self::Published => Ok(space.rules().published()?),
            Self::Random => {
                let mut rng = generator(seed, Owner::Uniform, 0);
                let script = space.script();
                let choices = script.options().map(|n| rng.random_range(0..n as Choice));
                Ok(space.arch(&choices.collect::<Vec<_>>())?)
            }
            Self::Given(text) => Arch::parse(space, text).map_err(BenchError::Arch),
        }
    }
}
