//! A configuration's sources, as the API tells them.

use std::path::Path;

use crate::api::{ConfigOrigins, Layer, Origin};
use crate::config::{ConfigError, Loaded, Source};

/// Where every value of `loaded` came from, of a daemon that listens at `socket`.
pub(super) fn origins(loaded: &Loaded, socket: &Path) -> Result<ConfigOrigins, ConfigError> {
    let keys = loaded.values().into_iter().map(|(key, value)| {
        let source = loaded.sources.get(key).cloned().unwrap_or_default();
        let layer = match source {
            Source::Default => Layer::Default,
            Source::File { .. } => Layer::File,
            Source::Environment { .. } => Layer::Environment,
            Source::Flag { .. } => Layer::Flag,
        };
        (key.to_owned(), Origin { value, layer, place: source.to_string() })
    });
    Ok(ConfigOrigins {
        file: loaded.file.as_deref().map(shown),
        state: shown(&loaded.state()?),
        socket: shown(socket),
        keys: keys.collect(),
    })
}

/// The path as somebody in another folder has to write it.
fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
