//! The parts of a Python file of a net of images.

use crate::engine::NORM_EPSILON;
use crate::export::model::{Model, json};
use crate::export::torch::script::Script;
use crate::export::torch::{GAP, Parts};
use crate::net::{Norm, Shape};

const START: &str = include_str!("images/start.py");
const RUNNING_NORM: &str = include_str!("images/running_norm.py");
const BATCH_NORM: &str = include_str!("images/batch_norm.py");
pub(super) const PARTS: &str = include_str!("images/parts.py");
const END: &str = include_str!("images/end.py");

/// What the file of `model` is put together from.
pub(super) fn parts(model: &Model<'_>, constants: Vec<String>) -> Parts {
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
    let library = [norm].into_iter().chain(PARTS.split(GAP)).collect();
    Parts { start: START, constants, library, class, end: END }
}

const BATCH_NOTE: &str = "\n\n    \
    It normalizes by the statistics of the batch at hand: give it many images at once.\n    ";

const INIT: &str = "        super().__init__()
        mean, std = torch.tensor(MEAN), torch.tensor(STD)
        self.register_buffer(\"pixel_mean\", mean[:, None, None], persistent=False)
        self.register_buffer(\"pixel_std\", std[:, None, None], persistent=False)
";

const FORWARD: &str = "        image = (images.float() / 255 - self.pixel_mean) / self.pixel_std\n";

/// What the file knows of images, which the fields of [`Reads`](crate::export::Reads) say.
pub(super) fn constants(
    image: Shape,
    [mean, std]: [&[f32]; 2],
    deep: [u16; 2],
    class_names: &[String],
) -> Vec<String> {
    vec![
        format!("CLASS_NAMES = {}", json(class_names)),
        "# Channels, rows and columns.".to_owned(),
        format!("IMAGE = ({}, {}, {})", image.channels, image.height, image.width),
        "# Of 16 bits a value: those that become 0 and 255.".to_owned(),
        format!("DEEP = ({}, {})", deep[0], deep[1]),
        "# Of each channel, where pixels are from 0 to 1.".to_owned(),
        format!("MEAN = {}", json(mean)),
        format!("STD = {}", json(std)),
        "# Added to a variance before its root.".to_owned(),
        format!("EPSILON = {NORM_EPSILON:?}"),
    ]
}
