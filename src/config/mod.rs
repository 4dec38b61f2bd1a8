//! The configuration: one TOML file, environment and flags over built-in defaults.
//!
//! ```text
//! defaults  <  one file (`lookup` says which)  <  ENASD_SECTION__KEY, ENASD_FLAG  <  flags
//!     └──────────────┴───────── entries ─────────┴──────────────────────────────────┘
//!                                  │  key known? type and range right?   (`keys`)
//!                                  ▼
//!              Loaded { config, sources }  ── cross checks ──►  every problem at once, or none
//! ```
//!
//! Each layer of the program owns its section: the struct, and beside each field its default and
//! what it takes ([`crate::setting`]). This one owns the layers of values, and what holds between
//! two keys.
//!
//! # How to add a setting
//!
//! 1. Its line in the section's `settings!`: in `sections.rs`, or in the `config.rs` of the layer
//!    that it is for. It says the default, what it takes, and what depends on it: the search, so
//!    that a checkpoint binds it; nothing but this start; or nothing, and it may change while the
//!    daemon runs. One that the search depends on is younger than some state folders: where its
//!    default is not what was done before, the line says what was.
//! 2. `config/enasd.toml`: the key with its default, its meaning and its range, which a test holds
//!    against the line. For one that the search depends on, the text in the test of `identity.rs`.
//! 3. Whoever goes by it. One that changes while the daemon runs is put in force by
//!    `daemon/reload.rs`.
//! 4. `check.rs`, where it does not go with every value of another.

mod changes;
mod check;
mod check_data;
mod check_estimator;
mod check_growth;
mod entry;
mod environment;
mod error;
mod file;
mod folders;
mod identity;
mod keys;
mod loaded;
mod lookup;
mod reference;
mod sections;
mod source;
mod values;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::EngineConfig;
use crate::search::SearchConfig;

pub use changes::Changes;
pub use environment::environment;
pub use error::{ConfigError, ConfigProblem, Conflict};
pub use folders::SYSTEM_SOCKET;
pub use identity::Difference;
pub use keys::{keys, role};
pub use loaded::Loaded;
pub use lookup::DEFAULT_FILE;
pub use sections::{ApiConfig, StoreConfig, TelemetryConfig};
pub use source::{Source, Sources};

/// Everything that a run of the daemon can be told, one section per layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The search: its seed and its sections stand beside the others.
    #[serde(flatten)]
    pub search: SearchConfig,
    /// What computes.
    pub engine: EngineConfig,
    /// Where state is kept, and how often it is saved.
    pub store: StoreConfig,
    /// The local socket.
    pub api: ApiConfig,
    /// Metrics and logs.
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Reads all layers: the defaults, then a file (`file`, else the one that `env` names, else the
    /// user's, else [`DEFAULT_FILE`]), then the variables of `env` named `ENASD_SECTION__KEY` or
    /// like a flag, then `flags` as pairs of a key such as `net.channels` and its value. A later
    /// layer wins; within `flags`, a later pair does.
    ///
    /// A value that is refused is refused even where a later layer would replace it.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        let env: Vec<_> = env.collect();
        let file = lookup::Lookup::new(file, &env).file()?;
        Loaded::merge(file.as_ref(), &env, flags)
    }

    /// Reads the layers above the file, which counts as empty.
    pub fn load_without_file(
        env: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        Loaded::merge(None, &env.collect::<Vec<_>>(), flags)
    }

    /// Every problem of this configuration, each placed by `sources`; keys without a source are
    /// taken for defaults.
    pub fn check(&self, sources: &Sources) -> Vec<ConfigProblem> {
        check::problems(self, sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::FinalConfig;
    use crate::space::SpaceKind;

    #[test]
    fn the_defaults_have_no_problems_and_survive_a_round_trip() {
        let config = Config::default();
        assert_eq!(config.check(&Sources::default()), []);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    /// Loads a file that is shipped in `config/`, without a problem.
    fn shipped(name: &str) -> Config {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        Config::load(Some(&path), std::iter::empty(), &[]).unwrap().config
    }

    #[test]
    fn every_shipped_file_is_accepted_and_differs_from_the_defaults() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "enasd.toml")
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "demo.toml",
                "nas_cnn.toml",
                "nas_rnn.toml",
                "nasnet.toml",
                "paper-macro.toml",
                "paper-micro.toml",
                "paper-nas-cnn.toml",
                "paper-nas-rnn.toml",
                "paper-nasnet.toml",
                "paper-ptb.toml",
                "recurrent.toml",
                "simulate.toml",
                "tiny.toml",
                "whole_net.toml"
            ]
        );
        for name in names {
            assert_ne!(shipped(&name), Config::default(), "{name}");
        }
    }

    #[test]
    fn the_paper_file_holds_the_papers_run() {
        let search = shipped("paper-micro.toml").search;
        let SearchConfig { space, net, shared, schedule, derive, finals, .. } = search;
        assert_eq!((space.nodes, net.layers, net.channels), (5, 6, 20));
        assert_eq!((shared.learning_rate_max, shared.learning_rate_min), (0.05, 0.0005));
        assert_eq!((shared.learning_rate_period, shared.learning_rate_period_factor), (10, 2));
        assert_eq!((schedule.shared_steps, schedule.batch_size), (282, 160));
        assert_eq!((schedule.controller_steps, schedule.rollouts_per_step), (30, 10));
        assert_eq!((schedule.valid_batch_size, schedule.epochs_per_cycle), (160, 150));
        assert_eq!((derive.samples, derive.rerank, derive.keep), (100, 10, 5));
        let authors = FinalConfig {
            candidates: 1,
            epochs: 630,
            batch_size: 144,
            layers: 15,
            channels: 36,
            dropout_keep: 0.8,
            aux_weight: 0.4,
            drop_path_keep: 0.6,
            learning_rate_min: 0.0001,
            ..authors_final()
        };
        assert_eq!(finals, authors);
    }

    /// What both of the authors' scripts of final nets have (enas-spec, section 5).
    fn authors_final() -> FinalConfig {
        FinalConfig {
            learning_rate_max: 0.05,
            learning_rate_period: 10,
            learning_rate_period_factor: 2,
            smooth: false,
            forecast: false,
            momentum: 0.9,
            weight_decay: 0.0002,
            crop_padding: 4,
            flip: true,
            cutout: 0,
            ..FinalConfig::default()
        }
    }

    // enas-spec, section 6.1.
    #[test]
    fn the_file_of_nas_holds_the_authors() {
        let search = shipped("paper-nas-cnn.toml").search;
        let SearchConfig { space, net, policy, finals, trial, .. } = search;
        assert_eq!((space.kind, space.layers, space.strides), (SpaceKind::NasCnn, 20, false));
        assert_eq!((trial.first_layers, trial.growth_children), (6, 1600));
        assert_eq!((net.channels, finals.channels), (36, 36));
        assert_eq!((policy.hidden, policy.learning_rate), (35, 0.0006));
        assert_eq!((policy.tanh_constant, policy.skip_weight), (0.0, 0.0));
        assert_eq!((finals.epochs, finals.momentum, finals.weight_decay), (50, 0.9, 1e-4));
        assert_eq!((finals.learning_rate_max, finals.learning_rate_min), (0.1, 0.1));
    }

    // enas-spec, sections 4 and 5, the columns of the macro search.
    #[test]
    fn the_file_of_the_macro_search_holds_the_authors() {
        let search = shipped("paper-macro.toml").search;
        let SearchConfig { space, net, shared, policy, schedule, finals, .. } = search;
        assert_eq!((space.kind, space.layers), (SpaceKind::WholeNet, 12));
        assert_eq!((net.channels, net.dropout_keep), (36, 0.9));
        assert_eq!(
            (shared.learning_rate_max, shared.learning_rate_min, shared.weight_decay),
            (0.05, 0.0005, 0.00025)
        );
        assert_eq!(
            (policy.tanh_constant, policy.op_tanh_reduction, policy.learning_rate),
            (1.5, 1.0, 0.001)
        );
        assert_eq!((policy.skip_rate, policy.skip_weight), (0.4, 0.8));
        assert_eq!((schedule.shared_steps, schedule.batch_size), (352, 128));
        assert_eq!((schedule.controller_steps, schedule.rollouts_per_step), (50, 20));
        assert_eq!(schedule.epochs_per_cycle, 310);
        let authors = FinalConfig {
            candidates: 1,
            epochs: 310,
            batch_size: 100,
            channels: 96,
            dropout_keep: 0.5,
            learning_rate_min: 0.001,
            ..authors_final()
        };
        assert_eq!(finals, authors);
    }
}
