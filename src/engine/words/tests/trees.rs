//! The example of the paper, by hand, on both executors.

#![cfg(test)]

use candle_core::{Device, Tensor};

use crate::engine::cpu_exec::CpuExec;
use crate::engine::words::tests::{PLAIN, Text, tree_of};
use crate::engine::{CandleExec, Executor, Snapshot};
use crate::net::{CellFunction, Join, StateOf, TreeCell, WordNetSize};
use crate::space::{NasRnn, Space};

/// Two words of one feature, and states of one.
const SIZE: WordNetSize = WordNetSize { vocabulary: 2, hidden: 1, ..PLAIN };

/// W₁ = 0.7, W₂ = −0.2, W₃ = 1.1, W₄ = 0.9, and words that are 0.5 and −0.8.
fn weights() -> Snapshot {
    let tensor = |values: &[f32], sides: [usize; 2]| {
        Tensor::from_slice(values, &sides, &Device::Cpu).unwrap()
    };
    Snapshot::from([
        ("embedding.weight".to_owned(), tensor(&[0.5, -0.8], [2, 1])),
        ("cell.leaves.weight".to_owned(), tensor(&[0.7, 1.1, -0.2, 0.9], [2, 2])),
    ])
}

/// a₀ = tanh(W₁x + W₂h), a₀′ = relu(a₀ + c), a₁ = relu((W₃x)·(W₄h)), h = σ(a₀′·a₁), c = (W₃x)·(W₄h).
#[test]
fn the_example_of_the_paper_is_what_it_says() {
    let net = tree_of(&SIZE, NasRnn::EXAMPLE);
    // Before the first word h = 0.3 and c = 0.2, so that
    // a₀ = tanh(0.29) = 0.282135, a₀′ = 0.482135, a₁ = 0.55·0.27 = 0.1485, h = σ(0.071597);
    // then a₀ = tanh(−0.663578) = −0.580740, a₀′ = 0, a₁ = 0, h = σ(0), c = −0.88·0.466102.
    let expected = [[0.517_891_612_7, 0.148_5], [0.5, -0.410_170_157_2]];
    for exec in [&CpuExec::new() as &dyn Executor, &CandleExec::new(Device::Cpu)] {
        let mut carried = vec![0.3, 0.2];
        for (word, expected) in (0..).zip(expected) {
            let mut text = Text { ids: vec![word], next: vec![0], rows: 1, carried };
            exec.measure(&net, &weights(), text.words().into(), None).unwrap();
            for (found, expected) in text.carried.iter().zip(expected) {
                let off = (f64::from(*found) - expected).abs();
                assert!(off < 1e-6, "{}: {:?}, not {expected:?}", exec.name(), text.carried);
            }
            carried = text.carried;
        }
    }
}

/// Both states go on: what was injected into the root is in the next h, and c is of it before that.
#[test]
fn a_root_that_is_injected_and_remembered_is_both_states() {
    let text = "tree=[identity(x+h), identity(x+h), tanh(0+1)] inject=identity(2+c) c=2";
    let net = tree_of(&SIZE, text);
    for exec in [&CpuExec::new() as &dyn Executor, &CandleExec::new(Device::Cpu)] {
        let mut text = Text { ids: vec![0], next: vec![0], rows: 1, carried: vec![0.3, 0.2] };
        exec.measure(&net, &weights(), text.words().into(), None).unwrap();
        // (W₁ + W₃)·x + (W₂ + W₄)·h = 0.9 + 0.21
        let expected = [1.11_f32.tanh() + 0.2, 1.11];
        for (found, expected) in text.carried.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{}: {:?}", exec.name(), text.carried);
        }
    }
}

#[test]
fn what_is_no_tree_is_refused() {
    let join = Join { is_product: false, function: CellFunction::Tanh };
    let tree = TreeCell {
        nodes: vec![join; 3],
        reads: vec![[0, 1]],
        inject: join,
        injected: 0,
        memory: 2,
    };
    let refused = |change: fn(&mut TreeCell)| {
        let mut tree = tree.clone();
        change(&mut tree);
        let net = PLAIN.net(tree);
        let mut text = Text { ids: vec![0], next: vec![0], rows: 1, carried: Vec::new() };
        let snapshot = Snapshot::new();
        let found = CpuExec::new().measure(&net, &snapshot, text.words().into(), None);
        assert!(found.unwrap_err().to_string().contains("is no tree"));
    };
    refused(|tree| tree.reads[0] = [0, 2]);
    refused(|tree| tree.reads[0] = [0, 0]);
    refused(|tree| tree.reads.clear());
    refused(|tree| tree.memory = 3);
    refused(|tree| tree.injected = 9);
    let arch = Space::NasRnn(NasRnn::default()).rules().published().unwrap();
    assert!(PLAIN.shared(&arch, StateOf::default()).is_err());
}
