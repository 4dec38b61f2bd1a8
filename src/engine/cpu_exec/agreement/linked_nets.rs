//! Nets like those of ENAS' macro search space (section 2.3): every operation, links that are
//! drawn, and all tensors halved twice.

#![cfg(test)]

use rand::RngExt;

use super::{Case, bits};
use crate::engine::cpu_exec::CpuExec;
use crate::engine::cpu_exec::agreement::differences::drawn;
use crate::engine::kernel::Isa;
use crate::engine::probe::rng;
use crate::net::{LayerKind, Net, Shape, TensorId};

const OPERATIONS: [LayerKind; 6] = [
    LayerKind::conv(3, true),
    LayerKind::SepConv { kernel: 3, stride: 1 },
    LayerKind::conv(5, true),
    LayerKind::SepConv { kernel: 5, stride: 1 },
    LayerKind::AvgPool { stride: 1 },
    LayerKind::MaxPool { stride: 1 },
];

/// Layers, and what each reads.
#[derive(Default)]
struct Draft(Vec<(LayerKind, Vec<TensorId>, usize)>);

impl Draft {
    fn push(&mut self, kind: LayerKind, inputs: &[TensorId], channels: usize) -> TensorId {
        self.0.push((kind, inputs.to_vec(), channels));
        self.0.len()
    }
}

/// A net of `n_layers` layers, whose operations come in turn from the one of number `seed` on.
fn net(
    [image_channels, height, width]: [usize; 3],
    channels: usize,
    n_layers: usize,
    seed: u64,
) -> Net {
    let mut rng = rng(seed);
    let mut draft = Draft::default();
    let mut tensors = vec![draft.push(LayerKind::conv(3, false), &[0], channels)];
    for number in 0..n_layers {
        let newest = tensors[number];
        let narrow = draft.push(LayerKind::conv(1, true), &[newest], channels);
        let operation = OPERATIONS[(number + seed as usize) % OPERATIONS.len()];
        let mut joined: Vec<_> = tensors[..number].to_vec();
        joined.retain(|_| rng.random_bool(0.4));
        joined.push(draft.push(operation, &[narrow], channels));
        tensors.push(draft.push(LayerKind::Gather, &joined, channels));
        if [n_layers / 3, 2 * n_layers / 3].contains(&(number + 1)) {
            let halve = LayerKind::FactorizedReduction { relu: false };
            tensors = tensors.iter().map(|&id| draft.push(halve, &[id], channels)).collect();
        }
    }
    draft.push(LayerKind::Head { dropout_keep: 0.9 }, &tensors[n_layers..], 10);
    let layers: Vec<_> =
        draft.0.iter().map(|(kind, inputs, channels)| (*kind, &inputs[..], *channels)).collect();
    Net::of_layers(Shape { channels: image_channels, height, width }, &layers)
}

#[test]
fn linked_nets_agree() {
    // The wider and the deeper ones with few images: of many inputs of ReLU some lie so near zero
    // that rounding decides their side, which no tolerance of a gradient can tell from a fault.
    let shapes = [
        (3, 6, [3, 16, 16], 20),
        (6, 5, [1, 14, 13], 16),
        (6, 20, [2, 9, 11], 5),
        (12, 4, [3, 16, 12], 7),
    ];
    for (seed, (n_layers, channels, image, images)) in (0..).zip(shapes) {
        let net = net(image, channels, n_layers, seed);
        let what = format!("{n_layers} layers of {channels} channels on {image:?}");
        for isa in Isa::all() {
            Case::new(net.clone(), images, seed).check(&CpuExec::with(isa), &what);
        }
    }
}

#[test]
fn linked_nets_have_the_gradient_of_differences() {
    let case = Case::new(net([2, 11, 10], 4, 6, 0), 19, 6);
    case.check_differences(drawn, "linked");
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_linked_net() {
    let case = Case::new(net([3, 16, 15], 6, 6, 1), 70, 5);
    let expected = bits(&case.train(&CpuExec::new(), &case.values));
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let exec = CpuExec::new();
        for _ in 0..2 {
            let found = pool.install(|| bits(&case.train(&exec, &case.values)));
            assert!(found == expected, "{threads} threads");
            exec.buffers.spoil();
        }
    }
}
