//! What an edge of a micro cell computes, whose weights it shares or not.

use crate::net::micro::Frame;
use crate::net::{LayerKind, TensorId};
use crate::space::Op;

/// A separable convolution is applied twice.
const SEP_CONV_STACK: usize = 2;

impl Frame<'_> {
    /// What an edge computes of `input`, at a stride of 1 or 2.
    pub(super) fn operation(
        &mut self,
        input: TensorId,
        op: Op,
        stride: usize,
        path: String,
    ) -> TensorId {
        let pool = match op {
            Op::Identity => return self.halve(input, stride, path),
            Op::SepConv3x3 | Op::SepConv5x5 => {
                let kernel = op.kernel().expect("separable convolutions have a kernel");
                return self.sep_conv(input, kernel, stride, &path);
            }
            Op::AvgPool3x3 => LayerKind::AvgPool { stride },
            Op::MaxPool3x3 => LayerKind::MaxPool { stride },
        };
        self.builder.push(pool, &[input], self.channels, path)
    }

    /// The tensor itself at stride 1, else its factorized reduction.
    pub(super) fn halve(&mut self, input: TensorId, stride: usize, path: String) -> TensorId {
        if stride == 1 {
            return input;
        }
        let kind = LayerKind::FactorizedReduction { relu: false };
        self.builder.push(kind, &[input], self.channels, path)
    }

    /// A separable convolution applied twice; only the first has the stride.
    pub(super) fn sep_conv(
        &mut self,
        input: TensorId,
        kernel: usize,
        stride: usize,
        place: &str,
    ) -> TensorId {
        (0..SEP_CONV_STACK).fold(input, |tensor, layer| {
            let stride = if layer == 0 { stride } else { 1 };
            let kind = LayerKind::SepConv { kernel, stride };
            self.builder.push(kind, &[tensor], self.channels, format!("{place}.{layer}"))
        })
    }
}
