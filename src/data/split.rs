//! Splitting validation and test images off a training set, for sources that bring none.
//!
//! θ must learn on images that ω has not seen (ENAS, section 2.2). The authors take the last
//! 5,000 images of CIFAR-10; here they are drawn at random, for files may be sorted by class, and
//! from each class its share: drawn from the whole, a rare class may be in one part only.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;

use crate::data::config::MAX_SHARE;
use crate::data::note::N_EXAMPLES;
use crate::data::source::Splits;
use crate::data::{DataConfig, DataError, DataNote, ImageSet, SplitRule};
use crate::random::{Owner, generator};

/// The three splits.
pub(super) struct Parts {
    pub(super) class_names: Vec<String>,
    pub(super) train: ImageSet,
    pub(super) valid: ImageSet,
    pub(super) test: Option<ImageSet>,
    pub(super) notes: Vec<DataNote>,
}

/// The splits of a source, those that it does not bring split off the training images.
pub(super) fn parts(splits: Splits, config: &DataConfig, seed: u64) -> Result<Parts, DataError> {
    let Splits { class_names, train, valid, test, mut notes } = splits;
    let split = |set: &ImageSet, part| split(set, &class_names, part, config, seed);
    let (train, test) = match test {
        None if config.test_share != 0.0 => {
            let (train, test) = split(&train, &TEST)?;
            (train, Some(test))
        }
        test => (train, test),
    };
    let (train, valid) = match valid {
        Some(valid) => (train, valid),
        None => split(&train, &VALIDATION)?,
    };
    if test.is_none() {
        notes.push(DataNote::NoTest);
    }
    Ok(Parts { class_names, train, valid, test, notes })
}

/// A part that is split off.
struct Part {
    name: &'static str,
    key: &'static str,
    share: fn(&DataConfig) -> f64,
    /// Each part is a draw of its own.
    draw: u64,
}

const VALIDATION: Part = Part {
    name: "validation",
    key: "data.valid_share",
    share: |config| config.valid_share,
    draw: 0,
};
const TEST: Part =
    Part { name: "test", key: "data.test_share", share: |config| config.test_share, draw: 1 };

/// Splits `set` into what stays and `part`, both in the order of the file. Of the whole, or of
/// each class, the part has its share, rounded, and at least one image where two are there.
fn split(
    set: &ImageSet,
    class_names: &[String],
    part: &Part,
    config: &DataConfig,
    seed: u64,
) -> Result<(ImageSet, ImageSet), DataError> {
    let share = (part.share)(config);
    if !(share > 0.0 && share <= MAX_SHARE) {
        return Err(DataError::OutOfRange {
            key: part.key,
            expected: format!("more than 0 and at most {MAX_SHARE}"),
            found: share.to_string(),
        });
    }
    let mut groups = match config.split {
        SplitRule::Whole => vec![(0..set.len()).collect()],
        SplitRule::ByClass => by_class(set.labels()),
    };
    let mut rng = generator(seed, Owner::Split, part.draw);
    let (mut stay, mut leave) = (Vec::new(), Vec::new());
    for group in &mut groups {
        group.shuffle(&mut rng);
        let (leaving, staying) = group.split_at(n_leaving(group.len(), share));
        leave.extend_from_slice(leaving);
        stay.extend_from_slice(staying);
    }
    if leave.is_empty() {
        let labels: BTreeSet<u16> = set.labels().iter().copied().collect();
        let names = labels.iter().filter_map(|&label| class_names.get(usize::from(label)));
        return Err(DataError::TooFewToSplit {
            path: set.origin().to_owned(),
            count: labels.len(),
            classes: names.take(N_EXAMPLES).cloned().collect(),
            part: part.name,
        });
    }
    stay.sort_unstable();
    leave.sort_unstable();
    Ok((set.select(&stay), set.select(&leave)))
}

/// How many of `n` images leave; one at least stays.
fn n_leaving(n: usize, share: f64) -> usize {
    let most = n.saturating_sub(1);
    ((n as f64 * share).round() as usize).clamp(most.min(1), most)
}

/// The numbers of the images of each class that has one.
pub(super) fn by_class(labels: &[u16]) -> Vec<Vec<usize>> {
    let mut groups = BTreeMap::<u16, Vec<usize>>::new();
    for (idx, &label) in labels.iter().enumerate() {
        groups.entry(label).or_default().push(idx);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    /// An image for each of `labels`, whose pixels are all its number.
    fn set(labels: Vec<u16>) -> ImageSet {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let pixels = (0..labels.len()).flat_map(|n| [n as u8; 64]).collect();
        ImageSet::new("here", shape, pixels, labels).unwrap()
    }

    /// Images of a class each.
    fn numbered(n: u16) -> ImageSet {
        set((0..n).collect())
    }

    fn config(split: SplitRule, share: f64) -> DataConfig {
        DataConfig { split, valid_share: share, test_share: share, ..DataConfig::default() }
    }

    /// Splits validation images off.
    fn halves(set: &ImageSet, rule: SplitRule, share: f64, seed: u64) -> (ImageSet, ImageSet) {
        split(set, &[], &VALIDATION, &config(rule, share), seed).unwrap()
    }

    /// The numbers of the images of a set.
    fn numbers(set: &ImageSet) -> Vec<u8> {
        (0..set.len()).map(|idx| set.image(idx)[0]).collect()
    }

    #[test]
    fn every_image_is_in_one_part_and_the_share_is_kept() {
        for (n, share, n_valid) in [(10, 0.1, 1), (10, 0.5, 5), (2, 0.01, 1), (3, 0.5, 2)] {
            for (set, rule) in
                [(numbered(n), SplitRule::Whole), (set(vec![7; n.into()]), SplitRule::ByClass)]
            {
                let (train, valid) = halves(&set, rule, share, 7);
                assert_eq!(valid.len(), n_valid);
                let mut all = [numbers(&train), numbers(&valid)].concat();
                assert!(numbers(&train).is_sorted() && numbers(&valid).is_sorted());
                all.sort_unstable();
                assert_eq!(all, numbers(&set));
            }
        }
    }

    #[test]
    fn the_draw_from_the_whole_is_the_one_that_older_states_were_made_with() {
        let (_, valid) = halves(&numbered(20), SplitRule::Whole, 0.3, 42);
        assert_eq!(numbers(&valid), [2, 7, 12, 15, 17, 19]);
    }

    #[test]
    fn each_class_gives_its_share() {
        // 40 of class 0, 20 of class 1, 2 of class 2 and one of class 3.
        let labels = (0..60).map(|n| u16::from(n % 3 == 1)).chain([2, 3, 2]);
        let set = set(labels.collect());
        let count = |set: &ImageSet, class| set.labels().iter().filter(|&&l| l == class).count();
        for seed in 0..20 {
            let (train, valid) = halves(&set, SplitRule::ByClass, 0.1, seed);
            assert_eq!([0, 1, 2, 3].map(|class| count(&valid, class)), [4, 2, 1, 0]);
            assert_eq!([0, 1, 2, 3].map(|class| count(&train, class)), [36, 18, 1, 1]);
        }
    }

    #[test]
    fn the_seed_alone_decides() {
        for rule in [SplitRule::Whole, SplitRule::ByClass] {
            let set = set((0..100).map(|n| n % 2).collect());
            let valid = |seed| numbers(&halves(&set, rule, 0.3, seed).1);
            assert_eq!(valid(1), valid(1));
            assert_ne!(valid(1), valid(2));
        }
    }

    #[test]
    fn a_share_out_of_range_or_lone_images_are_refused() {
        for share in [0.0, -0.1, 0.51, f64::NAN, f64::INFINITY] {
            let config = config(SplitRule::Whole, share);
            let found = split(&numbered(10), &[], &VALIDATION, &config, 7).unwrap_err().to_string();
            assert!(found.starts_with("`data.valid_share` is "), "{found}");
        }
        let names = ["ant", "bee", "cow"].map(str::to_owned);
        for (n, rule, classes) in
            [(1, SplitRule::Whole, "1, `ant`"), (3, SplitRule::ByClass, "3, `ant`, `bee`, `cow`")]
        {
            let found = split(&numbered(n), &names, &TEST, &config(rule, 0.1), 7).unwrap_err();
            let text = found.to_string();
            let expected = format!("`here` has one image of each class that it has ({classes}), ");
            assert!(text.starts_with(&expected), "{text}");
        }
    }

    fn splits(train: ImageSet, valid: Option<ImageSet>, test: Option<ImageSet>) -> Splits {
        let class_names = ["ant", "bee", "cow"].map(str::to_owned).to_vec();
        Splits { class_names, train, valid, test, notes: Vec::new() }
    }

    #[test]
    fn what_the_source_does_not_bring_is_split_off_and_told() {
        let train = || set((0..60).map(|n| n % 3).collect());
        let by_class = config(SplitRule::ByClass, 0.1);
        let found = parts(splits(train(), None, None), &by_class, 7).unwrap();
        let test = found.test.unwrap();
        assert_eq!((found.train.len(), found.valid.len(), test.len()), (48, 6, 6));
        assert_eq!(found.notes, []);

        let without = DataConfig { test_share: 0.0, ..by_class };
        let found = parts(splits(train(), Some(set(vec![0, 2])), None), &without, 7).unwrap();
        assert!(found.test.is_none() && found.train.len() == 60);
        assert_eq!((found.valid.len(), &found.notes[..]), (2, &[DataNote::NoTest][..]));
    }
}
