//! Products of random matrices against plain sums in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::super::{pack, pack_transposed, panel_len};
use super::*;

/// Rows, columns of the matrix and its depth.
const SHAPES: &[[usize; 3]] =
    &[[1, 1, 1], [8, 48, 5], [9, 47, 3], [13, 100, 7], [5, 31, 2100], [64, 17, 40], [3, 160, 1024]];

fn packed(dims: [usize; 2], matrix: &[f32]) -> Vec<f32> {
    let mut memory = vec![f32::NAN; Panels::len(dims)];
    for (nth, panel) in memory.chunks_mut(panel_len(dims[0])).enumerate() {
        pack(dims, matrix, nth, panel);
    }
    memory
}

fn check(isa: Isa, [count, width, depth]: [usize; 3], add: bool) {
    let mut samples = Samples::new((count * width) as u64);
    let (x_stride, y_stride) = (depth + 3, width + 2);
    let xs = samples.floats(count * x_stride);
    let matrix = samples.floats(depth * width);
    let before = samples.floats(count * y_stride);
    let transposed: Vec<f32> =
        (0..width * depth).map(|at| matrix[at % depth * width + at / depth]).collect();
    let dims = [depth, width];
    let mut memory = [packed(dims, &matrix), vec![f32::NAN; Panels::len(dims)]];
    let turned = &mut memory[1];
    for (nth, panel) in turned.chunks_mut(panel_len(depth)).enumerate() {
        pack_transposed(dims, &transposed, nth, panel);
    }
    for packed in memory.iter().map(|memory| Panels::packed(dims, memory)) {
        let mut ys = before.clone();
        let rows = RowsMut::apart(y_stride, &mut ys);
        matmul(isa, Rows::apart(x_stride, &xs), packed, rows, (count, add));
        for (at, (&found, &before)) in ys.iter().zip(&before).enumerate() {
            let (row, column) = (at / y_stride, at % y_stride);
            if width <= column {
                assert_eq!(found.to_bits(), before.to_bits());
                continue;
            }
            let term =
                |k| f64::from(xs[row * x_stride + k]) * f64::from(matrix[k * width + column]);
            let sum: f64 = (0..depth).map(term).sum();
            let expected = if add { sum + f64::from(before) } else { sum };
            assert_near(f64::from(found), expected, (depth as f64).sqrt());
        }
    }
}

#[test]
fn a_product_is_the_plain_sum_for_every_number_of_rows_and_columns() {
    on_all(|isa| {
        for n in 1..=49 {
            check(isa, [1 + n * 5 % 17, n, 1 + n * 7 % 11], n % 2 == 0);
        }
        for &shape in SHAPES {
            check(isa, shape, shape[0] % 2 == 0);
        }
    });
}

#[test]
fn a_row_does_not_depend_on_the_others() {
    on_all(|isa| {
        let mut samples = Samples::new(3);
        let (depth, width, count) = (1100, 70, 11);
        let [xs, matrix] = [samples.floats(count * depth), samples.floats(depth * width)];
        let memory = packed([depth, width], &matrix);
        let packed = Panels::packed([depth, width], &memory);
        let mut all = vec![0.0; count * width];
        let mut one = all.clone();
        matmul(
            isa,
            Rows::apart(depth, &xs),
            packed,
            RowsMut::apart(width, &mut all),
            (count, false),
        );
        for (xs, ys) in xs.chunks(depth).zip(one.chunks_mut(width)) {
            matmul(isa, Rows::apart(depth, xs), packed, RowsMut::apart(width, ys), (1, false));
        }
        assert!(all.iter().zip(&one).all(|(a, b)| a.to_bits() == b.to_bits()));
    });
}

#[test]
fn bands_may_lie_apart() {
    on_all(|isa| {
        let mut samples = Samples::new(4);
        let (depth, width, count) = (5, 20, 19);
        let [xs, matrix] = [samples.floats(24 * depth), samples.floats(depth * width)];
        let memory = packed([depth, width], &matrix);
        let packed = Panels::packed([depth, width], &memory);
        let mut dense = vec![0.0; 24 * width];
        matmul(
            isa,
            Rows::apart(depth, &xs),
            packed,
            RowsMut::apart(width, &mut dense),
            (count, false),
        );
        // Bands of both with another one between them.
        let apart: Vec<f32> =
            xs.chunks(8 * depth).flat_map(|band| [band, &[f32::NAN; 8 * 5]].concat()).collect();
        let mut found = vec![0.0; 2 * 24 * width];
        let xs = Rows { values: &apart, stride: depth, band: 16 * depth };
        let ys = RowsMut { values: &mut found, stride: width, band: 16 * width };
        matmul(isa, xs, packed, ys, (count, false));
        for (dense, found) in dense.chunks(8 * width).zip(found.chunks(16 * width)) {
            assert_eq!(dense, &found[..8 * width]);
            assert!(found[8 * width..].iter().all(|x| x.to_bits() == 0));
        }
    });
}
