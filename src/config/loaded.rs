//! A configuration with the source of every value.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::config::entry::Merged;
use crate::config::file::{File, Line};
use crate::config::folders::Folders;
use crate::config::keys::{self, settings};
use crate::config::{Config, ConfigError, ConfigProblem, Source, Sources, check, environment};
use crate::config::{identity, values};
use crate::setting::{Role, Setting};

/// A configuration without a problem, and where each of its values came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The source of every key.
    pub sources: Sources,
    /// The file that was read, where there is one.
    pub file: Option<PathBuf>,
    /// The variables that look like the daemon's and set nothing.
    pub passed_over: Vec<ConfigProblem>,
    folders: Folders,
}

impl Loaded {
    /// Lays the layers over each other.
    pub(super) fn merge(
        file: Option<&File>,
        env: &[(String, String)],
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut merged = Merged::defaults();
        let mut folders = Folders::default();
        for line in file.map(File::lines).transpose()?.unwrap_or_default() {
            match line {
                Line::Setting(entry) => merged.set(entry),
                Line::Misshapen(problem) => merged.problems.push(problem),
            }
        }
        for (name, value) in env {
            folders.note(name, value);
        }
        let (of_env, passed_over) = environment::entries(env);
        for entry in of_env.into_iter().chain(environment::flag_entries(flags)) {
            merged.set(entry);
        }
        let Merged { values, sources, refused, mut problems } = merged;
        let config = values::build(&values).map_err(|source| ConfigError::Table { source })?;
        problems.extend(check::conflicts(&config, &sources, |path| refused.contains(path)));
        if problems.is_empty() {
            let file = file.map(|file| file.path.clone());
            Ok(Self { config, sources, file, passed_over, folders })
        } else {
            Err(ConfigError::Problems { problems })
        }
    }

    /// This configuration as it goes on with a search that was recorded as `fingerprint`: a key that
    /// nobody has set is as that search has it, whose program may have had another default, or no
    /// such key.
    pub fn continuing(&self, fingerprint: &str) -> Result<Self, ConfigError> {
        let recorded = identity::read(fingerprint)?;
        let (mut values, mut sources) = (self.values(), self.sources.clone());
        let is_unset =
            |key: &&Setting| key.role == Role::Search && self.sources[key.path] == Source::Default;
        for key in settings().filter(is_unset) {
            let names = [Some(key.path), key.once].into_iter().flatten();
            let known = { names }.find_map(|name| recorded.get(name)).cloned();
            let value = known.unwrap_or_else(|| key.value_before(&values[key.path]));
            // What this program does not take any more is refused as a difference.
            if key.rule.permits(&value) && value != values[key.path] {
                values.insert(key.path, value);
                sources.insert(key.path, Source::State);
            }
        }
        let config = values::build(&values).map_err(|source| ConfigError::Table { source })?;
        Ok(Self { config, sources, ..self.clone() })
    }

    /// The keys that nobody has set and that are as the search of the state folder began, with their
    /// values as TOML writes them.
    pub fn kept(&self) -> Vec<String> {
        let values = self.values();
        let kept = self.sources.iter().filter(|(_, source)| **source == Source::State);
        kept.map(|(key, _)| format!("{key} = {}", values::to_toml(&values[key]))).collect()
    }

    /// Every key with its value, to be compared.
    pub fn values(&self) -> BTreeMap<&'static str, serde_json::Value> {
        values::flatten(&self.config)
    }

    /// The values as JSON, section by section, to be shown.
    pub fn shown(&self) -> serde_json::Value {
        serde_json::to_value(&self.config)
            .expect("a configuration is numbers, texts and paths that came from text")
    }

    /// The state folder: as set, else systemd's, else the user's.
    pub fn state(&self) -> Result<PathBuf, ConfigError> {
        self.config.store.state.clone().map_or_else(|| self.folders.state(), Ok)
    }

    /// The socket: as set, else with a state folder that is set, else in the user's runtime folder.
    pub fn socket(&self) -> Result<PathBuf, ConfigError> {
        match &self.config.api.socket {
            Some(path) => Ok(path.clone()),
            None => self.folders.socket(self.config.store.state.as_deref()),
        }
    }

    /// Every key with its value and its source, as a TOML file that gives this configuration.
    pub fn explain(&self) -> String {
        let values = values::flatten(&self.config);
        let lines: Vec<(String, &Source)> = keys::keys()
            .map(|path| {
                let setting = match &values[path] {
                    serde_json::Value::Null => self.explain_unset(path),
                    value => format!("{path} = {}", values::to_toml(value)),
                };
                (setting, &self.sources[path])
            })
            .collect();
        // Longer settings, which are paths, push only their own source to the right.
        let width = lines.iter().map(|(text, _)| text.chars().count()).filter(|n| *n <= 40).max();
        let width = width.unwrap_or_default();
        lines.iter().fold(String::new(), |mut text, (setting, source)| {
            writeln!(text, "{setting:width$}  # {source}")
                .expect("writing to a string cannot fail");
            text
        })
    }

    fn explain_unset(&self, path: &str) -> String {
        let stand_in = match path {
            "store.state" => self.state().ok(),
            "api.socket" => self.socket().ok(),
            _ => None,
        };
        match stand_in {
            Some(place) => format!("# {path} is unset: {}", place.display()),
            None => format!("# {path} is unset"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SplitRule;
    use crate::search::SearchConfig;
    use proptest::prelude::*;

    fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    /// Loads `file` with systemd's and the user's folders, unless `env` says otherwise.
    fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Loaded {
        let file = File { path: "f.toml".into(), text: file.to_owned() };
        Loaded::merge(Some(&file), &pairs(env), &pairs(flags)).unwrap()
    }

    #[test]
    fn a_younger_key_that_nobody_set_is_as_the_search_has_it() {
        let old = Config::default().fingerprint().replace("\"data.split\":\"by-class\",", "");
        let going_on = |file: &str, recorded: &str| {
            let loaded = load(file, &[], &[]).continuing(recorded).unwrap();
            let differences = loaded.config.differences(recorded).unwrap();
            (loaded.config.search.data.split, differences.iter().map(ToString::to_string).collect())
        };
        let nothing = Vec::<String>::new();
        assert_eq!(going_on("", &old), (SplitRule::Whole, nothing.clone()));
        let recorded = load("", &[], &[]).continuing(&old).unwrap().config.fingerprint();
        assert_eq!(going_on("", &recorded), (SplitRule::Whole, nothing.clone()));
        assert_eq!(going_on("", &Config::default().fingerprint()), (SplitRule::ByClass, nothing));
        // A default that has changed since.
        let other = old.replace("\"net.channels\":4", "\"net.channels\":6");
        let loaded = load("", &[], &[]).continuing(&other).unwrap();
        assert_eq!(loaded.config.search.net.channels, 6);
        assert!(loaded.kept().contains(&"net.channels = 6".to_owned()), "{:?}", loaded.kept());
        assert_eq!(loaded.sources["net.channels"].to_string(), "the state folder");
        assert!(loaded.config.differences(&other).unwrap().is_empty());
        let set = load("net.channels = 4\n", &[], &[]).continuing(&other).unwrap();
        let told = set.config.differences(&other).unwrap();
        assert_eq!(told[0].to_string(), "net.channels: 6 → 4");
        let differs = vec!["data.split: \"whole\" → \"by-class\"".to_owned()];
        assert_eq!(going_on("data.split = \"by-class\"\n", &old), (SplitRule::ByClass, differs));
    }

    #[test]
    fn each_layer_wins_over_the_one_before() {
        let file = "seed = 1\n[net]\nchannels = 2\nlayers = 3\n[space]\nnodes = 4\n";
        let env = [("ENASD_NET__CHANNELS", "8"), ("ENASD_NET__LAYERS", "9"), ("PATH", "/bin")];
        let loaded = load(file, &env, &[("net.layers", "11"), ("net.layers", "12")]);
        let net = loaded.config.search.net;
        assert_eq!((loaded.config.search.seed, net.channels, net.layers), (1, 8, 12));
        assert_eq!(loaded.config.search.space.nodes, 4);
        let source = |key: &str| loaded.sources[key].to_string();
        assert_eq!(source("seed"), "f.toml:1");
        assert_eq!(source("space.nodes"), "f.toml:6");
        assert_eq!(source("net.channels"), "ENASD_NET__CHANNELS");
        assert_eq!(source("net.layers"), "--set net.layers");
        assert_eq!(source("net.dropout_keep"), "default");
    }

    #[test]
    fn all_spellings_of_toml_are_one_value() {
        let file = "net.channels = 0x10\nshared = { learning_rate_max = 1 }\n";
        let spelled = load(file, &[], &[]).config.search;
        assert_eq!((spelled.net.channels, spelled.shared.learning_rate_max), (16, 1.0));
    }

    #[test]
    fn texts_of_environment_and_flags_become_every_type() {
        let env = [("ENASD_SEED", "18446744073709551615"), ("ENASD_API__ADMINS", "1000, 1001")];
        let flags = [
            ("data.flip", "false"),
            ("shared.weight_decay", "1e-3"),
            ("data.source", "cifar-100"),
            ("data.path", "/data"),
        ];
        let Config { search: SearchConfig { seed, data, shared, .. }, api, .. } =
            load("", &env, &flags).config;
        assert_eq!((seed, api.admins), (u64::MAX, vec![1000, 1001]));
        assert_eq!((data.flip, shared.weight_decay), (false, 0.001));
        assert_eq!(data.source, crate::data::DataSource::Cifar100);
        assert_eq!(data.path, Some("/data".into()));
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let env = [
            ("ENASD_CONFIG", "/f"),
            ("ENASD_UNTIL", "cycles=1"),
            ("NET__CHANNELS", "x"),
            ("ENASD_SERVICE_HOST", "10.0.0.5"),
            ("ENASD_PORT", "tcp://10.0.0.5:80"),
            ("ENASD_API_SERVICE_HOST", "10.0.0.5"),
            ("ENASD_API_SERVICE_PORT", "80"),
            ("ENASD_API_SERVICE_PORT_HTTP", "80"),
            ("ENASD_API_PORT", "tcp://10.0.0.5:80"),
            ("ENASD_NET_PORT_80_TCP", "tcp://10.0.0.5:80"),
            ("ENASD_NET_PORT_80_TCP_ADDR", "10.0.0.5"),
            ("ENASD_STORE_S3_PORT_53_UDP_PROTO", "udp"),
        ];
        let loaded = load("", &env, &[]);
        assert_eq!((loaded.config, loaded.passed_over), (Config::default(), vec![]));
    }

    #[test]
    fn variables_named_like_flags_set_what_the_flags_set() {
        let env = [
            ("ENASD_STATE", "/st"),
            ("ENASD_SOCKET", "/s"),
            ("ENASD_METRICS", "off"),
            ("ENASD_LOG_FORMAT", "json"),
            ("ENASD_SEED", "7"),
        ];
        let loaded = load("", &env, &[]);
        let Config { search, store, api, telemetry, .. } = &loaded.config;
        assert_eq!((search.seed, telemetry.metrics.as_str()), (7, "off"));
        assert_eq!(telemetry.log_format, crate::telemetry::LogFormat::Json);
        assert_eq!(
            (store.state.clone(), api.socket.clone()),
            (Some("/st".into()), Some("/s".into()))
        );
        assert_eq!(loaded.sources["store.state"].to_string(), "ENASD_STATE");
        // The one that names the section counts, and a flag over both.
        let both = [("ENASD_STORE__STATE", "/long"), ("ENASD_STATE", "/short")];
        let loaded = load("", &both, &[]);
        assert_eq!(loaded.sources["store.state"].to_string(), "ENASD_STORE__STATE");
        let loaded = load("", &both, &[("store.state", "/flag")]);
        assert_eq!(loaded.sources["store.state"].to_string(), "--state");
    }

    #[test]
    fn variables_that_nobody_knows_are_told_with_what_was_meant() {
        let env = [("ENASD_NET_FROB", "4"), ("ENASD_SEDE", "4"), ("ENASD_STAET", "/s")];
        let loaded = load("", &env, &[]);
        let told: Vec<String> = loaded.passed_over.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        ENASD_NET_FROB: no such variable is known, so it sets nothing; variables are named ENASD_SECTION__KEY, or like a flag (ENASD_STATE)
        ENASD_SEDE: no such variable is known, so it sets nothing; did you mean `ENASD_SEED`?
        ENASD_STAET: no such variable is known, so it sets nothing; did you mean `ENASD_STATE`?
        ");
    }

    #[test]
    fn folders_are_as_set_or_as_the_environment_has_them() {
        let home = [("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        let loaded = load("", &home, &[]);
        assert_eq!(loaded.state().unwrap(), PathBuf::from("/h/.local/state/enasd"));
        assert_eq!(loaded.socket().unwrap(), PathBuf::from("/run/user/7/enasd.sock"));
        let loaded = load("", &[], &[("store.state", "/s")]);
        assert_eq!(loaded.socket().unwrap(), PathBuf::from("/s/api.sock"));
        let loaded = load("", &home, &[("api.socket", "/x"), ("store.state", "/s")]);
        assert_eq!(loaded.state().unwrap(), PathBuf::from("/s"));
        assert_eq!(loaded.socket().unwrap(), PathBuf::from("/x"));
    }

    #[test]
    fn the_explanation_names_every_key_with_its_source_and_is_a_file_itself() {
        let loaded = load(
            "seed = 7\n",
            &[("HOME", "/h"), ("ENASD_TELEMETRY__LOG", "warn,enasd=debug")],
            &[("shared.learning_rate_max", "0.025")],
        );
        let text = loaded.explain();
        assert_eq!(text.lines().count(), keys::keys().count());
        let is_plain = |line: &&str| line.ends_with("# default") && !line.starts_with('#');
        let (plain, special): (Vec<&str>, Vec<&str>) = text.lines().partition(is_plain);
        assert_eq!(plain[0], "space.kind = \"micro\"                    # default");
        insta::assert_snapshot!(special.join("\n"), @r#"
        seed = 7                                # f.toml:1
        # data.path is unset                    # default
        shared.learning_rate_max = 0.025        # --set shared.learning_rate_max
        # store.state is unset: /h/.local/state/enasd  # default
        # api.socket is unset: /h/.local/state/enasd/api.sock  # default
        telemetry.log = "warn,enasd=debug"      # ENASD_TELEMETRY__LOG
        "#);
        assert_eq!(load(&text, &[], &[]).config, loaded.config);
    }

    #[test]
    fn a_named_file_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.toml");
        let err = Config::load(Some(&path), std::iter::empty(), &[]).unwrap_err().to_string();
        assert!(err.starts_with(&format!("cannot read the configuration {}", path.display())));
    }

    #[test]
    fn an_endless_file_is_refused_early() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.toml");
        std::fs::write(&path, "#".repeat(1 << 21)).unwrap();
        let err = Config::load(Some(&path), std::iter::empty(), &[]).unwrap_err();
        assert!(matches!(err, ConfigError::Size { .. }), "{err}");
    }

    proptest! {
        #[test]
        fn whatever_is_set_for_a_key_is_permitted_or_told(
            key in proptest::sample::select(keys::keys().collect::<Vec<_>>()),
            text in "[a-z0-9.:/,=-]{0,6}|-?[0-9]{1,20}(\\.[0-9]+)?",
            toml in "\\PC{0,30}",
        ) {
            let flags = [(key.to_owned(), text)];
            match Loaded::merge(None, &[], &flags) {
                Ok(loaded) => {
                    prop_assert_eq!(loaded.config.check(&loaded.sources), vec![]);
                    let source = Source::Flag { key: key.to_owned() };
                    prop_assert_eq!(&loaded.sources[key], &source);
                }
                Err(err) => prop_assert!(err.to_string().contains(key), "{}", err),
            }
            let file = File { path: "f.toml".into(), text: format!("{key} = {toml}") };
            if let Ok(loaded) = Loaded::merge(Some(&file), &[], &[]) {
                prop_assert_eq!(loaded.config.check(&loaded.sources), vec![]);
            }
        }
    }
}
