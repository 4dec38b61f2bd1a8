//! A configuration as a flat list of keys and values, and back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::config::Config;
use crate::config::keys;

/// The value of each key; null where it is unset.
pub(super) type Values = BTreeMap<&'static str, Value>;

/// The values of `config`. A number that is not finite becomes null.
pub(super) fn flatten(config: &Config) -> Values {
    let tree = serde_json::to_value(with_readable_paths(config))
        .expect("numbers, texts and UTF-8 paths under text keys are all JSON");
    let value = |path: &str| {
        let (section, name) = keys::split(path);
        let table = if section.is_empty() { Some(&tree) } else { tree.get(section) };
        table.and_then(|table| table.get(name)).cloned().unwrap_or(Value::Null)
    };
    keys::keys().map(|path| (path, value(path))).collect()
}

/// The configuration that `values` spell.
pub(super) fn build(values: &Values) -> Result<Config, serde_json::Error> {
    let mut tree = Map::new();
    for (path, value) in values {
        let (section, name) = keys::split(path);
        let table = if section.is_empty() {
            &mut tree
        } else {
            let inner = tree.entry(section).or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(table) => table,
                // No top-level key has the name of a section.
                _ => continue,
            }
        };
        table.insert(name.to_owned(), value.clone());
    }
    serde_json::from_value(Value::Object(tree))
}

/// JSON takes no path that is not UTF-8: such bytes show as `�`.
fn with_readable_paths(config: &Config) -> Config {
    let mut config = config.clone();
    for path in [&mut config.search.data.path, &mut config.store.state, &mut config.api.socket] {
        *path = path.take().map(|path| PathBuf::from(path.to_string_lossy().into_owned()));
    }
    config
}

/// `value` as TOML writes it.
pub(super) fn to_toml(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_rebuilt_from_its_values() {
        let mut config = Config::default();
        config.search.seed = u64::MAX;
        config.store.state = Some("/srv/enasd".into());
        config.api.admins = vec![1000, 1001];
        let values = flatten(&config);
        assert_eq!(values["seed"], u64::MAX);
        assert_eq!(values["data.path"], Value::Null);
        assert_eq!(build(&values).unwrap(), config);
    }

    #[test]
    fn a_path_that_is_not_text_is_shown_all_the_same() {
        use std::os::unix::ffi::OsStringExt;
        let mut config = Config::default();
        config.store.state = Some(std::ffi::OsString::from_vec(b"/srv/\xff".to_vec()).into());
        assert_eq!(flatten(&config)["store.state"], "/srv/\u{fffd}");
    }

    #[test]
    fn texts_are_escaped_as_toml_wants_them() {
        assert_eq!(to_toml(&"a\"b\\c".into()), "'a\"b\\c'");
        assert_eq!(to_toml(&0.0005.into()), "0.0005");
        assert_eq!(to_toml(&vec![1, 2].into()), "[1,2]");
    }
}
