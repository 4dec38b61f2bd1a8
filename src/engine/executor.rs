//! What runs nets: the contract that every executor keeps.

use std::fmt;

use candle_core::{Device, Result, Tensor};

use crate::engine::pass::Noise;
use crate::engine::{Params, Snapshot};
use crate::net::Net;

/// A batch of images on the host.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// Normalized values, `(batch, channel, row, column)`.
    pub values: &'a [f32],
    /// One class per image.
    pub labels: &'a [u32],
}

/// What one training pass gives.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Cross-entropy of the main head in nats, averaged over the batch.
    pub loss: f64,
    /// Images whose class had the largest logit.
    pub correct: usize,
    /// Gradient of the whole loss (auxiliary head included) for the parameters that the child
    /// reads; others have none.
    pub grads: Snapshot,
    /// Mean and variance of each batch normalization, under `….mean` and `….variance`.
    pub moments: Snapshot,
}

/// Runs nets. All executors compute the same functions, to the precision of their numbers.
pub trait Executor: fmt::Debug + Send + Sync {
    /// Where parameters live.
    fn device(&self) -> &Device;

    /// Its name in settings, and the instructions that it uses.
    fn name(&self) -> String;

    /// How many children it likes to run at once, each on a thread of its caller's; 1 where it
    /// spreads a single child over the cores itself.
    fn children_at_once(&self) -> usize {
        1
    }

    /// Forward and backward through `net` with dropout, drop-path and the auxiliary head.
    fn train(
        &self,
        net: &Net,
        params: &Params,
        images: Images<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients>;

    /// Takes back what a pass found, once nobody needs it: its tensors, which nobody else may
    /// hold, may be written by a later pass.
    fn reuse(&self, used: Gradients);

    /// Logits of every image, `(batch, classes)`, without dropout. A net with running statistics
    /// needs them in `running`, as [`Gradients::moments`] names them.
    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor>;

    /// How many images the net classifies rightly.
    fn count_correct(
        &self,
        net: &Net,
        weights: &Snapshot,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> Result<usize> {
        count_correct(&self.logits(net, weights, images, running)?, images.labels)
    }
}

/// Counts the images whose largest logit is at the label; not a number is never right.
pub(super) fn count_correct(logits: &Tensor, labels: &[u32]) -> Result<usize> {
    let logits: Vec<f32> = logits.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(count_right(&logits, labels))
}

/// The same of logits `(batch, classes)`, row by row.
pub(super) fn count_right(logits: &[f32], labels: &[u32]) -> usize {
    let classes = logits.len() / labels.len().max(1);
    let rows = logits.chunks_exact(classes.max(1));
    let right = rows.zip(labels).filter(|(row, label)| {
        // A label that is no class has no logit, and is never right.
        let own = row.get(**label as usize).copied().unwrap_or(f32::NAN);
        own.is_finite()
            && row.iter().enumerate().all(|(class, &logit)| {
                // Among equals the first class wins, as argmax has it.
                if class < **label as usize { logit < own } else { logit <= own }
            })
    });
    right.count()
}
