//! Why a text is no net of filters.

/// Why a text is no net of the `nas_cnn` space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CnnError {
    /// The number of layers is out of range.
    #[error("a net has {found} layers; the nas_cnn space takes 3 to 22")]
    LayerCount {
        /// Layers found or asked for.
        found: usize,
    },
    /// A layer has a filter, a stride or a number of filters that the space lacks.
    #[error("layer {layer} has {what} {found}; the nas_cnn space has {}", known.join(", "))]
    Option {
        /// The layer.
        layer: usize,
        /// What is told of it, as in `a filter height of`.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The numbers that there are.
        known: &'static [&'static str],
    },
    /// A layer reads one that does not precede it.
    #[error("layer {layer} reads layer {from}, which does not precede it; it may read {}", before(*layer))]
    Forward {
        /// The layer that reads.
        layer: usize,
        /// The layer that it reads.
        from: usize,
    },
}

/// What a layer may read.
fn before(layer: usize) -> String {
    match layer {
        0 => "the image alone".to_owned(),
        1 => "layer 0, or the image where it reads no layer".to_owned(),
        _ => format!("layers 0 to {}, or the image where it reads no layer", layer - 1),
    }
}
