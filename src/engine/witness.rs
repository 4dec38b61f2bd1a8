//! Layers and nets against PyTorch in f64: candle in f64, and the CPU executor in f32.
//!
//! The numbers are printed by the scripts beside them: `testdata/torch_layers.py` builds each
//! layer from PyTorch's own operations, `testdata/torch_net.py` interprets architectures into
//! whole nets, of which `testdata/torch_zero_cost.py` takes the zero-cost measures, and
//! `testdata/torch_macro.py` joins dense convolutions by links; `testdata/torch_words.py` is a net of
//! words, and `testdata/torch_tree.py` are two with trees. All fill parameters by a rule that is
//! repeated here.

#![cfg(test)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;

use crate::engine::probe::{flat, params, rng};
use crate::engine::words::tests::{PLAIN, tree_of, varied};
use crate::engine::{CandleExec, CpuExec, Executor, Images, Noise, Snapshot, Words, ZeroCost};
use crate::net::{
    Input, LayerKind, Net, NetConfig, ParamSpec, Shape, TensorId, Window, WordNetSize, family,
};
use crate::space::Arch;

/// The sides sum in different orders; everything else is the same in f64.
const TOLERANCE: f64 = 1e-9;

/// The same for numbers in f32: these nets are small and badly conditioned, which magnifies what
/// every layer rounds.
const TOLERANCE_IN_F32: f64 = 2e-4;

/// A tensor in a few numbers: sum, product with `cos(0.9·k)`, first values.
#[derive(Debug, Deserialize)]
struct Digest {
    sum: f64,
    dot: f64,
    first: Vec<f64>,
}

impl Digest {
    #[track_caller]
    fn check(&self, tensor: &Tensor, tolerance: f64, what: &str) {
        let values = flat(tensor);
        let sum: f64 = values.iter().sum();
        let dot: f64 = values.iter().enumerate().map(|(k, v)| v * (0.9 * k as f64).cos()).sum();
        let size: f64 = values.iter().map(|v| v.abs()).sum();
        let close = |found: f64, expected: f64| {
            assert!(
                (found - expected).abs() <= tolerance * size.max(1.0),
                "{what}: {found}, PyTorch has {expected}"
            );
        };
        close(sum, self.sum);
        close(dot, self.dot);
        assert!(!self.first.is_empty(), "{what}");
        self.first.iter().zip(&values).for_each(|(expected, found)| close(*found, *expected));
    }
}

/// The scripts' `image_fill`: multiples of 1/32, exact in f32.
fn image_fill(n: usize) -> Vec<f32> {
    (0..n).map(|k| ((k * 37 % 101) as f32 - 50.0) / 32.0).collect()
}

/// The scripts' `param_fill`.
fn param_fill(name: &str, spec: &ParamSpec) -> Tensor {
    let start: f64 = name.bytes().map(f64::from).sum();
    let wave = (0..spec.len()).map(|k| {
        let wave = (1.3 * k as f64 + start).sin();
        match name.rsplit('.').next() {
            Some("scale") => 1.0 + 0.2 * wave,
            Some("offset") => 0.2 * wave,
            _ => wave,
        }
    });
    Tensor::from_vec(wave.collect(), spec.dims.as_slice(), &Device::Cpu).unwrap()
}

fn fill(net: &Net) -> Snapshot {
    net.params().iter().map(|(name, spec)| (name.clone(), param_fill(name, spec))).collect()
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Conv { kernel: usize, relu: bool },
    WindowConv { kernel: [usize; 2], stride: [usize; 2], dilation: usize },
    Pad { sides: [usize; 2] },
    SepConv { kernel: usize, stride: usize },
    AvgPool { stride: usize },
    MaxPool { stride: usize },
    FactorizedReduction { relu: bool },
    Add,
    Gather,
    Concat,
    AuxPool,
    Head,
}

impl Kind {
    fn layer(&self) -> LayerKind {
        match *self {
            Self::Conv { kernel, relu } => LayerKind::conv(kernel, relu),
            Self::WindowConv { kernel, stride, dilation } => {
                LayerKind::Conv { window: Window::of(kernel, stride, dilation), relu: true }
            }
            Self::Pad { sides } => LayerKind::Pad { sides },
            Self::SepConv { kernel, stride } => LayerKind::SepConv { kernel, stride },
            Self::AvgPool { stride } => LayerKind::AvgPool { stride },
            Self::MaxPool { stride } => LayerKind::MaxPool { stride },
            Self::FactorizedReduction { relu } => LayerKind::FactorizedReduction { relu },
            Self::Add => LayerKind::Add,
            Self::Gather => LayerKind::Gather,
            Self::Concat => LayerKind::Concat,
            Self::AuxPool => LayerKind::AuxPool,
            Self::Head => LayerKind::Head { dropout_keep: 1.0 },
        }
    }
}

#[derive(Debug, Deserialize)]
struct LayerCase {
    layer: Kind,
    inputs: usize,
    image: [usize; 4],
    channels: usize,
    constant: bool,
    output: Digest,
    image_grad: Digest,
    grads: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
struct LayerCases {
    cases: Vec<LayerCase>,
}

#[track_caller]
fn check_layer(case: &LayerCase) {
    let [batch, channels, height, width] = case.image;
    let shape = Shape { channels, height, width };
    let kind = case.layer.layer();
    let narrow = LayerKind::conv(1, false);
    let two: [(LayerKind, &[TensorId], usize); 2] =
        [(narrow, &[0], channels), (kind, &[0, 1], case.channels)];
    let one: [(LayerKind, &[TensorId], usize); 1] = [(kind, &[0], case.channels)];
    let net = Net::of_layers(shape, if case.inputs == 2 { &two } else { &one });
    let n_values = batch * shape.n_values();
    let pixels = if case.constant { vec![0.75; n_values] } else { image_fill(n_values) };
    let pixels: Vec<f64> = pixels.into_iter().map(f64::from).collect();
    let pixels = Tensor::from_vec(pixels, &case.image, &Device::Cpu).unwrap();
    let images = Var::from_tensor(&pixels).unwrap();
    let params = params(&fill(&net));
    let noise = Noise { rng: &mut rng(0), drop_path: 0.0 };
    let output = CandleExec::in_f64().output(&net, &params, &images, Some(noise)).unwrap();
    let what = format!("{:?} on {:?}", case.layer, case.image);
    case.output.check(&output, TOLERANCE, &what);
    let waves = (0..output.elem_count()).map(|k| (0.31 * k as f64).cos()).collect();
    let waves = Tensor::from_vec(waves, output.shape(), &Device::Cpu).unwrap();
    let store = (output * waves).unwrap().sum_all().unwrap().backward().unwrap();
    case.image_grad.check(store.get(&images).unwrap(), TOLERANCE, &format!("{what}: images"));
    assert!(net.params().keys().eq(case.grads.keys()), "{what}");
    for (name, expected) in &case.grads {
        let grad = store.get(params.get(name).unwrap()).unwrap();
        expected.check(grad, TOLERANCE, &format!("{what}: {name}"));
    }
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let text = include_str!("testdata/torch_layers.json");
    let LayerCases { cases } = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 47);
    cases.iter().for_each(check_layer);
}

#[derive(Debug, Deserialize)]
struct NetCase {
    arch: String,
    standalone: bool,
    #[serde(flatten)]
    expected: Expected,
}

/// What one training pass of a net gives.
#[derive(Debug, Deserialize)]
struct Expected {
    loss: f64,
    correct: usize,
    logits: Digest,
    moments: BTreeMap<String, Digest>,
    grads: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
struct NetCases {
    nets: Vec<NetCase>,
}

/// The net of `testdata/torch_net.py` for `arch`.
fn small_net(arch: &str, standalone: bool) -> Net {
    let config = NetConfig { layers: 1, channels: 2, dropout_keep: 1.0, ..NetConfig::default() };
    let image = Shape { channels: 1, height: 9, width: 7 };
    let input = Input::Image { shape: image, classes: 3 };
    let arch: Arch = arch.parse().unwrap();
    let family = family(arch.space(), &config, input).unwrap();
    let net = if standalone { family.standalone(&arch) } else { family.shared(&arch) };
    net.unwrap()
}

impl Expected {
    /// Checks an executor whose numbers are as precise as `tolerance`.
    #[track_caller]
    fn check(&self, net: &Net, labels: &[u32], exec: &dyn Executor, tolerance: f64) {
        let what = exec.name();
        let mut weights = fill(net);
        if tolerance == TOLERANCE_IN_F32 {
            for value in weights.values_mut() {
                *value = value.to_dtype(DType::F32).unwrap();
            }
        }
        let params = params(&weights);
        let values = image_fill(labels.len() * net.image.n_values());
        let images = Images { values: &values, labels };
        let noise = Noise { rng: &mut rng(0), drop_path: 0.0 };
        let found = exec.train(net, &params, images.into(), noise).unwrap();
        let off = (found.loss - self.loss).abs();
        assert!(off <= tolerance, "{what}: {} {}", found.loss, self.loss);
        assert_eq!(found.correct, self.correct, "{what}");
        let logits = exec.logits(net, &weights, images.into(), Some(&found.moments)).unwrap();
        self.logits.check(&logits, tolerance, &what);
        for (found, expected) in [(&found.moments, &self.moments), (&found.grads, &self.grads)] {
            assert!(found.keys().eq(expected.keys()), "{what}: {:?}", expected.keys());
            for (name, expected) in expected {
                expected.check(&found[name], tolerance, &format!("{what}: {name}"));
            }
        }
    }

    #[track_caller]
    fn check_both(&self, net: &Net, labels: &[u32]) {
        self.check(net, labels, &CandleExec::in_f64(), TOLERANCE);
        self.check(net, labels, &CpuExec::new(), TOLERANCE_IN_F32);
    }
}

#[test]
fn whole_nets_agree_with_pytorch() {
    let NetCases { nets } = serde_json::from_str(include_str!("testdata/torch_net.json")).unwrap();
    assert_eq!(nets.len(), 4);
    for case in &nets {
        println!("{} (stands alone: {})", case.arch, case.standalone);
        case.expected.check_both(&small_net(&case.arch, case.standalone), &[0, 2, 1, 2]);
    }
}

#[derive(Debug, Deserialize)]
struct Described {
    layer: Kind,
    inputs: Vec<TensorId>,
    channels: usize,
}

#[derive(Debug, Deserialize)]
struct LinkedNet {
    layers: Vec<Described>,
    #[serde(flatten)]
    expected: Expected,
}

#[test]
fn nets_of_dense_convolutions_and_links_agree_with_pytorch() {
    let LinkedNet { layers, expected } =
        serde_json::from_str(include_str!("testdata/torch_macro.json")).unwrap();
    let layers: Vec<(LayerKind, &[TensorId], usize)> = layers
        .iter()
        .map(|described| (described.layer.layer(), &described.inputs[..], described.channels))
        .collect();
    let net = Net::of_layers(Shape { channels: 2, height: 13, width: 11 }, &layers);
    expected.check_both(&net, &[0, 2, 1, 2, 0]);
}

#[derive(Debug, Deserialize)]
struct ZeroCostCase {
    arch: String,
    grad_norm: f64,
    log_synflow: f64,
    jacobian_covariance: f64,
}

#[derive(Deserialize)]
struct ZeroCostCases {
    nets: Vec<ZeroCostCase>,
}

#[test]
fn zero_cost_measures_agree_with_pytorch() {
    let text = include_str!("testdata/torch_zero_cost.json");
    let ZeroCostCases { nets } = serde_json::from_str(text).unwrap();
    assert_eq!(nets.len(), 2);
    for case in &nets {
        let net = small_net(&case.arch, true);
        let values = image_fill(4 * net.image.n_values());
        let images = Images { values: &values, labels: &[0, 2, 1, 2] };
        let found = ZeroCost::of(&net, &fill(&net), images).unwrap();
        for (found, expected) in [
            (found.grad_norm, case.grad_norm),
            (found.log_synflow, case.log_synflow),
            (found.jacobian_covariance, case.jacobian_covariance),
        ] {
            assert!((found / expected - 1.0).abs() < 1e-9, "{case:?}: {found}, not {expected}");
        }
    }
}

/// The nets of words.
const WORDS: WordNetSize =
    WordNetSize { activation_weight: 0.7, slowness_weight: 1.3, vocabulary: 7, hidden: 3, ..PLAIN };

/// How many states its cell has.
fn n_states(net: &Net) -> usize {
    net.layers[1].cell.as_ref().unwrap().n_states()
}

#[derive(Deserialize)]
struct WordCase {
    loss: f64,
    correct: usize,
    logits: Digest,
    carried: Digest,
    grads: BTreeMap<String, Digest>,
}

impl WordCase {
    #[track_caller]
    fn check_all(&self, net: &Net) {
        self.check(net, &CandleExec::in_f64(), (DType::F64, TOLERANCE));
        self.check(net, &CpuExec::new(), (DType::F32, TOLERANCE_IN_F32));
    }

    #[track_caller]
    fn check(&self, net: &Net, exec: &dyn Executor, (dtype, tolerance): (DType, f64)) {
        let (what, rows) = (exec.name(), 4);
        let weights: Snapshot = fill(net)
            .into_iter()
            .map(|(name, value)| (name, value.to_dtype(dtype).unwrap()))
            .collect();
        let [ids, next] = [5, 3].map(|by| (0..20).map(|k| k * by % 7).collect::<Vec<u32>>());
        let before = image_fill(rows * WORDS.hidden * n_states(net));
        let [mut carried, mut shown] = [before.clone(), before];
        let noise = Noise { rng: &mut rng(0), drop_path: 0.0 };
        let words = Words { ids: &ids, next: &next, rows, carried: &mut carried };
        let found = exec.train(net, &params(&weights), words.into(), noise).unwrap();
        assert!((found.loss - self.loss).abs() <= tolerance, "{what}: {}", found.loss);
        assert_eq!(found.correct, self.correct, "{what}");
        let words = Words { ids: &ids, next: &next, rows, carried: &mut shown };
        self.logits.check(
            &exec.logits(net, &weights, words.into(), None).unwrap(),
            tolerance,
            &what,
        );
        let carried = Tensor::new(carried, &Device::Cpu).unwrap();
        // States go from window to window in f32.
        self.carried.check(&carried, 1e-6, &what);
        assert!(found.grads.keys().eq(self.grads.keys()), "{what}");
        for (name, expected) in &self.grads {
            expected.check(&found.grads[name], tolerance, &format!("{what}: {name}"));
        }
    }
}

#[test]
fn nets_of_words_agree_with_pytorch() {
    let case: WordCase = serde_json::from_str(include_str!("testdata/torch_words.json")).unwrap();
    case.check_all(&WORDS.net(varied()));
}

#[derive(Deserialize)]
struct TreeCase {
    arch: String,
    #[serde(flatten)]
    words: WordCase,
}

#[derive(Deserialize)]
struct TreeCases {
    trees: Vec<TreeCase>,
}

#[test]
fn nets_with_trees_agree_with_pytorch() {
    let TreeCases { trees } =
        serde_json::from_str(include_str!("testdata/torch_tree.json")).unwrap();
    assert_eq!(trees.len(), 2);
    for case in trees {
        case.words.check_all(&tree_of(&WORDS, &case.arch));
    }
}
