//! A data set looked at by a person: counts by split and class, rare classes, images that show
//! nothing.

use std::fmt;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use crate::data::{Contents, DataError, Dataset, ImageContents, ImageData, ImageSet};
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
    /// Looks at every item of `dataset`.
    pub fn of(dataset: &Dataset) -> Result<Self, DataError> {
        let report = Self {
            contents: Contents::of(dataset)?,
            is_on_disk: false,
            rare_classes: Vec::new(),
            constant_images: 0,
            first_constant: None,
            notes: dataset.notes().iter().map(ToString::to_string).collect(),
        };
        match (dataset, &report.contents) {
            (Dataset::Images(data), Contents::Images(contents)) => {
                let rare_classes = rare_classes(contents);
                Self { rare_classes, ..report }.with_images(data)
            }
            _ => Ok(report),
        }
    }

    /// The same with what the images themselves show.
    fn with_images(mut self, data: &ImageData) -> Result<Self, DataError> {
        for (_, set) in data.splits() {
            let constant = constant(set)?;
            self.constant_images += constant.len();
            let first = constant.first().map(|&idx| set.name(idx));
            self.first_constant = self.first_constant.or(first);
        }
        self.is_on_disk = data.splits().any(|(_, set)| set.is_on_disk());
        Ok(self)
    }

    /// How many items of what kind each split has.
    pub fn summary(&self) -> String {
        self.contents.summary()
    }

    fn classes(f: &mut fmt::Formatter<'_>, contents: &ImageContents) -> fmt::Result {
        let ImageContents { class_names, splits, .. } = contents;
        let names: Vec<String> =
            class_names.iter().take(MAX_CLASSES).map(|name| shown(name).to_string()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        write!(f, "\n{:width$}", "class")?;
        splits.iter().try_for_each(|split| write!(f, "  {:>9}", split.name))?;
        for (class, name) in names.iter().enumerate() {
            write!(f, "\n{name:width$}")?;
            splits.iter().try_for_each(|split| write!(f, "  {:>9}", split.per_class[class]))?;
        }
        if let Some(more @ 1..) = class_names.len().checked_sub(MAX_CLASSES) {
            write!(f, "\nand {more} more classes")?;
        }
        Ok(())
    }
}

/// The summary, a table of the classes of images, then what should be looked at.
impl fmt::Display for DataReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_on_disk { "read from disk" } else { "in memory" };
        writeln!(f, "{}, {place}", self.summary())?;
        write!(f, "fingerprint {}", self.contents.blake3())?;
        if let Contents::Images(contents) = &self.contents {
            Self::classes(f, contents)?;
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
fn rare_classes(contents: &ImageContents) -> Vec<String> {
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
    use crate::data::image_data::tests::numbered;
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
        let dataset = ImageData::new(names, train, numbered(1), Some(numbered(2))).unwrap();
        let report = DataReport::of(&dataset.into()).unwrap();
        assert_eq!(report.rare_classes, ["`b\\u0007e` (9 train, 0 valid)"]);
        assert_eq!(report.constant_images, 3);
        assert!(report.to_string().ends_with(
            "\nrare classes: `b\\u0007e` (9 train, 0 valid)\n\
             3 images show nothing, the first is `image 0 of 1 images`\n"
        ));
    }
}
