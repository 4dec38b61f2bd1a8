//! Safetensors files: the parameters and running statistics of a net, and what they belong to.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};
use serde_json::{Map, Value};

use crate::export::ExportError;
use crate::export::model::{Model, Numbers};

/// Readers of safetensors refuse longer headers.
const MOST_HEADER_BYTES: usize = 100_000_000;

/// The header's length stands before it in so many bytes, and is a multiple of their number.
const LENGTH_BYTES: usize = 8;

/// The bytes of a safetensors file with all that a forward pass of `model` reads.
///
/// These are its parameters and running statistics under the engine's names, in f32, without the
/// auxiliary head and without layers that no logits depend on. The metadata holds the id, the
/// architecture, as JSON the class names and the normalization or the vocabulary, and the model's
/// own entries. Equal models make equal bytes.
pub fn safetensors_file(model: &Model<'_>) -> Result<Vec<u8>, ExportError> {
    let facts = model.facts()?;
    let numbers = model.numbers()?;
    let bytes: Vec<Vec<u8>> = numbers.values().map(bytes).collect();
    let views = numbers.iter().zip(&bytes).map(|((name, numbers), bytes)| {
        let view = TensorView::new(Dtype::F32, numbers.dims.clone(), bytes);
        (name, view.expect("a tensor has as many numbers as its sides say"))
    });
    let file = serialize(views, None).expect("every tensor has a name of its own");
    with_metadata(&file, facts)
}

fn bytes(numbers: &Numbers) -> Vec<u8> {
    numbers.values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The file with `metadata` in its header; the crate itself would write it in an order that
/// changes from run to run.
fn with_metadata(file: &[u8], metadata: BTreeMap<String, String>) -> Result<Vec<u8>, ExportError> {
    let (length, rest) = file.split_at(LENGTH_BYTES);
    let length = u64::from_le_bytes(length.try_into().expect("it was split there"));
    let (header, tensors) = rest.split_at(length as usize);
    let mut header: Map<String, Value> =
        serde_json::from_slice(header).expect("the header was written as JSON");
    let metadata = metadata.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    header.insert("__metadata__".to_owned(), Value::Object(metadata));
    let mut header = serde_json::to_vec(&header).expect("texts and numbers are always written");
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    if MOST_HEADER_BYTES < header.len() {
        let (what, bytes) = ("header", header.len());
        return Err(ExportError::Size { what, bytes, most: MOST_HEADER_BYTES });
    }
    let length = (header.len() as u64).to_le_bytes();
    Ok([&length, header.as_slice(), tensors].concat())
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use safetensors::SafeTensors;

    use super::*;
    use crate::engine::from_safetensors;
    use crate::export::sample::{CELLS, Sample};
    use crate::net::Norm;

    #[test]
    fn a_file_holds_exactly_what_a_forward_pass_reads() {
        let samples = [Norm::Running, Norm::Batch]
            .into_iter()
            .flat_map(|norm| [Sample::of(CELLS, norm), Sample::of_words(norm)]);
        for sample in samples {
            let file = safetensors_file(&sample.model()).unwrap();
            let found = from_safetensors(&file, DType::F32).unwrap();
            assert!(found.keys().eq(&sample.read()), "{:?}", found.keys());
            for (name, tensor) in &found {
                let own = sample.weights.get(name).or_else(|| sample.running.get(name)).unwrap();
                let numbers = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>();
                assert_eq!(numbers(tensor).unwrap(), numbers(own).unwrap(), "{name}");
                assert_eq!(tensor.dims(), own.dims(), "{name}");
            }
        }
    }

    #[test]
    fn the_metadata_is_all_facts_in_one_order() {
        let sample = Sample::of(CELLS, Norm::Running);
        let file = safetensors_file(&sample.model()).unwrap();
        for _ in 0..8 {
            assert_eq!(safetensors_file(&sample.model()).unwrap(), file);
        }
        let (length, header) = SafeTensors::read_metadata(&file).unwrap();
        assert_eq!(length % LENGTH_BYTES, 0);
        let found = header.metadata().clone().unwrap();
        assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), sample.model().facts().unwrap());
    }
}
