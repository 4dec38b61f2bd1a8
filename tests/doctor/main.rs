//! `enasctl doctor` and `enasctl bundle` on the real daemon: each test plants a fault and sees it
//! found, with its cure.

mod bundle;
mod disk;
mod healthy;
mod machine;
mod planted;
mod rig;
mod state;

#[path = "../common/mod.rs"]
mod common;
