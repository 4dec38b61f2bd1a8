//! The work that is timed: a net with its weights, and one batch.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::RngExt;

use crate::bench::config::CLASSES;
use crate::bench::{BenchConfig, BenchError, NetKind};
use crate::engine::{
    Executor, Gradients, Images, Measured, Noise, Params, Sgd, SgdConfig, Snapshot, initial_values,
    update_running,
};
use crate::net::{Input, Net, NetConfig, Norm, family};
use crate::random::{Owner, generator};

/// A net with its weights, and one batch.
#[derive(Debug)]
pub struct BenchJob {
    config: BenchConfig,
    exec: Arc<dyn Executor>,
    net: Net,
    params: Params,
    sgd: Sgd,
    /// Normalized values, `(batch, c, h, w)`.
    values: Vec<f32>,
    labels: Vec<u32>,
    steps_taken: u64,
    /// The moments of the first step's batch, for a net that evaluates with running statistics.
    running: Option<Snapshot>,
}

impl BenchJob {
    /// The net of `config` with its initial values, and a batch of uniform noise.
    pub fn new(config: BenchConfig, exec: Arc<dyn Executor>) -> Result<Self, BenchError> {
        let net = build(&config, NetConfig::default().dropout_keep)?;
        let mut rng = generator(config.seed, Owner::SharedInit, 0);
        let params =
            Params::from_tensors(&initial_values(&net.params(), &mut rng)?, exec.device())?;
        let mut rng = generator(config.seed, Owner::Bench, 0);
        let n_values = config.batch * config.image.n_values();
        // Of variance 1, as normalized images are.
        let side = 3_f32.sqrt();
        let values = (0..n_values).map(|_| rng.random_range(-side..side)).collect();
        let labels = (0..config.batch).map(|_| rng.random_range(0..CLASSES as u32)).collect();
        let sgd = Sgd::new(SgdConfig::default(), &Snapshot::new(), exec.device())?;
        Ok(Self { config, exec, net, params, sgd, values, labels, steps_taken: 0, running: None })
    }

    /// What is run, and how often.
    pub fn config(&self) -> &BenchConfig {
        &self.config
    }

    /// The executor that runs it.
    pub fn executor(&self) -> &dyn Executor {
        self.exec.as_ref()
    }

    /// The net.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The weights as they are, by name.
    pub fn weights(&self) -> Result<Snapshot, BenchError> {
        Ok(self.params.snapshot()?)
    }

    /// `images` `(batch, c, h, w)` in f32 and `labels` `(batch,)` in i64.
    pub fn batch(&self) -> Result<Snapshot, BenchError> {
        let image = self.net.image;
        let dims = (self.labels.len(), image.channels, image.height, image.width);
        let images = Tensor::from_slice(&self.values, dims, &Device::Cpu)?;
        let labels: Vec<i64> = self.labels.iter().copied().map(i64::from).collect();
        let labels = Tensor::new(labels, &Device::Cpu)?;
        Ok(Snapshot::from([("images".to_owned(), images), ("labels".to_owned(), labels)]))
    }

    /// What one training pass without dropout gives; nothing is changed.
    pub fn gradients(&self) -> Result<Gradients, BenchError> {
        self.train(&build(&self.config, 1.0)?)
    }

    /// One update: forward, backward, and the optimizer's step.
    pub fn step(&mut self) -> Result<(), BenchError> {
        let found = self.train(&self.net)?;
        let learning_rate = SgdConfig::default().learning_rate_max;
        let norm = self.sgd.step(&self.params, &found.grads, learning_rate)?;
        if !(found.loss.is_finite() && norm.is_finite()) {
            return Err(BenchError::NotFinite { step: self.steps_taken, loss: found.loss, norm });
        }
        if self.running.is_none() && self.net.norm == Norm::Running {
            let mut running = Snapshot::new();
            update_running(&mut running, &found.moments, 0.0)?;
            self.running = Some(running);
        }
        self.exec.reuse(found);
        self.steps_taken += 1;
        Ok(())
    }

    /// One score: what the net has right of the batch with `weights`. A net that stands alone
    /// needs a step before it.
    pub fn forward(&self, weights: &Snapshot) -> Result<Measured, BenchError> {
        let running = self.running.as_ref();
        Ok(self.exec.measure(&self.net, weights, self.images(), running)?)
    }

    fn train(&self, net: &Net) -> Result<Gradients, BenchError> {
        let mut rng = generator(self.config.seed, Owner::Dropout, self.steps_taken);
        let noise = Noise { rng: &mut rng, drop_path: 0.0 };
        Ok(self.exec.train(net, &self.params, self.images(), noise)?)
    }

    fn images(&self) -> Images<'_> {
        Images { values: &self.values, labels: &self.labels }
    }
}

fn build(config: &BenchConfig, dropout_keep: f64) -> Result<Net, BenchError> {
    let BenchConfig { layers, channels, image, .. } = *config;
    let config_of_net = NetConfig { layers, channels, dropout_keep, ..NetConfig::default() };
    let input = Input::Image { shape: image, classes: CLASSES };
    let family = family(config.arch.space(), &config_of_net, input)?;
    Ok(match config.net {
        NetKind::Shared => family.shared(&config.arch)?,
        NetKind::Standalone => family.standalone(&config.arch)?,
    })
}
