//! Which images, and how they are split and augmented.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the images come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
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
}

impl Source {
    /// The name used in configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist",
            Self::Idx => "idx",
            Self::Cifar10 => "cifar-10",
            Self::Cifar100 => "cifar-100",
            Self::Folder => "folder",
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

/// Which images, and how they are split and augmented.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Where the images come from.
    pub source: Source,
    /// The folder, for every source but the embedded one, which refuses it.
    pub path: Option<PathBuf>,
    /// For `folder`: the side in pixels to which images are resized, 8 to 256.
    pub side: usize,
    /// For `idx`: the number of classes, 2 to 65,536; 0 for as many as the labels name, of which
    /// each needs a training image.
    pub classes: usize,
    /// Share of the training images that become the validation split, where the source has no
    /// validation split of its own; in (0, 0.5].
    pub valid_share: f64,
    /// Share of the training images that become the test split, where the source has none of its
    /// own; in [0, 0.5], 0 for no test split.
    pub test_share: f64,
    /// How both are split off.
    pub split: SplitRule,
    /// Zero pixels around an image before a random crop to its size; 0 for no crop. Less than the
    /// shorter side of the images.
    pub crop_padding: usize,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// Side in pixels of the square, centered at random, that is blanked; 0 for none. At most the
    /// longer side of the images.
    pub cutout: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: Source::FashionMnist,
            path: None,
            side: 32,
            classes: 0,
            valid_share: 0.1,
            test_share: 0.0,
            split: SplitRule::ByClass,
            crop_padding: 4,
            flip: true,
            cutout: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_name_in_code_and_config() {
        use Source::{Cifar10, Cifar100, FashionMnist, Folder, Idx};
        for source in [FashionMnist, Idx, Cifar10, Cifar100, Folder] {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
