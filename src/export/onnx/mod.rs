//! ONNX files: a net with its weights and its normalization, for any program that runs ONNX.
//!
//! ```text
//! images (N, c, h, w), 0 to 255 ─ cast ─ / 255 ─ − mean ─ / std ─ layers ─ logits (N, classes)
//!                                                                  softmax ─ probabilities
//! ```
//!
//! The operators are those of opset 17, in files of IR version 8, both of ONNX 1.12 (2022): the
//! newest ones in which the mean over axes still names them in an attribute, so that everything
//! here is written alike for runtimes of any later day, and old enough for all in use.

mod graph;
mod layers;
mod proto;
#[cfg(test)]
mod tests;

use prost::Message;

use crate::export::ExportError;
use crate::export::model::Model;
use crate::export::onnx::graph::{Graph, int, ints};
use crate::export::onnx::layers::Layers;
use crate::export::onnx::proto::{
    DimensionProto, FLOAT, GraphProto, ModelProto, OperatorSetIdProto, SideProto,
    StringStringEntryProto, TensorShapeProto, TensorTypeProto, TypeProto, UINT8, ValueInfoProto,
};
use crate::net::Norm;

const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// Readers of protocol buffers count bytes in signed 32 bits.
const MOST_BYTES: usize = i32::MAX as usize;

/// The names of the graph's input and outputs.
const IMAGES: &str = "images";
const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";

/// What the pixels of a graph's input are; their range is 0 to 255 in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelType {
    /// Bytes, as image files have them.
    U8,
    /// f32.
    F32,
}

/// The bytes of an ONNX file with `model`.
///
/// Its input `images` is `(N, channels, rows, columns)` of `pixels` from 0 to 255, for any N, and
/// its outputs are `logits` and `probabilities`, `(N, classes)`. A net that normalizes by the
/// statistics of a batch does so by those of the N images. Equal models make equal bytes.
pub fn onnx_file(model: &Model<'_>, pixels: PixelType) -> Result<Vec<u8>, ExportError> {
    let facts = model.facts()?;
    let graph = graph(model, pixels)?;
    let entry = |(key, value)| StringStringEntryProto { key, value };
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "enasd".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: doc(model.net.norm),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { version: OPSET }],
        metadata_props: facts.into_iter().map(entry).collect(),
    };
    let bytes = file.encoded_len();
    if MOST_BYTES < bytes {
        return Err(ExportError::Size { what: "ONNX", bytes, most: MOST_BYTES });
    }
    Ok(file.encode_to_vec())
}

/// What whoever opens the file is to know.
fn doc(norm: Norm) -> String {
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

fn graph(model: &Model<'_>, pixels: PixelType) -> Result<GraphProto, ExportError> {
    let numbers = model.numbers()?;
    let mut graph = Graph::default();
    let mut values = vec![normalized(&mut graph, model, pixels)];
    values.resize(model.net.layers.len() + 1, String::new());
    let mut layers = Layers { graph, numbers: &numbers, norm: model.net.norm };
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
    let classes = [model.classes()];
    Ok(GraphProto {
        node: graph.nodes,
        name: model.id.to_owned(),
        initializer: graph.constants,
        input: vec![value(
            IMAGES,
            input,
            &[image.channels, image.height, image.width],
            "Pixels from 0 to 255, by image, channel, row and column.",
        )],
        output: vec![
            value(LOGITS, FLOAT, &classes, "One row an image, in the order of the class names."),
            value(PROBABILITIES, FLOAT, &classes, "The softmax of the logits."),
        ],
    })
}

/// `(pixel / 255 − mean) / std` for each channel.
fn normalized(graph: &mut Graph, model: &Model<'_>, pixels: PixelType) -> String {
    let mut xs = IMAGES.to_owned();
    if pixels == PixelType::U8 {
        let to = int("to", i64::from(FLOAT));
        xs = graph.op("Cast", &[&xs], format!("{IMAGES}/float"), vec![to]);
    }
    let channels = [model.mean.len(), 1, 1];
    let largest = graph.floats(format!("{IMAGES}/largest"), &[], &[255.0]);
    let mean = graph.floats(format!("{IMAGES}/mean"), &channels, model.mean);
    let std = graph.floats(format!("{IMAGES}/std"), &channels, model.std);
    let xs = graph.plain("Div", &[&xs, &largest], format!("{IMAGES}/scaled"));
    let xs = graph.plain("Sub", &[&xs, &mean], format!("{IMAGES}/centered"));
    graph.plain("Div", &[&xs, &std], format!("{IMAGES}/normalized"))
}

/// An input or an output: a batch of any size, of items with the given sides.
fn value(name: &str, elem_type: i32, sides: &[usize], doc: &str) -> ValueInfoProto {
    let batch = SideProto::Param("N".to_owned());
    let sides = [batch].into_iter().chain(ints(sides).into_iter().map(SideProto::Value));
    let dim = sides.map(|side| DimensionProto { value: Some(side) }).collect();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
        doc_string: doc.to_owned(),
    }
}
