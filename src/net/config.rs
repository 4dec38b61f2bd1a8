//! The size of a micro net.

use serde::{Deserialize, Serialize};

/// How many cells, how wide, and how it is regularized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetConfig {
    /// Computed nodes of a cell (the paper's B less its two inputs), 2 to 7.
    pub nodes: usize,
    /// Normal cells; two reduction cells come on top (the authors' `num_layers`), 1 to 40.
    pub layers: usize,
    /// Channels of the first cells; each reduction doubles them, 1 to 512.
    pub channels: usize,
    /// Share of activations kept by the dropout before the classifier, in (0, 1].
    pub dropout_keep: f64,
    /// Weight of the auxiliary head's loss; 0 leaves the head out.
    pub aux_weight: f64,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self { nodes: 5, layers: 1, channels: 4, dropout_keep: 0.9, aux_weight: 0.4 }
    }
}
