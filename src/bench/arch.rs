//! Which architecture is run: the published one, a random one, or one given as text.

use std::str::FromStr;

use rand::RngExt;

use crate::random::{Owner, generator};
use crate::space::{Arch, Choice, Space, SpaceError, WholeNet};

/// The cell that the paper found in the micro space (Pham et al., 2018, figure 8), as the
/// authors' code gives it.
const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

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

/// The first layers of the net that the authors published.
fn published_layers(space: WholeNet) -> Result<Arch, SpaceError> {
    let (asked, most) = (space.n_layers(), WholeNet::PUBLISHED.lines().count());
    if most < asked {
        return Err(SpaceError::Unpublished { asked, most });
    }
    let lines: Vec<&str> = WholeNet::PUBLISHED.lines().take(asked).collect();
    Arch::parse(Space::WholeNet(space), &lines.join("\n"))
}

impl ArchChoice {
    /// The architecture, of `space` where it is not given; a random one is a function of `seed`.
    pub fn arch(&self, space: Space, seed: u64) -> Result<Arch, SpaceError> {
        match self {
            Self::Published => match space {
                Space::Micro(_) => PUBLISHED.parse(),
                Space::WholeNet(space) => published_layers(space),
            },
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
