//! An executor that tells of every pass it finishes, so that somebody else sees that it works.

use std::fmt;
use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use crate::engine::pass::Noise;
use crate::engine::{Batch, Executor, Gradients, Images, Measured, Params, Snapshot};
use crate::net::Net;

/// Runs nets on another executor, and calls a function after each pass of a child over a batch.
#[derive(Clone)]
pub struct Watched {
    exec: Arc<dyn Executor>,
    passed: Arc<dyn Fn() + Send + Sync>,
}

impl Watched {
    /// Runs on `exec`; `passed` is called after each pass, on the thread that took it.
    pub fn new(exec: Arc<dyn Executor>, passed: impl Fn() + Send + Sync + 'static) -> Self {
        Self { exec, passed: Arc::new(passed) }
    }

    fn told<T>(&self, result: T) -> T {
        (self.passed)();
        result
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.exec).finish()
    }
}

impl Executor for Watched {
    fn device(&self) -> &Device {
        self.exec.device()
    }

    fn name(&self) -> String {
        self.exec.name()
    }

    fn arithmetic(&self) -> String {
        self.exec.arithmetic()
    }

    fn memory(&self, net: &Net, images: usize) -> Result<Option<u64>> {
        self.exec.memory(net, images)
    }

    fn reserve(&self, nets: &[(&Net, usize)], limit: Option<u64>) -> Result<()> {
        self.exec.reserve(nets, limit)
    }

    fn rest(&self) {
        self.exec.rest();
    }

    fn wake(&self) -> Result<()> {
        self.exec.wake()
    }

    fn children_at_once(&self) -> usize {
        self.exec.children_at_once()
    }

    fn reads_words(&self) -> bool {
        self.exec.reads_words()
    }

    fn train(
        &self,
        net: &Net,
        params: &Params,
        batch: Batch<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        self.told(self.exec.train(net, params, batch, noise))
    }

    fn reuse(&self, used: Gradients) {
        self.exec.reuse(used);
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        self.told(self.exec.logits(net, weights, batch, running))
    }

    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Snapshot> {
        self.told(self.exec.moments(net, weights, images))
    }

    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Measured> {
        self.told(self.exec.measure(net, weights, batch, running))
    }
}
