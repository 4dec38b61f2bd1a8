//! Drawing architectures on request: the same policy and request give the same rollouts,
//! whoever draws them and however early.

use crate::random::{Owner, generator};
use crate::search::{Arm, Policy, Random, Sampled, SearchError};
use crate::space::{Arch, Space};

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawRequest {
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
    request: DrawRequest,
) -> Result<Vec<Sampled>, SearchError> {
    let script = space.script();
    let (owner, policy) = match request.arm {
        Arm::Controller | Arm::Derive => (Owner::Policy, policy),
        // What somebody asks for is drawn by nobody, and by no policy.
        Arm::Random | Arm::Injected => (Owner::Uniform, None),
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
