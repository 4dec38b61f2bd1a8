//! Products of random matrices against plain sums in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_lanes, on_all};
use super::*;

const SHAPES: &[[usize; 3]] = &[
    [60, 7, 4],
    [72, 72, 3],
    [80, 20, 5],
    [160, 40, 2],
    [768, 9, 3],
    [40, 160, 9],
    [1, 1, 1],
    [36, 1, 64],
];

fn check(isa: Isa, [outs, ins, pixels]: [usize; 3]) {
    let mut samples = Samples::new(outs as u64);
    let weights = samples.floats(outs * ins);
    let columns = samples.lanes(pixels * ins);
    let stride = pixels + outs % 3;
    let untouched = Lanes::splat(7.0);
    let mut ys = vec![untouched; outs * stride];
    let mut memory = vec![0.0; outs * ins];
    let packed = Packed::new(outs, &weights, &mut memory);
    assert_eq!((packed.outs(), packed.ins()), (outs, ins));
    gemm(isa, packed, &columns, &mut ys, stride);
    for (out, ys) in ys.chunks(stride).enumerate() {
        for (p, y) in ys[..pixels].iter().enumerate() {
            assert_lanes(y, |lane| {
                let term = |i: usize| {
                    let x: f32 = columns[p * ins + i].0[lane];
                    f64::from(weights[out * ins + i]) * f64::from(x)
                };
                (0..ins).map(term).sum()
            });
        }
        assert!(ys[pixels..].iter().all(|y| *y == untouched));
    }
}

#[test]
fn a_product_is_the_plain_sum_for_every_number_of_outputs() {
    on_all(|isa| {
        for outs in 1..=40 {
            check(isa, [outs, 1 + outs * 7 % 23, 1 + outs % 5]);
        }
        for shape in SHAPES {
            check(isa, *shape);
        }
    });
}

/// The packed matrix, one row after the other.
fn unpacked(packed: Packed<'_>) -> Vec<f32> {
    let mut columns = vec![Lanes::default(); packed.ins() * packed.ins()];
    for i in 0..packed.ins() {
        columns[i * packed.ins() + i] = Lanes::splat(1.0);
    }
    let mut ys = vec![Lanes::default(); packed.outs() * packed.ins()];
    gemm(Isa::best(), packed, &columns, &mut ys, packed.ins());
    ys.iter().map(|lanes| lanes.0[3]).collect()
}

#[test]
fn a_packed_matrix_reads_back_and_its_transpose_turns_it() {
    let mut samples = Samples::new(3);
    for (outs, ins) in [(2, 3), (30, 17), (41, 20)] {
        let weights = samples.floats(outs * ins);
        let mut memory = vec![0.0; outs * ins];
        assert_eq!(unpacked(Packed::new(outs, &weights, &mut memory)), weights);
        let turned = unpacked(Packed::transposed(outs, &weights, &mut memory));
        for out in 0..outs {
            for i in 0..ins {
                assert_eq!(turned[i * outs + out].to_bits(), weights[out * ins + i].to_bits());
            }
        }
    }
}
