//! What of a configuration a checkpoint is bound to, and how two such texts differ.
//!
//! A run may be resumed under another state folder, socket, log filter or number of threads, but
//! not with another seed, space, net, data, rule or schedule: what then came out would be neither
//! run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::config::keys::{KEYS, Role};
use crate::config::values;
use crate::config::{Config, ConfigError};

/// A key whose value is not the one that the checkpoint was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The checkpoint's value, as TOML writes it; `None` where it is unset or unknown there.
    pub old: Option<String>,
    /// This configuration's value.
    pub new: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
        write!(f, "{}: {} → {}", self.key, shown(&self.old), shown(&self.new))
    }
}

impl Config {
    /// The keys that the search depends on, as one line of JSON sorted by key: equal exactly for
    /// configurations that continue each other's checkpoints.
    pub fn fingerprint(&self) -> String {
        let values = values::flatten(self);
        let bound: BTreeMap<&str, &Value> = KEYS
            .iter()
            .filter(|key| key.role == Role::Search)
            .map(|key| (key.path, &values[key.path]))
            .collect();
        serde_json::to_string(&bound).expect("JSON values under text keys are JSON")
    }

    /// Where this configuration contradicts one that was recorded as its `fingerprint`.
    pub fn differences(&self, fingerprint: &str) -> Result<Vec<Difference>, ConfigError> {
        differences(fingerprint, &self.fingerprint())
    }
}

/// The keys in which two fingerprints differ, sorted.
pub fn differences(old: &str, new: &str) -> Result<Vec<Difference>, ConfigError> {
    let read = |text: &str| {
        // Both are read from text, so that equal texts are equal numbers.
        serde_json::from_str::<BTreeMap<String, Value>>(text)
            .map_err(|source| ConfigError::Fingerprint { source })
    };
    let (old, new) = (read(old)?, read(new)?);
    let shown = |values: &BTreeMap<String, Value>, key: &str| {
        values.get(key).filter(|value| !value.is_null()).map(values::to_toml)
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    Ok(keys
        .into_iter()
        .map(|key| Difference { key: key.clone(), old: shown(&old, key), new: shown(&new, key) })
        .filter(|difference| difference.old != difference.new)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_of_the_defaults_is_stable() {
        assert_eq!(
            Config::default().fingerprint(),
            "{\"data.crop_padding\":4,\"data.cutout\":0,\"data.flip\":true,\"data.path\":null,\
             \"data.side\":32,\"data.source\":\"fashion-mnist\",\"data.valid_share\":0.1,\
             \"derive.keep\":5,\"derive.rerank\":10,\"derive.samples\":100,\
             \"engine.device\":\"cpu\",\"engine.executor\":\"auto\",\"net.aux_weight\":0.4,\"net.channels\":4,\
             \"net.dropout_keep\":0.9,\"net.layers\":1,\"net.nodes\":5,\
             \"policy.baseline_decay\":0.99,\"policy.beta1\":0.0,\"policy.beta2\":0.999,\
             \"policy.clip_norm\":0.02,\"policy.entropy_weight\":0.0001,\
             \"policy.epsilon\":0.001,\"policy.hidden\":64,\"policy.lr\":0.0035,\"policy.op_tanh_reduction\":2.5,\
             \"policy.tanh_constant\":1.1,\"policy.temperature\":1.0,\
             \"schedule.advantage_phases\":5,\"schedule.archs_per_step\":1,\
             \"schedule.batch_size\":32,\"schedule.controller_steps\":20,\
             \"schedule.epochs_per_cycle\":5,\"schedule.rollouts_per_step\":5,\
             \"schedule.shared_steps\":300,\"schedule.valid_batch_size\":64,\"seed\":42,\
             \"shared.clip_norm\":5.0,\"shared.lr_max\":0.05,\"shared.lr_min\":0.0005,\
             \"shared.lr_period\":10,\"shared.lr_period_factor\":2,\"shared.momentum\":0.9,\
             \"shared.weight_decay\":0.0001,\"space.kind\":\"micro\"}"
        );
    }

    #[test]
    fn where_and_how_fast_it_runs_does_not_bind_a_checkpoint() {
        let mut config = Config::default();
        config.store.state = Some("/srv".into());
        config.store.checkpoint_seconds = 1.0;
        config.api.admins = vec![7];
        config.telemetry.log = "debug".to_owned();
        config.engine.threads = 3;
        assert_eq!(config.differences(&Config::default().fingerprint()).unwrap(), []);
    }

    #[test]
    fn contradicting_keys_are_listed_with_both_values() {
        let mut config = Config::default();
        config.net.channels = 8;
        config.shared.lr_max = 0.1;
        config.data.path = Some("/data".into());
        let found = config.differences(&Config::default().fingerprint()).unwrap();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["data.path: unset → \"/data\"", "net.channels: 4 → 8", "shared.lr_max: 0.05 → 0.1"]
        );
    }

    #[test]
    fn a_key_that_the_other_does_not_know_is_a_difference() {
        let found = differences("{\"seed\":1}", "{\"seed\":1,\"net.nodes\":5}").unwrap();
        assert_eq!(found[0].to_string(), "net.nodes: unset → 5");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_damaged_fingerprint_is_an_error() {
        assert!(matches!(
            Config::default().differences("{\"seed\":"),
            Err(ConfigError::Fingerprint { .. })
        ));
    }
}
