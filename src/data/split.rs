//! Splitting validation images off a training set, for sources that bring none.
//!
//! θ must learn on images that ω has not seen (ENAS, section 2.2). The authors take the last
//! 5,000 images of CIFAR-10; here they are drawn at random, for files may be sorted by class.

use rand::seq::SliceRandom;

use crate::data::{DataError, ImageSet};
use crate::random::{Owner, generator};

/// The largest share that may leave the training split: ω needs the larger part.
const MAX_SHARE: f64 = 0.5;

/// Splits `set` into training and validation images, of which there are `share` of the whole,
/// rounded, and at least one. Both keep the order of the file.
#[expect(clippy::cast_sign_loss, reason = "a share is positive")]
pub(super) fn split(
    set: &ImageSet,
    share: f64,
    seed: u64,
) -> Result<(ImageSet, ImageSet), DataError> {
    if !(share > 0.0 && share <= MAX_SHARE) {
        return Err(DataError::OutOfRange {
            key: "data.valid_share",
            expected: format!("more than 0 and at most {MAX_SHARE}"),
            found: share.to_string(),
        });
    }
    let n = set.len();
    if n < 2 {
        return Err(DataError::TooFewToSplit { path: set.origin().to_owned(), found: n });
    }
    let n_valid = ((n as f64 * share).round() as usize).clamp(1, n - 1);
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut generator(seed, Owner::Split, 0));
    let (valid, train) = order.split_at_mut(n_valid);
    valid.sort_unstable();
    train.sort_unstable();
    Ok((set.select(train), set.select(valid)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn numbered(n: u8) -> ImageSet {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let pixels = (0..n).flat_map(|n| [n; 64]).collect();
        ImageSet::new("here", shape, pixels, (0..u16::from(n)).collect()).unwrap()
    }

    #[test]
    fn every_image_is_in_one_part_and_the_share_is_kept() {
        for (n, share, n_valid) in [(10, 0.1, 1), (10, 0.5, 5), (2, 0.01, 1), (3, 0.5, 2)] {
            let (train, valid) = split(&numbered(n), share, 7).unwrap();
            assert_eq!(valid.len(), n_valid);
            let mut all = [train.labels(), valid.labels()].concat();
            all.sort_unstable();
            assert_eq!(all, numbered(n).labels());
        }
    }

    #[test]
    fn the_seed_alone_decides() {
        let labels = |seed| split(&numbered(100), 0.3, seed).unwrap().1.labels().to_vec();
        assert_eq!(labels(1), labels(1));
        assert_ne!(labels(1), labels(2));
    }

    #[test]
    fn a_share_out_of_range_or_a_lone_image_is_refused() {
        for share in [0.0, -0.1, 0.51, f64::NAN, f64::INFINITY] {
            let text = split(&numbered(10), share, 7).unwrap_err().to_string();
            assert!(text.starts_with("`data.valid_share` is "), "{text}");
        }
        let text = split(&numbered(1), 0.1, 7).unwrap_err().to_string();
        assert!(text.starts_with("`here` holds 1 image(s), too few to split"), "{text}");
    }
}
