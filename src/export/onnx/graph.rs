//! An ONNX graph under way: nodes in the order in which they run, and constants.

use crate::export::onnx::proto::{
    AttributeProto, DimensionProto, FLOAT, FLOAT_ATTRIBUTE, GRAPH_ATTRIBUTE, GraphProto,
    INT_ATTRIBUTE, INT64, INTS_ATTRIBUTE, NodeProto, SideProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
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
        let [output] = self.several(op, inputs, [output], attributes);
        output
    }

    /// The same where it writes several outputs; it is called as the first of them.
    pub(super) fn several<T: AsRef<[String]>>(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: T,
        attributes: Vec<AttributeProto>,
    ) -> T {
        let names = outputs.as_ref();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: names.to_vec(),
            name: names[0].clone(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
        outputs
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

/// An attribute with a graph.
pub(super) fn subgraph(name: &str, graph: GraphProto) -> AttributeProto {
    let name = name.to_owned();
    AttributeProto { name, g: Some(graph), r#type: GRAPH_ATTRIBUTE, ..Default::default() }
}

/// A side of so many cells.
pub(super) fn side(cells: usize) -> SideProto {
    SideProto::Value(ints(&[cells])[0])
}

/// A side of any length.
pub(super) fn any(name: &str) -> SideProto {
    SideProto::Param(name.to_owned())
}

/// An input or an output of a graph: a tensor.
pub(super) fn value<const N: usize>(
    name: &str,
    elem_type: i32,
    sides: [SideProto; N],
    doc: &str,
) -> ValueInfoProto {
    let dim = sides.map(|side| DimensionProto { value: Some(side) }).to_vec();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
        doc_string: doc.to_owned(),
    }
}
