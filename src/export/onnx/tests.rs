//! What an ONNX file is made of; `tests/export/check.py` looks at what it computes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::export::onnx::graph::ints;
use crate::export::onnx::proto::{
    AttributeProto, FLOAT, GraphProto, INT64, NodeProto, SideProto, TensorProto, UINT8,
    ValueInfoProto,
};
use crate::export::sample::{CELLS, Sample};
use crate::net::Norm;

fn written(sample: &Sample, pixels: PixelType) -> ModelProto {
    let bytes = onnx_file(&sample.model(), pixels).unwrap();
    ModelProto::decode(bytes.as_slice()).unwrap()
}

fn graph(sample: &Sample) -> GraphProto {
    written(sample, PixelType::U8).graph.unwrap()
}

fn values(tensor: &TensorProto) -> Vec<f32> {
    let bytes = tensor.raw_data.as_chunks().0.iter();
    bytes.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Samples of both kinds in both forms, and a tree.
fn samples() -> [Sample; 5] {
    let [images, words] = [[Norm::Running, Norm::Batch]; 2];
    let [one, two] = images.map(|norm| Sample::of(CELLS, norm));
    let [three, four] = words.map(Sample::of_words);
    [one, two, three, four, Sample::of_tree()]
}

#[test]
fn every_number_that_a_forward_pass_reads_is_in_a_constant_and_no_other() {
    for sample in samples() {
        let graph = graph(&sample);
        let floats = graph.initializer.iter().filter(|tensor| tensor.data_type == FLOAT);
        let own = floats.filter(|t| !t.name.starts_with("images/") && t.name != "epsilon");
        let constants: BTreeMap<&str, Vec<f32>> =
            own.map(|tensor| (tensor.name.as_str(), values(tensor))).collect();
        let mut n_values = 0;
        for name in sample.read() {
            let own = sample.weights.get(&name).or_else(|| sample.running.get(&name)).unwrap();
            let numbers: Vec<f32> = own.flatten_all().unwrap().to_vec1().unwrap();
            n_values += numbers.len();
            let found = constants.get(name.as_str()).cloned();
            let found = found.unwrap_or_else(|| rows(&sample, &constants, &name, own.dims()[1]));
            assert_eq!(found, numbers, "{name}");
        }
        assert_eq!(constants.values().map(Vec::len).sum::<usize>(), n_values);
    }
}

/// The rows `name` of `width` numbers each, from the constant that their gather has for all.
fn rows(
    sample: &Sample,
    constants: &BTreeMap<&str, Vec<f32>>,
    name: &str,
    width: usize,
) -> Vec<f32> {
    let is_own = |row: &String| name == format!("{row}.weight");
    let layer = sample.net.layers.iter().find(|layer| layer.rows.iter().any(is_own)).unwrap();
    let place = layer.rows.iter().position(is_own).unwrap();
    let whole = constants[format!("{}.weight", layer.path).as_str()].chunks_exact(width);
    whole.skip(place).step_by(layer.rows.len()).flatten().copied().collect()
}

#[test]
fn a_net_that_normalizes_by_the_batch_says_so() {
    for (norm, is_told) in [(Norm::Running, false), (Norm::Batch, true)] {
        let file = written(&Sample::of(CELLS, norm), PixelType::U8);
        assert_eq!(file.doc_string.contains("give it many at once"), is_told, "{norm:?}");
    }
}

#[test]
fn every_value_is_written_once_and_before_it_is_read() {
    for sample in samples() {
        let mut known = BTreeSet::new();
        check_graph(&graph(&sample), &mut known);
        assert!(!known.iter().any(|name| name.starts_with("aux.")));
    }
}

/// Puts the names of the graph's values to those that are `known` around it.
fn check_graph(graph: &GraphProto, known: &mut BTreeSet<String>) {
    let constants = graph.initializer.iter().map(|tensor| &tensor.name);
    for name in constants.chain(graph.input.iter().map(|input| &input.name)) {
        assert!(known.insert(name.clone()), "{name}");
    }
    for node in &graph.node {
        assert!(node.input.iter().all(|name| known.contains(name)), "{node:?}");
        for body in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            check_graph(body, known);
        }
        assert!(node.output.iter().all(|name| known.insert(name.clone())), "{node:?}");
    }
    assert!(graph.output.iter().all(|output| known.contains(&output.name)));
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> &'a AttributeProto {
    node.attribute.iter().find(|attribute| attribute.name == name).unwrap()
}

#[test]
fn windows_are_padded_as_the_net_has_them() {
    let sample = Sample::of(CELLS, Norm::Running);
    let graph = graph(&sample);
    let mut n_uneven = 0;
    for layer in sample.net.layers.iter().filter(|layer| !layer.aux) {
        let Some(window) = layer.window() else { continue };
        let names = ["conv", "depthwise"].map(|name| format!("{}/{name}", layer.path));
        let node = graph.node.iter().find(|node| {
            node.name == layer.path && node.op_type.ends_with("Pool") || names.contains(&node.name)
        });
        let node = node.unwrap();
        let input = layer.input_shapes[0];
        let pads = [window.pads_before(input), window.pads_after(input)].concat();
        n_uneven += usize::from(pads[..2] != pads[2..]);
        assert_eq!(attribute(node, "pads").ints, ints(&pads), "{node:?}");
        assert_eq!(attribute(node, "strides").ints, ints(&[window.rows.stride; 2]), "{node:?}");
    }
    assert!(0 < n_uneven, "no window of this net shows on which side the rest is");
}

#[test]
fn a_file_says_what_it_reads_and_writes() {
    let sample = Sample::of(CELLS, Norm::Running);
    for (pixels, elem_type, casts) in [(PixelType::U8, UINT8, 1), (PixelType::F32, FLOAT, 0)] {
        let file = written(&sample, pixels);
        assert_eq!((file.ir_version, file.opset_import[0].version), (8, 17));
        let facts = file.metadata_props.iter().map(|prop| (prop.key.clone(), prop.value.clone()));
        assert_eq!(facts.collect::<BTreeMap<_, _>>(), sample.model().facts().unwrap());
        let graph = file.graph.unwrap();
        let found = graph.node.iter().filter(|node| node.op_type == "Cast").count();
        assert_eq!(found, casts);
        let dims = |sides: &[i64]| -> Vec<SideProto> {
            let batch = SideProto::Param("N".to_owned());
            [batch].into_iter().chain(sides.iter().copied().map(SideProto::Value)).collect()
        };
        assert_eq!(
            types(graph.input.iter().chain(&graph.output)),
            [
                ("images", elem_type, dims(&[2, 9, 8])),
                ("logits", FLOAT, dims(&[3])),
                ("probabilities", FLOAT, dims(&[3])),
            ]
        );
    }
}

/// The name, the type and the sides of each value.
fn types<'a>(
    values: impl Iterator<Item = &'a ValueInfoProto>,
) -> Vec<(&'a str, i32, Vec<SideProto>)> {
    let value = |value: &'a ValueInfoProto| {
        let tensor = value.r#type.clone().unwrap().tensor_type.unwrap();
        let dims = tensor.shape.unwrap().dim.into_iter().map(|dim| dim.value.unwrap());
        (value.name.as_str(), tensor.elem_type, dims.collect())
    };
    values.map(value).collect()
}

#[test]
fn a_file_of_words_reads_ids_and_a_state_whatever_pixels_are() {
    let sample = Sample::of_words(Norm::Running);
    let [bytes, floats] = [PixelType::U8, PixelType::F32].map(|pixels| written(&sample, pixels));
    assert_eq!(bytes, floats);
    assert!(bytes.doc_string.contains("`vocabulary`"));
    let graph = bytes.graph.unwrap();
    let [steps, rows] = ["steps", "rows"].map(|name| SideProto::Param(name.to_owned()));
    let [hidden, vocabulary] = [3, 4].map(SideProto::Value);
    assert_eq!(
        types(graph.input.iter().chain(&graph.output)),
        [
            ("ids", INT64, vec![steps.clone(), rows.clone()]),
            ("state", FLOAT, vec![rows.clone(), hidden.clone()]),
            ("log_probabilities", FLOAT, vec![steps, rows.clone(), vocabulary]),
            ("next_state", FLOAT, vec![rows, hidden]),
        ]
    );
}

#[test]
fn the_state_of_a_tree_is_two_states() {
    let graph = graph(&Sample::of_tree());
    let state = [SideProto::Param("rows".to_owned()), SideProto::Value(6)];
    for (value, name) in [(&graph.input[1], "state"), (&graph.output[1], "next_state")] {
        assert_eq!(types([value].into_iter()), [(name, FLOAT, state.to_vec())]);
    }
}

#[test]
fn equal_models_make_equal_bytes() {
    let [one, other] = [(); 2].map(|()| Sample::of(CELLS, Norm::Running));
    let bytes = |sample: &Sample| onnx_file(&sample.model(), PixelType::F32).unwrap();
    assert_eq!(bytes(&one), bytes(&other));
}
