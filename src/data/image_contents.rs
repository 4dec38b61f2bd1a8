//! What a data set holds: a fingerprint, and the numbers that say how two of them differ.
//!
//! ```text
//! BLAKE3( "enasd data 1\n" │ channels │ height │ width │ n classes │ name of each
//!         │ for each split: its name │ n images │ for each: label │ BLAKE3( pixels ) )
//!         numbers: 8 bytes, labels 2, little end first; a text: its length, its bytes
//! ```
//!
//! Neither the path nor the names of the files are in it: the same images are the same data
//! wherever they lie. The order of the images is, for a batch is made by it.

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use crate::data::{DataError, ImageData, ImageSet};
use crate::printable::shown;

/// The form of [`ImageContents`], and what is hashed.
const FORMAT: u32 = 1;

/// Images that are hashed side by side.
const AT_ONCE: usize = 4096;

/// Changes of one kind that are listed one by one.
const MAX_LISTED: usize = 5;

/// What a data set holds. Two are equal exactly if every image, label, class name and split is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageContents {
    /// Version of this form, and of what is hashed.
    pub format: u32,
    /// The BLAKE3 of everything, in hexadecimal digits.
    pub blake3: String,
    /// Channels, rows and columns of an image.
    pub image: [usize; 3],
    /// The name of each class, in the order of the labels.
    pub class_names: Vec<String>,
    /// The splits, `train` first.
    pub splits: Vec<SplitContents>,
}

/// How many images a split holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitContents {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// Number of images.
    pub images: usize,
    /// Number of images of each class.
    pub per_class: Vec<usize>,
}

impl ImageContents {
    /// Reads every image of `dataset`.
    pub fn of(dataset: &ImageData) -> Result<Self, DataError> {
        let shape = dataset.shape();
        let image = [shape.channels, shape.height, shape.width];
        let class_names = dataset.class_names().to_vec();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"enasd data 1\n");
        for &n in image.iter().chain([&class_names.len()]) {
            number(&mut hasher, n);
        }
        for name in &class_names {
            text(&mut hasher, name);
        }
        let mut splits = Vec::new();
        for (name, set) in dataset.splits() {
            text(&mut hasher, name);
            number(&mut hasher, set.len());
            let mut per_class = vec![0; class_names.len()];
            hash_images(set, |idx, hash| {
                let label = set.labels()[idx];
                per_class[usize::from(label)] += 1;
                hasher.update(&label.to_le_bytes()).update(hash.as_bytes());
            })?;
            splits.push(SplitContents { name: name.to_owned(), images: set.len(), per_class });
        }
        let blake3 = hasher.finalize().to_hex().to_string();
        Ok(Self { format: FORMAT, blake3, image, class_names, splits })
    }

    /// How this differs from what was there `before`, a line each; nothing of it can be seen in
    /// the numbers where only images or their order changed.
    pub fn changes_from(&self, before: &Self) -> Vec<String> {
        let mut changes = self.class_changes(before);
        if self.image != before.image {
            let sides =
                |[channels, height, width]: [usize; 3]| format!("{channels}x{height}x{width}");
            changes.push(format!("images: {} → {}", sides(before.image), sides(self.image)));
        }
        for name in ["train", "valid", "test"] {
            match (before.split(name), self.split(name)) {
                (Some(old), Some(new)) => changes.extend(self.split_changes(new, before, old)),
                (Some(_), None) => changes.push(format!("the {name} split is gone")),
                (None, Some(_)) => changes.push(format!("the {name} split is new")),
                (None, None) => {}
            }
        }
        changes
    }

    /// The split called `name`.
    pub fn split(&self, name: &str) -> Option<&SplitContents> {
        self.splits.iter().find(|split| split.name == name)
    }

    /// The names of the first classes, in backquotes, and how many more there are.
    pub fn first_classes(&self) -> String {
        listed(&self.class_names)
    }

    fn class_changes(&self, before: &Self) -> Vec<String> {
        let only_in = |these: &Self, those: &Self| -> Vec<String> {
            let names = these.class_names.iter();
            names.filter(|name| !those.class_names.contains(name)).cloned().collect()
        };
        let (gone, new) = (only_in(before, self), only_in(self, before));
        let mut changes = Vec::new();
        for (names, what) in [(&gone, "gone"), (&new, "new")] {
            if !names.is_empty() {
                changes.push(format!("classes that are {what}: {}", listed(names)));
            }
        }
        if changes.is_empty() && self.class_names != before.class_names {
            changes.push("the classes have another order".to_owned());
        }
        changes
    }

    /// Counts of a split, by class where the classes are there before and after.
    fn split_changes(
        &self,
        new: &SplitContents,
        before: &Self,
        old: &SplitContents,
    ) -> Option<String> {
        let count = |names: &[String], split: &SplitContents, name: &String| {
            let class = names.iter().position(|other| other == name)?;
            split.per_class.get(class).copied()
        };
        let by_class = self.class_names.iter().filter_map(|name| {
            let old = count(&before.class_names, old, name)?;
            let new = count(&self.class_names, new, name)?;
            (old != new).then(|| format!("`{}` {old} → {new}", shown(name)))
        });
        let by_class: Vec<String> = by_class.collect();
        if old.images == new.images && by_class.is_empty() {
            return None;
        }
        let classes =
            if by_class.is_empty() { String::new() } else { format!(" ({})", first_of(&by_class)) };
        Some(format!("{}: {} images → {}{classes}", new.name, old.images, new.images))
    }
}

/// Gives `take` the number and the BLAKE3 of every image, in order. Threads change nothing of it.
pub(super) fn hash_images(
    set: &ImageSet,
    mut take: impl FnMut(usize, blake3::Hash),
) -> Result<(), DataError> {
    for start in (0..set.len()).step_by(AT_ONCE) {
        let range = start..set.len().min(start + AT_ONCE);
        let hashes: Vec<Result<_, DataError>> = range
            .clone()
            .into_par_iter()
            .map_init(Vec::new, |buffer, idx| Ok(blake3::hash(set.read(idx, buffer)?)))
            .collect();
        for (idx, hash) in range.zip(hashes) {
            take(idx, hash?);
        }
    }
    Ok(())
}

fn number(hasher: &mut blake3::Hasher, n: usize) {
    hasher.update(&(n as u64).to_le_bytes());
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    number(hasher, text.len());
    hasher.update(text.as_bytes());
}

/// Names in backquotes.
fn listed(names: &[String]) -> String {
    first_of(&names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>())
}

/// The first of `texts`, with commas between, and how many more there are.
fn first_of(texts: &[String]) -> String {
    let first = texts.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(MAX_LISTED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::data::image_data::tests::numbered;

    /// Three sets of numbered images, the last class of which is called `last`.
    fn dataset(sizes: [usize; 3], last: &str) -> ImageData {
        let mut names: Vec<String> = (0..5).map(|class| class.to_string()).collect();
        names[4] = last.to_owned();
        let [train, valid, test] = sizes.map(numbered);
        ImageData::new(names, train, valid, Some(test)).unwrap()
    }

    fn contents(sizes: [usize; 3], last: &str) -> ImageContents {
        ImageContents::of(&dataset(sizes, last)).unwrap()
    }

    #[test]
    fn the_fingerprint_is_what_it_was() {
        let found = contents([3, 2, 1], "4");
        assert_eq!(
            found.blake3,
            "b08047263f631b4cbc57a0a9ddcec116bcad336bc02189aa96c8c3f1931d6b76"
        );
        assert_eq!((found.image, found.format), ([1, 8, 8], 1));
        assert_eq!(found.split("train").unwrap().per_class, [1, 1, 1, 0, 0]);
    }

    #[test]
    fn every_part_of_the_contents_is_in_the_fingerprint() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let images = |pixels: &[u8], labels: &[u16]| {
            let pixels = pixels.iter().flat_map(|&pixel| [pixel; 64]).collect();
            ImageSet::new("here", shape, pixels, labels.to_vec()).unwrap()
        };
        let set = |train: ImageSet| {
            let names = (0..5).map(|class| class.to_string()).collect();
            ImageContents::of(
                &ImageData::new(names, train, numbered(2), Some(numbered(1))).unwrap(),
            )
            .unwrap()
        };
        let all = [
            contents([3, 2, 1], "4"),
            contents([3, 2, 1], "four"),
            contents([4, 2, 1], "4"),
            contents([3, 1, 1], "4"),
            contents([3, 1, 2], "4"),
            set(images(&[0, 1, 3], &[0, 1, 2])),
            set(images(&[0, 1, 2], &[0, 1, 1])),
            set(images(&[1, 0, 2], &[1, 0, 2])),
        ];
        let hashes: std::collections::BTreeSet<&str> =
            all.iter().map(|one| one.blake3.as_str()).collect();
        assert_eq!(hashes.len(), all.len());
        assert_eq!(set(images(&[0, 1, 2], &[0, 1, 2])), contents([3, 2, 1], "4"));
    }

    #[track_caller]
    fn check(before: &ImageContents, after: &ImageContents, expected: &[&str]) {
        assert_eq!(after.changes_from(before), expected);
    }

    #[test]
    fn changes_are_told_by_class_and_split() {
        let before = contents([3, 2, 1], "4");
        check(&before, &before, &[]);
        let renamed = contents([3, 2, 1], "\u{1b}[2J");
        check(
            &before,
            &renamed,
            &["classes that are gone: `4`", "classes that are new: `\\u001b[2J`"],
        );
        let more = contents([5, 2, 2], "4");
        let train = "train: 3 images → 5 (`3` 0 → 1, `4` 0 → 1)";
        check(&before, &more, &[train, "test: 1 images → 2 (`1` 0 → 1)"]);
        let mut turned = before.clone();
        turned.class_names.swap(0, 4);
        let order = ["the classes have another order"];
        assert_eq!(turned.changes_from(&before)[..1], order);
    }
}
