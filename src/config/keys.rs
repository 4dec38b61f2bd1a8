//! Every key: its name, what it takes, and whether the search depends on it.

use std::ops::Bound;

use serde_json::Value;

use crate::config::rule::Rule;
use crate::engine::ExecutorChoice;
use crate::space::SpaceKind;

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// The section and the name, as in `net.channels`.
    pub(super) path: &'static str,
    /// What it takes.
    pub(super) rule: Rule,
    /// Whether the search depends on it.
    pub(super) role: Role,
    /// What the search did before there was this key, as JSON; none where that is its default.
    before: Option<&'static str>,
    /// What it was called by older programs.
    pub(super) once: Option<&'static str>,
    /// The space whose searches alone depend on it; none where all do.
    pub(super) only_of: Option<&'static str>,
}

impl Key {
    /// A key that older programs, their files and their checkpoints call `name`.
    const fn once(self, name: &'static str) -> Self {
        Self { once: Some(name), ..self }
    }

    /// A key that says something to searches of one space alone.
    const fn only_of(self, space: &'static str) -> Self {
        Self { only_of: Some(space), ..self }
    }

    /// A key that is younger than some checkpoints, in which it counts as `before`, a value as
    /// JSON writes it.
    const fn before(self, before: &'static str) -> Self {
        Self { before: Some(before), ..self }
    }

    /// Whether the search did something else before there was this key than it does by default.
    pub(super) const fn has_before(&self) -> bool {
        self.before.is_some()
    }

    /// The value that a checkpoint from before this key counts as having; `default` is the
    /// default.
    pub(super) fn value_before(&self, default: &Value) -> Value {
        match self.before {
            Some(text) => serde_json::from_str(text).expect("a test reads each"),
            None => default.clone(),
        }
    }
}

/// Whether the search depends on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Another value makes another run: a checkpoint binds it.
    Search,
    /// May change at every start.
    Operation,
    /// May change while the daemon runs, too.
    Live,
}

const EXECUTORS: &[&str] = {
    let [a, b, c] = ExecutorChoice::ALL;
    &[a.name(), b.name(), c.name()]
};
const SPACES: &[&str] = {
    let [a, b] = SpaceKind::ALL;
    &[a.name(), b.name()]
};
const SOURCES: &[&str] = &["fashion-mnist", "idx", "cifar-10", "cifar-100", "folder"];

/// The longest path that Linux takes, without its final zero.
const MAX_PATH_BYTES: usize = 4095;

/// The longest path of a Unix socket, without its final zero.
pub(super) const MAX_SOCKET_BYTES: usize = 107;

/// Every key, section by section.
pub(super) const KEYS: &[Key] = &[
    search("seed", whole(0, u64::MAX)),
    search("space.kind", Rule::OneOf(SPACES)),
    search("space.nodes", whole(2, 7)).once("net.nodes").only_of("micro"),
    search("space.layers", whole(3, 22)).only_of("whole_net"),
    search("net.layers", whole(1, 40)).only_of("micro"),
    search("net.channels", whole(1, 512)),
    search("net.dropout_keep", above(0.0, 1.0)),
    search("net.aux_weight", from(0.0, 10.0)).only_of("micro"),
    search("data.source", Rule::OneOf(SOURCES)),
    operation("data.path", Rule::Path { max_bytes: MAX_PATH_BYTES }),
    search("data.side", whole(8, 256)),
    // The classes that it makes are in the checkpoint's record of the data.
    operation("data.classes", whole(0, 65_536)),
    search("data.valid_share", above(0.0, 0.5)),
    search("data.test_share", from(0.0, 0.5)),
    search("data.split", Rule::OneOf(&["by-class", "whole"])).before("\"whole\""),
    search("data.crop_padding", whole(0, 64)),
    search("data.flip", Rule::Switch),
    search("data.cutout", whole(0, 256)),
    search("engine.device", Rule::Device),
    search("engine.executor", Rule::OneOf(EXECUTORS)),
    operation("engine.threads", whole(0, 1024)),
    search("shared.lr_max", above(0.0, 10.0)),
    search("shared.lr_min", from(0.0, 10.0)),
    search("shared.lr_period", whole(1, 100_000)),
    search("shared.lr_period_factor", whole(1, 100)),
    search("shared.momentum", below(0.0, 1.0)),
    search("shared.weight_decay", from(0.0, 1.0)),
    search("shared.clip_norm", above(0.0, 1e6)),
    search("policy.strategy", Rule::OneOf(&["reinforce", "random"])),
    search("policy.hidden", whole(1, 1024)),
    search("policy.temperature", above(0.0, 100.0)),
    search("policy.tanh_constant", above(0.0, 100.0)),
    search("policy.op_tanh_reduction", above(0.0, 100.0)),
    search("policy.lr", above(0.0, 1.0)),
    search("policy.beta1", below(0.0, 1.0)),
    search("policy.beta2", below(0.0, 1.0)),
    search("policy.epsilon", above(0.0, 1.0)),
    search("policy.clip_norm", above(0.0, 1e6)).before("1000000.0"),
    search("policy.entropy_weight", from(0.0, 100.0)),
    search("policy.baseline_decay", below(0.0, 1.0)),
    search("policy.skip_rate", between(0.0, 1.0)).only_of("whole_net"),
    search("policy.skip_weight", from(0.0, 100.0)).only_of("whole_net"),
    search("schedule.shared_steps", whole(1, 1_000_000)),
    search("schedule.batch_size", whole(1, 8192)),
    search("schedule.archs_per_step", whole(1, 64)),
    search("schedule.controller_steps", whole(1, 100_000)),
    search("schedule.rollouts_per_step", whole(1, 1000)),
    search("schedule.valid_batch_size", whole(1, 8192)),
    search("schedule.epochs_per_cycle", whole(1, 100_000)),
    search("schedule.advantage_phases", whole(1, 1000)),
    search("derive.samples", whole(1, 10_000)),
    search("derive.rerank", whole(1, 10_000)),
    search("derive.keep", whole(1, 1000)),
    operation("store.state", Rule::Path { max_bytes: MAX_PATH_BYTES }),
    live("store.checkpoint_seconds", from(0.05, 86_400.0)),
    live("store.keep_checkpoints", whole(2, 100)),
    live("store.history_bytes", whole(64_000_000, 1_000_000_000_000_000)),
    operation("api.socket", Rule::Path { max_bytes: MAX_SOCKET_BYTES }),
    live("api.admins", Rule::Uids { max: 64 }),
    operation("telemetry.metrics", Rule::Address),
    operation("telemetry.metrics_hosts", Rule::Hosts { max: 64 }),
    live("telemetry.log", Rule::LogFilter),
    operation("telemetry.log_format", Rule::OneOf(&["auto", "text", "json", "journal"])),
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

/// The names of all keys, section by section, as in `net.channels`.
pub fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.path)
}

/// The role of the key called `path`.
pub fn role(path: &str) -> Option<Role> {
    find(path).map(|key| key.role)
}

/// The key called `path`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The key that older programs called `path`.
pub(super) fn renamed(path: &str) -> Option<&'static str> {
    KEYS.iter().find(|key| key.once == Some(path)).map(|key| key.path)
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
    let best = names.map(|name| (likeness(name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    // Below this, suggestions look like guesses.
    best.filter(|&(likeness, _)| 0.8 <= likeness).map(|(_, name)| name)
}

const fn search(path: &'static str, rule: Rule) -> Key {
    Key { path, rule, role: Role::Search, before: None, once: None, only_of: None }
}

const fn operation(path: &'static str, rule: Rule) -> Key {
    Key { path, rule, role: Role::Operation, before: None, once: None, only_of: None }
}

const fn live(path: &'static str, rule: Rule) -> Key {
    Key { path, rule, role: Role::Live, before: None, once: None, only_of: None }
}

const fn whole(min: u64, max: u64) -> Rule {
    Rule::Whole { min, max }
}

/// `[low, high]`
const fn from(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Included(low), high: Bound::Included(high) }
}

/// `(low, high]`
const fn above(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Excluded(low), high: Bound::Included(high) }
}

/// `(low, high)`
const fn between(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Excluded(low), high: Bound::Excluded(high) }
}

/// `[low, high)`
const fn below(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Included(low), high: Bound::Excluded(high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, values};

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
        for key in KEYS {
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
    fn what_counted_before_a_key_is_a_value_that_it_takes() {
        for key in KEYS {
            let value = key.value_before(&Value::Null);
            assert!(value.is_null() || key.rule.permits(&value), "{}", key.path);
            assert!(key.before.is_none() || key.role == Role::Search, "{}", key.path);
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
        assert_eq!(names.len(), 11);
        assert!(is_section("telemetry") && !is_section("") && !is_section("seed"));
        assert_eq!(
            siblings("store.x"),
            "state, checkpoint_seconds, keep_checkpoints, history_bytes"
        );
    }
}
