//! Every key by its name: the settings of all sections, one after the other, and how flags and
//! environment variables spell it.

use crate::config::{ApiConfig, StoreConfig, TelemetryConfig};
use crate::data::DataConfig;
use crate::engine::{EngineConfig, SgdConfig};
use crate::net::NetConfig;
use crate::search::{
    ChildConfig, DeriveConfig, FinalConfig, LimitsConfig, PolicyConfig, ScheduleConfig,
    ScoreConfig, SearchConfig,
};
use crate::setting::{Role, Setting};
use crate::space::SpaceConfig;

/// The settings, section by section.
const SECTIONS: [&[Setting]; 16] = [
    &[SearchConfig::SEED],
    SpaceConfig::SETTINGS,
    NetConfig::SETTINGS,
    DataConfig::SETTINGS,
    EngineConfig::SETTINGS,
    SgdConfig::SETTINGS,
    PolicyConfig::SETTINGS,
    ScheduleConfig::SETTINGS,
    ScoreConfig::SETTINGS,
    ChildConfig::SETTINGS,
    DeriveConfig::SETTINGS,
    FinalConfig::SETTINGS,
    LimitsConfig::SETTINGS,
    StoreConfig::SETTINGS,
    ApiConfig::SETTINGS,
    TelemetryConfig::SETTINGS,
];

/// The keys that have a flag of their own, hence a variable named like it: `--state` and
/// `ENASD_STATE`.
const FLAGS: &[(&str, &str)] = &[
    ("state", "store.state"),
    ("socket", "api.socket"),
    ("metrics", "telemetry.metrics"),
    ("log-format", "telemetry.log_format"),
    ("seed", "seed"),
];

/// The flag of `key`, without its dashes, where it has one of its own.
pub(super) fn flag_of(key: &str) -> Option<&'static str> {
    FLAGS.iter().find(|(_, of)| *of == key).map(|(flag, _)| *flag)
}

/// How every variable of the daemon begins.
pub(super) const VARIABLE_PREFIX: &str = "ENASD_";

/// The variable that sets `key`: `ENASD_NET__CHANNELS` for `net.channels`.
pub(super) fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The variable named like the flag of `key`: `ENASD_STATE` for `store.state`.
pub(super) fn flag_variable_of(key: &str) -> Option<String> {
    let flag = flag_of(key)?;
    Some(format!("{VARIABLE_PREFIX}{}", flag.replace('-', "_").to_uppercase()))
}

/// The key that a misspelled variable stands for: too few `_`, or not all in capitals.
pub(super) fn meant_by(variable: &str) -> Option<&'static str> {
    let bare = variable.strip_prefix(VARIABLE_PREFIX)?.to_lowercase().replace("__", "_");
    keys().find(|path| path.replace('.', "_") == bare)
}

/// All settings, section by section.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.into_iter().flatten()
}

/// The names of all keys, section by section, as in `net.channels`.
pub fn keys() -> impl Iterator<Item = &'static str> {
    settings().map(|key| key.path)
}

/// The role of the key called `path`.
pub fn role(path: &str) -> Option<Role> {
    find(path).map(|key| key.role)
}

/// The key called `path`.
pub(super) fn find(path: &str) -> Option<&'static Setting> {
    settings().find(|key| key.path == path)
}

/// The key that older programs called `path`.
pub(super) fn renamed(path: &str) -> Option<&'static str> {
    settings().find(|key| key.once == Some(path)).map(|key| key.path)
}

/// Whether there is a section of this name.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

/// The known name most like `path`, if one is near: a slip in the key, a slip in the section, or
/// the right key in the wrong section.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let (section, name) = split(path);
    let likeness = |key: &'static str| {
        let (key_section, key_name) = split(key);
        if section == key_section {
            strsim::jaro_winkler(name, key_name)
        } else if name == key_name {
            0.9
        } else {
            strsim::normalized_damerau_levenshtein(path, key)
        }
    };
    nearest_by(keys(), likeness)
}

/// The section most like `name`, if one is near.
pub(super) fn nearest_section(name: &str) -> Option<&'static str> {
    nearest_by(sections(), |section| strsim::jaro_winkler(name, section))
}

/// The keys beside `path` in its section, without the section; the sections where there is none.
pub(super) fn siblings(path: &str) -> String {
    let (section, _) = split(path);
    let inside: Vec<_> =
        keys().filter(|key| split(key).0 == section).map(|key| split(key).1).collect();
    inside.join(", ")
}

/// The sections, in order.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    keys().map(|key| split(key).0).filter(move |&section| {
        let is_first = section != last;
        last = section;
        is_first
    })
}

/// The section, empty at the top level, and the name of a key.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or(("", path))
}

fn nearest_by(
    names: impl Iterator<Item = &'static str>,
    likeness: impl Fn(&'static str) -> f64,
) -> Option<&'static str> {
    let likenesses = names.map(|name| (likeness(name), name));
    // Among equals the first: a section of the search stands before one of what comes after it.
    let best = likenesses.reduce(|best, other| if best.0 < other.0 { other } else { best });
    // Below this, suggestions look like guesses.
    best.filter(|&(likeness, _)| 0.8 <= likeness).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, values};
    use crate::setting::Rule;
    use crate::space::SpaceKind;
    use serde_json::Value;

    #[test]
    fn the_table_has_exactly_the_keys_of_the_structs() {
        let Value::Object(top) = serde_json::to_value(Config::default()).unwrap() else {
            unreachable!("a struct is an object")
        };
        let mut fields = Vec::new();
        for (name, value) in &top {
            match value {
                Value::Object(inner) => fields.extend(inner.keys().map(|k| format!("{name}.{k}"))),
                _ => fields.push(name.clone()),
            }
        }
        fields.sort();
        let mut table: Vec<_> = keys().map(str::to_owned).collect();
        table.sort();
        assert_eq!(table, fields);
    }

    #[test]
    fn every_choice_in_the_table_is_a_variant_of_its_enum() {
        for key in settings() {
            let Rule::OneOf(words) = key.rule else { continue };
            for &word in words {
                let mut values = values::flatten(&Config::default());
                values.insert(key.path, word.into());
                let config: Config = values::build(&values).unwrap();
                assert_eq!(values::flatten(&config)[key.path], word);
            }
        }
    }

    #[test]
    fn an_older_name_is_of_one_key_and_no_key_is_called_so() {
        let mut older: Vec<_> = settings().filter_map(|key| key.once).collect();
        assert!(older.iter().all(|name| find(name).is_none()), "{older:?}");
        let n_older = older.len();
        older.sort_unstable();
        older.dedup();
        assert_eq!(older.len(), n_older);
        assert_eq!(renamed("policy.lr"), Some("policy.learning_rate"));
    }

    #[test]
    fn a_key_of_one_space_names_it() {
        for space in settings().flat_map(|key| key.only_of) {
            assert!(space.parse::<SpaceKind>().is_ok(), "{space}");
        }
    }

    #[test]
    fn what_counted_before_a_key_is_a_value_that_it_takes() {
        for key in settings() {
            let value = key.value_before(&Value::Null);
            assert!(value.is_null() || key.rule.permits(&value), "{}", key.path);
            assert!(value.is_null() || key.role == Role::Search, "{}", key.path);
        }
    }

    #[test]
    fn slips_are_suggested_and_strangers_are_not() {
        assert_eq!(nearest("net.chanels"), Some("net.channels"));
        assert_eq!(nearest("nets.channels"), Some("net.channels"));
        assert_eq!(nearest("channels"), Some("net.channels"));
        assert_eq!(nearest("net.seed"), Some("seed"));
        assert_eq!(nearest("shared.batch_size"), Some("schedule.batch_size"));
        assert_eq!(nearest("sede"), Some("seed"));
        assert_eq!(nearest("net.frobnicate"), None);
        assert_eq!(nearest_section("shedule"), Some("schedule"));
        assert_eq!(nearest_section("optimizer"), None);
    }

    #[test]
    fn sections_are_named_once() {
        let names: Vec<_> = sections().collect();
        assert_eq!(names.len(), 15);
        assert!(is_section("telemetry") && !is_section("") && !is_section("seed"));
        assert_eq!(
            siblings("store.x"),
            "state, checkpoint_seconds, keep_checkpoints, history_bytes"
        );
    }
}
