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

use crate::space::{Arch, Cell, CellKind, Edge, N_CELL_INPUTS, Node};

/// Columns from one lane to the next.
const PITCH: usize = 3;

/// Columns between the lanes and the texts.
const GUTTER: usize = 3;

/// The narrowest terminal that the texts fit in, two lines a node.
const MIN_WIDTH: usize = 24;

/// Draws both cells of `arch` in lines of at most `width` columns, or 24 where it is less. Lanes
/// are left out where they do not fit, which takes 66 columns at most.
pub fn draw_text(arch: &Arch, width: usize) -> String {
    let cells = CellKind::ALL.map(|kind| draw_cell_text(arch, kind, width));
    cells.join("\n")
}

/// Draws one cell of `arch`, as [`draw_text`] draws both.
pub fn draw_cell_text(arch: &Arch, kind: CellKind, width: usize) -> String {
    let cell = arch.cell(kind);
    let texts = texts(&cell);
    let lanes = lanes(&cell);
    let lane_width = lanes.iter().map(|lane| columns(lane)).max().unwrap_or(0) + GUTTER;
    let text_width = texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let lines: Vec<String> = if lane_width + text_width <= width {
        lanes.iter().zip(&texts).map(|(lane, text)| pad(lane, lane_width) + text).collect()
    } else if text_width <= width.max(MIN_WIDTH) {
        texts
    } else {
        texts.iter().map(|text| text.replace(" + ", "\n  + ").replace(", 1", "\n1")).collect()
    };
    format!("{kind} cell\n{}\n", lines.join("\n"))
}

/// What stands for each row: the inputs, the nodes, the output.
fn texts(cell: &Cell) -> Vec<String> {
    let ends = cell.loose_ends();
    let edge = |Edge { input, op }: Edge| format!("{}({input})", op.short_name());
    let mut texts = vec!["0 = h[k-2], 1 = h[k-1]".to_owned()];
    texts.extend(cell.numbered_nodes().map(|(node, Node([a, b]))| {
        let mark = if ends.contains(&node) { " → out" } else { "" };
        format!("{node} = {} + {}{mark}", edge(a), edge(b))
    }));
    let ends: Vec<String> = ends.iter().map(ToString::to_string).collect();
    texts.push(format!("out = [{}]", ends.join(" ")));
    texts
}

/// The lanes of each row. A lane begins at its node, ends at its last reader, or goes on to the
/// output where it has none; dots are what a row reads.
fn lanes(cell: &Cell) -> Vec<String> {
    let output = cell.nodes().len() + N_CELL_INPUTS;
    let ends = cell.loose_ends();
    let mut last_reader: Vec<usize> = (0..output).collect();
    for (node, Node(edges)) in cell.numbered_nodes() {
        for edge in edges {
            last_reader[edge.input] = node;
        }
    }
    for &end in &ends {
        last_reader[end] = output;
    }
    let row = |node: usize, reads: &[usize]| {
        let first = reads.iter().copied().min().unwrap_or(node);
        let mut line = String::new();
        for (lane, &last) in last_reader.iter().enumerate().take(node) {
            let (is_live, is_read) = (node <= last, reads.contains(&lane));
            line.push(match lane.cmp(&first) {
                Ordering::Less if is_live => '│',
                Ordering::Less => ' ',
                Ordering::Equal if node == output => '╰',
                Ordering::Greater if is_read && node == output => '┴',
                _ if is_read => '●',
                _ if is_live => '┼',
                _ => '─',
            });
            let fill = if lane < first { ' ' } else { '─' };
            line.extend(std::iter::repeat_n(fill, PITCH - 1));
        }
        line
    };
    let mut rows = vec!["0  1".to_owned()];
    rows.extend(cell.numbered_nodes().map(|(node, Node(edges))| {
        let reads = edges.map(|edge| edge.input);
        format!("{}{node}", row(node, &reads))
    }));
    rows.push(format!("{}▶", row(output, &ends)));
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
    use crate::export::graph::tests::{PUBLISHED, SMALL, arch};
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
        0 = h[k-2]
        1 = h[k-1]
        2 = sep 3×3(0)
          + sep 5×5(1)
        3 = avg 3×3(0)
          + max 3×3(2) → out
        out = [3]

        reduction cell
        0 = h[k-2]
        1 = h[k-1]
        2 = identity(1)
          + sep 3×3(1)
        3 = sep 5×5(1)
          + avg 3×3(2) → out
        out = [0 3]
        ");
    }

    proptest! {
        #[test]
        fn every_edge_is_told_within_the_width(arch in arch(), width in 0_usize..100) {
            let drawing = draw_text(&arch, width);
            for line in drawing.lines() {
                prop_assert!(columns(line) <= width.max(MIN_WIDTH), "{}", line);
            }
            let joined = drawing.replace("\n  + ", " + ");
            for kind in CellKind::ALL {
                for (node, Node([a, b])) in arch.cell(kind).numbered_nodes() {
                    let (p, q) = (a.op.short_name(), b.op.short_name());
                    let text = format!("{node} = {p}({}) + {q}({})", a.input, b.input);
                    prop_assert!(joined.contains(&text), "{}", text);
                }
            }
        }

        #[test]
        fn every_architecture_fits_eighty_columns_with_its_lanes(arch in arch()) {
            let drawing = draw_text(&arch, 66);
            prop_assert_eq!(drawing.matches('╰').count(), 2);
            let dots: usize = CellKind::ALL
                .into_iter()
                .flat_map(|kind| arch.cell(kind).nodes().to_vec())
                .map(|Node([a, b])| if a.input == b.input { 1 } else { 2 })
                .sum();
            prop_assert_eq!(drawing.matches('●').count(), dots);
        }
    }
}
