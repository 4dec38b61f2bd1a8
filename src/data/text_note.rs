//! What of a text a person should know although it stops nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::shown;

/// Something about a text that a person should know, and that stops nothing. As text it goes on
/// after the name of the file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TextNote {
    /// There is no test text.
    NoTest,
    /// Words that the training text lacks were read as `<unk>`.
    UnknownWords {
        /// How many, each as often as it is there.
        count: usize,
        /// The first of them.
        example: String,
    },
    /// The mark that ends a line is there as a word, too.
    EndsAsWords {
        /// How often.
        count: usize,
    },
}

impl TextNote {
    /// Whether it tells of a likely slip rather than of what was done.
    pub(super) const fn is_warning(&self) -> bool {
        matches!(self, Self::EndsAsWords { .. })
    }
}

impl fmt::Display for TextNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTest => f.write_str(
                "holds no test text: nothing is kept for a last measurement of what is found; \
                 `test.txt` would be one",
            ),
            Self::UnknownWords { count, example } => write!(
                f,
                "has words that the training text lacks, read as `<unk>`: {count}, first `{}`",
                shown(example)
            ),
            Self::EndsAsWords { count } => write!(
                f,
                "has `<eos>` as a word {count} times, beside the `<eos>` that ends every line: a \
                 second one is easily predicted, and flatters the perplexity"
            ),
        }
    }
}
