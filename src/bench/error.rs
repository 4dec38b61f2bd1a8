//! Why a benchmark could not be run.

use std::io;
use std::path::PathBuf;

use crate::engine::reason;
use crate::net::NetError;
use crate::space::SpaceError;

/// Why a benchmark could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A size is out of its range.
    #[error("{0}; see --layers, --channels, --side and --image-channels")]
    Net(NetError),
    /// The architecture has no net that reads images.
    #[error("--arch: {0}")]
    NoImages(NetError),
    /// The architecture's nets share no weights.
    #[error("the nets of the {space} space share no weights; set --net to `standalone`")]
    NotShared {
        /// The name of the space.
        space: &'static str,
    },
    /// The text is no architecture.
    #[error("--arch: {0}")]
    Arch(SpaceError),
    /// There is no such space, or nothing of its size to run.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// No executor has this name.
    #[error("there is no executor `{name}`; set --executor to `auto`, `fast` or `candle`")]
    Executor {
        /// The name.
        name: String,
    },
    /// The device is not there.
    #[error("the device `{device}` cannot be opened: {why}")]
    Device {
        /// What was asked for.
        device: String,
        /// Why, and what helps.
        why: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; give another path to --save-{what}", path.display())]
    Save {
        /// What was to be saved, as the flag names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The loss or the gradient ceased to be a number.
    #[error("step {step} has a loss of {loss} and a gradient of norm {norm}; try another --seed")]
    NotFinite {
        /// The number of the step, from 0.
        step: u64,
        /// Its loss.
        loss: f64,
        /// The norm of its gradient.
        norm: f64,
    },
    /// The executor failed.
    #[error("the executor failed: {}", reason(.0))]
    Engine(#[from] candle_core::Error),
}

impl From<NetError> for BenchError {
    fn from(err: NetError) -> Self {
        match err {
            NetError::ReadsWords { .. } | NetError::NoNets { .. } => Self::NoImages(err),
            NetError::NotShared { space } => Self::NotShared { space },
            err => Self::Net(err),
        }
    }
}

impl BenchError {
    /// Whether other flags would help, rather than another enasd.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Engine(_))
    }
}
