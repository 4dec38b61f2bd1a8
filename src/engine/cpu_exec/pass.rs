//! One pass of a net: forward layer by layer, backward in the opposite order.

use std::sync::Arc;

use candle_core::Result;

use crate::engine::cpu_exec::grads::Grads;
use crate::engine::cpu_exec::head::{Head, Loss};
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::joins::{self, ImageFactors};
use crate::engine::cpu_exec::norm::Moments;
use crate::engine::cpu_exec::plan::Plan;
use crate::engine::cpu_exec::planes::{Planes, Value};
use crate::engine::cpu_exec::pools::Pool;
use crate::engine::cpu_exec::product::Product;
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::executor::{Images, count_right};
use crate::engine::kernel::{LANES, Lanes};
use crate::engine::pass::{Noise, mask};
use crate::engine::{Gradients, Snapshot};
use crate::net::{Layer, LayerKind, Net, Norm, Shape};

/// A layer that has been run, with what its gradient needs.
#[derive(Debug)]
enum Step {
    Product(Box<Product>),
    Pool(Pool),
    Add,
    Concat,
    DropPath(Option<ImageFactors>),
    Head(Head),
}

/// One pass under way.
pub(super) struct Pass<'a> {
    pub(super) job: Job,
    pub(super) net: &'a Net,
    pub(super) weights: Weights<'a>,
    pub(super) noise: Option<Noise<'a>>,
    pub(super) running: Option<&'a Snapshot>,
}

impl Pass<'_> {
    /// The logits of the main head, `(batch, classes)`, without keeping what gradients need.
    pub(super) fn logits(mut self, images: Images<'_>) -> Result<Vec<f32>> {
        let live = self.net.live_layers(false);
        let last_readers = self.net.last_readers(&live);
        let mut values = self.values(images);
        for (idx, layer) in self.net.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            let (step, output) = self.run(layer, &inputs(layer, &values)?)?;
            if let Step::Head(head) = step {
                return Ok(head.logits().to_vec());
            }
            values[idx + 1] = output;
            for &id in layer.inputs.iter().filter(|&&id| last_readers[id] == idx) {
                values[id] = None;
            }
        }
        candle_core::bail!("the net has no head")
    }

    /// Loss and gradients of the whole net, auxiliary head included.
    pub(super) fn train(mut self, images: Images<'_>) -> Result<Gradients> {
        let live = self.net.live_layers(true);
        let mut values = self.values(images);
        let mut steps = Vec::with_capacity(live.len());
        let mut moments = Snapshot::new();
        for (idx, layer) in self.net.layers.iter().enumerate() {
            if !live[idx] {
                steps.push(None);
                continue;
            }
            let (step, output) = self.run(layer, &inputs(layer, &values)?)?;
            if let Step::Product(product) = &step {
                product.keep_moments(&mut moments)?;
            }
            values[idx + 1] = output;
            steps.push(Some(step));
        }
        drop(values);
        self.backward(steps, images.labels, moments)
    }

    /// The images, and room for what the layers write.
    fn values(&self, images: Images<'_>) -> Vec<Option<Value>> {
        let Job { buffers, batch, .. } = &self.job;
        let planes = Planes::of_images(buffers, *batch, self.net.image, images.values);
        let mut values: Vec<Option<Value>> = self.net.layers.iter().map(|_| None).collect();
        values.insert(0, Some(Value::plain(planes)));
        values
    }

    fn run(&mut self, layer: &Layer, inputs: &[Value]) -> Result<(Step, Option<Value>)> {
        let job = &self.job;
        if let Some(plan) = Plan::of(layer) {
            let given = self.given_moments(&plan)?;
            let product = Product::run(job, plan, &self.weights, inputs.to_vec(), given)?;
            let output = product.output().clone();
            return Ok((Step::Product(Box::new(product)), Some(output)));
        }
        if let Some((pool, output)) = Pool::run(job, layer, &inputs[0]) {
            return Ok((Step::Pool(pool), Some(output)));
        }
        Ok(match layer.kind {
            LayerKind::Add => (Step::Add, Some(joins::add(job, &inputs[0], &inputs[1]))),
            LayerKind::Concat => (Step::Concat, Some(joins::concat(job, inputs, layer.output))),
            LayerKind::DropPath { depth } => match self.image_factors(depth) {
                Some(factors) => {
                    let output = factors.apply(&self.job, &inputs[0]);
                    (Step::DropPath(Some(factors)), Some(output))
                }
                None => (Step::DropPath(None), Some(inputs[0].clone())),
            },
            LayerKind::Head { dropout_keep } => {
                let mask = self.dropout(dropout_keep, layer.input_shapes[0]);
                let name = layer.params().swap_remove(0).0;
                let weight = self.weights.get(&name)?;
                let head = Head::run(&self.job, inputs[0].clone(), (name, weight), mask);
                (Step::Head(head), None)
            }
            kind => candle_core::bail!("{kind:?} is no layer of this executor"),
        })
    }

    /// The running statistics that stand in for the batch's outside training.
    fn given_moments(&self, plan: &Plan) -> Result<Option<Moments>> {
        if self.net.norm == Norm::Batch || self.noise.is_some() {
            return Ok(None);
        }
        let find = |name: &str| {
            let name = format!("{}.{name}", plan.norm);
            match self.running.and_then(|running| running.get(&name)) {
                Some(tensor) => Ok(tensor.to_vec1::<f32>()?.into_iter().map(f64::from).collect()),
                None => candle_core::bail!("there are no running statistics `{name}`"),
            }
        };
        Ok(Some(Moments { mean: find("mean")?, variance: find("variance")? }))
    }

    fn dropout(&mut self, keep: f64, input: Shape) -> Vec<f32> {
        let n = self.job.batch.images * input.channels;
        match &mut self.noise {
            Some(noise) if keep < 1.0 => narrowed(&mask(noise.rng, keep, n)),
            _ => Vec::new(),
        }
    }

    fn image_factors(&mut self, depth: f64) -> Option<ImageFactors> {
        let noise = self.noise.as_mut()?;
        let keep = 1.0 - depth * noise.drop_path;
        if 1.0 <= keep {
            return None;
        }
        let factors = narrowed(&mask(noise.rng, keep, self.job.batch.images));
        let group = |images: &[f32]| {
            let mut lanes = Lanes::default();
            lanes.0[..images.len()].copy_from_slice(images);
            lanes
        };
        Some(ImageFactors(factors.chunks(LANES).map(group).collect()))
    }

    fn backward(
        &self,
        mut steps: Vec<Option<Step>>,
        labels: &[u32],
        moments: Snapshot,
    ) -> Result<Gradients> {
        let main = loss(&steps, self.net.logits, labels, 1.0)?;
        let aux = match self.net.aux_logits {
            Some(aux) => Some((aux, loss(&steps, aux, labels, self.net.aux_weight)?)),
            None => None,
        };
        let mut found = Gradients { loss: main.value, correct: 0, grads: Snapshot::new(), moments };
        if let Some(Step::Head(head)) = &steps[self.net.logits - 1] {
            found.correct = count_right(head.logits(), labels);
        }
        let mut tensors = Grads::new(steps.len() + 1);
        for (idx, layer) in self.net.layers.iter().enumerate().rev() {
            // Taken, so that its memory is free for the layers before it.
            match steps[idx].take() {
                Some(Step::Head(head)) => {
                    let aux = aux.as_ref().filter(|(id, _)| *id == idx + 1);
                    let loss = aux.map_or(&main, |(_, loss)| loss);
                    let (id, shape) = (layer.inputs[0], layer.input_shapes[0]);
                    tensors.write(&self.job, id, shape, |sink| {
                        head.backward(loss, sink, &mut found.grads)
                    })?;
                }
                Some(step) => {
                    if let Some(grad) = tensors.take(idx + 1) {
                        let grads = (&mut tensors, &mut found.grads);
                        step.backward(&self.job, layer, grad, grads)?;
                    }
                }
                None => {}
            }
        }
        Ok(found)
    }
}

impl Step {
    fn backward(
        self,
        job: &Job,
        layer: &Layer,
        grad: Arc<Planes>,
        (tensors, params): (&mut Grads, &mut Snapshot),
    ) -> Result<()> {
        let (id, shape) = (layer.inputs[0], layer.input_shapes[0]);
        match self {
            Self::Product(product) => {
                product.backward(job, &grad, &layer.inputs, (tensors, params))?;
            }
            Self::Add | Self::DropPath(None) => {
                layer.inputs.iter().for_each(|&id| tensors.add(job, id, &grad));
            }
            Self::Concat => {
                let inputs: Vec<_> =
                    layer.inputs.iter().copied().zip(layer.input_shapes.iter().copied()).collect();
                joins::concat_grad(job, &grad, &inputs, tensors);
            }
            Self::Pool(pool) => {
                tensors.write(job, id, shape, |sink| pool.backward(job, &grad, sink));
            }
            Self::DropPath(Some(factors)) => {
                tensors.write(job, id, shape, |sink| factors.backward(&grad, sink));
            }
            // Logits have a loss instead.
            Self::Head(_) => {}
        }
        Ok(())
    }
}

fn loss(steps: &[Option<Step>], id: usize, labels: &[u32], share: f64) -> Result<Loss> {
    match &steps[id - 1] {
        Some(Step::Head(head)) => head.loss(labels, share),
        _ => candle_core::bail!("tensor {id} is not written by a head"),
    }
}

/// What the layer reads.
fn inputs(layer: &Layer, values: &[Option<Value>]) -> Result<Vec<Value>> {
    let value = |&id: &usize| match &values[id] {
        Some(value) => Ok(value.clone()),
        None => candle_core::bail!("tensor {id} was not computed"),
    };
    layer.inputs.iter().map(value).collect()
}

fn narrowed(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}
