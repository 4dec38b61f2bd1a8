//! Which file is the configuration.
//!
//! ```text
//! --config F  ─►  $ENASD_CONFIG  ─►  $XDG_CONFIG_HOME/enasd/enasd.toml, else
//!                 ~/.config/enasd/enasd.toml  ─►  /etc/enasd/enasd.toml  ─►  none
//! ```
//!
//! The first that is there is the only one that is read. The disk under it may hang, so another
//! thread reads it and is waited for only so long.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::config::file::File;
use crate::config::{ConfigError, environment};

/// The file that is read where none is named and the user has none, if it is there.
pub const DEFAULT_FILE: &str = "/etc/enasd/enasd.toml";

/// Where a user's own file is in the folder for configurations.
const USER_FILE: &str = "enasd/enasd.toml";

/// How long the disk may take: longer than one that wakes up, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process's reader: it keeps one thread waiting for a disk, however often it is asked.
static READER: Mutex<Reader<Result<Option<File>, ConfigError>>> =
    Mutex::new(Reader { earlier: None });

/// The files that may be the configuration.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    /// This one.
    Named(PathBuf),
    /// The first of these that is there.
    Usual(Vec<PathBuf>),
}

impl Lookup {
    /// The file called `named`, else what `env` says.
    pub(super) fn new(named: Option<&Path>, env: &[(String, String)]) -> Self {
        let by_variable =
            || variable(env, environment::CONFIG).filter(|path| !path.as_os_str().is_empty());
        match named.map(Path::to_owned).or_else(by_variable) {
            Some(path) => Self::Named(path),
            None => Self::Usual(user_file(env).into_iter().chain([DEFAULT_FILE.into()]).collect()),
        }
    }

    /// Reads the file, if there is one.
    pub(super) fn file(self) -> Result<Option<File>, ConfigError> {
        let copy = self.clone();
        let mut reader = READER.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reader.read(PATIENCE, move || copy.read());
        drop(reader);
        read.unwrap_or_else(|| Err(self.silent()))
    }

    fn read(&self) -> Result<Option<File>, ConfigError> {
        match self {
            Self::Named(path) => File::read(path).map(Some),
            Self::Usual(paths) => {
                // A folder that may not be entered is not this user's.
                let found = paths.iter().find(|path| std::fs::metadata(path).is_ok());
                found.map(|path| File::read(path)).transpose()
            }
        }
    }

    fn silent(&self) -> ConfigError {
        let paths = match self {
            Self::Named(path) => vec![path.display().to_string()],
            Self::Usual(paths) => paths.iter().map(|path| path.display().to_string()).collect(),
        };
        ConfigError::Silent { path: paths.join(" or ").into(), limit: PATIENCE }
    }
}

/// Reads on another thread, and waits for it only so long.
struct Reader<T> {
    /// What a reading that was not waited for to its end will send.
    earlier: Option<Receiver<T>>,
}

impl<T: Send + 'static> Reader<T> {
    /// What `read` returns; none where that, or an earlier reading, takes longer than `patience`.
    fn read(
        &mut self,
        patience: Duration,
        read: impl FnOnce() -> T + Clone + Send + 'static,
    ) -> Option<T> {
        if let Some(earlier) = &self.earlier {
            // What it read is of then.
            if let Err(RecvTimeoutError::Timeout) = earlier.recv_timeout(patience) {
                return None;
            }
            self.earlier = None;
        }
        let (sender, reading) = mpsc::channel();
        let copy = read.clone();
        let thread = thread::Builder::new().name("config".to_owned()).spawn(move || {
            // Nobody may wait any more.
            let _ = sender.send(copy());
        });
        if thread.is_err() {
            // What limits the threads is told by the daemon, in its words.
            return Some(read());
        }
        let read = reading.recv_timeout(patience).ok();
        if read.is_none() {
            self.earlier = Some(reading);
        }
        read
    }
}

/// The value of a variable, as a path.
fn variable(env: &[(String, String)], name: &str) -> Option<PathBuf> {
    env.iter().find(|(found, _)| found == name).map(|(_, value)| PathBuf::from(value))
}

/// The user's own file. XDG wants relative folders ignored.
fn user_file(env: &[(String, String)]) -> Option<PathBuf> {
    let absolute = |name| variable(env, name).filter(|path| path.is_absolute());
    let of_home = || absolute("HOME").map(|home| home.join(".config"));
    Some(absolute("XDG_CONFIG_HOME").or_else(of_home)?.join(USER_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn one_reading_at_most_is_under_way_and_its_end_lets_the_next_begin() {
        let (short, long) = (Duration::from_millis(10), Duration::from_mins(1));
        let mut reader = Reader { earlier: None };
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let at_the_gate = Arc::clone(&gate);
        let hanging = move || {
            drop(at_the_gate.lock().unwrap());
            1
        };
        assert_eq!(reader.read(short, hanging), None);
        assert_eq!(reader.read(short, || 2), None);
        drop(closed);
        // Whether the earlier one's thread has seen that by now or not.
        assert_eq!(reader.read(long, || 2), Some(2));
        assert_eq!(reader.read(long, || 3), Some(3));
    }

    fn env(pairs: &[(&str, &Path)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())).collect()
    }

    #[test]
    fn the_first_file_that_is_there_is_the_one_that_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (home, xdg) = (folder.path().join("home"), folder.path().join("xdg"));
        let of_home = home.join(".config/enasd/enasd.toml");
        let of_xdg = xdg.join("enasd/enasd.toml");
        let (by_variable, by_flag) = (folder.path().join("variable"), folder.path().join("flag"));
        let mut variables = env(&[("HOME", &home)]);
        let read = |named: Option<&Path>, env: &[(String, String)]| {
            Lookup::new(named, env).file().unwrap().map(|file| file.path)
        };
        for path in [&of_home, &of_xdg, &by_variable, &by_flag] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "seed = 1").unwrap();
        }
        assert_eq!(read(None, &variables), Some(of_home));
        variables.extend(env(&[("XDG_CONFIG_HOME", &xdg)]));
        assert_eq!(read(None, &variables), Some(of_xdg));
        variables.extend(env(&[("ENASD_CONFIG", &by_variable)]));
        assert_eq!(read(None, &variables), Some(by_variable));
        assert_eq!(read(Some(&by_flag), &variables), Some(by_flag));
    }
}
