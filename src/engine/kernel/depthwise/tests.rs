//! Depthwise convolution against plain loops in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::super::{LANES, Lanes, Windows};
use super::*;

const WIDTHS: [usize; 7] = [1, 2, 3, 7, 8, 13, 33];

/// Every kernel and stride with every width, and odd numbers of channels.
fn shapes() -> impl Iterator<Item = (Windows, usize)> {
    let sides =
        [(1, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 3), (5, 1), (5, 2), (5, 3), (7, 1), (7, 2)];
    let windows = sides.into_iter().flat_map(|(kernel, stride)| {
        WIDTHS.into_iter().map(move |width| {
            let padded = (width - 1) * stride + kernel + width % 3;
            Windows { kernel, stride, channels: 1 + width % 4, width, padded }
        })
    });
    windows.zip([1, 2, 3].into_iter().cycle())
}

/// The output and the sum of the sizes of its terms.
fn output(
    windows: Windows,
    rows: &[&[Lanes]],
    weights: &[f32],
    [row, channel, x]: [usize; 3],
    lane: usize,
) -> (f64, f64) {
    let Windows { kernel, stride, padded, .. } = windows;
    let (mut sum, mut size) = (0.0, 0.0);
    for ky in 0..kernel {
        for kx in 0..kernel {
            let weight = weights[(channel * kernel + ky) * kernel + kx];
            let input = rows[row * stride + ky][channel * padded + x * stride + kx].0[lane];
            let term = f64::from(weight) * f64::from(input);
            sum += term;
            size += term.abs();
        }
    }
    (sum, size)
}

#[test]
fn outputs_are_sums_over_windows() {
    on_all(|isa| {
        for (windows, output_rows) in shapes() {
            let Windows { kernel, stride, channels, width, padded } = windows;
            let mut samples = Samples::new((kernel * 1000 + stride * 100 + width) as u64);
            let rows: Vec<_> = (0..(output_rows - 1) * stride + kernel)
                .map(|_| samples.lanes(channels * padded))
                .collect();
            let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            let weights = samples.floats(channels * kernel * kernel);
            let mut in_columns = vec![Lanes::splat(f32::NAN); output_rows * channels * width];
            let mut in_rows = in_columns.clone();
            depthwise(isa, windows, &rows, &weights, Target::Columns(&mut in_columns));
            depthwise(isa, windows, &rows, &weights, Target::Rows(&mut in_rows));
            for row in 0..output_rows {
                for channel in 0..channels {
                    for x in 0..width {
                        let in_columns = in_columns[(row * width + x) * channels + channel];
                        assert_eq!(in_columns, in_rows[(row * channels + channel) * width + x]);
                        for lane in 0..LANES {
                            let at = [row, channel, x];
                            let (want, size) = output(windows, &rows, &weights, at, lane);
                            assert_near(f64::from(in_columns.0[lane]), want, size);
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn each_side_and_each_tap_is_where_it_should_be() {
    // One input pixel of 1 gives the weights back, turned by half a turn.
    on_all(|isa| {
        for kernel in 1..=5 {
            let windows =
                Windows { kernel, stride: 1, channels: 1, width: kernel, padded: 2 * kernel - 1 };
            let mut rows = vec![vec![Lanes::splat(0.0); windows.padded]; 2 * kernel - 1];
            rows[kernel - 1][kernel - 1] = Lanes::splat(1.0);
            let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            let weights = Samples::new(1).floats(kernel * kernel);
            let mut outputs = vec![Lanes::splat(f32::NAN); kernel * kernel];
            depthwise(isa, windows, &rows, &weights, Target::Rows(&mut outputs));
            let turned = weights.iter().rev().map(|weight| Lanes::splat(*weight));
            assert!(outputs.into_iter().eq(turned));
        }
    });
}
