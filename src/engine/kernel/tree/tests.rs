//! Tree cells against the same arithmetic in f64, and their gradients against differences.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::*;
use crate::net::CellFunction;

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

fn join(Join { is_product, .. }: Join, a: f64, b: f64) -> f64 {
    if is_product { a * b } else { a + b }
}

/// h and c of one feature, by the paper's words.
fn cell(tree: &TreeCell, xs: &[f64], hs: &[f64], c: f64) -> [f64; 2] {
    let (mut values, mut before) = (Vec::new(), Vec::new());
    for (node, own) in tree.nodes.iter().enumerate() {
        let [left, right] = match tree.reads(node) {
            None => [xs[node], hs[node]],
            Some(reads) => reads.map(|from: usize| values[from]),
        };
        before.push(join(*own, left, right));
        let value = act(own.function, before[node]);
        values.push(if node == tree.injected {
            act(tree.inject.function, join(tree.inject, value, c))
        } else {
            value
        });
    }
    [values[tree.nodes.len() - 1], before[tree.memory]]
}

/// A tree of so many leaves, the nodes of which differ with `seed`.
fn tree(n_leaves: usize, seed: usize) -> TreeCell {
    let n_nodes = 2 * n_leaves - 1;
    let node = |k: usize| Join {
        is_product: (k + seed / 2).is_multiple_of(3),
        function: ALL[(3 * k + seed) % 4],
    };
    TreeCell {
        nodes: (0..n_nodes).map(node).collect(),
        reads: (0..n_leaves - 1).map(|k| [2 * k, 2 * k + 1]).collect(),
        inject: node(seed),
        injected: (seed * 7) % n_nodes,
        memory: (seed * 5 + 1) % n_nodes,
    }
}

fn check(isa: Isa, tree: &TreeCell, width: usize) {
    let (rows, n) = (3, tree.n_leaves());
    let mut samples = Samples::new(width as u64);
    let [xs, hs] = [0; 2].map(|_| samples.floats(rows * n * width));
    let [before, d_h, d_c] = [0; 3].map(|_| samples.floats(rows * width));
    let mut found = [0; 2].map(|_| vec![f32::NAN; rows * width]);
    let [h, c] = &mut found;
    tree_cell(isa, (tree, width), [&xs, &hs], &before, [h, c]);
    let mut grads = [xs.clone(), hs.clone(), d_c.clone()];
    let [d_xs, d_hs, d_before] = &mut grads;
    tree_cell_grad(isa, (tree, width), [d_xs, d_hs], &before, (&d_h, d_before));
    for at in 0..rows * width {
        let (row, feature) = (at / width, at % width);
        let leaf = |leaf: usize| (row * n + leaf) * width + feature;
        let mut given: Vec<f64> = (0..n).map(|k| f64::from(xs[leaf(k)])).collect();
        given.extend((0..n).map(|k| f64::from(hs[leaf(k)])));
        given.push(f64::from(before[at]));
        let cell = |given: &[f64]| cell(tree, &given[..n], &given[n..2 * n], given[2 * n]);
        let expected = cell(&given);
        for (found, expected) in found.iter().zip(expected) {
            assert_near(f64::from(found[at]), expected, 1.0 + expected.abs());
        }
        for place in 0..=2 * n {
            // A step over the kink of a ReLU is no slope.
            let moved = |by: f64| {
                let mut given = given.clone();
                given[place] += by;
                let [h, c] = cell(&given);
                f64::from(d_h[at]) * h + f64::from(d_c[at]) * c
            };
            let slopes = [1e-5, -1e-5].map(|by| (moved(by) - moved(0.0)) / by);
            let found = match place {
                place if place < n => grads[0][leaf(place)],
                place if place < 2 * n => grads[1][leaf(place - n)],
                _ => grads[2][at],
            };
            if (slopes[0] - slopes[1]).abs() < 1e-3 {
                let slope = f64::midpoint(slopes[0], slopes[1]);
                assert_near(f64::from(found), slope, 1.0 + slope.abs());
            }
        }
    }
}

#[test]
fn trees_and_gradients_are_those_of_the_formula_for_every_width() {
    on_all(|isa| {
        (1..=33).for_each(|width| check(isa, &tree(4, width), width));
        for n_leaves in [2, 3, 8, 16] {
            (0..2 * n_leaves).for_each(|seed| check(isa, &tree(n_leaves, seed), 5));
        }
    });
}

#[test]
fn what_is_no_number_stays_none() {
    on_all(|isa| {
        for function in ALL {
            let mut tree = tree(2, 0);
            tree.nodes.fill(Join { is_product: false, function });
            let (mut h, mut c) = ([0.0; 1], [0.0; 1]);
            tree_cell(isa, (&tree, 1), [&[f32::NAN, 0.0], &[1.0; 2]], &[0.5], [&mut h, &mut c]);
            assert!(h[0].is_nan(), "{function:?}: {h:?}");
        }
    });
}
