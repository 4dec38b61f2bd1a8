//! An architecture in Graphviz' DOT language: `dot -Tpdf cell.dot -o cell.pdf`.

use crate::export::color::color;
use crate::space::{Arch, Sketch, Vertex, VertexRole};

/// Draws each part of `arch` as a cluster of one DOT graph.
pub fn draw_dot(arch: &Arch) -> String {
    let space = arch.space();
    let parts = space.rules().parts().iter().zip(arch.sketch());
    let clusters: Vec<String> = parts.map(|(part, sketch)| cluster(part, &sketch)).collect();
    format!(
        "digraph {} {{\n\
         \x20 rankdir=LR;\n\
         \x20 node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n\
         \x20 edge [fontname=\"sans-serif\", fontsize=10];\n\
         {}}}\n",
        quote(&arch.id()),
        clusters.concat(),
    )
}

fn cluster(part: &str, sketch: &Sketch) -> String {
    let mut lines = vec![
        format!("  subgraph cluster_{part} {{"),
        format!("    label={};", quote(&sketch.title)),
    ];
    for (idx, vertex) in sketch.vertices.iter().enumerate() {
        lines.push(format!("    {part}_{idx} [{}];", looks_of_vertex(sketch, vertex)));
    }
    for link in &sketch.links {
        let looks = match link.op {
            Some(op) => {
                let (name, color) = (quote(sketch.ops[op as usize]), color(op));
                format!("label={name}, color=\"{color}\", fontcolor=\"{color}\"")
            }
            None if sketch.is_layered() && link.from + 1 == link.to => "weight=9".to_owned(),
            None => "style=dashed, color=\"#8b929a\"".to_owned(),
        };
        lines.push(format!("    {part}_{} -> {part}_{} [{looks}];", link.from, link.to));
    }
    lines.push("  }\n".to_owned());
    lines.join("\n")
}

fn looks_of_vertex(sketch: &Sketch, vertex: &Vertex) -> String {
    let filled = if vertex.role == VertexRole::Node { "" } else { ", fillcolor=\"#e9ecef\"" };
    let note = match vertex.role {
        VertexRole::Output if !vertex.join.is_empty() => format!(", xlabel={}", quote(vertex.join)),
        _ if vertex.note.is_empty() => String::new(),
        _ => format!(", xlabel={}", quote(vertex.note)),
    };
    match vertex.op {
        Some(op) => {
            let label = quote(&format!("{}: {}", vertex.label, sketch.ops[op as usize]));
            let color = color(op);
            format!("label={label}, color=\"{color}\", fontcolor=\"{color}\"{filled}{note}")
        }
        None => format!("label={}{filled}{note}", quote(&vertex.label)),
    }
}

/// `text` as a quoted DOT id.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::color::tests::{LAYERS, SMALL, arch};
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

    #[test]
    fn a_net_is_a_chain_of_layers_and_its_skips() {
        insta::assert_snapshot!(draw_dot(&LAYERS.parse().unwrap()), @r##"
        digraph "w6-01hnx4n" {
          rankdir=LR;
          node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=10];
          subgraph cluster_layers {
            label="net of 6 layers";
            layers_0 [label="stem", fillcolor="#e9ecef"];
            layers_1 [label="0: conv 3×3", color="#0067a5", fontcolor="#0067a5"];
            layers_2 [label="1: sep 3×3", color="#c04a00", fontcolor="#c04a00", xlabel="halves all"];
            layers_3 [label="2: conv 5×5", color="#00805c", fontcolor="#00805c"];
            layers_4 [label="3: max 3×3", color="#6f5d00", fontcolor="#6f5d00", xlabel="halves all"];
            layers_5 [label="4: sep 5×5", color="#a8477f", fontcolor="#a8477f"];
            layers_6 [label="5: avg 3×3", color="#4a4f57", fontcolor="#4a4f57"];
            layers_7 [label="head", fillcolor="#e9ecef"];
            layers_0 -> layers_1 [weight=9];
            layers_1 -> layers_2 [weight=9];
            layers_0 -> layers_3 [style=dashed, color="#8b929a"];
            layers_2 -> layers_3 [weight=9];
            layers_1 -> layers_4 [style=dashed, color="#8b929a"];
            layers_3 -> layers_4 [weight=9];
            layers_4 -> layers_5 [weight=9];
            layers_0 -> layers_6 [style=dashed, color="#8b929a"];
            layers_2 -> layers_6 [style=dashed, color="#8b929a"];
            layers_4 -> layers_6 [style=dashed, color="#8b929a"];
            layers_5 -> layers_6 [weight=9];
            layers_6 -> layers_7 [weight=9];
          }
        }
        "##);
    }

    proptest! {
        #[test]
        fn every_link_and_every_operation_is_written(arch in arch()) {
            let drawing = draw_dot(&arch);
            let (mut n_links, space) = (0, arch.space());
            for (part, sketch) in space.rules().parts().iter().zip(arch.sketch()) {
                for link in &sketch.links {
                    let arrow = format!("{part}_{} -> {part}_{} [", link.from, link.to);
                    let name = link.op.map_or("", |op| sketch.ops[op as usize]);
                    let is_written = drawing
                        .lines()
                        .any(|line| line.contains(&arrow) && line.contains(name));
                    prop_assert!(is_written, "{} {}", arrow, name);
                }
                n_links += sketch.links.len();
            }
            prop_assert_eq!(drawing.matches(" -> ").count(), n_links);
        }
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quote(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
