//! Gradients of candle's loss in f64 against central differences.

#![cfg(test)]

use candle_core::{DType, Device, Tensor};

use crate::engine::candle_words::WordPass;
use crate::engine::probe::{flat, in_f64, params, rng};
use crate::engine::words::WordNet;
use crate::engine::words::tests::{
    ALL, PLAIN, REGULARIZED, Text, cell, tree, tree_of, values, varied,
};
use crate::engine::{Noise, Params, Snapshot};
use crate::net::Net;
use crate::space::NasRnn;

const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-6;

/// The loss of a training pass on `text`, differentiable by `params`.
fn loss(net: &Net, params: &Params, text: &Text) -> Tensor {
    let weights: Snapshot = net
        .params()
        .into_keys()
        .map(|name| (name.clone(), params.get(&name).unwrap().as_tensor().clone()))
        .collect();
    let noise = Noise { rng: &mut rng(4), drop_path: 0.0 };
    let net = (WordNet::of(net).unwrap(), &weights);
    let pass = WordPass::new(net, text.rows, Some(noise), DType::F64);
    pass.run(&text.clone().words()).unwrap().whole
}

#[track_caller]
fn check(net: &Net) {
    let text = Text::random(net, [3, 4], 5);
    let values = in_f64(&values(net, 6));
    let variables = params(&values);
    let store = loss(net, &variables, &text).backward().unwrap();
    for (name, value) in &values {
        let grad = flat(store.get(variables.get(name).unwrap()).unwrap());
        let largest = grad.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
        for (place, found) in grad.iter().enumerate() {
            let at = |by: f64| {
                let mut moved = flat(value);
                moved[place] += by;
                let mut values = values.clone();
                let moved = Tensor::from_vec(moved, value.shape(), &Device::Cpu).unwrap();
                values.insert(name.clone(), moved);
                loss(net, &params(&values), &text).to_scalar::<f64>().unwrap()
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let off = (found - expected).abs();
            assert!(off <= TOLERANCE * largest, "{name}[{place}]: {found}, not {expected}");
        }
    }
}

#[test]
fn every_gradient_is_that_of_differences() {
    check(&PLAIN.net(varied()));
    check(&REGULARIZED.net(varied()));
    for function in ALL {
        check(&REGULARIZED.net(cell(&[(0, function)])));
    }
}

#[test]
fn every_gradient_of_a_tree_is_that_of_differences() {
    check(&tree_of(&PLAIN, NasRnn::EXAMPLE));
    for seed in 0..4 {
        check(&tree(&REGULARIZED, 2 + seed as usize, seed));
    }
}
