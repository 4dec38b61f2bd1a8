//! Where sets lie that are too large for memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::DataError;

/// The most bytes of a set that stay in memory: more than CIFAR has, and a small part of any
/// machine that searches. Beyond it the system decides what is in memory and what on disk.
const MEMORY_BYTES: usize = 256 << 20;

/// Where sets lie that are too large for memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    folder: PathBuf,
    memory_bytes: usize,
}

impl Scratch {
    /// Larger sets lie in `folder`, in files without a name: they go with the process, however
    /// that ends.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), memory_bytes: MEMORY_BYTES }
    }

    /// The same with another limit, for tests.
    #[cfg(test)]
    pub(super) fn with_memory(folder: &Path, memory_bytes: usize) -> Self {
        Self { folder: folder.to_owned(), memory_bytes }
    }

    /// The most bytes of a set that stay in memory.
    pub(super) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
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
