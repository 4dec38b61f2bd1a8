//! The activations of a batch, and what their readers make of them.

use std::sync::Arc;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers, Numbers};
use crate::engine::cpu_exec::groups::Each;
use crate::engine::kernel::{Affine, LANES, Lanes, Raw};
use crate::net::Shape;

/// How a batch falls into groups of 16 images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Images.
    pub(super) images: usize,
}

impl Batch {
    pub(super) fn groups(self) -> usize {
        self.images.div_ceil(LANES)
    }

    /// 1 for the images of a group, 0 for those that fill it up.
    pub(super) fn valid(self, group: usize) -> Lanes {
        Lanes::first(self.images - group * LANES)
    }
}

/// One tensor of the whole batch: `[group][row][channel][column]`.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) shape: Shape,
    pub(super) values: Buffer,
}

impl Planes {
    /// Planes with whatever the buffer held.
    pub(super) fn take(buffers: &Arc<Buffers>, batch: Batch, shape: Shape) -> Self {
        Self { shape, values: buffers.take(batch.groups() * shape.n_values()) }
    }

    /// `[row][channel][column]`.
    pub(super) fn group(&self, group: usize) -> &[Lanes] {
        let len = self.shape.n_values();
        &self.values[group * len..][..len]
    }

    /// The planes of each group, to be written.
    pub(super) fn parts(&mut self) -> Each<'_, Lanes> {
        Each::new(&mut self.values, self.shape.n_values())
    }

    /// Puts images `(batch, channel, row, column)` into lanes; the last group is filled up with
    /// zeros.
    pub(super) fn of_images(
        buffers: &Arc<Buffers>,
        batch: Batch,
        shape: Shape,
        images: &[f32],
    ) -> Self {
        let mut planes = Self::take(buffers, batch, shape);
        let Shape { channels, height, width } = shape;
        let groups = images.chunks(LANES * shape.n_values());
        for (lanes, images) in planes.values.chunks_exact_mut(shape.n_values()).zip(groups) {
            lanes.fill(Lanes::default());
            for (lane, image) in images.chunks_exact(shape.n_values()).enumerate() {
                for (place, &value) in image.iter().enumerate() {
                    let (plane_row, column) = (place / width, place % width);
                    let (channel, row) = (plane_row / height, plane_row % height);
                    lanes[(row * channels + channel) * width + column].0[lane] = value;
                }
            }
        }
        planes
    }
}

/// A tensor as its readers see it: `scale·x + offset` of each channel of raw planes. Batch
/// normalization is never written out.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) planes: Planes,
    pub(super) scale: Numbers<f32>,
    pub(super) offset: Numbers<f32>,
}

impl Value {
    /// Planes that are read as they are.
    pub(super) fn plain(buffers: &Arc<Buffers>, planes: Planes) -> Self {
        let channels = planes.shape.channels;
        let [scale, offset] = [1.0, 0.0].map(|value| buffers.filled(channels, value));
        Self { planes, scale, offset }
    }

    pub(super) fn shape(&self) -> Shape {
        self.planes.shape
    }

    pub(super) fn affine(&self) -> Affine<'_> {
        Affine { scale: &self.scale, offset: &self.offset }
    }

    /// What a layer reads of one group.
    pub(super) fn input(&self, group: usize, relu: bool) -> Input<'_> {
        let values = self.planes.group(group);
        Input { values, shape: self.shape(), affine: self.affine(), relu }
    }
}

/// One group of a layer's input: raw values and what to make of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) values: &'a [Lanes],
    pub(super) shape: Shape,
    pub(super) affine: Affine<'a>,
    pub(super) relu: bool,
}

impl<'a> Input<'a> {
    /// One row, `[channel][column]`.
    pub(super) fn row(&self, row: usize) -> &'a [Lanes] {
        let len = self.shape.channels * self.shape.width;
        &self.values[row * len..][..len]
    }

    /// One row and how it is read.
    pub(super) fn raw(&self, row: usize) -> Raw<'a> {
        Raw { xs: self.row(row), affine: self.affine, relu: self.relu }
    }
}
