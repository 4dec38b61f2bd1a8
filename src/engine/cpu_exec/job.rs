//! What every layer of a pass computes with.

use std::sync::Arc;

use rayon::prelude::*;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers};
use crate::engine::cpu_exec::planes::{Batch, Planes};
use crate::engine::kernel::{Isa, Lanes};
use crate::net::Shape;

/// Instructions, memory and the batch at hand.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) isa: Isa,
    pub(super) buffers: Arc<Buffers>,
    pub(super) batch: Batch,
}

impl Job {
    pub(super) fn planes(&self, shape: Shape) -> Planes {
        Planes::take(&self.buffers, self.batch, shape)
    }

    pub(super) fn scratch(&self, len: usize) -> Buffer {
        self.buffers.take(len)
    }

    /// Fills new planes group by group; also what came of each group, in order.
    ///
    /// Groups are the unit of work on any number of threads, so that no sum depends on it.
    pub(super) fn fill<T: Send>(
        &self,
        shape: Shape,
        fill: impl Fn(usize, &mut [Lanes]) -> T + Sync,
    ) -> (Planes, Vec<T>) {
        let mut planes = self.planes(shape);
        let groups = planes.values.par_chunks_exact_mut(shape.n_values());
        let found = groups.enumerate().map(|(group, lanes)| fill(group, lanes)).collect();
        (planes, found)
    }

    /// Something of each group, in order.
    pub(super) fn each_group<T: Send>(&self, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        (0..self.batch.groups()).into_par_iter().map(work).collect()
    }
}

/// Works on what belongs to each group; what came of it, in order.
pub(super) fn with_groups<G: Send, T: Send>(
    groups: Vec<G>,
    work: impl Fn(usize, G) -> T + Sync + Send,
) -> Vec<T> {
    groups.into_par_iter().enumerate().map(|(group, own)| work(group, own)).collect()
}

/// The sum of equally long lists, in order.
pub(super) fn add_up<const N: usize>(mut parts: Vec<Vec<[f64; N]>>) -> Vec<[f64; N]> {
    let mut parts = parts.drain(..);
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (total, value) in total.iter_mut().flatten().zip(part.iter().flatten()) {
            *total += value;
        }
    }
    total
}
