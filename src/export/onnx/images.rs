//! A net of images as a graph.
//!
//! ```text
//! images (N, c, h, w), 0 to 255 ─ cast ─ / 255 ─ − mean ─ / std ─ layers ─ logits (N, classes)
//!                                                                  softmax ─ probabilities
//! ```

use std::collections::BTreeMap;

use crate::export::model::{Model, Numbers};
use crate::export::onnx::PixelType;
use crate::export::onnx::graph::{Graph, any, int, side, value};
use crate::export::onnx::layers::Layers;
use crate::export::onnx::proto::{FLOAT, GraphProto, UINT8};
use crate::net::Norm;

/// The names of the graph's input and outputs.
const IMAGES: &str = "images";
const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";

/// What whoever opens the file is to know.
pub(super) fn doc(norm: Norm) -> String {
    let own = "Classifies images. It reads pixels from 0 to 255, which it normalizes by itself; \
               the classes are in the metadata, under `class_names`. Of an image with 16 bits a \
               value, scale the values to pixels first: of the two under `deep` in the metadata, \
               the first becomes 0 and the second 255.";
    match norm {
        Norm::Running => own.to_owned(),
        Norm::Batch => format!(
            "{own} Within, it normalizes by the statistics of the images that are given together: \
             give it many at once, for what it says of an image depends on the others."
        ),
    }
}

/// The graph of `model`, with the `mean` and `std` by which it normalizes pixels.
pub(super) fn graph(
    model: &Model<'_>,
    numbers: &BTreeMap<String, Numbers>,
    [mean, std]: [&[f32]; 2],
    pixels: PixelType,
) -> GraphProto {
    let mut graph = Graph::default();
    let mut values = vec![normalized(&mut graph, [mean, std], pixels)];
    values.resize(model.net.layers.len() + 1, String::new());
    let mut layers = Layers { graph, numbers, norm: model.net.norm };
    for (idx, layer) in model.net.evaluated() {
        let inputs: Vec<&str> = layer.inputs.iter().map(|&id| values[id].as_str()).collect();
        values[idx + 1] = layers.layer(layer, &inputs);
    }
    let mut graph = layers.graph;
    let head = &values[model.net.logits];
    graph.plain("Identity", &[head], LOGITS.to_owned());
    graph.op("Softmax", &[head], PROBABILITIES.to_owned(), vec![int("axis", 1)]);
    let image = model.net.image;
    let input = match pixels {
        PixelType::U8 => UINT8,
        PixelType::F32 => FLOAT,
    };
    let classes = || [any("N"), side(model.classes())];
    GraphProto {
        node: graph.nodes,
        name: model.id.to_owned(),
        initializer: graph.constants,
        input: vec![value(
            IMAGES,
            input,
            [any("N"), side(image.channels), side(image.height), side(image.width)],
            "Pixels from 0 to 255, by image, channel, row and column.",
        )],
        output: vec![
            value(LOGITS, FLOAT, classes(), "One row an image, in the order of the class names."),
            value(PROBABILITIES, FLOAT, classes(), "The softmax of the logits."),
        ],
    }
}

/// `(pixel / 255 − mean) / std` for each channel.
fn normalized(graph: &mut Graph, [mean, std]: [&[f32]; 2], pixels: PixelType) -> String {
    let mut xs = IMAGES.to_owned();
    if pixels == PixelType::U8 {
        let to = int("to", i64::from(FLOAT));
        xs = graph.op("Cast", &[&xs], format!("{IMAGES}/float"), vec![to]);
    }
    let channels = [mean.len(), 1, 1];
    let largest = graph.floats(format!("{IMAGES}/largest"), &[], &[255.0]);
    let mean = graph.floats(format!("{IMAGES}/mean"), &channels, mean);
    let std = graph.floats(format!("{IMAGES}/std"), &channels, std);
    let xs = graph.plain("Div", &[&xs, &largest], format!("{IMAGES}/scaled"));
    let xs = graph.plain("Sub", &[&xs, &mean], format!("{IMAGES}/centered"));
    graph.plain("Div", &[&xs, &std], format!("{IMAGES}/normalized"))
}
