//! The measures against eigenvalues, differences and the executor's own gradients.

use super::*;
use crate::engine::probe::{Batch, SMALL, flat, params, random_arch, rng, small_family};
use crate::engine::{CpuExec, Executor, Noise, initial_values};
use crate::net::LayerKind;

/// A small net that stands alone, without dropout, and its initial values.
fn net(seed: u64) -> (Net, Snapshot) {
    let mut net = small_family(3).standalone(&random_arch(3, seed)).unwrap();
    for layer in &mut net.layers {
        if let LayerKind::Head { dropout_keep } = &mut layer.kind {
            *dropout_keep = 1.0;
        }
    }
    net.aux_logits = None;
    let weights = initial_values(&net.params(), &mut rng(seed)).unwrap();
    (net, weights)
}

#[test]
fn the_covariance_score_is_that_of_the_eigenvalues() {
    let of = |values: &[f64]| -> f64 {
        -values.iter().map(|value| (value + RIDGE).ln() + 1.0 / (value + RIDGE)).sum::<f64>()
    };
    for r in [0.0, 0.3, 0.9, -0.4] {
        let found = covariance_score(&[vec![1.0, r], vec![r, 1.0]]);
        assert!((found / of(&[1.0 + r, 1.0 - r]) - 1.0).abs() < 1e-9, "{r}: {found}");
        let matrix = [vec![1.0, r, r], vec![r, 1.0, r], vec![r, r, 1.0]];
        let found = covariance_score(&matrix);
        let expected = of(&[1.0 + 2.0 * r, 1.0 - r, 1.0 - r]);
        assert!((found / expected - 1.0).abs() < 1e-9, "{r}: {found}, not {expected}");
    }
}

#[test]
fn images_that_a_net_cannot_tell_apart_score_lower() {
    let rows = [vec![1.0, 2.0, 4.0], vec![0.0, -1.0, 1.0], vec![2.0, 4.0, 8.0]];
    let apart = covariance_score(&correlations(&rows[..2]));
    let alike = covariance_score(&correlations(&[rows[0].clone(), rows[2].clone()]));
    assert!(alike < apart - 1e4, "{alike} and {apart}");
    assert_eq!(correlations(&[vec![3.0; 3], rows[0].clone()]), [[1.0, 0.0], [0.0, 1.0]]);
}

#[test]
fn the_gradient_norm_is_that_of_the_executors_gradients() {
    let batch = Batch::random(SMALL, 12, 3, 5);
    for seed in 0..4 {
        let (net, weights) = net(seed);
        let found = ZeroCost::of(&net, &weights, batch.images()).unwrap().grad_norm;
        let noise = Noise { rng: &mut rng(0), drop_path: 0.0 };
        let trained =
            CpuExec::new().train(&net, &params(&weights), batch.images().into(), noise).unwrap();
        let norm = |grad: &Tensor| flat(grad).iter().map(|g| g * g).sum::<f64>().sqrt();
        let expected: f64 = trained.grads.values().map(norm).sum();
        assert!((found / expected - 1.0).abs() < 1e-3, "{found}, not {expected}");
    }
}

/// R with all weights of one name times `factor`.
fn flow(net: &Net, weights: &Snapshot, name: &str, factor: f64) -> f64 {
    let mut weights = weights.clone();
    let scaled = (weights[name].to_dtype(DType::F64).unwrap() * factor).unwrap();
    weights.insert(name.to_owned(), scaled);
    let variables = variables(net, &weights, |weight| weight.abs()).unwrap();
    let mut running = Snapshot::new();
    for [mean, variance] in net.evaluated().filter_map(|(_, layer)| layer.statistics()) {
        let channels = net
            .evaluated()
            .find(|(_, layer)| layer.statistics().is_some_and(|[name, _]| name == mean));
        let of = |value: f64| {
            Tensor::full(value, channels.unwrap().1.output.channels, &Device::Cpu).unwrap()
        };
        running.insert(mean, of(0.0));
        running.insert(variance, of(1.0 - NORM_EPSILON));
    }
    let dims = (1, net.image.channels, net.image.height, net.image.width);
    let ones = Tensor::ones(dims, DType::F64, &Device::Cpu).unwrap();
    let logits = logits(&net.normed(Norm::Running), &variables, Some(&running), &ones).unwrap();
    logits.sum_all().unwrap().to_scalar().unwrap()
}

#[test]
fn the_synaptic_flow_is_what_scaling_each_weight_changes() {
    let (net, weights) = net(3);
    let names: Vec<String> =
        net.evaluated().flat_map(|(_, layer)| layer.params()).map(|(name, _)| name).collect();
    // Σ w·∂R/∂w of a tensor is the derivative of R by a factor of all of it.
    let step = 1e-5;
    let by_difference: f64 = names
        .iter()
        .map(|name| {
            let [low, high] = [1.0 - step, 1.0 + step].map(|f| flow(&net, &weights, name, f));
            (high - low) / (2.0 * step)
        })
        .sum();
    let found = synflow(&net, &weights).unwrap();
    assert!(0.0 < found && (found / by_difference - 1.0).abs() < 1e-6, "{found}, {by_difference}");
    let batch = Batch::random(SMALL, 4, 3, 5);
    let measured = ZeroCost::of(&net, &weights, batch.images()).unwrap();
    assert!((measured.log_synflow - found.ln()).abs() < 1e-12);
    assert!(measured.jacobian_covariance.is_finite());
}
