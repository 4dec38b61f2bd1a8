//! What it takes to show a net images from outside, and to name what it answers: the part of a
//! data set that goes with a net.

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, DeepRange, ImageFault, ImageShape, Normalization, fit_image};

/// How images are shown to a net, and what its outputs are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// Version of this form: 1.
    pub format: u32,
    /// The name of each class, in the order of the net's outputs.
    pub class_names: Vec<String>,
    /// Channels (1 for grey, 3 for color), rows and columns of an image: one of another size is
    /// resized to them, whatever its proportions.
    pub image: [usize; 3],
    /// What pixels are standardized with.
    pub normalization: Statistics,
    /// Of an image with 16 bits a value: the value that becomes 0 and the one that becomes 255.
    pub deep: [u16; 2],
}

/// The statistics of the training images, on the scale where 255 is 1. A net reads
/// `(pixel / 255 − mean) / std`; a file that says that it takes pixels does so by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel.
    pub std: Vec<f32>,
}

impl Labels {
    /// The latest form that this program reads.
    pub const FORMAT: u32 = 1;

    /// Those of the nets that are trained on `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        let ImageShape { channels, height, width } = dataset.shape();
        let (mean, std) = (dataset.normalization().mean(), dataset.normalization().std());
        Self {
            format: Self::FORMAT,
            class_names: dataset.class_names().to_vec(),
            image: [channels, height, width],
            normalization: Statistics { mean: mean.to_vec(), std: std.to_vec() },
            deep: dataset.deep_range().ends(),
        }
    }

    /// The pixels, `(c, h, w)`, of the image file with these `bytes`.
    pub fn pixels(&self, bytes: &[u8]) -> Result<Vec<u8>, ImageFault> {
        let [channels, height, width] = self.image;
        let [low, high] = self.deep;
        let shape = ImageShape { channels, height, width };
        fit_image(bytes, shape, DeepRange::new(low, high))
    }

    /// What standardizes the pixels.
    pub fn normalization(&self) -> Normalization {
        let Statistics { mean, std } = &self.normalization;
        Normalization::with(mean.clone(), std.clone())
    }
}
