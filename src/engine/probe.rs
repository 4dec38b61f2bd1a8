//! Random nets, values and images for the tests of the engine.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::{Images, Params, Snapshot, initial_values};
use crate::net::{Input, NetConfig, NetFamily, ParamSpec, Shape, Window, family};
use crate::random::{Owner, generator};
use crate::space::{Arch, MicroSpace, Space};

/// A generator that no owner of a run has.
pub(super) fn rng(seed: u64) -> ChaCha8Rng {
    generator(seed, Owner::Dropout, 1 << 32)
}

/// The images of [`small_family`].
pub(super) const SMALL: Shape = Shape { channels: 1, height: 9, width: 7 };

/// Windows of dense convolutions that are not square, side by side and cell by cell.
pub(super) const WINDOWS: [Window; 9] = [
    Window::of([1, 7], [1, 1], 1),
    Window::of([7, 1], [1, 1], 1),
    Window::of([3, 1], [2, 1], 1),
    Window::of([5, 3], [1, 1], 1),
    Window::of([1, 1], [2, 2], 1),
    Window::of([3, 3], [2, 2], 1),
    Window::of([3, 3], [1, 1], 2),
    Window::of([3, 3], [2, 2], 2),
    Window::of([1, 5], [3, 2], 1),
];

/// Nets of 1 layer and 2 channels for odd planes, with an auxiliary head.
pub(super) fn small_family(nodes: usize) -> Arc<dyn NetFamily> {
    let config = NetConfig { layers: 1, channels: 2, dropout_keep: 0.8, ..NetConfig::default() };
    let space = Space::Micro(MicroSpace::new(nodes).unwrap());
    family(space, &config, Input::Image { shape: SMALL, classes: 3 }).unwrap()
}

/// An architecture drawn uniformly.
pub(super) fn random_arch(nodes: usize, seed: u64) -> Arch {
    let space = Space::Micro(MicroSpace::new(nodes).unwrap());
    let mut rng = rng(seed);
    let script = space.script();
    let choices: Vec<u32> = script.options().map(|n| rng.random_range(0..n as u32)).collect();
    space.arch(&choices).unwrap()
}

/// `n` values, uniform in [−1, 1).
pub(super) fn uniform(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Values as they start, but for scales and offsets that differ from 1 and 0.
pub(super) fn random_values(specs: &BTreeMap<String, ParamSpec>, seed: u64) -> Snapshot {
    let mut rng = rng(seed);
    let mut values = initial_values(specs, &mut rng).unwrap();
    for (name, value) in &mut values {
        if matches!(name.rsplit('.').next(), Some("scale" | "offset")) {
            let noise = Tensor::new(uniform(value.elem_count(), &mut rng), &Device::Cpu).unwrap();
            let noise = (noise * 0.3).unwrap().to_dtype(DType::F32).unwrap();
            *value = (&*value + noise).unwrap();
        }
    }
    values
}

/// The same values in f64.
pub(super) fn in_f64(values: &Snapshot) -> Snapshot {
    let widened = values.iter().map(|(name, value)| {
        let value = value.to_dtype(DType::F64).unwrap();
        (name.clone(), value)
    });
    widened.collect()
}

/// Variables on the CPU with these values.
pub(super) fn params(values: &Snapshot) -> Params {
    Params::from_tensors(values, &Device::Cpu).unwrap()
}

/// All values of a tensor, in f64.
pub(super) fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// A batch of random images that owns its values.
pub(super) struct Batch {
    pub(super) values: Vec<f32>,
    pub(super) labels: Vec<u32>,
}

impl Batch {
    pub(super) fn random(shape: Shape, batch: usize, classes: usize, seed: u64) -> Self {
        let mut rng = rng(seed);
        let values = uniform(batch * shape.n_values(), &mut rng);
        Self {
            values: values.into_iter().map(|value| value as f32).collect(),
            labels: (0..batch).map(|_| rng.random_range(0..classes as u32)).collect(),
        }
    }

    pub(super) fn images(&self) -> Images<'_> {
        Images { values: &self.values, labels: &self.labels }
    }
}
