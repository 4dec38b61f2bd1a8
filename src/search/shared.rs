//! The shared learner: the one owner of ω and of its place in the training data.
//!
//! ENAS (section 2.2): for a batch and M architectures drawn from the policy,
//!
//! ```text
//! ∇ω E_{m ~ π(m; θ)} [L(m; ω)] ≈ 1/M Σ_i ∇ω L(m_i; ω)
//! ```
//!
//! Of text, each of the M children of a step goes on with the states of the child before it in the
//! same place, whatever its architecture, as in the authors' code; their cells keep what a state
//! means much alike, for they share weights.
//!
//! Departure from the paper: ω has seen what the policy draws, so that uniform draws score low on it
//! partly because it has not seen them. With `schedule.control_steps` the control arm has an ω of its
//! own. It begins with the values of the first and is trained in the same steps, on the same images,
//! with the same masks and rates; nothing but the draws differs. Since these depend on no policy, the
//! learner draws them itself, and the rest of the search goes on as it would without.

use std::sync::Arc;

use crate::data::{Batch, Prefetch, TrainStream};
use crate::engine::{Noise, Params, Sgd, Snapshot, average_grads, initial_values};
use crate::random::{Owner, generator};
use crate::search::carried::Carried;
use crate::search::limit::Redrawn;
use crate::search::shared_draws::control_request;
use crate::search::{Arm, Drawer, Drawn, Score, SearchError, Task, archs, draw};
use crate::space::Arch;

/// A deep copy of ω and its momenta: tensors that no later step writes to.
#[derive(Clone, Debug, Default)]
pub struct SharedState {
    /// ω.
    pub params: Snapshot,
    /// The optimizer's momenta, for the parameters that some child has read.
    pub momenta: Snapshot,
    /// Of text: the states, `(rows · H)`, that each of a step's children carries to the next window,
    /// by its number.
    pub carried: Snapshot,
    /// The control arm's own ω, where it has one. Invariant: that one has none beside it.
    pub control: Option<Arc<Self>>,
}

impl SharedState {
    /// ω at the start of a search, none where children share none; the control arm's begins with the
    /// same values.
    pub fn initial(task: &Task) -> Result<Self, SearchError> {
        if task.is_stand_alone() {
            return Ok(Self::default());
        }
        let mut rng = generator(task.config.seed, Owner::SharedInit, 0);
        let params = initial_values(&task.family.shared_params(), &mut rng)?;
        let omega = Self { params, ..Self::default() };
        let has_control = task.config.schedule.has_own_omega(Arm::Random);
        let control = has_control.then(|| Arc::new(omega.clone()));
        Ok(Self { control, ..omega })
    }

    /// The ω with which what `arm` draws is scored.
    pub fn of(self: &Arc<Self>, arm: Arm) -> Arc<Self> {
        match &self.control {
            Some(control) if arm == Arm::Random => control.clone(),
            _ => self.clone(),
        }
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
    /// The share of the training batch that is right, 0 to 1.
    pub accuracy: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Items of the batch: images, or words.
    pub items: usize,
}

impl TrainReport {
    /// Whether loss and gradient were numbers; if not, ω was left as it was.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.grad_norm.is_finite()
    }
}

/// What one step of the learner measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedReport {
    /// Of ω.
    pub shared: TrainReport,
    /// Of the control arm's ω, where that was trained, too.
    pub control: Option<ControlReport>,
}

/// What an update of the control arm's ω measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlReport {
    /// Of the update.
    pub train: TrainReport,
    /// What was over a limit when its architectures were drawn.
    pub redrawn: Redrawn,
}

/// Owns ω, its optimizer and its place in the training data; and the control arm's ω, where it has
/// one.
#[derive(Debug)]
pub struct SharedLearner {
    task: Task,
    omega: Omega,
    control: Option<Omega>,
    batches: Prefetch,
}

impl SharedLearner {
    /// A learner that goes on from `state` with the training batch numbered `place`.
    pub fn new(task: Task, state: &SharedState, place: u64) -> Result<Self, SearchError> {
        let omega = Omega::new(&task, state)?;
        let control = state.control.as_deref();
        let control = control.map(|state| Omega::new(&task, state)).transpose()?;
        let config = &task.config;
        let batching = config.schedule.batching(&config.data);
        let stream = TrainStream::new(&task.dataset, batching, config.seed)?;
        let batches = Prefetch::start(stream, place)?;
        Ok(Self { task, omega, control, batches })
    }

    /// Goes on from `state` with the training batch numbered `place` instead. The ω before is freed
    /// first: a device may not hold two. After an error there is none.
    pub fn restore(&mut self, state: &SharedState, place: u64) -> Result<(), SearchError> {
        self.omega = Omega::new(&self.task, &SharedState::default())?;
        self.control = None;
        *self = Self::new(self.task.clone(), state, place)?;
        Ok(())
    }

    /// Takes one update of ω: the children `archs` on one training batch. Where the schedule has the
    /// control arm's ω trained in this step, it is, on the same batch.
    pub fn train(&mut self, archs: &[Arch], step: SharedStep) -> Result<SharedReport, SearchError> {
        let expected = self.batches.place();
        if step.index != expected {
            return Err(SearchError::BatchOrder { asked: step.index, expected });
        }
        let batch = self.batches.next()?;
        let shared = self.omega.train(&self.task, archs, &batch, step)?;
        Ok(SharedReport { shared, control: self.train_control(&batch, step)? })
    }

    fn train_control(
        &mut self,
        batch: &Batch,
        step: SharedStep,
    ) -> Result<Option<ControlReport>, SearchError> {
        let request = control_request(&self.task.config.schedule, step.index);
        let Some((control, request)) = self.control.as_mut().zip(request) else {
            return Ok(None);
        };
        let Drawn { sampled, redrawn } =
            draw(&Drawer::Uniform, &self.task, self.task.config.seed, request)?;
        let train = control.train(&self.task, &archs(&sampled), batch, step)?;
        Ok(Some(ControlReport { train, redrawn }))
    }

    /// A deep copy of ω and its momenta, and of the control arm's.
    pub fn state(&self) -> Result<SharedState, SearchError> {
        let control = self.control.as_ref().map(|control| control.state().map(Arc::new));
        Ok(SharedState { control: control.transpose()?, ..self.omega.state()? })
    }
}

/// One ω and its optimizer.
#[derive(Debug)]
struct Omega {
    params: Params,
    sgd: Sgd,
    carried: Carried,
}

impl Omega {
    fn new(task: &Task, state: &SharedState) -> Result<Self, SearchError> {
        let device = task.exec.device();
        let params = Params::from_tensors(&state.params, device)?;
        let sgd = Sgd::new(task.config.shared, &state.momenta, device)?;
        Ok(Self { params, sgd, carried: Carried::new(&state.carried)? })
    }

    /// Takes one update: the children `archs` on `batch`, whose share of an ordinary one the learning
    /// rate is scaled by.
    fn train(
        &mut self,
        task: &Task,
        archs: &[Arch],
        batch: &Batch,
        step: SharedStep,
    ) -> Result<TrainReport, SearchError> {
        let learning_rate = step.learning_rate * batch.share();
        let items = batch.len();
        let mut rng = generator(task.config.seed, Owner::Dropout, step.index);
        let (mut loss, mut score) = (0.0, Score::default());
        let mut all = Vec::with_capacity(archs.len());
        for (place, arch) in archs.iter().enumerate() {
            let net = task.family.shared(arch)?;
            let noise = Noise { rng: &mut rng, drop_path: 0.0 };
            let read = self.carried.batch(place, batch);
            let child = task.exec.train(&net, &self.params, read, noise)?;
            loss += child.loss / archs.len() as f64;
            let (nll, correct) = (child.loss * items as f64, child.correct as u64);
            score += Score { nll, correct, items: items as u64 };
            all.push(child);
        }
        let grad_norm = self.sgd.step(&self.params, &*average_grads(&all)?, learning_rate)?;
        for used in all {
            task.exec.reuse(used);
        }
        Ok(TrainReport { loss, accuracy: score.accuracy(), grad_norm, learning_rate, items })
    }

    fn state(&self) -> Result<SharedState, SearchError> {
        let (params, momenta) = (self.params.snapshot()?, self.sgd.momenta()?);
        Ok(SharedState { params, momenta, carried: self.carried.snapshot()?, control: None })
    }
}
