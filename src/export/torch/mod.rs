//! A net as one Python file: a PyTorch module that reads the weights of the safetensors file.
//!
//! ```text
//! start.py   what it is, imports
//!            id, architecture, what the net reads and what its classes are called
//! *_norm.py  the normalization of a net of images
//! parts.py   of its functions and classes those that the net uses
//!            class Model: its parameters under their names in the engine
//! end.py     load, and a program that reads an image or a text
//! ```
//!
//! Texts from outside appear as literals only, so that none can become code.

mod images;
mod script;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use crate::export::ExportError;
use crate::export::model::{Model, Reads, json};
use crate::export::word_net::WordNet;

/// The parts of a file stand two empty lines apart.
const GAP: &str = "\n\n\n";

/// What a file is put together from.
struct Parts {
    start: &'static str,
    constants: Vec<String>,
    /// Functions and classes, of which the file has those that are called.
    library: Vec<&'static str>,
    /// The class `Model`.
    class: String,
    end: &'static str,
}

/// A Python file with `model` as a PyTorch module, which loads the weights of
/// [`safetensors_file`](crate::export::safetensors_file).
///
/// The `Model` of a net of images takes pixels from 0 to 255, `(N, channels, rows, columns)`, and
/// gives logits, `(N, classes)`. That of a net of words takes ids, `(steps, rows)`, and states,
/// `(rows, H)`, of a tree cell `(rows, 2H)`, and gives log-probabilities, `(steps, rows, words)`, and
/// the states after them. Its parameters have the engine's names.
pub fn torch_file(model: &Model<'_>) -> Result<String, ExportError> {
    model.facts()?;
    let parts = match model.reads {
        Reads::Images { mean, std, deep, class_names } => {
            let constants = images::constants(model.net.image, [mean, std], deep, class_names);
            images::parts(model, constants)
        }
        Reads::Words { words } => words::parts(&WordNet::of(model.net)?, words),
    };
    Ok(parts.file(model))
}

impl Parts {
    fn file(self, model: &Model<'_>) -> String {
        let mut parts = vec![self.class];
        for part in self.library.into_iter().rev() {
            if name(part).is_some_and(|name| parts.iter().any(|later| calls(later, name))) {
                parts.push(part.trim_end().to_owned());
            }
        }
        let own = [format!("ID = {}", json(model.id)), format!("ARCH = {}", json(model.arch))];
        let constants: Vec<String> = own.into_iter().chain(self.constants).collect();
        parts.push(format!("{}\n{}", self.start, constants.join("\n")));
        parts.reverse();
        parts.push(self.end.to_owned());
        parts.join(GAP)
    }
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
