//! The activations of a batch, and what their readers make of them.

use std::sync::Arc;

use crate::engine::cpu_exec::buffers::{Buffers, Numbers};
use crate::engine::cpu_exec::slabs::{SlabParts, Slabs};
use crate::engine::kernel::{Affine, LANES, Lanes, Raw};
use crate::net::{Net, Shape};

/// How a batch falls into groups of 16 images, and how large their tensors mostly are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Images.
    pub(super) images: usize,
    /// Values that one of them has in most tensors of the net.
    pub(super) usual: usize,
}

impl Batch {
    /// Images of a net. The cells before the first reduction have the most and the largest
    /// tensors, all of one size, whatever the cells are.
    pub(super) fn new(net: &Net, images: usize) -> Self {
        let shapes = net.layers.iter().map(|layer| layer.output);
        let cells = shapes.filter(|shape| shape.plane() == net.image.plane());
        Self { images, usual: cells.map(Shape::n_values).min().unwrap_or(1) }
    }

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
    pub(super) values: Slabs,
}

impl Planes {
    /// Planes with whatever their memory held.
    pub(super) fn take(buffers: &Arc<Buffers>, batch: Batch, shape: Shape) -> Self {
        let values = Slabs::take(buffers, batch.groups(), shape.n_values(), batch.usual);
        Self { shape, values }
    }

    /// `[row][channel][column]`.
    pub(super) fn group(&self, group: usize) -> &[Lanes] {
        self.values.group(group)
    }

    /// The planes of each group, to be written.
    pub(super) fn parts(&mut self) -> SlabParts<'_> {
        self.values.parts()
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
        for (lanes, images) in planes.values.groups_mut().zip(groups) {
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
