//! Drawing architectures on request: the same policy and request give the same rollouts,
//! whoever draws them and however early.

use crate::random::{Owner, generator};
use crate::search::{Policy, Rollout, SearchError, Strategy, Uniform};
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

/// A drawn architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// What the policy needs to learn from it.
    pub rollout: Rollout,
    /// What its choices spell.
    pub arch: Arch,
}

/// The architectures of a draw.
pub fn archs(drawn: &[Sampled]) -> Vec<Arch> {
    drawn.iter().map(|sampled| sampled.arch.clone()).collect()
}

/// Draws what `request` asks for.
pub fn draw(
    policy: &Policy,
    space: Space,
    seed: u64,
    request: SampleRequest,
) -> Result<Vec<Sampled>, SearchError> {
    let script = space.script();
    let rollouts = match request.arm {
        Arm::Policy => {
            let mut rng = generator(seed, Owner::Policy, request.index);
            policy.sample(&script, request.count, &mut rng)?
        }
        Arm::Uniform => {
            let mut rng = generator(seed, Owner::Uniform, request.index);
            Uniform::new(script).draw(request.count, &mut rng)?
        }
    };
    rollouts
        .into_iter()
        .map(|rollout| Ok(Sampled { arch: space.arch(&rollout.choices)?, rollout }))
        .collect()
}
