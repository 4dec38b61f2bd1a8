//! A small model for the tests of files.

#![cfg(test)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use crate::engine::{Snapshot, initial_values};
use crate::export::Model;
use crate::net::{Input, Net, NetConfig, Norm, Shape, family};
use crate::random::{Owner, generator};
use crate::space::Arch;

/// A cell with every operation; as a net it has an auxiliary head, and halves odd planes.
pub(super) const CELLS: &str = "0 1 1 2 0 3 2 4 1 0 1 1 1 2 2 3";

/// A net with what its model borrows.
#[derive(Clone)]
pub(super) struct Sample {
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
        Self { net, weights, running, class_names }
    }

    pub(super) fn model(&self) -> Model<'_> {
        Model {
            net: &self.net,
            weights: &self.weights,
            running: Some(&self.running),
            mean: &[0.25, 0.1],
            std: &[0.5, 0.3],
            deep: [1000, 2020],
            class_names: &self.class_names,
            id: "m2-0",
            arch: CELLS,
            metadata: BTreeMap::from([("score".to_owned(), "0.9".to_owned())]),
        }
    }

    /// The parameters and statistics that a forward pass reads, by name.
    pub(super) fn read(&self) -> Vec<String> {
        let params = self.net.evaluated().flat_map(|(_, layer)| layer.params());
        let params = params.map(|(name, _)| name);
        params.chain(self.net.statistics().map(|(name, _)| name)).collect()
    }
}
