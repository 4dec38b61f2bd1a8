//! What is searched on: the data, the family of nets, the executor, and every setting.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::Executor;
use crate::net::{Input, NetFamily, Shape, family};
use crate::search::{Objective, SearchConfig, SearchError};
use crate::space::Space;

/// What is searched on. Cheap to clone: whoever computes has one.
#[derive(Clone, Debug)]
pub struct Task {
    /// Every setting.
    pub config: Arc<SearchConfig>,
    /// The images.
    pub dataset: Arc<Dataset>,
    /// What runs the nets.
    pub exec: Arc<dyn Executor>,
    /// The family of nets.
    pub family: Arc<dyn NetFamily>,
    /// The search space.
    pub space: Space,
    /// What is maximized.
    pub objective: Objective,
}

impl Task {
    /// Checks that the settings fit the data.
    pub fn new(
        config: SearchConfig,
        dataset: Arc<Dataset>,
        exec: Arc<dyn Executor>,
    ) -> Result<Self, SearchError> {
        let space = Space::new(&config.space)?;
        let family = family(space, &config.net, Self::input(&dataset))?;
        let objective = Objective::Accuracy;
        Ok(Self { config: Arc::new(config), dataset, exec, family, space, objective })
    }

    /// What nets for `dataset` read, and what they tell apart.
    pub(super) fn input(dataset: &Dataset) -> Input {
        let image = dataset.shape();
        let shape = Shape { channels: image.channels, height: image.height, width: image.width };
        Input::Image { shape, classes: dataset.n_classes() }
    }
}
