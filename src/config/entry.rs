//! One setting as a layer gives it, and how it is judged.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::keys;
use crate::config::values::{self, Values};
use crate::config::{Config, ConfigProblem, Source, Sources};

/// The most characters of a refused value that a message repeats.
const MAX_SHOWN: usize = 60;

/// One setting as a layer gives it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key, known or not.
    pub(super) path: String,
    /// Where it stands.
    pub(super) source: Source,
    /// The value as it is written there.
    pub(super) text: String,
    /// The value where the layer has types; `None` where it has only texts.
    pub(super) typed: Option<Value>,
}

/// The values as the layers set them one after the other.
#[derive(Debug)]
pub(super) struct Merged {
    /// The value of each key.
    pub(super) values: Values,
    /// Where each value came from.
    pub(super) sources: Sources,
    /// The keys with a value that was refused.
    pub(super) refused: BTreeSet<&'static str>,
    /// What is wrong so far.
    pub(super) problems: Vec<ConfigProblem>,
}

impl Merged {
    /// The built-in defaults.
    pub(super) fn defaults() -> Self {
        Self {
            values: values::flatten(&Config::default()),
            sources: keys::keys().map(|path| (path, Source::Default)).collect(),
            refused: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Sets what `entry` says over what was there, or notes why not.
    pub(super) fn set(&mut self, entry: Entry) {
        let Some(key) = keys::find(&entry.path) else {
            self.problems.push(unknown(&entry));
            return;
        };
        let value = entry.typed.unwrap_or_else(|| key.rule.read(&entry.text));
        if key.rule.permits(&value) {
            self.values.insert(key.path, value);
            self.sources.insert(key.path, entry.source);
        } else {
            self.refused.insert(key.path);
            self.problems.push(ConfigProblem::Value {
                place: entry.source,
                key: key.path,
                rule: key.rule,
                found: quote(&entry.text),
                hint: if key.rule.is_only_quoted(&value) {
                    "; write it without quotes"
                } else {
                    ""
                },
            });
        }
    }
}

/// The problem that no section is called `name`.
pub(super) fn unknown_section(name: &str, place: Source) -> ConfigProblem {
    ConfigProblem::UnknownSection {
        place,
        section: shorten(name),
        nearest: keys::nearest_section(name),
        known: all_sections(),
    }
}

fn unknown(entry: &Entry) -> ConfigProblem {
    let place = entry.source.clone();
    let (section, _) = keys::split(&entry.path);
    if let Some(now) = keys::renamed(&entry.path) {
        let now = place.spell(now);
        return ConfigProblem::MovedKey { place, key: shorten(&entry.path), now };
    }
    let nearest = keys::meant_by(&entry.path).or_else(|| keys::nearest(&entry.path));
    let nearest = nearest.map(|path| place.spell(path));
    let known = match section {
        "" => format!("{}, and the sections {}", keys::siblings(&entry.path), all_sections()),
        _ if keys::is_section(section) => keys::siblings(&entry.path),
        _ if nearest.is_none() => return unknown_section(section, place),
        _ => String::new(),
    };
    let within =
        if section.is_empty() { "the top level".to_owned() } else { format!("[{section}]") };
    ConfigProblem::UnknownKey { place, key: shorten(&entry.path), nearest, within, known }
}

fn all_sections() -> String {
    keys::sections().collect::<Vec<_>>().join(", ")
}

/// `text` as a message shows it.
pub(super) fn quote(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { format!("`{}`", shorten(text)) }
}

/// The start of `text`, on one line.
fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(MAX_SHOWN) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(shorten("a\nb"), "a b");
        assert_eq!(shorten(&"é".repeat(70)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn a_refused_value_leaves_the_one_before() {
        let mut merged = Merged::defaults();
        merged.set(Entry {
            path: "space.nodes".to_owned(),
            source: Source::Flag { key: "space.nodes".to_owned() },
            text: "9".to_owned(),
            typed: None,
        });
        assert_eq!(merged.values["space.nodes"], 5);
        assert_eq!(merged.sources["space.nodes"], Source::Default);
        assert!(merged.refused.contains("space.nodes"));
    }
}
