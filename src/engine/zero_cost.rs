//! What can be told of a net that nobody has trained: three zero-cost measures (Abdelfattah et al.,
//! 2021), each of which is higher for a net that is said to train better.
//!
//! ```text
//! gradient norm         Σ_w ‖∂L/∂w‖₂                          L, the loss on a batch
//! synflow               Σ_w |w·∂R/∂w|                         R, the sum of the logits of an image
//!                                                             of ones, with |w| for w and no norms
//! Jacobian covariance   −Σ_i (ln(λ_i + k) + 1/(λ_i + k))      λ, the eigenvalues of how the
//!                                                             gradients by the images correlate
//! ```
//!
//! The last one is Mellor et al.'s (2020), with k = 10⁻⁵. In f64 and by candle, whose gradients go
//! to the images too: this is measured once for each architecture, and no step of a search waits.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::engine::Snapshot;
use crate::engine::executor::Images;
use crate::engine::layers::{NORM_EPSILON, cross_entropy};
use crate::engine::pass::{CandlePass, tensor};
use crate::net::{Net, Norm};

/// k, which keeps logarithms finite.
const RIDGE: f64 = 1e-5;

/// The three measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZeroCost {
    /// Of the loss on the batch, summed over the parameters.
    pub grad_norm: f64,
    /// The logarithm of the synaptic flow, which would not fit a number for a deep net.
    pub log_synflow: f64,
    /// Of the gradients by the images.
    pub jacobian_covariance: f64,
}

impl ZeroCost {
    /// Measures `net` with `weights`, its initial values, on the batch `images`. An auxiliary head
    /// has no say.
    pub fn of(net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Self> {
        let dims = (images.labels.len(), net.image.channels, net.image.height, net.image.width);
        let batch = Tensor::from_slice(images.values, dims, &Device::Cpu)?.to_dtype(DType::F64)?;
        Ok(Self {
            grad_norm: grad_norm(net, weights, &batch, images.labels)?,
            log_synflow: synflow(net, weights)?.ln(),
            jacobian_covariance: jacobian_covariance(net, weights, &batch)?,
        })
    }
}

/// The parameters in f64, each what `change` makes of it, to be differentiated by.
fn variables(
    net: &Net,
    weights: &Snapshot,
    change: impl Fn(Tensor) -> Result<Tensor>,
) -> Result<Vec<(String, Var)>> {
    let live = net.evaluated().flat_map(|(_, layer)| layer.params());
    let variable = |name: String| {
        let Some(weight) = weights.get(&name) else {
            candle_core::bail!("there is no parameter `{name}`")
        };
        let changed = change(weight.to_dtype(DType::F64)?)?;
        Ok((name, Var::from_tensor(&changed)?))
    };
    live.map(|(name, _)| variable(name)).collect()
}

/// The logits of `images`, differentiable by `variables`.
fn logits(
    net: &Net,
    variables: &[(String, Var)],
    running: Option<&Snapshot>,
    images: &Tensor,
) -> Result<Tensor> {
    let named = variables.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
    let weights: Snapshot = named.collect();
    let mut pass = CandlePass::new(net, &weights, None, running);
    pass.is_differentiable = true;
    Ok(tensor(&pass.run(images, false)?, net.logits)?.clone())
}

fn grad_norm(net: &Net, weights: &Snapshot, images: &Tensor, labels: &[u32]) -> Result<f64> {
    let net = net.normed(Norm::Batch);
    let variables = variables(&net, weights, Ok)?;
    let logits = logits(&net, &variables, None, images)?;
    let loss = cross_entropy(&logits, &Tensor::new(labels, &Device::Cpu)?)?;
    let grads = loss.backward()?;
    let mut sum = 0.0;
    for grad in variables.iter().filter_map(|(_, var)| grads.get(var)) {
        sum += grad.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt();
    }
    Ok(sum)
}

fn synflow(net: &Net, weights: &Snapshot) -> Result<f64> {
    let net = net.normed(Norm::Running);
    let variables = variables(&net, weights, |weight| weight.abs())?;
    // Scales are 1 and offsets 0 at first: with these statistics a norm changes nothing.
    let mut running = Snapshot::new();
    for (_, layer) in net.evaluated() {
        let Some([mean, variance]) = layer.statistics() else { continue };
        let of = |value: f64| Tensor::full(value, layer.output.channels, &Device::Cpu);
        running.insert(mean, of(0.0)?);
        running.insert(variance, of(1.0 - NORM_EPSILON)?);
    }
    let dims = (1, net.image.channels, net.image.height, net.image.width);
    let ones = Tensor::ones(dims, DType::F64, &Device::Cpu)?;
    let grads = logits(&net, &variables, Some(&running), &ones)?.sum_all()?.backward()?;
    let mut sum = 0.0;
    for (_, var) in &variables {
        let Some(grad) = grads.get(var) else { continue };
        sum += (var.as_tensor() * grad)?.abs()?.sum_all()?.to_scalar::<f64>()?;
    }
    Ok(sum)
}

fn jacobian_covariance(net: &Net, weights: &Snapshot, images: &Tensor) -> Result<f64> {
    let net = net.normed(Norm::Batch);
    let variables = variables(&net, weights, Ok)?;
    let images = Var::from_tensor(images)?;
    let grads = logits(&net, &variables, None, &images)?.sum_all()?.backward()?;
    let Some(jacobian) = grads.get(&images) else {
        candle_core::bail!("the logits do not depend on the images")
    };
    let rows: Vec<Vec<f64>> = jacobian.flatten_from(1)?.to_vec2()?;
    Ok(covariance_score(&correlations(&rows)))
}

/// How the rows correlate; a row that does not vary correlates with itself alone.
fn correlations(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |row: &Vec<f64>| -> Vec<f64> {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let norm = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
        let norm = if 0.0 < norm { norm } else { f64::INFINITY };
        row.iter().map(|x| (x - mean) / norm).collect()
    };
    let rows: Vec<Vec<f64>> = rows.iter().map(unit).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let of = |(i, a): (usize, &Vec<f64>)| {
        let with = |(j, b): (usize, &Vec<f64>)| if i == j { 1.0 } else { dot(a, b) };
        rows.iter().enumerate().map(with).collect()
    };
    rows.iter().enumerate().map(of).collect()
}

/// `−Σ (ln(λ + k) + 1/(λ + k))` over the eigenvalues of a symmetric positive matrix `A`: with
/// `A + k = L·Lᵀ` the first sum is `2·Σ ln L_ii`, and the second the squares of `L⁻¹`.
fn covariance_score(matrix: &[Vec<f64>]) -> f64 {
    let n = matrix.len();
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let own = matrix[i][j] + if i == j { RIDGE } else { 0.0 };
            // Rounding may take what is left of a dependent row below zero.
            lower[i][j] = if i == j {
                (own - known).max(RIDGE * RIDGE).sqrt()
            } else {
                (own - known) / lower[j][j]
            };
        }
    }
    let logarithms: f64 = (0..n).map(|i| 2.0 * lower[i][i].ln()).sum();
    let mut squares = 0.0;
    for column in 0..n {
        let mut inverse = vec![0.0; n];
        for i in column..n {
            let own = if i == column { 1.0 } else { 0.0 };
            let known: f64 = (column..i).map(|k| lower[i][k] * inverse[k]).sum();
            inverse[i] = (own - known) / lower[i][i];
            squares += inverse[i] * inverse[i];
        }
    }
    -(logarithms + squares)
}

#[cfg(test)]
mod tests;
