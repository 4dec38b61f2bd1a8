//! How ω is trained, and on what.

use serde::{Deserialize, Serialize};

use crate::engine::ExecutorChoice;

/// What computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// `cpu`, `cuda:N` (an error where it is not there) or `auto` (says what it took and why).
    pub device: String,
    /// What runs the nets.
    pub executor: ExecutorChoice,
    /// Threads for tensor kernels; 0 as [`ExecutorChoice::threads`] has it.
    pub threads: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { device: "cpu".to_owned(), executor: ExecutorChoice::Auto, threads: 0 }
    }
}

/// How ω is trained: Nesterov SGD, cosine learning rate with warm restarts (ENAS, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdConfig {
    /// Learning rate at the start of a period.
    pub lr_max: f64,
    /// Learning rate at the end of a period.
    pub lr_min: f64,
    /// Epochs of the first period, T₀.
    pub lr_period: u64,
    /// Each period is this many times the one before, `T_mul`.
    pub lr_period_factor: u64,
    /// Momentum of Nesterov's rule, in [0, 1).
    pub momentum: f64,
    /// `w` times this is added to each gradient that a child has (the paper's ℓ2 weight decay).
    pub weight_decay: f64,
    /// The norm of all of a step's gradients together is clipped to this.
    pub clip_norm: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self {
            lr_max: 0.05,
            lr_min: 0.0005,
            lr_period: 10,
            lr_period_factor: 2,
            momentum: 0.9,
            weight_decay: 1e-4,
            clip_norm: 5.0,
        }
    }
}
