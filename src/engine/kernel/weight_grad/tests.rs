//! The gradient of depthwise weights against plain loops in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::super::{Lanes, Windows};
use super::*;

const WIDTHS: [usize; 7] = [1, 2, 3, 7, 8, 13, 33];

/// The sum over images, and the sum of the sizes of its terms.
fn weight_sum(
    windows: Windows,
    rows: &[&[Lanes]],
    ds: PaddedRows,
    [channel, ky, kx]: [usize; 3],
    valid: usize,
) -> (f64, f64) {
    let Windows { stride, width, padded, .. } = windows;
    let (mut sum, mut size) = (0.0, 0.0);
    for (row, ds_row) in ds.rows.iter().enumerate() {
        for x in 0..width {
            let d = ds_row[channel * ds.padded + ds.before + x];
            let input = rows[row * stride + ky][channel * padded + x * stride + kx];
            for lane in 0..valid {
                let term = f64::from(d.0[lane]) * f64::from(input.0[lane]);
                sum += term;
                size += term.abs();
            }
        }
    }
    (sum, size)
}

/// One shape: `output_rows` rows, of which `valid` images count.
fn check(isa: Isa, windows: Windows, output_rows: usize, valid: usize) {
    let Windows { kernel, stride, channels, width, padded } = windows;
    let mut samples = Samples::new((kernel * 1000 + stride * 100 + width) as u64);
    let rows: Vec<_> = (0..(output_rows - 1) * stride + kernel)
        .map(|_| samples.lanes_valid_below(valid, channels * padded))
        .collect();
    let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
    let before = width % 3;
    let ds_padded = before + width + kernel % 2;
    let ds: Vec<_> =
        (0..output_rows).map(|_| samples.lanes_valid_below(valid, channels * ds_padded)).collect();
    let ds: Vec<_> = ds.iter().map(Vec::as_slice).collect();
    let ds = PaddedRows { rows: &ds, padded: ds_padded, before };
    let held = samples.floats(channels * kernel * kernel);
    let mut sums = held.clone();
    let target = WeightSums { valid: &Lanes::first(valid), sums: &mut sums };
    depthwise_weight_grad(isa, windows, &rows, ds, target);
    for (at, (sum, held)) in sums.into_iter().zip(held).enumerate() {
        let tap = [at / (kernel * kernel), at / kernel % kernel, at % kernel];
        let (found, size) = weight_sum(windows, &rows, ds, tap, valid);
        let held = f64::from(held);
        assert_near(f64::from(sum), held + found, held.abs() + size);
    }
}

#[test]
fn products_are_summed_over_rows_pixels_and_images_that_count() {
    on_all(|isa| {
        for (kernel, stride) in
            [(1, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 3), (5, 1), (5, 2), (5, 3), (7, 1), (7, 2)]
        {
            for (idx, width) in WIDTHS.into_iter().enumerate() {
                let padded = (width - 1) * stride + kernel + width % 3;
                let windows = Windows { kernel, stride, channels: 1 + width % 4, width, padded };
                check(isa, windows, 1 + idx % 3, [16, 1, 5, 11][(idx + kernel) % 4]);
            }
        }
    });
}
