//! What kernels are told: twins of the structures in `kernels/`, field by field.

use bytemuck::{Pod, Zeroable};

/// A number as kernels are told of it; `build::program` refuses nets with larger ones.
pub(super) fn int(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The same where it may be larger.
pub(super) fn long(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Threads of a block.
pub(super) const THREADS: usize = 256;

/// Floats at the start of the arena that count which block comes last; they are zeros between launches.
pub(super) const TICKETS: usize = 32;

/// Regions of a device's memory.
pub(super) const REGIONS: usize = 5;

/// Sources of a product at most: a launch tells of no more.
pub(super) const MAX_SOURCES: usize = 24;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// Activations, their gradients, and sums on the way.
    Arena,
    /// Parameters.
    Weights,
    /// What a pass finds: gradients as parameters lie, moments, logits.
    Found,
    /// What a pass is given: images, labels, masks, running statistics.
    Given,
    /// Lists of what one launch does many times.
    Table,
}

/// Floats from the start of a region, which is in the upper byte; below zero: nothing.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct At(i64);

impl At {
    /// Nothing.
    pub(super) const NONE: Self = Self(-1);

    /// The place so many floats from the start of a region.
    pub(super) const fn new(region: Region, offset: usize) -> Self {
        Self(((region as i64) << 56) | offset.cast_signed() as i64)
    }

    /// The region and the floats from its start, where it is any.
    pub(super) fn place(self) -> Option<(usize, usize)> {
        let offset = self.0 & ((1 << 56) - 1);
        (0 <= self.0).then_some(((self.0 >> 56) as usize, offset as usize))
    }

    /// So many floats further on.
    pub(super) const fn plus(self, floats: usize) -> Self {
        Self(self.0 + floats.cast_signed() as i64)
    }
}

/// Where the regions are.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(super) struct Bases(pub(super) [u64; REGIONS]);

/// Planes of a batch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Planes {
    pub(super) images: i32,
    pub(super) height: i32,
    pub(super) width: i32,
}

/// A window that slides over planes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Window {
    pub(super) rows: i32,
    pub(super) columns: i32,
    pub(super) down: i32,
    pub(super) across: i32,
    pub(super) row_gap: i32,
    pub(super) column_gap: i32,
    pub(super) above: i32,
    pub(super) left: i32,
}

/// Batch normalization, forward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Stats {
    pub(super) partials: At,
    pub(super) ticket: At,
    pub(super) gamma: At,
    pub(super) beta: At,
    pub(super) norm: At,
    pub(super) found: At,
    pub(super) n: f64,
}

/// Batch normalization, backward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Back {
    pub(super) partials: At,
    pub(super) ticket: At,
    pub(super) gamma: At,
    pub(super) norm: At,
    pub(super) dgamma: At,
    pub(super) dbeta: At,
    pub(super) coefs: At,
    pub(super) n: f64,
}

impl Back {
    /// None.
    pub(super) const NONE: Self = Self {
        partials: At::NONE,
        ticket: At::NONE,
        gamma: At::NONE,
        norm: At::NONE,
        dgamma: At::NONE,
        dbeta: At::NONE,
        coefs: At::NONE,
        n: 0.0,
    };
}

/// What a product reads, and what becomes of the gradient.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Source {
    pub(super) x: At,
    pub(super) norm: At,
    pub(super) weight: At,
    pub(super) depthwise: At,
    pub(super) dx: At,
    pub(super) back: Back,
    pub(super) channels: i32,
    pub(super) relu: i32,
    pub(super) accumulate: i32,
    pub(super) terms: i32,
    pub(super) row: i32,
    pub(super) first: i32,
    pub(super) outputs: i32,
    pub(super) down: i32,
    pub(super) right: i32,
    pub(super) pad: i32,
}

/// A product, forward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct ProductForward {
    pub(super) bases: Bases,
    pub(super) z: At,
    pub(super) stats: Stats,
    pub(super) input: Planes,
    pub(super) output: Planes,
    pub(super) window: Window,
    pub(super) channels: i32,
    pub(super) n_sources: i32,
    pub(super) sources: [Source; MAX_SOURCES],
}

/// A product, backward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct ProductBackward {
    pub(super) bases: Bases,
    pub(super) d: At,
    pub(super) z: At,
    pub(super) norm: At,
    pub(super) coefs: At,
    pub(super) du: At,
    pub(super) partials: At,
    pub(super) input: Planes,
    pub(super) output: Planes,
    pub(super) window: Window,
    pub(super) channels: i32,
    pub(super) n_sources: i32,
    pub(super) x_blocks: i32,
    pub(super) splits: i32,
    pub(super) strips_of_split: i32,
    pub(super) rows: i32,
    pub(super) sources: [Source; MAX_SOURCES],
}

/// A depthwise convolution, backward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct DepthwiseBackward {
    pub(super) bases: Bases,
    pub(super) du: At,
    pub(super) partials: At,
    pub(super) input: Planes,
    pub(super) output: Planes,
    pub(super) window: Window,
    pub(super) strips_of_block: i32,
    pub(super) pad: i32,
    pub(super) source: Source,
}

/// Images to pixels.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Images {
    pub(super) bases: Bases,
    pub(super) from: At,
    pub(super) to: At,
    pub(super) planes: Planes,
    pub(super) channels: i32,
    pub(super) padded: i32,
    pub(super) pad: i32,
}

/// A launch that goes through a table.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Tabled {
    pub(super) bases: Bases,
    pub(super) table: At,
}

/// Scales and offsets from running statistics.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct RunningEntry {
    pub(super) gamma: At,
    pub(super) beta: At,
    pub(super) mean: At,
    pub(super) variance: At,
    pub(super) norm: At,
    pub(super) channels: i64,
}

/// The gradient of a parameter out of its shares.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct FinishEntry {
    pub(super) partials: At,
    pub(super) to: At,
    pub(super) rows: i64,
    pub(super) stride: i64,
    pub(super) len: i64,
}

/// The sum of two tensors.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Add {
    pub(super) bases: Bases,
    pub(super) a: At,
    pub(super) a_norm: At,
    pub(super) b: At,
    pub(super) b_norm: At,
    pub(super) y: At,
    pub(super) quads: i64,
    pub(super) channels: i32,
    pub(super) pad: i32,
}

/// Part of a tensor out of, or into, a larger one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Move {
    pub(super) bases: Bases,
    pub(super) small: At,
    pub(super) norm: At,
    pub(super) large: At,
    pub(super) factors: At,
    pub(super) inner: Planes,
    pub(super) outer: Planes,
    pub(super) real: i32,
    pub(super) padded: i32,
    pub(super) outer_padded: i32,
    pub(super) row: i32,
    pub(super) column: i32,
    pub(super) channel: i32,
    pub(super) accumulate: i32,
    pub(super) pad: i32,
}

/// Zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Clear {
    pub(super) bases: Bases,
    pub(super) to: At,
    pub(super) quads: i64,
}

/// Sums for one or two normalizations whose outputs have the same gradient.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct NormSums {
    pub(super) bases: Bases,
    pub(super) d: At,
    pub(super) z: [At; 2],
    pub(super) backs: [Back; 2],
    pub(super) pixels: i64,
    pub(super) channels: i32,
    pub(super) n: i32,
    pub(super) pixels_of_block: i32,
    pub(super) pad: i32,
}

/// A pool, forward or backward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Pool {
    pub(super) bases: Bases,
    pub(super) x: At,
    pub(super) norm: At,
    pub(super) y: At,
    pub(super) taps: At,
    pub(super) d: At,
    pub(super) dx: At,
    pub(super) input: Planes,
    pub(super) output: Planes,
    pub(super) window: Window,
    pub(super) channels: i32,
    pub(super) relu: i32,
    pub(super) accumulate: i32,
    pub(super) pad: i32,
}

/// A classifier, forward or backward.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Head {
    pub(super) bases: Bases,
    pub(super) x: At,
    pub(super) norm: At,
    pub(super) weight: At,
    pub(super) mask: At,
    pub(super) features: At,
    pub(super) logits: At,
    pub(super) labels: At,
    pub(super) dlogits: At,
    pub(super) dx: At,
    pub(super) dweight: At,
    pub(super) input: Planes,
    pub(super) channels: i32,
    pub(super) real: i32,
    pub(super) classes: i32,
    pub(super) row: i32,
    pub(super) accumulate: i32,
    pub(super) pad: [i32; 2],
    pub(super) share: f64,
}
