//! The CPU executor's own gradients against central differences in f64:
//!
//! ```text
//! ∂L/∂w ≈ (L(w + h) − L(w − h)) / 2h
//! ```
//!
//! `L` is candle's loss in f64, its forward pass alone. The seeds keep values away from the kinks
//! of ReLU and maximum.

#![cfg(test)]

use candle_core::{Device, Tensor};

use super::{Case, FLOOR, between, check_close, family, family_of, largest};
use crate::engine::cpu_exec::CpuExec;
use crate::engine::probe::{WINDOWS, flat, in_f64, params, random_arch, rng, uniform};
use crate::engine::{CandleExec, Noise, Snapshot};
use crate::net::{LayerKind, SharedForm, TensorId};

const STEP: f64 = 1e-6;

impl Case {
    fn loss(&self, values: &Snapshot) -> f64 {
        let image = self.net.image;
        let dims = (self.batch.labels.len(), image.channels, image.height, image.width);
        let pixels: Vec<f64> = self.batch.values.iter().copied().map(f64::from).collect();
        let pixels = Tensor::from_vec(pixels, dims, &Device::Cpu).unwrap();
        let noise = Noise { rng: &mut rng(9), drop_path: self.drop_path };
        let given = (&pixels, self.batch.labels.as_slice());
        let loss = CandleExec::in_f64().whole_loss(&self.net, &params(values), given, noise);
        loss.unwrap().to_scalar().unwrap()
    }

    /// The difference quotient of the loss along `direction` of one parameter.
    fn quotient(&self, name: &str, direction: &[f64]) -> f64 {
        let mut values = in_f64(&self.values);
        let value = values[name].clone();
        let mut at = |step: f64| {
            let moved = flat(&value).iter().zip(direction).map(|(v, d)| v + step * d).collect();
            let moved = Tensor::from_vec::<_, f64>(moved, value.shape(), &Device::Cpu).unwrap();
            values.insert(name.to_owned(), moved);
            self.loss(&values)
        };
        (at(STEP) - at(-STEP)) / (2.0 * STEP)
    }

    /// Compares along the directions of each parameter of as many values as given.
    #[track_caller]
    pub(super) fn check_differences(
        &self,
        directions: impl Fn(usize) -> Vec<Vec<f64>>,
        what: &str,
    ) {
        let found = self.train(&CpuExec::new(), &self.values).grads;
        assert!(found.keys().eq(self.values.keys()), "{what}: {:?}", found.keys());
        let floor = FLOOR * largest(&found.values().flat_map(flat).collect::<Vec<_>>());
        for (name, grad) in &found {
            let grad = flat(grad);
            let directions = directions(grad.len());
            let along = |direction: &Vec<f64>| grad.iter().zip(direction).map(|(g, d)| g * d).sum();
            let along: Vec<f64> = directions.iter().map(along).collect();
            let quotients = directions.iter().map(|direction| self.quotient(name, direction));
            let what = format!("{what}: `{name}`, against the differences");
            check_close(&along, &quotients.collect::<Vec<_>>(), floor, &what);
        }
    }
}

/// Each value by itself.
fn axes(n: usize) -> Vec<Vec<f64>> {
    let axis = |place: usize| (0..n).map(|at| f64::from(u8::from(at == place))).collect();
    (0..n).map(axis).collect()
}

/// Two that are drawn, of length 1.
pub(super) fn drawn(n: usize) -> Vec<Vec<f64>> {
    let unit = |seed: u64| {
        let direction = uniform(n, &mut rng(seed));
        let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        direction.into_iter().map(|d| d / length).collect()
    };
    [n as u64, 1 + n as u64].map(unit).into()
}

/// Every kind of layer: what it reads and the channels that it writes.
fn layers() -> Vec<(LayerKind, &'static [TensorId], usize)> {
    let mut layers: Vec<(LayerKind, &[TensorId], usize)> = vec![
        (LayerKind::AuxPool, &[2], 3),
        (LayerKind::Add, &[1, 2], 3),
        (LayerKind::Add, &[2, 2], 3),
        (LayerKind::Concat, &[1, 2], 6),
        (LayerKind::Gather, &[1, 2], 5),
        (LayerKind::DropPath { depth: 0.5 }, &[2], 3),
        (LayerKind::Pad { sides: [8, 9] }, &[2], 3),
    ];
    for window in [WINDOWS[0], WINDOWS[2], WINDOWS[6], WINDOWS[8]] {
        layers.push((LayerKind::Conv { window, relu: true }, &[2], 3));
    }
    for relu in [false, true] {
        let dense = |kernel| (LayerKind::conv(kernel, relu), &[2][..], 4);
        layers.extend([1, 2, 3, 5].map(dense));
        layers.push((LayerKind::FactorizedReduction { relu }, &[2], 5));
    }
    for stride in [1, 2] {
        layers.extend([3, 5, 7].map(|kernel| (LayerKind::SepConv { kernel, stride }, &[2][..], 4)));
        layers.push((LayerKind::AvgPool { stride }, &[2], 3));
        layers.push((LayerKind::MaxPool { stride }, &[2], 3));
    }
    layers
}

#[test]
fn every_layer_has_the_gradient_of_differences() {
    for layer in layers() {
        // Two groups of images, the second one not full.
        let case = Case::new(between(layer, [2, 7, 6]), 18, 3);
        case.check_differences(axes, &format!("{layer:?}"));
    }
}

#[test]
fn children_have_the_gradient_of_differences() {
    let family = family(3, 4, [2, 11, 10]);
    let arch = random_arch(3, 4);
    let like_alone = family_of(SharedForm::StandAlone, 3, 4, [2, 11, 10]);
    let nets = [&family, &like_alone].map(|family| family.shared(&arch).unwrap());
    for net in nets.into_iter().chain([family.standalone(&arch).unwrap()]) {
        Case::new(net, 19, 6).check_differences(drawn, &format!("{arch}"));
    }
}
