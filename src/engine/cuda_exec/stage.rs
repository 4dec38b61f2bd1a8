//! What a program remembers of a layer that it ran, for the way back.

use crate::engine::cuda_exec::ops::{self, At, Source, Window};
use crate::net::TensorId;

/// How the columns of a product come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Under taps.
    Dense,
    /// By a depthwise convolution of such a side that goes cell by cell, or of any.
    Separable(Option<usize>),
}

/// A normalized layer.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) how: How,
    pub(super) window: Window,
    /// What it reads, each from a tensor; no gradient yet.
    pub(super) sources: Vec<(TensorId, Source)>,
    /// Names of the weights, in the order of the sources.
    pub(super) weights: Vec<String>,
}

/// A part of a tensor that lies in another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) of: TensorId,
    /// The first row, column and channel of the whole.
    pub(super) first: [usize; 3],
    /// Factors of images.
    pub(super) factors: At,
}

/// What was done.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Product(Box<Product>),
    Pool { is_max: bool, op: ops::Pool, of: TensorId },
    Parts(Vec<Part>),
    Add([TensorId; 2]),
    Zeros,
    Head { op: Box<ops::Head>, of: TensorId, weight: String },
}

/// A layer that was run.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) work: Work,
    pub(super) output: TensorId,
}

impl Stage {
    /// The tensors whose gradients it contributes to, each as often as it does.
    pub(super) fn contributes_to(&self) -> Vec<TensorId> {
        match &self.work {
            Work::Product(product) => {
                let mut ids: Vec<TensorId> = product.sources.iter().map(|(id, _)| *id).collect();
                // The halves of a reduction are terms of one gradient.
                ids.dedup();
                ids
            }
            Work::Pool { of, .. } | Work::Head { of, .. } => vec![*of],
            Work::Parts(parts) => parts.iter().map(|part| part.of).collect(),
            Work::Add(both) => both.to_vec(),
            Work::Zeros => Vec::new(),
        }
    }
}
