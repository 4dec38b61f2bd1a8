//! What a newcomer stumbles on: how things are counted, what happened at night, where a daemon is
//! found, and whether the commands of the documents work.

mod counting;
mod night;
mod places;
mod rig;
mod runbook;

#[path = "../common/mod.rs"]
mod common;
