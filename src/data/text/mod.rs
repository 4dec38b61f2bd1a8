//! Text as data: its words, their splits, and the endless stream of windows over them.
//!
//! ```text
//! files ─ word_reader ─▶ Vocabulary, Text (ids) ─▶ Corpus { train, valid, test } ─▶ WordStream ─▶ WordBatch
//!                                                            └─ windows, batch ─────────────────▶ WordBatch
//! ```
//!
//! A text is kept as one number a word; no string of it stays but those of the vocabulary. Every
//! window is a pure function of the run's seed and of an index, as a batch of images is.

mod columns;
mod contents;
mod corpus;
mod files;
mod passes;
mod split;
mod vocabulary;
mod window_lengths;
mod word_batch;
mod word_layout;
mod word_reader;
mod word_stream;

pub use contents::{TextContents, TextSplitContents};
pub use corpus::{Corpus, LockedText};
pub use split::Text;
pub use vocabulary::Vocabulary;
pub use word_batch::WordBatch;
pub use word_layout::{WordLayout, WordLayoutKeys};
pub use word_stream::WordStream;
