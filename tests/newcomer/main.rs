//! What a newcomer stumbles on: how things are counted, what happened at night, where a daemon is
//! found, and whether the commands of the documents work.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod counting;
mod night;
mod places;
mod rig;
mod runbook;

#[path = "../common/mod.rs"]
mod common;
