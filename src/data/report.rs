//! A data set looked at by a person: counts by split and class, rare classes, images that show
//! nothing.

use std::fmt;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use crate::data::{Contents, DataError, Dataset, ImageSet};
use crate::printable::shown;

/// A class with fewer training images is rare: what is learned of it is chance.
const RARE: usize = 10;

/// The most classes that are listed.
const MAX_CLASSES: usize = 100;

/// What a person wants to know of a data set before a search learns from it. As text it is a table.
#[derive(Clone, Debug, Serialize)]
pub struct DataReport {
    /// What it holds.
    pub contents: Contents,
    /// Whether images are read from disk when they are needed.
    pub is_on_disk: bool,
    /// Classes with few training images, or with none to validate on.
    pub rare_classes: Vec<String>,
    /// Images whose pixels are all equal.
    pub constant_images: usize,
    /// The first of them.
    pub first_constant: Option<String>,
    /// What else was noticed.
    pub notes: Vec<String>,
}

impl DataReport {
    /// Looks at every image of `dataset`.
    pub fn of(dataset: &Dataset) -> Result<Self, DataError> {
        let contents = Contents::of(dataset)?;
        let rare_classes = rare_classes(&contents);
        let (mut constant_images, mut first_constant) = (0, None);
        for (_, set) in dataset.splits() {
            let constant = constant(set)?;
            constant_images += constant.len();
            first_constant = first_constant.or(constant.first().map(|&idx| set.name(idx)));
        }
        let is_on_disk = dataset.splits().any(|(_, set)| set.is_on_disk());
        let notes = dataset.notes().iter().map(ToString::to_string).collect();
        Ok(Self { contents, is_on_disk, rare_classes, constant_images, first_constant, notes })
    }

    /// The number of images of each split and their shape.
    pub fn summary(&self) -> String {
        let Contents { image: [channels, height, width], class_names, splits, .. } = &self.contents;
        let counts: Vec<_> = splits.iter().map(|s| format!("{} {}", s.images, s.name)).collect();
        let (counts, n_classes) = (counts.join(", "), class_names.len());
        format!("{counts} images of {channels}x{height}x{width} in {n_classes} classes")
    }
}

/// The summary, a table of classes, then what should be looked at.
impl fmt::Display for DataReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Contents { blake3, class_names, splits, .. } = &self.contents;
        let place = if self.is_on_disk { "read from disk" } else { "in memory" };
        writeln!(f, "{}, {place}", self.summary())?;
        writeln!(f, "fingerprint {blake3}")?;
        let names: Vec<String> =
            class_names.iter().take(MAX_CLASSES).map(|name| shown(name).to_string()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        write!(f, "{:width$}", "class")?;
        splits.iter().try_for_each(|split| write!(f, "  {:>9}", split.name))?;
        for (class, name) in names.iter().enumerate() {
            write!(f, "\n{name:width$}")?;
            splits.iter().try_for_each(|split| write!(f, "  {:>9}", split.per_class[class]))?;
        }
        if let Some(more @ 1..) = class_names.len().checked_sub(MAX_CLASSES) {
            write!(f, "\nand {more} more classes")?;
        }
        if !self.rare_classes.is_empty() {
            write!(f, "\nrare classes: {}", self.rare_classes.join(", "))?;
        }
        if let Some(first) = &self.first_constant {
            let first = shown(first);
            write!(f, "\n{} images show nothing, the first is `{first}`", self.constant_images)?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))?;
        writeln!(f)
    }
}

/// The classes of which too few images are learned from, or none validated on, with both counts.
fn rare_classes(contents: &Contents) -> Vec<String> {
    let count =
        |split, class: usize| contents.split(split).map_or(0, |split| split.per_class[class]);
    let rare = contents.class_names.iter().enumerate().filter_map(|(class, name)| {
        let (train, valid) = (count("train", class), count("valid", class));
        let is_rare = train < RARE || valid == 0;
        is_rare.then(|| format!("`{}` ({train} train, {valid} valid)", shown(name)))
    });
    rare.collect()
}

/// The images of `set` whose pixels are all equal.
fn constant(set: &ImageSet) -> Result<Vec<usize>, DataError> {
    let is_constant = |buffer: &mut Vec<u8>, idx| {
        let image = set.read(idx, buffer)?;
        Ok(image.iter().all(|pixel| *pixel == image[0]).then_some(idx))
    };
    let found = (0..set.len()).into_par_iter().map_init(Vec::new, is_constant);
    let found: Result<Vec<Option<usize>>, DataError> = found.collect();
    Ok(found?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::tests::numbered;
    use crate::data::{DataConfig, ImageShape};

    #[test]
    fn the_embedded_data_has_nothing_to_tell() {
        let report = DataReport::of(&Dataset::load(&DataConfig::default(), 7).unwrap()).unwrap();
        assert_eq!(
            report.summary(),
            "7000 train, 3000 valid, 5000 test images of 1x28x28 in 10 classes"
        );
        assert_eq!((report.rare_classes.len(), report.constant_images), (0, 0));
        let text = report.to_string();
        assert!(text.contains("\nclass            train      valid       test\n"), "{text}");
        assert!(text.ends_with("\nAnkle boot         700        300        500\n"), "{text}");
    }

    #[test]
    fn rare_classes_and_images_that_show_nothing_are_told() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let shown = (0..20 * 64_u32).map(|n| (n % 251) as u8).collect();
        let labels = (0..20).map(|n| u16::from(n < 9)).collect();
        let train = ImageSet::new("train", shape, shown, labels).unwrap();
        let names = ["ant", "b\u{7}e"].map(str::to_owned).to_vec();
        let dataset = Dataset::new(names, train, numbered(1), Some(numbered(2))).unwrap();
        let report = DataReport::of(&dataset).unwrap();
        assert_eq!(report.rare_classes, ["`b\\u0007e` (9 train, 0 valid)"]);
        assert_eq!(report.constant_images, 3);
        assert!(report.to_string().ends_with(
            "\nrare classes: `b\\u0007e` (9 train, 0 valid)\n\
             3 images show nothing, the first is `image 0 of 1 images`\n"
        ));
    }
}
