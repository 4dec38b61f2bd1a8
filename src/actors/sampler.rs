//! The sampler: draws architectures from its copy of θ, ahead of the trainer.

use actix::{Actor, Context, Handler};

use crate::actors::{AdoptPolicy, SampleArchs};
use crate::search::{Drawn, Policy, SearchError, Task, draw};

/// Holds a copy of θ; all of its logic is in [`draw`].
#[derive(Debug)]
pub struct Sampler {
    task: Task,
    /// None where every draw is uniform.
    policy: Option<Policy>,
}

impl Sampler {
    /// A sampler that draws from `policy`.
    pub fn new(task: Task, policy: Option<Policy>) -> Self {
        Self { task, policy }
    }
}

impl Actor for Sampler {
    type Context = Context<Self>;
}

impl Handler<AdoptPolicy> for Sampler {
    type Result = Result<(), SearchError>;

    fn handle(&mut self, message: AdoptPolicy, _: &mut Context<Self>) -> Self::Result {
        let (config, script) = (&self.task.config.policy, self.task.space.script());
        let policy = Policy::from_snapshot(config, &script, &message.policy, message.version)?;
        self.policy = Some(policy);
        Ok(())
    }
}

impl Handler<SampleArchs> for Sampler {
    type Result = Result<Drawn, SearchError>;

    fn handle(&mut self, message: SampleArchs, _: &mut Context<Self>) -> Self::Result {
        draw(self.policy.as_ref(), &self.task, message.seed, message.request)
    }
}
