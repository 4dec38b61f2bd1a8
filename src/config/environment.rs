//! The layers that are texts: environment variables and flags.
//!
//! Of the variables that begin with `ENASD_`, one sets a key (`ENASD_NET__CHANNELS`) or is named
//! like a flag (`ENASD_STATE`). Misspelled keys are refused. What Kubernetes sets for a service of
//! such a name is nobody's wish and is passed over; the rest is passed over and told.

use std::ffi::OsString;

use crate::config::entry::Entry;
use crate::config::keys::{VARIABLE_PREFIX, flag_variable_of, variable_of};
use crate::config::{ConfigProblem, Source, keys};

/// The variable that names the configuration file, as `--config` does.
pub(super) const CONFIG: &str = "ENASD_CONFIG";

/// The variables named like flags that set no key.
const OTHER_FLAGS: [&str; 2] = [CONFIG, "ENASD_UNTIL"];

/// The environment of this process. What is not UTF-8 has U+FFFD in the place of its broken parts,
/// which no rule permits: it is refused instead of passed over.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// What a variable that begins with the prefix is.
enum Meaning {
    /// It sets a key, known or not.
    Key(String),
    /// Somebody else's, or looked at elsewhere.
    PassedOver,
    /// Nobody knows it.
    Unknown,
}

/// What `env` sets, by key, and the variables that look like the daemon's and are not.
pub(super) fn entries(env: &[(String, String)]) -> (Vec<Entry>, Vec<ConfigProblem>) {
    let (mut entries, mut unknown) = (Vec::new(), Vec::new());
    for (name, text) in env {
        let Some(bare) = name.strip_prefix(VARIABLE_PREFIX) else { continue };
        match meaning(name, bare, text) {
            Meaning::Key(path) => {
                let source = Source::Environment { name: name.clone() };
                entries.push(Entry { path, source, text: text.clone(), typed: None });
            }
            Meaning::PassedOver => {}
            Meaning::Unknown => unknown.push(name.clone()),
        }
    }
    // Of two variables for one key, the one that names its section is the last word.
    entries.sort_by_key(|entry| {
        (entry.path.clone(), entry.source.to_string() == variable_of(&entry.path))
    });
    unknown.sort();
    (entries, unknown.into_iter().map(passed_over).collect())
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

fn meaning(name: &str, bare: &str, text: &str) -> Meaning {
    let is_named = |path: &&str| {
        variable_of(path) == name || flag_variable_of(path).is_some_and(|flag| flag == name)
    };
    if let Some(path) = keys::keys().find(is_named) {
        Meaning::Key(path.to_owned())
    } else if OTHER_FLAGS.contains(&name) || is_of_a_service(bare, text) {
        Meaning::PassedOver
    } else if keys::meant_by(name).is_some() {
        // `ENASD_NET_NODES` and `ENASD_Net__Nodes` set nothing: only one spelling does.
        Meaning::Key(name.to_owned())
    } else if bare.contains("__") {
        Meaning::Key(bare.to_lowercase().replacen("__", ".", 1))
    } else {
        Meaning::Unknown
    }
}

/// Whether Kubernetes sets such a variable in every pod for a service called `enasd` or
/// `enasd-something`: `ENASD_SERVICE_HOST`, `ENASD_API_SERVICE_PORT_HTTP`,
/// `ENASD_API_PORT=tcp://10.0.0.5:80`, `ENASD_PORT_80_TCP_ADDR`.
fn is_of_a_service(bare: &str, text: &str) -> bool {
    let parts: Vec<&str> = bare.split('_').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let is_protocol = |part: &str| ["TCP", "UDP", "SCTP"].contains(&part);
    parts.iter().enumerate().any(|(idx, part)| match (*part, &parts[idx + 1..]) {
        ("SERVICE", ["HOST"] | ["PORT", ..]) => true,
        ("PORT", []) => text.contains("://"),
        ("PORT", [number, protocol]) => is_number(number) && is_protocol(protocol),
        ("PORT", [number, protocol, "PROTO" | "PORT" | "ADDR"]) => {
            is_number(number) && is_protocol(protocol)
        }
        _ => false,
    })
}

fn passed_over(name: String) -> ConfigProblem {
    let known =
        keys::keys().flat_map(|key| [Some(variable_of(key)), flag_variable_of(key)]).flatten();
    let known = known.chain(OTHER_FLAGS.map(str::to_owned));
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(known, &name);
    let nearest = known.map(|known| (likeness(&known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    // The common prefix counts: below this, suggestions look like guesses.
    let nearest = nearest.filter(|(likeness, _)| 0.8 <= *likeness).map(|(_, known)| known);
    ConfigProblem::UnknownVariable { name, nearest }
}
