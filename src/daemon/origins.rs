//! A configuration's sources, as the API tells them.

use std::path::Path;

use crate::api::{ConfigOrigins, Origin, OriginLayer};
use crate::config::{ConfigError, Loaded, Source};
use crate::daemon::greeting::whole;

/// Where every value of `loaded` came from, of a daemon that listens at `socket`.
pub(super) fn origins(loaded: &Loaded, socket: &Path) -> Result<ConfigOrigins, ConfigError> {
    let keys = loaded.values().into_iter().map(|(key, value)| {
        let source = loaded.sources.get(key).cloned().unwrap_or_default();
        let layer = match source {
            Source::Default => OriginLayer::Default,
            Source::State => OriginLayer::State,
            Source::File { .. } => OriginLayer::File,
            Source::Environment { .. } => OriginLayer::Environment,
            Source::Flag { .. } => OriginLayer::Flag,
        };
        (key.to_owned(), Origin { value, layer, place: source.to_string() })
    });
    Ok(ConfigOrigins {
        file: loaded.file.as_deref().map(whole),
        state: whole(&loaded.state()?),
        socket: whole(socket),
        keys: keys.collect(),
    })
}
