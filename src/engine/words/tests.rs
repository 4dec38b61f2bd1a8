//! Nets of words: gradients against differences, both executors against each other, the published
//! cells against the numbers of enas-spec, section 9.8, the example of a tree by hand, and all numbers
//! of threads.
#![cfg(test)]

mod agreement;
mod differences;
mod published;
mod trees;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use rand::RngExt;

use crate::engine::Snapshot;
use crate::engine::probe::rng;
use crate::engine::words::{Masks, WordNet, Words};
use crate::net::{CellFunction, CellNode, Net, RecurrentCell, StateOf, WordNetSize};
use crate::space::{Arch, NasRnn, Space};

const ALL: [CellFunction; 4] =
    [CellFunction::Tanh, CellFunction::Relu, CellFunction::Sigmoid, CellFunction::Identity];

/// A net that drops and penalizes nothing.
pub(in crate::engine) const PLAIN: WordNetSize = WordNetSize::plain(11, 5);

/// One that does all of it.
const REGULARIZED: WordNetSize = WordNetSize {
    drop_words: 0.2,
    drop_embedding: 0.25,
    drop_input: 0.3,
    drop_state: 0.35,
    drop_weights: 0.15,
    drop_output: 0.4,
    activation_weight: 0.7,
    slowness_weight: 1.3,
    ..PLAIN
};

/// A cell of nodes that read and do this; the state is the mean of the nodes that no other reads.
fn cell(nodes: &[(usize, CellFunction)]) -> RecurrentCell {
    let is_read = |node: usize| nodes.iter().any(|&(from, _)| from == node);
    let ends = (1..=nodes.len()).filter(|&node| !is_read(node)).collect();
    let nodes = nodes.iter().enumerate().map(|(place, &(from, function))| CellNode {
        from,
        function,
        path: format!("cell.node{}", place + 1),
    });
    RecurrentCell { nodes: nodes.collect(), ends }
}

/// A cell with every activation, a node that is read twice and more than one end.
pub(in crate::engine) fn varied() -> RecurrentCell {
    let [tanh, relu, sigmoid, identity] = ALL;
    cell(&[(0, relu), (1, tanh), (1, sigmoid), (0, identity), (3, relu)])
}

/// A net with a random tree of so many leaves.
fn tree(size: &WordNetSize, n_leaves: usize, seed: u64) -> Net {
    let space = Space::NasRnn(NasRnn::new(n_leaves).unwrap());
    let (script, mut rng) = (space.script(), rng(seed));
    let choices = script.options().map(|n| rng.random_range(0..n as u32));
    let arch = space.arch(&choices.collect::<Vec<_>>()).unwrap();
    size.standalone(&arch, StateOf::default()).unwrap()
}

/// A net with the tree that has this text.
pub(in crate::engine) fn tree_of(size: &WordNetSize, text: &str) -> Net {
    size.standalone(&text.parse::<Arch>().unwrap(), StateOf::default()).unwrap()
}

/// Weights about 0, the smaller the more of them are added up: states that grow from step to step
/// would magnify what is rounded.
fn values(net: &Net, seed: u64) -> Snapshot {
    let mut rng = rng(seed);
    let range = 0.9 / (net.layers[0].output.channels as f32).sqrt();
    let specs: BTreeMap<_, _> = net.params();
    let values = specs.into_iter().map(|(name, spec)| {
        let numbers: Vec<f32> = (0..spec.len()).map(|_| rng.random_range(-range..range)).collect();
        (name, Tensor::from_vec(numbers, spec.dims, &Device::Cpu).unwrap())
    });
    values.collect()
}

/// A window of random words, and states before it.
#[derive(Clone)]
struct Text {
    ids: Vec<u32>,
    next: Vec<u32>,
    rows: usize,
    carried: Vec<f32>,
}

impl Text {
    fn random(net: &Net, [rows, steps]: [usize; 2], seed: u64) -> Self {
        let (net, mut rng) = (WordNet::of(net).unwrap(), rng(seed));
        let mut word = |_| rng.random_range(0..net.vocabulary as u32);
        let [ids, next] = [0; 2].map(|_| (0..rows * steps).map(&mut word).collect());
        let carried = (0..rows * net.carried()).map(|at| (at as f32).sin()).collect();
        Self { ids, next, rows, carried }
    }

    fn words(&mut self) -> Words<'_> {
        let Self { ids, next, rows, carried } = self;
        Words { ids, next, rows: *rows, carried }
    }
}

#[test]
fn weights_that_read_words_are_never_dropped_and_all_others_are() {
    let net = WordNet::of(&REGULARIZED.net(varied())).unwrap();
    let mut masks = Masks::default();
    masks.draw(&net, 3, &mut rng(1));
    let half = 2 * net.hidden * net.hidden;
    assert!(masks.weights[0][..half].iter().all(|factor| (factor - 1.0).abs() < 1e-9));
    for (place, mask) in masks.weights.iter().enumerate() {
        let [ins, outs] = net.sides(place);
        assert_eq!(mask.len(), ins * outs);
        let others = if place == 0 { &mask[half..] } else { &mask[..] };
        let dropped = others.iter().filter(|factor| **factor < 0.5).count();
        // Of 50 and a share of .15, 7.5 with a deviation of 2.5.
        assert!((1..=17).contains(&dropped), "{place}: {dropped} of {}", others.len());
    }
}
