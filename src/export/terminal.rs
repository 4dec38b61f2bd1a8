//! An architecture for a terminal: one line per node, beside it the lanes of what it reads.
//!
//! ```text
//! normal cell
//! 0  1            0 = h[k-2], 1 = h[k-1]
//! ●──┼──2         2 = avg 3×3(0) + sep 3×3(0) → out
//! ●──●──┼──3      3 = identity(0) + sep 5×5(1) → out
//!       ╰──┴──▶   out = [2 3]
//! ```

use std::cmp::Ordering;

use crate::space::{Arch, Sketch, Vertex, VertexRole};

/// Columns from one lane to the next; of layers there are many.
const PITCH: usize = 3;
const LAYER_PITCH: usize = 2;

/// Columns between the lanes and the texts.
const GUTTER: usize = 3;

/// The narrowest terminal that the texts fit in, a few lines a node.
const MIN_WIDTH: usize = 24;

/// Draws all parts of `arch` in lines of at most `width` columns, or 24 where it is less. Lanes
/// are left out where they do not fit, which takes 78 columns at most for 24 layers.
pub fn draw_text(arch: &Arch, width: usize) -> String {
    let parts: Vec<String> =
        arch.sketch().iter().map(|sketch| draw_part_text(sketch, width)).collect();
    parts.join("\n")
}

/// Draws one part of an architecture, as [`draw_text`] draws all.
pub fn draw_part_text(sketch: &Sketch, width: usize) -> String {
    let texts: Vec<String> = texts(sketch, Beside::Lanes).iter().map(Text::line).collect();
    let lanes = lanes(sketch);
    let lane_width = lanes.iter().map(|lane| columns(lane)).max().unwrap_or(0) + GUTTER;
    let text_width = texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let lines: Vec<String> = if lane_width + text_width <= width {
        lanes.iter().zip(&texts).map(|(lane, text)| pad(lane, lane_width) + text).collect()
    } else {
        let alone = self::texts(sketch, Beside::Nothing);
        alone.iter().map(|text| text.within(width.max(MIN_WIDTH))).collect()
    };
    format!("{}\n{}\n", sketch.title, lines.join("\n"))
}

/// What the part computes, in a sentence.
pub(super) fn sentences(sketch: &Sketch) -> String {
    let texts = texts(sketch, Beside::Nothing);
    let nodes: Vec<String> = texts[1..texts.len() - 1].iter().map(Text::line).collect();
    format!("The {}: {}.", sketch.title, nodes.join("; "))
}

/// What a text stands beside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// The lanes, which show what a layer skips from.
    Lanes,
    /// Nothing.
    Nothing,
}

/// A row's text, in pieces between which a line may be broken.
struct Text(Vec<String>);

impl Text {
    fn line(&self) -> String {
        self.0.join(" ")
    }

    /// In lines of at most `width` columns, those after the first indented.
    fn within(&self, width: usize) -> String {
        let mut lines: Vec<String> = Vec::new();
        for piece in &self.0 {
            match lines.last_mut() {
                Some(line) if columns(line) + 1 + columns(piece) <= width => {
                    line.push(' ');
                    line.push_str(piece);
                }
                Some(_) => lines.push(format!("  {piece}")),
                None => lines.push(piece.clone()),
            }
        }
        lines.join("\n")
    }
}

/// What stands for each row: the inputs, the nodes, the output.
fn texts(sketch: &Sketch, beside: Beside) -> Vec<Text> {
    let name = |vertex: usize| sketch.vertices[vertex].name.as_str();
    let ends = sketch.reads(sketch.output());
    let inputs: Vec<String> = sketch.vertices[..sketch.n_inputs()]
        .iter()
        .map(
            |Vertex { name, label, .. }| {
                if name == label { name.clone() } else { format!("{name} = {label}") }
            },
        )
        .collect();
    let last = inputs.len().saturating_sub(1);
    let marked = |(at, input)| if at < last { format!("{input},") } else { input };
    let mut texts = vec![Text(inputs.into_iter().enumerate().map(marked).collect())];
    for (at, vertex) in sketch.vertices.iter().enumerate() {
        if vertex.role != VertexRole::Node {
            continue;
        }
        let mut pieces = vertex.caption.clone();
        if beside == Beside::Lanes && sketch.is_layered() {
            pieces.truncate(1);
        }
        if let Some(first) = pieces.first_mut() {
            *first = format!("{} = {first}", vertex.name);
        }
        if ends.contains(&at) {
            pieces.push("→ out".to_owned());
        }
        if !vertex.note.is_empty() {
            if let Some(last) = pieces.last_mut() {
                last.push(',');
            }
            pieces.push(vertex.note.to_owned());
        }
        texts.push(Text(pieces));
    }
    let ends: Vec<&str> = ends.into_iter().map(name).collect();
    let mut output = vec!["out =".to_owned()];
    output.extend(sketch.vertices[sketch.output()].caption.iter().cloned());
    output.extend(format!("[{}]", ends.join(" ")).split(' ').map(str::to_owned));
    texts.push(Text(output));
    texts
}

/// The lanes of each row. A lane begins at its node and ends at its last reader; dots are what a
/// row reads.
fn lanes(sketch: &Sketch) -> Vec<String> {
    let (output, n_inputs) = (sketch.output(), sketch.n_inputs());
    let pitch = if sketch.is_layered() { LAYER_PITCH } else { PITCH };
    let mut last_reader: Vec<usize> = (0..output).collect();
    for link in &sketch.links {
        last_reader[link.from] = last_reader[link.from].max(link.to);
    }
    let row = |vertex: usize| {
        let reads = sketch.reads(vertex);
        let first = reads.first().copied().unwrap_or(vertex);
        let mut line = String::new();
        for (lane, &last) in last_reader.iter().enumerate().take(vertex) {
            let (is_live, is_read) = (vertex <= last, reads.contains(&lane));
            line.push(match lane.cmp(&first) {
                Ordering::Less if is_live => '│',
                Ordering::Less => ' ',
                Ordering::Equal if vertex == output => '╰',
                Ordering::Greater if is_read && vertex == output => '┴',
                _ if is_read => '●',
                _ if is_live => '┼',
                _ => '─',
            });
            let fill = if lane < first { ' ' } else { '─' };
            line.extend(std::iter::repeat_n(fill, pitch - 1));
        }
        line
    };
    let inputs = sketch.vertices[..n_inputs].iter().map(|vertex| pad(&vertex.name, pitch));
    let mut rows = vec![inputs.collect::<String>().trim_end().to_owned()];
    for vertex in n_inputs..output {
        rows.push(format!("{}{}", row(vertex), sketch.vertices[vertex].name));
    }
    rows.push(format!("{}▶", row(output)));
    rows
}

/// Every character of a drawing takes one column.
fn columns(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::color::tests::{LAYERS, PUBLISHED, SMALL, arch, cells, nets, recurrent};
    use crate::space::{MicroSpace, NasRnn, Node, Recurrent};
    use proptest::prelude::*;

    #[test]
    fn the_published_cell_is_drawn_with_lanes() {
        insta::assert_snapshot!(draw_text(&PUBLISHED.parse().unwrap(), 80), @r"
        normal cell
        0  1                     0 = h[k-2], 1 = h[k-1]
        ●──┼──2                  2 = avg 3×3(0) + sep 3×3(0) → out
        ●──┼──┼──3               3 = identity(0) + sep 5×5(0) → out
        ●──●──┼──┼──4            4 = identity(0) + sep 5×5(1) → out
        ●──●──┼──┼──┼──5         5 = sep 3×3(1) + sep 5×5(0) → out
        ●──●──┼──┼──┼──┼──6      6 = avg 3×3(0) + sep 5×5(1) → out
              ╰──┴──┴──┴──┴──▶   out = [2 3 4 5 6]

        reduction cell
        0  1                     0 = h[k-2], 1 = h[k-1]
        │  ●──2                  2 = sep 3×3(1) + sep 3×3(1) → out
        ●──┼──┼──3               3 = max 3×3(0) + avg 3×3(0)
        │  ●──┼──●──4            4 = sep 5×5(1) + sep 5×5(3) → out
        ●──●──┼─────┼──5         5 = sep 3×3(1) + identity(0) → out
        ●──●──┼─────┼──┼──6      6 = max 3×3(0) + sep 5×5(1) → out
              ╰─────┴──┴──┴──▶   out = [2 4 5 6]
        ");
    }

    #[test]
    fn a_middling_terminal_gets_the_texts_alone() {
        insta::assert_snapshot!(draw_text(&SMALL.parse().unwrap(), 40), @r"
        normal cell
        0 = h[k-2], 1 = h[k-1]
        2 = sep 3×3(0) + sep 5×5(1)
        3 = avg 3×3(0) + max 3×3(2) → out
        out = [3]

        reduction cell
        0 = h[k-2], 1 = h[k-1]
        2 = identity(1) + sep 3×3(1)
        3 = sep 5×5(1) + avg 3×3(2) → out
        out = [0 3]
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_two_lines_a_node() {
        insta::assert_snapshot!(draw_text(&SMALL.parse().unwrap(), 0), @r"
        normal cell
        0 = h[k-2], 1 = h[k-1]
        2 = sep 3×3(0)
          + sep 5×5(1)
        3 = avg 3×3(0)
          + max 3×3(2) → out
        out = [3]

        reduction cell
        0 = h[k-2], 1 = h[k-1]
        2 = identity(1)
          + sep 3×3(1)
        3 = sep 5×5(1)
          + avg 3×3(2) → out
        out = [0 3]
        ");
    }

    #[test]
    fn a_net_is_drawn_with_a_lane_for_each_tensor() {
        insta::assert_snapshot!(draw_text(&LAYERS.parse().unwrap(), 80), @r"
        net of 6 layers
        stem              stem
        ●─0               0 = conv 3×3
        │ ●─1             1 = sep 3×3, halves all
        ●─┼─●─2           2 = conv 5×5
        │ ●─┼─●─3         3 = max 3×3, halves all
        │   │   ●─4       4 = sep 5×5
        ●───●───●─●─5     5 = avg 3×3 → out
                    ╰─▶   out = [5]
        ");
    }

    #[test]
    fn a_recurrent_cell_is_drawn_from_the_word_and_the_state_before() {
        insta::assert_snapshot!(draw_text(&Recurrent::PUBLISHED.parse().unwrap(), 80), @r"
        recurrent cell
        x  h                                 x = x[t], h = h[t-1]
        ●──●──0                              0 = tanh(x, h)
              ●──1                           1 = sigmoid(0)
                 ●──2                        2 = tanh(1)
                    ●──3                     3 = relu(2)
                    ●──┼──4                  4 = sigmoid(2)
                       │  ●──5               5 = tanh(4)
                       │     ●──6            6 = tanh(5)
                       ●────────┼──7         7 = sigmoid(3) → out
                                ●──┼──8      8 = sigmoid(6) → out
                                   ╰──┴──▶   out = mean [7 8]
        ");
    }

    #[test]
    fn a_tree_is_drawn_from_the_word_and_both_states() {
        insta::assert_snapshot!(draw_text(&NasRnn::EXAMPLE.parse().unwrap(), 80), @r"
        tree cell
        x  h  c               x = x[t], h = h[t-1], c = c[t-1]
        ●──●──●──0            0 = tanh(x+h) then relu(·+c)
        ●──●─────┼──1         1 = relu(x*h), c[t] before activation
                 ●──●──2      2 = sigmoid(0*1) → out
                       ╰──▶   out = [2]
        ");
    }

    /// Found by the properties below.
    #[test]
    fn the_smallest_recurrent_cell_fits_a_terminal_without_width() {
        let drawing = draw_text(&"cell=[tanh(0)]".parse().unwrap(), 0);
        assert!(drawing.lines().all(|line| columns(line) <= MIN_WIDTH), "{drawing}");
    }

    #[test]
    fn a_net_on_a_narrow_terminal_is_told() {
        insta::assert_snapshot!(draw_text(&LAYERS.parse().unwrap(), 30), @r"
        net of 6 layers
        stem
        0 = conv 3×3
        1 = sep 3×3, halves all
        2 = conv 5×5 with stem
        3 = max 3×3 with 0, halves all
        4 = sep 5×5
        5 = avg 3×3 with stem 1 3
          → out
        out = [5]
        ");
    }

    proptest! {
        #[test]
        fn every_edge_of_a_cell_is_told_within_the_width(arch in cells(), width in 0_usize..100) {
            let drawing = draw_text(&arch, width);
            let joined = drawing.replace("\n  + ", " + ");
            for cell in MicroSpace::cells(&arch).unwrap() {
                for (node, Node([a, b])) in cell.numbered_nodes() {
                    let (p, q) = (a.op.short_name(), b.op.short_name());
                    let text = format!("{node} = {p}({}) + {q}({})", a.input, b.input);
                    prop_assert!(joined.contains(&text), "{}", text);
                }
            }
        }

        #[test]
        fn no_line_is_wider_than_the_terminal(arch in arch(), width in 0_usize..100) {
            for line in draw_text(&arch, width).lines() {
                prop_assert!(columns(line) <= width.max(MIN_WIDTH), "{}", line);
            }
        }

        #[test]
        fn every_architecture_fits_eighty_columns_with_its_lanes(
            arch in prop_oneof![cells(), nets(), recurrent(1..=11)]
        ) {
            let drawing = draw_text(&arch, 80);
            let sketches = arch.sketch();
            prop_assert_eq!(drawing.matches('╰').count(), sketches.len());
            let reads = |sketch: &Sketch| {
                (0..sketch.output()).map(|vertex| sketch.reads(vertex).len()).sum::<usize>()
            };
            let dots: usize = sketches.iter().map(reads).sum();
            prop_assert_eq!(drawing.matches('●').count(), dots);
        }
    }
}
