//! One pass of a net: forward stage by stage, backward in the opposite order.

use candle_core::Result;
use rand_chacha::ChaCha8Rng;

use crate::engine::cpu_exec::buffers::Numbers;
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::head::{Head, Loss};
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::joins::{self, ImageFactors};
use crate::engine::cpu_exec::norm::Moments;
use crate::engine::cpu_exec::plan::Plan;
use crate::engine::cpu_exec::planes::{Planes, Value};
use crate::engine::cpu_exec::product::Product;
use crate::engine::cpu_exec::program::{Kept, Program, Stage, State, Work};
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::executor::{Images, count_right};
use crate::engine::kernel::{LANES, Lanes};
use crate::engine::pass::{Noise, mask};
use crate::engine::{Gradients, Snapshot, floats};
use crate::net::{Net, Norm, TensorId};

/// One pass under way.
pub(super) struct Pass<'a> {
    pub(super) job: &'a Job,
    pub(super) net: &'a Net,
    pub(super) weights: Weights<'a>,
    pub(super) noise: Option<Noise<'a>>,
    pub(super) running: Option<&'a Snapshot>,
}

impl Pass<'_> {
    /// Runs all stages of the program on the images.
    pub(super) fn forward(&mut self, program: &mut Program, images: Images<'_>) -> Result<()> {
        program.reset();
        let Program { stages, state, .. } = program;
        let Job { buffers, batch, .. } = self.job;
        let planes = Planes::of_images(buffers, *batch, self.net.image, images.values);
        state.values[0] = Some(Value::plain(buffers, planes));
        for (place, stage) in stages.iter().enumerate() {
            let (value, kept) = self.run(stage, &state.values)?;
            state.values[stage.output] = value;
            state.kept[place] = kept;
            stage.last_use_of.iter().for_each(|&id| state.values[id] = None);
        }
        Ok(())
    }

    fn run(
        &mut self,
        stage: &Stage,
        values: &[Option<Value>],
    ) -> Result<(Option<Value>, Option<Kept>)> {
        let job = self.job;
        let input = |place: usize| value(values, stage.inputs[place]);
        Ok(match &stage.work {
            Work::Product(plan) => {
                let given = self.given_moments(plan)?;
                let inputs = inputs(stage, values)?;
                let product = Product { job, plan, weights: &self.weights, inputs };
                let (output, norm) = product.forward(given)?;
                (Some(output), Some(Kept::Norm(norm)))
            }
            Work::Pool(pool) => (Some(pool.forward(job, input(0)?)), None),
            Work::Pad(before) => (Some(joins::pad(job, input(0)?, *before, stage.shape)), None),
            Work::Add => (Some(joins::add(job, input(0)?, input(1)?)), None),
            Work::Concat => (Some(joins::concat(job, &inputs(stage, values)?, stage.shape)), None),
            Work::Zeros => (Some(joins::zeros(job, stage.shape)), None),
            Work::DropPath { depth } => {
                let factors = self.image_factors(*depth);
                (Some(factors.apply(job, input(0)?)), Some(Kept::Factors(factors)))
            }
            Work::Head { weight, dropout_keep } => {
                let mask = self.dropout(*dropout_keep, stage.input_shapes[0].channels);
                let weight = self.weights.copy(&job.buffers, weight)?;
                (None, Some(Kept::Head(Head::run(job, input(0)?, weight, mask))))
            }
        })
    }

    /// The running statistics that stand in for the batch's outside training.
    fn given_moments(&self, plan: &Plan) -> Result<Option<Moments>> {
        if self.net.norm == Norm::Batch || self.noise.is_some() {
            return Ok(None);
        }
        let [mean, variance] = plan.moments.each_ref().map(|name| {
            let Some(tensor) = self.running.and_then(|running| running.get(name)) else {
                candle_core::bail!("there are no running statistics `{name}`")
            };
            let widened = |values: &[f32]| {
                self.job.buffers.collect(values.iter().map(|&value| f64::from(value)))
            };
            floats::read(tensor, widened)
        });
        Ok(Some(Moments { mean: mean?, variance: variance? }))
    }

    fn dropout(&mut self, keep: f64, channels: usize) -> Numbers<f32> {
        match &mut self.noise {
            Some(noise) if keep < 1.0 => {
                narrow_mask(self.job, noise.rng, keep, self.job.batch.images * channels)
            }
            _ => self.job.buffers.numbers(0),
        }
    }

    fn image_factors(&mut self, depth: f64) -> ImageFactors {
        let Job { buffers, batch, .. } = self.job;
        let mut lanes = buffers.filled(batch.groups(), Lanes::splat(1.0));
        if let Some(noise) = &mut self.noise {
            let keep = 1.0 - depth * noise.drop_path;
            if keep < 1.0 {
                let factors = narrow_mask(self.job, noise.rng, keep, batch.images);
                for (lanes, factors) in lanes.iter_mut().zip(factors.chunks(LANES)) {
                    lanes.0[..factors.len()].copy_from_slice(factors);
                }
            }
        }
        ImageFactors(lanes)
    }

    /// After [`Pass::forward`]: writes loss and gradients of the whole net, auxiliary head
    /// included, into `found`.
    pub(super) fn backward(
        &self,
        program: &mut Program,
        labels: &[u32],
        found: &mut Gradients,
    ) -> Result<()> {
        let Program { stages, state, .. } = program;
        for (place, stage) in stages.iter().enumerate().rev() {
            // Taken, so that its memory is free for the stages before it.
            let kept = state.kept[place].take();
            self.stage_backward(stage, kept.as_ref(), (state, labels), found)?;
            state.grads.free(stage.output);
            state.values[stage.output] = None;
        }
        Ok(())
    }

    fn stage_backward(
        &self,
        stage: &Stage,
        kept: Option<&Kept>,
        (state, labels): (&mut State, &[u32]),
        found: &mut Gradients,
    ) -> Result<()> {
        let job = self.job;
        let State { values, grads: tensors, .. } = state;
        let (id, shape, from) = (stage.inputs[0], stage.input_shapes[0], stage.output);
        match (&stage.work, kept) {
            (Work::Product(plan), Some(Kept::Norm(norm))) => {
                let inputs = inputs(stage, values)?;
                let output = value(values, from)?;
                let product = Product { job, plan, weights: &self.weights, inputs };
                let ids = (from, &stage.inputs[..]);
                product.backward((output, norm), ids, tensors, &found.grads)?;
            }
            (Work::Head { weight, .. }, Some(Kept::Head(head))) => {
                let loss = self.loss(head, from, labels, found)?;
                let input = value(values, id)?;
                tensors.write(job, id, shape, |_, sink| {
                    head.backward(job, &loss, (input, sink), (weight, &found.grads))
                })?;
            }
            (Work::Pool(pool), _) => tensors.write_from(job, (id, shape), from, |grad, sink| {
                pool.backward(job, values[id].as_ref(), grad, sink);
            }),
            (Work::DropPath { .. }, Some(Kept::Factors(factors))) => {
                tensors.write_from(job, (id, shape), from, |grad, sink| {
                    factors.backward(job, grad, sink);
                });
            }
            (Work::Pad(before), _) => tensors.write_from(job, (id, shape), from, |grad, sink| {
                joins::pad_grad(job, *before, (grad, shape), sink);
            }),
            (Work::Add, _) => {
                stage.inputs.iter().for_each(|&id| tensors.add(job, id, (from, shape)));
            }
            (Work::Concat, _) => {
                let inputs = stage.inputs.iter().copied().zip(stage.input_shapes.iter().copied());
                joins::concat_grad(job, (from, stage.shape), inputs, tensors);
            }
            (Work::Zeros, _) => {}
            (work, _) => candle_core::bail!("{work:?} was not run"),
        }
        Ok(())
    }

    /// The loss of a head, which is the one of the pass or the auxiliary one.
    fn loss(
        &self,
        head: &Head,
        output: TensorId,
        labels: &[u32],
        found: &mut Gradients,
    ) -> Result<Loss> {
        if Some(output) == self.net.aux_logits {
            return head.loss(self.job, labels, self.net.aux_weight);
        }
        let loss = head.loss(self.job, labels, 1.0)?;
        found.loss = loss.value;
        found.correct = count_right(head.logits(), labels);
        Ok(loss)
    }
}

/// A tensor that has been computed.
fn value(values: &[Option<Value>], id: TensorId) -> Result<&Value> {
    match &values[id] {
        Some(value) => Ok(value),
        None => candle_core::bail!("tensor {id} was not computed"),
    }
}

/// What the stage reads.
fn inputs<'a>(stage: &Stage, values: &'a [Option<Value>]) -> Result<PerInput<&'a Value>> {
    stage.inputs.iter().map(|&id| value(values, id)).collect()
}

fn narrow_mask(job: &Job, rng: &mut ChaCha8Rng, keep: f64, n: usize) -> Numbers<f32> {
    job.buffers.collect(mask(rng, keep, n).map(|factor| factor as f32))
}
