//! Why a net cannot be written to a file.

/// Why a net cannot be written to a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The net reads a parameter that the weights lack.
    #[error("the weights lack `{name}`, which the net reads: give the weights of this very net")]
    Parameter {
        /// The parameter.
        name: String,
    },
    /// The net evaluates with running statistics, and one is not there.
    #[error(
        "there is no running statistic `{name}`, and the net evaluates with running statistics: \
         give those that its training kept"
    )]
    Statistic {
        /// The statistic.
        name: String,
    },
    /// A tensor has other sides than the net reads.
    #[error(
        "`{name}` has the sides {found:?}, but the net reads {expected:?}: give the weights of \
         this very net"
    )]
    Sides {
        /// The parameter or statistic.
        name: String,
        /// Its sides.
        found: Vec<usize>,
        /// The sides that the net reads.
        expected: Vec<usize>,
    },
    /// A tensor cannot be read as f32.
    #[error("`{name}` cannot be read as f32")]
    Tensor {
        /// The parameter or statistic.
        name: String,
        /// What was wrong.
        source: candle_core::Error,
    },
    /// There are not as many numbers or names as the net asks for.
    #[error("there are {found} {what}, but the net has {expected}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there have to be.
        expected: usize,
    },
    /// The net reads words, and its model says what images are.
    #[error("the net reads words, and it was to be written as one that reads images")]
    ReadsWords,
    /// The net reads images, and its model says what words are.
    #[error("the net reads no words, and it was to be written as one that does")]
    ReadsNoWords,
    /// The vocabulary lacks the word that ends every line.
    #[error("the vocabulary lacks the word `<eos>`, which ends every line")]
    NoEos,
    /// Pixels cannot be normalized.
    #[error(
        "channel {channel} cannot be normalized by the mean {mean} and the deviation {std}: both \
         must be finite, and the deviation above 0"
    )]
    Normalization {
        /// The channel, from 0.
        channel: usize,
        /// Its mean.
        mean: f32,
        /// Its standard deviation.
        std: f32,
    },
    /// An entry of the metadata has the name of one that every file has.
    #[error("the metadata has an entry `{key}`, which every file has anyway: name it otherwise")]
    Key {
        /// The name.
        key: String,
    },
    /// The file would be larger than its format allows.
    #[error(
        "the file would have {bytes} bytes of {what}, and readers take {most} at most: export a net \
         with fewer channels, or tell less beside it"
    )]
    Size {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest size.
        most: usize,
    },
}
