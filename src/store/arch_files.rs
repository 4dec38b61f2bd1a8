//! The files of one of the best architectures: `arch.json`, `weights.safetensors`, `drawing.svg`.
//!
//! The weights are the child's part of ω under their own names. [`ArchCard`] holds what it takes
//! to build the net that they fit, and to measure the score again.

use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::Dataset;
use crate::engine::{Snapshot, part_of, to_safetensors};
use crate::export::draw_svg;
use crate::net::{Input, NetConfig, NetError, NetFamily, family};
use crate::search::{BestArch, Score, ScoreConfig, Task};
use crate::space::{Arch, Space};
use crate::store::{BestFolder, StoreError};

/// The file of an [`ArchCard`].
pub const CARD: &str = "arch.json";

/// The file of its weights.
pub const WEIGHTS: &str = "weights.safetensors";

/// What an architecture is and what was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchCard {
    /// Version of this file's form.
    pub format: u32,
    /// The canonical id.
    pub id: String,
    /// The architecture as it was drawn, in the native text form.
    pub arch: String,
    /// The same as the authors' numbers.
    pub flat: String,
    /// Accuracy on the whole validation split, with the weights beside this file.
    pub accuracy: f64,
    /// Items that it has right.
    pub correct: u64,
    /// Items of the validation split: images. Cards of the first form say `total`.
    #[serde(alias = "total")]
    pub items: u64,
    /// Images of a validation batch: batch normalization uses the statistics of each batch, unless
    /// `scored` says that it was calibrated.
    pub valid_batch_size: usize,
    /// How it was scored; cards of older programs do not say so, for there was one way.
    #[serde(default = "ScoreConfig::paper")]
    pub scored: ScoreConfig,
    /// The cycle at whose end it was derived, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived it.
    pub step: u64,
    /// The size of the net.
    #[serde(deserialize_with = "net_config")]
    pub net: NetConfig,
    /// Channels, rows and columns of an image; zeros of a net of words.
    pub image: [usize; 3],
    /// Number of classes, or of different words.
    pub classes: usize,
    /// The name of each class, in the order of the net's outputs; empty of a net of words, and in
    /// cards of older programs.
    #[serde(default)]
    pub class_names: Vec<String>,
    /// Trainable parameters, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
}

/// The size of a net, in which cards of older programs count the nodes of a cell too.
fn net_config<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NetConfig, D::Error> {
    let mut fields = serde_json::Map::deserialize(deserializer)?;
    fields.remove("nodes");
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

impl ArchCard {
    /// Whether it is of the score that `best` has.
    pub fn is_of(&self, best: &BestArch) -> bool {
        let Score { correct, items, .. } = best.score;
        (self.correct, self.items, self.step) == (correct, items, best.step)
    }

    /// The family of nets that the weights belong to; `space` is that of the architecture.
    pub fn family(&self, space: Space) -> Result<Arc<dyn NetFamily>, NetError> {
        family(space, &self.net, Input::of_sides(self.image, self.classes))
    }
}

/// Why the files of one of the best architectures are not those that were written with its score.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchFault {
    /// One is missing or damaged.
    #[error(transparent)]
    Files(#[from] StoreError),
    /// They are whole, and of another architecture.
    #[error("its files are of {id}")]
    Arch {
        /// Its id.
        id: String,
    },
    /// They are whole, and of another score.
    #[error("its files are of search step {}", step + 1)]
    Step {
        /// The number of the step that derived them.
        step: u64,
    },
}

/// The weights of `best`, checked to be those that its score was measured with.
pub fn scored_weights(folder: &BestFolder, best: &BestArch) -> Result<Vec<u8>, ArchFault> {
    let id = best.arch.id();
    let card = folder.read(&id, CARD)?;
    let card: ArchCard = serde_json::from_slice(&card).map_err(StoreError::from)?;
    let weights = folder.read(&id, WEIGHTS)?;
    if card.id != id {
        return Err(ArchFault::Arch { id: card.id });
    }
    if !card.is_of(best) {
        return Err(ArchFault::Step { step: card.step });
    }
    Ok(weights)
}

/// The part of `shared`, which is ω or a part of it, that the child `arch` reads; all of it where
/// nothing is shared, and it is the child's own.
pub fn arch_weights(arch: &Arch, task: &Task, shared: &Snapshot) -> Result<Snapshot, StoreError> {
    if task.is_stand_alone() {
        return Ok(shared.clone());
    }
    Ok(part_of(&task.family.shared(arch)?, shared)?)
}

/// The files of `best`, with its weights cut from `shared`, which is ω or a part of it.
pub fn best_files(
    best: &BestArch,
    task: &Task,
    shared: &Snapshot,
) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
    let net = task.child(&best.arch)?;
    let cost = net.cost();
    let (image, classes) = task.family.input().sides();
    let class_names = match &task.dataset {
        Dataset::Images(data) => data.class_names().to_vec(),
        Dataset::Words(_) => Vec::new(),
    };
    let card = ArchCard {
        format: 2,
        id: best.arch.id(),
        arch: best.arch.to_string(),
        flat: best.arch.to_flat(),
        accuracy: best.score.accuracy(),
        correct: best.score.correct,
        items: best.score.items,
        valid_batch_size: task.dataset.valid_batch_size(task.config.schedule.valid_batch_size),
        scored: task.config.score,
        cycle: best.cycle,
        step: best.step,
        net: task.config.net,
        image,
        classes,
        class_names,
        params: cost.params,
        multiply_adds: cost.multiply_adds,
    };
    Ok(vec![
        (CARD, serde_json::to_vec_pretty(&card)?),
        (WEIGHTS, to_safetensors(&arch_weights(&best.arch, task, shared)?)?),
        ("drawing.svg", draw_svg(&best.arch).into_bytes()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first form was written, with the nodes of a cell and `total`.
    const FIRST: &str = r#"{"format": 1, "id": "m2-5a2fjd", "arch": "", "flat": "",
        "accuracy": 0.099, "correct": 297, "total": 3000, "valid_batch_size": 32, "cycle": 0,
        "step": 18, "net": {"nodes": 2, "layers": 1, "channels": 2, "dropout_keep": 0.9,
        "aux_weight": 0.0}, "image": [1, 28, 28], "classes": 10, "params": 2650,
        "multiply_adds": 211760}"#;

    #[test]
    fn cards_of_the_first_form_are_read_and_the_second_says_items() {
        let card: ArchCard = serde_json::from_str(FIRST).unwrap();
        assert_eq!((card.correct, card.items, card.step), (297, 3000, 18));
        assert_eq!(card.scored, ScoreConfig::paper());
        let written = serde_json::to_string(&card).unwrap();
        assert!(written.contains(r#""items":3000"#), "{written}");
    }
}
