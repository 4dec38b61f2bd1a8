//! Sums of each channel over pixels and images: what a batch normalization needs, forward and
//! backward.

use pulp::{Simd, WithSimd};

use super::vectors::{strip_of, strips, valid_sum};
use super::{Isa, Lanes};

/// Pixels of a lane that are summed in f32. The sums of more are added in f64.
const PIXELS: usize = 64;
/// Sums side by side, so that an addition need not wait for the one before it.
const CHAINS: usize = 4;

/// `sums[c] += [Σ y, Σ y²]` over all pixels of several rows, `(rows, channels, width)`, and over
/// the lanes that `valid` has 1 for.
pub fn channel_sums(isa: Isa, rows: &[Lanes], width: usize, valid: &Lanes, sums: &mut [[f64; 2]]) {
    grad_sums(isa, [rows, rows], width, valid, sums);
}

/// `sums[c] += [Σ d, Σ d·y]` likewise.
pub fn grad_sums(
    isa: Isa,
    [ds, ys]: [&[Lanes]; 2],
    width: usize,
    valid: &Lanes,
    sums: &mut [[f64; 2]],
) {
    isa.run(GradSums { ds, ys, width, valid, sums });
}

struct GradSums<'a> {
    ds: &'a [Lanes],
    ys: &'a [Lanes],
    width: usize,
    valid: &'a Lanes,
    sums: &'a mut [[f64; 2]],
}

impl WithSimd for GradSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { ds, ys, width, valid, sums } = self;
        let row = sums.len() * width;
        let block = row * (PIXELS / width).max(1);
        for (ds, ys) in ds.chunks(block).zip(ys.chunks(block)) {
            for (channel, sums) in sums.iter_mut().enumerate() {
                for strip in 0..strips::<S>() {
                    let mut chains = [[simd.splat_f32s(0.0); 2]; CHAINS];
                    for (ds, ys) in ds.chunks_exact(row).zip(ys.chunks_exact(row)) {
                        let at = channel * width..(channel + 1) * width;
                        chains = add_pixels(simd, chains, [&ds[at.clone()], &ys[at]], strip);
                    }
                    let valid = strip_of::<S>(valid, strip);
                    for (idx, total) in sums.iter_mut().enumerate() {
                        let [a, b, c, d] = chains.map(|chain| chain[idx]);
                        let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
                        *total += f64::from(valid_sum(simd, sum, valid));
                    }
                }
            }
        }
    }
}

/// Adds the pixels of one strip to the chains in turn; what is left over, to the first.
#[inline(always)]
fn add_pixels<S: Simd>(
    simd: S,
    mut chains: [[S::f32s; 2]; CHAINS],
    [ds, ys]: [&[Lanes]; 2],
    strip: usize,
) -> [[S::f32s; 2]; CHAINS] {
    let ((ds, last_ds), (ys, last_ys)) = (ds.as_chunks::<CHAINS>(), ys.as_chunks::<CHAINS>());
    for (ds, ys) in ds.iter().zip(ys) {
        for (chain, (d, y)) in chains.iter_mut().zip(ds.iter().zip(ys)) {
            *chain = add(simd, *chain, strip_of::<S>(d, strip), strip_of::<S>(y, strip));
        }
    }
    for (d, y) in last_ds.iter().zip(last_ys) {
        chains[0] = add(simd, chains[0], strip_of::<S>(d, strip), strip_of::<S>(y, strip));
    }
    chains
}

#[inline(always)]
fn add<S: Simd>(simd: S, [sum, product]: [S::f32s; 2], d: S::f32s, y: S::f32s) -> [S::f32s; 2] {
    [simd.add_f32s(sum, d), simd.mul_add_e_f32s(d, y, product)]
}

#[cfg(test)]
mod tests;
