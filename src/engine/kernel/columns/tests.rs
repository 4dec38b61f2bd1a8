//! Columns against plain loops in f64.
#![cfg(test)]

use super::super::Affine;
use super::super::samples::{Samples, assert_lanes, on_all};
use super::*;

/// Channels, width, step, start, columns, first channel, channels of a column.
const PLACES: &[[usize; 7]] = &[
    [1, 1, 1, 0, 1, 0, 1],
    [3, 7, 1, 0, 7, 0, 3],
    [3, 7, 1, 0, 7, 2, 9],
    [4, 7, 2, 0, 4, 0, 4],
    [4, 7, 2, 1, 4, 4, 8],
    [5, 8, 2, 1, 4, 0, 5],
    [2, 1, 2, 1, 1, 1, 3],
    [20, 32, 1, 0, 32, 20, 60],
];

/// What a test needs: the row and the place.
fn for_all(test: impl Fn(Isa, Raw, ColumnPlace)) {
    on_all(|isa| {
        for &[channels, width, step, start, n, first, total] in PLACES {
            for relu in [false, true] {
                let mut samples = Samples::new((channels * width) as u64);
                let xs = samples.lanes(channels * width);
                let (scale, offset) = (samples.floats(channels), samples.floats(channels));
                let raw = Raw { xs: &xs, affine: Affine { scale: &scale, offset: &offset }, relu };
                test(isa, raw, ColumnPlace { step, start, n, first, total });
            }
        }
    });
}

fn affine(raw: Raw, at: usize, lane: usize) -> f64 {
    let channel = at / raw.width();
    let (scale, offset) = (raw.affine.scale[channel], raw.affine.offset[channel]);
    f64::from(scale) * f64::from(raw.xs[at].0[lane]) + f64::from(offset)
}

#[test]
fn columns_hold_the_pixels_of_a_row_and_zeros_beyond_it() {
    for_all(|isa, raw, place| {
        let (width, channels) = (raw.width(), raw.affine.scale.len());
        let untouched = Lanes::splat(7.0);
        let mut ys = vec![untouched; place.n * place.total];
        affine_columns(isa, raw, &mut ys, place);
        for (p, column) in ys.chunks(place.total).enumerate() {
            let pixel = place.start + place.step * p;
            for (idx, y) in column.iter().enumerate() {
                if !(place.first..place.first + channels).contains(&idx) {
                    assert_eq!(*y, untouched);
                } else if width <= pixel {
                    assert_eq!(*y, Lanes::splat(0.0));
                } else {
                    let at = (idx - place.first) * width + pixel;
                    let floor = if raw.relu { 0.0 } else { f64::NEG_INFINITY };
                    assert_lanes(y, |lane| affine(raw, at, lane).max(floor));
                }
            }
        }
    });
}

#[test]
fn the_gradient_before_a_norm_is_turned_into_columns() {
    on_all(|isa| {
        for [channels, width] in [[1, 1], [3, 7], [20, 32], [9, 5]] {
            let mut samples = Samples::new(width as u64);
            let (ds, ys) = (samples.lanes(channels * width), samples.lanes(channels * width));
            let coefficients: Vec<[f32; 3]> = samples
                .floats(3 * channels)
                .chunks(3)
                .map(|abg| [abg[0], abg[1], abg[2]])
                .collect();
            let mut columns = vec![Lanes::splat(7.0); channels * width];
            norm_grad_columns(isa, &ds, &ys, &coefficients, &mut columns);
            for (idx, column) in columns.iter().enumerate() {
                let (p, channel) = (idx / channels, idx % channels);
                let [a, b, g] = coefficients[channel].map(f64::from);
                let at = channel * width + p;
                assert_lanes(column, |lane| {
                    a * f64::from(ds[at].0[lane]) + b * f64::from(ys[at].0[lane]) + g
                });
            }
        }
    });
}
