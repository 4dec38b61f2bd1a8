//! Each layer of a net as operators of ONNX: what the engine computes without noise.
//!
//! ONNX pads each end of a side by a number of its own, so TensorFlow's "SAME" padding is spelled
//! out; its average pool counts the cells inside the plane only, its maximum pool reads no padding.

use std::collections::BTreeMap;

use crate::engine::NORM_EPSILON;
use crate::export::model::Numbers;
use crate::export::onnx::graph::{Graph, float, int, ints, list};
use crate::export::onnx::proto::AttributeProto;
use crate::net::{Layer, LayerKind, Norm, Shape, Window};

/// Layers under way, with the numbers that they may read.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    pub(super) graph: Graph,
    pub(super) numbers: &'a BTreeMap<String, Numbers>,
    pub(super) norm: Norm,
}

impl Layers<'_> {
    /// Appends `layer`, which reads the values `inputs`; returns the name of what it writes.
    pub(super) fn layer(&mut self, layer: &Layer, inputs: &[&str]) -> String {
        let path = layer.path.clone();
        match layer.kind {
            LayerKind::Conv { relu, .. } => {
                let xs = if relu { self.relu(layer, inputs[0]) } else { inputs[0].to_owned() };
                let ys = self.dense(layer, &xs);
                self.normalize(layer, &ys)
            }
            LayerKind::SepConv { .. } => {
                let xs = self.relu(layer, inputs[0]);
                let ys = self.separable(layer, &xs);
                self.normalize(layer, &ys)
            }
            LayerKind::FactorizedReduction { relu } => {
                let xs = if relu { self.relu(layer, inputs[0]) } else { inputs[0].to_owned() };
                let ys = self.halves(layer, &xs);
                self.normalize(layer, &ys)
            }
            LayerKind::Gather => {
                let ys = self.gather(layer, inputs);
                self.normalize(layer, &ys)
            }
            LayerKind::AvgPool { .. } => {
                self.graph.op("AveragePool", inputs, path, pool_attributes(layer))
            }
            LayerKind::MaxPool { .. } => {
                self.graph.op("MaxPool", inputs, path, window_attributes(layer))
            }
            LayerKind::AuxPool => {
                let xs = self.relu(layer, inputs[0]);
                self.graph.op("AveragePool", &[&xs], path, pool_attributes(layer))
            }
            LayerKind::Pad { .. } => self.pad(layer, inputs[0]),
            LayerKind::Add => self.graph.plain("Add", inputs, path),
            LayerKind::Concat => self.graph.op("Concat", inputs, path, vec![int("axis", 1)]),
            // Only training drops.
            LayerKind::DropPath { .. } => inputs[0].to_owned(),
            LayerKind::Head { .. } => self.head(layer, inputs[0]),
            LayerKind::Zeros
            | LayerKind::Embed { .. }
            | LayerKind::Recurrent { .. }
            | LayerKind::TiedSoftmax { .. } => {
                unreachable!("no net of images that stands alone has {path}")
            }
        }
    }

    fn relu(&mut self, layer: &Layer, xs: &str) -> String {
        self.graph.plain("Relu", &[xs], format!("{}/relu", layer.path))
    }

    /// The parameter `name` of `layer` as a constant with the sides that an operator wants.
    fn weight(&mut self, layer: &Layer, name: &str, dims: &[usize]) -> String {
        let name = format!("{}.{name}", layer.path);
        let values = &self.numbers[&name].values;
        self.graph.floats(name, dims, values)
    }

    fn dense(&mut self, layer: &Layer, xs: &str) -> String {
        let dims = self.numbers[&format!("{}.weight", layer.path)].dims.clone();
        let weight = self.weight(layer, "weight", &dims);
        let output = format!("{}/conv", layer.path);
        self.graph.op("Conv", &[xs, &weight], output, window_attributes(layer))
    }

    fn separable(&mut self, layer: &Layer, xs: &str) -> String {
        let (c_in, c_out) = (layer.input_shapes[0].channels, layer.output.channels);
        let kernel = layer.window().map_or(1, |window| window.rows.kernel);
        let depthwise = self.weight(layer, "depthwise", &[c_in, 1, kernel, kernel]);
        let mut attributes = window_attributes(layer);
        attributes.extend(ints(&[c_in]).into_iter().map(|groups| int("group", groups)));
        let output = format!("{}/depthwise", layer.path);
        let ys = self.graph.op("Conv", &[xs, &depthwise], output, attributes);
        let pointwise = self.weight(layer, "pointwise", &[c_out, c_in, 1, 1]);
        let output = format!("{}/pointwise", layer.path);
        self.graph.plain("Conv", &[&ys, &pointwise], output)
    }

    /// Both halves of a factorized reduction. It has two channels at least: no net reduces to one.
    fn halves(&mut self, layer: &Layer, xs: &str) -> String {
        let (c_in, c_out) = (layer.input_shapes[0].channels, layer.output.channels);
        let path = &layer.path;
        let strides = vec![list("strides", vec![2, 2])];
        let shifted = self.shifted(layer, xs);
        let halves =
            [("even", c_out / 2, xs, strides), ("odd", c_out - c_out / 2, &shifted, Vec::new())];
        let halves = halves.map(|(name, channels, xs, attributes)| {
            let weight = self.weight(layer, name, &[channels, c_in, 1, 1]);
            self.graph.op("Conv", &[xs, &weight], format!("{path}/{name}"), attributes)
        });
        self.join(&halves, format!("{path}/halves"))
    }

    /// Every second cell, from the second of each side on; zero beyond an odd side.
    fn shifted(&mut self, layer: &Layer, xs: &str) -> String {
        let (path, Shape { height, width, .. }) = (&layer.path, layer.input_shapes[0]);
        let mut whole = xs.to_owned();
        if height % 2 == 1 || width % 2 == 1 {
            let ends = ints(&[0, 0, 0, 0, 0, 0, height % 2, width % 2]);
            let ends = self.graph.integers(&format!("{path}/ends"), &ends);
            whole = self.graph.plain("Pad", &[xs, &ends], format!("{path}/whole"));
        }
        let starts = self.graph.integers("shifted/starts", &[1, 1]);
        let ends = self.graph.integers("shifted/ends", &[i64::MAX, i64::MAX]);
        let axes = self.graph.integers("shifted/axes", &[2, 3]);
        let steps = self.graph.integers("shifted/steps", &[2, 2]);
        let inputs = [&whole, &starts, &ends, &axes, &steps].map(String::as_str);
        self.graph.plain("Slice", &inputs, format!("{path}/shifted"))
    }

    fn pad(&mut self, layer: &Layer, xs: &str) -> String {
        let (path, input, output) = (&layer.path, layer.input_shapes[0], layer.output);
        let [above, left] = layer.pads_before();
        let below = output.height - input.height - above;
        let right = output.width - input.width - left;
        let ends = ints(&[0, 0, above, left, 0, 0, below, right]);
        let ends = self.graph.integers(&format!("{path}/ends"), &ends);
        self.graph.plain("Pad", &[xs, &ends], path.clone())
    }

    /// The inputs' own 1×1 convolutions as one of all inputs.
    fn gather(&mut self, layer: &Layer, inputs: &[&str]) -> String {
        let path = &layer.path;
        let inputs: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
        let xs = self.join(&inputs, format!("{path}/inputs"));
        let xs = self.relu(layer, &xs);
        let (c_in, c_out) = (layer.input_shapes[0].channels, layer.output.channels);
        let rows = layer.rows.iter().map(|row| &self.numbers[&format!("{row}.weight")].values);
        let rows: Vec<&Vec<f32>> = rows.collect();
        // Of each output channel, what it takes of the first input, of the second, and so on.
        let values: Vec<f32> = (0..c_out)
            .flat_map(|channel| rows.iter().map(move |row| &row[channel * c_in..][..c_in]))
            .flatten()
            .copied()
            .collect();
        let dims = [c_out, c_in * rows.len(), 1, 1];
        let weight = self.graph.floats(format!("{path}.weight"), &dims, &values);
        self.graph.plain("Conv", &[&xs, &weight], format!("{path}/conv"))
    }

    /// Joins on channels.
    fn join(&mut self, parts: &[String], output: String) -> String {
        if let [only] = parts {
            return only.clone();
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.op("Concat", &parts, output, vec![int("axis", 1)])
    }

    fn head(&mut self, layer: &Layer, xs: &str) -> String {
        let path = &layer.path;
        let xs = self.relu(layer, xs);
        let means = self.graph.plain("GlobalAveragePool", &[&xs], format!("{path}/mean"));
        let features =
            self.graph.op("Flatten", &[&means], format!("{path}/features"), vec![int("axis", 1)]);
        let dims = [layer.output.channels, layer.input_shapes[0].channels];
        let weight = self.weight(layer, "weight", &dims);
        self.graph.op("Gemm", &[&features, &weight], path.clone(), vec![int("transB", 1)])
    }

    fn normalize(&mut self, layer: &Layer, xs: &str) -> String {
        let path = layer.norm_path().unwrap_or_default();
        match self.norm {
            Norm::Running => self.by_running(&path, xs, layer),
            Norm::Batch => self.by_batch(&path, xs, layer),
        }
    }

    fn by_running(&mut self, path: &str, xs: &str, layer: &Layer) -> String {
        let dims = [layer.output.channels];
        let names = ["scale", "offset"].map(|name| format!("{path}.{name}"));
        let mut inputs = vec![xs.to_owned()];
        for name in names.into_iter().chain(layer.statistics().into_iter().flatten()) {
            let values = &self.numbers[&name].values;
            inputs.push(self.graph.floats(name, &dims, values));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let epsilon = float("epsilon", NORM_EPSILON as f32);
        self.graph.op("BatchNormalization", &inputs, layer.path.clone(), vec![epsilon])
    }

    /// `(x − mean) · scale / √(variance + ε) + offset`, with the moments of the batch at hand.
    fn by_batch(&mut self, path: &str, xs: &str, layer: &Layer) -> String {
        let dims = [layer.output.channels, 1, 1];
        let [scale, offset] = ["scale", "offset"].map(|name| {
            let name = format!("{path}.{name}");
            let values = &self.numbers[&name].values;
            self.graph.floats(name, &dims, values)
        });
        let epsilon = self.graph.floats("epsilon".to_owned(), &[], &[NORM_EPSILON as f32]);
        let graph = &mut self.graph;
        let name = |name: &str| format!("{path}/{name}");
        let mean = moment(graph, xs, name("mean"));
        let centered = graph.plain("Sub", &[xs, &mean], name("centered"));
        let squares = graph.plain("Mul", &[&centered, &centered], name("squares"));
        let variance = moment(graph, &squares, name("variance"));
        let raised = graph.plain("Add", &[&variance, &epsilon], name("raised"));
        let deviation = graph.plain("Sqrt", &[&raised], name("deviation"));
        let factor = graph.plain("Div", &[&scale, &deviation], name("factor"));
        let scaled = graph.plain("Mul", &[&centered, &factor], name("scaled"));
        graph.plain("Add", &[&scaled, &offset], layer.path.clone())
    }
}

/// The mean of each channel over images, rows and columns.
fn moment(graph: &mut Graph, xs: &str, output: String) -> String {
    let axes = vec![list("axes", vec![0, 2, 3]), int("keepdims", 1)];
    graph.op("ReduceMean", &[xs], output, axes)
}

/// How a layer's window slides, where it has one.
fn window_attributes(layer: &Layer) -> Vec<AttributeProto> {
    let Some(window) = layer.window() else { return Vec::new() };
    let Window { rows, columns } = window;
    let input = layer.input_shapes[0];
    let pads = [window.pads_before(input), window.pads_after(input)];
    let mut attributes = vec![
        list("kernel_shape", ints(&[rows.kernel, columns.kernel])),
        list("strides", ints(&[rows.stride, columns.stride])),
        list("pads", ints(pads.as_flattened())),
    ];
    if rows.dilation != 1 {
        attributes.push(list("dilations", ints(&[rows.dilation, columns.dilation])));
    }
    attributes
}

fn pool_attributes(layer: &Layer) -> Vec<AttributeProto> {
    let mut attributes = window_attributes(layer);
    attributes.push(int("count_include_pad", 0));
    attributes
}
