//! A net as drawings see it.
//!
//! ```text
//! vertices  0             the image
//!           1 … L         the layers; layer i is vertex i + 1
//!           L+1           the head
//! ```

use crate::space::nas_cnn::{CnnLayer, FILTERS, NasCnn};
use crate::space::{Choice, Link, Sketch, Vertex, VertexRole};

/// The numbers of filters, short enough for a label.
const SHORT_NAMES: [&str; 4] = ["24 filters", "36 filters", "48 filters", "64 filters"];

pub(super) fn sketch(layers: &[CnnLayer]) -> Sketch {
    let mut vertices = vec![Vertex::new("image", "image", VertexRole::Input)];
    let mut links = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        let (sides, reads) = (sides(layer), reads(layer));
        let names: Vec<String> = layer.inputs.iter().map(usize::to_string).collect();
        let mut caption = vec![format!("{sides}, {} filters", layer.filters), "of".to_owned()];
        caption.extend(if names.is_empty() { vec!["image".to_owned()] } else { names });
        let place = FILTERS.values.iter().position(|filters| *filters == layer.filters);
        let name = number.to_string();
        vertices.push(Vertex {
            op: place.map(|place| place as Choice),
            join: if reads.len() == 1 { "" } else { "concat" },
            caption,
            ..Vertex::new(&name, &format!("{name}  {sides}"), VertexRole::Node)
        });
        links.extend(reads.into_iter().map(|from| Link { from, to: number + 1, op: None }));
    }
    let (head, ends) = (vertices.len(), NasCnn::unread(layers));
    let join = if ends.len() == 1 { "" } else { "concat" };
    vertices.push(Vertex { join, ..Vertex::new("out", "head", VertexRole::Output) });
    links.extend(ends.into_iter().map(|end| Link { from: end + 1, to: head, op: None }));
    Sketch { title: format!("net of {} layers", layers.len()), ops: &SHORT_NAMES, vertices, links }
}

/// Rows and columns of the filters of a layer, and its strides where they are not 1.
fn sides(layer: &CnnLayer) -> String {
    let CnnLayer { kernel: [height, width], stride, .. } = layer;
    match stride {
        [1, 1] => format!("{height}×{width}"),
        [rows, columns] => format!("{height}×{width}/{rows}×{columns}"),
    }
}

/// The vertices that a layer reads.
fn reads(layer: &CnnLayer) -> Vec<usize> {
    match layer.inputs.as_slice() {
        [] => vec![0],
        inputs => inputs.iter().map(|input| input + 1).collect(),
    }
}
