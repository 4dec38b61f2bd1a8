//! How ω is trained, and on what.

use crate::engine::ExecutorChoice;
use crate::setting::{Rule, above, below, from, one_of, operation, search, settings, size, whole};

const EXECUTORS: &[&str] = {
    let [a, b, c, d] = ExecutorChoice::ALL;
    &[a.name(), b.name(), c.name(), d.name()]
};

settings! {
    /// What computes.
    #[derive(Clone, Debug, PartialEq)]
    pub struct EngineConfig in engine {
        /// `cpu`, `cuda:N` (an error where it is not there) or `auto` (says what it took and why).
        pub device: String = "cpu".to_owned() => search(Rule::Device);
        /// What runs the nets.
        pub executor: ExecutorChoice = ExecutorChoice::Auto => search(one_of(EXECUTORS));
        /// Threads for tensor kernels; 0 as [`ExecutorChoice::threads`] has it.
        pub threads: usize = 0 => operation(size(0..=1024));
        /// MiB of a GPU's memory that are taken at most; 0 for no limit but the device's.
        pub memory_limit: u64 = 0 => operation(whole(0..=10_000_000));
        /// Whether a search goes on where something else computes than before, with other bits.
        pub resume_elsewhere: bool = false => operation(Rule::Switch);
    }
}

settings! {
    /// How ω is trained: Nesterov SGD, cosine learning rate with warm restarts (ENAS, section 3.2).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct SgdConfig in shared {
        /// Learning rate at the start of a period.
        pub learning_rate_max: f64 = 0.05 => search(above(0.0, 100.0)).once("shared.lr_max");
        /// Learning rate at the end of a period, at most that at its start.
        pub learning_rate_min: f64 = 0.0005 => search(from(0.0, 100.0)).once("shared.lr_min");
        /// Epochs of the first period, T₀.
        pub learning_rate_period: u64 = 10 => search(whole(1..=100_000)).once("shared.lr_period");
        /// Each period is this many times the one before, `T_mul`.
        pub learning_rate_period_factor: u64 = 2
            => search(whole(1..=100)).once("shared.lr_period_factor");
        /// Momentum of Nesterov's rule.
        pub momentum: f64 = 0.9 => search(below(0.0, 1.0));
        /// `w` times this is added to each gradient that a child has (the paper's ℓ2 weight decay).
        pub weight_decay: f64 = 1e-4 => search(from(0.0, 1.0));
        /// The norm of all of a step's gradients together is clipped to this.
        pub clip_norm: f64 = 5.0 => search(above(0.0, 1e6));
    }
}
