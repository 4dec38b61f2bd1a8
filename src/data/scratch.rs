//! Where sets lie that are too large for memory, and who waits while they are read.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::DataError;

/// The most bytes of a set that stay in memory: more than CIFAR has, and a small part of any
/// machine that searches. Beyond it the system decides what is in memory and what on disk.
const MEMORY_BYTES: usize = 256 << 20;

/// Who waits while images are read. What takes long is kept for the next time.
pub trait LoadWatch: Send + Sync {
    /// So many images were read until now.
    fn read(&self, images: u64);

    /// Whether reading has taken so long that the images should be kept.
    fn is_long(&self) -> bool;

    /// Something that was done with what is kept, for the log.
    fn tell(&self, what: &str);
}

/// Where sets lie that are too large for memory.
#[derive(Clone)]
pub struct Scratch {
    folder: PathBuf,
    memory_bytes: usize,
    watch: Option<Arc<dyn LoadWatch>>,
    /// Images that were read for these sets.
    images: Arc<AtomicU64>,
}

impl Scratch {
    /// Larger sets lie in `folder`, in files without a name: they go with the process, however
    /// that ends.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            memory_bytes: MEMORY_BYTES,
            watch: None,
            images: Arc::default(),
        }
    }

    /// The same; `watch` is told how far it is, and what takes long to read is kept in the folder.
    pub fn watched(self, watch: Arc<dyn LoadWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The same with another limit, for tests.
    #[cfg(test)]
    pub(super) fn with_memory(folder: &Path, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..Self::new(folder) }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The most bytes of a set that stay in memory.
    pub(super) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Who waits.
    pub(super) fn watch(&self) -> Option<&dyn LoadWatch> {
        self.watch.as_deref()
    }

    /// Counts an image that was read.
    pub(super) fn count(&self) {
        let images = 1 + self.images.fetch_add(1, Ordering::Relaxed);
        if let Some(watch) = &self.watch {
            watch.read(images);
        }
    }

    /// A new file without a name, and the name that it had for a moment.
    pub(super) fn file(&self) -> Result<(File, PathBuf), DataError> {
        /// So that threads of one process do not meet.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!(".tmp-images-{}-{next}", std::process::id()));
        let open = File::options().read(true).write(true).create_new(true).open(&path);
        open.and_then(|file| fs::remove_file(&path).map(|()| (file, path.clone())))
            .map_err(|source| DataError::Scratch { path, source })
    }
}

/// In the system's folder for temporary files.
impl Default for Scratch {
    fn default() -> Self {
        Self::new(&std::env::temp_dir())
    }
}

/// Without who waits.
impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("folder", &self.folder).finish_non_exhaustive()
    }
}
