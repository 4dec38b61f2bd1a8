//! Who draws architectures.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use crate::search::{Policy, Population, Random, Rollout, SearchError};
use crate::space::Script;

/// Who draws architectures. Cheap to clone, and another thread's: it stays as it was when whoever
/// gave it learns.
#[derive(Clone, Debug)]
pub enum Drawer {
    /// Nobody: every draw is uniform.
    Uniform,
    /// π(m; θ).
    Policy(Arc<Policy>),
    /// The better of a population, changed in one place each.
    Population(Arc<Population>),
}

impl Drawer {
    /// The policy, where one draws.
    pub fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::Uniform | Self::Population(_) => None,
        }
    }

    /// Draws `n` rollouts of `script` with the bounds of `epoch`; a function of these and of `rng`.
    pub(super) fn sample(
        &self,
        script: &Script,
        n: usize,
        epoch: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Rollout>, SearchError> {
        match self {
            Self::Uniform => Ok(Random::sample(script, n, rng)),
            Self::Policy(policy) => policy.sample(script, n, epoch, rng),
            Self::Population(population) => Ok(population.sample(script, n, rng)),
        }
    }
}
