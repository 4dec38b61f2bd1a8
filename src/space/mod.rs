//! What can be searched: spaces, architectures, and the scripts of decisions that spell them.
//!
//! A search space is a list of [`Step`]s that a policy answers one by one; an [`Arch`] is the
//! list of its answers, valid by construction. Everything that is asked of a space goes through
//! [`SearchSpace`]; a new one is a file that implements it and a variant of [`Space`]. Nothing
//! here knows tensors, files, time or randomness.

mod arch;
mod config;
mod digits;
mod error;
mod fact;
mod form;
mod id;
mod micro;
mod numbers;
mod scanner;
mod script;
mod search_space;
mod sketch;
mod whole_net;

pub use arch::Arch;
pub use config::{SpaceConfig, SpaceKind};
pub use error::SpaceError;
pub use fact::{Fact, Size};
pub use form::Form;
pub use micro::{Cell, CellKind, Edge, MicroSpace, N_CELL_INPUTS, Node, Op};
pub use script::{Choice, Decision, LINK, Menu, Script, Step};
pub use search_space::{SearchSpace, Space};
pub use sketch::{Link, Role, Sketch, Vertex};
pub use whole_net::{LayerOp, NetLayer, WholeNet};
