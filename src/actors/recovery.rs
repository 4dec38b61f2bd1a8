//! How the driver goes back to the newest checkpoint after a step that failed.

use crate::actors::driver::Driver;
use crate::actors::{ActorError, Note, Restore, nth};
use crate::search::{Search, SearchError, Task};

/// Steps that fail in a row before the run ends.
const MAX_RECOVERIES_IN_A_ROW: u32 = 3;

impl Driver {
    /// Goes back to the newest checkpoint after a failed step.
    pub(super) async fn recover(&mut self, error: ActorError) -> Result<(), ActorError> {
        let (furthest, failures) = self.failed;
        let step = self.search.number();
        let in_a_row = if furthest < step { 1 } else { failures + 1 };
        self.failed = (furthest.max(step), in_a_row);
        if matches!(error, ActorError::Search(SearchError::AllFailed { .. })) {
            // Another attempt would come to the same. What failed is to be seen in the history.
            self.save_soon().await?;
            return Err(error);
        }
        if matches!(error, ActorError::Mailbox { .. }) || MAX_RECOVERIES_IN_A_ROW < in_a_row {
            return Err(error);
        }
        let failed = nth(step);
        tracing::error!(
            search_step = failed,
            "a step failed; back to the newest checkpoint: {error}"
        );
        self.break_off().await;
        self.retraining.forget();
        self.idle_trials.forget();
        self.children.forget();
        self.saver.discard(&mut self.observer).await?;
        // A device may not hold one ω more.
        self.frozen = None;
        self.ahead = None;
        self.last = None;
        let state = self.crew.load().await?;
        let task: Task = self.search.task().clone();
        let batch = state.place.shared_step(&task.config.schedule);
        self.search = Search::new(task, &state)?;
        self.crew.restore(Restore { shared: state.shared.clone(), batch }).await?;
        self.adopt_drawer().await?;
        self.observer.recovered(&self.search);
        let back = nth(self.search.number());
        let message = format!("search step {failed} failed, back to search step {back}: {error}");
        self.note(Note::new("recovery", message));
        Ok(())
    }

    /// Breaks off what is trained from scratch; it goes on from its files.
    pub(super) async fn break_off(&mut self) {
        self.retraining.break_off().await;
        self.idle_trials.break_off().await;
        self.children.break_off().await;
    }
}
