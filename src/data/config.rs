//! Which images or text, and how images are split and augmented.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::image_set::{N_LABELS, SIDES};
use crate::setting::{IMAGES, PATH, Rule, above, from, one_of, operation, search, settings, size};

/// The largest share that may leave the training split: ω needs the larger part.
pub(super) const MAX_SHARE: f64 = 0.5;

/// Where the images or the text come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSource {
    /// The embedded cut of Fashion-MNIST: 7,000 train, 3,000 validation, 5,000 test images.
    FashionMnist,
    /// A folder of IDX files, plain or gz, named as MNIST names them.
    Idx,
    /// A folder with the binary version of CIFAR-10.
    #[serde(rename = "cifar-10")]
    Cifar10,
    /// A folder with the binary version of CIFAR-100.
    #[serde(rename = "cifar-100")]
    Cifar100,
    /// A folder of images by class: `train/CLASS/*`, and `val/` and `test/` likewise.
    Folder,
    /// The embedded novels of Jane Austen.
    Austen,
    /// A folder with `train.txt`, `valid.txt` and maybe `test.txt`, plain or gz: words with spaces
    /// between, as the Penn Treebank has them.
    Text,
}

impl DataSource {
    /// The names of all.
    const NAMES: &[&str] = &[
        Self::FashionMnist.name(),
        Self::Idx.name(),
        Self::Cifar10.name(),
        Self::Cifar100.name(),
        Self::Folder.name(),
        Self::Austen.name(),
        Self::Text.name(),
    ];

    /// Whether it is in the program, and so in no folder.
    pub const fn is_embedded(self) -> bool {
        matches!(self, Self::FashionMnist | Self::Austen)
    }

    /// Whether it is text.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Austen | Self::Text)
    }

    /// The name used in configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist",
            Self::Idx => "idx",
            Self::Cifar10 => "cifar-10",
            Self::Cifar100 => "cifar-100",
            Self::Folder => "folder",
            Self::Austen => "austen",
            Self::Text => "text",
        }
    }
}

/// How images are split off the training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitRule {
    /// From each class its share.
    ByClass,
    /// From all images at once, whatever their class.
    Whole,
}

settings! {
    /// Which images or text, and how images are split and augmented.
    #[derive(Clone, Debug, PartialEq)]
    pub struct DataConfig in data {
        /// Where the images or the text come from.
        pub source: DataSource = DataSource::FashionMnist => search(one_of(DataSource::NAMES));
        /// The folder, for every source but the embedded ones, which refuse it.
        pub path: Option<PathBuf> = None => operation(PATH);
        /// For `folder`: the side in pixels to which images are resized.
        pub side: usize = 32 => search(size(SIDES)).only_of(IMAGES);
        /// For `idx`: the number of classes, at least 2; 0 for as many as the labels name, of which
        /// each needs a training image. The classes that it makes are in the checkpoint's record
        /// of the data.
        pub classes: usize = 0 => operation(size(0..=N_LABELS)).only_of(IMAGES);
        /// Share of the training images that become the validation split, where the source has no
        /// validation split of its own.
        pub valid_share: f64 = 0.1 => search(above(0.0, MAX_SHARE)).only_of(IMAGES);
        /// Share of the training images that become the test split, where the source has none of
        /// its own; 0 for no test split.
        pub test_share: f64 = 0.0 => search(from(0.0, MAX_SHARE)).only_of(IMAGES);
        /// How both are split off.
        pub split: SplitRule = SplitRule::ByClass
            => search(one_of(&["by-class", "whole"])).before("\"whole\"").only_of(IMAGES);
        /// Zero pixels around an image before a random crop to its size; 0 for no crop. Less than
        /// the shorter side of the images.
        pub crop_padding: usize = 4 => search(size(0..=64)).only_of(IMAGES);
        /// Whether half of the images are mirrored.
        pub flip: bool = true => search(Rule::Switch).only_of(IMAGES);
        /// Side in pixels of the square, centered at random, that is blanked; 0 for none. At most
        /// the longer side of the images.
        pub cutout: usize = 0 => search(size(0..=*SIDES.end())).only_of(IMAGES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_name_in_code_and_config() {
        use DataSource::{Austen, Cifar10, Cifar100, FashionMnist, Folder, Idx, Text};
        for source in [FashionMnist, Idx, Cifar10, Cifar100, Folder, Austen, Text] {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
