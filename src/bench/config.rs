//! What is run, and how often.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::space::Arch;

/// Classes of the made-up labels, those of CIFAR-10 and Fashion-MNIST.
pub(super) const CLASSES: usize = 10;

/// How an architecture becomes a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetKind {
    /// With its part of the shared weights, as in the search.
    Shared,
    /// As it is trained from scratch and shipped.
    Standalone,
}

/// The text is neither kind of net.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no kind of net; give `shared` or `standalone`")]
pub struct UnknownNet {
    /// The text found.
    pub found: String,
}

impl FromStr for NetKind {
    type Err = UnknownNet;

    fn from_str(text: &str) -> Result<Self, UnknownNet> {
        match text {
            "shared" => Ok(Self::Shared),
            "standalone" => Ok(Self::Standalone),
            _ => Err(UnknownNet { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for NetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::Standalone => "standalone",
        })
    }
}

/// What a net reads, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BenchSize {
    /// A net of images.
    Images {
        /// Normal cells, or layers.
        layers: usize,
        /// Channels of the first cells.
        channels: usize,
        /// Channels, rows and columns of an image.
        image: [usize; 3],
    },
    /// A net of words.
    Words {
        /// Features of a word and of a state.
        hidden: usize,
        /// Words of the vocabulary.
        vocabulary: usize,
        /// Words of a row of the batch.
        window: usize,
    },
}

/// What is run, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchConfig {
    /// The architecture.
    pub arch: Arch,
    /// How it becomes a net.
    pub net: NetKind,
    /// What it reads, and how large it is.
    pub size: BenchSize,
    /// Images of the batch, or rows of text.
    pub batch: usize,
    /// Steps and forward passes that are timed, 1 or more.
    pub steps: usize,
    /// Threads that compute.
    pub threads: usize,
    /// Of the initial values, the batch and the dropout.
    pub seed: u64,
}
