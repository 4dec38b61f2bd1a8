//! What the observer takes note of while children are trained from scratch.

use crate::actors::{Observer, TrialStatus};
use crate::search::{ChildResult, Search, TrialPlan};

impl Observer {
    /// Takes note of the children of the search, of which these are in training.
    pub(super) fn train_children(&mut self, search: &Search, running: Vec<TrialStatus>) {
        self.metrics.trials_running(running.len());
        self.status.children.get_or_insert_default().follow(search, running);
    }

    /// Takes note of what came of a child.
    pub(super) fn child_trained(&mut self, plan: &TrialPlan, result: ChildResult) {
        self.status.children.get_or_insert_default().trained(result, &self.metrics);
        if let Err(failure) = result {
            let (arch, why) = (plan.arch.id(), failure.name());
            tracing::warn!(arch, why, "a child has no score, and the configured reward");
        }
    }
}
