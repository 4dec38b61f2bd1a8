//! The classifier: ReLU, average of the plane, dropout, linear; and its loss.

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::buffers::Numbers;
use crate::engine::cpu_exec::found;
use crate::engine::cpu_exec::grads::Sink;
use crate::engine::cpu_exec::groups::Each;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::planes::{Input, Value};
use crate::engine::kernel::{GradRow, LANES, Lanes};

/// A head that has been run. Numbers per image are `(batch, …)`, row by row.
#[derive(Debug)]
pub(super) struct Head {
    channels: usize,
    classes: usize,
    /// `(classes, channels)`.
    weight: Numbers<f32>,
    /// What dropout made of the averages, `(batch, channels)`.
    features: Numbers<f32>,
    /// Factors of dropout, `(batch, channels)`; empty without dropout.
    mask: Numbers<f32>,
    /// `(batch, classes)`.
    logits: Numbers<f32>,
}

/// Cross-entropy of a head.
#[derive(Debug)]
pub(super) struct Loss {
    /// In nats, averaged over the batch.
    pub(super) value: f64,
    /// Its gradient by the logits, `(batch, classes)`.
    grad: Numbers<f32>,
}

impl Head {
    /// Runs the head with `weight` `(classes, channels)` and a mask for dropout.
    pub(super) fn run(job: &Job, input: &Value, weight: Numbers<f32>, mask: Numbers<f32>) -> Self {
        let (channels, images) = (input.shape().channels, job.batch.images);
        let classes = weight.len() / channels;
        let groups = job.batch.groups();
        let mut means = job.buffers.filled(groups * channels, Lanes::default());
        job.by_group(Each::new(&mut means, channels), |group, means| {
            plane_means(&input.input(group, true), means.own());
        });
        let mut features = job.buffers.numbers(images * channels);
        for (image, features) in features.chunks_exact_mut(channels).enumerate() {
            let means = &means[image / LANES * channels..][..channels];
            features.iter_mut().zip(means).for_each(|(feature, m)| *feature = m.0[image % LANES]);
        }
        features.iter_mut().zip(mask.iter()).for_each(|(feature, factor)| *feature *= factor);
        let mut logits = job.buffers.numbers(images * classes);
        for (logits, xs) in logits.chunks_exact_mut(classes).zip(features.chunks_exact(channels)) {
            let weights = weight.chunks_exact(channels);
            logits.iter_mut().zip(weights).for_each(|(logit, weights)| *logit = dot(weights, xs));
        }
        Self { channels, classes, weight, features, mask, logits }
    }

    pub(super) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// `share` is the loss' weight in the whole; a label that is no class is an error.
    pub(super) fn loss(&self, job: &Job, labels: &[u32], share: f64) -> Result<Loss> {
        let mut loss = Loss { value: 0.0, grad: job.buffers.numbers(self.logits.len()) };
        let per_image = 1.0 / labels.len() as f64;
        let rows = self.logits.chunks_exact(self.classes);
        for ((logits, &label), grad) in
            rows.zip(labels).zip(loss.grad.chunks_exact_mut(self.classes))
        {
            let Some(&own) = logits.get(label as usize) else {
                candle_core::bail!("label {label} is none of {} classes", logits.len());
            };
            let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let exp = |logit: &f32| (f64::from(*logit) - largest).exp();
            let sum: f64 = logits.iter().map(exp).sum();
            loss.value += (sum.ln() + largest - f64::from(own)) * per_image;
            for (class, (grad, logit)) in grad.iter_mut().zip(logits).enumerate() {
                let target = f64::from(u8::from(class == label as usize));
                *grad = ((exp(logit) / sum - target) * per_image * share) as f32;
            }
        }
        Ok(loss)
    }

    /// Writes the gradient of the weight `name` and that of the input.
    pub(super) fn backward(
        &self,
        job: &Job,
        loss: &Loss,
        (input, sink): (&Value, &mut Sink),
        (name, grads): (&str, &Snapshot),
    ) -> Result<()> {
        let Self { channels, classes, .. } = *self;
        let mut weight = job.buffers.filled(self.weight.len(), 0.0_f32);
        let mut by_feature = job.buffers.filled(self.features.len(), 0.0_f32);
        let images = loss.grad.chunks_exact(classes).zip(self.features.chunks_exact(channels));
        for ((ds, features), out) in images.zip(by_feature.chunks_exact_mut(channels)) {
            for (class, &d) in ds.iter().enumerate() {
                let row = class * channels..(class + 1) * channels;
                let sums = weight[row.clone()].iter_mut().zip(features);
                sums.for_each(|(sum, feature)| *sum += d * feature);
                let sums = out.iter_mut().zip(&self.weight[row]);
                sums.for_each(|(sum, weight)| *sum += d * weight);
            }
        }
        by_feature.iter_mut().zip(self.mask.iter()).for_each(|(d, factor)| *d *= factor);
        found::write(grads, name, |values| values.copy_from_slice(&weight))?;
        self.spread(job, &by_feature, input, sink);
        Ok(())
    }

    /// The gradient of the averages, `(batch, channels)`, to the pixels above zero.
    fn spread(&self, job: &Job, by_feature: &[f32], input: &Value, sink: &mut Sink) {
        let channels = self.channels;
        let share = 1.0 / input.shape().plane() as f32;
        job.by_group(sink.parts(), |group, sink| {
            let (input, mut sink) = (input.input(group, true), sink.own());
            let images = by_feature.chunks_exact(channels).skip(group * LANES).take(LANES);
            let mut ds = job.buffers.filled(channels, Lanes::default());
            for (lane, image) in images.enumerate() {
                ds.iter_mut().zip(image).for_each(|(d, value)| d.0[lane] = value * share);
            }
            let width = input.shape.width;
            for row in 0..input.shape.height {
                let GradRow { row: out, add } = sink.row(row, channels * width);
                for (place, (out, x)) in out.iter_mut().zip(input.row(row)).enumerate() {
                    let channel = place / width;
                    let [scale, offset] =
                        [input.affine.scale[channel], input.affine.offset[channel]];
                    for (lane, out) in out.0.iter_mut().enumerate() {
                        let open = 0.0 < scale * x.0[lane] + offset;
                        let d = if open { ds[channel].0[lane] } else { 0.0 };
                        *out = if add { *out + d } else { d };
                    }
                }
            }
        });
    }
}

/// Average over the plane of the ReLU of each channel, added to `means`.
fn plane_means(input: &Input<'_>, means: &mut [Lanes]) {
    let share = 1.0 / input.shape.plane() as f32;
    for row in 0..input.shape.height {
        let channels = input.row(row).chunks_exact(input.shape.width);
        for (channel, xs) in channels.enumerate() {
            let [scale, offset] = [input.affine.scale[channel], input.affine.offset[channel]];
            let mut sum = Lanes::default();
            for x in xs {
                for (sum, x) in sum.0.iter_mut().zip(x.0) {
                    let x = scale * x + offset;
                    // Not `max`, which would make a number of what is none.
                    *sum += if x < 0.0 { 0.0 } else { x };
                }
            }
            let lanes = means[channel].0.iter_mut().zip(sum.0);
            lanes.for_each(|(mean, sum)| *mean += sum * share);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
