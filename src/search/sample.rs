//! Drawing architectures on request: the same policy and request give the same rollouts,
//! whoever draws them and however early.

use crate::random::{Owner, generator};
use crate::search::{Policy, Random, Sampled, SearchError};
use crate::space::{Arch, Space};

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arm {
    /// The policy π.
    Policy,
    /// The control arm: uniformly.
    Uniform,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRequest {
    /// Who draws.
    pub arm: Arm,
    /// How many.
    pub count: usize,
    /// The number of the draw: each has random numbers of its own.
    pub index: u64,
}

/// The architectures of a draw.
pub fn archs(drawn: &[Sampled]) -> Vec<Arch> {
    drawn.iter().map(|sampled| sampled.arch.clone()).collect()
}

/// Draws what `request` asks for; the policy's arm draws uniformly too where there is no policy.
pub fn draw(
    policy: Option<&Policy>,
    space: Space,
    seed: u64,
    request: SampleRequest,
) -> Result<Vec<Sampled>, SearchError> {
    let script = space.script();
    let (owner, policy) = match request.arm {
        Arm::Policy => (Owner::Policy, policy),
        Arm::Uniform => (Owner::Uniform, None),
    };
    let mut rng = generator(seed, owner, request.index);
    let rollouts = match policy {
        Some(policy) => policy.sample(&script, request.count, &mut rng)?,
        None => Random::sample(&script, request.count, &mut rng),
    };
    rollouts
        .into_iter()
        .map(|rollout| Ok(Sampled { arch: space.arch(&rollout.choices)?, rollout }))
        .collect()
}
