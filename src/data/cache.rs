//! Decoded images kept for the next start, for data that take long to read.
//!
//! ```text
//! images.json    BLAKE3 of what follows, then: for which files, the sets, BLAKE3 of the pixels
//! images.bytes   the pixels of all sets, one after the other
//! ```
//!
//! It stands for the files that it was made from as they are named, sized and dated; what is read
//! of it is checked byte for byte. One that is damaged, or of other files, is thrown away.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::pixels::Pixels;
use crate::data::source::{self, Splits};
use crate::data::{DataConfig, DataError, DataNote, ImageSet, ImageShape, Scratch};

/// The form of the two files.
const FORMAT: u32 = 1;

const CARD: &str = "images.json";
const BYTES: &str = "images.bytes";

/// Folders in folders that are looked into: sources have two, and links may lead in circles.
const MAX_DEPTH: usize = 8;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// What `config` names: what is kept of it, else from its files. What took long is kept.
pub(super) fn load(config: &DataConfig, scratch: &Scratch) -> Result<Splits, DataError> {
    let Some(watch) = scratch.watch() else { return source::load(config, scratch) };
    let cache = Cache::of(config, scratch);
    if let Some(splits) = cache.as_ref().and_then(Cache::read) {
        watch.tell("the images were read before and are unchanged: they come from the cache");
        return Ok(splits);
    }
    let splits = source::load(config, scratch)?;
    let Some(cache) = cache.filter(|_| watch.is_long()) else { return Ok(splits) };
    match cache.write(&splits) {
        Ok(()) => watch.tell("the images are kept in the cache for the next start"),
        Err(error) => {
            watch.tell(&format!("the images are not kept for the next start: {error}"));
            return Ok(splits);
        }
    }
    // Sets beyond memory lie in the cache from now on, and only there.
    let on_disk = splits.train.is_on_disk();
    Ok(if on_disk { cache.read().unwrap_or(splits) } else { splits })
}

/// The cache in a folder.
struct Cache<'a> {
    scratch: &'a Scratch,
    /// Stands for the files that the data are read from.
    key: String,
}

/// What is known of the sets.
#[derive(Serialize, Deserialize)]
struct Card {
    format: u32,
    key: String,
    class_names: Vec<String>,
    notes: Vec<DataNote>,
    train: SetCard,
    valid: Option<SetCard>,
    test: Option<SetCard>,
    bytes: u64,
    blake3: String,
}

#[derive(Serialize, Deserialize)]
struct SetCard {
    origin: PathBuf,
    /// Channels, rows and columns.
    shape: [usize; 3],
    labels: Vec<u16>,
    names: Vec<Box<str>>,
}

impl<'a> Cache<'a> {
    /// The cache for the data that `config` names; `None` where that cannot be listed, or is in no
    /// folder.
    fn of(config: &DataConfig, scratch: &'a Scratch) -> Option<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(&serde_json::to_vec(config).ok()?);
        list(config.path.as_deref()?, MAX_DEPTH, &mut hasher).ok()?;
        Some(Self { scratch, key: hasher.finalize().to_hex().to_string() })
    }

    /// What is kept for these files, if it is whole; what is not is thrown away.
    fn read(&self) -> Option<Splits> {
        let found = self.read_whole();
        if found.is_none() {
            for name in [CARD, BYTES] {
                // Most often there is none.
                let _ = fs::remove_file(self.scratch.folder().join(name));
            }
        }
        found
    }

    /// Keeps `splits`, unless they would take more than half of the free space: the search needs
    /// it more.
    fn write(&self, splits: &Splits) -> io::Result<()> {
        let sets = || [&splits.train].into_iter().chain(&splits.valid).chain(&splits.test);
        let needed: u64 = sets().map(|set| set.len() as u64 * set.shape().n_values() as u64).sum();
        let stat = rustix::fs::statvfs(self.scratch.folder())?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free / 2 < needed {
            let why = format!("{needed} bytes are more than half of the {free} that are free");
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
        self.replace(BYTES, |file| {
            let mut file = BufWriter::with_capacity(BLOCK, file);
            let mut buffer = Vec::new();
            for set in sets() {
                for idx in 0..set.len() {
                    let image = set.read(idx, &mut buffer).map_err(io::Error::other)?;
                    hasher.update(image);
                    bytes += image.len() as u64;
                    file.write_all(image)?;
                }
            }
            file.flush()
        })?;
        let card = Card {
            format: FORMAT,
            key: self.key.clone(),
            class_names: splits.class_names.clone(),
            notes: splits.notes.clone(),
            train: SetCard::of(&splits.train),
            valid: splits.valid.as_ref().map(SetCard::of),
            test: splits.test.as_ref().map(SetCard::of),
            bytes,
            blake3: hasher.finalize().to_hex().to_string(),
        };
        let text = serde_json::to_vec(&card)?;
        let seal = blake3::hash(&text).to_hex();
        self.replace(CARD, |file| {
            file.write_all(seal.as_bytes())?;
            file.write_all(&text)
        })
    }

    fn read_whole(&self) -> Option<Splits> {
        let card = fs::read(self.scratch.folder().join(CARD)).ok()?;
        let (seal, text) = card.split_at_checked(blake3::OUT_LEN * 2)?;
        if seal != blake3::hash(text).to_hex().as_bytes() {
            return None;
        }
        let card: Card = serde_json::from_slice(text).ok()?;
        if (card.format, &card.key) != (FORMAT, &self.key) {
            return None;
        }
        let path = self.scratch.folder().join(BYTES);
        let file = File::open(&path).ok()?;
        if hash(&file, card.bytes).ok()? != card.blake3 {
            return None;
        }
        let mut start = 0;
        let mut set = |card: SetCard| card.into_set((&file, &path), &mut start, self.scratch);
        let train = set(card.train)?;
        let valid = card.valid.map(|valid| set(valid).ok_or(()));
        let test = card.test.map(|test| set(test).ok_or(()));
        Some(Splits {
            class_names: card.class_names,
            notes: card.notes,
            train,
            valid: valid.transpose().ok()?,
            test: test.transpose().ok()?,
        })
    }

    /// Puts a new file in the place of `name` once it is whole on disk.
    fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let new = self.scratch.folder().join(format!(".tmp-{name}"));
        let mut file = File::create(&new)?;
        let written = write(&mut file).and_then(|()| file.sync_all());
        let kept = written.and_then(|()| fs::rename(&new, self.scratch.folder().join(name)));
        if kept.is_err() {
            // What is left of it would only take room.
            let _ = fs::remove_file(&new);
        }
        kept
    }
}

impl SetCard {
    fn of(set: &ImageSet) -> Self {
        let ImageShape { channels, height, width } = set.shape();
        Self {
            origin: set.origin().to_owned(),
            shape: [channels, height, width],
            labels: set.labels().to_vec(),
            names: set.file_names(),
        }
    }

    /// The set whose pixels begin at `start`, which becomes their end.
    fn into_set(
        self,
        (file, path): (&File, &Path),
        start: &mut u64,
        scratch: &Scratch,
    ) -> Option<ImageSet> {
        let [channels, height, width] = self.shape;
        let shape = ImageShape { channels, height, width };
        let (stride, first) = (shape.n_values(), *start);
        let bytes = stride * self.labels.len();
        *start += bytes as u64;
        let pixels = if bytes <= scratch.memory_bytes() {
            let mut memory = vec![0; bytes];
            file.read_exact_at(&mut memory, first).ok()?;
            Pixels::Memory(memory)
        } else {
            Pixels::Disk { file: file.try_clone().ok()?, path: path.to_owned(), start: first }
        };
        ImageSet::stored(self.origin, shape, (pixels, stride), self.labels, self.names).ok()
    }
}

/// The BLAKE3 of a file of `bytes` bytes; another length is an error.
fn hash(file: &File, bytes: u64) -> io::Result<String> {
    if file.metadata()?.len() != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (mut hasher, mut reader, mut block) = (blake3::Hasher::new(), file, vec![0; BLOCK]);
    loop {
        match reader.read(&mut block)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            n => hasher.update(&block[..n]),
        };
    }
}

/// Puts the names of all files in `folder` and below into `hasher`, with size, time of the last
/// change and inode of each.
fn list(folder: &Path, depth: usize, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        // A link that leads nowhere is a file of its own kind.
        let found = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path))?;
        note(&path, &found, hasher);
        if found.is_dir() && 0 < depth {
            list(&path, depth - 1, hasher)?;
        }
    }
    Ok(())
}

fn note(path: &Path, found: &Metadata, hasher: &mut blake3::Hasher) {
    let path = path.as_os_str().as_encoded_bytes();
    hasher.update(&(path.len() as u64).to_le_bytes()).update(path);
    let numbers = [found.size(), found.ino(), u64::from(found.mode())];
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
    for bytes in numbers.map(u64::to_le_bytes).iter().chain(&times.map(i64::to_le_bytes)) {
        hasher.update(bytes);
    }
}

#[cfg(test)]
mod tests;
