//! What the search learns from: images or text, their splits, and the endless stream of batches.
//!
//! ```text
//! files ─ source ─▶ ImageSet ─ split ─▶ ImageData { train, valid, test } ─▶ TrainStream ─▶ Prefetch ─▶ Batch
//!                   (bytes)                        └─ valid_batch, valid_batches ──────────────────▶ ImageBatch
//! ```
//!
//! Images stay bytes, in memory or on disk, and are standardized when a batch is made. Every batch is a pure
//! function of the run's seed and of an index, so a checkpoint keeps one number for the place in
//! the data. Text has a folder of its own, `text`, with the same parts in it.

mod audit;
mod augment;
mod batch;
mod batching;
mod cache;
mod config;
mod contents;
mod dataset;
mod deep_range;
mod error;
mod file_fault;
mod halves;
mod image_batch;
mod image_contents;
mod image_data;
mod image_fault;
mod image_labels;
mod image_list;
mod image_order;
mod image_set;
mod image_set_builder;
mod image_stream;
mod labels;
mod layout_fault;
mod names;
mod normalization;
mod note;
mod pixels;
mod prefetch;
mod problems;
mod report;
mod score_table;
mod scratch;
mod share_interval;
mod source;
mod split;
mod stream;
mod test_ledger;
mod text;
mod text_fault;
mod text_note;

pub use batch::Batch;
pub use batching::{Batching, BatchingKeys};
pub use config::{DataConfig, DataSource, SplitRule};
pub use contents::Contents;
pub use dataset::{DataKind, Dataset, Sizes};
use deep_range::DeepRange;
pub use error::DataError;
pub use file_fault::FileFault;
pub use image_batch::ImageBatch;
pub use image_contents::{ImageContents, SplitContents};
pub use image_data::{ImageData, LockedTest};
pub use image_fault::ImageFault;
pub use image_labels::{ImageLabels, Statistics};
pub use image_list::{image_changes, image_list, is_list_of};
pub use image_order::ImageOrder;
pub use image_set::{ImageSet, ImageShape};
pub use image_stream::ImageStream;
pub use labels::{Labels, WordLabels};
pub use layout_fault::LayoutFault;
pub use normalization::Normalization;
pub use note::DataNote;
pub use prefetch::Prefetch;
pub use report::DataReport;
pub use score_table::read_table;
pub use scratch::{LoadWatch, Scratch};
pub use share_interval::share_interval;
use source::fit_image;
pub use stream::TrainStream;
pub use test_ledger::{Certificate, NetResult, Opening, Receipt, TestLedger};
pub use text::{
    Corpus, LockedText, Text, TextContents, TextSplitContents, Vocabulary, WordBatch, WordLayout,
    WordLayoutKeys, WordStream,
};
pub use text_fault::TextFault;
pub use text_note::TextNote;
