//! Every layer's gradient, and that of whole nets, against central differences in f64:
//!
//! ```text
//! ∂L/∂w ≈ (L(w + h) − L(w − h)) / 2h
//! ```
//!
//! `L` weighs every output with a random number, so that no error can cancel. The seeds keep
//! values away from the kinks of ReLU and maximum.

#![cfg(test)]

use candle_core::{Device, Tensor, Var};

use crate::engine::probe::{
    Batch, WINDOWS, flat, in_f64, params, random_arch, random_values, rng, small_family, uniform,
};
use crate::engine::{CandleExec, Noise, Snapshot};
use crate::net::{LayerKind, Net, Shape, TensorId};

const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-6;
const IMAGES: &str = "images";

type Layers<'a> = &'a [(LayerKind, &'a [TensorId], usize)];

/// A function of named tensors whose gradient is checked.
struct Subject<'a> {
    /// Parameters, and [`IMAGES`].
    values: Snapshot,
    loss: &'a dyn Fn(&Snapshot, &Var) -> (Tensor, crate::engine::Params),
}

impl Subject<'_> {
    fn at(&self, values: &Snapshot) -> f64 {
        let images = Var::from_tensor(&values[IMAGES]).unwrap();
        (self.loss)(values, &images).0.to_scalar().unwrap()
    }

    /// The difference quotient of the loss along `direction` of one tensor.
    fn quotient(&self, name: &str, direction: &[f64]) -> f64 {
        let value = &self.values[name];
        let at = |step: f64| {
            let moved: Vec<f64> =
                flat(value).iter().zip(direction).map(|(v, d)| v + step * d).collect();
            let mut values = self.values.clone();
            let moved = Tensor::from_vec(moved, value.shape(), &Device::Cpu).unwrap();
            values.insert(name.to_owned(), moved);
            self.at(&values)
        };
        (at(STEP) - at(-STEP)) / (2.0 * STEP)
    }

    fn grads(&self) -> Vec<(String, Vec<f64>)> {
        let images = Var::from_tensor(&self.values[IMAGES]).unwrap();
        let (loss, params) = (self.loss)(&self.values, &images);
        let store = loss.backward().unwrap();
        let grad = |name: &String| {
            let var = if name == IMAGES { &images } else { params.get(name).unwrap() };
            let grad = store.get(var).unwrap_or_else(|| panic!("`{name}` has no gradient"));
            assert_eq!(grad.dims(), var.dims(), "{name}");
            (name.clone(), flat(grad))
        };
        self.values.keys().map(grad).collect()
    }

    /// Compares along each axis of each tensor.
    #[track_caller]
    fn check_every_value(&self, what: &str) {
        for (name, grad) in self.grads() {
            let size = grad.iter().fold(1.0_f64, |size, g| size.max(g.abs()));
            for (place, found) in grad.iter().enumerate() {
                let mut axis = vec![0.0; grad.len()];
                axis[place] = 1.0;
                let expected = self.quotient(&name, &axis);
                assert!(
                    (found - expected).abs() <= TOLERANCE * size,
                    "{what}: `{name}`[{place}] has {found}, the differences {expected}"
                );
            }
        }
    }

    /// Compares along one random direction of each tensor.
    #[track_caller]
    fn check_directions(&self, what: &str) {
        for (name, grad) in self.grads() {
            let direction = uniform(grad.len(), &mut rng(grad.len() as u64));
            let length = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
            let unit: Vec<f64> = direction.iter().map(|d| d / length(&direction)).collect();
            let found: f64 = grad.iter().zip(&unit).map(|(g, d)| g * d).sum();
            let expected = self.quotient(&name, &unit);
            assert!(
                (found - expected).abs() <= TOLERANCE * length(&grad).max(1e-2),
                "{what}: along `{name}` there is {found}, the differences say {expected}"
            );
        }
    }
}

/// Checks the layers on images of a shape, by every parameter and every pixel.
#[track_caller]
fn check(layers: Layers<'_>, image: [usize; 3], batch: usize) {
    let [channels, height, width] = image;
    let net = Net::of_layers(Shape { channels, height, width }, layers);
    let output = net.layers[net.logits - 1].output;
    let mut rng_of_weights = rng(7);
    let outputs = (batch, output.channels, output.height, output.width);
    let weights = uniform(batch * output.n_values(), &mut rng_of_weights);
    let weights = Tensor::from_vec(weights, outputs, &Device::Cpu).unwrap();
    let loss = |values: &Snapshot, images: &Var| {
        let params = params(values);
        let noise = Noise { rng: &mut rng(5), drop_path: 0.5 };
        let output = CandleExec::in_f64().output(&net, &params, images, Some(noise)).unwrap();
        ((output * &weights).unwrap().sum_all().unwrap(), params)
    };
    let mut values = in_f64(&random_values(&net.params(), 3));
    let pixels = uniform(batch * net.image.n_values(), &mut rng(11));
    let pixels = Tensor::from_vec(pixels, (batch, channels, height, width), &Device::Cpu).unwrap();
    values.insert(IMAGES.to_owned(), pixels);
    Subject { values, loss: &loss }.check_every_value(&format!("{layers:?} on {image:?}·{batch}"));
}

/// Odd and even sides, flat and narrow planes, one channel, batches of 1 to 3.
const SHAPES: [([usize; 3], usize); 4] =
    [([2, 5, 4], 2), ([1, 4, 7], 1), ([3, 3, 3], 3), ([2, 6, 3], 1)];

#[track_caller]
fn check_kind(kind: LayerKind, channels: Option<usize>) {
    for (image, batch) in SHAPES {
        check(&[(kind, &[0], channels.unwrap_or(image[0]))], image, batch);
    }
}

#[test]
fn dense_convolutions_have_the_gradient_of_differences() {
    for kernel in [1, 2, 3, 5] {
        for relu in [false, true] {
            check_kind(LayerKind::conv(kernel, relu), Some(2));
        }
    }
}

#[test]
fn convolutions_of_any_window_have_the_gradient_of_differences() {
    for window in WINDOWS {
        check_kind(LayerKind::Conv { window, relu: true }, Some(2));
    }
}

#[test]
fn planes_with_zeros_around_them_have_the_gradient_of_differences() {
    for sides in [[6, 7], [8, 10]] {
        check_kind(LayerKind::Pad { sides }, None);
    }
}

#[test]
fn separable_convolutions_have_the_gradient_of_differences() {
    for kernel in [3, 5, 7] {
        for stride in [1, 2] {
            check_kind(LayerKind::SepConv { kernel, stride }, Some(2));
        }
    }
}

#[test]
fn pools_have_the_gradient_of_differences() {
    for stride in [1, 2] {
        check_kind(LayerKind::AvgPool { stride }, None);
        check_kind(LayerKind::MaxPool { stride }, None);
    }
    check_kind(LayerKind::AuxPool, None);
    check(&[(LayerKind::AuxPool, &[0], 1)], [1, 9, 8], 2);
}

#[test]
fn factorized_reductions_have_the_gradient_of_differences() {
    for relu in [false, true] {
        check_kind(LayerKind::FactorizedReduction { relu }, Some(3));
    }
}

#[test]
fn joins_have_the_gradient_of_differences() {
    let narrow = LayerKind::conv(1, false);
    for (image, batch) in SHAPES {
        let channels = image[0];
        for (join, written) in [
            (LayerKind::Add, channels),
            (LayerKind::Concat, 2 * channels),
            (LayerKind::Gather, channels),
        ] {
            check(&[(narrow, &[0], channels), (join, &[0, 1], written)], image, batch);
        }
        // One tensor read twice has the gradient of both readers.
        check(&[(LayerKind::Add, &[0, 0], channels)], image, batch);
    }
}

#[test]
fn masked_layers_have_the_gradient_of_differences() {
    check_kind(LayerKind::DropPath { depth: 0.9 }, None);
    check_kind(LayerKind::Head { dropout_keep: 0.6 }, Some(4));
    check_kind(LayerKind::Head { dropout_keep: 1.0 }, Some(4));
}

#[track_caller]
fn check_net(net: &Net, seed: u64) {
    let batch = Batch::random(net.image, 5, 3, seed);
    let Shape { channels, height, width } = net.image;
    let loss = |values: &Snapshot, images: &Var| {
        let params = params(values);
        let noise = Noise { rng: &mut rng(seed), drop_path: 0.3 };
        let given = (images.as_tensor(), batch.labels.as_slice());
        let loss = CandleExec::in_f64().whole_loss(net, &params, given, noise).unwrap();
        (loss, params)
    };
    let mut values = in_f64(&random_values(&net.params(), seed));
    let pixels: Vec<f64> = batch.values.iter().map(|&v| f64::from(v)).collect();
    let pixels = Tensor::from_vec(pixels, (5, channels, height, width), &Device::Cpu).unwrap();
    values.insert(IMAGES.to_owned(), pixels);
    Subject { values, loss: &loss }.check_directions(&format!("net {seed}"));
}

#[test]
fn shared_nets_have_the_gradient_of_differences() {
    check_net(&small_family(3).shared(&random_arch(3, 1)).unwrap(), 1);
}

#[test]
fn standalone_nets_have_the_gradient_of_differences() {
    check_net(&small_family(3).standalone(&random_arch(3, 2)).unwrap(), 2);
}
