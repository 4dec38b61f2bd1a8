//! What must hold between two runs, whatever the numbers are.

#![cfg(test)]

use candle_core::{DType, Device, Tensor};

use crate::engine::probe::{
    Batch, SMALL, flat, in_f64, params, random_arch, random_values, rng, small_family,
};
use crate::engine::{
    CandleExec, Executor, Noise, Sgd, SgdConfig, Snapshot, from_safetensors, to_safetensors,
    update_running,
};
use crate::net::{LayerKind, Net, Shape, Span, Window};
use crate::space::{Arch, Cell, MicroSpace, Node};

const NODES: usize = 3;
const CLASSES: usize = 3;

fn exec() -> CandleExec {
    CandleExec::new(Device::Cpu)
}

fn batch(seed: u64) -> Batch {
    Batch::random(SMALL, 6, CLASSES, seed)
}

fn shared(seed: u64) -> Net {
    small_family(NODES).shared(&random_arch(NODES, seed)).unwrap()
}

fn omega() -> Snapshot {
    random_values(&small_family(NODES).shared_params(), 8)
}

fn logits(net: &Net, weights: &Snapshot, batch: &Batch, running: Option<&Snapshot>) -> Vec<f64> {
    flat(&exec().logits(net, weights, batch.images().into(), running).unwrap())
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }
}

#[test]
fn a_child_needs_its_own_part_of_the_shared_parameters_only() {
    let (omega, batch) = (omega(), batch(1));
    for seed in 0..4 {
        let net = shared(seed);
        let part: Snapshot =
            net.params().keys().map(|name| (name.clone(), omega[name].clone())).collect();
        assert!(part.len() < omega.len());
        let read_back = from_safetensors(&to_safetensors(&part).unwrap(), DType::F32).unwrap();
        let whole = logits(&net, &omega, &batch, None);
        assert_eq!(whole, logits(&net, &read_back, &batch, None));
        assert!(whole.iter().all(|logit| logit.is_finite()));
    }
}

#[test]
fn a_step_leaves_parameters_that_were_not_sampled_bit_identical() {
    let params = params(&omega());
    let before = params.snapshot().unwrap();
    let mut sgd = Sgd::new(SgdConfig::default(), &Snapshot::new(), &Device::Cpu).unwrap();
    // The first child's momenta must not move what the second one does not read.
    let mut read = std::collections::BTreeSet::new();
    for seed in 0..2 {
        let net = shared(seed);
        let noise = Noise { rng: &mut rng(seed), drop_path: 0.0 };
        let before_step = params.snapshot().unwrap();
        let found = exec().train(&net, &params, batch(seed).images().into(), noise).unwrap();
        assert!(found.grads.keys().eq(net.params().keys()), "exactly the parameters it reads");
        sgd.step(&params, &found.grads, 0.05).unwrap();
        for (name, var) in params.iter() {
            if !net.params().contains_key(name) {
                assert_eq!(flat(var), flat(&before_step[name]), "{name}");
            }
        }
        read.extend(net.params().into_keys());
    }
    let moved = params.iter().filter(|(name, var)| flat(var) != flat(&before[*name]));
    assert!(moved.map(|(name, _)| name).eq(read.iter().map(String::as_str)));
}

/// `node{number}.x` for `node{number}.y` and the other way, in every name.
fn swap_sides(values: &Snapshot, number: usize) -> Snapshot {
    let sides = ["x", "y"].map(|side| format!(".node{number}.{side}."));
    let renamed = values.iter().map(|(name, value)| {
        let [x, y] = &sides;
        let name = if name.contains(x) { name.replace(x, y) } else { name.replace(y, x) };
        (name, value.clone())
    });
    renamed.collect()
}

fn with_swapped_edges(arch: &Arch, number: usize) -> Arch {
    let [normal, reduction] = MicroSpace::cells(arch).unwrap().map(|cell| {
        let nodes = cell
            .numbered_nodes()
            .map(|(node, Node([x, y]))| if node == number { Node([y, x]) } else { Node([x, y]) });
        Cell::new(nodes.collect()).unwrap()
    });
    MicroSpace::arch(&normal, &reduction).unwrap()
}

#[test]
fn the_order_of_a_nodes_edges_does_not_matter_where_weights_move_along() {
    let batch = batch(2);
    let mut moved = 0;
    for (seed, number) in [(0, 2), (1, 3), (2, 4), (3, 2), (4, 3)] {
        let arch = random_arch(NODES, seed);
        let family = small_family(NODES);
        let net = family.standalone(&arch).unwrap();
        let other = family.standalone(&with_swapped_edges(&arch, number)).unwrap();
        let values = random_values(&net.params(), 5);
        let swapped = swap_sides(&values, number);
        assert!(other.params().keys().eq(swapped.keys()));
        moved += usize::from(!values.keys().eq(swapped.keys()));
        let noise = Noise { rng: &mut rng(1), drop_path: 0.0 };
        let trained = exec().train(&net, &params(&values), batch.images().into(), noise).unwrap();
        let found = logits(&net, &values, &batch, Some(&trained.moments));
        let running = swap_sides(&trained.moments, number);
        let expected = logits(&other, &swapped, &batch, Some(&running));
        assert_close(&found, &expected, 1e-6);
    }
    assert!(moved >= 3, "the seeds have separable convolutions on the swapped edges");
}

#[test]
fn the_average_of_ones_is_one_everywhere() {
    for (height, width) in [(4, 4), (5, 7), (3, 8), (1, 2)] {
        for stride in [1, 2] {
            let shape = Shape { channels: 2, height, width };
            let net = Net::of_layers(shape, &[(LayerKind::AvgPool { stride }, &[0], 2)]);
            let ones = Tensor::ones((3, 2, height, width), DType::F64, &Device::Cpu).unwrap();
            let params = params(&Snapshot::new());
            let output = CandleExec::in_f64().output(&net, &params, &ones, None).unwrap();
            assert_eq!(output.dims(), [3, 2, height.div_ceil(stride), width.div_ceil(stride)]);
            let n_outputs = output.elem_count();
            assert_close(&flat(&output), &vec![1.0; n_outputs], 1e-12);
        }
    }
}

/// As NASNet's pools of 5×5 and 7×7 are made: with the padding of a window of that size.
#[test]
fn the_maxima_of_a_larger_window_are_those_of_threes_after_each_other() {
    for (height, width) in [(8, 9), (5, 4), (1, 2), (13, 3)] {
        for (n_pools, stride) in [(2, 1), (2, 2), (3, 1), (3, 2)] {
            let shape = Shape { channels: 1, height, width };
            let kinds = (1..=n_pools).map(|pool| LayerKind::MaxPool {
                stride: if pool == n_pools { stride } else { 1 },
            });
            let inputs: Vec<[usize; 1]> = (0..n_pools).map(|input| [input]).collect();
            let layers: Vec<_> =
                kinds.zip(&inputs).map(|(kind, input)| (kind, &input[..], 1)).collect();
            let net = Net::of_layers(shape, &layers);
            let values = Batch::random(shape, 1, 2, 7).values;
            let images = Tensor::from_slice(&values, (1, 1, height, width), &Device::Cpu).unwrap();
            let images = images.to_dtype(DType::F64).unwrap();
            let output = CandleExec::in_f64()
                .output(&net, &params(&Snapshot::new()), &images, None)
                .unwrap();
            let window = Window::same(2 * n_pools + 1, stride);
            let expected = maxima(&values, shape, window);
            assert_close(&flat(&output), &expected, 0.0);
        }
    }
}

/// The largest value under each window, looked at one after the other.
fn maxima(values: &[f32], shape: Shape, window: Window) -> Vec<f64> {
    let Shape { height, width, .. } = window.over(shape);
    let [above, before] = window.pads_before(shape);
    let under = |span: Span, output: usize, before: usize, side: usize| {
        let start = output * span.stride;
        start.saturating_sub(before)..(start + span.kernel - before).min(side)
    };
    let places = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    let largest = places.map(|(row, column)| {
        let rows = under(window.rows, row, above, shape.height);
        let columns = under(window.columns, column, before, shape.width);
        let cells = rows.flat_map(|y| columns.clone().map(move |x| values[y * shape.width + x]));
        f64::from(cells.fold(f32::NEG_INFINITY, f32::max))
    });
    largest.collect()
}

#[test]
fn every_operation_and_every_input_of_an_architecture_counts() {
    let (omega, batch) = (omega(), batch(3));
    let arch = random_arch(NODES, 6);
    let own = logits(&shared(6), &omega, &batch, None);
    let options: Vec<usize> = arch.space().script().options().collect();
    for (place, options) in options.into_iter().enumerate() {
        let mut choices = arch.choices().to_vec();
        choices[place] = (choices[place] + 1) % options as u32;
        let other = small_family(NODES).shared(&arch.space().arch(&choices).unwrap()).unwrap();
        let found = logits(&other, &omega, &batch, None);
        let change = found.iter().zip(&own).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(change > 1e-4, "choice {place} changes the logits by {change}");
    }
}

#[test]
fn evaluation_is_deterministic_and_dropout_keeps_the_mean() {
    let (net, batch) = (shared(2), batch(4));
    let params = params(&in_f64(&omega()));
    let exec = CandleExec::in_f64();
    let images: Vec<f64> = batch.values.iter().map(|&v| f64::from(v)).collect();
    let images = Tensor::from_vec(images, (6, 1, 9, 7), &Device::Cpu).unwrap();
    let run = |seed: Option<u64>| {
        let mut rng = rng(seed.unwrap_or(0));
        let noise = seed.map(|_| Noise { rng: &mut rng, drop_path: 0.0 });
        flat(&exec.output(&net, &params, &images, noise).unwrap())
    };
    let plain = run(None);
    assert_eq!(plain, run(None));
    assert_eq!(run(Some(1)), run(Some(1)));
    assert_ne!(run(Some(1)), run(Some(2)));
    let mut mean = vec![0.0; plain.len()];
    for seed in 0..300 {
        mean.iter_mut().zip(run(Some(seed))).for_each(|(mean, logit)| *mean += logit / 300.0);
    }
    let spread = plain.iter().fold(0.0_f64, |size, logit| size.max(logit.abs()));
    assert_close(&mean, &plain, 0.1 * spread);
}

#[test]
fn running_statistics_approach_those_of_the_batches() {
    let net = small_family(NODES).standalone(&random_arch(NODES, 3)).unwrap();
    let weights = random_values(&net.params(), 2);
    let params = params(&weights);
    let batches = [batch(5), batch(6)];
    let train = |batch: &Batch| {
        let noise = Noise { rng: &mut rng(0), drop_path: 0.0 };
        exec().train(&net, &params, batch.images().into(), noise).unwrap().moments
    };
    let [first, second] = [train(&batches[0]), train(&batches[1])];
    // Moments of a batch in evaluation give what the batch has in training.
    let mut as_batches = net.clone();
    as_batches.norm = crate::net::Norm::Batch;
    let trained = logits(&as_batches, &weights, &batches[1], None);
    assert_close(&logits(&net, &weights, &batches[1], Some(&second)), &trained, 1e-5);
    // A mean that starts at another batch comes to them.
    let mut running = Snapshot::new();
    update_running(&mut running, &first, 0.9).unwrap();
    let far = logits(&net, &weights, &batches[1], Some(&running));
    for _ in 0..150 {
        update_running(&mut running, &second, 0.9).unwrap();
    }
    assert_close(&logits(&net, &weights, &batches[1], Some(&running)), &trained, 1e-4);
    assert!(far.iter().zip(&trained).any(|(a, b)| (a - b).abs() > 1e-2));
    let error = exec().logits(&net, &weights, batches[0].images().into(), None).unwrap_err();
    assert!(error.to_string().contains("running statistics"), "{error}");
}

#[test]
fn the_order_of_images_in_a_batch_does_not_matter() {
    let (net, batch, omega) = (shared(3), batch(7), omega());
    let order = [3, 0, 5, 1, 4, 2];
    let n_values = net.image.n_values();
    let permuted = Batch {
        values: order
            .iter()
            .flat_map(|&i| batch.values[i * n_values..][..n_values].to_vec())
            .collect(),
        labels: order.iter().map(|&i| batch.labels[i]).collect(),
    };
    let found = logits(&net, &omega, &permuted, None);
    let plain = logits(&net, &omega, &batch, None);
    let expected: Vec<f64> =
        order.iter().flat_map(|&i| plain[i * CLASSES..][..CLASSES].to_vec()).collect();
    assert_close(&found, &expected, 1e-4);
    assert!(found.iter().zip(&plain).any(|(a, b)| (a - b).abs() > 1e-2));
}
