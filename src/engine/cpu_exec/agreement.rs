//! The CPU executor against candle's in f64, whose gradients are those of differences and of
//! PyTorch: every layer, odd planes, batches that do not fill their groups, every instruction set.
//! Its own gradients against differences of candle's loss in f64.

#![cfg(test)]

use std::sync::Arc;

use crate::engine::cpu_exec::CpuExec;
use crate::engine::kernel::Isa;
use crate::engine::probe::{Batch, WINDOWS, flat, in_f64, params, random_arch, random_values, rng};
use crate::engine::{CandleExec, Executor, Gradients, Noise, Snapshot};
use crate::net::{self, Input, LayerKind, Net, NetConfig, NetFamily, Shape, SharedForm, TensorId};
use crate::space::{MicroSpace, Space};

const LOSS: f64 = 1e-6;
const GRADIENT: f64 = 1e-5;

/// Sums that cancel are as precise as what they are made of, not as what they come to: a tensor
/// is measured by its largest value, or by this share of the largest of all.
const FLOOR: f64 = 0.1;

/// A net, its values and a batch.
struct Case {
    net: Net,
    values: Snapshot,
    batch: Batch,
    drop_path: f64,
}

impl Case {
    fn new(net: Net, images: usize, seed: u64) -> Self {
        let classes = net.layers[net.logits - 1].output.channels;
        let batch = Batch::random(net.image, images, classes, seed);
        Self { values: random_values(&net.params(), seed), batch, net, drop_path: 0.4 }
    }

    fn train(&self, exec: &dyn Executor, values: &Snapshot) -> Gradients {
        let noise = Noise { rng: &mut rng(9), drop_path: self.drop_path };
        exec.train(&self.net, &params(values), self.batch.images().into(), noise).unwrap()
    }

    #[track_caller]
    fn check(&self, exec: &CpuExec, what: &str) {
        let what = format!("{what} with {}", exec.name());
        let expected = self.train(&CandleExec::in_f64(), &in_f64(&self.values));
        let found = self.train(exec, &self.values);
        let off = (found.loss - expected.loss).abs() / expected.loss;
        assert!(off <= LOSS, "{what}: loss {} against {}", found.loss, expected.loss);
        assert_eq!(found.correct, expected.correct, "{what}");
        check_all(&found.grads, &expected.grads, &format!("{what}: gradient of"));
        check_all(&found.moments, &expected.moments, &format!("{what}: moments"));
        let running = Some(&expected.moments);
        let wanted = CandleExec::in_f64();
        let wanted =
            wanted.logits(&self.net, &in_f64(&self.values), self.batch.images().into(), running);
        let found =
            exec.logits(&self.net, &self.values, self.batch.images().into(), Some(&found.moments));
        let [found, wanted] = [found, wanted].map(|logits| flat(&logits.unwrap()));
        check_close(&found, &wanted, 0.0, &format!("{what}: logits"));
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[track_caller]
fn check_all(found: &Snapshot, expected: &Snapshot, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}: {:?}", expected.keys());
    let largest_of_all = largest(&expected.values().flat_map(flat).collect::<Vec<_>>());
    for (name, expected) in expected {
        assert_eq!(found[name].dims(), expected.dims(), "{what} {name}");
        let what = format!("{what} {name}");
        check_close(&flat(&found[name]), &flat(expected), FLOOR * largest_of_all, &what);
    }
}

#[track_caller]
fn check_close(found: &[f64], expected: &[f64], floor: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = largest(expected).max(floor);
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs() / size;
        assert!(off <= GRADIENT, "{what}[{place}]: {found} against {expected}, {off:e} of {size}");
    }
}

/// The layer between a 1×1 convolution, which sees the gradient of its input, and a head.
fn between(layer: (LayerKind, &[TensorId], usize), image: [usize; 3]) -> Net {
    let [channels, height, width] = image;
    let [stem, narrow] =
        [(2, false), (1, true)].map(|(kernel, relu)| LayerKind::conv(kernel, relu));
    let head = LayerKind::Head { dropout_keep: 0.7 };
    let layers: [(LayerKind, &[TensorId], usize); 4] =
        [(stem, &[0], 3), (narrow, &[1], 3), layer, (head, &[3], 4)];
    Net::of_layers(Shape { channels, height, width }, &layers)
}

#[track_caller]
fn check_layer(kind: LayerKind, inputs: &[TensorId], channels: usize) {
    let shapes =
        [([2, 5, 4], 2), ([1, 9, 7], 17), ([3, 3, 3], 3), ([2, 6, 3], 1), ([1, 12, 33], 5)];
    for (image, images) in shapes {
        let case = Case::new(between((kind, inputs, channels), image), images, 3);
        for isa in Isa::all() {
            case.check(&CpuExec::with(isa), &format!("{kind:?} on {image:?}·{images}"));
        }
    }
}

mod blocks;
mod differences;
mod filter_nets;
mod linked_nets;
mod same_net;

#[test]
fn dense_convolutions_agree() {
    for kernel in [1, 2, 3, 5] {
        for relu in [false, true] {
            check_layer(LayerKind::conv(kernel, relu), &[2], 5);
        }
    }
}

#[test]
fn convolutions_of_any_window_agree() {
    for window in WINDOWS {
        for relu in [false, true] {
            check_layer(LayerKind::Conv { window, relu }, &[2], 5);
        }
    }
}

#[test]
fn separable_convolutions_agree() {
    for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        check_layer(LayerKind::SepConv { kernel, stride }, &[2], 5);
    }
}

#[test]
fn pools_agree() {
    for stride in [1, 2] {
        check_layer(LayerKind::AvgPool { stride }, &[2], 3);
        check_layer(LayerKind::MaxPool { stride }, &[2], 3);
    }
    check_layer(LayerKind::AuxPool, &[2], 3);
}

#[test]
fn reductions_and_joins_agree() {
    for relu in [false, true] {
        check_layer(LayerKind::FactorizedReduction { relu }, &[2], 5);
    }
    check_layer(LayerKind::Add, &[1, 2], 3);
    check_layer(LayerKind::Add, &[2, 2], 3);
    check_layer(LayerKind::Concat, &[1, 2], 6);
    check_layer(LayerKind::Gather, &[1, 2], 5);
    check_layer(LayerKind::DropPath { depth: 0.5 }, &[2], 3);
    check_layer(LayerKind::Pad { sides: [13, 36] }, &[2], 3);
}

fn family(nodes: usize, channels: usize, image: [usize; 3]) -> Arc<dyn NetFamily> {
    family_of(SharedForm::Shared, nodes, channels, image)
}

fn family_of(
    shared_form: SharedForm,
    nodes: usize,
    channels: usize,
    image: [usize; 3],
) -> Arc<dyn NetFamily> {
    let config =
        NetConfig { layers: 2, channels, dropout_keep: 0.8, shared_form, ..NetConfig::default() };
    let [image_channels, height, width] = image;
    let shape = Shape { channels: image_channels, height, width };
    let space = Space::Micro(MicroSpace::new(nodes).unwrap());
    net::family(space, &config, Input::Image { shape, classes: 10 }).unwrap()
}

#[test]
fn random_children_agree() {
    let shapes =
        [(5, [3, 16, 16], 20), (7, [1, 14, 13], 16), (4, [2, 9, 11], 33), (6, [1, 28, 28], 18)];
    for (seed, (channels, image, images)) in (0..).zip(shapes) {
        let family = family(3, channels, image);
        let arch = random_arch(3, seed);
        let like_alone = family_of(SharedForm::StandAlone, 3, channels, image);
        let nets = [&family, &like_alone].map(|family| family.shared(&arch).unwrap());
        for net in nets.into_iter().chain([family.standalone(&arch).unwrap()]) {
            Case::new(net, images, seed).check(&CpuExec::new(), &format!("{arch} on {image:?}"));
        }
    }
}

fn bits(gradients: &Gradients) -> Vec<u64> {
    let tensors = gradients.grads.values().chain(gradients.moments.values());
    let values = tensors.flat_map(flat).map(f64::to_bits);
    std::iter::once(gradients.loss.to_bits()).chain(values).collect()
}

#[test]
fn what_buffers_held_and_how_many_threads_there_are_changes_no_bit() {
    let family = family(3, 6, [2, 16, 15]);
    let nets = [1, 2].map(|seed| family.shared(&random_arch(3, seed)).unwrap());
    let cases = nets.map(|net| Case::new(net, 70, 5));
    let first = cases.each_ref().map(|case| bits(&case.train(&CpuExec::new(), &case.values)));
    assert_ne!(first[0], first[1]);
    for threads in [1, 2, 3, 8] {
        let exec = CpuExec::new();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for place in [0, 1, 0] {
            exec.buffers.spoil();
            let case = &cases[place];
            let found = pool.install(|| bits(&case.train(&exec, &case.values)));
            assert!(found == first[place], "net {place}, {threads} threads");
        }
    }
}

#[test]
fn a_weight_that_is_no_number_shows_in_the_loss_and_has_nothing_right() {
    let net = family(3, 4, [1, 8, 8]).shared(&random_arch(3, 6)).unwrap();
    let mut case = Case::new(net, 20, 1);
    let spoilt = (&case.values["stem.weight"] * f64::NAN).unwrap();
    case.values.insert("stem.weight".to_owned(), spoilt);
    for isa in Isa::all() {
        let exec = CpuExec::with(isa);
        let found = case.train(&exec, &case.values);
        assert!(found.loss.is_nan(), "{}: {}", isa.name(), found.loss);
        let right = exec.measure(&case.net, &case.values, case.batch.images().into(), None);
        assert_eq!((found.correct, right.unwrap().correct), (0, 0), "{}", isa.name());
    }
}
