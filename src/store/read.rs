//! Reading a file that may have been changed by anything: a limit before every allocation, no
//! links, no devices.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::store::error::io_error;
use crate::store::{Defect, StoreError};

/// How long a file may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// At most so many bytes.
    AtMost(u64),
    /// Neither more nor fewer.
    Exactly(u64),
}

/// The bytes of `folder`/`name`. What only a changed disk explains is [`StoreError::Corrupt`] of
/// `folder`; what may pass (no permission, too many open files) is [`StoreError::Io`].
pub(super) fn read_file(folder: &Path, name: &str, length: Length) -> Result<Vec<u8>, StoreError> {
    let path = folder.join(name);
    let corrupt = |why| StoreError::Corrupt { path: folder.to_owned(), why };
    let failed = |action, source: io::Error| match defect(name, &source) {
        Some(why) => corrupt(why),
        None => io_error(action, &path)(source),
    };

    // Without NONBLOCK the opening of a named pipe would wait for its writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(&path)
        .map_err(|source| failed("open", source))?;
    let metadata = file.metadata().map_err(|source| failed("inspect", source))?;
    if !metadata.is_file() {
        return Err(corrupt(Defect::NotAFile { name: name.to_owned() }));
    }
    check_length(name, metadata.len(), length).map_err(corrupt)?;

    let mut bytes = Vec::new();
    let room = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(room)
        .map_err(|err| io_error("read", &path)(io::Error::new(io::ErrorKind::OutOfMemory, err)))?;
    (&mut file)
        .take(metadata.len())
        .read_to_end(&mut bytes)
        .map_err(|source| failed("read", source))?;
    // The file may have shrunk since its length was asked for.
    check_length(name, bytes.len() as u64, length).map_err(corrupt)?;
    Ok(bytes)
}

fn check_length(name: &str, found: u64, length: Length) -> Result<(), Defect> {
    let name = name.to_owned();
    match length {
        Length::AtMost(limit_bytes) if limit_bytes < found => {
            Err(Defect::TooLarge { name, found, limit_bytes })
        }
        Length::Exactly(expected) if found != expected => {
            Err(Defect::Size { name, found, expected })
        }
        _ => Ok(()),
    }
}

/// What a failed reading says about the file, if anything.
fn defect(name: &str, source: &io::Error) -> Option<Defect> {
    let name = name.to_owned();
    match Errno::from_raw_os_error(source.raw_os_error()?) {
        Errno::NOENT => Some(Defect::Missing { name }),
        Errno::NOTDIR => Some(Defect::NotAFolder),
        Errno::LOOP | Errno::NXIO => Some(Defect::NotAFile { name }),
        Errno::IO => Some(Defect::Unreadable { name, why: source.kind() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[track_caller]
    fn check(folder: &Path, length: Length, expected: &str) {
        let why = match read_file(folder, "a", length) {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(StoreError::Corrupt { why, .. }) => why.to_string(),
            Err(err) => panic!("{err}"),
        };
        assert_eq!(why, expected);
    }

    #[test]
    fn lengths_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), Length::AtMost(4), "`a` is missing");
        fs::write(folder.path().join("a"), "four").unwrap();
        check(folder.path(), Length::AtMost(4), "four");
        check(folder.path(), Length::Exactly(4), "four");
        check(folder.path(), Length::AtMost(3), "`a` has 4 bytes, more than the limit of 3");
        check(folder.path(), Length::Exactly(5), "`a` has 4 bytes, expected 5");
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        check(folder.path(), Length::AtMost(4), "`a` is not a regular file");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        check(folder.path(), Length::AtMost(4), "`a` is not a regular file");
        check(&path.join("b"), Length::AtMost(4), "`a` is missing");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "").unwrap();
        check(&path, Length::AtMost(4), "it is not a folder");
    }

    #[test]
    fn a_named_pipe_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("a"), kind, mode, 0).unwrap();
        check(folder.path(), Length::AtMost(4), "`a` is not a regular file");
    }
}
