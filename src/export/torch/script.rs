//! The lines of a Python module that are a net's own: its layers, and how those of a net of images
//! are run.

use std::collections::BTreeSet;

use crate::export::model::{Model, json};
use crate::net::{Layer, LayerKind, Window};

/// The lines of a module's `__init__` and `forward`.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) init: Vec<String>,
    pub(super) forward: Vec<String>,
    /// The variable with the logits.
    pub(super) logits: String,
    /// The paths under which a module stands.
    modules: BTreeSet<String>,
}

impl Script {
    /// The lines for the net of images of `model`; `forward` begins with its normalized images as `image`.
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut script = Self::default();
        let mut values = vec!["image".to_owned()];
        values.resize(model.net.layers.len() + 1, String::new());
        let mut section = String::new();
        for (idx, layer) in model.net.evaluated() {
            let inputs: Vec<&str> = layer.inputs.iter().map(|&id| values[id].as_str()).collect();
            let first = layer.path.split('.').next().unwrap_or_default();
            if first != section {
                first.clone_into(&mut section);
                let heading = [String::new(), format!("        # {section}")];
                script.init.extend(heading.clone());
                script.forward.extend(heading);
            }
            values[idx + 1] = script.layer(layer, &inputs);
        }
        script.logits.clone_from(&values[model.net.logits]);
        script
    }

    /// Appends `layer`, which reads the variables `inputs`; returns the one that it writes.
    fn layer(&mut self, layer: &Layer, inputs: &[&str]) -> String {
        let (c_in, c_out) = (layer.input_shapes[0].channels, layer.output.channels);
        let [path, xs] = [layer.path.as_str(), inputs[0]];
        let made = match layer.kind {
            // Only training drops.
            LayerKind::DropPath { .. } => return xs.to_owned(),
            LayerKind::Conv { window, relu } => {
                let class = conv([c_in, c_out], window, relu);
                format!("{}({xs})", self.module(path, &class))
            }
            LayerKind::SepConv { kernel, stride } => {
                let class = format!("SepConv({c_in}, {c_out}, kernel={kernel}, stride={stride})");
                format!("{}({xs})", self.module(path, &class))
            }
            LayerKind::FactorizedReduction { relu } => {
                let class = format!("FactorizedReduction({c_in}, {c_out}, relu={})", truth(relu));
                format!("{}({xs})", self.module(path, &class))
            }
            LayerKind::Gather => self.gather(layer, inputs),
            LayerKind::AvgPool { stride } => format!("avg_pool({xs}, stride={stride})"),
            LayerKind::MaxPool { stride } => format!("max_pool({xs}, stride={stride})"),
            LayerKind::AuxPool => {
                let window = layer.window().map_or((1, 1), |w| (w.rows.kernel, w.rows.stride));
                format!("F.avg_pool2d(F.relu({xs}), {}, {})", window.0, window.1)
            }
            LayerKind::Pad { .. } => format!("F.pad({xs}, {})", pads(layer)),
            LayerKind::Add => inputs.join(" + "),
            LayerKind::Concat => format!("torch.cat([{}], 1)", inputs.join(", ")),
            LayerKind::Head { .. } => {
                let linear = self.module(path, &linear(c_in, c_out));
                format!("{linear}(F.relu({xs}).mean((2, 3)))")
            }
            LayerKind::Zeros
            | LayerKind::Embed { .. }
            | LayerKind::Recurrent { .. }
            | LayerKind::TiedSoftmax { .. } => {
                unreachable!("no net of images that stands alone has {path}")
            }
        };
        let variable = variable(path);
        self.forward.push(format!("        {variable} = {made}"));
        variable
    }

    fn gather(&mut self, layer: &Layer, inputs: &[&str]) -> String {
        let (c_in, c_out) = (layer.input_shapes[0].channels, layer.output.channels);
        let rows = layer.rows.iter().map(|row| self.module(row, &linear(c_in, c_out)));
        let rows: Vec<String> = rows.collect();
        let norm = layer.norm_path().unwrap_or_default();
        let norm = self.module(&norm, &format!("Norm({c_out})"));
        let (inputs, rows) = (inputs.join(", "), rows.join(", "));
        format!(
            "gather(\n            [{inputs}],\n            [{rows}],\n            {norm},\n        )"
        )
    }

    /// Has the module at `path` be what `class` makes, and returns how it is called.
    pub(super) fn module(&mut self, path: &str, class: &str) -> String {
        // Those above it hold nothing but others.
        for (end, _) in path.match_indices('.') {
            if self.modules.insert(path[..end].to_owned()) {
                self.init.push(format!("        {} = nn.ModuleDict()", member(&path[..end])));
            }
        }
        self.modules.insert(path.to_owned());
        let member = member(path);
        self.init.push(format!("        {member} = {class}"));
        member
    }
}

fn truth(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The module of a dense convolution; what is usual is left out.
fn conv([c_in, c_out]: [usize; 2], window: Window, relu: bool) -> String {
    let relu = truth(relu);
    if let Some(side) = window.dense_side() {
        return format!("Conv({c_in}, {c_out}, kernel={side}, relu={relu})");
    }
    let Window { rows, columns } = window;
    let kernel = format!("({}, {})", rows.kernel, columns.kernel);
    let stride = format!("({}, {})", rows.stride, columns.stride);
    let dilation = rows.dilation;
    format!(
        "WindowConv({c_in}, {c_out}, kernel={kernel}, stride={stride}, dilation={dilation}, \
         relu={relu})"
    )
}

/// Columns left and right of a plane, and rows above and below it, as in `(0, 1, 2, 2)`.
fn pads(layer: &Layer) -> String {
    let (input, output) = (layer.input_shapes[0], layer.output);
    let [above, left] = layer.pads_before();
    let right = output.width - input.width - left;
    let below = output.height - input.height - above;
    format!("({left}, {right}, {above}, {below})")
}

fn linear(c_in: usize, c_out: usize) -> String {
    format!("nn.Linear({c_in}, {c_out}, bias=False)")
}

/// The module at `path`, as in `self.layer0.conv_3x3["1"]`.
fn member(path: &str) -> String {
    let part = |name: &str| {
        let is_word = !name.starts_with(|c: char| c.is_ascii_digit());
        if is_word { format!(".{name}") } else { format!("[{}]", json(name)) }
    };
    format!("self{}", path.split('.').map(part).collect::<String>())
}

/// The variable with what the layer at `path` writes.
fn variable(path: &str) -> String {
    path.replace('.', "_")
}
