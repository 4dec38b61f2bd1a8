//! What runs nets: the contract that every executor keeps.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use candle_core::{Device, Result, Tensor};

use crate::engine::pass::Noise;
use crate::engine::{Params, Snapshot, Words};
use crate::net::Net;

/// A batch of images on the host.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// Normalized values, `(batch, channel, row, column)`.
    pub values: &'a [f32],
    /// One class per image.
    pub labels: &'a [u32],
}

/// What a net reads.
#[derive(Debug)]
pub enum Batch<'a> {
    /// Images.
    Images(Images<'a>),
    /// A window of text.
    Words(Words<'a>),
}

impl<'a> From<Images<'a>> for Batch<'a> {
    fn from(images: Images<'a>) -> Self {
        Self::Images(images)
    }
}

impl<'a> From<Words<'a>> for Batch<'a> {
    fn from(words: Words<'a>) -> Self {
        Self::Words(words)
    }
}

/// What a net has right and how sure of it it is, over labelled items: sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Cross-entropy in nats; not a number where a logit is none.
    pub nll: f64,
    /// Items whose class had the largest logit.
    pub correct: u64,
    /// Items: images, or words.
    pub items: u64,
}

impl Measured {
    /// What was kept where there are no numbers but finite ones: none stands for the others.
    pub fn kept(nll: Option<f64>, correct: u64, items: u64) -> Self {
        Self { nll: nll.unwrap_or(f64::NAN), correct, items }
    }

    /// The share of items that it has right; no number of none.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.items as f64
    }

    /// The exponential of the mean cross-entropy.
    pub fn perplexity(&self) -> f64 {
        (self.nll / self.items as f64).exp()
    }
}

impl AddAssign for Measured {
    fn add_assign(&mut self, other: Self) {
        self.nll += other.nll;
        self.correct += other.correct;
        self.items += other.items;
    }
}

impl Sum for Measured {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// What one training pass gives.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Cross-entropy of the main head in nats, averaged over the batch.
    pub loss: f64,
    /// Items whose class had the largest logit.
    pub correct: usize,
    /// Gradient of the whole loss (auxiliary head and penalties included) for the parameters that the child
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

    /// What its bits depend on beside what it is given: executors of which this is equal compute
    /// the same, bit for bit.
    fn arithmetic(&self) -> String {
        self.name()
    }

    /// Bytes of a device's own memory that a training step of `net` on so many images takes; none where
    /// it computes in the machine's.
    fn memory(&self, _net: &Net, _images: usize) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Takes memory of the device's own for a training step of each of `nets`, on so many images, side
    /// by side, and at no time more than `limit` bytes; an error where there is not as much.
    fn reserve(&self, _nets: &[(&Net, usize)], _limit: Option<u64>) -> Result<()> {
        Ok(())
    }

    /// Gives back what it has of the device's own memory, until it is woken or computes.
    fn rest(&self) {}

    /// Takes again what was reserved; an error where there is not as much.
    fn wake(&self) -> Result<()> {
        Ok(())
    }

    /// How many children it likes to run at once, each on a thread of its caller's; 1 where it
    /// spreads a single child over the cores itself.
    fn children_at_once(&self) -> usize {
        1
    }

    /// Whether it runs nets that read words.
    fn reads_words(&self) -> bool {
        true
    }

    /// Forward and backward through `net` with dropout, drop-path, the auxiliary head and penalties.
    fn train(
        &self,
        net: &Net,
        params: &Params,
        batch: Batch<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients>;

    /// Takes back what a pass found, once nobody needs it: its tensors, which nobody else may
    /// hold, may be written by a later pass.
    fn reuse(&self, used: Gradients);

    /// Logits of every item, `(items, classes)`, without dropout. A net with running statistics
    /// needs them in `running`, as [`Gradients::moments`] names them.
    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor>;

    /// Mean and variance of each batch normalization over all `images` at once, without dropout,
    /// named as in [`Gradients::moments`]: with them as running statistics, and
    /// [`Norm::Running`](crate::net::Norm), what a net makes of an image depends on no other.
    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Snapshot>;

    /// What the net has right of the batch, without dropout.
    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Measured>;
}

/// Refuses images that are given to a net of words.
pub(super) fn no_words<T>() -> Result<T> {
    candle_core::bail!("the net reads words, and the batch has images")
}

/// Logits `(batch, classes)`, row by row.
pub(super) fn on_host(logits: &Tensor) -> Result<Vec<f32>> {
    logits.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()
}

/// What logits `(batch, classes)`, row by row, have right.
pub(super) fn measured(logits: &[f32], labels: &[u32]) -> Measured {
    let nll = rows(logits, labels).map(|(row, label)| nll(row, label)).sum();
    Measured { nll, correct: count_right(logits, labels) as u64, items: labels.len() as u64 }
}

/// The cross-entropy of logits `(batch, classes)` in nats, summed, and whether each row has its
/// largest at the label.
pub fn right(logits: &Tensor, labels: &[u32]) -> Result<(f64, Vec<bool>)> {
    let logits = on_host(logits)?;
    let nll = rows(&logits, labels).map(|(row, label)| nll(row, label)).sum();
    Ok((nll, rows(&logits, labels).map(|(row, label)| is_right(row, label)).collect()))
}

/// Counts the rows of logits `(batch, classes)` whose largest is at the label; not a number is
/// never right.
pub(super) fn count_right(logits: &[f32], labels: &[u32]) -> usize {
    rows(logits, labels).filter(|(row, label)| is_right(row, *label)).count()
}

/// The rows of logits `(batch, classes)`, each with its label.
fn rows<'a>(logits: &'a [f32], labels: &'a [u32]) -> impl Iterator<Item = (&'a [f32], u32)> {
    let classes = logits.len() / labels.len().max(1);
    logits.chunks_exact(classes.max(1)).zip(labels.iter().copied())
}

/// Cross-entropy of one item in nats; not a number where the label is no class.
fn nll(logits: &[f32], label: u32) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
    logits.get(label as usize).map_or(f64::NAN, |&own| sum.ln() + largest - f64::from(own))
}

/// Whether the largest logit is at the label.
fn is_right(logits: &[f32], label: u32) -> bool {
    // A label that is no class has no logit, and is never right.
    let own = logits.get(label as usize).copied().unwrap_or(f32::NAN);
    own.is_finite()
        && logits.iter().enumerate().all(|(class, &logit)| {
            // Among equals the first class wins, as argmax has it.
            if class < label as usize { logit < own } else { logit <= own }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_sums_the_cross_entropy_and_counts_what_is_right() {
        // Softmax of (0, ln 3) is (1/4, 3/4).
        let three = 3_f32.ln();
        let found = measured(&[0.0, three, 0.0, three, 1000.0, 1000.0], &[1, 0, 0]);
        let expected = -(0.75_f64.ln() + 0.25_f64.ln() + 0.5_f64.ln());
        assert!((found.nll - expected).abs() < 1e-6, "{found:?}, expected {expected}");
        // Among equals the first class wins.
        assert_eq!((found.correct, found.items), (2, 3));
    }

    #[test]
    fn what_is_no_number_is_never_right() {
        for (logits, labels) in [([f32::NAN, 0.0], [0]), ([0.0, 0.0], [2])] {
            let found = measured(&logits, &labels);
            assert!(found.nll.is_nan(), "{found:?}");
            assert_eq!((found.correct, found.items), (0, 1));
        }
    }
}
