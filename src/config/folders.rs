//! Where state and socket are where the configuration does not say: what systemd gives, else the
//! user's XDG folders.

use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::config::sections::MAX_SOCKET_BYTES;

/// The API's socket of the daemon that systemd runs: the first one in `systemd/enasd.socket`.
pub const SYSTEM_SOCKET: &str = "/run/enasd/enasd.sock";

/// The variables that name folders, as they were when the configuration was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folders {
    state_directory: Option<PathBuf>,
    xdg_state_home: Option<PathBuf>,
    home: Option<PathBuf>,
    runtime_directory: Option<PathBuf>,
    xdg_runtime_dir: Option<PathBuf>,
}

impl Folders {
    /// Takes note of a variable, if it names a folder.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        let slot = match name {
            "STATE_DIRECTORY" => &mut self.state_directory,
            "XDG_STATE_HOME" => &mut self.xdg_state_home,
            "HOME" => &mut self.home,
            "RUNTIME_DIRECTORY" => &mut self.runtime_directory,
            "XDG_RUNTIME_DIR" => &mut self.xdg_runtime_dir,
            _ => return,
        };
        // systemd separates several by colons; XDG wants relative paths ignored.
        let first = match name {
            "STATE_DIRECTORY" | "RUNTIME_DIRECTORY" => value.split(':').next().unwrap_or(value),
            _ => value,
        };
        *slot = Some(PathBuf::from(first)).filter(|path| path.is_absolute());
    }

    /// The state folder of a configuration that does not set it.
    pub(super) fn state(&self) -> Result<PathBuf, ConfigError> {
        if let Some(given) = &self.state_directory {
            return Ok(given.clone());
        }
        let of_home = || self.home.as_ref().map(|home| home.join(".local/state"));
        let parent = self.xdg_state_home.clone().or_else(of_home).ok_or(ConfigError::NoState)?;
        Ok(parent.join("enasd"))
    }

    /// The socket of a configuration that does not set it. A service has it in its runtime folder;
    /// else a search whose state folder is set (`own`) has it there, so that several of one user
    /// are told apart; else it is in the user's runtime folder, or with the state.
    pub(super) fn socket(&self, own: Option<&Path>) -> Result<PathBuf, ConfigError> {
        let path = match (&self.runtime_directory, own, &self.xdg_runtime_dir) {
            (Some(folder), _, _) | (None, None, Some(folder)) => folder.join("enasd.sock"),
            (None, Some(state), _) => state.join("api.sock"),
            (None, None, None) => self.state()?.join("api.sock"),
        };
        if MAX_SOCKET_BYTES < path.as_os_str().len() {
            return Err(ConfigError::SocketTooLong { path, max: MAX_SOCKET_BYTES });
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state folder and the socket under these variables.
    #[track_caller]
    fn check(variables: &[(&str, &str)], state: &str, socket: &str) {
        let mut folders = Folders::default();
        for (name, value) in variables {
            folders.note(name, value);
        }
        assert_eq!(folders.state().unwrap(), Path::new(state));
        assert_eq!(folders.socket(None).unwrap(), Path::new(socket));
    }

    #[test]
    fn the_socket_unit_has_the_systems_socket_and_the_default_address_of_the_metrics() {
        let unit = include_str!("../../systemd/enasd.socket");
        let streams: Vec<&str> =
            unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
        let metrics = crate::config::TelemetryConfig::default().metrics;
        assert_eq!(streams, [SYSTEM_SOCKET, metrics.as_str()]);
    }

    #[test]
    fn home_alone_gives_the_xdg_default() {
        check(&[("HOME", "/h")], "/h/.local/state/enasd", "/h/.local/state/enasd/api.sock");
    }

    #[test]
    fn xdg_folders_win_over_home() {
        let variables =
            [("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        check(&variables, "/s/enasd", "/run/user/7/enasd.sock");
    }

    #[test]
    fn systemd_wins_over_xdg_and_relative_folders_are_ignored() {
        let variables = [
            ("HOME", "/h"),
            ("STATE_DIRECTORY", "/var/lib/enasd:/var/lib/other"),
            ("RUNTIME_DIRECTORY", "/run/enasd"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ];
        check(&variables, "/var/lib/enasd", "/run/enasd/enasd.sock");
        let variables = [("HOME", "/h"), ("XDG_STATE_HOME", "s"), ("XDG_RUNTIME_DIR", "")];
        check(&variables, "/h/.local/state/enasd", "/h/.local/state/enasd/api.sock");
    }

    #[test]
    fn without_any_folder_the_text_says_what_to_set() {
        let err = Folders::default().state().unwrap_err().to_string();
        assert!(err.contains("set `store.state` to a folder"), "{err}");
    }

    #[test]
    fn a_socket_path_that_the_system_refuses_is_refused_first() {
        let state = PathBuf::from(format!("/{}", "s".repeat(98)));
        assert!(Folders::default().socket(Some(&state.join(""))).is_err());
        assert!(Folders::default().socket(Some(Path::new("/s"))).is_ok());
    }

    #[test]
    fn a_search_with_a_state_folder_of_its_own_has_its_socket_there_unless_it_is_a_service() {
        let mut folders = Folders::default();
        folders.note("XDG_RUNTIME_DIR", "/run/user/7");
        assert_eq!(folders.socket(Some(Path::new("/s"))).unwrap(), Path::new("/s/api.sock"));
        folders.note("RUNTIME_DIRECTORY", "/run/enasd");
        assert_eq!(
            folders.socket(Some(Path::new("/s"))).unwrap(),
            Path::new("/run/enasd/enasd.sock")
        );
    }
}
