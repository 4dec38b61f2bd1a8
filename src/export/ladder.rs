//! A net of layers as SVG: a row for each layer, and beside them a rail for each tensor that later
//! layers skip from.
//!
//! ```text
//! ┌──────┐        stem
//! │ stem ├──────────┐
//! └──┬───┘          │
//! ┌──▼─────────┐    │   0
//! │ 0  conv 3×3├────│───┐
//! └──┬─────────┘    │   │
//! ┌──▼─────────┐    │   │
//! │ 1  sep 3×3 ◄────●   │
//! └────────────┘        │
//! ```
//!
//! A layer that does not read the one before has no arrow on top. A layer leaves its box below the
//! middle and is read above it, so no line is both; where lines cross without a dot they have nothing
//! to do with each other.

use crate::export::color::color;
use crate::export::layout::LABEL;
use crate::export::pen::{Drawn, FAINT, INK, escape, label};
use crate::space::{Sketch, Vertex, VertexRole};

/// From one row to the next.
const ROW: f64 = 48.0;
/// Width and height of a layer's box, which is wider where its text is longer than most.
const BOX: (f64, f64) = (136.0, 32.0);
/// Width of a character of that text.
const CHARACTER: f64 = 9.0;
/// From the left end of the box to its text, and from its operation to the right end.
const MARGINS: (f64, f64) = (14.0, 8.0);
/// From the boxes to the first rail.
const GAP: f64 = 36.0;
/// From one rail to the next.
const RAIL: f64 = 20.0;
/// How far above the middle of its box a layer is read, and below it leaves.
const PORT: f64 = 8.0;

/// Draws a net of layers.
pub(super) fn draw(sketch: &Sketch) -> Drawn {
    let ladder = Ladder { sketch, rails: rails(sketch), width: width(sketch) };
    let Ladder { ref rails, .. } = ladder;
    let mut elements = Vec::new();
    for (vertex, place) in sketch.vertices.iter().zip(0..) {
        elements.push(ladder.halving(vertex, place));
        if place != 0 && sketch.reads(place).contains(&(place - 1)) {
            elements.push(ladder.chain(place));
        }
    }
    for (rail, &from) in rails.iter().enumerate() {
        elements.push(ladder.draw_rail(from, ladder.x_of(rail)));
    }
    for to in 0..sketch.vertices.len() {
        elements.push(ladder.skips(to));
    }
    for (vertex, place) in sketch.vertices.iter().zip(0..) {
        elements.push(ladder.row(vertex, place));
    }
    let size =
        (ladder.x_of(rails.len()).max(360.0), middle(sketch.vertices.len() - 1) + BOX.1 / 2.0);
    Drawn { size, elements: elements.concat() }
}

/// What a layer reads beside the layer before.
fn skipped_from(sketch: &Sketch, to: usize) -> Vec<usize> {
    sketch.reads(to).into_iter().filter(|from| from + 1 != to).collect()
}

/// The vertices that are skipped from, in order.
fn rails(sketch: &Sketch) -> Vec<usize> {
    let vertices = 0..sketch.vertices.len();
    let mut rails: Vec<usize> = vertices.flat_map(|to| skipped_from(sketch, to)).collect();
    rails.sort_unstable();
    rails.dedup();
    rails
}

/// The width of the boxes.
fn width(sketch: &Sketch) -> f64 {
    let texts = sketch.vertices.iter().filter(|vertex| vertex.op.is_some());
    let longest = texts.map(|vertex| vertex.label.chars().count()).max().unwrap_or(0);
    let (left, right) = MARGINS;
    (2.0 * left + longest as f64 * CHARACTER + LABEL.0 + right).max(BOX.0)
}

fn middle(vertex: usize) -> f64 {
    vertex as f64 * ROW + BOX.1 / 2.0
}

/// A net, and where its boxes end.
struct Ladder<'a> {
    sketch: &'a Sketch,
    rails: Vec<usize>,
    width: f64,
}

impl Ladder<'_> {
    fn x_of(&self, rail: usize) -> f64 {
        self.width + GAP + rail as f64 * RAIL
    }

    /// The line from the vertex before.
    fn chain(&self, to: usize) -> String {
        let (x, y) = (self.width / 2.0, middle(to) - BOX.1 / 2.0);
        format!(
            "<path class=\"chain\" d=\"M{x:.1} {:.1}V{y:.1}m-4 -6l4 6l4 -6\" fill=\"none\" \
             stroke=\"{INK}\" stroke-width=\"1.5\"/>\n",
            y - (ROW - BOX.1),
        )
    }

    /// The dashed line behind a layer after which all tensors are halved.
    fn halving(&self, vertex: &Vertex, place: usize) -> String {
        if vertex.note.is_empty() {
            return String::new();
        }
        let (y, right) = (middle(place) + ROW / 2.0, self.x_of(self.rails.len()) + GAP);
        format!(
            "<path class=\"halved\" d=\"M-16 {y:.1}H{right:.1}\" stroke=\"{FAINT}\" \
             stroke-dasharray=\"2 4\"><title>{}</title></path>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\" fill=\"{INK}\">½</text>\n",
            escape(vertex.note),
            right + 4.0,
            y + 3.0,
        )
    }

    /// The rail of one tensor, from its layer to the last that reads it, with its name on top.
    fn draw_rail(&self, from: usize, x: f64) -> String {
        let readers = (0..self.sketch.vertices.len())
            .filter(|&to| skipped_from(self.sketch, to).contains(&from));
        let last = readers.max().unwrap_or(from);
        let (y, end) = (middle(from) + PORT, middle(last) - PORT);
        format!(
            "<path d=\"M{:.1} {y:.1}H{x:.1}V{end:.1}\" fill=\"none\" stroke=\"{FAINT}\" \
             stroke-width=\"1.5\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"9\" fill=\"{INK}\">{}\
             </text>\n",
            self.width,
            y - 4.0,
            escape(&self.sketch.vertices[from].name),
        )
    }

    /// The line on which a layer reads what it skips from, with a dot on each rail.
    fn skips(&self, to: usize) -> String {
        let y = middle(to) - PORT;
        let on: Vec<(usize, f64)> = skipped_from(self.sketch, to)
            .into_iter()
            .filter_map(|from| {
                Some((from, self.x_of(self.rails.iter().position(|&rail| rail == from)?)))
            })
            .collect();
        let Some(&(_, farthest)) = on.last() else { return String::new() };
        let stroke = self.sketch.vertices[to].op.map_or(INK, color);
        let dots = on.iter().map(|(from, x)| {
            let [from, to] = [*from, to].map(|vertex| escape(&self.sketch.vertices[vertex].name));
            format!(
                "<circle class=\"skip\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{stroke}\">\
                 <title>{from} → {to}</title></circle>\n"
            )
        });
        format!(
            "<path d=\"M{farthest:.1} {y:.1}H{:.1}m6 -4l-6 4l6 4\" fill=\"none\" stroke=\"{stroke}\" \
             stroke-width=\"1.5\"/>\n{}",
            self.width,
            dots.collect::<String>(),
        )
    }

    /// The box of a vertex: its name, and its operation in its color.
    fn row(&self, vertex: &Vertex, place: usize) -> String {
        let (class, fill) = match vertex.role {
            VertexRole::Input => ("input", "#e9ecef"),
            VertexRole::Output => ("output", "#e9ecef"),
            VertexRole::Node => ("node", "#ffffff"),
        };
        let y = middle(place);
        let (x, anchor, op) = match vertex.op {
            Some(op) => {
                let label =
                    label(self.sketch.ops[op as usize], op, (self.width - LABEL.0 - MARGINS.1, y));
                (MARGINS.0, "start", format!("<g class=\"op\">{label}</g>"))
            }
            None => (self.width / 2.0, "middle", String::new()),
        };
        format!(
            "<g class=\"{class}\"><rect y=\"{:.1}\" width=\"{}\" height=\"{}\" rx=\"8\" \
             fill=\"{fill}\" stroke=\"{INK}\" stroke-width=\"1.5\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"14\" \
             font-weight=\"bold\" fill=\"{INK}\">{}</text>{op}</g>\n",
            y - BOX.1 / 2.0,
            self.width,
            BOX.1,
            y + 5.0,
            escape(&vertex.label),
        )
    }
}
