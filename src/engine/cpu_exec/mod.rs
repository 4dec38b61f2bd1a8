//! The CPU executor: own kernels and hand-written gradients, several times faster than candle's.
//!
//! It computes what [`CandleExec`](crate::engine::CandleExec) computes, in f32 with sums over the
//! batch in f64. Batches are worked on in groups of 16 images, one image a lane of a vector: one
//! group is the unit of work, so that a step keeps at most `⌈batch / 16⌉` threads busy, and no
//! result depends on how many there are.

pub(in crate::engine) mod agreement;
mod buffers;
mod columns;
mod found;
mod grads;
mod groups;
mod head;
mod job;
mod joins;
mod norm;
mod pass;
mod plan;
mod planes;
mod pools;
mod product;
mod product_grad;
mod program;
mod scatter;
mod slabs;
mod slide;
mod tiling;
mod weights;
mod words;

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use crate::engine::cpu_exec::buffers::Buffers;
use crate::engine::cpu_exec::found::{Spares, fit};
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::pass::Pass;
use crate::engine::cpu_exec::program::{Mode, Programs};
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::cpu_exec::words::Workspaces;
use crate::engine::executor::{Batch, Executor, Gradients, Images, Measured, measured, no_words};
use crate::engine::kernel::Isa;
use crate::engine::{Noise, Params, Snapshot};
use crate::net::{Net, Norm};

/// Runs nets on the CPU with own kernels.
#[derive(Clone, Debug)]
pub struct CpuExec {
    isa: Isa,
    buffers: Arc<Buffers>,
    programs: Arc<Programs>,
    spares: Arc<Spares>,
    workspaces: Arc<Workspaces>,
}

impl CpuExec {
    /// An executor that uses the widest vectors of this machine.
    pub fn new() -> Self {
        Self::with(Isa::best())
    }

    pub(super) fn with(isa: Isa) -> Self {
        Self {
            isa,
            buffers: Arc::default(),
            programs: Arc::default(),
            spares: Arc::default(),
            workspaces: Arc::default(),
        }
    }

    fn job(&self, net: &Net, images: Images<'_>) -> Result<Job> {
        if net.reads_words() {
            return no_words();
        }
        let expected = images.labels.len() * net.image.n_values();
        if images.values.len() != expected || expected == 0 {
            candle_core::bail!("{} values are not {expected}", images.values.len());
        }
        let batch = planes::Batch::new(net, images.labels.len());
        Ok(Job { isa: self.isa, buffers: self.buffers.clone(), batch })
    }

    /// Has `read` read the logits of every image, `(batch, classes)`.
    fn score<T>(
        &self,
        net: &Net,
        weights: &Snapshot,
        (images, running): (Images<'_>, Option<&Snapshot>),
        read: impl FnOnce(&[f32]) -> T,
    ) -> Result<T> {
        let job = &self.job(net, images)?;
        let weights = Weights::Snapshot(weights);
        let mut pass = Pass { job, net, weights, noise: None, running };
        let mut program = self.programs.take(net, Mode::Score);
        on_a_worker(|| pass.forward(&mut program, images))?;
        let found = read(program.logits()?);
        self.programs.give(program);
        Ok(found)
    }
}

/// Runs a whole pass on one of the threads that share its work, so that no thread waits for
/// another between its layers.
fn on_a_worker<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::join(work, || ()).0
}

impl Default for CpuExec {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for CpuExec {
    fn device(&self) -> &Device {
        &Device::Cpu
    }

    fn name(&self) -> String {
        format!("fast ({})", self.isa.name())
    }

    /// Children need not wait for each other between their layers; the cores do the rest.
    fn children_at_once(&self) -> usize {
        rayon::current_num_threads()
    }

    fn train(
        &self,
        net: &Net,
        params: &Params,
        batch: Batch<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let images = match batch {
            Batch::Images(images) => images,
            Batch::Words(words) => return self.train_words(net, params, words, noise),
        };
        let job = &self.job(net, images)?;
        let mode = if 0.0 < noise.drop_path { Mode::TrainDropping } else { Mode::Train };
        let mut program = self.programs.take(net, mode);
        let mut found = self.spares.take(&program.grads, &program.moments)?;
        let weights = Weights::Params(params);
        let mut pass = Pass { job, net, weights, noise: Some(noise), running: None };
        on_a_worker(|| {
            pass.forward(&mut program, images)?;
            program.logits()?;
            program.keep_moments(&found.moments)?;
            pass.backward(&mut program, images.labels, &mut found)
        })?;
        self.programs.give(program);
        Ok(found)
    }

    fn reuse(&self, used: Gradients) {
        self.spares.give(used);
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        let images = match batch {
            Batch::Images(images) => images,
            Batch::Words(words) => {
                let n = words.ids.len();
                let logits = self.read_words(net, weights, words, |softmax, _| softmax.logits())?;
                let classes = logits.len() / n;
                return Tensor::from_vec(logits, (n, classes), &Device::Cpu);
            }
        };
        let batch = images.labels.len();
        self.score(net, weights, (images, running), |logits| {
            Tensor::from_slice(logits, (batch, logits.len() / batch), &Device::Cpu)
        })?
    }

    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Snapshot> {
        let net = &net.normed(Norm::Batch);
        let job = &self.job(net, images)?;
        let weights = Weights::Snapshot(weights);
        let mut pass = Pass { job, net, weights, noise: None, running: None };
        let mut program = self.programs.take(net, Mode::Score);
        let moments = fit(Snapshot::new(), &program.moments)?;
        on_a_worker(|| {
            pass.forward(&mut program, images)?;
            program.keep_moments(&moments)
        })?;
        self.programs.give(program);
        Ok(moments)
    }

    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Measured> {
        let images = match batch {
            Batch::Images(images) => images,
            Batch::Words(words) => {
                return self.read_words(net, weights, words, |softmax, logits| {
                    softmax.measure(logits, None)
                })?;
            }
        };
        let labels = images.labels;
        self.score(net, weights, (images, running), |logits| measured(logits, labels))
    }
}
