//! An architecture in Graphviz' DOT language: `dot -Tpdf cell.dot -o cell.pdf`.

use crate::export::graph::{Graph, color};
use crate::space::{Arch, CellKind};

/// Draws both cells of `arch` as clusters of one DOT graph.
pub fn draw_dot(arch: &Arch) -> String {
    let cells = CellKind::ALL.map(|kind| cluster(kind, &Graph::new(&arch.cell(kind))));
    format!(
        "digraph {} {{\n\
         \x20 rankdir=LR;\n\
         \x20 node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n\
         \x20 edge [fontname=\"sans-serif\", fontsize=10];\n\
         {}}}\n",
        quote(&arch.id()),
        cells.concat(),
    )
}

fn cluster(kind: CellKind, graph: &Graph) -> String {
    let mut lines = vec![
        format!("  subgraph cluster_{kind} {{"),
        format!("    label={};", quote(&format!("{kind} cell"))),
    ];
    for vertex in 0..graph.depths.len() {
        let shape = match vertex {
            _ if vertex == graph.output() => ", fillcolor=\"#e9ecef\", xlabel=\"concat\"",
            0 | 1 => ", fillcolor=\"#e9ecef\"",
            _ => "",
        };
        lines.push(format!("    {kind}_{vertex} [label={}{shape}];", quote(&graph.label(vertex))));
    }
    for link in &graph.links {
        let looks = link.op.map_or_else(
            || "style=dashed, color=\"#8b929a\"".to_owned(),
            |op| {
                let (name, color) = (quote(op.short_name()), color(op));
                format!("label={name}, color=\"{color}\", fontcolor=\"{color}\"")
            },
        );
        lines.push(format!("    {kind}_{} -> {kind}_{} [{looks}];", link.from, link.to));
    }
    lines.push("  }\n".to_owned());
    lines.join("\n")
}

/// `text` as a quoted DOT id.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::graph::tests::{SMALL, arch};
    use crate::space::{Edge, Node};
    use proptest::prelude::*;

    #[test]
    fn the_smallest_cells_are_two_clusters() {
        insta::assert_snapshot!(draw_dot(&SMALL.parse().unwrap()), @r##"
        digraph "m2-0xwwz5" {
          rankdir=LR;
          node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=10];
          subgraph cluster_normal {
            label="normal cell";
            normal_0 [label="h[k-2]", fillcolor="#e9ecef"];
            normal_1 [label="h[k-1]", fillcolor="#e9ecef"];
            normal_2 [label="2"];
            normal_3 [label="3"];
            normal_4 [label="h[k]", fillcolor="#e9ecef", xlabel="concat"];
            normal_0 -> normal_2 [label="sep 3×3", color="#0067a5", fontcolor="#0067a5"];
            normal_1 -> normal_2 [label="sep 5×5", color="#c04a00", fontcolor="#c04a00"];
            normal_0 -> normal_3 [label="avg 3×3", color="#00805c", fontcolor="#00805c"];
            normal_2 -> normal_3 [label="max 3×3", color="#a8477f", fontcolor="#a8477f"];
            normal_3 -> normal_4 [style=dashed, color="#8b929a"];
          }
          subgraph cluster_reduction {
            label="reduction cell";
            reduction_0 [label="h[k-2]", fillcolor="#e9ecef"];
            reduction_1 [label="h[k-1]", fillcolor="#e9ecef"];
            reduction_2 [label="2"];
            reduction_3 [label="3"];
            reduction_4 [label="h[k]", fillcolor="#e9ecef", xlabel="concat"];
            reduction_1 -> reduction_2 [label="identity", color="#4a4f57", fontcolor="#4a4f57"];
            reduction_1 -> reduction_2 [label="sep 3×3", color="#0067a5", fontcolor="#0067a5"];
            reduction_1 -> reduction_3 [label="sep 5×5", color="#c04a00", fontcolor="#c04a00"];
            reduction_2 -> reduction_3 [label="avg 3×3", color="#00805c", fontcolor="#00805c"];
            reduction_0 -> reduction_4 [style=dashed, color="#8b929a"];
            reduction_3 -> reduction_4 [style=dashed, color="#8b929a"];
          }
        }
        "##);
    }

    proptest! {
        #[test]
        fn every_edge_is_written_with_its_operation(arch in arch()) {
            let drawing = draw_dot(&arch);
            let mut n_arrows = 0;
            for kind in CellKind::ALL {
                let cell = arch.cell(kind);
                for (node, Node(edges)) in cell.numbered_nodes() {
                    for Edge { input, op } in edges {
                        let name = op.short_name();
                        let line = format!("{kind}_{input} -> {kind}_{node} [label=\"{name}\"");
                        prop_assert!(drawing.contains(&line), "{}", line);
                    }
                }
                n_arrows += 2 * cell.nodes().len() + cell.loose_ends().len();
            }
            prop_assert_eq!(drawing.matches(" -> ").count(), n_arrows);
        }
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quote(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
