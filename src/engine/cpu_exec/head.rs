//! The classifier: ReLU, average of the plane, dropout, linear; and its loss.

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::grads::Sink;
use crate::engine::cpu_exec::job::{Job, with_groups};
use crate::engine::cpu_exec::planes::{Input, Value};
use crate::engine::cpu_exec::weights::tensor;
use crate::engine::kernel::{GradRow, LANES, Lanes};

/// A head that has been run. Numbers per image are `(batch, …)`, row by row.
#[derive(Debug)]
pub(super) struct Head {
    input: Value,
    name: String,
    /// `(classes, channels)`.
    weight: Vec<f32>,
    /// What dropout made of the averages, `(batch, channels)`.
    features: Vec<f32>,
    /// Factors of dropout, `(batch, channels)`; empty without dropout.
    mask: Vec<f32>,
    /// `(batch, classes)`.
    logits: Vec<f32>,
}

/// Cross-entropy of a head.
pub(super) struct Loss {
    /// In nats, averaged over the batch.
    pub(super) value: f64,
    /// Its gradient by the logits, `(batch, classes)`.
    grad: Vec<f32>,
}

impl Head {
    /// Runs the head with `weight` `(classes, channels)`, named `name`, and a mask for dropout.
    pub(super) fn run(
        job: &Job,
        input: Value,
        (name, weight): (String, Vec<f32>),
        mask: Vec<f32>,
    ) -> Self {
        let channels = input.shape().channels;
        let means = job.each_group(|group| plane_means(&input.input(group, true)));
        let mut features = Vec::with_capacity(job.batch.images * channels);
        for image in 0..job.batch.images {
            features.extend(means[image / LANES].iter().map(|mean| mean.0[image % LANES]));
        }
        features.iter_mut().zip(&mask).for_each(|(feature, factor)| *feature *= factor);
        let rows = features.chunks_exact(channels);
        let logits = rows.flat_map(|features| {
            weight.chunks_exact(channels).map(|weights| dot(weights, features))
        });
        Self { name, logits: logits.collect(), weight, features, mask, input }
    }

    pub(super) fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn channels(&self) -> usize {
        self.input.shape().channels
    }

    fn classes(&self) -> usize {
        self.weight.len() / self.channels()
    }

    /// `share` is the loss' weight in the whole; a label that is no class is an error.
    pub(super) fn loss(&self, labels: &[u32], share: f64) -> Result<Loss> {
        let mut loss = Loss { value: 0.0, grad: Vec::with_capacity(self.logits.len()) };
        let per_image = 1.0 / labels.len() as f64;
        for (logits, &label) in self.logits.chunks_exact(self.classes()).zip(labels) {
            let Some(&own) = logits.get(label as usize) else {
                candle_core::bail!("label {label} is none of {} classes", logits.len());
            };
            let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let exps = logits.iter().map(|&logit| (f64::from(logit) - largest).exp());
            let exps: Vec<f64> = exps.collect();
            let sum: f64 = exps.iter().sum();
            loss.value += (sum.ln() + largest - f64::from(own)) * per_image;
            loss.grad.extend(exps.iter().enumerate().map(|(class, exp)| {
                let target = f64::from(u8::from(class == label as usize));
                ((exp / sum - target) * per_image * share) as f32
            }));
        }
        Ok(loss)
    }

    /// Writes the gradients of the weight and of the input.
    pub(super) fn backward(
        &self,
        loss: &Loss,
        sink: &mut Sink,
        params: &mut Snapshot,
    ) -> Result<()> {
        let (channels, classes) = (self.channels(), self.classes());
        let mut weight = vec![0.0_f32; self.weight.len()];
        let mut by_feature = vec![0.0_f32; self.features.len()];
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
        by_feature.iter_mut().zip(&self.mask).for_each(|(d, factor)| *d *= factor);
        params.insert(self.name.clone(), tensor(weight, &[classes, channels])?);
        self.spread(&by_feature, sink);
        Ok(())
    }

    /// The gradient of the averages, `(batch, channels)`, to the pixels above zero.
    fn spread(&self, by_feature: &[f32], sink: &mut Sink) {
        let channels = self.channels();
        let share = 1.0 / self.input.shape().plane() as f32;
        with_groups(sink.groups().collect(), |group, mut sink| {
            let input = self.input.input(group, true);
            let images = by_feature.chunks_exact(channels).skip(group * LANES).take(LANES);
            let mut ds = vec![Lanes::default(); channels];
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

/// Average over the plane of the ReLU of each channel.
fn plane_means(input: &Input<'_>) -> Vec<Lanes> {
    let mut means = vec![Lanes::default(); input.shape.channels];
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
    means
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
