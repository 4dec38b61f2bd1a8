//! The CUDA executor against candle's in f64, on a device or on the driver that tests/cuda/mock.sh
//! builds: wherever `ENASD_CUDA_TESTS` is set.

#![cfg(test)]

use std::env;
use std::sync::Arc;

use crate::engine::cuda_exec::CudaExec;
use crate::engine::cuda_exec::build;
use crate::engine::cuda_exec::layout::Layout;
use crate::engine::cuda_exec::ops::Region;
use crate::engine::cuda_exec::program::{Mode, Program};
use crate::engine::probe::{Batch, WINDOWS, flat, in_f64, params, random_arch, random_values, rng};
use crate::engine::{CandleExec, Executor, Gradients, Noise, Snapshot};
use crate::net::{self, Input, LayerKind, Net, NetConfig, NetFamily, Shape, SharedForm, TensorId};
use crate::space::{MicroSpace, Space};

const LOSS: f64 = 1e-5;
const GRADIENT: f64 = 1e-4;
const FLOOR: f64 = 0.1;

/// The executor, where there is a device to test on.
fn exec() -> Option<CudaExec> {
    env::var_os("ENASD_CUDA_TESTS")?;
    Some(CudaExec::open(0).unwrap())
}

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
    fn check(&self, exec: &CudaExec, what: &str) {
        let expected = self.train(&CandleExec::in_f64(), &in_f64(&self.values));
        let found = self.train(exec, &self.values);
        let off = (found.loss - expected.loss).abs() / expected.loss;
        assert!(off <= LOSS, "{what}: loss {} against {}", found.loss, expected.loss);
        assert_eq!(found.correct, expected.correct, "{what}");
        check_all(&found.grads, &expected.grads, &format!("{what}: gradient of"));
        check_all(&found.moments, &expected.moments, &format!("{what}: moments"));
        let again = self.train(exec, &self.values);
        assert_eq!(bits(&again), bits(&found), "{what}");
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

fn bits(gradients: &Gradients) -> Vec<u64> {
    let tensors = gradients.grads.values().chain(gradients.moments.values());
    let values = tensors.flat_map(flat).map(f64::to_bits);
    std::iter::once(gradients.loss.to_bits()).chain(values).collect()
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
    let Some(exec) = exec() else { return };
    let shapes =
        [([2, 5, 4], 2), ([1, 9, 7], 17), ([3, 3, 3], 3), ([2, 6, 3], 1), ([1, 12, 33], 5)];
    for (image, images) in shapes {
        let case = Case::new(between((kind, inputs, channels), image), images, 3);
        case.check(&exec, &format!("{kind:?} on {image:?}·{images}"));
    }
}

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

/// Channels of more than one tile, in both directions.
#[test]
fn wide_layers_agree() {
    let Some(exec) = exec() else { return };
    for channels in [17, 36, 70, 130] {
        let conv = LayerKind::conv(1, true);
        let sep = |kernel, stride| LayerKind::SepConv { kernel, stride };
        let layers: [(LayerKind, &[TensorId], usize); 8] = [
            (LayerKind::conv(3, false), &[0], channels),
            (sep(3, 1), &[1], channels),
            (sep(5, 1), &[1], channels),
            (LayerKind::Add, &[2, 3], channels),
            (sep(3, 2), &[4], channels),
            (LayerKind::FactorizedReduction { relu: true }, &[4], channels),
            (LayerKind::Gather, &[5, 6], channels + 2),
            (LayerKind::Head { dropout_keep: 0.9 }, &[7], 5),
        ];
        let shape = Shape { channels: 3, height: 9, width: 8 };
        let case = Case::new(Net::of_layers(shape, &layers), 6, 4);
        case.check(&exec, &format!("{channels} channels, {conv:?}"));
    }
}

fn family(
    form: SharedForm,
    nodes: usize,
    channels: usize,
    image: [usize; 3],
) -> Arc<dyn NetFamily> {
    let config = NetConfig {
        layers: 2,
        channels,
        dropout_keep: 0.8,
        shared_form: form,
        ..NetConfig::default()
    };
    let [image_channels, height, width] = image;
    let shape = Shape { channels: image_channels, height, width };
    let space = Space::Micro(MicroSpace::new(nodes).unwrap());
    net::family(space, &config, Input::Image { shape, classes: 10 }).unwrap()
}

#[test]
fn random_children_agree() {
    let Some(exec) = exec() else { return };
    let shapes = [(5, [3, 16, 16], 9), (7, [1, 14, 13], 6), (4, [2, 9, 11], 13)];
    for (seed, (channels, image, images)) in (0..).zip(shapes) {
        let arch = random_arch(3, seed);
        let shared = family(SharedForm::Shared, 3, channels, image);
        let like_alone = family(SharedForm::StandAlone, 3, channels, image);
        let nets = [&shared, &like_alone].map(|family| family.shared(&arch).unwrap());
        for net in nets.into_iter().chain([shared.standalone(&arch).unwrap()]) {
            Case::new(net, images, seed).check(&exec, &format!("{arch} on {image:?}"));
        }
    }
}

/// The published cell's net of 6 and 2 cells on images of 32×32, for 160 of them.
fn published(channels: usize, mode: Mode) -> Program {
    let config = NetConfig { layers: 6, channels, ..NetConfig::default() };
    let space = Space::Micro(MicroSpace::new(5).unwrap());
    let shape = Shape { channels: 3, height: 32, width: 32 };
    let family = net::family(space, &config, Input::Image { shape, classes: 10 }).unwrap();
    let net = family.shared(&space.rules().published().unwrap()).unwrap();
    let params = net.params();
    let dims = params.iter().map(|(name, spec)| (name.as_str(), spec.dims.as_slice()));
    build::program(&net, mode, 160, &Layout::new(dims).unwrap()).unwrap()
}

/// What a step and a score cost on a GPU, so that nobody adds a hundred launches unseen.
#[test]
fn a_step_is_few_launches_and_moves_few_bytes() {
    let cost = |channels, mode| {
        let program = published(channels, mode);
        let traffic: u64 = program.launches.iter().map(|launch| launch.traffic).sum();
        let arena = program.lens[Region::Arena as usize];
        (program.launches.len(), traffic as f64 / 1e9, 4.0 * arena as f64 / 1e9)
    };
    // Of the published cell: launches, and bytes that kernels read or write, each tensor once a launch.
    // The floor of the design is 9.4 and 16.9 GB a step.
    let [small, large] = [20, 36].map(|channels| cost(channels, Mode::Train));
    assert_eq!((small.0, large.0), (467, 467));
    assert!(small.1 < 1.3 * 9.4 && large.1 < 1.3 * 16.9, "{small:?}, {large:?}");
    assert_eq!(cost(20, Mode::Score).0, 172);
}
