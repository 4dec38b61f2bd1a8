//! The work that is timed: a net with its weights, and one batch.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::bench::config::CLASSES;
use crate::bench::{BenchConfig, BenchError, BenchSize, NetKind};
use crate::engine::{
    Batch, Executor, Gradients, Images, Measured, Noise, Params, Sgd, SgdConfig, Snapshot, Words,
    initial_values, update_running,
};
use crate::net::{Input, Net, NetConfig, Norm, Shape, StateOf, WordNetSize, family};
use crate::random::{Owner, generator};

/// A net with its weights, and one batch.
#[derive(Debug)]
pub struct BenchJob {
    config: BenchConfig,
    exec: Arc<dyn Executor>,
    net: Net,
    params: Params,
    sgd: Sgd,
    data: Data,
    steps_taken: u64,
    /// The moments of the first step's batch, for a net that evaluates with running statistics.
    running: Option<Snapshot>,
}

/// The batch.
#[derive(Debug)]
enum Data {
    /// Normalized values, `(batch, c, h, w)`.
    Images { values: Vec<f32>, labels: Vec<u32> },
    /// Words, step by step.
    Words { ids: Vec<u32>, next: Vec<u32> },
}

impl Data {
    /// Uniform noise.
    fn new(config: &BenchConfig, rng: &mut ChaCha8Rng) -> Self {
        let batch = config.batch;
        match config.size {
            BenchSize::Images { image, .. } => {
                // Of variance 1, as normalized images are.
                let side = 3_f32.sqrt();
                let n_values = batch * image.iter().product::<usize>();
                let values = (0..n_values).map(|_| rng.random_range(-side..side)).collect();
                let labels = (0..batch).map(|_| rng.random_range(0..CLASSES as u32)).collect();
                Self::Images { values, labels }
            }
            BenchSize::Words { vocabulary, window, .. } => {
                let mut word = |_| rng.random_range(0..vocabulary as u32);
                let [ids, next] = [0; 2].map(|_| (0..batch * window).map(&mut word).collect());
                Self::Words { ids, next }
            }
        }
    }

    fn items(&self) -> usize {
        match self {
            Self::Images { labels, .. } => labels.len(),
            Self::Words { ids, .. } => ids.len(),
        }
    }
}

impl BenchJob {
    /// The net of `config` with its initial values, and a batch of uniform noise.
    pub fn new(config: BenchConfig, exec: Arc<dyn Executor>) -> Result<Self, BenchError> {
        let net = build(&config, true)?;
        let mut rng = generator(config.seed, Owner::SharedInit, 0);
        let params =
            Params::from_tensors(&initial_values(&net.params(), &mut rng)?, exec.device())?;
        let mut rng = generator(config.seed, Owner::Bench, 0);
        let data = Data::new(&config, &mut rng);
        let sgd = Sgd::new(SgdConfig::default(), &Snapshot::new(), exec.device())?;
        Ok(Self { config, exec, net, params, sgd, data, steps_taken: 0, running: None })
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

    /// Images or words of the batch.
    pub fn items(&self) -> usize {
        self.data.items()
    }

    /// `images` `(batch, c, h, w)` in f32 and `labels` `(batch,)` in i64; or `words` and those that
    /// are `next` to them, `(window, batch)` in i64.
    pub fn batch(&self) -> Result<Snapshot, BenchError> {
        let batch = self.config.batch;
        let whole = |numbers: &[u32], dims: &[usize]| {
            let numbers: Vec<i64> = numbers.iter().copied().map(i64::from).collect();
            Tensor::from_vec(numbers, dims, &Device::Cpu)
        };
        let named = match &self.data {
            Data::Images { values, labels } => {
                let Shape { channels, height, width } = self.net.image;
                let dims = (batch, channels, height, width);
                let images = Tensor::from_slice(values, dims, &Device::Cpu)?;
                [("images", images), ("labels", whole(labels, &[batch])?)]
            }
            Data::Words { ids, next } => {
                let dims = [ids.len() / batch, batch];
                [("words", whole(ids, &dims)?), ("next", whole(next, &dims)?)]
            }
        };
        Ok(named.map(|(name, tensor)| (name.to_owned(), tensor)).into())
    }

    /// What one training pass without dropout gives; nothing is changed.
    pub fn gradients(&self) -> Result<Gradients, BenchError> {
        self.train(&build(&self.config, false)?)
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
        let mut carried = Vec::new();
        Ok(self.exec.measure(&self.net, weights, self.read(&mut carried), running)?)
    }

    fn train(&self, net: &Net) -> Result<Gradients, BenchError> {
        let mut rng = generator(self.config.seed, Owner::Dropout, self.steps_taken);
        let noise = Noise { rng: &mut rng, drop_path: 0.0 };
        let mut carried = Vec::new();
        Ok(self.exec.train(net, &self.params, self.read(&mut carried), noise)?)
    }

    /// The batch, from the start of a text.
    fn read<'a>(&'a self, carried: &'a mut Vec<f32>) -> Batch<'a> {
        match &self.data {
            Data::Images { values, labels } => Images { values, labels }.into(),
            Data::Words { ids, next } => {
                Words { ids, next, rows: self.config.batch, carried }.into()
            }
        }
    }
}

/// The net, with dropout or without.
fn build(config: &BenchConfig, is_dropped: bool) -> Result<Net, BenchError> {
    let arch = &config.arch;
    let net = match config.size {
        BenchSize::Images { layers, channels, image: [depth, height, width] } => {
            let usual = NetConfig::default();
            let dropout_keep = if is_dropped { usual.dropout_keep } else { 1.0 };
            let shape = Shape { channels: depth, height, width };
            let input = Input::Image { shape, classes: CLASSES };
            let sizes = NetConfig { layers, channels, dropout_keep, ..usual };
            let family = family(arch.space(), &sizes, input)?;
            match config.net {
                NetKind::Shared => family.shared(arch),
                NetKind::Standalone => family.standalone(arch),
            }
        }
        BenchSize::Words { hidden, vocabulary, .. } => {
            let plain =
                WordNetSize { slowness_weight: 1.0, ..WordNetSize::plain(vocabulary, hidden) };
            // As the search of `enas_lm` has it.
            let dropping = WordNetSize {
                drop_words: 0.1,
                drop_embedding: 0.2,
                drop_input: 0.75,
                drop_state: 0.25,
                drop_output: 0.75,
                ..plain
            };
            let size = if is_dropped { dropping } else { plain };
            match config.net {
                NetKind::Shared => size.shared(arch, StateOf::LooseEnds),
                NetKind::Standalone => size.standalone(arch, StateOf::LooseEnds),
            }
        }
    };
    Ok(net?)
}
