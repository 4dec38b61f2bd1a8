//! What all SVG drawings are made with: colors, labels, texts.

use crate::export::color::color;
use crate::export::layout::{LABEL, Point};
use crate::space::Choice;

/// The color of texts and boxes.
pub(super) const INK: &str = "#1f2328";
/// The color of what carries no operation.
pub(super) const FAINT: &str = "#8b929a";

/// A drawn part: its size, and its elements from the origin on.
pub(super) struct Drawn {
    pub(super) size: Point,
    pub(super) elements: String,
}

/// An operation's name in its color; `x` is the left end and `y` the middle.
pub(super) fn label(name: &str, op: Choice, (x, y): Point) -> String {
    let (width, height) = LABEL;
    format!(
        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width}\" height=\"{height}\" rx=\"{}\" \
         fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#ffffff\">\
         {}</text>",
        y - height / 2.0,
        height / 2.0,
        color(op),
        x + width / 2.0,
        y + 4.0,
        escape(name),
    )
}

/// `text` as XML takes it between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
