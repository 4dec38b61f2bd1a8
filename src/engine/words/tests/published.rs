//! The published cells: enas-spec, section 9.8.

#![cfg(test)]

use candle_core::{DType, Device, Tensor};

use crate::engine::candle_words::WordPass;
use crate::engine::cpu_exec::CpuExec;
use crate::engine::probe::flat;
use crate::engine::words::WordNet;
use crate::engine::words::tests::{ALL, PLAIN, Text, cell};
use crate::engine::{Executor, Snapshot};
use crate::net::{CellFunction, Net, RecurrentCell, WordNetSize};

const HIDDEN: usize = 4;

/// Two words, x₀ and x₁.
const SIZE: WordNetSize = WordNetSize { vocabulary: 2, hidden: HIDDEN, ..PLAIN };

/// Weights ½·sin k, and words sin(1 + 4t + d).
fn values(net: &Net) -> Snapshot {
    let sine = |from: usize, n: usize, factor: f64| {
        (0..n).map(move |k| factor * ((from + k) as f64).sin()).collect::<Vec<_>>()
    };
    let nodes = net.params().len() - 2;
    let tensor =
        |values, sides: [usize; 2]| Tensor::from_vec(values, &sides, &Device::Cpu).unwrap();
    let sides = 2 * HIDDEN;
    let mut values = Snapshot::from([
        ("embedding.weight".to_owned(), tensor(sine(1, 2 * HIDDEN, 1.0), [2, HIDDEN])),
        ("cell.input.weight".to_owned(), tensor(sine(1, sides * sides, 0.5), [sides, sides])),
    ]);
    for node in 0..nodes {
        let weight = sine(1 + sides * sides + node * HIDDEN * sides, HIDDEN * sides, 0.5);
        values.insert(format!("cell.node{}.weight", node + 1), tensor(weight, [HIDDEN, sides]));
    }
    values
}

/// The states after as many words as `expected` has.
#[track_caller]
fn check(cell: RecurrentCell, expected: &[[f64; HIDDEN]]) {
    let net = SIZE.net(cell);
    let values = values(&net);
    let narrow: Snapshot = values
        .iter()
        .map(|(name, value)| (name.clone(), value.to_dtype(DType::F32).unwrap()))
        .collect();
    for (words, expected) in expected.iter().enumerate() {
        let ids: Vec<u32> = (0..=words as u32).collect();
        let mut text = Text { next: ids.clone(), ids, rows: 1, carried: Vec::new() };
        let pass = WordPass::new((WordNet::of(&net).unwrap(), &values), 1, None, DType::F64);
        let found = flat(&pass.run(&text.words()).unwrap().carried);
        let off = |found: f64, expected: &f64| (found - expected).abs();
        assert!(found.iter().zip(expected).all(|(f, e)| off(*f, e) < 1e-8), "{found:?}");
        CpuExec::new().measure(&net, &narrow, text.words().into(), None).unwrap();
        let found = text.carried;
        assert!(found.iter().zip(expected).all(|(f, e)| off(f64::from(*f), e) < 1e-5), "{found:?}");
    }
}

fn nodes(arc: &[[usize; 2]]) -> Vec<(usize, CellFunction)> {
    arc.iter().map(|&[from, function]| (from, ALL[function])).collect()
}

/// `0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2`
const ENAS_LM: [[usize; 2]; 8] = [[0, 2], [1, 0], [2, 1], [2, 2], [4, 0], [5, 0], [3, 2], [6, 2]];

#[test]
fn the_cell_of_enas_lm_has_the_published_outputs() {
    check(
        cell(&nodes(&ENAS_LM)),
        &[
            [0.273_794_564_4, 0.247_235_341_4, 0.252_961_975_7, 0.289_114_375_6],
            [0.280_473_451_4, 0.305_541_817_4, 0.309_051_341_5, 0.294_530_025_4],
        ],
    );
    let all = RecurrentCell { ends: (1..=8).collect(), ..cell(&nodes(&ENAS_LM)) };
    check(all, &[[0.214_282_523_8, 0.131_465_362_9, 0.102_249_750_7, 0.157_383_023_2]]);
}

/// `0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1`, whose first function is that of node 0.
#[test]
fn the_cell_of_the_first_code_has_the_published_outputs() {
    let arc =
        [[0, 0], [1, 1], [2, 1], [2, 0], [2, 0], [5, 1], [1, 0], [6, 1], [8, 1], [8, 1], [8, 1]];
    check(
        cell(&nodes(&arc)),
        &[
            [0.018_965_348_3, -0.017_174_341_8, -0.039_012_417_2, -0.016_880_169_9],
            [-0.014_436_047_0, 0.035_940_601_6, 0.042_622_455_7, 0.014_078_195_2],
        ],
    );
}

/// enas-spec, section 9.1.
#[test]
fn the_published_cell_has_the_published_number_of_parameters() {
    let size = WordNetSize { vocabulary: 10_000, hidden: 800, ..PLAIN };
    assert_eq!(size.net(cell(&nodes(&ENAS_LM))).cost().params, 20_800_000);
}
