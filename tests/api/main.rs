//! Every request of the API over a real socket, its limits, and `enasctl` on top of it.
//!
//! The controller is a stub that answers at once; the status channel, the history and the folder
//! of best architectures are real.

mod champion;
mod cli;
mod commands;
mod disk;
mod exports;
mod limits;
mod metrics;
mod predict;
mod predict_words;
mod questions;
mod report;
mod rig;
mod streams;
mod stub;
