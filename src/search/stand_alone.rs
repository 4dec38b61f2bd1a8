//! Children that are trained from scratch, each to its end: what gives them their scores (NAS, Zoph
//! and Le, 2016, section 3.1).

use std::time::Duration;

use crate::net::Cost;
use crate::search::{
    ChildConfig, ChildResult, Failure, SearchError, Task, Trial, TrialPlan, TrialTask,
};
use crate::space::Arch;

/// Values that training keeps of each parameter, beside it: its gradient and its momentum.
const KEPT_OF_PARAM: u64 = 2;

/// The trial of a child. All have one seed: two that are alike are trained once.
pub fn child_plan(task: &Task, arch: Arch) -> TrialPlan {
    TrialPlan { arch, seed: 0, recipe: task.config.child_recipe() }
}

/// Trains children.
#[derive(Clone, Debug)]
pub struct StandAlone {
    task: TrialTask,
    config: ChildConfig,
}

impl StandAlone {
    /// Trains the children of a search on `task`, whose data have the fingerprint `data`.
    pub fn new(task: &Task, data: &str) -> Self {
        let config = task.config.trial;
        Self { task: TrialTask::new(task, data).best_of(config.best_of), config }
    }

    /// What children are trained on.
    pub fn task(&self) -> &TrialTask {
        &self.task
    }

    /// Why a child is not trained at all, if it is not.
    pub fn refused(&self, plan: &TrialPlan) -> Result<Option<Failure>, SearchError> {
        let limit = self.config.memory_mib.saturating_mul(1 << 20);
        if limit == 0 {
            return Ok(None);
        }
        let net = self.task.net(plan)?;
        let words = if net.reads_words() { plan.recipe.bptt } else { 1 };
        let needed = training_bytes(net.cost(), (plan.recipe.batch_size * words) as u64);
        Ok((limit < needed).then_some(Failure::OutOfMemory))
    }

    /// How long a child may be trained, where that is limited.
    pub fn limit(&self) -> Option<Duration> {
        let seconds = self.config.seconds;
        (0.0 < seconds).then(|| Duration::from_secs_f64(seconds))
    }

    /// Trains one child to its end, however long that takes.
    pub fn train(&self, plan: &TrialPlan) -> Result<ChildResult, SearchError> {
        if let Some(failure) = self.refused(plan)? {
            return Ok(Err(failure));
        }
        let mut trial = Trial::new(self.task.clone(), plan.clone(), None)?;
        loop {
            trial.epoch(|| false)?;
            if let Some(result) = trial.result() {
                return Ok(result);
            }
        }
    }
}

/// Bytes that training a net on a batch of so many images or words takes: the values of its tensors
/// with their gradients, and its parameters with what is kept of each.
fn training_bytes(cost: Cost, batch: u64) -> u64 {
    let params = (cost.params + cost.aux_params) * 4 * (1 + KEPT_OF_PARAM);
    params.saturating_add(cost.activation_bytes.saturating_mul(2 * batch))
}
