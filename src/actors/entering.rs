//! How the driver has the weights kept of what enters the best.

use std::sync::Arc;

use crate::actors::driver::Driver;
use crate::actors::{ActorError, Entered};
use crate::search::{BestChange, child_plan};
use crate::store::arch_weights;

impl Driver {
    /// Takes the weights of what a derivation brought into the best from the ω that scored it,
    /// which the next ω step replaces.
    pub(super) async fn entered(&mut self, change: &BestChange) -> Result<(), ActorError> {
        let task = self.search.task().clone();
        if task.is_stand_alone() {
            let entered = self.children_entered(change).await?;
            self.saver.entered(entered, self.search.best());
            return Ok(());
        }
        let shared = self.shared().await?;
        let entered = change.entered.iter().map(|best| {
            let weights = Arc::new(arch_weights(&best.arch, &task, &shared.params)?);
            Ok(Entered { id: best.arch.id(), weights })
        });
        let entered = entered.collect::<Result<_, ActorError>>()?;
        self.saver.entered(entered, self.search.best());
        Ok(())
    }

    /// The nets of children that entered the best; those whose files are lost are told of by the
    /// keeper.
    async fn children_entered(&self, change: &BestChange) -> Result<Vec<Entered>, ActorError> {
        let mut entered = Vec::new();
        for best in &change.entered {
            let plan = child_plan(self.search.task(), best.arch.clone());
            let Some(net) = self.child_state(&plan).await? else { continue };
            let mut weights = net.params.clone();
            weights.extend(net.running.clone());
            entered.push(Entered { id: best.arch.id(), weights: Arc::new(weights) });
        }
        Ok(entered)
    }
}
