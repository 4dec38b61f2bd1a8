//! How the driver retrains the stratified sample: beside the steps of the schedule, which never wait
//! for it, an epoch at a time at the worker that takes what of the machine is otherwise idle.

use crate::actors::driver::Driver;
use crate::actors::{ActorError, Note};

impl Driver {
    /// Takes note of epochs that are over, and has the next one begun.
    pub(super) async fn retrain_sample(&mut self) -> Result<(), ActorError> {
        if self.search.finals().sample.is_none() {
            return Ok(());
        }
        while let Some(finished) = self.idle_trials.try_next()? {
            self.epoch_over(finished, |finals| finals.sample.as_mut())?;
            // Promotions go by the nets.
            self.idle_trials.result()?;
            self.observer.follow_finals(&self.search);
        }
        let objective = self.search.task().objective;
        if let Some(sample) = self.search.finals_mut().conclude_sample(objective) {
            self.idle_trials.forget();
            self.observer.know_finals(&self.search);
            self.note(Note::sample(&sample));
            return Ok(());
        }
        let pending = self.search.finals().sample.as_ref();
        let pending = pending.map(|sample| sample.pending(self.search.task().objective));
        let every = self.saver.every();
        self.idle_trials.submit(&pending.unwrap_or_default())?;
        if let Some(lease) = self.idle_trials.lease()? {
            let state = self.load_trial(&lease.ticket.plan).await?;
            self.idle_trials.start(lease, state, every);
        }
        self.idle_trials.go_on_all(every);
        Ok(())
    }
}
