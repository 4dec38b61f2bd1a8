//! Which image files a folder has, of which class, in which split, and what lies there besides.
//!
//! ```text
//! PATH/train/CLASS/*   PATH/val/CLASS/* (valid, validation)   PATH/test/CLASS/*
//! ```
//!
//! Classes are the folders of `train` sorted by name, images are sorted by name within a class.
//! Names of classes are compared as they look, in Unicode's normal form C: macOS and Linux write
//! the same letter with other characters. What file managers, unpackers and file systems leave
//! behind is passed over and counted, as is what has a name with a dot first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::check_folder;
use crate::data::note::N_EXAMPLES;
use crate::data::problems::Problems;
use crate::data::{DataError, DataNote, LayoutFault};

/// Folders of the validation split; at most one may be there.
const VALIDATION: [&str; 3] = ["valid", "val", "validation"];

/// What file managers, unpackers and file systems leave behind, in lower case.
const LITTER: [&str; 9] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__macosx",
    "icon\r",
    "lost+found",
    "@eadir",
    "$recycle.bin",
    "system volume information",
];

/// The image files of a folder.
#[derive(Debug)]
pub(super) struct Listing {
    /// Sorted by the names of their folders.
    pub(super) class_names: Vec<String>,
    pub(super) train: Files,
    pub(super) valid: Option<Files>,
    pub(super) test: Option<Files>,
}

/// The image files of one split.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) paths: Vec<PathBuf>,
    /// The class of each.
    pub(super) labels: Vec<u16>,
}

/// Lists `folder`; what is wrong is added to `problems`, what is passed over is noted.
pub(super) fn list(
    folder: &Path,
    problems: &mut Problems,
    notes: &mut Vec<DataNote>,
) -> Result<Listing, DataError> {
    let mut lister = Lister { problems, ignored: Vec::new() };
    let train = folder.join("train");
    let classes = lister.classes(&train)?;
    let others = lister.others(folder, &classes)?;
    let class_names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let train = lister.files(&class_names, train, classes)?;
    let mut split = |folder: Option<PathBuf>| {
        let Some(folder) = folder else { return Ok(None) };
        let classes = lister.classes(&folder)?;
        lister.compare(&class_names, &train.folder, &folder, &classes);
        lister.files(&class_names, folder, classes).map(Some)
    };
    let (valid, test) = (split(others.valid)?, split(others.test)?);
    let ignored = lister.ignored;
    if !ignored.is_empty() {
        let count = ignored.len();
        let examples = ignored.into_iter().take(N_EXAMPLES).collect();
        notes.push(DataNote::Ignored { count, examples });
    }
    Ok(Listing { class_names, train, valid, test })
}

/// A class folder.
struct Class {
    path: PathBuf,
    /// In normal form C.
    name: String,
}

/// The folders of the other splits.
struct Others {
    valid: Option<PathBuf>,
    test: Option<PathBuf>,
}

struct Lister<'a> {
    problems: &'a mut Problems,
    ignored: Vec<PathBuf>,
}

impl Lister<'_> {
    /// The class folders in `folder`, sorted by their names as they are written.
    fn classes(&mut self, folder: &Path) -> Result<Vec<Class>, DataError> {
        check_folder(folder, "a folder with one folder of images for each class")?;
        let mut classes: Vec<Class> = Vec::new();
        for Entry { path, is_folder } in self.entries(folder)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                self.misplaced(path, LayoutFault::NotText);
                continue;
            };
            let name: String = name.nfc().collect();
            let same = classes.iter().find(|class| class.name == name);
            if !is_folder {
                self.misplaced(path, LayoutFault::File);
            } else if let Some(target) = around(&path, folder) {
                self.misplaced(path, LayoutFault::Loop { target });
            } else if let Some(Class { path: other, .. }) = same {
                let other = other.clone();
                self.misplaced(path, LayoutFault::SameName { other });
            } else {
                classes.push(Class { path, name });
            }
        }
        Ok(classes)
    }

    /// The images in the folders `classes` of the split `folder`; those of an unknown class are
    /// left out.
    fn files(
        &mut self,
        names: &[String],
        folder: PathBuf,
        classes: Vec<Class>,
    ) -> Result<Files, DataError> {
        let mut files = Files { folder, paths: Vec::new(), labels: Vec::new() };
        for class in classes {
            let Some(label) = names.iter().position(|name| *name == class.name) else { continue };
            let Ok(label) = u16::try_from(label) else {
                return Err(DataError::ClassCount { path: files.folder, found: names.len() });
            };
            let before = files.paths.len();
            let entries = self.entries(&class.path)?;
            let is_empty = entries.is_empty();
            for Entry { path, is_folder } in entries {
                if is_folder {
                    self.misplaced(path, LayoutFault::Folder);
                } else {
                    files.paths.push(path);
                }
            }
            if is_empty {
                self.problems.add(DataError::Empty { path: class.path });
            }
            files.labels.extend(std::iter::repeat_n(label, files.paths.len() - before));
        }
        Ok(files)
    }

    /// The other splits beside `train`. What has folders of its `classes` and is none is a problem.
    fn others(&mut self, folder: &Path, classes: &[Class]) -> Result<Others, DataError> {
        let mut others = Others { valid: None, test: None };
        for Entry { path, is_folder } in self.entries(folder)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match (name, &others.valid) {
                ("train", _) => {}
                ("test", _) => others.test = Some(path),
                (name, None) if VALIDATION.contains(&name) => others.valid = Some(path),
                (name, Some(other)) if VALIDATION.contains(&name) => {
                    let other = other.clone();
                    self.misplaced(path, LayoutFault::SecondValidation { other });
                }
                _ => {
                    let inside = if is_folder { classes_in(&path, classes) } else { Vec::new() };
                    if inside.is_empty() {
                        self.ignored.push(path);
                    } else {
                        self.misplaced(path, LayoutFault::UnknownSplit { classes: inside });
                    }
                }
            }
        }
        Ok(others)
    }

    /// Adds a problem where the classes of `folder` are not those of `train`.
    fn compare(&mut self, names: &[String], train: &Path, folder: &Path, classes: &[Class]) {
        let has = |name: &String| classes.iter().any(|class| class.name == *name);
        let missing: Vec<String> = names.iter().filter(|name| !has(name)).cloned().collect();
        let unknown = classes.iter().map(|class| &class.name).filter(|name| !names.contains(name));
        let unknown: Vec<String> = unknown.cloned().collect();
        if !missing.is_empty() || !unknown.is_empty() {
            let (train, path) = (train.to_owned(), folder.to_owned());
            self.problems.add(DataError::ClassFolders { train, path, missing, unknown });
        }
    }

    /// What lies in `folder`, sorted by name, less what is passed over.
    fn entries(&mut self, folder: &Path) -> Result<Vec<Entry>, DataError> {
        let mut entries = Vec::new();
        let failed = |source| DataError::Io { action: "list", path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if is_litter(entry.file_name().as_encoded_bytes()) {
                self.ignored.push(path);
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let is_folder = if kind.is_symlink() { followed(&path) } else { Ok(kind.is_dir()) };
            if let Some(is_folder) = self.problems.ok(is_folder) {
                entries.push(Entry { path, is_folder });
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        // The order in which a folder is listed is chance.
        self.ignored.sort();
        Ok(entries)
    }

    fn misplaced(&mut self, path: PathBuf, fault: LayoutFault) {
        self.problems.add(DataError::Layout { path, fault });
    }
}

/// Something in a folder. Links are followed.
struct Entry {
    path: PathBuf,
    is_folder: bool,
}

fn is_litter(name: &[u8]) -> bool {
    name.starts_with(b".") || LITTER.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether the link at `path` leads to a folder.
fn followed(path: &Path) -> Result<bool, DataError> {
    let error = match fs::metadata(path) {
        Ok(metadata) => return Ok(metadata.is_dir()),
        Err(error) => error,
    };
    let path = path.to_owned();
    let target = fs::read_link(&path).unwrap_or_default();
    let fault = match error.kind() {
        io::ErrorKind::NotFound => LayoutFault::Dangling { target },
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            LayoutFault::Loop { target }
        }
        _ => return Err(DataError::Io { action: "follow", path, source: error }),
    };
    Err(DataError::Layout { path, fault })
}

/// Where the link at `path` leads, if that is `folder` or around it.
fn around(path: &Path, folder: &Path) -> Option<PathBuf> {
    let target = fs::read_link(path).ok()?;
    let (inner, outer) = (fs::canonicalize(folder).ok()?, fs::canonicalize(path).ok()?);
    inner.starts_with(outer).then_some(target)
}

/// The names, three at most, of the `classes` that `folder` has folders of.
fn classes_in(folder: &Path, classes: &[Class]) -> Vec<String> {
    let names = classes.iter().map(|class| &class.name);
    names.filter(|name| folder.join(name).is_dir()).take(3).cloned().collect()
}
