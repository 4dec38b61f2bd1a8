//! The bundle as a file: a compressed tar that only its owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bundle::parts::Part;
use crate::failure::Failure;

/// Only the owner reads what may hold paths and settings of others.
const MODE: u32 = 0o600;

/// The tar of `parts`, in the folder `root`, compressed.
pub(super) fn pack(root: &str, parts: &[Part], unix_seconds: f64) -> io::Result<Vec<u8>> {
    let time = Duration::try_from_secs_f64(unix_seconds).unwrap_or_default().as_secs();
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for part in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(part.bytes as u64);
        header.set_mode(MODE);
        header.set_mtime(time);
        tar.append_data(&mut header, format!("{root}/{}", part.name), &part.content[..])?;
    }
    tar.into_inner()?.finish()
}

/// Writes a file that was not there; with `force` also over one that was.
pub(super) fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Failure::FileIsThere { path: path.to_owned() },
        _ => Failure::File { path: path.to_owned(), source },
    };
    if !force {
        return write_new(path, bytes).map_err(failed);
    }
    // Written whole before it replaces anything.
    let mut temp = path.as_os_str().to_owned();
    temp.push(format!(".tmp-{}", std::process::id()));
    let temp = PathBuf::from(temp);
    write_new(&temp, bytes).and_then(|()| fs::rename(&temp, path)).map_err(|source| {
        let _ = fs::remove_file(&temp);
        failed(source)
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
        // What is half written is no bundle.
        let _ = fs::remove_file(path);
    })
}
