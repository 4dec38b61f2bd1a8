//! Nodes against the same arithmetic in f64, and their gradients against differences.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::*;

const ALL: [CellFunction; 4] =
    [CellFunction::Tanh, CellFunction::Relu, CellFunction::Sigmoid, CellFunction::Identity];

fn act(act: CellFunction, x: f64) -> f64 {
    match act {
        CellFunction::Tanh => x.tanh(),
        CellFunction::Relu => x.max(0.0),
        CellFunction::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        CellFunction::Identity => x,
    }
}

/// `[h, t, from]` to s.
fn node(function: CellFunction, [h, t, from]: [f64; 3]) -> f64 {
    let gate = 1.0 / (1.0 + (-t).exp());
    from + gate * (act(function, h) - from)
}

fn check(isa: Isa, function: CellFunction, width: usize) {
    let rows = 3;
    let mut samples = Samples::new(width as u64);
    let [from, d_to, before] = [0; 3].map(|_| samples.floats(rows * width));
    let inputs = samples.floats(rows * 2 * width);
    let (mut gates, mut to, mut d_from) =
        (inputs.clone(), vec![f32::NAN; rows * width], before.clone());
    cell_node(isa, function, width, [&mut gates, &mut to], &from);
    cell_node_grad(isa, function, width, [&mut gates, &mut d_from], [&from, &d_to]);
    for at in 0..rows * width {
        let (h, t) =
            (at / width * 2 * width + at % width, (at / width * 2 + 1) * width + at % width);
        let given = [inputs[h], inputs[t], from[at]].map(f64::from);
        assert_near(f64::from(to[at]), node(function, given), 1.0);
        let found = [gates[h], gates[t], d_from[at] - before[at]];
        for (place, found) in found.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut given = given;
                given[place] += by;
                node(function, given)
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert_near(f64::from(found), slope * f64::from(d_to[at]), 1.0);
        }
    }
}

#[test]
fn nodes_and_gradients_are_those_of_the_formula_for_every_width() {
    on_all(|isa| {
        for function in ALL {
            (1..=33).for_each(|width| check(isa, function, width));
        }
    });
}

#[test]
fn what_is_no_number_stays_none() {
    on_all(|isa| {
        for function in ALL {
            let (mut gates, mut to) = ([f32::NAN, 0.0, 1.0, f32::NAN], [0.0; 2]);
            cell_node(isa, function, 2, [&mut gates, &mut to], &[0.5, 0.5]);
            assert!(to.iter().all(|s| s.is_nan()), "{function:?}: {to:?}");
        }
    });
}
