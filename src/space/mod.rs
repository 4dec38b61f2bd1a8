//! What can be searched: operations, cells, architectures, and the scripts of decisions that
//! spell them.
//!
//! A search space is a list of [`Step`]s that a policy answers one by one; an [`Arch`] is the
//! list of its answers, valid by construction. Nothing here knows tensors, files, time or
//! randomness.

mod arch;
mod canonical;
mod cell;
mod error;
mod flat;
mod genotype;
mod micro;
mod native;
mod op;
mod scanner;
mod script;
mod text;

pub use arch::{Arch, Space};
pub use cell::{Cell, CellKind, Edge, N_CELL_INPUTS, Node};
pub use error::SpaceError;
pub use micro::{MicroSize, MicroSpace};
pub use op::Op;
pub use script::{Choice, Script, Step};
