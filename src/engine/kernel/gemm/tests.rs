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
    let mut packed = Packed::default();
    packed.pack(outs, &[&weights]);
    assert_eq!((packed.outs(), packed.ins()), (outs, ins));
    gemm(isa, &packed, &columns, &mut ys, stride);
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
fn unpacked(packed: &Packed) -> Vec<f32> {
    let mut columns = vec![Lanes::default(); packed.ins() * packed.ins()];
    for i in 0..packed.ins() {
        columns[i * packed.ins() + i] = Lanes::splat(1.0);
    }
    let mut ys = vec![Lanes::default(); packed.outs() * packed.ins()];
    gemm(Isa::best(), packed, &columns, &mut ys, packed.ins());
    ys.iter().map(|lanes| lanes.0[3]).collect()
}

#[test]
fn parts_stand_side_by_side_and_the_transpose_turns_them() {
    let (left, right) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
    let mut packed = Packed::default();
    packed.pack(2, &[&left, &right]);
    assert_eq!(unpacked(&packed), [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    packed.pack_transposed(2, &[&left, &right]);
    assert_eq!(unpacked(&packed), [1.0, 3.0, 2.0, 4.0, 5.0, 6.0]);
}

#[test]
fn a_buffer_is_reused_for_a_smaller_and_a_larger_matrix() {
    let mut samples = Samples::new(3);
    let mut packed = Packed::default();
    for (outs, ins) in [(30, 17), (2, 3), (41, 20)] {
        let weights = samples.floats(outs * ins);
        packed.pack(outs, &[&weights]);
        assert_eq!(unpacked(&packed), weights);
        packed.pack_transposed(outs, &[&weights]);
        let turned = unpacked(&packed);
        for out in 0..outs {
            for i in 0..ins {
                assert_eq!(turned[i * outs + out].to_bits(), weights[out * ins + i].to_bits());
            }
        }
    }
}
