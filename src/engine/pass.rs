//! One forward pass of the candle executor, layer by layer.

use candle_core::{Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::engine::layers::{self, TensorMoments};
use crate::net::{Layer, LayerKind, Net, Norm, Shape};

/// Randomness of a training pass.
pub struct Noise<'a> {
    /// Draws the masks of dropout and drop-path.
    pub rng: &'a mut ChaCha8Rng,
    /// Probability with which drop-path drops at full depth.
    pub drop_path: f64,
}

/// What a training pass minimizes.
pub(super) struct Losses {
    /// Cross-entropy of the main head.
    pub(super) main: Tensor,
    /// The auxiliary head included.
    pub(super) whole: Tensor,
    /// Logits of the main head.
    pub(super) logits: Tensor,
}

/// One forward pass.
pub(super) struct CandlePass<'a> {
    net: &'a Net,
    weights: &'a Snapshot,
    noise: Option<Noise<'a>>,
    running: Option<&'a Snapshot>,
    /// Whether somebody asks for gradients by the weights though nothing is dropped.
    pub(super) is_differentiable: bool,
    /// Of the batch, by the names of running statistics.
    pub(super) moments: Snapshot,
}

impl<'a> CandlePass<'a> {
    pub(super) fn new(
        net: &'a Net,
        weights: &'a Snapshot,
        noise: Option<Noise<'a>>,
        running: Option<&'a Snapshot>,
    ) -> Self {
        Self { net, weights, noise, running, is_differentiable: false, moments: Snapshot::new() }
    }

    pub(super) fn losses(&mut self, images: &Tensor, labels: &[u32]) -> Result<Losses> {
        let tensors = self.run(images, true)?;
        let labels = Tensor::new(labels, images.device())?;
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
    pub(super) fn run(&mut self, images: &Tensor, with_aux: bool) -> Result<Vec<Option<Tensor>>> {
        let live = self.net.live_layers(with_aux);
        let last_readers = self.net.last_readers(&live);
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

    /// A weight; without noise nobody asks for gradients, so nothing is kept for them.
    fn weight(&self, name: &str) -> Result<Tensor> {
        match self.weights.get(name) {
            Some(weight) if self.noise.is_some() || self.is_differentiable => Ok(weight.clone()),
            Some(weight) => Ok(weight.detach()),
            None => candle_core::bail!("there is no parameter `{name}`"),
        }
    }

    fn layer(&mut self, layer: &Layer, inputs: &[Tensor]) -> Result<Tensor> {
        let xs = &inputs[0];
        let params = layer.params();
        let param = |place: usize| self.weight(&params[place].0);
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
            (LayerKind::Pad { sides }, _) => return layers::pad(xs, layer.pads_before(), sides),
            (LayerKind::Add, _) => return &inputs[0] + &inputs[1],
            (LayerKind::Concat, _) => return Tensor::cat(inputs, 0),
            (LayerKind::Zeros, _) => return xs.zeros_like(),
            (LayerKind::DropPath { depth }, _) => return self.drop_path(xs, depth),
            (LayerKind::Head { dropout_keep }, _) => {
                let features = layers::plane_mean(&layers::relu(xs)?)?;
                let weight = param(0)?;
                return layers::linear(&self.dropout(&features, dropout_keep)?, &weight);
            }
            (kind, _) => candle_core::bail!("{kind:?} is no layer of a net of images"),
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
            let part = layers::pointwise(&layers::relu(xs)?, &self.weight(name)?)?;
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
        let Some(names) = layer.statistics() else {
            candle_core::bail!("{path} has no norm", path = layer.path)
        };
        let given = if self.net.norm == Norm::Running && self.noise.is_none() {
            let running = self.running.and_then(|running| {
                Some(TensorMoments {
                    mean: running.get(&names[0])?.clone(),
                    variance: running.get(&names[1])?.clone(),
                })
            });
            match running {
                Some(moments) => Some(moments),
                None => candle_core::bail!(
                    "there are no running statistics `{}` and `{}`",
                    names[0],
                    names[1]
                ),
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
                let mask = mask_for(features, noise.rng, keep, batch * channels)?;
                features * mask.reshape((batch, channels))?
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
        let mask = mask_for(xs, noise.rng, keep, batch)?;
        xs.broadcast_mul(&mask.reshape((1, 1, batch, 1))?)
    }
}

/// `n` factors where `xs` is, in its precision.
fn mask_for(xs: &Tensor, rng: &mut ChaCha8Rng, keep: f64, n: usize) -> Result<Tensor> {
    Tensor::from_iter(mask(rng, keep, n), xs.device())?.to_dtype(xs.dtype())
}

/// `n` factors: `1 / keep` with probability `keep`, else 0.
pub(super) fn mask(
    rng: &mut ChaCha8Rng,
    keep: f64,
    n: usize,
) -> impl ExactSizeIterator<Item = f64> {
    (0..n).map(move |_| if rng.random::<f64>() < keep { 1.0 / keep } else { 0.0 })
}

/// A tensor that the pass computed.
pub(super) fn tensor(tensors: &[Option<Tensor>], id: usize) -> Result<&Tensor> {
    match &tensors[id] {
        Some(tensor) => Ok(tensor),
        None => candle_core::bail!("tensor {id} was not computed"),
    }
}
