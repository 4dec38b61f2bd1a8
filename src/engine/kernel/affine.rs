//! What a reader makes of a row that a batch normalization has not yet been applied to.

use pulp::Simd;

use super::Lanes;

/// Scale and offset of each channel: what a reader applies to a raw row, `scale · x + offset`.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// One for each channel.
    pub scale: &'a [f32],
    /// One for each channel.
    pub offset: &'a [f32],
}

impl Affine<'_> {
    /// Scale and offset of each channel.
    #[inline(always)]
    pub(super) fn channels(self) -> impl Iterator<Item = (f32, f32)> {
        self.scale.iter().copied().zip(self.offset.iter().copied())
    }
}

/// A raw row and how it is read: `act(scale · x + offset)`.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// `(channels, width)`.
    pub xs: &'a [Lanes],
    /// Its length is the number of channels.
    pub affine: Affine<'a>,
    /// Whether `act` is a ReLU, or nothing.
    pub relu: bool,
}

impl Raw<'_> {
    /// Columns of the row.
    pub(super) fn width(&self) -> usize {
        self.xs.len() / self.affine.scale.len()
    }

    /// What `act` leaves as it is, is above this; and it lets nothing below through.
    pub(super) fn floor(&self) -> f32 {
        if self.relu { 0.0 } else { f32::NEG_INFINITY }
    }
}

/// `x`, or `floor` where `x` is below it. What is no number stays none, which the maximum of some
/// instruction sets would hide.
#[inline(always)]
pub(super) fn at_least<S: Simd>(simd: S, floor: S::f32s, x: S::f32s) -> S::f32s {
    simd.select_f32s(simd.less_than_f32s(x, floor), floor, x)
}

/// A row that a gradient goes to.
#[derive(Debug)]
pub struct GradRow<'a> {
    /// `(channels, width)`.
    pub row: &'a mut [Lanes],
    /// Whether to add to what it holds, or to overwrite it.
    pub add: bool,
}
