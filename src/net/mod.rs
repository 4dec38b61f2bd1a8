//! What a child computes: a DAG of layers with shapes and parameter names, as plain data.

mod config;

pub use config::NetConfig;
