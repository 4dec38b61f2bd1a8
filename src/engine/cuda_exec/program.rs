//! A net made ready for passes over so many images: every launch with all that it is told, and where
//! everything lies. It is made once, and depends on no device.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;

use crate::engine::cuda_exec::ops::REGIONS;
use crate::engine::pass::mask;
use crate::net::Net;

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Logits alone.
    Score,
    /// The mean and the variance of each batch normalization.
    Moments,
    /// Gradients; drop-path does nothing.
    Train,
    /// Gradients, with drop-path.
    TrainDropping,
}

impl Mode {
    /// Whether gradients are found.
    pub(super) const fn is_training(self) -> bool {
        matches!(self, Self::Train | Self::TrainDropping)
    }

    /// Whether the moments of the batch are.
    pub(super) const fn finds_moments(self) -> bool {
        !matches!(self, Self::Score)
    }
}

/// One kernel on a grid of blocks.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// Its name.
    pub(super) kernel: &'static str,
    /// Blocks from left to right, and from top to bottom.
    pub(super) grid: [u32; 2],
    /// What it is told, of which the first words are where the regions are.
    pub(super) op: Vec<u64>,
    /// Bytes that it reads or writes, each once.
    #[cfg(test)]
    pub(super) traffic: u64,
}

/// What is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Drops {
    /// Features, of which this share is kept.
    Features(f64),
    /// Whole images, at this share of the net's depth.
    Paths(f64),
}

/// Factors that a pass draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mask {
    pub(super) drops: Drops,
    /// Where they are among what is given.
    pub(super) offset: usize,
    pub(super) len: usize,
}

impl Mask {
    /// Draws them.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, drop_path: f64, given: &mut [f32]) {
        let keep = match self.drops {
            Drops::Features(keep) => keep,
            Drops::Paths(depth) => 1.0 - depth * drop_path,
        };
        let out = &mut given[self.offset..][..self.len];
        if 1.0 <= keep {
            out.fill(1.0);
            return;
        }
        let drawn = mask(rng, keep, self.len);
        out.iter_mut().zip(drawn).for_each(|(out, factor)| *out = factor as f32);
    }
}

/// The moments of a batch normalization: mean, then variance, of so many channels with their padding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moments {
    /// Their names.
    pub(super) names: [String; 2],
    /// Where they are among what is found, or given.
    pub(super) offset: usize,
    pub(super) channels: usize,
}

/// Numbers of a head among what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Logits {
    pub(super) offset: usize,
    pub(super) classes: usize,
}

/// A net made ready.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) net: Net,
    pub(super) mode: Mode,
    pub(super) images: usize,
    pub(super) launches: Vec<Launch>,
    /// Floats of each region.
    pub(super) lens: [usize; REGIONS],
    /// What launches go through, in words.
    pub(super) table: Vec<u64>,
    /// Where the labels are among what is given.
    pub(super) labels: usize,
    pub(super) masks: Vec<Mask>,
    /// Moments that are found.
    pub(super) found: Vec<Moments>,
    /// Moments that are given.
    pub(super) running: Vec<Moments>,
    pub(super) logits: Logits,
    /// The parameters that have a gradient, with their sides.
    pub(super) grads: BTreeMap<String, Vec<usize>>,
}
