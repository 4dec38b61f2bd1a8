//! ONNX files: a net with its weights, for any program that runs ONNX; a net of images comes with
//! its normalization.
//!
//! The operators are those of opset 17, in files of IR version 8, both of ONNX 1.12 (2022): the
//! newest ones in which the mean over axes still names them in an attribute, so that everything
//! here is written alike for runtimes of any later day, and old enough for all in use.

mod functions;
mod graph;
mod images;
mod layers;
mod proto;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use prost::Message;

use crate::export::ExportError;
use crate::export::model::{Model, Reads};
use crate::export::onnx::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::export::word_net::WordNet;

const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// Readers of protocol buffers count bytes in signed 32 bits.
const MOST_BYTES: usize = i32::MAX as usize;

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
/// Of a net of images, the input `images` is `(N, channels, rows, columns)` of `pixels` from 0 to
/// 255, for any N, and the outputs are `logits` and `probabilities`, `(N, classes)`. A net that
/// normalizes by the statistics of a batch does so by those of the N images.
///
/// Of a net of words, which has no `pixels`, the inputs are `ids`, `(steps, rows)` of i64, for any
/// number of either from 1 on, and `state`, `(rows, H)`, of a tree cell `(rows, 2H)`; the outputs are
/// `log_probabilities`, `(steps, rows, words)`, and `next_state`, as large as `state`.
///
/// Equal models make equal bytes.
pub fn onnx_file(model: &Model<'_>, pixels: PixelType) -> Result<Vec<u8>, ExportError> {
    let facts = model.facts()?;
    let numbers = model.numbers()?;
    let (doc, graph) = match model.reads {
        Reads::Images { mean, std, .. } => {
            (images::doc(model.net.norm), images::graph(model, &numbers, [mean, std], pixels))
        }
        Reads::Words { .. } => {
            let net = WordNet::of(model.net)?;
            (words::DOC.to_owned(), words::graph(&net, &numbers, model.id))
        }
    };
    let entry = |(key, value)| StringStringEntryProto { key, value };
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "enasd".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: doc,
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
