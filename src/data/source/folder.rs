//! A folder of images by class.
//!
//! ```text
//! PATH/train/cat/1.png   PATH/train/dog/a.jpg …    PATH/test/… likewise    PATH/valid/… if wanted
//! ```
//!
//! Classes are the folders of `train` sorted by name, images are sorted by name within a class.
//! The format is told by the contents, the extension only says that a file is meant as an image.
//! Images become color unless every one of every split is grey; transparency is dropped, 16-bit
//! values are halved to 8 bits, and orientation marks of cameras are not followed. An image of
//! another size is resized to `side`×`side` without keeping its proportions, with a triangle filter
//! (bilinear, widened when it shrinks, so that nothing flickers or rings).

use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{ImageReader, Limits};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{RawFile, Splits, check_folder};
use crate::data::image_set::SIDES;
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::{DataError, ImageShape, Scratch};

/// The most bytes of one image file: the largest photographs have a quarter of it.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The longest side of an image before it is resized: beyond it lies nothing worth shrinking to
/// 256, and a small file that unpacks to it still fits into memory.
const MAX_DECODED_SIDE: u32 = 8192;

/// The most bytes that decoding one image may take: color with 8192×8192 pixels.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// Images that are decoded before they are stored: at 256 pixels a side they take 50 MB.
const AT_ONCE: usize = 256;

/// Extensions of files that are images, in lower case.
const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The image files of one split and their classes.
struct Listing {
    folder: PathBuf,
    class_names: Vec<String>,
    files: Vec<PathBuf>,
    labels: Vec<u16>,
}

/// Reads the images under `folder`, resized to `side`×`side`.
pub(super) fn load(folder: &Path, side: usize, scratch: &Scratch) -> Result<Splits, DataError> {
    if !SIDES.contains(&side) {
        return Err(DataError::OutOfRange {
            key: "data.side",
            expected: format!("{} to {}", SIDES.start(), SIDES.end()),
            found: side.to_string(),
        });
    }
    let train = Listing::of(folder.join("train"))?;
    let test = Listing::of(folder.join("test"))?;
    let valid = folder.join("valid");
    let has_valid = valid.try_exists().map_err(|source| io("look at", &valid, source))?;
    let valid = if has_valid { Some(Listing::of(valid)?) } else { None };
    for other in valid.iter().chain([&test]) {
        train.check_same_classes(other)?;
    }
    let color = ImageShape { channels: 3, height: side, width: side };
    let mut is_grey = true;
    let mut read = |listing: &Listing| {
        let mut set = ImageSetBuilder::new(&listing.folder, color, scratch)?;
        is_grey &= listing.read(folder, &mut set)?;
        Ok(set)
    };
    let sets = (read(&train)?, valid.as_ref().map(&mut read).transpose()?, read(&test)?);
    let channels = if is_grey { 1 } else { 3 };
    Ok(Splits {
        class_names: train.class_names,
        train: sets.0.finish(channels)?,
        valid: sets.1.map(|valid| valid.finish(channels)).transpose()?,
        test: sets.2.finish(channels)?,
    })
}

impl Listing {
    /// What lies in the class folders of `folder`.
    fn of(folder: PathBuf) -> Result<Self, DataError> {
        let mut listing =
            Self { class_names: Vec::new(), files: Vec::new(), labels: Vec::new(), folder };
        let expected = "a folder with one folder of images for each class";
        for (class, path) in entries(&listing.folder, expected)?.into_iter().enumerate() {
            let name = path.file_name().and_then(OsStr::to_str);
            let name = name.ok_or_else(|| DataError::ClassName { path: path.clone() })?;
            let label = u16::try_from(class).map_err(|_| DataError::ClassCount {
                path: listing.folder.clone(),
                found: class + 1,
            })?;
            listing.class_names.push(name.to_owned());
            let files = entries(&path, "a class folder with images")?;
            if files.is_empty() {
                return Err(DataError::Empty { path });
            }
            for file in files {
                if !is_image(&file) {
                    return Err(DataError::NotAnImage { path: file });
                }
                listing.files.push(file);
                listing.labels.push(label);
            }
        }
        Ok(listing)
    }

    fn check_same_classes(&self, other: &Self) -> Result<(), DataError> {
        if self.class_names == other.class_names {
            return Ok(());
        }
        let only_in = |these: &[String], those: &[String]| {
            these.iter().filter(|name| !those.contains(name)).cloned().collect()
        };
        Err(DataError::ClassFolders {
            train: self.folder.clone(),
            path: other.folder.clone(),
            missing: only_in(&self.class_names, &other.class_names),
            unknown: only_in(&other.class_names, &self.class_names),
        })
    }

    /// Puts every image into `set` as color; whether all are grey.
    fn read(&self, root: &Path, set: &mut ImageSetBuilder) -> Result<bool, DataError> {
        let mut is_grey = true;
        let (n_plane, files) = (set.shape().height * set.shape().width, self.files.iter());
        let mut items = files.zip(&self.labels);
        for files in self.files.chunks(AT_ONCE) {
            for (image, (file, &label)) in
                decode_all(files, set.shape().width)?.iter().zip(&mut items)
            {
                let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
                if image.len() == n_plane {
                    set.push_named(&name, &image.repeat(3), label)?;
                } else {
                    is_grey = false;
                    set.push_named(&name, image, label)?;
                }
            }
        }
        Ok(is_grey)
    }
}

/// What lies in `folder` and is not hidden, sorted by name; `expected` says what should.
fn entries(folder: &Path, expected: &'static str) -> Result<Vec<PathBuf>, DataError> {
    check_folder(folder, expected)?;
    let list = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = list().map_err(|source| io("list", folder, source))?;
    paths.retain(|path| {
        path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
    });
    paths.sort();
    Ok(paths)
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> DataError {
    DataError::Io { action, path: path.to_owned(), source }
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// The pixels of every image, in the order of `files`, grey or color each. The first error in that
/// order is reported, whichever thread comes upon one first.
fn decode_all(files: &[PathBuf], side: usize) -> Result<Vec<Vec<u8>>, DataError> {
    let results: Vec<_> = files.par_iter().map(|file| decode(file, side as u32)).collect();
    results.into_iter().collect()
}

/// The pixels of one image, `(h, w)` if it is grey, `(3, h, w)` if not.
fn decode(path: &Path, side: u32) -> Result<Vec<u8>, DataError> {
    let bytes = RawFile::at(path)?.rest(MAX_FILE_BYTES)?;
    let failed = |source| DataError::Image { path: path.to_owned(), source };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|source| io("read", path, source))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_DECODED_SIDE);
    limits.max_image_height = Some(MAX_DECODED_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut image = reader.decode().map_err(failed)?;
    if (image.width(), image.height()) != (side, side) {
        image = image.resize_exact(side, side, FilterType::Triangle);
    }
    if !image.color().has_color() {
        return Ok(image.into_luma8().into_raw());
    }
    let pixels = image.into_rgb8().into_raw();
    Ok((0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect())
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    fn grey(side: u32, value: u8) -> DynamicImage {
        GrayImage::from_pixel(side, side, Luma([value])).into()
    }

    fn color(side: u32, value: [u8; 3]) -> DynamicImage {
        RgbImage::from_pixel(side, side, Rgb(value)).into()
    }

    /// A folder with two classes of grey images of 8 by 8 in `train` and `test`.
    fn sound() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [
            ("train/cat/2.png", 2),
            ("train/cat/1.png", 1),
            ("train/ant/3.PNG", 3),
            ("test/cat/1.png", 4),
            ("test/ant/1.png", 5),
        ] {
            put(folder.path(), name, &grey(8, value));
        }
        folder
    }

    fn put(folder: &Path, name: &str, image: &DynamicImage) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(path).unwrap();
    }

    /// Loads a sound folder after `change`, and looks for `text` in the error.
    #[track_caller]
    fn check(side: usize, change: impl Fn(&Path), text: &str) {
        let folder = sound();
        change(folder.path());
        let found = load(folder.path(), side, &Scratch::default()).unwrap_err().to_string();
        let found = found.replace(&format!("{}/", folder.path().display()), "");
        assert!(found.contains(text), "{found}");
    }

    #[test]
    fn classes_and_images_are_sorted_by_name() {
        let splits = load(sound().path(), 8, &Scratch::default()).unwrap();
        assert_eq!(splits.class_names, ["ant", "cat"]);
        assert_eq!(splits.train.labels(), [0, 1, 1]);
        let firsts: Vec<u8> = (0..3).map(|idx| splits.train.image(idx)[0]).collect();
        assert_eq!((firsts, splits.train.shape().channels), (vec![3, 1, 2], 1));
        assert!(splits.valid.is_none());
    }

    #[test]
    fn one_color_image_makes_all_color() {
        let folder = sound();
        put(folder.path(), "valid/ant/1.png", &color(8, [10, 20, 30]));
        put(folder.path(), "valid/cat/1.png", &grey(8, 9));
        let splits = load(folder.path(), 8, &Scratch::default()).unwrap();
        let valid = splits.valid.unwrap();
        let expected = [[10; 64], [20; 64], [30; 64]].concat();
        assert_eq!((valid.image(0), valid.image(1)), (expected, vec![9; 192]));
        assert_eq!(splits.train.image(0), [3; 192]);
    }

    #[test]
    fn images_are_resized_and_hidden_files_ignored() {
        let folder = sound();
        put(folder.path(), "train/ant/1.jpg", &grey(40, 200));
        fs::write(folder.path().join("train/.DS_Store"), "x").unwrap();
        fs::write(folder.path().join("train/ant/._1.png"), "x").unwrap();
        let splits = load(folder.path(), 16, &Scratch::default()).unwrap();
        assert_eq!((splits.train.len(), splits.train.shape().width), (4, 16));
        assert!(splits.train.image(0).iter().all(|&pixel| pixel.abs_diff(200) < 4));
        assert_eq!(splits.train.image(1), [3; 256]);
    }

    #[test]
    fn folders_that_are_missing_empty_or_different_are_refused() {
        let remove = |name: &'static str| move |f: &Path| fs::remove_dir_all(f.join(name)).unwrap();
        let create = |name: &'static str| move |f: &Path| fs::create_dir_all(f.join(name)).unwrap();
        check(8, remove("train"), "`train` is not a folder; expected a folder with one folder of");
        check(8, remove("test"), "`test` is not a folder");
        check(8, create("train/dog"), "`train/dog` holds no image");
        check(
            8,
            |folder| fs::rename(folder.join("test/cat"), folder.join("test/cow")).unwrap(),
            "the class folders of `test` differ from those of `train`: missing `cat`, unknown `cow`",
        );
        check(8, create("valid"), "of `valid` differ from those of `train`: missing `ant`, `cat`");
        check(7, |_| (), "`data.side` is 7; expected 8 to 256");
    }

    #[test]
    fn files_that_are_no_images_are_refused() {
        let write = |name: &'static str, bytes: &'static [u8]| {
            move |folder: &Path| fs::write(folder.join(name), bytes).unwrap()
        };
        check(8, write("train/ant/x.txt", b"x"), "`train/ant/x.txt` is not a .png, .jpg or .jpeg");
        check(8, write("train/x.png", b"x"), "`train/x.png` is not a folder; expected a class");
        check(8, write("train/ant/0.png", b"x"), "cannot decode image `train/ant/0.png`: ");
        check(
            8,
            |folder| {
                let path = folder.join("test/ant/1.png");
                let bytes = fs::read(&path).unwrap();
                fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            },
            "cannot decode image `test/ant/1.png`: ",
        );
    }

    #[test]
    fn an_image_that_unpacks_to_too_much_is_refused() {
        check(
            8,
            |folder| {
                GrayImage::new(8193, 1).save(folder.join("train/ant/wide.png")).unwrap();
            },
            "cannot decode image `train/ant/wide.png`: Image size exceeds limit",
        );
    }
}
