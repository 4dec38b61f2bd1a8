//! Rows against plain loops in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_lanes, on_all};
use super::super::{Affine, GradRow, Isa, Lanes, Raw};
use super::*;

/// Channels and width.
const SHAPES: &[[usize; 2]] = &[[1, 1], [3, 7], [20, 32], [5, 1], [40, 8], [9, 13]];

fn read(raw: Raw, at: usize, lane: usize) -> f64 {
    let channel = at / raw.width();
    let (scale, offset) = (raw.affine.scale[channel], raw.affine.offset[channel]);
    let x = f64::from(scale) * f64::from(raw.xs[at].0[lane]) + f64::from(offset);
    if raw.relu { x.max(0.0) } else { x }
}

/// Whether the gradient passes. Exact in f32 too, as no sample comes near the edge.
fn passes(raw: Raw, at: usize, lane: usize) -> bool {
    !raw.relu || read(raw, at, lane) > 0.0
}

fn for_all(test: impl Fn(Isa, Raw, &mut Samples)) {
    on_all(|isa| {
        for [channels, width] in SHAPES {
            for relu in [false, true] {
                let mut samples = Samples::new((channels * width) as u64);
                let xs = samples.lanes(channels * width);
                let (scale, offset) = (samples.floats(*channels), samples.floats(*channels));
                let affine = Affine { scale: &scale, offset: &offset };
                test(isa, Raw { xs: &xs, affine, relu }, &mut samples);
            }
        }
    });
}

#[test]
fn a_row_is_read_into_a_padded_one_whose_padding_stays() {
    for_all(|isa, raw, _| {
        let width = raw.width();
        for before in 0..3 {
            let pad = Padded { before, padded: width + 2 };
            let padding = Lanes::splat(7.0);
            let mut ys = vec![padding; raw.affine.scale.len() * pad.padded];
            affine_padded(isa, raw, &mut ys, pad);
            for (channel, ys) in ys.chunks(pad.padded).enumerate() {
                assert!(ys[..before].iter().chain(&ys[before + width..]).all(|y| *y == padding));
                for (x, y) in ys[before..][..width].iter().enumerate() {
                    assert_lanes(y, |lane| read(raw, channel * width + x, lane));
                }
            }
        }
    });
}

#[test]
fn two_rows_are_added_each_with_its_own_scale_and_offset() {
    for_all(|isa, a, samples| {
        let channels = a.affine.scale.len();
        let xs = samples.lanes(a.xs.len());
        let (scale, offset) = (samples.floats(channels), samples.floats(channels));
        let affine = Affine { scale: &scale, offset: &offset };
        let (a, b) = (Raw { relu: false, ..a }, Raw { xs: &xs, affine, relu: false });
        let mut ys = vec![Lanes::splat(7.0); xs.len()];
        add_affine(isa, (a.xs, a.affine), (b.xs, b.affine), &mut ys);
        for (at, y) in ys.iter().enumerate() {
            assert_lanes(y, |lane| read(a, at, lane) + read(b, at, lane));
        }
    });
}

#[test]
fn a_gradient_passes_where_the_relu_did_and_adds_or_overwrites() {
    for_all(|isa, raw, samples| {
        let ds = samples.lanes(raw.xs.len());
        let before = samples.lanes(raw.xs.len());
        for add in [false, true] {
            let mut row = before.clone();
            relu_grad(isa, &ds, raw, GradRow { row: &mut row, add });
            for (at, out) in row.iter().enumerate() {
                assert_lanes(out, |lane| {
                    let kept = if add { f64::from(before[at].0[lane]) } else { 0.0 };
                    let d = f64::from(ds[at].0[lane]);
                    kept + if passes(raw, at, lane) { d } else { 0.0 }
                });
            }
        }
    });
}

#[test]
fn the_gradient_at_zero_is_zero() {
    let affine = Affine { scale: &[2.0], offset: &[-1.0] };
    let raw = Raw { xs: &[Lanes::splat(0.5)], affine, relu: true };
    on_all(|isa| {
        let mut row = [Lanes::splat(7.0)];
        relu_grad(isa, &[Lanes::splat(3.0)], raw, GradRow { row: &mut row, add: false });
        assert_eq!(row, [Lanes::splat(0.0)]);
    });
}

#[test]
fn a_row_is_added_to_another() {
    for_all(|isa, raw, samples| {
        let before = samples.lanes(raw.xs.len());
        let mut out = before.clone();
        add_assign(isa, raw.xs, &mut out);
        for ((out, before), x) in out.iter().zip(&before).zip(raw.xs) {
            assert_lanes(out, |lane| f64::from(before.0[lane]) + f64::from(x.0[lane]));
        }
    });
}
