//! The shared learner: the one owner of ω and of its place in the training data.
//!
//! ENAS (section 2.2): for a batch and M architectures drawn from the policy,
//!
//! ```text
//! ∇ω E_{m ~ π(m; θ)} [L(m; ω)] ≈ 1/M Σ_i ∇ω L(m_i; ω)
//! ```

use crate::data::{Batching, Prefetch, TrainStream};
use crate::engine::{Images, Noise, Params, Sgd, Snapshot, average_grads, initial_values};
use crate::random::{Owner, generator};
use crate::search::{Score, SearchError, Task};
use crate::space::Arch;

/// A deep copy of ω and its momenta: tensors that no later step writes to.
#[derive(Clone, Debug, Default)]
pub struct SharedState {
    /// ω.
    pub params: Snapshot,
    /// The optimizer's momenta, for the parameters that some child has read.
    pub momenta: Snapshot,
}

impl SharedState {
    /// ω at the start of a search.
    pub fn initial(task: &Task) -> Result<Self, SearchError> {
        let mut rng = generator(task.config.seed, Owner::SharedInit, 0);
        let params = initial_values(&task.family.shared_params(), &mut rng)?;
        Ok(Self { params, momenta: Snapshot::new() })
    }
}

/// Which update of ω, and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedStep {
    /// Updates of ω before this one: the number of its batch and of its masks.
    pub index: u64,
    /// Learning rate.
    pub learning_rate: f64,
}

/// What one update of ω measured, averaged over its architectures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainReport {
    /// Cross-entropy on the training batch, in nats.
    pub loss: f64,
    /// What the objective tells of the training batch: accuracy, 0 to 1.
    pub measure: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Items of the batch: images.
    pub items: usize,
}

impl TrainReport {
    /// Whether loss and gradient were numbers; if not, ω was left as it was.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.grad_norm.is_finite()
    }
}

/// Owns ω, its optimizer and its place in the training data.
#[derive(Debug)]
pub struct SharedLearner {
    task: Task,
    params: Params,
    sgd: Sgd,
    batches: Prefetch,
}

impl SharedLearner {
    /// A learner that goes on from `state` with the training batch numbered `place`.
    pub fn new(task: Task, state: &SharedState, place: u64) -> Result<Self, SearchError> {
        let device = task.exec.device();
        let params = Params::from_tensors(&state.params, device)?;
        let sgd = Sgd::new(task.config.shared, &state.momenta, device)?;
        let config = &task.config;
        let batching = Batching::of_search(&config.data, config.schedule.batch_size);
        let stream = TrainStream::new(task.dataset.clone(), batching, config.seed)?;
        let batches = Prefetch::start(stream, place)?;
        Ok(Self { task, params, sgd, batches })
    }

    /// Goes on from `state` with the training batch numbered `place` instead. The ω before is freed
    /// first: a device may not hold two. After an error there is none.
    pub fn restore(&mut self, state: &SharedState, place: u64) -> Result<(), SearchError> {
        let device = self.task.exec.device();
        self.params = Params::from_tensors(&Snapshot::new(), device)?;
        self.sgd = Sgd::new(self.task.config.shared, &Snapshot::new(), device)?;
        *self = Self::new(self.task.clone(), state, place)?;
        Ok(())
    }

    /// Takes one update of ω: the children `archs` on one training batch.
    pub fn train(&mut self, archs: &[Arch], step: SharedStep) -> Result<TrainReport, SearchError> {
        let expected = self.batches.place();
        if step.index != expected {
            return Err(SearchError::BatchOrder { asked: step.index, expected });
        }
        let batch = self.batches.next()?;
        let images = Images { values: &batch.images, labels: &batch.labels };
        let mut rng = generator(self.task.config.seed, Owner::Dropout, step.index);
        let (mut loss, mut score) = (0.0, Score::default());
        let mut all = Vec::with_capacity(archs.len());
        for arch in archs {
            let net = self.task.family.shared(arch)?;
            let noise = Noise { rng: &mut rng, drop_path: 0.0 };
            let child = self.task.exec.train(&net, &self.params, images, noise)?;
            loss += child.loss / archs.len() as f64;
            let (correct, items) = (child.correct as u64, batch.labels.len() as u64);
            score += Score { nll: child.loss * items as f64, correct, items };
            all.push(child);
        }
        let grad_norm = self.sgd.step(&self.params, &*average_grads(&all)?, step.learning_rate)?;
        for used in all {
            self.task.exec.reuse(used);
        }
        Ok(TrainReport {
            loss,
            measure: self.task.objective.measure(score),
            grad_norm,
            learning_rate: step.learning_rate,
            items: batch.labels.len(),
        })
    }

    /// A deep copy of ω and its momenta.
    pub fn state(&self) -> Result<SharedState, SearchError> {
        Ok(SharedState { params: self.params.snapshot()?, momenta: self.sgd.momenta()? })
    }
}
