//! The socket file: made with its final mode, never over a live one, removed at the end.
//!
//! ```text
//! bind .enasd-PID/s (folder 0700) ─ chmod 0660 ─ rename to PATH
//! ```
//!
//! The file is bound where nobody else can look, so there is no moment at which the process's
//! umask decides who may connect, and a stale file is replaced in one step.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::api::ApiError;

/// Owner and group connect, others do not.
const MODE: u32 = 0o660;

/// A listening socket and its file, which is removed when this value is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket. Dropping it removes it, unless another process has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Socket {
    /// Listens at `path`. A file that a dead daemon left is replaced; a socket on which somebody
    /// answers, or anything else of that name, is an error.
    pub fn bind(path: &Path) -> Result<Self, ApiError> {
        check_free(path)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let nest = parent.join(format!(".enasd-{}", std::process::id()));
        // What a process of the same id left.
        let _ = fs::remove_dir_all(&nest);
        DirBuilder::new().mode(0o700).create(&nest).map_err(failed("make a socket at", path))?;
        let bound = place(&nest, path);
        let _ = fs::remove_dir_all(&nest);
        bound
    }

    /// The parts: a server takes the listener, its owner keeps the file.
    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

fn place(nest: &Path, path: &Path) -> Result<Socket, ApiError> {
    let temp = &nest.join("s");
    let folder = File::open(nest).map_err(failed("open", nest))?;
    // A socket's path has at most 107 bytes: this one is short whatever the folder's is.
    let short = format!("/proc/self/fd/{}/s", folder.as_raw_fd());
    let listener = UnixListener::bind(short).map_err(failed("listen at", path))?;
    fs::set_permissions(temp, Permissions::from_mode(MODE)).map_err(failed("set up", path))?;
    let metadata = fs::symlink_metadata(temp).map_err(failed("look at", path))?;
    fs::rename(temp, path).map_err(failed("listen at", path))?;
    let identity = (metadata.dev(), metadata.ino());
    Ok(Socket { listener, file: SocketFile { path: path.to_owned(), identity } })
}

fn check_free(path: &Path) -> Result<(), ApiError> {
    match fs::symlink_metadata(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(failed("look at", path)(err)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ApiError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ApiError::SocketTaken { path: path.to_owned() }),
        Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // Gone in between.
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full backlog is a live socket.
        Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
            Err(ApiError::SocketTaken { path: path.to_owned() })
        }
        Err(err) => Err(failed("connect to", path)(err)),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ApiError {
    let path = path.to_owned();
    move |source| ApiError::Socket { action, path, source }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|file| (file.dev(), file.ino()) == self.identity) {
            // At the end of the process nobody could mend a failure; a stale file is no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        folder: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("api.sock")
        }

        fn names(&self) -> Vec<String> {
            let files = fs::read_dir(self.folder.path()).unwrap();
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    #[test]
    fn a_socket_has_its_mode_whatever_the_umask_and_leaves_nothing_behind() {
        let rig = Rig::new();
        let socket = Socket::bind(&rig.path()).unwrap();
        let mode = fs::metadata(rig.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, MODE);
        assert_eq!(rig.names(), ["api.sock"]);
        UnixStream::connect(rig.path()).unwrap();
        drop(socket);
        assert_eq!(rig.names(), Vec::<String>::new());
    }

    #[test]
    fn a_live_socket_is_refused_and_a_stale_one_replaced() {
        let rig = Rig::new();
        let live = UnixListener::bind(rig.path()).unwrap();
        let err = Socket::bind(&rig.path()).unwrap_err();
        assert!(matches!(err, ApiError::SocketTaken { .. }), "{err}");
        drop(live);
        let _socket = Socket::bind(&rig.path()).unwrap();
        UnixStream::connect(rig.path()).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let rig = Rig::new();
        fs::write(rig.path(), "precious").unwrap();
        let err = Socket::bind(&rig.path()).unwrap_err();
        assert!(matches!(err, ApiError::NotASocket { .. }), "{err}");
        assert_eq!(fs::read_to_string(rig.path()).unwrap(), "precious");
    }

    #[test]
    fn a_file_that_another_process_replaced_stays() {
        let rig = Rig::new();
        let first = Socket::bind(&rig.path()).unwrap();
        fs::remove_file(rig.path()).unwrap();
        let _other = UnixListener::bind(rig.path()).unwrap();
        drop(first);
        assert_eq!(rig.names(), ["api.sock"]);
    }
}
