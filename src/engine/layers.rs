//! The candle form of every layer, built from operations whose gradients are right in candle.
//!
//! All tensors are `(plane, batch, channel)`. Sums over rows and broadcasts to rows are matrix
//! products with ones: candle's leading-axis sums are an order of magnitude slower on the CPU.

use candle_core::{D, Result, Tensor};

use crate::engine::windows::{Border, every_second_cell, inverse_counts, tap_lines, window_lines};
use crate::net::{Shape, Window};

/// Added to the variance before its root.
pub(super) const NORM_EPSILON: f64 = 1e-5;

/// Images `(batch, c, h, w)` in the layout of activations.
pub(super) fn from_images(images: &Tensor) -> Result<Tensor> {
    images.flatten_from(2)?.permute((2, 0, 1))?.contiguous()
}

/// An activation of `shape`, or logits `(batch, classes)`, as `(batch, c, h, w)`.
#[cfg(test)]
pub(super) fn to_images(xs: &Tensor, shape: Shape) -> Result<Tensor> {
    let planes = if xs.rank() == 2 { xs.unsqueeze(0)? } else { xs.clone() };
    let batch = planes.dim(1)?;
    planes.permute((1, 2, 0))?.reshape((batch, shape.channels, shape.height, shape.width))
}

/// `max(x, 0)` with gradient 0 at 0, as PyTorch has it; candle's own has 1.
pub(super) fn relu(xs: &Tensor) -> Result<Tensor> {
    xs.mul(&xs.detach().gt(0.0)?.to_dtype(xs.dtype())?)
}

/// Sum of all rows: `(n, c)` to `(1, c)`.
fn sum_rows(xs: &Tensor) -> Result<Tensor> {
    Tensor::ones((1, xs.dim(0)?), xs.dtype(), xs.device())?.matmul(xs)
}

/// `n` copies of one row: `(1, c)` to `(n, c)`.
fn repeat_row(row: &Tensor, n: usize) -> Result<Tensor> {
    Tensor::ones((n, 1), row.dtype(), row.device())?.matmul(row)
}

/// Mean and variance of each channel, `(1, c)` each.
pub(super) struct Moments {
    pub(super) mean: Tensor,
    pub(super) variance: Tensor,
}

/// Batch normalization of `(n, c)` by the batch's own moments, which are returned, or by `given`.
pub(super) fn norm(
    xs: &Tensor,
    scale: &Tensor,
    offset: &Tensor,
    given: Option<Moments>,
) -> Result<(Tensor, Moments)> {
    let (n, channels) = xs.dims2()?;
    let mean = match &given {
        Some(moments) => moments.mean.clone(),
        None => (sum_rows(xs)? * (1.0 / n as f64))?,
    };
    let centered = (xs - repeat_row(&mean, n)?)?;
    let variance = match given {
        Some(moments) => moments.variance,
        None => (sum_rows(&centered.sqr()?)? * (1.0 / n as f64))?,
    };
    let scale = scale.reshape((1, channels))?;
    let factor = (scale / (&variance + NORM_EPSILON)?.sqrt()?)?;
    let offset = repeat_row(&offset.reshape((1, channels))?, n)?;
    let ys = ((centered * repeat_row(&factor, n)?)? + offset)?;
    Ok((ys, Moments { mean, variance }))
}

/// A dense convolution: `weight` is `(c_out, c_in, k, k)`; returns `(outputs·batch, c_out)`.
pub(super) fn conv(xs: &Tensor, weight: &Tensor, window: Window, shape: Shape) -> Result<Tensor> {
    let (c_out, c_in, kernel, _) = weight.dims4()?;
    let lines = window_lines(xs, window, shape)?;
    lines.matmul(&weight.permute((2, 3, 1, 0))?.reshape((kernel * kernel * c_in, c_out))?)
}

/// Depthwise `(c, k, k)` and pointwise `(c_out, c)` convolution in one product: with nothing in
/// between they are the dense convolution whose weights are the products of theirs.
pub(super) fn separable_conv(
    xs: &Tensor,
    depthwise: &Tensor,
    pointwise: &Tensor,
    window: Window,
    shape: Shape,
) -> Result<Tensor> {
    let (c_in, kernel, _) = depthwise.dims3()?;
    let c_out = pointwise.dim(0)?;
    let n_taps = kernel * kernel;
    let depthwise = depthwise.reshape((c_in, n_taps))?.t()?.reshape((n_taps, c_in, 1))?;
    let pointwise = pointwise.t()?.reshape((1, c_in, c_out))?;
    let weight = depthwise.broadcast_mul(&pointwise)?.reshape((n_taps * c_in, c_out))?;
    window_lines(xs, window, shape)?.matmul(&weight)
}

/// A 1×1 convolution of rows: `weight` is `(c_out, c_in)`.
pub(super) fn pointwise(rows: &Tensor, weight: &Tensor) -> Result<Tensor> {
    rows.matmul(&weight.t()?)
}

/// Both halves of a factorized reduction, joined: `(outputs·batch, c_out)`.
pub(super) fn factorized_reduction(
    xs: &Tensor,
    even: &Tensor,
    odd: &Tensor,
    shape: Shape,
) -> Result<Tensor> {
    let half = |offset: usize, weight: &Tensor| {
        pointwise(&every_second_cell(xs, shape, offset)?.flatten_to(1)?, weight)
    };
    // A net of one channel has no odd half at the first reduction, hence no empty product.
    Tensor::cat(&[half(0, even)?, half(1, odd)?], 1)
}

/// Average over the cells of each window that lie inside the plane.
pub(super) fn avg_pool(xs: &Tensor, window: Window, shape: Shape) -> Result<Tensor> {
    let (_, batch, channels) = xs.dims3()?;
    let counts = inverse_counts(window, shape);
    let n_outputs = counts.len();
    let sums = sum_rows(&tap_lines(xs, window, shape, Border::Zero)?)?;
    let counts = Tensor::from_vec(counts, (n_outputs, 1), xs.device())?.to_dtype(xs.dtype())?;
    let counts = counts.matmul(&Tensor::ones((1, batch * channels), xs.dtype(), xs.device())?)?;
    (sums.reshape((n_outputs, batch * channels))? * counts)?.reshape((n_outputs, batch, channels))
}

/// Maximum of each window; among equals the first cell in row-major order has the gradient.
pub(super) fn max_pool(xs: &Tensor, window: Window, shape: Shape) -> Result<Tensor> {
    let (_, batch, channels) = xs.dims3()?;
    let lines = tap_lines(xs, window, shape, Border::Nearest)?;
    let first = lines.detach().argmax_keepdim(0)?;
    lines.gather(&first, 0)?.reshape((window.over(shape).plane(), batch, channels))
}

/// Mean over the plane: `(plane, batch, c)` to `(batch, c)`.
pub(super) fn plane_mean(xs: &Tensor) -> Result<Tensor> {
    let (plane, batch, channels) = xs.dims3()?;
    let sums = sum_rows(&xs.reshape((plane, batch * channels))?)?;
    (sums * (1.0 / plane as f64))?.reshape((batch, channels))
}

/// Cross-entropy in nats, averaged over the batch: `logits` `(batch, classes)`, `labels`
/// `(batch,)`.
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    // The shift cancels in the gradient; detached, so that equal maxima cannot disturb it.
    let shift = logits.detach().max_keepdim(D::Minus1)?;
    let shifted = logits.broadcast_sub(&shift)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let picked = shifted.gather(&labels.unsqueeze(1)?, 1)?;
    (log_sum - picked)?.mean_all()
}
