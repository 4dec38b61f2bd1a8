//! The name of a file that is to be written, and that nothing may have before.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::failure::Failure;

/// The name of a file that was not there, held by an empty file until it is written.
pub(crate) struct Reserved<'a>(Option<&'a Path>);

impl<'a> Reserved<'a> {
    /// Holds `path`; refused where something is there.
    pub(crate) fn new(path: &'a Path) -> Result<Self, Failure> {
        let path_buf = || path.to_owned();
        match File::create_new(path) {
            Ok(_) => Ok(Self(Some(path))),
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
                Err(Failure::FileIsThere { path: path_buf() })
            }
            Err(source) => Err(Failure::File { path: path_buf(), source }),
        }
    }

    /// Lets the file stay: it is written.
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // An empty file that stays is told apart by its size.
            let _ = fs::remove_file(path);
        }
    }
}
