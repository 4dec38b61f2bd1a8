//! The layers that NASNet's operations are made of.
//!
//! Each convolution is ReLU, convolution, norm. Of one that is two, the stride is the first one's, or
//! each has that of its own side; a pool of 5×5 or 7×7 is one of 3×3 after others at stride 1, which
//! finds the same maxima.

use crate::net::nasnet::Frame;
use crate::net::{LayerKind, TensorId, Window};
use crate::space::NasnetOp;

/// Cells from one tap of the dilated convolution to the next.
const DILATION: usize = 2;

impl Frame<'_> {
    /// What `op` makes of `input` at a stride of 1 or 2.
    pub(super) fn operation(
        &mut self,
        input: TensorId,
        op: NasnetOp,
        stride: usize,
        path: String,
    ) -> TensorId {
        let layers = layers(op, stride);
        let is_one = layers.len() == 1;
        layers.into_iter().enumerate().fold(input, |tensor, (idx, kind)| {
            let path = if is_one { path.clone() } else { format!("{path}.{idx}") };
            self.push(kind, &[tensor], path)
        })
    }
}

/// The layers of `op`, one after the other; none for the tensor itself.
fn layers(op: NasnetOp, stride: usize) -> Vec<LayerKind> {
    let conv = |kernel, stride, dilation| LayerKind::Conv {
        window: Window::of(kernel, stride, dilation),
        relu: true,
    };
    let crossed = |side| vec![conv([1, side], [1, stride], 1), conv([side, 1], [stride, 1], 1)];
    let separable =
        |kernel| [stride, 1].map(|stride| LayerKind::SepConv { kernel, stride }).to_vec();
    let pool = |n: usize| {
        let strides = std::iter::repeat_n(1, n - 1).chain([stride]);
        strides.map(|stride| LayerKind::MaxPool { stride }).collect()
    };
    match op {
        NasnetOp::Identity if stride == 1 => Vec::new(),
        NasnetOp::Identity | NasnetOp::Conv1x1 => vec![conv([1; 2], [stride; 2], 1)],
        NasnetOp::Conv1x3Then3x1 => crossed(3),
        NasnetOp::Conv1x7Then7x1 => crossed(7),
        NasnetOp::DilConv3x3 => vec![conv([3; 2], [stride; 2], DILATION)],
        NasnetOp::AvgPool3x3 => vec![LayerKind::AvgPool { stride }],
        NasnetOp::MaxPool3x3 => pool(1),
        NasnetOp::MaxPool5x5 => pool(2),
        NasnetOp::MaxPool7x7 => pool(3),
        NasnetOp::Conv3x3 => vec![conv([3; 2], [stride; 2], 1)],
        NasnetOp::SepConv3x3 => separable(3),
        NasnetOp::SepConv5x5 => separable(5),
        NasnetOp::SepConv7x7 => separable(7),
    }
}
