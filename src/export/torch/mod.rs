//! A net as one Python file: a PyTorch module that reads the weights of the safetensors file.
//!
//! ```text
//! start.py   what it is, imports
//!            id, class names, image, its values of 16 bits, normalization
//! *_norm.py  the normalization of the net
//! parts.py   of its functions and classes those that the net uses
//!            class Model: a line for each layer, under its name in the engine
//! end.py     load, and a program that classifies an image file
//! ```
//!
//! Texts from outside appear as literals only, so that none can become code.

mod script;
#[cfg(test)]
mod tests;

use crate::engine::NORM_EPSILON;
use crate::export::ExportError;
use crate::export::model::{Model, json};
use crate::export::torch::script::Script;
use crate::net::Norm;

const START: &str = include_str!("start.py");
const RUNNING_NORM: &str = include_str!("running_norm.py");
const BATCH_NORM: &str = include_str!("batch_norm.py");
const PARTS: &str = include_str!("parts.py");
const END: &str = include_str!("end.py");

/// The parts of a file stand two empty lines apart.
const GAP: &str = "\n\n\n";

/// A Python file with `model` as a PyTorch module, which loads the weights of
/// [`safetensors_file`](crate::export::safetensors_file).
///
/// Its `Model` takes pixels from 0 to 255, `(N, channels, rows, columns)`, and gives logits,
/// `(N, classes)`; its parameters have the engine's names.
pub fn torch_file(model: &Model<'_>) -> Result<String, ExportError> {
    model.facts()?;
    let (norm, note) = match model.net.norm {
        Norm::Running => (RUNNING_NORM, ""),
        Norm::Batch => (BATCH_NORM, BATCH_NOTE),
    };
    let script = Script::of(model);
    let class = format!(
        "class Model(nn.Module):\n\
         \x20   \"\"\"Pixels from 0 to 255, (N, channels, rows, columns), to logits, (N, classes).{note}\"\"\"\n\n\
         \x20   def __init__(self):\n{INIT}{}\n\n\
         \x20   def forward(self, images):\n{FORWARD}{}\n\
         \x20       return {}",
        script.init.join("\n"),
        script.forward.join("\n"),
        script.logits,
    );
    let mut parts = vec![class];
    for part in PARTS.rsplit(GAP).chain([norm]) {
        if name(part).is_some_and(|name| parts.iter().any(|later| calls(later, name))) {
            parts.push(part.trim_end().to_owned());
        }
    }
    parts.push(format!("{START}\n{}", constants(model)));
    parts.reverse();
    parts.push(END.to_owned());
    Ok(parts.join(GAP))
}

const BATCH_NOTE: &str = "\n\n    \
    It normalizes by the statistics of the batch at hand: give it many images at once.\n    ";

const INIT: &str = "        super().__init__()
        mean, std = torch.tensor(MEAN), torch.tensor(STD)
        self.register_buffer(\"pixel_mean\", mean[:, None, None], persistent=False)
        self.register_buffer(\"pixel_std\", std[:, None, None], persistent=False)
";

const FORWARD: &str = "        image = (images.float() / 255 - self.pixel_mean) / self.pixel_std\n";

fn constants(model: &Model<'_>) -> String {
    let image = model.net.image;
    [
        format!("ID = {}", json(model.id)),
        format!("ARCH = {}", json(model.arch)),
        format!("CLASS_NAMES = {}", json(model.class_names)),
        "# Channels, rows and columns.".to_owned(),
        format!("IMAGE = ({}, {}, {})", image.channels, image.height, image.width),
        "# Of 16 bits a value: those that become 0 and 255.".to_owned(),
        format!("DEEP = ({}, {})", model.deep[0], model.deep[1]),
        "# Of each channel, where pixels are from 0 to 1.".to_owned(),
        format!("MEAN = {}", json(model.mean)),
        format!("STD = {}", json(model.std)),
        "# Added to a variance before its root.".to_owned(),
        format!("EPSILON = {NORM_EPSILON:?}"),
    ]
    .join("\n")
}

/// The name of the function or class that `part` defines.
fn name(part: &str) -> Option<&str> {
    let rest = part.strip_prefix("def ").or_else(|| part.strip_prefix("class "))?;
    rest.split('(').next()
}

/// Whether Python `text` calls `name`.
fn calls(text: &str, name: &str) -> bool {
    let call = format!("{name}(");
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&call).any(|(place, _)| !text[..place].ends_with(is_word))
}
