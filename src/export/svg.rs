//! An architecture as an SVG drawing: both cells, the normal one on top.
//!
//! Boxes are nodes, which add what arrives; a label is an operation, in its color; dashed lines
//! are the loose ends, which the output concatenates. The background is white, so that the
//! drawing reads the same on a dark page.

use crate::export::graph::color;
use crate::export::layout::{INPUT, LABEL, Layout, NODE, Place, Point, STEM, Wire};
use crate::space::{Arch, CellKind, Node, Op};

/// Around the whole drawing, and around each cell within its frame.
const MARGIN: f64 = 24.0;
/// Height of the title and the legend.
const HEAD: f64 = 84.0;
/// Height of a cell's name within its frame.
const CELL_HEAD: f64 = 30.0;
/// The least width inside the margins, for the legend.
const MIN_WIDTH: f64 = 640.0;
/// The color of texts and boxes.
const INK: &str = "#1f2328";
/// The color of what carries no operation.
const FAINT: &str = "#8b929a";

/// Draws both cells of `arch` as an SVG file.
pub fn draw_svg(arch: &Arch) -> String {
    let layouts = CellKind::ALL.map(|kind| (kind, Layout::new(&arch.cell(kind))));
    let widest = layouts.iter().map(|(_, layout)| layout.size.0 + 2.0 * MARGIN);
    let inner = widest.fold(MIN_WIDTH, f64::max);
    let mut parts = Vec::new();
    let mut y = MARGIN + HEAD;
    for (kind, layout) in &layouts {
        let height = layout.size.1 + CELL_HEAD + 2.0 * MARGIN;
        parts.push(frame(*kind, layout, (MARGIN, y), (inner, height)));
        y += height + MARGIN;
    }
    let (width, height) = (inner + 2.0 * MARGIN, y);
    let id = escape(&arch.id());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" \
         font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <title id=\"{id}-title\">Architecture {id}</title>\n\
         <desc id=\"{id}-desc\">{}</desc>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         {}{}</svg>\n",
        escape(&describe(arch)),
        head(&id),
        parts.concat(),
    )
}

/// What the drawing shows, for those who cannot see it.
fn describe(arch: &Arch) -> String {
    let cell = |kind: CellKind| {
        let cell = arch.cell(kind);
        let nodes: Vec<String> = cell
            .numbered_nodes()
            .map(|(node, Node([a, b]))| {
                format!("node {node} adds {} of {} and {} of {}", a.op, a.input, b.op, b.input)
            })
            .collect();
        let ends: Vec<String> = cell.loose_ends().iter().map(ToString::to_string).collect();
        format!(
            "The {kind} cell: {}; the output concatenates {}.",
            nodes.join("; "),
            ends.join(", ")
        )
    };
    format!("{} {}", cell(CellKind::Normal), cell(CellKind::Reduction))
}

/// The title and the legend.
fn head(id: &str) -> String {
    let y = MARGIN + 52.0;
    let entries: Vec<String> = Op::ALL
        .into_iter()
        .enumerate()
        .map(|(idx, op)| {
            let x = MARGIN + idx as f64 * (LABEL.0 + 12.0);
            format!("<g class=\"legend\">{}</g>\n", label(op, (x, y)))
        })
        .collect();
    let x = MARGIN + Op::ALL.len() as f64 * (LABEL.0 + 12.0) + 8.0;
    format!(
        "<text x=\"{MARGIN}\" y=\"{:.1}\" font-size=\"18\" font-weight=\"bold\" fill=\"{INK}\">\
         {id}</text>\n{}\
         <path d=\"M{x:.1} {y:.1}H{:.1}\" stroke=\"{FAINT}\" stroke-width=\"2\" \
         stroke-dasharray=\"5 4\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{INK}\">to the output (concatenated)</text>\n",
        MARGIN + 16.0,
        entries.concat(),
        x + 32.0,
        x + 40.0,
        y + 4.0,
    )
}

/// One cell with its name in a frame.
fn frame(kind: CellKind, layout: &Layout, (x, y): Point, (width, height): Point) -> String {
    let wires: String = layout.wires.iter().map(|wire| link(layout, wire)).collect();
    let places: String = layout.places.iter().map(|place| vertex(layout, place)).collect();
    let labels: String = layout.wires.iter().map(op_label).collect();
    format!(
        "<g class=\"cell {kind}\" transform=\"translate({x:.1} {y:.1})\">\n\
         <rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\" fill=\"#fbfcfd\" \
         stroke=\"#d8dce1\"/>\n\
         <text x=\"{MARGIN}\" y=\"32\" font-size=\"14\" font-weight=\"bold\" fill=\"{INK}\">\
         {kind} cell</text>\n\
         <g transform=\"translate({:.1} {:.1})\">\n{wires}{places}{labels}</g>\n</g>\n",
        (width - layout.size.0) / 2.0,
        CELL_HEAD + MARGIN,
    )
}

/// The line of a link. A pale rim parts it from the lines that it crosses.
fn link(layout: &Layout, wire: &Wire) -> String {
    let path = path(&wire.points);
    let (from, to) = (layout.graph.label(wire.link.from), layout.graph.label(wire.link.to));
    let (class, stroke, dash, what) = match wire.link.op {
        Some(op) => ("edge", color(op), "", format!("{}: ", op.short_name())),
        None => ("loose-end", FAINT, " stroke-dasharray=\"5 4\"", String::new()),
    };
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#fbfcfd\" stroke-width=\"6\"/>\n\
         <path class=\"{class}\" d=\"{path}\" fill=\"none\" stroke=\"{stroke}\" \
         stroke-width=\"2\"{dash}><title>{}</title></path>\n",
        escape(&format!("{what}{from} → {to}")),
    )
}

/// Curves between columns, straight lines through lanes.
fn path(points: &[Point]) -> String {
    let mut parts = vec![format!("M{:.1} {:.1}", points[0].0, points[0].1)];
    for (idx, pair) in points.windows(2).enumerate() {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let middle = f64::midpoint(x0, x1);
        parts.push(if idx % 2 == 0 {
            format!("C{middle:.1} {y0:.1} {middle:.1} {y1:.1} {x1:.1} {y1:.1}")
        } else {
            format!("H{x1:.1}")
        });
    }
    parts.concat()
}

/// The label where a link arrives, and its stem to the node.
fn op_label(wire: &Wire) -> String {
    let (Some(op), Some(&(x, y))) = (wire.link.op, wire.points.last()) else {
        return String::new();
    };
    format!(
        "<path d=\"M{:.1} {y:.1}h{STEM}\" stroke=\"{}\" stroke-width=\"2\"/>\n\
         <g class=\"op\">{}</g>\n",
        x + LABEL.0,
        color(op),
        label(op, (x, y)),
    )
}

/// An operation's name in its color; `x` is the left end and `y` the middle.
fn label(op: Op, (x, y): Point) -> String {
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
        escape(op.short_name()),
    )
}

/// The box of an input, a node or the output.
fn vertex(layout: &Layout, place: &Place) -> String {
    let Place { vertex, y, height, .. } = *place;
    let name = escape(&layout.graph.label(vertex));
    let (class, x, width, fill) = match vertex {
        0 | 1 => ("input", place.x, INPUT.0, "#e9ecef"),
        _ if vertex == layout.graph.output() => ("output", place.x, INPUT.0, "#e9ecef"),
        _ => ("node", place.x + LABEL.0 + STEM, NODE.0, "#ffffff"),
    };
    let middle = x + width / 2.0;
    let below = match class {
        "node" => "+",
        "output" => "concat",
        _ => "",
    };
    let lift = if below.is_empty() { 5.0 } else { -1.0 };
    let note = if below.is_empty() {
        String::new()
    } else {
        format!(
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{INK}\">{below}\
             </text>",
            y + 15.0
        )
    };
    format!(
        "<g class=\"{class}\"><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width}\" \
         height=\"{height:.1}\" rx=\"8\" fill=\"{fill}\" stroke=\"{INK}\" stroke-width=\"1.5\"/>\
         <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"14\" \
         font-weight=\"bold\" fill=\"{INK}\">{name}</text>{note}</g>\n",
        y - height / 2.0,
        y + lift,
    )
}

/// `text` as XML takes it between tags and in attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::graph::tests::{PUBLISHED, SMALL, arch};
    use proptest::prelude::*;

    /// Follows every tag of `text`; the innermost open element that is closed wrongly, if any.
    fn misnested(text: &str) -> Option<String> {
        let mut open: Vec<&str> = Vec::new();
        for piece in text.split('<').skip(1) {
            let (tag, content) = piece.split_once('>')?;
            let name = tag.trim_start_matches('/').split([' ', '/']).next()?;
            let is_sound = tag.matches('"').count() % 2 == 0 && !content.contains('>');
            if tag.starts_with('/') {
                if open.pop() != Some(name) {
                    return Some(tag.to_owned());
                }
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            if !is_sound {
                return Some(piece.to_owned());
            }
        }
        open.pop().map(str::to_owned)
    }

    proptest! {
        #[test]
        fn every_edge_node_and_loose_end_is_drawn_once(arch in arch()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let cells = CellKind::ALL.map(|kind| arch.cell(kind));
            let n_nodes: usize = cells.iter().map(|cell| cell.nodes().len()).sum();
            let n_ends: usize = cells.iter().map(|cell| cell.loose_ends().len()).sum();
            prop_assert_eq!(count("node"), n_nodes);
            prop_assert_eq!((count("edge"), count("op")), (2 * n_nodes, 2 * n_nodes));
            prop_assert_eq!(count("loose-end"), n_ends);
            prop_assert_eq!((count("input"), count("output"), count("legend")), (4, 2, 5));
            for (_, Node(edges)) in cells.iter().flat_map(crate::space::Cell::numbered_nodes) {
                for edge in edges {
                    let color = format!("stroke=\"{}\"", color(edge.op));
                    prop_assert!(drawing.contains(&color));
                }
            }
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }
    }

    #[test]
    fn the_published_cell_is_titled_described_and_linked() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        let drawing = draw_svg(&arch);
        for expected in [
            &format!("<title id=\"{0}-title\">Architecture {0}</title>", arch.id()),
            "The normal cell: node 2 adds avg_pool_3x3 of 0 and sep_conv_3x3 of 0; node 3 adds",
            "the output concatenates 2, 4, 5, 6.</desc>",
            "<title>sep 5×5: 3 → 4</title>",
            "<title>identity: h[k-2] → 3</title>",
            "<title>6 → h[k]</title>",
        ] {
            assert!(drawing.contains(expected), "{expected}");
        }
        assert!(drawing.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "));
    }

    #[test]
    fn the_same_architecture_is_drawn_the_same_and_another_otherwise() {
        let draw = |text: &str| draw_svg(&text.parse().unwrap());
        assert_eq!(draw(SMALL), draw(SMALL));
        assert_ne!(draw(SMALL), draw(PUBLISHED));
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }

    #[test]
    fn a_missing_end_is_seen_by_the_check_of_nesting() {
        assert_eq!(misnested("<g><text>1</text>").as_deref(), Some("g"));
        assert_eq!(misnested("<g><text>1</g></text>").as_deref(), Some("/g"));
        assert_eq!(misnested("<g a=\"1\"><path/></g>"), None);
    }
}
