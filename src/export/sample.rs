//! A small model for the tests of files.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};

use crate::engine::{Snapshot, initial_values};
use crate::export::{Model, Reads};
use crate::net::{Input, Net, NetConfig, Norm, Shape, StateOf, WordNetSize, family};
use crate::random::{Owner, generator};
use crate::space::Arch;

/// A cell with every operation; as a net it has an auxiliary head, and halves odd planes.
pub(super) const CELLS: &str = "0 1 1 2 0 3 2 4 1 0 1 1 1 2 2 3";

/// A recurrent cell with every activation and three loose ends: 2, 3 and 5.
pub(super) const RECURRENT: &str = "0 0 1 1 0 2 1 3 4 0";

/// A tree cell with every activation, whose c is of a node above the one that c is injected into.
pub(super) const TREE: &str = "tree=[tanh(x+h), relu(x*h), identity(x+h), sigmoid(0*1), tanh(2+3)] \
     inject=relu(3*c) c=4";

/// A net with what its model borrows.
#[derive(Clone)]
pub(super) struct Sample {
    arch: String,
    pub(super) net: Net,
    pub(super) weights: Snapshot,
    pub(super) running: Snapshot,
    pub(super) class_names: Vec<String>,
}

impl Sample {
    /// The net of `arch` that stands alone, or the child, by its statistics.
    pub(super) fn of(arch: &str, norm: Norm) -> Self {
        let arch: Arch = arch.parse().unwrap();
        let config = NetConfig { channels: 3, ..NetConfig::default() };
        let shape = Shape { channels: 2, height: 9, width: 8 };
        let input = Input::Image { shape, classes: 3 };
        let family = family(arch.space(), &config, input).unwrap();
        let net = match norm {
            Norm::Running => family.standalone(&arch),
            Norm::Batch => family.shared(&arch),
        };
        let net = net.unwrap();
        let weights = initial_values(&net.params(), &mut generator(1, Owner::Bench, 0)).unwrap();
        let running = net.layers.iter().flat_map(|layer| {
            let ones = Tensor::ones(layer.output.channels, DType::F32, &Device::Cpu).unwrap();
            layer.statistics().into_iter().flatten().map(move |name| (name, ones.clone()))
        });
        let running = running.collect();
        let class_names = ["cat", "dog", "\"; \n\\ é"].map(str::to_owned).to_vec();
        Self { arch: arch.to_string(), net, weights, running, class_names }
    }

    /// The net of words [`RECURRENT`] that stands alone, or the child.
    pub(super) fn of_words(norm: Norm) -> Self {
        let arch: Arch = RECURRENT.parse().unwrap();
        let size = WordNetSize::plain(4, 3);
        let net = match norm {
            Norm::Running => size.standalone(&arch, StateOf::LooseEnds),
            Norm::Batch => size.shared(&arch, StateOf::LooseEnds),
        };
        let net = net.unwrap();
        let weights = initial_values(&net.params(), &mut generator(1, Owner::Bench, 0)).unwrap();
        let words = ["\"; \\ é", "<eos>", "a", "the"].map(str::to_owned).to_vec();
        Self { arch: arch.to_string(), net, weights, running: Snapshot::new(), class_names: words }
    }

    /// The net of words with the cell [`TREE`].
    pub(super) fn of_tree() -> Self {
        let arch: Arch = TREE.parse().unwrap();
        let net = WordNetSize::plain(4, 3).standalone(&arch, StateOf::LooseEnds).unwrap();
        let weights = initial_values(&net.params(), &mut generator(1, Owner::Bench, 0)).unwrap();
        Self { arch: arch.to_string(), net, weights, ..Self::of_words(Norm::Running) }
    }

    pub(super) fn model(&self) -> Model<'_> {
        let reads = if self.net.reads_words() {
            Reads::Words { words: &self.class_names }
        } else {
            Reads::Images {
                mean: &[0.25, 0.1],
                std: &[0.5, 0.3],
                deep: [1000, 2020],
                class_names: &self.class_names,
            }
        };
        Model {
            net: &self.net,
            weights: &self.weights,
            running: Some(&self.running),
            reads,
            id: "m2-0",
            arch: &self.arch,
            metadata: BTreeMap::from([("score".to_owned(), "0.9".to_owned())]),
        }
    }

    /// The parameters and statistics that a forward pass reads, by name, none twice.
    pub(super) fn read(&self) -> Vec<String> {
        let params = self.net.evaluated().flat_map(|(_, layer)| layer.params());
        let params = params.map(|(name, _)| name);
        let all: BTreeSet<String> =
            params.chain(self.net.statistics().map(|(name, _)| name)).collect();
        all.into_iter().collect()
    }
}
