//! What every layer of a pass computes with.

use std::sync::Arc;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers, Numbers};
use crate::engine::cpu_exec::groups::{Each, Parts, by_group};
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

/// `[Σ a, Σ b]` of each channel, for each group.
#[derive(Debug)]
pub(super) struct GroupSums {
    sums: Numbers<[f64; 2]>,
    channels: usize,
}

impl Job {
    pub(super) fn planes(&self, shape: Shape) -> Planes {
        Planes::take(&self.buffers, self.batch, shape)
    }

    pub(super) fn scratch(&self, len: usize) -> Buffer {
        self.buffers.take(len)
    }

    /// Has `work` work on each group and its part of `parts`.
    pub(super) fn by_group<P: Parts>(&self, parts: P, work: impl Fn(usize, P) + Sync) {
        by_group(0..self.batch.groups(), parts, &work);
    }

    /// Fills new planes group by group.
    pub(super) fn fill(&self, shape: Shape, fill: impl Fn(usize, &mut [Lanes]) + Sync) -> Planes {
        let mut planes = self.planes(shape);
        self.by_group(planes.parts(), |group, lanes| fill(group, lanes.own()));
        planes
    }

    /// Zeros for sums over `channels` channels.
    pub(super) fn sums(&self, channels: usize) -> GroupSums {
        let sums = self.buffers.filled(self.batch.groups() * channels, [0.0; 2]);
        GroupSums { sums, channels }
    }
}

impl GroupSums {
    /// The sums of each group, to be written.
    pub(super) fn parts(&mut self) -> Each<'_, [f64; 2]> {
        Each::new(&mut self.sums, self.channels)
    }

    /// Those of all groups, in order.
    pub(super) fn total(&mut self) -> &[[f64; 2]] {
        add_up(&mut self.sums, self.channels, |total, part| {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        })
    }
}

/// Adds all lists of `len` values to the first one, in order.
pub(super) fn add_up<T>(lists: &mut [T], len: usize, add: impl Fn(&mut T, &T)) -> &[T] {
    let (total, parts) = lists.split_at_mut(len);
    for part in parts.chunks_exact(len.max(1)) {
        total.iter_mut().zip(part).for_each(|(total, part)| add(total, part));
    }
    total
}
