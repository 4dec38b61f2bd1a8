//! The images of a data set by name, each with the start of its BLAKE3: kept beside the state, it
//! says which images changed where a fingerprint says only that some did.
//!
//! ```text
//! gz of lines of JSON:
//! {"format":1,"blake3":"…"}                        the fingerprint of the data set
//! ["train","ant","0123456789abcdef","train/ant/00.png"]       split, class, image, name
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::data::image_contents::hash_images;
use crate::data::{DataError, ImageContents, ImageData};
use crate::printable::shown;

/// Hexadecimal digits of a BLAKE3 that are kept: the list explains, the fingerprint decides.
const DIGITS: usize = 16;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    blake3: String,
}

/// What is kept of an image, beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    split: String,
    class: String,
    hash: String,
}

/// Changes of one kind: the first, and how many there are.
#[derive(Default)]
struct Kind {
    first: Option<String>,
    count: usize,
}

/// The list of the images of `dataset`, whose contents are `contents`.
pub fn image_list(dataset: &ImageData, contents: &ImageContents) -> Result<Vec<u8>, DataError> {
    let mut lines = GzEncoder::new(Vec::new(), Compression::fast());
    let head = Head { format: contents.format, blake3: contents.blake3.clone() };
    let mut write = |line: String| {
        writeln!(lines, "{line}").expect("writing to memory cannot fail");
    };
    write(json(&head));
    each_image(dataset, |name, Mark { split, class, hash }| {
        write(json(&(split, class, hash, name)));
    })?;
    Ok(lines.finish().expect("writing to memory cannot fail"))
}

/// Whether `list` is that of a data set with the fingerprint `blake3`.
pub fn is_list_of(list: &[u8], blake3: &str) -> bool {
    let mut line = String::new();
    let read = BufReader::new(GzDecoder::new(list)).read_line(&mut line);
    let head = read.ok().and_then(|_| serde_json::from_str::<Head>(&line).ok());
    head.is_some_and(|head| head.blake3 == blake3)
}

/// How the images of `dataset` differ from those of `list`, a line for each kind of change.
pub fn image_changes(list: &[u8], dataset: &ImageData) -> Result<Vec<String>, DataError> {
    let (order, mut before) = read(list).unwrap_or_default();
    let [mut new, mut changed, mut moved, mut gone] = std::array::from_fn(|_| Kind::default());
    each_image(dataset, |name, mark| match before.remove(&name) {
        None => new.add(|| format!("`{}` is new", shown(&name))),
        Some(old) if old.hash != mark.hash => {
            changed.add(|| format!("`{}` shows something else", shown(&name)));
        }
        Some(old) if (&old.split, &old.class) != (&mark.split, &mark.class) => moved.add(|| {
            let place = |mark: &Mark| format!("{} of {}", shown(&mark.class), mark.split);
            format!("`{}` was {} and is {}", shown(&name), place(&old), place(&mark))
        }),
        Some(_) => {}
    })?;
    for name in order.iter().filter(|name| before.contains_key(*name)) {
        gone.add(|| format!("`{}` is gone", shown(&name)));
    }
    Ok([new, gone, changed, moved].into_iter().filter_map(Kind::line).collect())
}

impl Kind {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(what);
    }

    fn line(self) -> Option<String> {
        let first = self.first?;
        Some(match self.count {
            1 => first,
            count => format!("{first}, and {} more like it", count - 1),
        })
    }
}

/// Gives `take` every image, in order.
fn each_image(dataset: &ImageData, mut take: impl FnMut(String, Mark)) -> Result<(), DataError> {
    for (split, set) in dataset.splits() {
        hash_images(set, |idx, hash| {
            let class = dataset.class_names()[usize::from(set.labels()[idx])].clone();
            let hash = hash.to_hex()[..DIGITS].to_owned();
            take(set.name(idx), Mark { split: split.to_owned(), class, hash });
        })?;
    }
    Ok(())
}

/// The names of a list, in order, and what it says of each.
fn read(list: &[u8]) -> io::Result<(Vec<String>, HashMap<String, Mark>)> {
    let (mut order, mut marks) = (Vec::new(), HashMap::new());
    for line in BufReader::new(GzDecoder::new(list)).lines().skip(1) {
        let (split, class, hash, name): (String, String, String, String) =
            serde_json::from_str(&line?)?;
        order.push(name.clone());
        marks.insert(name, Mark { split, class, hash });
    }
    Ok((order, marks))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image_set_builder::ImageSetBuilder;
    use crate::data::{ImageSet, ImageShape, Scratch};

    /// A set of images, each a name, a pixel and a label.
    fn set(images: &[(&str, u8, u16)]) -> ImageSet {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let scratch = Scratch::default();
        let mut set = ImageSetBuilder::new("here", shape, &scratch).unwrap();
        for (name, pixel, label) in images {
            set.push_named(name, &[*pixel; 64], *label).unwrap();
        }
        set.finish(1).unwrap()
    }

    fn dataset(train: &[(&str, u8, u16)], valid: &[(&str, u8, u16)]) -> ImageData {
        let names = ["ant", "bee"].map(str::to_owned).to_vec();
        ImageData::new(names, set(train), set(valid), Some(set(&[("test/1", 9, 1)]))).unwrap()
    }

    #[test]
    fn the_first_image_of_each_kind_of_change_is_named() {
        let before = dataset(&[("a", 1, 0), ("b", 2, 1), ("c\u{7}", 3, 0)], &[("d", 4, 0)]);
        let contents = ImageContents::of(&before).unwrap();
        let list = image_list(&before, &contents).unwrap();
        assert!(is_list_of(&list, &contents.blake3) && !is_list_of(&list, "0"));
        assert!(!is_list_of(&list[..9], &contents.blake3));
        assert_eq!(image_changes(&list, &before).unwrap(), [""; 0]);
        let after = dataset(&[("a", 7, 0), ("d", 4, 0), ("e", 5, 1), ("f", 6, 1)], &[("b", 2, 0)]);
        assert_eq!(
            image_changes(&list, &after).unwrap(),
            [
                "`e` is new, and 1 more like it",
                "`c\\u0007` is gone",
                "`a` shows something else",
                "`d` was ant of valid and is ant of train, and 1 more like it",
            ]
        );
    }

    #[test]
    fn images_of_one_file_are_called_by_their_numbers() {
        let before = ImageData::load(&crate::data::DataConfig::default(), 7).unwrap();
        assert_eq!(before.valid().name(17), "image 17 of embedded:valid-images-idx3-ubyte.gz");
    }
}
