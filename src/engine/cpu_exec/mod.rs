//! The CPU executor: own kernels and hand-written gradients, several times faster than candle's.
//!
//! It computes what [`CandleExec`](crate::engine::CandleExec) computes, in f32 with sums over the
//! batch in f64. Batches are worked on in groups of 16 images, one image a lane of a vector: one
//! group is the unit of work, so that a step keeps at most `⌈batch / 16⌉` threads busy, and no
//! result depends on how many there are.

mod agreement;
mod buffers;
mod columns;
mod grads;
mod head;
mod job;
mod joins;
mod norm;
mod pass;
mod plan;
mod planes;
mod pools;
mod product;
mod scatter;
mod slide;
mod weights;

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use crate::engine::cpu_exec::buffers::Buffers;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::pass::Pass;
use crate::engine::cpu_exec::planes::Batch;
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::executor::{Executor, Gradients, Images};
use crate::engine::kernel::Isa;
use crate::engine::{Noise, Params, Snapshot};
use crate::net::Net;

/// Runs nets on the CPU with own kernels.
#[derive(Clone, Debug)]
pub struct CpuExec {
    isa: Isa,
    buffers: Arc<Buffers>,
}

impl CpuExec {
    /// An executor that uses the widest vectors of this machine.
    pub fn new() -> Self {
        Self::with(Isa::best())
    }

    fn with(isa: Isa) -> Self {
        Self { isa, buffers: Arc::default() }
    }

    fn pass<'a>(&self, net: &'a Net, weights: Weights<'a>, images: Images<'_>) -> Result<Pass<'a>> {
        let expected = images.labels.len() * net.image.n_values();
        if images.values.len() != expected || expected == 0 {
            candle_core::bail!("{} values are not {expected}", images.values.len());
        }
        let batch = Batch { images: images.labels.len() };
        let job = Job { isa: self.isa, buffers: self.buffers.clone(), batch };
        Ok(Pass { job, net, weights, noise: None, running: None })
    }
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
        images: Images<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let pass = self.pass(net, Weights::Params(params), images)?;
        Pass { noise: Some(noise), ..pass }.train(images)
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        let pass = self.pass(net, Weights::Snapshot(weights), images)?;
        let logits = Pass { running, ..pass }.logits(images)?;
        let batch = images.labels.len();
        let dims = [batch, logits.len() / batch];
        weights::tensor(logits, &dims)
    }
}
