//! Standardizing pixels: `(x / 255 − mean) / std`, channel by channel.
//!
//! The two statistics are those of the training split after the validation images have left it,
//! as in the authors' code.
//! They are exact: pixels are bytes, so a histogram of 256 counts holds everything.

use crate::data::{DataError, ImageSet};

/// The standardized value of each of the 256 bytes.
type Table = [f32; 256];

/// Mean and standard deviation of each channel, on the scale where 255 is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    mean: Vec<f32>,
    /// Invariant: positive.
    std: Vec<f32>,
    /// One table a channel; follows from the two above.
    tables: Vec<Table>,
}

impl Normalization {
    /// The statistics of `set`. A channel that is constant has no spread to divide by: it is
    /// only shifted to 0.
    pub(super) fn of(set: &ImageSet) -> Result<Self, DataError> {
        let shape = set.shape();
        let mut counts = vec![[0_u64; 256]; shape.channels];
        let mut buffer = Vec::new();
        for idx in 0..set.len() {
            let image = set.read(idx, &mut buffer)?;
            let planes = image.chunks_exact(shape.height * shape.width);
            for (counts, plane) in counts.iter_mut().zip(planes) {
                for &pixel in plane {
                    counts[usize::from(pixel)] += 1;
                }
            }
        }
        let (mean, std) = counts.iter().map(mean_and_std).unzip();
        Ok(Self::with(mean, std))
    }

    /// The statistics of a set as they were written down: a mean and a deviation for each channel.
    pub fn with(mean: Vec<f32>, std: Vec<f32>) -> Self {
        let table = |(mean, std): (&f32, &f32)| {
            std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / std)
        };
        let tables = mean.iter().zip(&std).map(table).collect();
        Self { mean, std, tables }
    }

    /// The mean of each channel.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The standard deviation of each channel; 1 for a constant one.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// The standardized value of each byte in `channel`.
    pub(super) fn table(&self, channel: usize) -> &Table {
        &self.tables[channel]
    }

    /// Appends the standardized `image`, `(c, h, w)`, to `out`.
    pub fn append(&self, image: &[u8], out: &mut Vec<f32>) {
        let n_plane = image.len() / self.tables.len();
        for (plane, table) in image.chunks_exact(n_plane).zip(&self.tables) {
            out.extend(plane.iter().map(|&pixel| table[usize::from(pixel)]));
        }
    }
}

/// Mean and standard deviation of one channel, from how often each byte occurs.
fn mean_and_std(counts: &[u64; 256]) -> (f32, f32) {
    let n = counts.iter().sum::<u64>() as f64;
    let moment = |of: &dyn Fn(f64) -> f64| {
        counts.iter().enumerate().map(|(x, &k)| of(x as f64 / 255.0) * k as f64).sum::<f64>() / n
    };
    let mean = moment(&|x| x);
    let std = moment(&|x| (x - mean).powi(2)).sqrt();
    // One grey level in one of 10^12 pixels is still above this; rounding noise is not.
    let is_constant = std < 1e-9;
    (mean as f32, if is_constant { 1.0 } else { std as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn set(pixels: Vec<u8>, channels: usize) -> ImageSet {
        let n = pixels.len() / (channels * 64);
        ImageSet::new("here", ImageShape { channels, height: 8, width: 8 }, pixels, vec![0; n])
            .unwrap()
    }

    #[test]
    fn each_channel_has_its_own_statistics() {
        // Channel 0 is half 0 and half 255, channel 1 is half 51 and half 102.
        let pixels = [[0, 51], [255, 102]].as_flattened().iter().flat_map(|&x| [x; 64]).collect();
        let normalization = Normalization::of(&set(pixels, 2)).unwrap();
        assert_eq!(normalization.mean(), [0.5, 0.3]);
        assert_eq!(normalization.std(), [0.5, 0.1]);
        assert_eq!(
            [0, 255].map(|byte| normalization.table(0)[byte].to_bits()),
            [-1.0_f32, 1.0].map(f32::to_bits)
        );
    }

    #[test]
    fn standardized_pixels_have_mean_0_and_deviation_1() {
        let images = set((0..640_u32).map(|n| (n * n % 251) as u8).collect(), 1);
        let normalization = Normalization::of(&images).unwrap();
        let mut out = Vec::new();
        normalization.append(&images.pixels(), &mut out);
        let mean = out.iter().sum::<f32>() / out.len() as f32;
        let square = out.iter().map(|x| x * x).sum::<f32>() / out.len() as f32;
        assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-5, "{mean} {square}");
    }

    #[test]
    fn a_constant_channel_becomes_0() {
        let images = set(vec![77; 128], 1);
        let mut out = Vec::new();
        Normalization::of(&images).unwrap().append(&images.pixels(), &mut out);
        assert!(out.iter().all(|x| x.abs() < 1e-6));
    }
}
