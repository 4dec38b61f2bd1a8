//! What it takes to show a net images from outside, and to name what it answers: the part of a
//! data set that goes with a net.

use serde::{Deserialize, Serialize};

use crate::data::{DeepRange, ImageData, ImageFault, ImageShape, Normalization, fit_image};

/// How images are shown to a net, and what its outputs are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageLabels {
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

impl ImageLabels {
    /// The latest form that this program reads.
    pub const FORMAT: u32 = 1;

    /// Those of the nets that are trained on `dataset`.
    pub fn of(dataset: &ImageData) -> Self {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{ImageBuffer, Luma};

    use super::*;
    use crate::data::{DataConfig, DataSource};

    #[test]
    fn images_of_16_bits_are_shown_as_those_of_the_training_were() {
        let folder = tempfile::tempdir().unwrap();
        for (name, low) in [
            ("train/ant/1.png", 1000_u16),
            ("train/cat/1.png", 1191),
            ("val/ant/1.png", 1000),
            ("val/cat/1.png", 1100),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let image = ImageBuffer::from_fn(8, 8, |x, y| Luma([low + (x + 8 * y) as u16]));
            image.save(path).unwrap();
        }
        let path = Some(folder.path().to_owned());
        let config =
            DataConfig { source: DataSource::Folder, path, side: 8, ..DataConfig::default() };
        let dataset = ImageData::load(&config, 7).unwrap();
        let labels = ImageLabels::of(&dataset);
        assert_eq!(labels.deep, [1000, 1254]);
        let bytes = fs::read(folder.path().join("train/cat/1.png")).unwrap();
        let set = dataset.train();
        let place = (0..set.len()).find(|&idx| set.name(idx) == "train/cat/1.png").unwrap();
        assert_eq!(labels.pixels(&bytes).unwrap(), set.image(place));
        // Where no image has 16 bits, all of their values become 0 to 255.
        let embedded = ImageData::load(&DataConfig::default(), 7).unwrap();
        assert_eq!(ImageLabels::of(&embedded).deep, [0, u16::MAX]);
    }
}
