//! A trial: one net that stands alone, trained from scratch, an epoch at a time.
//!
//! Everything of it is a function of its [`TrialPlan`], its task and the epoch: it is stopped and
//! resumed at any epoch to the same bits, and trained again wherever its files are lost.
//!
//! ```text
//! epoch e of E:  η = cosine(e), or of the step;   each batch:  g = ∇L(w),  w ← Nesterov(w, g, η)
//!                drop-path drops with (1 − keep)·(step + 1)/steps at the last cell
//!                running moments ← 0.9·running + 0.1·batch          (ENAS code, final models)
//! ```

use std::sync::Arc;

use rand::RngExt;

use crate::data::{Dataset, Labels, NetResult, Receipt, TrainStream};
use crate::engine::{
    Executor, Images, Noise, Params, Sgd, Snapshot, initial_values, learning_rate, right,
    update_running,
};
use crate::net::{Cost, Net, NetFamily, family};
use crate::random::{Owner, generator};
use crate::search::carried::Carried;
use crate::search::reading::{certify_words, measure_windows};
use crate::search::{
    Averaging, ChildResult, FinalConfig, Objective, Score, SearchError, Task, TrialState, result_of,
};
use crate::space::{Arch, Space};

/// Share of the running moments that a batch leaves as it is.
const RUNNING_DECAY: f64 = 0.9;

/// Images that are measured at once: with running moments a score does not depend on it.
const MEASURED_AT_ONCE: usize = 256;

/// Which net is trained, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialPlan {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// Which of the nets of this architecture.
    pub seed: u32,
    /// How it is trained.
    pub recipe: FinalConfig,
}

/// What trials are trained and measured on.
#[derive(Clone, Debug)]
pub struct TrialTask {
    dataset: Dataset,
    exec: Arc<dyn Executor>,
    objective: Objective,
    seed: u64,
    /// The fingerprint of the data.
    data: Arc<str>,
    /// Last epochs that are measured, of which the best counts.
    best_of: u64,
}

/// What one epoch measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialReport {
    /// Epochs that are finished.
    pub epoch: u64,
    /// Cross-entropy on the training batches in nats, averaged over the epoch's finite steps.
    pub loss: f64,
    /// The share of the training batches that is right, 0 to 1.
    pub accuracy: f64,
    /// Steps whose loss or gradient was no number: they changed nothing.
    pub non_finite: u64,
}

/// One net in training.
#[derive(Debug)]
pub struct Trial {
    task: TrialTask,
    plan: TrialPlan,
    net: Net,
    seed: u64,
    params: Params,
    sgd: Sgd,
    running: Snapshot,
    averaging: Averaging,
    stream: TrainStream,
    /// Each pass over a text begins without any.
    carried: Carried,
    epoch: u64,
    valid: Option<Score>,
}

impl TrialTask {
    /// The trials of a search on `task`, whose data have the fingerprint `data`.
    pub fn new(task: &Task, data: &str) -> Self {
        let Task { dataset, exec, objective, config, .. } = task;
        let (dataset, exec) = (dataset.clone(), exec.clone());
        let (seed, data) = (config.seed, data.into());
        Self { dataset, exec, objective: *objective, seed, data, best_of: 1 }
    }

    /// The same of which the best of so many last epochs on the validation split is the score (NAS,
    /// section 4.1); nets that are shipped are measured as they are.
    pub fn best_of(self, epochs: u64) -> Self {
        Self { best_of: epochs, ..self }
    }

    /// What it takes to show the nets images from outside, and to name what they answer.
    pub fn labels(&self) -> Labels {
        Labels::of(&self.dataset)
    }

    /// The data.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The fingerprint of the data.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The seed of the run.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What computes the training: the executor, with what its bits depend on.
    pub fn computed_by(&self) -> String {
        self.exec.arithmetic()
    }

    /// What is maximized.
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The same with another executor of the same arithmetic.
    pub fn with_exec(self, exec: Arc<dyn Executor>) -> Self {
        Self { exec, ..self }
    }

    /// The nets that stand alone.
    pub fn family(
        &self,
        space: Space,
        recipe: &FinalConfig,
    ) -> Result<Arc<dyn NetFamily>, SearchError> {
        Ok(family(space, &recipe.net(), Task::input(self.dataset.kind()))?)
    }

    /// Refuses a recipe by which no net of `space` can be built or trained on these data.
    pub fn check(&self, space: Space, recipe: &FinalConfig) -> Result<(), SearchError> {
        // Any will do, and the authors published none of some sizes.
        let arch = space.first_arch();
        self.net(&TrialPlan { arch, seed: 0, recipe: *recipe })?;
        TrainStream::new(&self.dataset, recipe.batching(), 0)?;
        Ok(())
    }

    /// The net of `plan`.
    pub fn net(&self, plan: &TrialPlan) -> Result<Net, SearchError> {
        Ok(self.family(plan.arch.space(), &plan.recipe)?.standalone(&plan.arch)?)
    }

    /// What the net of `plan` costs.
    pub fn cost(&self, plan: &TrialPlan) -> Result<Cost, SearchError> {
        Ok(self.net(plan)?.cost())
    }

    /// The content of `plan`: everything that its bits depend on, as 32 hexadecimal digits. Two
    /// trials of one key are one.
    pub fn key(&self, plan: &TrialPlan) -> String {
        let recipe = FinalConfig {
            candidates: 0,
            first: 0,
            seeds: 1,
            forecast: false,
            sample: 0,
            keep: 1,
            ..plan.recipe
        };
        let recipe = serde_json::to_string(&recipe).expect("numbers are JSON");
        // Keys that are younger than some ledgers.
        let younger = [
            "\"first\":0,",
            "\"smooth\":false,",
            "\"forecast\":false,",
            "\"bptt\":35,",
            "\"state_of\":\"loose-ends\",",
            "\"drop_words\":0.0,",
            "\"drop_embedding\":0.0,",
            "\"drop_input\":0.0,",
            "\"drop_state\":0.0,",
            "\"drop_weights\":0.0,",
            "\"activation_weight\":0.0,",
            "\"slowness_weight\":0.0,",
            "\"average_patience\":0,",
        ];
        let recipe = younger.iter().fold(recipe, |recipe, key| recipe.replace(key, ""));
        let mut hasher = blake3::Hasher::new();
        let arch = plan.arch.to_string();
        let mut of = format!("{} {} {}", self.seed, plan.seed, self.exec.name());
        if self.best_of != 1 {
            of = format!("{of}, the best of {}", self.best_of);
        }
        for part in ["trial 1", plan.arch.space().name(), &arch, &of, &recipe, &self.data] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Whether the score after so many epochs of `recipe` may be the one that counts.
    fn counts(&self, epoch: u64, recipe: &FinalConfig) -> bool {
        recipe.epochs < epoch.saturating_add(self.best_of)
    }

    /// What the net of `plan` with `state`'s weights has right of the validation split.
    pub fn validate(&self, plan: &TrialPlan, state: &TrialState) -> Result<Score, SearchError> {
        let net = self.net(plan)?;
        let data = match &self.dataset {
            Dataset::Images(data) => data,
            Dataset::Words(corpus) => {
                let layout = corpus.valid_layout(0, plan.recipe.bptt);
                let windows = corpus.valid().windows(layout)?;
                return measure_windows(&*self.exec, (&net, state.weights()), windows);
            }
        };
        let mut score = Score::default();
        for batch in data.valid_batches(MEASURED_AT_ONCE) {
            let batch = batch?;
            let images = Images { values: &batch.images, labels: &batch.labels };
            score += self.exec.measure(&net, &state.params, images.into(), Some(&state.running))?;
        }
        Ok(score)
    }

    /// What the net of `plan` has right of the test split, image by image or block by block, for
    /// whoever has leave.
    pub fn certify(
        &self,
        plan: &TrialPlan,
        state: &TrialState,
        leave: &Receipt,
    ) -> Result<NetResult, SearchError> {
        let net = self.net(plan)?;
        let data = match &self.dataset {
            Dataset::Images(data) => data,
            Dataset::Words(corpus) => {
                let test = (&**corpus, leave, plan.recipe.bptt);
                return certify_words(&*self.exec, (&net, state.weights()), test);
            }
        };
        let (mut nll, mut found) = (0.0, Vec::new());
        for batch in data.test_batches(leave, MEASURED_AT_ONCE)? {
            let batch = batch?;
            let images = Images { values: &batch.images, labels: &batch.labels };
            let logits =
                self.exec.logits(&net, &state.params, images.into(), Some(&state.running))?;
            let (batch_nll, batch_right) = right(&logits, &batch.labels)?;
            nll += batch_nll;
            found.extend(batch_right);
        }
        Ok(NetResult::new(nll, &found))
    }
}

impl Trial {
    /// A trial that goes on from `state`, or begins.
    pub fn new(
        task: TrialTask,
        plan: TrialPlan,
        state: Option<&TrialState>,
    ) -> Result<Self, SearchError> {
        let net = task.net(&plan)?;
        let device = task.exec.device();
        let seed = generator(task.seed, Owner::Trial, u64::from(plan.seed)).random();
        let initial;
        let state = if let Some(state) = state {
            state
        } else {
            let mut rng = generator(seed, Owner::TrialInit, 0);
            let params = initial_values(&net.params(), &mut rng)?;
            initial = TrialState { params, ..TrialState::default() };
            &initial
        };
        Ok(Self {
            params: Params::from_tensors(&state.params, device)?,
            sgd: Sgd::new(plan.recipe.sgd(), &state.momenta, device)?,
            running: state.running.clone(),
            averaging: state.averaging.clone(),
            stream: TrainStream::new(&task.dataset, plan.recipe.batching(), seed)?,
            carried: Carried::default(),
            epoch: state.epoch,
            // What goes on is not measured yet.
            valid: state.valid.filter(|_| task.counts(state.epoch, &plan.recipe)),
            task,
            plan,
            net,
            seed,
        })
    }

    /// Which net is trained.
    pub fn plan(&self) -> &TrialPlan {
        &self.plan
    }

    /// Whether the last epoch is finished and measured.
    pub fn is_finished(&self) -> bool {
        self.valid.is_some() && self.epoch == self.plan.recipe.epochs
    }

    /// What it came to, once it is finished.
    pub fn result(&self) -> Option<ChildResult> {
        self.valid.filter(|_| self.is_finished()).map(result_of)
    }

    /// Trains for one epoch, and measures the net where it was one of the last. Gives nothing where
    /// `stop` says so on the way, before any batch: the trial then is to be begun again from its last
    /// state.
    pub fn epoch(&mut self, stop: impl Fn() -> bool) -> Result<Option<TrialReport>, SearchError> {
        let recipe = self.plan.recipe;
        let batches = self.stream.pass(self.epoch)?;
        let steps = batches.end - batches.start;
        let mut report = TrialReport { epoch: self.epoch, loss: 0.0, accuracy: 0.0, non_finite: 0 };
        let mut score = Score::default();
        for (step, index) in (0..).zip(batches) {
            if stop() {
                return Ok(None);
            }
            let share = if recipe.smooth { step as f64 / steps as f64 } else { 0.0 };
            let rate = learning_rate(&recipe.sgd(), self.epoch, share);
            let over = (self.epoch * steps + step + 1) as f64 / (recipe.epochs * steps) as f64;
            let found = self.step(index, rate, over)?;
            match found {
                Some(found) => {
                    score.nll += found.nll;
                    score.correct += found.correct;
                    score.items += found.items;
                }
                None => report.non_finite += 1,
            }
        }
        if 0 < score.items {
            report.loss = score.nll / score.items as f64;
            report.accuracy = score.accuracy();
        } else {
            report.loss = f64::NAN;
        }
        self.epoch += 1;
        report.epoch = self.epoch;
        let (counts, patience) = (self.task.counts(self.epoch, &recipe), recipe.average_patience);
        if counts || 0 < patience {
            let score = self.task.validate(&self.plan, &self.state()?)?;
            if 0 < patience {
                self.averaging.measured(score.nll / score.items as f64, patience);
            }
            let reward = |score: Score| self.task.objective.reward(score);
            // Among equals the first.
            let before = self.valid.filter(|before| reward(score) <= reward(*before));
            self.valid = counts.then(|| before.unwrap_or(score));
        }
        Ok(Some(report))
    }

    /// One step on batch `index`; `share` of all steps are over at its end. Nothing where loss or
    /// gradient was no number.
    fn step(&mut self, index: u64, rate: f64, share: f64) -> Result<Option<Score>, SearchError> {
        let batch = self.stream.batch(index)?;
        let mut rng = generator(self.seed, Owner::Dropout, index);
        let drop_path = (1.0 - self.plan.recipe.drop_path_keep) * share;
        let noise = Noise { rng: &mut rng, drop_path };
        let read = self.carried.batch(0, &batch);
        let found = self.task.exec.train(&self.net, &self.params, read, noise)?;
        let norm = self.sgd.step(&self.params, &found.grads, rate * batch.share())?;
        let items = batch.len() as u64;
        let score = Score { nll: found.loss * items as f64, correct: found.correct as u64, items };
        let is_finite = norm.is_finite() && found.loss.is_finite();
        if is_finite {
            update_running(&mut self.running, &found.moments, RUNNING_DECAY)?;
            self.averaging.step(&mut self.running, &self.params)?;
        }
        self.task.exec.reuse(found);
        Ok(is_finite.then_some(score))
    }

    /// Everything that a resume needs.
    pub fn state(&self) -> Result<TrialState, SearchError> {
        let goes_on = self.epoch < self.plan.recipe.epochs || 0 < self.plan.recipe.first;
        let momenta = if goes_on { self.sgd.momenta()? } else { Snapshot::new() };
        Ok(TrialState {
            epoch: self.epoch,
            params: self.params.snapshot()?,
            momenta,
            running: self.running.clone(),
            averaging: self.averaging.clone(),
            valid: self.valid,
        })
    }
}
