//! The layers that are texts: environment variables and flags.

use std::ffi::OsString;

use crate::config::entry::Entry;
use crate::config::{Source, keys};

/// How every variable of the daemon begins.
const PREFIX: &str = "ENASD_";

/// The environment of this process. What is not UTF-8 has U+FFFD in the place of its broken parts,
/// which no rule permits: it is refused instead of passed over.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// The variable that sets `key`: `ENASD_NET__CHANNELS` for `net.channels`.
pub(super) fn name_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The key that a misspelled variable stands for: too few `_`, or not all in capitals.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", "_");
    keys::keys().find(|path| path.replace('.', "_") == bare)
}

/// What `env` sets, by name. Variables that look like no key are left to others: those without
/// the prefix, and those with neither `__` nor the name of a section or of a key at the top level.
pub(super) fn entries(env: impl Iterator<Item = (String, String)>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = env
        .filter_map(|(name, text)| {
            let path = path_of(&name)?;
            Some(Entry { path, source: Source::Environment { name }, text, typed: None })
        })
        .collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// What `flags` set, in their order.
pub(super) fn flag_entries(flags: &[(String, String)]) -> impl Iterator<Item = Entry> + '_ {
    flags.iter().map(|(key, text)| Entry {
        path: key.clone(),
        source: Source::Flag { key: key.clone() },
        text: text.clone(),
        typed: None,
    })
}

/// The key that the variable `name` is meant for; not a known one where the name is misspelled.
fn path_of(name: &str) -> Option<String> {
    let bare = name.strip_prefix(PREFIX)?.to_lowercase();
    if let Some(path) = keys::keys().find(|path| name_of(path) == name) {
        return Some(path.to_owned());
    }
    let meant = if bare.contains("__") {
        bare.replacen("__", ".", 1)
    } else {
        let (first, rest) = bare.split_once('_').unwrap_or((&bare, ""));
        if keys::is_section(first) {
            format!("{first}.{rest}")
        } else {
            keys::nearest(&bare).filter(|path| !path.contains('.'))?;
            bare.clone()
        }
    };
    // `ENASD_NET_NODES` and `ENASD_Net__Nodes` set nothing: only one spelling does.
    Some(if keys::find(&meant).is_none() { meant } else { name.to_owned() })
}
