//! Folders as people have them, sound and not.

use std::fs;
use std::os::unix::fs::symlink;

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::data::fit_image;

fn grey(side: u32, value: u8) -> DynamicImage {
    GrayImage::from_pixel(side, side, Luma([value])).into()
}

fn color(side: u32, value: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(side, side, Rgb(value)).into()
}

/// 16 bits a value, from `low` on.
fn deep(low: u16) -> DynamicImage {
    ImageBuffer::from_fn(8, 8, |x, y| Luma([low + (x + 8 * y) as u16])).into()
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

/// Loads a sound folder after `change`.
fn loaded(side: usize, change: impl Fn(&Path)) -> Result<Splits, String> {
    let folder = sound();
    change(folder.path());
    let in_folder = format!("{}/", folder.path().display());
    load(folder.path(), side, &Scratch::default())
        .map_err(|error| error.to_string().replace(&in_folder, ""))
}

/// Loads a sound folder after `change`, and looks for `texts` in the error.
#[track_caller]
fn check(side: usize, change: impl Fn(&Path), texts: &[&str]) {
    let found = loaded(side, change).unwrap_err();
    for text in texts {
        assert!(found.contains(text), "{found}");
    }
    let n_told = found.lines().count().saturating_sub(1).max(1);
    assert_eq!(n_told, texts.len(), "{found}");
}

#[test]
fn classes_and_images_are_sorted_by_name() {
    let splits = loaded(8, |_| ()).unwrap();
    assert_eq!(splits.class_names, ["ant", "cat"]);
    assert_eq!(splits.train.labels(), [0, 1, 1]);
    let firsts: Vec<u8> = (0..3).map(|idx| splits.train.image(idx)[0]).collect();
    assert_eq!((firsts, splits.train.shape().channels), (vec![3, 1, 2], 1));
    assert!(splits.valid.is_none() && splits.notes.is_empty());
}

#[test]
fn one_color_image_makes_all_color() {
    let splits = loaded(8, |folder| {
        put(folder, "valid/ant/1.png", &color(8, [10, 20, 30]));
        put(folder, "valid/cat/1.png", &grey(8, 9));
    });
    let splits = splits.unwrap();
    let valid = splits.valid.unwrap();
    let expected = [[10; 64], [20; 64], [30; 64]].concat();
    assert_eq!((valid.image(0), valid.image(1)), (expected, vec![9; 192]));
    assert_eq!(splits.train.image(0), [3; 192]);
}

#[test]
fn images_are_resized_and_read_whatever_their_extension() {
    let splits = loaded(16, |folder| {
        put(folder, "train/ant/1.jpg", &grey(40, 200));
        fs::rename(folder.join("train/ant/3.PNG"), folder.join("train/ant/3.jfif")).unwrap();
    });
    let train = splits.unwrap().train;
    assert_eq!((train.len(), train.shape().width), (4, 16));
    assert!(train.image(0).iter().all(|&pixel| pixel.abs_diff(200) < 4));
    assert_eq!(train.image(1), [3; 256]);
}

#[test]
fn litter_is_passed_over_and_counted() {
    let splits = loaded(8, |folder| {
        for name in ["train/lost+found", "train/__MACOSX/ant", "train/.cache", "docs"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        for name in ["train/.DS_Store", "train/ant/._3.png", "train/ant/Thumbs.db", "names.txt"] {
            fs::write(folder.join(name), "x").unwrap();
        }
    });
    let splits = splits.unwrap();
    let [DataNote::Ignored { count: 8, examples }] = &splits.notes[..] else {
        panic!("{:?}", splits.notes)
    };
    assert!(examples.is_sorted() && examples[7].ends_with("train/lost+found"));
    assert_eq!(splits.train.len(), 3);
}

#[test]
fn folders_that_are_missing_empty_or_different_are_refused() {
    let remove = |name: &'static str| move |f: &Path| fs::remove_dir_all(f.join(name)).unwrap();
    let create = |name: &'static str| move |f: &Path| fs::create_dir_all(f.join(name)).unwrap();
    check(8, remove("train"), &["`train` is not a folder; expected a folder with one folder of"]);
    check(
        8,
        |folder| {
            fs::create_dir_all(folder.join("train/dog")).unwrap();
            fs::create_dir_all(folder.join("test/dog")).unwrap();
        },
        &["`train/dog` holds no image", "`test/dog` holds no image"],
    );
    check(
        8,
        |folder| fs::rename(folder.join("test/cat"), folder.join("test/cow")).unwrap(),
        &["folders of `test` differ from those of `train`: missing `cat`, unknown `cow`"],
    );
    check(8, create("valid"), &["`valid` differ from those of `train`: missing `ant`, `cat`"]);
    check(7, |_| (), &["`data.side` is 7; expected 8 to 256"]);
}

#[test]
fn a_split_has_one_of_its_names() {
    for name in ["val", "valid", "validation"] {
        let splits = loaded(8, |folder| {
            put(folder, &format!("{name}/ant/1.png"), &grey(8, 8));
            put(folder, &format!("{name}/cat/1.png"), &grey(8, 9));
        });
        assert_eq!(splits.unwrap().valid.unwrap().labels(), [0, 1]);
    }
    check(
        8,
        |folder| {
            put(folder, "val/ant/1.png", &grey(8, 8));
            put(folder, "valid/ant/1.png", &grey(8, 8));
            put(folder, "dev/cat/1.png", &grey(8, 9));
        },
        &[
            "`dev` looks like a split, for it has folders of the classes `cat`, but only",
            "valid` is a second validation split beside `val`; keep one",
            "`val` differ from those of `train`: missing `cat`",
        ],
    );
    let splits = loaded(8, |folder| fs::remove_dir_all(folder.join("test")).unwrap());
    assert!(splits.unwrap().test.is_none());
}

#[test]
fn names_are_compared_as_they_look() {
    let rename = |folder: &Path, from: &str, to: &str| {
        fs::rename(folder.join(from), folder.join(to)).unwrap();
    };
    let splits = loaded(8, |folder| {
        rename(folder, "train/cat", "train/caf\u{e9}");
        rename(folder, "test/cat", "test/cafe\u{301}");
    });
    let splits = splits.unwrap();
    assert_eq!(splits.class_names, ["ant", "caf\u{e9}"]);
    assert_eq!(splits.test.unwrap().labels(), [0, 1]);
    check(
        8,
        |folder| {
            rename(folder, "train/cat", "train/caf\u{e9}");
            rename(folder, "test/cat", "test/caf\u{e9}");
            put(folder, "train/cafe\u{301}/1.png", &grey(8, 8));
        },
        &["`train/caf\u{e9}` has the name of `train/cafe\u{301}`, written with other"],
    );
}

#[test]
fn every_problem_is_told_with_its_own_cause() {
    check(
        8,
        |folder| {
            let ant = folder.join("train/ant");
            fs::write(ant.join("0.png"), "").unwrap();
            fs::write(ant.join("1.csv"), "a,b\n").unwrap();
            fs::create_dir(ant.join("sub")).unwrap();
            symlink("/no/such.png", ant.join("4.png")).unwrap();
            symlink("5.png", ant.join("5.png")).unwrap();
            symlink("..", folder.join("train/loop")).unwrap();
            fs::write(folder.join("train/x.png"), "x").unwrap();
            GrayImage::new(8193, 1).save(ant.join("wide.png")).unwrap();
            let bytes = fs::read(folder.join("test/ant/1.png")).unwrap();
            fs::write(folder.join("test/ant/1.png"), &bytes[..bytes.len() / 2]).unwrap();
        },
        &[
            "`train/loop` is a link to `..`, which leads back to it; remove the link",
            "`train/x.png` is a file beside the class folders",
            "`train/ant/4.png` is a link to `/no/such.png`, which is not there",
            "`train/ant/5.png` is a link to `5.png`, which leads back to it",
            "`train/ant/sub` is a folder inside a class folder",
            "image `train/ant/0.png` is empty (0 bytes)",
            "image `train/ant/1.csv` is text, and class folders hold images only",
            "image `train/ant/wide.png` is 8193×1 pixels, and a side may have 8192 at most",
            "image `test/ant/1.png` cannot be decoded: ",
        ],
    );
}

#[test]
fn what_was_done_to_images_is_noted() {
    let splits = loaded(8, |folder| {
        let glass = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]));
        glass.save(folder.join("train/ant/1.png")).unwrap();
        glass.save(folder.join("test/ant/2.png")).unwrap();
    });
    let splits = splits.unwrap();
    let [DataNote::Transparent { count: 2, example }] = &splits.notes[..] else {
        panic!("{:?}", splits.notes)
    };
    assert!(example.ends_with("train/ant/1.png") && splits.train.image(0) == [255; 192]);
}

#[test]
fn the_range_of_images_of_16_bits_is_kept() {
    let all_deep = |folder: &Path| {
        put(folder, "train/ant/3.PNG", &deep(1000));
        put(folder, "train/cat/1.png", &deep(1064));
        put(folder, "train/cat/2.png", &deep(1191));
        put(folder, "test/ant/1.png", &deep(0));
        put(folder, "test/cat/1.png", &deep(1064));
    };
    let splits = loaded(8, |folder| {
        all_deep(folder);
        put(folder, "test/ant/1.png", &deep(1300 - 64));
    });
    let splits = splits.unwrap();
    assert_eq!(splits.notes, [DataNote::Deep { count: 5, low: 1000, high: 1254 }]);
    let expected: Vec<u8> = (0..64).map(|n: usize| ((n * 510 + 254) / 508) as u8).collect();
    assert_eq!(splits.train.image(0), expected);
    // Beyond the range of the training images.
    assert_eq!(splits.test.unwrap().image(0)[63], 255);

    check(8, all_deep, &["image `test/ant/1.png` has 16 bits a value, from 0 to 63, and the set"]);
    check(
        8,
        |folder| put(folder, "train/ant/3.PNG", &deep(1000)),
        &["from 1000 to 1063, and the set goes from 0 to 65535: its 8 bits would make them"],
    );
    let full = ImageBuffer::from_fn(8, 8, |x, y| Luma([(x + 8 * y) as u16 * 1040]));
    let splits = loaded(8, |folder| put(folder, "train/ant/3.PNG", &full.clone().into()));
    assert_eq!(splits.unwrap().train.image(0)[..4], [0, 4, 8, 12]);
}

/// Whatever a folder holds, an image of it that comes from outside has the same pixels.
#[test]
fn an_image_from_outside_is_fitted_as_the_folders_own() {
    let changes: [&dyn Fn(&Path); 4] = [
        &|_| (),
        &|folder| {
            put(folder, "train/cat/1.png", &grey(31, 77));
            RgbImage::from_fn(40, 23, |x, y| Rgb([(x * 6) as u8, (y * 11) as u8, 9]))
                .save(folder.join("train/ant/1.jpg"))
                .unwrap();
            RgbaImage::from_fn(9, 12, |x, y| Rgba([1, 2, 3, (x * y * 2) as u8]))
                .save(folder.join("train/ant/2.png"))
                .unwrap();
        },
        // Of images of 16 bits among others, the range is the whole one.
        &|folder| {
            let full = ImageBuffer::from_fn(8, 8, |x, y| Luma([(x + 8 * y) as u16 * 1040]));
            put(folder, "train/ant/3.PNG", &full.into());
        },
        &|folder| {
            for name in ["train/ant/3.PNG", "train/cat/1.png", "train/cat/2.png"] {
                put(folder, name, &deep(1000));
            }
            put(folder, "test/ant/1.png", &deep(1000));
            put(folder, "test/cat/1.png", &deep(1001));
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let folder = sound();
        change(folder.path());
        let Splits { train, notes, .. } = load(folder.path(), 12, &Scratch::default()).unwrap();
        let range = notes.iter().find_map(|note| match *note {
            DataNote::Deep { low, high, .. } => Some(DeepRange::new(low, high)),
            _ => None,
        });
        let expected = [None, None, Some(DeepRange::FULL), Some(DeepRange::new(1000, 1063))];
        assert_eq!(range, expected[number], "{notes:?}");
        for idx in 0..train.len() {
            let bytes = fs::read(folder.path().join(train.name(idx))).unwrap();
            let found = fit_image(&bytes, train.shape(), range.unwrap_or(DeepRange::FULL));
            assert_eq!(found.unwrap(), train.image(idx), "{number}: {}", train.name(idx));
        }
    }
}

#[test]
fn an_image_from_outside_takes_the_shape_and_the_channels_of_the_set() {
    let bytes = |image: &DynamicImage| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let fit = |image: &DynamicImage, channels| {
        let shape = ImageShape { channels, height: 8, width: 13 };
        fit_image(&bytes(image), shape, DeepRange::FULL)
    };
    let plane = 8 * 13;
    assert_eq!(fit(&grey(40, 7), 1), Ok(vec![7; plane]));
    assert_eq!(fit(&grey(40, 7), 3), Ok(vec![7; 3 * plane]));
    assert_eq!(fit(&color(5, [9; 3]), 1), Ok(vec![9; plane]));
    let expected = [10, 20, 30].map(|value| vec![value; plane]).concat();
    assert_eq!(fit(&color(5, [10, 20, 30]), 3), Ok(expected));
    // Green is the brightest.
    assert!(
        fit(&color(5, [0, 200, 0]), 1).unwrap()[0] > fit(&color(5, [0, 0, 200]), 1).unwrap()[0]
    );
    for (found, words) in [
        (fit(&grey(8, 7), 4), "cannot be shown to a net that reads 4 channels"),
        (
            fit_image(b"a,b\n", ImageShape { channels: 1, height: 8, width: 8 }, DeepRange::FULL),
            "is text, and no image; give PNG, JPEG",
        ),
    ] {
        let found = found.unwrap_err().to_string();
        assert!(found.starts_with(words), "{found}");
    }
}
