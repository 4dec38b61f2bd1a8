//! What happens in the daemon, in numbers.

use std::time::Duration;

/// One update of ω.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedStepNumbers {
    /// Cross-entropy, in nats an image or a word.
    pub loss: f64,
    /// Share of the batch that is right.
    pub accuracy: f64,
    /// Perplexity, of text.
    pub perplexity: Option<f64>,
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of all gradients together, before clipping.
    pub grad_norm: f64,
    /// Images or words in the batch.
    pub images: u64,
    /// Time that the update took.
    pub duration: Duration,
    /// Time that the trainer had nothing to do since the step before; zero for a phase's first.
    pub waited: Duration,
}

/// One step of θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControllerStep {
    /// Updates of θ that it took.
    pub updates: u64,
    /// Mean reward of the policy's architectures.
    pub reward: f64,
    /// Mean reward of as many drawn uniformly; no number where none are.
    pub random_reward: f64,
    /// Share of the validation batches that the policy's architectures had right.
    pub accuracy: f64,
    /// Their mean perplexity, of text.
    pub perplexity: Option<f64>,
    /// The moving average of rewards after the update.
    pub baseline: f64,
    /// Entropy over all decisions of an architecture.
    pub entropy_nats: f64,
    /// Decisions of an architecture.
    pub decisions: usize,
    /// Share of the range of that entropy that is left; no number where nothing settles.
    pub entropy_left: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of all gradients together, before clipping.
    pub grad_norm: f64,
    /// Time that the update took, drawing and scoring included.
    pub duration: Duration,
}

/// An estimate with the ends of its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalNumbers {
    /// The estimate.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The best architecture so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Share of the whole validation split classified right.
    pub score: f64,
    /// Trainable parameters.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
}

/// A checkpoint on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointWritten {
    /// Size of its files together.
    pub bytes: u64,
    /// Time from the first byte to the last rename.
    pub duration: Duration,
    /// When it was complete, since 1970-01-01 UTC.
    pub unix_time: Duration,
}
