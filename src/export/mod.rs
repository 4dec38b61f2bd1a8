//! How a result leaves and looks: drawings of an architecture's parts for the web (SVG), for
//! Graphviz (DOT) and for a terminal.
//!
//! All are pure functions of an architecture, which is valid by construction: none can fail.

mod color;
mod dot;
mod ladder;
mod layout;
mod pen;
mod svg;
mod terminal;

pub use dot::draw_dot;
pub use svg::draw_svg;
pub use terminal::{draw_part_text, draw_text};
