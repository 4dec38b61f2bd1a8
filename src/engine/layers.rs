//! The candle form of every layer, built from operations whose gradients are right in candle.
//!
//! All activations are `(channel, row, image, column)`, see [`windows`](super::windows).

use candle_core::{D, Result, Tensor};

use crate::engine::windows::{
    bands, every_second, nearest_under_tap, padded, plane_means, row_lines, select_columns,
    select_rows, tap_lines, window_means,
};
use crate::net::{Span, Window};

/// Added to the variance of a batch normalization before its root.
pub const NORM_EPSILON: f64 = 1e-5;

/// Images `(batch, c, h, w)` in the layout of activations.
pub(super) fn from_images(images: &Tensor) -> Result<Tensor> {
    images.permute((1, 2, 0, 3))?.contiguous()
}

/// An activation, or logits `(batch, classes)`, as `(batch, c, h, w)`.
#[cfg(test)]
pub(super) fn to_images(xs: &Tensor) -> Result<Tensor> {
    if let Ok((batch, classes)) = xs.dims2() {
        return xs.reshape((batch, classes, 1, 1));
    }
    xs.permute((2, 0, 1, 3))?.contiguous()
}

/// `max(x, 0)` with gradient 0 at 0, as PyTorch has it; candle's own has 1.
pub(super) fn relu(xs: &Tensor) -> Result<Tensor> {
    // The sign of candle's own is 1 above 0, else 0, without a comparison's detour over bytes.
    xs.mul(&xs.detach().relu()?.sign()?)
}

/// Mean and variance of each channel, `(c,)` each.
pub(super) struct TensorMoments {
    pub(super) mean: Tensor,
    pub(super) variance: Tensor,
}

/// Batch normalization of `(c, n)` by the batch's own moments, which are returned, or by `given`.
pub(super) fn norm(
    xs: &Tensor,
    scale: &Tensor,
    offset: &Tensor,
    given: Option<TensorMoments>,
) -> Result<(Tensor, TensorMoments)> {
    let (channels, n) = xs.dims2()?;
    let column = |row: &Tensor| row.reshape((channels, 1));
    let mean = match &given {
        Some(moments) => column(&moments.mean)?,
        None => (xs.sum_keepdim(1)? * (1.0 / n as f64))?,
    };
    let centered = xs.broadcast_sub(&mean)?;
    let variance = match &given {
        Some(moments) => column(&moments.variance)?,
        None => (centered.sqr()?.sum_keepdim(1)? * (1.0 / n as f64))?,
    };
    let factor = (column(scale)? / (&variance + NORM_EPSILON)?.sqrt()?)?;
    let ys = centered.broadcast_mul(&factor)?.broadcast_add(&column(offset)?)?;
    Ok((ys, TensorMoments { mean: mean.flatten_all()?, variance: variance.flatten_all()? }))
}

/// A dense convolution: `weight` is `(c_out, c_in, kh, kw)`; returns `(c_out, outputs)`.
pub(super) fn conv(xs: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let lines =
        if window.dense_side() == Some(1) { xs.flatten_from(1)? } else { tap_lines(xs, window)? };
    weight.flatten_from(1)?.matmul(&lines)
}

/// Depthwise `(c, k, k)` and pointwise `(c_out, c)` convolution: `(c_out, outputs)`.
pub(super) fn separable_conv(
    xs: &Tensor,
    depthwise: &Tensor,
    pointwise: &Tensor,
    window: Window,
) -> Result<Tensor> {
    let bands = bands(depthwise, window.columns, xs.dim(3)?)?;
    pointwise.matmul(&row_lines(xs, window.rows)?.matmul(&bands)?.flatten_from(1)?)
}

/// A 1×1 convolution: `weight` is `(c_out, c_in)`; returns `(c_out, outputs)`.
pub(super) fn pointwise(xs: &Tensor, weight: &Tensor) -> Result<Tensor> {
    weight.matmul(&xs.flatten_from(1)?)
}

/// Both halves of a factorized reduction, joined: `(c_out, outputs)`.
pub(super) fn factorized_reduction(xs: &Tensor, even: &Tensor, odd: &Tensor) -> Result<Tensor> {
    let (_, height, _, width) = xs.dims4()?;
    let half = |offset: usize, weight: &Tensor| {
        let rows = select_rows(xs, &every_second(height, offset))?;
        pointwise(&select_columns(&rows, &every_second(width, offset))?, weight)
    };
    Tensor::cat(&[half(0, even)?, half(1, odd)?], 0)
}

/// `(c, h, batch, w)` with `before` rows above and columns left of it, and others behind it, that
/// are zero: `(c, h′, batch, w′)`, where `sides` are `h′` and `w′`.
pub(super) fn pad(xs: &Tensor, before: [usize; 2], sides: [usize; 2]) -> Result<Tensor> {
    let (_, height, _, width) = xs.dims4()?;
    let rows = select_rows(xs, &padded(height, before[0], sides[0]))?;
    select_columns(&rows, &padded(width, before[1], sides[1]))
}

/// Average over the cells of each window that lie inside the plane.
pub(super) fn avg_pool(xs: &Tensor, window: Window) -> Result<Tensor> {
    window_means(xs, window)
}

/// Maximum of each window; among equals the first cell in row-major order has the gradient.
///
/// The maximum of each row of a window, then of those: first among the firsts is first of all.
pub(super) fn max_pool(xs: &Tensor, window: Window) -> Result<Tensor> {
    let (_, height, _, width) = xs.dims4()?;
    let Window { rows, columns } = window;
    let lines =
        first_max(columns, |tap| select_columns(xs, &nearest_under_tap(columns, width, tap)))?;
    first_max(rows, |tap| select_rows(&lines, &nearest_under_tap(rows, height, tap)))
}

/// The largest of what the taps read; the first of them among equals.
fn first_max(span: Span, read: impl Fn(usize) -> Result<Tensor>) -> Result<Tensor> {
    (1..span.kernel).try_fold(read(0)?, |largest, tap| {
        let next = read(tap)?;
        largest.detach().ge(&next.detach())?.where_cond(&largest, &next)
    })
}

/// Mean over the plane: `(c, h, batch, w)` to `(batch, c)`.
pub(super) fn plane_mean(xs: &Tensor) -> Result<Tensor> {
    plane_means(xs)?.t()?.contiguous()
}

/// Logits `(batch, classes)` of features `(batch, c)`: `weight` is `(classes, c)`.
pub(super) fn linear(features: &Tensor, weight: &Tensor) -> Result<Tensor> {
    features.matmul(&weight.t()?)
}

/// Cross-entropy in nats, averaged over the batch: `logits` `(batch, classes)`, `labels`
/// `(batch,)`.
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    // Unlike candle_nn's softmax, whose gradient goes through the shift, where it cancels but for
    // rounding: detached, equal maxima cannot disturb it.
    let shift = logits.detach().max_keepdim(D::Minus1)?;
    let shifted = logits.broadcast_sub(&shift)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    candle_nn::loss::nll(&shifted.broadcast_sub(&log_sum)?, labels)
}
