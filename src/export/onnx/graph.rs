//! An ONNX graph under way: nodes in the order in which they run, and constants.

use crate::export::onnx::proto::{
    AttributeProto, FLOAT, FLOAT_ATTRIBUTE, INT_ATTRIBUTE, INT64, INTS_ATTRIBUTE, NodeProto,
    TensorProto,
};

/// A graph under way.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<NodeProto>,
    pub(super) constants: Vec<TensorProto>,
}

impl Graph {
    /// Appends an operator that writes `output`, and returns that name.
    ///
    /// Invariant of the whole graph: no two operators or constants have one name.
    pub(super) fn op(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: String,
        attributes: Vec<AttributeProto>,
    ) -> String {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
        output
    }

    /// The same without attributes.
    pub(super) fn plain(&mut self, op: &str, inputs: &[&str], output: String) -> String {
        self.op(op, inputs, output, Vec::new())
    }

    /// A constant of f32; returns its name.
    pub(super) fn floats(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(TensorProto { dims: ints(dims), data_type: FLOAT, name, raw_data })
    }

    /// A constant row of i64; returns its name.
    pub(super) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let (dims, name) = (ints(&[values.len()]), name.to_owned());
        self.constant(TensorProto { dims, data_type: INT64, name, raw_data })
    }

    /// A constant that other layers have too is one.
    fn constant(&mut self, constant: TensorProto) -> String {
        let name = constant.name.clone();
        if !self.constants.contains(&constant) {
            self.constants.push(constant);
        }
        name
    }
}

/// Counts as ONNX has them.
pub(super) fn ints(counts: &[usize]) -> Vec<i64> {
    let int = |&count: &usize| i64::try_from(count).expect("nothing in memory has 2^63 cells");
    counts.iter().map(int).collect()
}

/// An attribute with one integer.
pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, r#type: INT_ATTRIBUTE, ..Default::default() }
}

/// An attribute with a list of integers.
pub(super) fn list(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints, r#type: INTS_ATTRIBUTE, ..Default::default() }
}

/// An attribute with one real number.
pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f, r#type: FLOAT_ATTRIBUTE, ..Default::default() }
}
