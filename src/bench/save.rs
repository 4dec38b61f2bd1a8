//! Files by which another program is given the same work.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::bench::{BenchError, BenchJob};
use crate::engine::{Snapshot, to_safetensors};

/// The safetensors files that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saves {
    /// The weights by name.
    pub weights: Option<PathBuf>,
    /// `images` and `labels`, or `words` and those `next` to them.
    pub batch: Option<PathBuf>,
    /// `loss` and the gradients by name, of one training pass without dropout.
    pub grads: Option<PathBuf>,
}

impl Saves {
    /// Writes them, of the job as it is.
    pub fn write(&self, job: &BenchJob) -> Result<(), BenchError> {
        if let Some(path) = &self.weights {
            write("weights", path, &job.weights()?)?;
        }
        if let Some(path) = &self.batch {
            write("batch", path, &job.batch()?)?;
        }
        if let Some(path) = &self.grads {
            write("grads", path, &loss_and_gradients(job)?)?;
        }
        Ok(())
    }
}

fn write(what: &'static str, path: &Path, tensors: &Snapshot) -> Result<(), BenchError> {
    std::fs::write(path, to_safetensors(tensors)?).map_err(|source| BenchError::Save {
        what,
        path: path.to_owned(),
        source,
    })
}

fn loss_and_gradients(job: &BenchJob) -> Result<Snapshot, BenchError> {
    let found = job.gradients()?;
    let mut tensors = found.grads;
    // A name without a point, so it is no parameter's.
    tensors.insert("loss".to_owned(), Tensor::new(found.loss, &Device::Cpu)?);
    Ok(tensors)
}
