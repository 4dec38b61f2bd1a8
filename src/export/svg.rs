//! An architecture as an SVG drawing, a frame for each part.
//!
//! In a cell, boxes are nodes, which add what arrives; a label is an operation, in its color;
//! dashed lines are the loose ends, which the output joins. `ladder.rs` draws nets of
//! layers. The background is white, so that the drawing reads the same on a dark page.

use crate::export::color::color;
use crate::export::ladder;
use crate::export::layout::{INPUT, LABEL, Layout, NODE, Place, Point, STEM, Wire};
use crate::export::pen::{Drawn, FAINT, INK, escape, label};
use crate::export::terminal::sentences;
use crate::space::{Arch, Sketch, VertexRole};

/// Around the whole drawing, and around each part within its frame.
const MARGIN: f64 = 24.0;
/// Height of the title and the legend.
const HEAD: f64 = 84.0;
/// Height of a part's title within its frame.
const PART_HEAD: f64 = 30.0;
/// The least width inside the margins, for the legend.
const MIN_WIDTH: f64 = 640.0;

/// Draws all parts of `arch` as an SVG file.
pub fn draw_svg(arch: &Arch) -> String {
    let sketches = arch.sketch();
    let drawn: Vec<Drawn> = sketches.iter().map(draw_part).collect();
    let widest = drawn.iter().map(|drawn| drawn.size.0 + 2.0 * MARGIN);
    let inner = widest.fold(MIN_WIDTH, f64::max);
    let mut parts = Vec::new();
    let mut y = MARGIN + HEAD;
    let space = arch.space();
    let names = space.rules().parts().iter();
    for (name, (sketch, drawn)) in names.zip(sketches.iter().zip(&drawn)) {
        let height = drawn.size.1 + PART_HEAD + 2.0 * MARGIN;
        parts.push(frame(name, &sketch.title, drawn, [(MARGIN, y), (inner, height)]));
        y += height + MARGIN;
    }
    let (width, height) = (inner + 2.0 * MARGIN, y);
    let id = escape(&arch.id());
    let description: Vec<String> = sketches.iter().map(sentences).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" \
         font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <title id=\"{id}-title\">Architecture {id}</title>\n\
         <desc id=\"{id}-desc\">{}</desc>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         {}{}</svg>\n",
        escape(&description.join(" ")),
        head(&id, sketches.first()),
        parts.concat(),
    )
}

fn draw_part(sketch: &Sketch) -> Drawn {
    if sketch.is_layered() {
        return ladder::draw(sketch);
    }
    let layout = Layout::new(sketch.clone());
    let wires: String = layout.wires.iter().map(|wire| link(&layout, wire)).collect();
    let places: String = layout.places.iter().map(|place| vertex(&layout, place)).collect();
    let labels: String = layout.wires.iter().map(|wire| op_label(sketch, wire)).collect();
    Drawn { size: layout.size, elements: [wires, places, labels].concat() }
}

/// The title and the legend.
fn head(id: &str, sketch: Option<&Sketch>) -> String {
    let y = MARGIN + 52.0;
    let ops = sketch.map_or(&[][..], |sketch| sketch.ops);
    let entries: Vec<String> = ops
        .iter()
        .zip(0..)
        .map(|(name, op)| {
            let x = MARGIN + f64::from(op) * (LABEL.0 + 12.0);
            format!("<g class=\"legend\">{}</g>\n", label(name, op, (x, y)))
        })
        .collect();
    let x = MARGIN + ops.len() as f64 * (LABEL.0 + 12.0) + 8.0;
    let joined = match sketch.map_or("", |sketch| sketch.vertices[sketch.output()].join) {
        "" => String::new(),
        "concat" => " (concatenated)".to_owned(),
        other => format!(" ({other})"),
    };
    let dashed = format!(
        "<path d=\"M{x:.1} {y:.1}H{:.1}\" stroke=\"{FAINT}\" stroke-width=\"2\" \
         stroke-dasharray=\"5 4\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{INK}\">to the output{joined}</text>\n",
        x + 32.0,
        x + 40.0,
        y + 4.0,
    );
    let is_layered = sketch.is_some_and(Sketch::is_layered);
    format!(
        "<text x=\"{MARGIN}\" y=\"{:.1}\" font-size=\"18\" font-weight=\"bold\" fill=\"{INK}\">\
         {id}</text>\n{}{}",
        MARGIN + 16.0,
        entries.concat(),
        if is_layered { "" } else { &dashed },
    )
}

/// One part with its title in a frame, whose corner and size are given.
fn frame(part: &str, title: &str, drawn: &Drawn, [(x, y), (width, height)]: [Point; 2]) -> String {
    let Drawn { size, elements } = drawn;
    format!(
        "<g class=\"part {part}\" transform=\"translate({x:.1} {y:.1})\">\n\
         <rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\" fill=\"#fbfcfd\" \
         stroke=\"#d8dce1\"/>\n\
         <text x=\"{MARGIN}\" y=\"32\" font-size=\"14\" font-weight=\"bold\" fill=\"{INK}\">\
         {}</text>\n\
         <g transform=\"translate({:.1} {:.1})\">\n{elements}</g>\n</g>\n",
        escape(title),
        (width - size.0) / 2.0,
        PART_HEAD + MARGIN,
    )
}

/// The line of a link. A pale rim parts it from the lines that it crosses.
fn link(layout: &Layout, wire: &Wire) -> String {
    let path = path(&wire.points);
    let [from, to] =
        [wire.link.from, wire.link.to].map(|vertex| &layout.sketch.vertices[vertex].label);
    let (class, stroke, dash, what) = match wire.link.op {
        Some(op) => ("edge", color(op), "", format!("{}: ", layout.sketch.ops[op as usize])),
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
fn op_label(sketch: &Sketch, wire: &Wire) -> String {
    let (Some(op), Some(&(x, y))) = (wire.link.op, wire.points.last()) else {
        return String::new();
    };
    format!(
        "<path d=\"M{:.1} {y:.1}h{STEM}\" stroke=\"{}\" stroke-width=\"2\"/>\n\
         <g class=\"op\">{}</g>\n",
        x + LABEL.0,
        color(op),
        label(sketch.ops[op as usize], op, (x, y)),
    )
}

/// The box of an input, a node or the output.
fn vertex(layout: &Layout, place: &Place) -> String {
    let Place { vertex, y, height, .. } = *place;
    let vertex = &layout.sketch.vertices[vertex];
    let (name, below) = (escape(&vertex.label), vertex.join);
    let (class, x, width, fill) = match vertex.role {
        VertexRole::Input => ("input", place.x, INPUT.0, "#e9ecef"),
        VertexRole::Output => ("output", place.x, INPUT.0, "#e9ecef"),
        VertexRole::Node => ("node", place.x + LABEL.0 + STEM, NODE.0, "#ffffff"),
    };
    let middle = x + width / 2.0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::color::tests::{
        LAYERS, PUBLISHED, SMALL, benchmark, cells, filters, nets, recurrent, trees,
    };
    use crate::space::{NasRnn, Recurrent, WholeNet};
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
        fn every_edge_node_and_loose_end_of_a_cell_is_drawn_once(arch in cells()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let sketches = arch.sketch();
            let links = || sketches.iter().flat_map(|sketch| &sketch.links);
            let n_edges = links().filter(|link| link.op.is_some()).count();
            prop_assert_eq!(count("node"), n_edges / 2);
            prop_assert_eq!((count("edge"), count("op")), (n_edges, n_edges));
            prop_assert_eq!(count("loose-end"), links().count() - n_edges);
            prop_assert_eq!((count("input"), count("output"), count("legend")), (4, 2, 5));
            for op in links().filter_map(|link| link.op) {
                let color = format!("stroke=\"{}\"", color(op));
                prop_assert!(drawing.contains(&color));
            }
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }

        #[test]
        fn every_layer_and_every_skip_of_a_net_is_drawn_once(arch in nets()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let layers = WholeNet::layers(&arch).unwrap();
            let n_skips = layers.iter().map(|layer| layer.skips.len()).sum::<usize>();
            prop_assert_eq!((count("node"), count("op")), (layers.len(), layers.len()));
            prop_assert_eq!((count("input"), count("output"), count("legend")), (1, 1, 6));
            prop_assert_eq!((count("skip"), count("chain")), (n_skips, layers.len() + 1));
            prop_assert_eq!(count("halved"), 2);
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }

        #[test]
        fn every_node_and_loose_end_of_a_recurrent_cell_is_drawn_once(
            arch in recurrent(Recurrent::NODE_RANGE)
        ) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let n_nodes = Recurrent::nodes(&arch).unwrap().len();
            // The input node reads two tensors.
            prop_assert_eq!((count("node"), count("op")), (n_nodes + 1, n_nodes + 2));
            prop_assert_eq!(count("loose-end"), Recurrent::loose_ends(&arch).unwrap().len());
            prop_assert_eq!((count("input"), count("output"), count("legend")), (2, 1, 4));
            prop_assert!(drawing.contains("to the output (mean)"));
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }

        #[test]
        fn every_node_of_a_tree_is_drawn_once_with_what_it_reads(arch in trees()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let n_nodes = NasRnn::tree(&arch).unwrap().nodes.len();
            // One reads what is injected, too.
            prop_assert_eq!((count("node"), count("op")), (n_nodes, 2 * n_nodes + 1));
            prop_assert_eq!((count("input"), count("output"), count("legend")), (3, 1, 4));
            prop_assert_eq!(count("loose-end"), 1);
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }
    }

    proptest! {
        #[test]
        fn every_layer_and_every_link_of_a_net_of_filters_is_drawn_once(arch in filters()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            let sketch = arch.sketch().remove(0);
            let n_layers = sketch.vertices.len() - 2;
            prop_assert_eq!((count("node"), count("op"), count("legend")), (n_layers, n_layers, 4));
            prop_assert_eq!(count("skip") + count("chain"), sketch.links.len());
            prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        }

        #[test]
        fn every_edge_of_a_cell_of_the_benchmark_is_drawn_once(arch in benchmark()) {
            let drawing = draw_svg(&arch);
            prop_assert_eq!(misnested(&drawing), None);
            let count = |class: &str| drawing.matches(&format!("class=\"{class}\"")).count();
            prop_assert_eq!((count("node"), count("edge"), count("op")), (3, 6, 6));
            prop_assert_eq!((count("input"), count("output"), count("loose-end")), (1, 1, 1));
            prop_assert!(drawing.contains("to the output</text>"));
        }
    }

    #[test]
    fn a_net_is_described_layer_by_layer() {
        let drawing = draw_svg(&LAYERS.parse().unwrap());
        for expected in [
            "The net of 6 layers: 0 = conv 3×3; 1 = sep 3×3, halves all; \
             2 = conv 5×5 with stem;",
            "5 = avg 3×3 with stem 1 3 → out.</desc>",
            "<title>stem → 2</title>",
        ] {
            assert!(drawing.contains(expected), "{expected} in {drawing}");
        }
    }

    #[test]
    fn the_published_cell_is_titled_described_and_linked() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        let drawing = draw_svg(&arch);
        for expected in [
            &format!("<title id=\"{0}-title\">Architecture {0}</title>", arch.id()),
            "The normal cell: 2 = avg 3×3(0) + sep 3×3(0) → out; 3 = ",
            "The reduction cell: 2 = sep 3×3(1) + sep 3×3(1) → out; ",
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
