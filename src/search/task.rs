//! What is searched on: the data, the family of nets, the executor, and every setting.

use std::sync::Arc;

use crate::data::{Batch, DataKind, Dataset, ImageShape, TrainStream};
use crate::engine::Executor;
use crate::net::{Input, LayerTimes, Net, NetError, NetFamily, Shape, family};
use crate::search::{Budget, EstimatorKind, Objective, Score, SearchConfig, SearchError};
use crate::space::{Arch, Space};

/// What is searched on. Cheap to clone: whoever computes has one.
#[derive(Clone, Debug)]
pub struct Task {
    /// Every setting.
    pub config: Arc<SearchConfig>,
    /// The images or the text.
    pub dataset: Dataset,
    /// What runs the nets.
    pub exec: Arc<dyn Executor>,
    /// The family of nets.
    pub family: Arc<dyn NetFamily>,
    /// The search space.
    pub space: Space,
    /// What is maximized.
    pub objective: Objective,
    /// What architectures may cost.
    pub budget: Arc<Budget>,
}

impl Task {
    /// Checks that the settings fit the data, and leave architectures to search among. Limits of
    /// time take a table, see [`Task::timed`].
    pub fn new(
        config: SearchConfig,
        dataset: Dataset,
        exec: Arc<dyn Executor>,
    ) -> Result<Self, SearchError> {
        let space = Space::new(&config.space)?;
        let family = family(space, &config.net, Self::input(dataset.kind()))?;
        let objective = config.score.reward;
        objective.check(dataset.kind())?;
        let budget = Budget::new(config.limits, family.clone(), None);
        budget.check(space, config.seed)?;
        let (config, budget) = (Arc::new(config), Arc::new(budget));
        Ok(Self { config, dataset, exec, family, space, objective, budget })
    }

    /// The same where it is known how long layers take.
    pub fn timed(self, times: LayerTimes) -> Result<Self, SearchError> {
        let times = Some(Arc::new(times));
        let budget = Budget::new(self.config.limits, self.family.clone(), times);
        budget.check(self.space, self.config.seed)?;
        Ok(Self { budget: Arc::new(budget), ..self })
    }

    /// The same with the space that replicas draw from as the draw of this number.
    pub(super) fn at_draw(&self, number: u64) -> Result<Self, SearchError> {
        let SearchConfig { trial, space, schedule, .. } = &*self.config;
        let drawn = number.saturating_mul(schedule.rollouts_per_step as u64);
        let space = self.space.with_layers(trial.layers(drawn, space.layers))?;
        Ok(Self { space, ..self.clone() })
    }

    /// The reward of an architecture's score, less what its cost takes.
    pub fn reward(&self, arch: &Arch, score: Score) -> Result<f64, SearchError> {
        let reward = self.objective.reward_at(score, self.budget.factor(arch)?);
        Ok(if self.is_stand_alone() { self.config.trial.powered(reward) } else { reward })
    }

    /// Whether children are trained from scratch, and share no weights.
    pub fn is_stand_alone(&self) -> bool {
        self.config.score.estimator == EstimatorKind::StandAlone
    }

    /// The net of a child.
    pub fn child(&self, arch: &Arch) -> Result<Net, NetError> {
        if self.is_stand_alone() { self.family.standalone(arch) } else { self.family.shared(arch) }
    }

    /// Refuses what no search can begin with: nets that cannot be built, or share no weights where
    /// they are to, and data of which a batch that rewards stand on, or that is trained on, cannot be
    /// made.
    pub fn check(&self) -> Result<(), SearchError> {
        if matches!(self.dataset, Dataset::Words(_)) && !self.exec.reads_words() {
            return Err(SearchError::NoWords { executor: self.exec.name() });
        }
        self.child(&self.space.first_arch())?;
        self.valid_batch(0)?;
        let SearchConfig { schedule, data, seed, .. } = &*self.config;
        TrainStream::new(&self.dataset, schedule.batching(data), *seed)?;
        Ok(())
    }

    /// Draws the validation batch with this number, which is an error where it cannot be drawn.
    pub fn valid_batch(&self, index: u64) -> Result<Batch, SearchError> {
        let SearchConfig { schedule, score, seed, .. } = &*self.config;
        let seeds = (*seed, index);
        Ok(match &self.dataset {
            Dataset::Images(data) => {
                Batch::Images(data.valid_batch(schedule.valid_batch_size, score.images, seeds)?)
            }
            Dataset::Words(corpus) => {
                let layout = corpus.valid_layout(schedule.valid_batch_size, schedule.bptt);
                Batch::Words(corpus.valid().batch(layout, seeds)?)
            }
        })
    }

    /// Images or words that a reward stands on: those of a validation batch, or the whole validation
    /// split where children are trained from scratch; 0 where none can be drawn.
    pub fn reward_items(&self) -> usize {
        if self.is_stand_alone() {
            return self.dataset.sizes().valid;
        }
        self.valid_batch(0).map_or(0, |batch| batch.len())
    }

    /// What nets for such data read, and what they tell apart.
    pub fn input(kind: DataKind) -> Input {
        match kind {
            DataKind::Images { shape, classes } => {
                let ImageShape { channels, height, width } = shape;
                Input::Image { shape: Shape { channels, height, width }, classes }
            }
            DataKind::Words { vocabulary } => Input::Words { vocabulary },
        }
    }
}
