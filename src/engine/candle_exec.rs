//! The candle executor: runs every net on any device; the reference for faster executors.
//!
//! Not run on a GPU: the CUDA path is this same code, type-checked only.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::layers::{self, Moments};
use crate::engine::{Params, Snapshot};
use crate::net::{Layer, LayerKind, Net, Norm, Shape};

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

/// Randomness of a training pass.
pub struct Noise<'a> {
    /// Draws the masks of dropout and drop-path.
    pub rng: &'a mut ChaCha8Rng,
    /// Probability with which drop-path drops at full depth.
    pub drop_path: f64,
}

/// Runs nets with candle tensors and candle autograd.
#[derive(Clone, Debug)]
pub struct CandleExec {
    device: Device,
    dtype: DType,
}

impl CandleExec {
    /// An executor on `device` that computes in f32.
    pub fn new(device: Device) -> Self {
        Self { device, dtype: DType::F32 }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Forward and backward through `net` with dropout, drop-path and the auxiliary head.
    pub fn train(
        &self,
        net: &Net,
        params: &Params,
        images: Images<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let images_on_device = self.upload(net.image, images)?;
        let mut pass = self.pass(net, params, Some(noise), None);
        let Losses { main, whole, logits } = pass.losses(&images_on_device, images.labels)?;
        let store = whole.backward()?;
        let mut grads = Snapshot::new();
        for name in net.params().into_keys() {
            if let Some(grad) = store.get(params.get(&name)?) {
                grads.insert(name, grad.clone());
            }
        }
        Ok(Gradients {
            loss: main.to_dtype(DType::F64)?.to_scalar()?,
            correct: count_correct(&logits, images.labels)?,
            grads,
            moments: pass.moments,
        })
    }

    /// Logits of every image, `(batch, classes)`, without dropout. A net with running statistics
    /// needs them in `running`, as [`Gradients::moments`] names them.
    pub fn logits(
        &self,
        net: &Net,
        params: &Params,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        let mut pass = self.pass(net, params, None, running);
        let tensors = pass.run(&self.upload(net.image, images)?, false)?;
        Ok(tensor(&tensors, net.logits)?.detach())
    }

    /// How many images the net classifies rightly.
    pub fn count_correct(
        &self,
        net: &Net,
        params: &Params,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> Result<usize> {
        count_correct(&self.logits(net, params, images, running)?, images.labels)
    }

    fn pass<'a>(
        &'a self,
        net: &'a Net,
        params: &'a Params,
        noise: Option<Noise<'a>>,
        running: Option<&'a Snapshot>,
    ) -> Pass<'a> {
        Pass { exec: self, net, params, noise, running, moments: Snapshot::new() }
    }

    /// `(batch, c, h, w)` on the host to the same on the device.
    fn upload(&self, shape: Shape, images: Images<'_>) -> Result<Tensor> {
        let dims = (images.labels.len(), shape.channels, shape.height, shape.width);
        Tensor::from_slice(images.values, dims, &self.device)?.to_dtype(self.dtype)
    }
}

fn tensor(tensors: &[Option<Tensor>], id: usize) -> Result<&Tensor> {
    match &tensors[id] {
        Some(tensor) => Ok(tensor),
        None => candle_core::bail!("tensor {id} was not computed"),
    }
}

/// Counts the rows whose largest logit is at the label; not a number is never right.
fn count_correct(logits: &Tensor, labels: &[u32]) -> Result<usize> {
    let rows = logits.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let right = rows.iter().zip(labels).filter(|(row, label)| {
        // A label that is no class has no logit, and is never right.
        let own = row.get(**label as usize).copied().unwrap_or(f32::NAN);
        own.is_finite()
            && row.iter().enumerate().all(|(class, &logit)| {
                // Among equals the first class wins, as argmax has it.
                if class < **label as usize { logit < own } else { logit <= own }
            })
    });
    Ok(right.count())
}

/// What a training pass minimizes.
struct Losses {
    /// Cross-entropy of the main head.
    main: Tensor,
    /// The auxiliary head included.
    whole: Tensor,
    /// Logits of the main head.
    logits: Tensor,
}

/// One forward pass.
struct Pass<'a> {
    exec: &'a CandleExec,
    net: &'a Net,
    params: &'a Params,
    noise: Option<Noise<'a>>,
    running: Option<&'a Snapshot>,
    moments: Snapshot,
}

impl Pass<'_> {
    fn losses(&mut self, images: &Tensor, labels: &[u32]) -> Result<Losses> {
        let tensors = self.run(images, true)?;
        let labels = Tensor::new(labels, &self.exec.device)?;
        let logits = tensor(&tensors, self.net.logits)?.clone();
        let main = layers::cross_entropy(&logits, &labels)?;
        let whole = match self.net.aux_logits {
            Some(aux) => {
                let aux = layers::cross_entropy(tensor(&tensors, aux)?, &labels)?;
                (&main + (aux * self.net.aux_weight)?)?
            }
            None => main.clone(),
        };
        Ok(Losses { main, whole, logits })
    }

    /// The tensors of the pass over images `(batch, c, h, w)` that no layer reads.
    fn run(&mut self, images: &Tensor, with_aux: bool) -> Result<Vec<Option<Tensor>>> {
        let live = self.net.live_layers(with_aux);
        let last_readers = self.last_readers(&live);
        let mut tensors = vec![None; self.net.layers.len() + 1];
        tensors[0] = Some(layers::from_images(images)?);
        for (idx, layer) in self.net.layers.iter().enumerate() {
            if live[idx] {
                let inputs = layer.inputs.iter().map(|&id| tensor(&tensors, id).cloned());
                let inputs: Vec<Tensor> = inputs.collect::<Result<_>>()?;
                tensors[idx + 1] = Some(self.layer(layer, &inputs)?);
                for &id in &layer.inputs {
                    if last_readers[id] == idx {
                        tensors[id] = None;
                    }
                }
            }
        }
        Ok(tensors)
    }

    /// The last layer that reads each tensor, so that a pass without gradients needs the memory
    /// of few tensors at a time.
    fn last_readers(&self, live: &[bool]) -> Vec<usize> {
        let mut readers = vec![usize::MAX; self.net.layers.len() + 1];
        for (idx, layer) in self.net.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            layer.inputs.iter().for_each(|&id| readers[id] = idx);
        }
        readers
    }

    /// A parameter; without noise nobody asks for gradients, so nothing is kept for them.
    fn param(&self, name: &str) -> Result<Tensor> {
        let var = self.params.get(name)?.as_tensor();
        Ok(if self.noise.is_some() { var.clone() } else { var.detach() })
    }

    fn layer(&mut self, layer: &Layer, inputs: &[Tensor]) -> Result<Tensor> {
        let xs = &inputs[0];
        let params = layer.params();
        let param = |place: usize| self.param(&params[place].0);
        let rows = match (layer.kind, layer.window()) {
            (LayerKind::Conv { relu, .. }, Some(window)) => {
                let xs = if relu { &layers::relu(xs)? } else { xs };
                layers::conv(xs, &param(0)?, window)?
            }
            (LayerKind::SepConv { .. }, Some(window)) => {
                layers::separable_conv(&layers::relu(xs)?, &param(0)?, &param(1)?, window)?
            }
            (LayerKind::AvgPool { .. }, Some(window)) => {
                return layers::avg_pool(xs, window);
            }
            (LayerKind::MaxPool { .. }, Some(window)) => {
                return layers::max_pool(xs, window);
            }
            (LayerKind::AuxPool, Some(window)) => {
                return layers::avg_pool(&layers::relu(xs)?, window);
            }
            (LayerKind::FactorizedReduction { relu }, _) => {
                let xs = if relu { &layers::relu(xs)? } else { xs };
                layers::factorized_reduction(xs, &param(0)?, &param(1)?)?
            }
            (LayerKind::Gather, _) => self.gather(inputs, &params[..inputs.len()])?,
            (LayerKind::Add, _) => return &inputs[0] + &inputs[1],
            (LayerKind::Concat, _) => return Tensor::cat(inputs, 0),
            (LayerKind::DropPath { depth }, _) => return self.drop_path(xs, depth),
            (LayerKind::Head { dropout_keep }, _) => {
                let features = layers::plane_mean(&layers::relu(xs)?)?;
                let weight = param(0)?;
                return layers::linear(&self.dropout(&features, dropout_keep)?, &weight);
            }
            (kind, None) => candle_core::bail!("{kind:?} has no window"),
        };
        let [scale, offset] = [param(params.len() - 2)?, param(params.len() - 1)?];
        let rows = self.norm(layer, &rows, &scale, &offset)?;
        let Shape { channels, height, width } = layer.output;
        rows.reshape((channels, height, xs.dim(2)?, width))
    }

    /// The sum of each input's own 1×1 convolution: the convolution of their concatenation.
    fn gather<T>(&self, inputs: &[Tensor], rows: &[(String, T)]) -> Result<Tensor> {
        let mut sum = None;
        for (xs, (name, _)) in inputs.iter().zip(rows) {
            let part = layers::pointwise(&layers::relu(xs)?, &self.param(name)?)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        match sum {
            Some(sum) => Ok(sum),
            None => candle_core::bail!("a cell has at least one loose end"),
        }
    }

    fn norm(
        &mut self,
        layer: &Layer,
        rows: &Tensor,
        scale: &Tensor,
        offset: &Tensor,
    ) -> Result<Tensor> {
        let Some(path) = layer.norm_path() else {
            candle_core::bail!("{path} has no norm", path = layer.path)
        };
        let names = [format!("{path}.mean"), format!("{path}.variance")];
        let given = if self.net.norm == Norm::Running && self.noise.is_none() {
            let running = self.running.and_then(|running| {
                Some(Moments {
                    mean: running.get(&names[0])?.clone(),
                    variance: running.get(&names[1])?.clone(),
                })
            });
            match running {
                Some(moments) => Some(moments),
                None => candle_core::bail!("there are no running statistics `{path}`"),
            }
        } else {
            None
        };
        let (ys, moments) = layers::norm(rows, scale, offset, given)?;
        let [mean, variance] = names;
        self.moments.insert(mean, moments.mean.detach());
        self.moments.insert(variance, moments.variance.detach());
        Ok(ys)
    }

    /// Drops features of `(batch, c)` and scales the rest up, in training.
    fn dropout(&mut self, features: &Tensor, keep: f64) -> Result<Tensor> {
        match &mut self.noise {
            Some(noise) if keep < 1.0 => {
                let (batch, channels) = features.dims2()?;
                features
                    * self
                        .exec
                        .mask(noise.rng, keep, batch * channels)?
                        .reshape((batch, channels))?
            }
            _ => Ok(features.clone()),
        }
    }

    /// Drops whole images of `(c, h, batch, w)` and scales the rest up, in training.
    fn drop_path(&mut self, xs: &Tensor, depth: f64) -> Result<Tensor> {
        let Some(noise) = &mut self.noise else { return Ok(xs.clone()) };
        let keep = 1.0 - depth * noise.drop_path;
        if 1.0 <= keep {
            return Ok(xs.clone());
        }
        let batch = xs.dim(2)?;
        xs.broadcast_mul(&self.exec.mask(noise.rng, keep, batch)?.reshape((1, 1, batch, 1))?)
    }
}

impl CandleExec {
    /// `n` values: `1 / keep` with probability `keep`, else 0.
    fn mask(&self, rng: &mut ChaCha8Rng, keep: f64, n: usize) -> Result<Tensor> {
        let mask: Vec<f64> =
            (0..n).map(|_| if rng.random::<f64>() < keep { 1.0 / keep } else { 0.0 }).collect();
        Tensor::from_vec(mask, n, &self.device)?.to_dtype(self.dtype)
    }
}

/// What the tests of single layers and of gradients look at.
#[cfg(test)]
impl CandleExec {
    /// The precision that differences need.
    pub(super) fn in_f64() -> Self {
        Self { device: Device::Cpu, dtype: DType::F64 }
    }

    /// What the net writes as its logits for `images` `(batch, c, h, w)`, as `(batch, c, h, w)`,
    /// differentiable by the images too.
    pub(super) fn output(
        &self,
        net: &Net,
        params: &Params,
        images: &Tensor,
        noise: Option<Noise<'_>>,
    ) -> Result<Tensor> {
        let tensors = self.pass(net, params, noise, None).run(images, false)?;
        layers::to_images(tensor(&tensors, net.logits)?)
    }

    /// The whole loss of a training pass, differentiable by the images too.
    pub(super) fn whole_loss(
        &self,
        net: &Net,
        params: &Params,
        (images, labels): (&Tensor, &[u32]),
        noise: Noise<'_>,
    ) -> Result<Tensor> {
        Ok(self.pass(net, params, Some(noise), None).losses(images, labels)?.whole)
    }
}

/// Moves running statistics by `1 − decay` towards the moments of a batch.
pub fn update_running(running: &mut Snapshot, moments: &Snapshot, decay: f64) -> Result<()> {
    for (name, value) in moments {
        let moved = match running.get(name) {
            Some(old) => ((old * decay)? + (value * (1.0 - decay))?)?,
            None => value.copy()?,
        };
        running.insert(name.clone(), moved);
    }
    Ok(())
}

/// The gradients of several children, averaged: a parameter that only some of them read has the
/// sum of theirs over the number of all (ENAS, section 2.2, with M children).
pub fn average_grads(all: Vec<Snapshot>) -> Result<Snapshot> {
    let share = 1.0 / all.len() as f64;
    let mut sums: BTreeMap<String, Tensor> = BTreeMap::new();
    for grads in all {
        for (name, grad) in grads {
            let grad = (grad * share)?;
            let sum = match sums.get(&name) {
                Some(sum) => (sum + grad)?,
                None => grad,
            };
            sums.insert(name, sum);
        }
    }
    Ok(sums)
}
