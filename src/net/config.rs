//! The size of a net.

use serde::{Deserialize, Serialize};

/// How wide the nets are, and how they are regularized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetConfig {
    /// Of micro nets: normal cells; two reduction cells come on top (the authors' `num_layers`), 1
    /// to 40.
    pub layers: usize,
    /// Channels of the first cells or layers, 1 to 512; each reduction of a micro net doubles them,
    /// and of a whole net that stands alone.
    pub channels: usize,
    /// Share of activations kept by the dropout before the classifier, in (0, 1].
    pub dropout_keep: f64,
    /// Of micro nets: weight of the auxiliary head's loss; 0 leaves the head out.
    pub aux_weight: f64,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self { layers: 1, channels: 4, dropout_keep: 0.9, aux_weight: 0.4 }
    }
}
