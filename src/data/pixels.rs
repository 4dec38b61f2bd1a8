//! The bytes of images: in memory where they fit, else in a file.
//!
//! The file is read image by image when a batch is made (`pread`), not mapped: a mapping needs
//! `unsafe`, which this crate forbids, and turns a failing disk into a signal instead of an error.
//! Both read the same pages of the system's cache, so what fits into free memory is read from
//! there at the cost of a copy of some kilobytes, on the thread that makes batches ahead.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::data::DataError;

/// The bytes of images, one after the other.
#[derive(Debug)]
pub(super) enum Pixels {
    Memory(Vec<u8>),
    Disk {
        file: File,
        /// Where the file is, or was before it lost its name.
        path: PathBuf,
        /// Where in it the images begin.
        start: u64,
    },
}

impl Pixels {
    /// `len` bytes from `offset` on; `buffer` holds them where they are not in memory.
    pub(super) fn read<'a>(
        &'a self,
        offset: u64,
        len: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], DataError> {
        match self {
            Self::Memory(bytes) => {
                let start = offset as usize;
                Ok(&bytes[start..start + len])
            }
            Self::Disk { file, path, start } => {
                buffer.resize(len, 0);
                file.read_exact_at(buffer, start + offset)
                    .map_err(|source| DataError::Stored { path: path.clone(), source })?;
                Ok(buffer)
            }
        }
    }
}
