//! `enasctl doctor` and `enasctl bundle` on the real daemon: each test plants a fault and sees it
//! found, with its cure.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::print_stdout, reason = "a failed test shows what was said")]

mod bundle;
mod disk;
mod healthy;
mod machine;
mod planted;
mod rig;
mod state;

#[path = "../common/mod.rs"]
mod common;
