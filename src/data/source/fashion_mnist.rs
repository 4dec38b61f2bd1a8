//! The embedded cut of Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017).
//!
//! It is balanced, and its validation images are files of their own: 700, 300 and 500 images of
//! each class for training, validation and test. The licence lies beside the files.

use super::{RawFile, Splits, idx};
use crate::data::{DataError, Scratch};

/// The classes, in the order of their labels.
const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Name and bytes of an embedded file.
macro_rules! embedded {
    ($name:literal) => {
        RawFile::embedded(
            concat!("embedded:", $name),
            include_bytes!(concat!("../embedded/fashion-mnist/", $name)),
        )
    };
}

/// Unpacks the embedded images.
pub(super) fn load(scratch: &Scratch) -> Result<Splits, DataError> {
    Ok(Splits {
        class_names: CLASS_NAMES.map(str::to_owned).to_vec(),
        train: idx::read(
            embedded!("train-images-idx3-ubyte.gz")?,
            embedded!("train-labels-idx1-ubyte.gz")?,
            scratch,
        )?,
        valid: Some(idx::read(
            embedded!("valid-images-idx3-ubyte.gz")?,
            embedded!("valid-labels-idx1-ubyte.gz")?,
            scratch,
        )?),
        test: Some(idx::read(
            embedded!("test-images-idx3-ubyte.gz")?,
            embedded!("test-labels-idx1-ubyte.gz")?,
            scratch,
        )?),
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_splits_are_balanced() {
        let splits = load(&Scratch::default()).unwrap();
        let (valid, test) = (splits.valid.unwrap(), splits.test.unwrap());
        for (set, n_each) in [(&splits.train, 700), (&valid, 300), (&test, 500)] {
            let shape = set.shape();
            assert_eq!((shape.channels, shape.height, shape.width), (1, 28, 28));
            assert_eq!(set.len(), 10 * n_each);
            for class in 0..10 {
                assert_eq!(set.labels().iter().filter(|&&label| label == class).count(), n_each);
            }
        }
    }
}
