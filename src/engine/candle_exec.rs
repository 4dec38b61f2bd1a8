//! The candle executor: runs every net on any device; the reference for faster executors.
//!
//! Not run on a GPU: the CUDA path is this same code, type-checked only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};

use crate::engine::candle_words::{WordLosses, WordPass};
use crate::engine::executor::{
    Batch, Executor, Gradients, Images, Measured, count_right, measured, no_words, on_host,
};
use crate::engine::pass::{CandlePass, Losses, Noise, tensor};
use crate::engine::words::{WordNet, Words};
use crate::engine::{Params, Snapshot};
use crate::net::{Net, Norm};

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

    /// `(batch, c, h, w)` on the host to the same on the device.
    fn upload(&self, net: &Net, images: Images<'_>) -> Result<Tensor> {
        if net.reads_words() {
            return no_words();
        }
        let shape = net.image;
        let dims = (images.labels.len(), shape.channels, shape.height, shape.width);
        Tensor::from_slice(images.values, dims, &self.device)?.to_dtype(self.dtype)
    }
}

/// What was read of a window.
struct Read {
    main: Tensor,
    whole: Tensor,
    logits: Tensor,
    measured: Measured,
}

impl CandleExec {
    /// Reads a window of text, and carries the states on.
    fn read(
        &self,
        net: &Net,
        weights: &Snapshot,
        words: Words<'_>,
        noise: Option<Noise<'_>>,
    ) -> Result<Read> {
        let pass = WordPass::new((WordNet::of(net)?, weights), words.rows, noise, self.dtype);
        let WordLosses { main, whole, logits, carried } = pass.run(&words)?;
        *words.carried = on_host(&carried)?;
        let measured = measured(&on_host(&logits)?, words.next);
        Ok(Read { main, whole, logits, measured })
    }
}

/// Weights that nobody asks for gradients by.
fn detached(weights: &Snapshot) -> Snapshot {
    weights.iter().map(|(name, weight)| (name.clone(), weight.detach())).collect()
}

impl Executor for CandleExec {
    fn device(&self) -> &Device {
        &self.device
    }

    fn name(&self) -> String {
        "candle".to_owned()
    }

    fn train(
        &self,
        net: &Net,
        params: &Params,
        batch: Batch<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let weights = variables(net, params)?;
        let (main, whole, correct, moments) = match batch {
            Batch::Images(images) => {
                let images_on_device = self.upload(net, images)?;
                let mut pass = CandlePass::new(net, &weights, Some(noise), None);
                let Losses { main, whole, logits } =
                    pass.losses(&images_on_device, images.labels)?;
                (main, whole, count_right(&on_host(&logits)?, images.labels), pass.moments)
            }
            Batch::Words(words) => {
                let read = self.read(net, &weights, words, Some(noise))?;
                (read.main, read.whole, read.measured.correct as usize, Snapshot::new())
            }
        };
        let store = whole.backward()?;
        let mut grads = Snapshot::new();
        for (name, weight) in &weights {
            if let Some(grad) = store.get(weight) {
                grads.insert(name.clone(), grad.clone());
            }
        }
        let loss = main.to_dtype(DType::F64)?.to_scalar()?;
        Ok(Gradients { loss, correct, grads, moments })
    }

    /// Every pass of candle's makes tensors of its own.
    fn reuse(&self, used: Gradients) {
        drop(used);
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        match batch {
            Batch::Images(images) => {
                let mut pass = CandlePass::new(net, weights, None, running);
                let tensors = pass.run(&self.upload(net, images)?, false)?;
                Ok(tensor(&tensors, net.logits)?.detach())
            }
            Batch::Words(words) => Ok(self.read(net, &detached(weights), words, None)?.logits),
        }
    }

    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Measured> {
        match batch {
            Batch::Images(images) => {
                let logits = self.logits(net, weights, images.into(), running)?;
                Ok(measured(&on_host(&logits)?, images.labels))
            }
            Batch::Words(words) => Ok(self.read(net, &detached(weights), words, None)?.measured),
        }
    }

    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Snapshot> {
        let net = net.normed(Norm::Batch);
        let mut pass = CandlePass::new(&net, weights, None, None);
        pass.run(&self.upload(&net, images)?, false)?;
        Ok(pass.moments)
    }
}

/// The variables that the net reads, by name; tensors that share their values and their ids.
fn variables(net: &Net, params: &Params) -> Result<Snapshot> {
    let names = net.params().into_keys();
    names.map(|name| Ok((name.clone(), params.get(&name)?.as_tensor().clone()))).collect()
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
        let weights = variables(net, params)?;
        let tensors = CandlePass::new(net, &weights, noise, None)
            .run(&images.to_dtype(self.dtype)?, false)?;
        crate::engine::layers::to_images(tensor(&tensors, net.logits)?)
    }

    /// The whole loss of a training pass, differentiable by the images too.
    pub(super) fn whole_loss(
        &self,
        net: &Net,
        params: &Params,
        (images, labels): (&Tensor, &[u32]),
        noise: Noise<'_>,
    ) -> Result<Tensor> {
        let weights = variables(net, params)?;
        let images = images.to_dtype(self.dtype)?;
        Ok(CandlePass::new(net, &weights, Some(noise), None).losses(&images, labels)?.whole)
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
pub fn average_grads(all: &[Gradients]) -> Result<Cow<'_, Snapshot>> {
    if let [only] = all {
        return Ok(Cow::Borrowed(&only.grads));
    }
    let share = 1.0 / all.len() as f64;
    let mut sums: BTreeMap<String, Tensor> = BTreeMap::new();
    for (name, grad) in all.iter().flat_map(|found| &found.grads) {
        let grad = (grad * share)?;
        let sum = match sums.get(name) {
            Some(sum) => (sum + grad)?,
            None => grad,
        };
        sums.insert(name.clone(), sum);
    }
    Ok(Cow::Owned(sums))
}
