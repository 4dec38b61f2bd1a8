//! The cache, by what is told and read on loads that take no time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use image::{GrayImage, Luma};

use super::*;
use crate::data::{DataSource, ImageContents, ImageData, LoadWatch};

/// A watch on which no time passes: it is long when it is said to be.
#[derive(Default)]
struct Watch {
    is_long: AtomicBool,
    told: Mutex<Vec<String>>,
    images: Mutex<u64>,
}

impl LoadWatch for Watch {
    fn read(&self, images: u64) {
        *self.images.lock().unwrap() = images;
    }

    fn is_long(&self) -> bool {
        self.is_long.load(Ordering::Relaxed)
    }

    fn tell(&self, what: &str) {
        self.told.lock().unwrap().push(what.to_owned());
    }
}

struct Rig {
    root: tempfile::TempDir,
    config: DataConfig,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for (n, split) in ["train", "train", "train", "test"].into_iter().enumerate() {
            for (class, name) in ["ant", "bee"].into_iter().enumerate() {
                let folder = root.path().join("data").join(split).join(name);
                fs::create_dir_all(&folder).unwrap();
                let pixel = |x, y| Luma([(60 * class + 20 * n) as u8 + (8 * x + y) as u8]);
                GrayImage::from_fn(8, 8, pixel).save(folder.join(format!("{n}.png"))).unwrap();
            }
        }
        fs::create_dir(root.path().join("cache")).unwrap();
        let config = DataConfig {
            source: DataSource::Folder,
            path: Some(root.path().join("data")),
            side: 8,
            valid_share: 0.5,
            ..DataConfig::default()
        };
        Self { root, config }
    }

    /// Loads, and sees how many images came from their files and what was told.
    #[track_caller]
    fn check(
        &self,
        is_long: bool,
        memory_bytes: usize,
        images: u64,
        told: &[&str],
    ) -> ImageContents {
        let watch = Arc::new(Watch { is_long: is_long.into(), ..Watch::default() });
        let scratch = Scratch::with_memory(&self.cache(""), memory_bytes);
        let scratch = scratch.watched(Arc::clone(&watch) as Arc<dyn LoadWatch>);
        let dataset = ImageData::load_into(&self.config, 7, &scratch).unwrap();
        assert_eq!(*watch.images.lock().unwrap(), images);
        let found = watch.told.lock().unwrap();
        assert_eq!(found.len(), told.len(), "{found:?}");
        assert!(found.iter().zip(told).all(|(found, told)| found.contains(told)), "{found:?}");
        assert_eq!(dataset.train().is_on_disk(), memory_bytes == 0);
        assert!(dataset.train().name(0).starts_with("train/ant/"));
        ImageContents::of(&dataset).unwrap()
    }

    fn cache(&self, name: &str) -> PathBuf {
        self.root.path().join("cache").join(name)
    }

    fn n_files(&self) -> usize {
        fs::read_dir(self.cache("")).unwrap().count()
    }
}

#[test]
fn what_took_long_comes_from_the_cache_the_next_time() {
    for memory_bytes in [0, usize::MAX] {
        let rig = Rig::new();
        let contents = rig.check(false, memory_bytes, 8, &[]);
        assert_eq!(rig.n_files(), 0);
        assert_eq!(rig.check(true, memory_bytes, 8, &["are kept"]), contents);
        assert_eq!(rig.n_files(), 2);
        assert_eq!(rig.check(false, memory_bytes, 0, &["from the cache"]), contents);
    }
}

#[test]
fn a_cache_that_is_damaged_is_thrown_away_and_made_again() {
    for name in [CARD, BYTES] {
        let rig = Rig::new();
        let contents = rig.check(true, usize::MAX, 8, &["are kept"]);
        let bytes = fs::read(rig.cache(name)).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(rig.cache(name), flipped).unwrap();
            assert_eq!(rig.check(false, usize::MAX, 8, &[]), contents, "{name} {at}");
            assert_eq!(rig.n_files(), 0);
            rig.check(true, usize::MAX, 8, &["are kept"]);
            assert_eq!(rig.check(true, usize::MAX, 0, &["from the cache"]), contents);
        }
        fs::write(rig.cache(name), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(rig.check(false, usize::MAX, 8, &[]), contents);
    }
}

#[test]
fn a_cache_of_other_files_is_thrown_away() {
    let rig = Rig::new();
    let contents = rig.check(true, usize::MAX, 8, &["are kept"]);
    // The same bytes, written anew.
    let path = rig.root.path().join("data/train/bee/1.png");
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    assert_eq!(rig.check(true, usize::MAX, 8, &["are kept"]), contents);
    fs::copy(&path, path.with_file_name("9.png")).unwrap();
    assert_ne!(rig.check(false, usize::MAX, 9, &[]), contents);
}

#[test]
fn where_it_cannot_be_written_it_is_told_and_the_data_is_there() {
    let rig = Rig::new();
    fs::create_dir(rig.cache(".tmp-images.bytes")).unwrap();
    rig.check(true, usize::MAX, 8, &["are not kept for the next start: "]);
}
