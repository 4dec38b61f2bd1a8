//! enasd: a daemon that searches for neural network architectures with ENAS.

pub mod actors;
pub mod api;
pub mod bench;
pub mod config;
pub mod daemon;
pub mod data;
pub mod engine;
pub mod export;
pub mod manual;
pub mod net;
pub mod printable;
pub mod random;
pub mod search;
pub mod setting;
pub mod space;
pub mod store;
pub mod telemetry;
