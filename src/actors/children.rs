//! How the driver has children trained from scratch, an epoch at a time, so that commands wait for
//! none of them.
//!
//! ```text
//! replicas draw ─► queue ─► workers take epochs; commands come between ─► trial files
//!    ▲                                                                         │
//!    └── θ learns from a replica's as soon as all of them are trained ◄────────┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::actors::commands::Command;
use crate::actors::driver::Driver;
use crate::actors::retraining::Finished;
use crate::actors::{ActorError, Note, RunState, SaveTrial, nth};
use crate::search::{Place, StepRecord, TrialPlan, TrialState};

impl Driver {
    /// Goes on with the children of the search, until a command, the end of an epoch, or a step of θ,
    /// which it takes where all children of a replica are trained.
    pub(super) async fn train_children(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<Option<StepRecord>, ActorError> {
        self.take_note().await?;
        if let Some(replica) = self.search.ready_replica() {
            let record = self.search.finish_children(replica)?;
            self.adopt_drawer().await?;
            self.let_go();
            return Ok(Some(record));
        }
        let every = self.saver.every();
        self.children.submit(&self.search.pending_children())?;
        while let Some(lease) = self.children.lease()? {
            let plan = &lease.ticket.plan;
            if let Some(failure) = self.alone.refused(plan)? {
                self.children.refuse(&lease, failure)?;
                continue;
            }
            let state = self.child_state(plan).await?;
            self.children.start(lease, state, every);
        }
        self.children.go_on_all(every);
        self.hear_of_children()?;
        if self.search.ready_replica().is_some() {
            return Ok(None);
        }
        self.observer.train_children(&self.search, self.children.running());
        self.observer.publish(&self.search, RunState::Running);
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => self.carry_out(command).await,
                None => self.stopping = true,
            },
            finished = self.children.next() => {
                if let Some(finished) = finished? {
                    self.child_epoch_over(finished);
                }
            },
            told = self.saver.news(&mut self.observer) => told?,
        }
        self.hear_of_children()?;
        self.write_notes();
        Ok(None)
    }

    /// Takes note of an epoch of a child, and has its net written where it was brought along.
    fn child_epoch_over(&mut self, finished: Finished) {
        let Finished { plan, key, epoch } = finished;
        if let Some(report) = &epoch.report {
            self.observer.trial_epoch(report, epoch.duration);
        }
        if let Some(state) = epoch.state {
            self.save_trial(SaveTrial { key, plan, state });
        }
    }

    /// Has the search know what came of children.
    fn hear_of_children(&mut self) -> Result<(), ActorError> {
        while let Some((plan, result)) = self.children.result()? {
            self.observer.child_trained(&plan, result);
            self.search.child_trained(&plan, result);
        }
        Ok(())
    }

    /// Tells that all children of the cycle of `place` failed.
    pub(super) fn tell_of_none(&mut self, place: Place) {
        let cycle = nth(place.cycle(&self.search.task().config.schedule));
        let message = format!(
            "all children of cycle {cycle} failed, and it chose none; the log and `enasctl why` say of \
             each why"
        );
        tracing::warn!("{message}");
        self.note(Note::new("failed", message));
    }

    /// What is at hand, or on disk, of a child.
    pub(super) async fn child_state(
        &self,
        plan: &TrialPlan,
    ) -> Result<Option<Arc<TrialState>>, ActorError> {
        match self.children.net(plan) {
            Some(net) => Ok(Some(net)),
            None => self.read_trial(self.children.task().key(plan)).await,
        }
    }

    /// Lets go of nets that may not enter the best any more.
    fn let_go(&mut self) {
        let task = self.children.task();
        let kept: BTreeSet<String> =
            self.search.kept_children().iter().map(|plan| task.key(plan)).collect();
        self.children.retain(&kept);
    }
}
