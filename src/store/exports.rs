//! Where the weights of an architecture are, at every stage that it has reached.
//!
//! ```text
//! champions/ID/     trained from scratch, chosen, and measured
//! trials/KEY/       trained from scratch
//! best/ID/, or ω    its part of the shared weights
//! ```
//!
//! Nothing here writes: the keeper owns the folders.

use std::sync::Arc;

use candle_core::DType;
use serde_json::json;

use crate::engine::from_safetensors;
use crate::net::Net;
use crate::search::TrialTask;
use crate::space::Arch;
use crate::store::champion::{ModelCard, champion_net};
use crate::store::net_file::{shared_stage, texts};
use crate::store::trial_files::FinishedTrial;
use crate::store::{BestFolder, PortableNet, StoreError, TrialFolder};

/// The nets of a search that can leave it.
#[derive(Debug)]
pub struct Exports {
    task: TrialTask,
    champions: Arc<BestFolder>,
    trials: TrialFolder,
}

impl Exports {
    /// Those in `champions` and `trials`, and whatever reads the shared weights, of a search that
    /// trains `task`.
    pub fn new(task: TrialTask, champions: Arc<BestFolder>, trials: TrialFolder) -> Self {
        Self { task, champions, trials }
    }

    /// The net of the champion `id`, the present one or one that is kept; none where there is no
    /// such champion.
    pub fn champion(&self, id: &str) -> Result<Option<PortableNet>, StoreError> {
        match champion_net(&self.champions.path_of(id)?) {
            Err(StoreError::NotFound { .. }) => Ok(None),
            net => net.map(Some),
        }
    }

    /// The best net of `id` by validation that was trained from scratch, of equals the last; none
    /// where no files of such a net are kept.
    pub fn retrained(&self, id: &str) -> Result<Option<PortableNet>, StoreError> {
        let Some(found) = self.trials.best_of(id, self.task.objective())? else { return Ok(None) };
        let FinishedTrial { key, plan, score, params, running } = found;
        let labels = self.task.labels();
        let (card, net) = ModelCard::new(&plan.arch, plan.recipe.net(), labels.kind())?;
        let trial = json!({
            "key": key, "seed": plan.seed, "correct": score.correct, "items": score.items
        });
        Ok(Some(PortableNet {
            metadata: texts([
                ("stage", json!("retrained")),
                ("trial", trial),
                ("net", card.size()),
            ]),
            id: card.id,
            arch: card.arch,
            net,
            weights: params,
            running: Some(running),
            labels,
            stage: "retrained".to_owned(),
        }))
    }

    /// The child `net` of `arch` with its part of ω: `weights` is that as a safetensors file, and
    /// `step` the number of the step before which it was taken.
    pub fn shared(
        &self,
        arch: &Arch,
        net: Net,
        (weights, step): (&[u8], u64),
    ) -> Result<PortableNet, StoreError> {
        Ok(PortableNet {
            id: arch.id(),
            arch: arch.to_string(),
            net,
            weights: from_safetensors(weights, DType::F32)?,
            running: None,
            labels: self.task.labels(),
            stage: shared_stage(step),
            metadata: texts([("stage", json!("shared")), ("step", json!(step))]),
        })
    }
}
