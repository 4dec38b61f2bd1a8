//! What a child computes: a DAG of layers with shapes and parameter names, as plain data.
//!
//! An architecture is compiled to a [`Net`]; everything that runs, counts or exports a child
//! reads the net and nothing else.

mod cell;
mod config;
mod error;
mod families;
mod family;
mod few_shot;
mod graph;
mod layer;
mod micro;
mod nas_cnn;
mod nas_rnn;
mod nasnet;
mod no_nets;
mod recurrent;
mod shape;
mod times;
mod tree;
mod whole_net;
mod word_cell;

pub use cell::{CellFunction, CellNode, RecurrentCell, StateOf};
pub use config::{NetConfig, SharedForm, WeightsOf};
pub use error::NetError;
pub use families::family;
pub use family::{Input, NetFamily};
pub use graph::{Cost, Net, Norm};
pub use layer::{Init, Layer, LayerKind, ParamSpec, TensorId};
pub use recurrent::WordNetSize;
pub use shape::{Padding, Shape, Span, Window};
pub use times::LayerTimes;
pub use tree::{Join, TreeCell};
pub use word_cell::WordCell;
