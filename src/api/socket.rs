//! The socket file: made with its final mode, never over a live one, removed at the end.
//!
//! ```text
//! bind .NAME.spare/s (folder 0700) ─ chmod 0660 ─ link to t ─ rename t to PATH
//! ```
//!
//! The file is bound where nobody else can look, so there is no moment at which the process's
//! umask decides who may connect, and a stale file is replaced in one step. The first name stays:
//! when somebody deletes the second, it is made again from it, and the socket is the same.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::api::ApiError;

/// Owner and group connect, others do not.
const MODE: u32 = 0o660;

/// How often it is seen to that the file is there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

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
    /// The folder of its other name.
    spare: PathBuf,
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let spare = parent.join(format!(".{name}.spare"));
        // What the dead daemon left.
        let _ = fs::remove_dir_all(&spare);
        DirBuilder::new().mode(0o700).create(&spare).map_err(failed("make a socket at", path))?;
        place(&spare, path).inspect_err(|_| drop(fs::remove_dir_all(&spare)))
    }

    /// The parts: a server takes the listener, its owner keeps the file.
    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

impl SocketFile {
    /// Makes the file again where it is gone, and says whether it was. Another process's file is
    /// left alone.
    fn mend(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.identity => Ok(false),
            Ok(_) => Err(io::Error::other("something else has its name")),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                fs::hard_link(self.spare.join("s"), &self.path).map(|()| true)
            }
            Err(err) => Err(err),
        }
    }

    /// Sees to it, for as long as the server runs, that the file is there.
    pub(super) async fn keep(self: Arc<Self>) {
        let (path, mut is_told) = (self.path.display(), false);
        loop {
            actix_web::rt::time::sleep(LOOK_EVERY).await;
            let mended = self.mend();
            match &mended {
                Ok(true) => tracing::warn!(%path, "the socket's file was gone: it is made again"),
                Err(error) if !is_told => tracing::error!(
                    %path,
                    "the socket's file is gone and cannot be made again ({error}): nobody can ask \
                     this daemon before a restart; SIGTERM ends it with a checkpoint"
                ),
                Ok(false) | Err(_) => {}
            }
            is_told = mended.is_err();
        }
    }
}

fn place(spare: &Path, path: &Path) -> Result<Socket, ApiError> {
    let (temp, second) = (&spare.join("s"), spare.join("t"));
    let folder = File::open(spare).map_err(failed("open", spare))?;
    // A socket's path has at most 107 bytes: this one is short whatever the folder's is.
    let short = format!("/proc/self/fd/{}/s", folder.as_raw_fd());
    let listener = UnixListener::bind(short).map_err(failed("listen at", path))?;
    fs::set_permissions(temp, Permissions::from_mode(MODE)).map_err(failed("set up", path))?;
    let metadata = fs::symlink_metadata(temp).map_err(failed("look at", path))?;
    // A filesystem without second names does without a spare.
    let placed = if fs::hard_link(temp, &second).is_ok() { &second } else { temp };
    fs::rename(placed, path).map_err(failed("listen at", path))?;
    let identity = (metadata.dev(), metadata.ino());
    let (path, spare) = (path.to_owned(), spare.to_owned());
    Ok(Socket { listener, file: SocketFile { path, spare, identity } })
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
        let is_own = |path: &Path| {
            let found = fs::symlink_metadata(path);
            found.is_ok_and(|file| (file.dev(), file.ino()) == self.identity)
        };
        // At the end of the process nobody could mend a failure; a stale file is no harm.
        if is_own(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
        if is_own(&self.spare.join("s")) {
            let _ = fs::remove_dir_all(&self.spare);
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
        let mode = fs::metadata(rig.folder.path().join(".api.sock.spare")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o7777, 0o700);
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
    fn a_deleted_file_is_made_again_and_the_socket_is_the_same() {
        let rig = Rig::new();
        let socket = Socket::bind(&rig.path()).unwrap();
        assert!(!socket.file.mend().unwrap());
        fs::remove_file(rig.path()).unwrap();
        assert!(socket.file.mend().unwrap());
        let client = UnixStream::connect(rig.path()).unwrap();
        socket.listener.accept().unwrap();
        drop(client);
        fs::remove_file(rig.path()).unwrap();
        fs::write(rig.path(), "another's").unwrap();
        assert!(socket.file.mend().is_err());
        assert_eq!(fs::read_to_string(rig.path()).unwrap(), "another's");
        fs::remove_file(rig.path()).unwrap();
        fs::remove_dir_all(rig.folder.path().join(".api.sock.spare")).unwrap();
        assert!(socket.file.mend().is_err());
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
