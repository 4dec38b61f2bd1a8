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
pub(in crate::engine) struct Case {
    pub(in crate::engine) net: Net,
    pub(in crate::engine) values: Snapshot,
    pub(in crate::engine) batch: Batch,
    drop_path: f64,
}

impl Case {
    pub(in crate::engine) fn new(net: Net, images: usize, seed: u64) -> Self {
        let classes = net.layers[net.logits - 1].output.channels;
        let batch = Batch::random(net.image, images, classes, seed);
        Self { values: random_values(&net.params(), seed), batch, net, drop_path: 0.4 }
    }

    pub(in crate::engine) fn train(&self, exec: &dyn Executor, values: &Snapshot) -> Gradients {
        let noise = Noise { rng: &mut rng(9), drop_path: self.drop_path };
        exec.train(&self.net, &params(values), self.batch.images().into(), noise).unwrap()
    }

    #[track_caller]
    pub(in crate::engine) fn check(&self, exec: &dyn Executor, what: &str) {
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
pub(in crate::engine) fn between(layer: (LayerKind, &[TensorId], usize), image: [usize; 3]) -> Net {
    let [channels, height, width] = image;
    let [stem, narrow] =
        [(2, false), (1, true)].map(|(kernel, relu)| LayerKind::conv(kernel, relu));
    let head = LayerKind::Head { dropout_keep: 0.7 };
    let layers: [(LayerKind, &[TensorId], usize); 4] =
        [(stem, &[0], 3), (narrow, &[1], 3), layer, (head, &[3], 4)];
    Net::of_layers(Shape { channels, height, width }, &layers)
}

/// A layer that is checked between others: what it reads, and the channels that it writes.
pub(in crate::engine) type Between = (LayerKind, &'static [TensorId], usize);

/// The layer on several planes, odd ones among them.
pub(in crate::engine) fn cases_of(layer: Between) -> impl Iterator<Item = (Case, String)> {
    let shapes =
        [([2, 5, 4], 2), ([1, 9, 7], 17), ([3, 3, 3], 3), ([2, 6, 3], 1), ([1, 12, 33], 5)];
    shapes.into_iter().map(move |(image, images)| {
        let case = Case::new(between(layer, image), images, 3);
        (case, format!("{kind:?} on {image:?}·{images}", kind = layer.0))
    })
}

#[track_caller]
fn check_layers(layers: impl IntoIterator<Item = Between>) {
    for (case, what) in layers.into_iter().flat_map(cases_of) {
        for isa in Isa::all() {
            case.check(&CpuExec::with(isa), &what);
        }
    }
}

pub(in crate::engine) fn dense_convolutions() -> Vec<Between> {
    let both = |kernel| [false, true].map(|relu| (LayerKind::conv(kernel, relu), &[2][..], 5));
    [1, 2, 3, 5].into_iter().flat_map(both).collect()
}

pub(in crate::engine) fn convolutions_of_any_window() -> Vec<Between> {
    let both = |window| [false, true].map(|relu| (LayerKind::Conv { window, relu }, &[2][..], 5));
    WINDOWS.into_iter().flat_map(both).collect()
}

pub(in crate::engine) fn separable_convolutions() -> [Between; 6] {
    [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)]
        .map(|(kernel, stride)| (LayerKind::SepConv { kernel, stride }, &[2][..], 5))
}

pub(in crate::engine) fn pools() -> [Between; 5] {
    [
        LayerKind::AvgPool { stride: 1 },
        LayerKind::AvgPool { stride: 2 },
        LayerKind::MaxPool { stride: 1 },
        LayerKind::MaxPool { stride: 2 },
        LayerKind::AuxPool,
    ]
    .map(|kind| (kind, &[2][..], 3))
}

pub(in crate::engine) fn reductions_and_joins() -> [Between; 8] {
    [
        (LayerKind::FactorizedReduction { relu: false }, &[2], 5),
        (LayerKind::FactorizedReduction { relu: true }, &[2], 5),
        (LayerKind::Add, &[1, 2], 3),
        (LayerKind::Add, &[2, 2], 3),
        (LayerKind::Concat, &[1, 2], 6),
        (LayerKind::Gather, &[1, 2], 5),
        (LayerKind::DropPath { depth: 0.5 }, &[2], 3),
        (LayerKind::Pad { sides: [13, 36] }, &[2], 3),
    ]
}

mod blocks;
mod differences;
mod filter_nets;
mod linked_nets;
mod same_net;

#[test]
fn dense_convolutions_agree() {
    check_layers(dense_convolutions());
}

#[test]
fn convolutions_of_any_window_agree() {
    check_layers(convolutions_of_any_window());
}

#[test]
fn separable_convolutions_agree() {
    check_layers(separable_convolutions());
}

#[test]
fn pools_agree() {
    check_layers(pools());
}

#[test]
fn reductions_and_joins_agree() {
    check_layers(reductions_and_joins());
}

fn family(nodes: usize, channels: usize, image: [usize; 3]) -> Arc<dyn NetFamily> {
    family_of(SharedForm::Shared, nodes, channels, image)
}

pub(in crate::engine) fn family_of(
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

pub(in crate::engine) fn bits(gradients: &Gradients) -> Vec<u64> {
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
