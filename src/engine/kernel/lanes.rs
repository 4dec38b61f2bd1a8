//! One value for each of 16 images.

use bytemuck::{Pod, Zeroable};

/// Images side by side: the widest vector of the instruction sets in use.
pub const LANES: usize = 16;

/// One value for each of 16 images; one cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// The same value for every image.
    pub const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    /// 1 for the first `n` images, 0 for the others.
    pub fn first(n: usize) -> Self {
        Self(std::array::from_fn(|lane| if lane < n { 1.0 } else { 0.0 }))
    }
}
