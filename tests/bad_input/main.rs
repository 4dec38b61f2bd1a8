//! Everything that can go wrong from outside, tried on the real programs: each case looks at the
//! exit status, at the words that say what, where, why and how to mend it, and at the search,
//! which must go on as if nothing had been.

#[path = "../common/mod.rs"]
mod common;

mod api;
mod checkpoints;
mod disk;
mod flood;
mod machine;
mod peers;
mod process;
mod refused;
mod rig;
mod settings;
mod terminal;
