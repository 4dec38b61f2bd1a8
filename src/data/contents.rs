//! What a data set of either kind holds.

use serde::{Deserialize, Serialize};

use crate::data::{DataError, Dataset, ImageContents, TextContents};

/// What a data set holds. Two are equal exactly if every item and split is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Contents {
    /// Images.
    Images(ImageContents),
    /// Text.
    Words(TextContents),
}

impl Contents {
    /// Reads every item of `dataset`.
    pub fn of(dataset: &Dataset) -> Result<Self, DataError> {
        Ok(match dataset {
            Dataset::Images(data) => Self::Images(ImageContents::of(data)?),
            Dataset::Words(corpus) => Self::Words(TextContents::of(corpus)),
        })
    }

    /// The BLAKE3 of everything, in hexadecimal digits.
    pub fn blake3(&self) -> &str {
        match self {
            Self::Images(contents) => &contents.blake3,
            Self::Words(contents) => &contents.blake3,
        }
    }

    /// How this differs from what was there `before`, a line each; nothing of it can be seen in
    /// the numbers where only items or their order changed.
    pub fn changes_from(&self, before: &Self) -> Vec<String> {
        match (self, before) {
            (Self::Images(now), Self::Images(before)) => now.changes_from(before),
            (Self::Words(now), Self::Words(before)) => now.changes_from(before),
            (Self::Images(_), Self::Words(_)) => vec!["text → images".to_owned()],
            (Self::Words(_), Self::Images(_)) => vec!["images → text".to_owned()],
        }
    }

    /// A line: how many items of what kind each split has.
    pub fn summary(&self) -> String {
        let listed = |splits: Vec<String>| splits.join(", ");
        match self {
            Self::Images(ImageContents {
                image: [channels, height, width],
                class_names,
                splits,
                ..
            }) => {
                let counts = splits.iter().map(|s| format!("{} {}", s.images, s.name)).collect();
                let (counts, n_classes) = (listed(counts), class_names.len());
                format!("{counts} images of {channels}x{height}x{width} in {n_classes} classes")
            }
            Self::Words(TextContents { vocabulary, splits, .. }) => {
                let counts = splits.iter().map(|s| format!("{} {}", s.words, s.name)).collect();
                format!("{} words of a vocabulary of {vocabulary}", listed(counts))
            }
        }
    }
}
