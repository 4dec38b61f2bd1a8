//! What can be searched: spaces, architectures, and the scripts of decisions that spell them.
//!
//! A search space is a list of [`Step`]s that a policy answers one by one; an [`Arch`] is the
//! list of its answers, valid by construction. Everything that is asked of a space goes through
//! [`SearchSpace`]; a new one is a file that implements it and a variant of [`Space`]. Nothing
//! here knows tensors, files, time or randomness.
//!
//! # How to add an operation
//!
//! Here to micro; paths are under `src/`.
//!
//! 1. `space/micro/op.rs`: a variant of [`Op`], last in [`Op::ALL`], with its names, and the side
//!    of its kernel where it is a separable convolution. From here on the compiler says what is
//!    missing.
//! 2. `net/micro/operations.rs`: the layers that it is made of. A new [`LayerKind`] is
//!    needed only where none computes it: then also `net/layer.rs` (parameters, multiply-adds),
//!    `net/graph.rs` where it changes a shape, `engine/pass.rs` for candle and `engine/cpu_exec/`
//!    for the fast executor, held to each other by `engine/gradient_check.rs` and
//!    `engine/witness.rs`; and `export/onnx/layers.rs` and `export/torch/` for the files of a net,
//!    which `tests/export.rs` holds to the engine.
//! 3. `search/prior.rs`: its biases, where its menu has some. A test asks for them.
//! 4. Numbers in tests: sizes in `space/micro.rs`, names in `space/form.rs`, shapes of θ in
//!    `search/walk/tests.rs`, `search/policy/tests.rs` and `search/reinforce.rs`, and
//!    `bin/enasctl/top/looked_at.rs`.
//!
//! For whole nets it is [`LayerOp`] in `space/whole_net/op.rs` and one line in `net/whole_net.rs`; for
//! recurrent cells [`Activation`] in `space/recurrent/activation.rs`, and its numbers in `arcs.rs`,
//! and the trees of `nas_rnn` have the same; for NASNet's cells [`NasnetOp`] in `space/nasnet/op.rs`
//! and `net/nasnet/operations.rs`. A number that a layer of NAS's nets may have more stands in
//! `space/nas_cnn.rs` alone. NAS-Bench-201 has the operations of its tables.
//!
//! A menu with one option more is another space: ids mean other architectures, θ has other shapes,
//! and no state folder of before goes on (`tests/format.rs` fails). Where folders are to live,
//! make a space with a name and a tag of its own.
//!
//! # How to add a space
//!
//! 1. `space/NAME.rs`: its size as a value, its [`Menu`]s, each with a name that no other space
//!    gives to one, its [`Form`]s, the native one first, and [`SearchSpace`].
//! 2. `space/mod.rs`: the module. `space/config.rs`: a variant of [`SpaceKind`], and a setting of
//!    [`SpaceConfig`] where no other says its size; its range ends where ids become hashes, for the
//!    history could not read these back. `space/search_space.rs`: a variant of [`Space`] in `new`,
//!    `each` and `rules`, and in `tagged` a letter that begins no other ids.
//! 3. `net/NAME.rs`: its [`NetFamily`]. `net/mod.rs` and `net/families.rs`: a line each.
//! 4. `config/enasd.toml`: its name and its size, which tests hold against the settings; a test in
//!    `config/identity.rs` lists the setting.
//! 5. Where its size has a setting of its own, `bin/enasctl/arch_args.rs` and `space.rs` take it.
//! 6. `config/NAME.toml`: a search that somebody can start, which a test in `config/mod.rs` names.
//!    `search/prior.rs`, where the authors gave biases.
//!
//! Texts, ids, drawings, θ, history and status take it from there; tests that go over
//! [`Space::each`] try all of these.
//!
//! # How to add a text form
//!
//! 1. `space/SPACE/NAME.rs`: what reads it, by `space/scanner.rs` where the form is this program's
//!    own, and by `space/literal.rs` where people paste it from another; and what writes it, if
//!    anything does. Its first lines say what of the other program has no counterpart here, and
//!    what becomes of it.
//! 2. The space's list of [`Form`]s in `space/SPACE.rs`: its name, an example, and whether it
//!    spells all architectures ([`Write::Always`]), only some ([`Write::Where`]) or is read only.
//! 3. `space/form.rs`: how its texts begin, for the test that no text makes a reader panic; that
//!    what is written is read back is tested by itself.
//!
//! [`LayerKind`]: crate::net::LayerKind
//! [`NetFamily`]: crate::net::NetFamily

mod arch;
mod block_error;
mod cnn_error;
mod config;
mod digits;
mod enumeration;
mod error;
mod fact;
mod form;
mod genotype;
mod id;
mod literal;
mod micro;
mod nas_cnn;
mod nas_rnn;
mod nasbench201;
mod nasnet;
mod numbers;
mod recurrent;
mod scanner;
mod script;
mod search_space;
mod sketch;
mod smallest;
mod told;
mod tree_error;
mod whole_net;

pub use arch::Arch;
pub use block_error::BlockError;
pub use cnn_error::CnnError;
pub use config::{SpaceConfig, SpaceKind};
pub use enumeration::TooManyArchs;
pub use error::SpaceError;
pub use fact::{Fact, Size};
pub use form::{Form, Write};
pub use micro::{Cell, CellKind, Edge, MicroSpace, N_CELL_INPUTS, Node, Op};
pub use nas_cnn::{CnnLayer, NasCnn};
pub use nas_rnn::{Combine, NasRnn, Tree, TreeNode};
pub use nasbench201::{EdgeOp, Nasbench201};
pub use nasnet::{Block, BlockCell, BlockCombine, BlockEdge, Nasnet, NasnetOp};
pub use recurrent::{Activation, Recurrent, RecurrentNode};
pub use script::{Choice, Decision, LINK, Locality, Menu, Script, Step};
pub use search_space::{SearchSpace, Space};
pub use sketch::{Link, Sketch, Vertex, VertexRole};
pub use tree_error::TreeError;
pub use whole_net::{LayerOp, NetLayer, WholeNet};
