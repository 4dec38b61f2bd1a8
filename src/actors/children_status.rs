//! The children of a search without shared weights, as the daemon publishes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::TrialStatus;
use crate::search::{Applied, ChildResult, Failure, Search};
use crate::telemetry::{ChildLabel, Metrics};

/// The children that are trained from scratch, and how old those are that the policy learns from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChildrenStatus {
    /// Replicas of the policy that draw.
    pub replicas: u64,
    /// Different children that are drawn and not trained yet.
    pub pending: u64,
    /// Those in training.
    pub running: Vec<TrialStatus>,
    /// Children that got a score since the daemon started.
    pub scored_total: u64,
    /// Children that failed since the daemon started.
    pub failed_total: u64,
    /// Policy steps between the draw of the children that the last one learnt from and that step.
    pub age: Option<u64>,
    /// Children that were too old to learn from since the daemon started.
    pub refused_total: u64,
}

impl ChildrenStatus {
    /// How the children of `search` stand, of which these are in training.
    pub(super) fn follow(&mut self, search: &Search, running: Vec<TrialStatus>) {
        self.replicas = search.task().config.trial.replicas as u64;
        self.pending = search.pending_children().len() as u64;
        self.running = running;
    }

    /// Something came of a child.
    pub(super) fn trained(&mut self, result: ChildResult, metrics: &Metrics) {
        let (total, label) = match result {
            Ok(_) => (&mut self.scored_total, ChildLabel::Scored),
            Err(failure) => (&mut self.failed_total, label(failure)),
        };
        *total += 1;
        metrics.child_trained(label);
    }

    /// The policy learnt from some, or did not.
    pub(super) fn applied(&mut self, applied: &Applied, metrics: &Metrics) {
        let refused = if applied.is_refused { applied.children.len() as u64 } else { 0 };
        self.age = Some(applied.age);
        self.refused_total += refused;
        metrics.children_applied(applied.age, refused);
    }
}

const fn label(failure: Failure) -> ChildLabel {
    match failure {
        Failure::NotFinite => ChildLabel::NotFinite,
        Failure::OutOfTime => ChildLabel::OutOfTime,
        Failure::OutOfMemory => ChildLabel::OutOfMemory,
    }
}
