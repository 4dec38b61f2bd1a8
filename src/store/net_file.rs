//! A net as a file for other programs, under a name that says which weights it has.
//!
//! ```text
//! ID.champion-DIGITS.onnx           trained from scratch, and chosen
//! ID.retrained-DIGITS.f32.onnx      trained from scratch; it reads floats
//! ID.shared-STEP-DIGITS.safetensors its part of ω as it was before the search's step STEP
//! ID.child-STEP-DIGITS.safetensors  a child's own weights, as the search's step STEP chose it
//! ID.champion-DIGITS.py             PyTorch, for the weights in the safetensors file
//! ```
//!
//! The digits are the first of the BLAKE3 of the net's safetensors file: two files of one name have
//! the same weights, whatever was trained, replaced or searched anew in between.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::Labels;
use crate::engine::Snapshot;
use crate::export::{Model, PixelType, Reads, onnx_file, safetensors_file, torch_file};
use crate::net::Net;
use crate::store::StoreError;
use crate::store::manifest::hash;

/// Digits of the hash in a name: of a thousand files of one architecture and stage, two share them
/// once in eight thousand times.
const DIGITS: usize = 8;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFormat {
    /// ONNX, which reads such pixels.
    Onnx(PixelType),
    /// The weights, with what they belong to.
    Safetensors,
    /// A Python file with a PyTorch module, which reads the weights.
    Torch,
}

/// A net with its weights, and everything that its files tell.
#[derive(Clone, Debug)]
pub struct PortableNet {
    /// The canonical id of its architecture.
    pub(super) id: String,
    /// The architecture as it was drawn, in the native text form.
    pub(super) arch: String,
    pub(super) net: Net,
    /// Its parameters; others may be there too.
    pub(super) weights: Snapshot,
    /// Its running statistics, where it normalizes by such; others may be there too.
    pub(super) running: Option<Snapshot>,
    pub(super) labels: Labels,
    /// How far it has come, for the name: `champion`, `retrained` or `shared-STEP`.
    pub(super) stage: String,
    /// What its files tell beside all of that.
    pub(super) metadata: BTreeMap<String, String>,
}

/// A file, and a name that no other weights of any architecture have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetFile {
    /// The name.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl PortableNet {
    /// The file of this format.
    pub fn file(&self, format: NetFormat) -> Result<NetFile, StoreError> {
        let weights = self.bytes(NetFormat::Safetensors)?;
        let name = name(&self.id, &self.stage, &weights);
        let bytes = match format {
            NetFormat::Safetensors => weights,
            format => self.bytes(format)?,
        };
        Ok(NetFile { name: format!("{name}.{}", ending(format)), bytes })
    }

    /// Its content alone. The same net makes the same bytes.
    pub(super) fn bytes(&self, format: NetFormat) -> Result<Vec<u8>, StoreError> {
        let reads = match &self.labels {
            Labels::Images(labels) => Reads::Images {
                mean: &labels.normalization.mean,
                std: &labels.normalization.std,
                deep: labels.deep,
                class_names: &labels.class_names,
            },
            Labels::Words(labels) => Reads::Words { words: &labels.words },
        };
        let model = Model {
            net: &self.net,
            weights: &self.weights,
            running: self.running.as_ref(),
            reads,
            id: &self.id,
            arch: &self.arch,
            metadata: self.metadata.clone(),
        };
        Ok(match format {
            NetFormat::Onnx(pixels) => onnx_file(&model, pixels)?,
            NetFormat::Safetensors => safetensors_file(&model)?,
            NetFormat::Torch => torch_file(&model)?.into_bytes(),
        })
    }
}

impl NetFile {
    /// The file of the part of ω that `id` reads, as it was before the step with this number; the
    /// file is as the search keeps it, and tells nothing else.
    pub fn of_shared(id: &str, step: u64, bytes: Vec<u8>) -> Self {
        Self::weights(id, &shared_stage(step), bytes)
    }

    /// The weights of a child that was trained from scratch, chosen by the step of this number.
    pub fn of_child(id: &str, step: u64, bytes: Vec<u8>) -> Self {
        Self::weights(id, &format!("child-{step}"), bytes)
    }

    fn weights(id: &str, stage: &str, bytes: Vec<u8>) -> Self {
        let name = name(id, stage, &bytes);
        Self { name: format!("{name}.{}", ending(NetFormat::Safetensors)), bytes }
    }
}

/// The stage of a part of ω as it was before the step with this number.
pub(super) fn shared_stage(step: u64) -> String {
    format!("shared-{step}")
}

fn name(id: &str, stage: &str, weights: &[u8]) -> String {
    format!("{id}.{stage}-{}", &hash(weights)[..DIGITS])
}

const fn ending(format: NetFormat) -> &'static str {
    match format {
        NetFormat::Onnx(PixelType::U8) => "onnx",
        NetFormat::Onnx(PixelType::F32) => "f32.onnx",
        NetFormat::Safetensors => "safetensors",
        NetFormat::Torch => "py",
    }
}

/// Values as texts, which is what the metadata of files are; what is a text stays as it is.
pub(super) fn texts<const N: usize>(entries: [(&str, Value); N]) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    entries.into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect()
}
