//! Why a text cannot be used.

use std::path::PathBuf;

use crate::printable::shown;

/// Why a text cannot be used. Each text goes on after the name of the file or folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextFault {
    /// Two files could be the text of one split.
    #[error("could be the {split} text as well as `{}`; move one of them away", shown(.other))]
    SecondFile {
        /// `train`, `valid` or `test`.
        split: &'static str,
        /// The other file.
        other: PathBuf,
    },
    /// There is no test text.
    #[error("holds no test text to certify on; put `test.txt` there")]
    NoTest,
    /// It has no word.
    #[error("holds no word; put text there, one sentence a line, with spaces between the words")]
    NoWords,
    /// It is in another encoding, or no text.
    #[error("is no UTF-8 at byte {offset} of the text in it; save it as plain text in UTF-8")]
    NotUtf8 {
        /// Number of the first byte that is wrong, counted from 0 and unpacked.
        offset: u64,
    },
    /// A word is so long that it is none.
    #[error(
        "has a word of more than {limit} bytes in line {line}; expected words with spaces between \
         them, so put spaces there, or give a text"
    )]
    LongWord {
        /// The line, counted from 1.
        line: u64,
        /// The most bytes of a word.
        limit: usize,
    },
    /// A word is not in the vocabulary.
    #[error(
        "has the word `{}` in line {line}, which the training text has not, and no `<unk>` either \
         that could stand for it; write `<unk>` for rare words in every split, or take another word",
        shown(.word)
    )]
    UnknownWord {
        /// The word.
        word: String,
        /// The line, counted from 1.
        line: u64,
    },
    /// The vocabulary is too large.
    #[error(
        "has more than {limit} different words (with `<eos>`) by line {line}; write `<unk>` for \
         the rare ones"
    )]
    ManyWords {
        /// The most words of a vocabulary.
        limit: usize,
        /// The line with the first word too many, counted from 1.
        line: u64,
    },
    /// There are more words than memory should hold.
    #[error("has more than {limit} words by line {line}; make it shorter")]
    LongText {
        /// The most words of a text.
        limit: usize,
        /// The line with the first word too many, counted from 1.
        line: u64,
    },
    /// It is too short to be cut in so many rows.
    #[error(
        "has {found} words, and {rows} rows cannot be made of them with two words or more in each; \
         set `{key}` to 1 to {}, or give more text",
        found / 2
    )]
    FewWords {
        /// The key of the config.
        key: &'static str,
        /// Rows asked for.
        rows: usize,
        /// Words of the text.
        found: usize,
    },
}
