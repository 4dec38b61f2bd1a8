//! What of a configuration a checkpoint is bound to, and how two such texts differ.
//!
//! A run may be resumed under another state folder, socket, log filter or number of threads, with
//! its data elsewhere, and with another recipe for what is retrained from then on, but not with
//! another seed, space, net, rule or schedule: what then came out would be neither run. What the
//! data holds is compared by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::config::keys::{self, settings};
use crate::config::values;
use crate::config::{Config, ConfigError};
use crate::setting::Role;

/// A key whose value is not the one that the checkpoint was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The checkpoint's value, as TOML writes it; `None` where it is unset.
    pub old: Option<String>,
    /// This configuration's value; `None` also where this program has no such key.
    pub new: Option<String>,
}

impl Difference {
    /// What `key` was and is; null stands for unset.
    pub(super) fn new(key: &str, old: &Value, new: &Value) -> Self {
        // As texts, so that equal texts are equal numbers.
        let shown = |value: &Value| (!value.is_null()).then(|| values::to_toml(value));
        Self { key: key.to_owned(), old: shown(old), new: shown(new) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, old, new } = self;
        let absent = if keys::find(key).is_some() { "unset" } else { "not a key of this enasd" };
        let old = old.as_deref().unwrap_or("unset");
        write!(f, "{key}: {old} → {}", new.as_deref().unwrap_or(absent))
    }
}

impl Config {
    /// The keys that the search depends on, as one line of JSON sorted by key: equal exactly for
    /// configurations that continue each other's checkpoints.
    pub fn fingerprint(&self) -> String {
        let values = values::flatten(self);
        let bound: BTreeMap<&str, &Value> = settings()
            .filter(|key| key.role == Role::Search)
            .map(|key| (key.path, &values[key.path]))
            .collect();
        serde_json::to_string(&bound).expect("JSON values under text keys are JSON")
    }

    /// Where this configuration contradicts one that was recorded as its `fingerprint`, by this
    /// program or by an older one. A key that was not there yet counts as what the search did
    /// then; one that is there no more is told.
    pub fn differences(&self, fingerprint: &str) -> Result<Vec<Difference>, ConfigError> {
        let recorded = read(fingerprint)?;
        let (own, defaults) = (values::flatten(self), values::flatten(&Self::default()));
        let known = settings().filter(|key| key.role == Role::Search).map(|key| {
            let before = || key.value_before(&defaults[key.path]);
            let names = [Some(key.path), key.once].into_iter().flatten();
            let old = { names }.find_map(|name| recorded.get(name));
            let old = old.cloned().unwrap_or_else(before);
            Difference::new(key.path, &old, &own[key.path])
        });
        let is_gone = |key: &str| keys::find(key).is_none() && keys::renamed(key).is_none();
        let gone = recorded.iter().filter(|(key, _)| is_gone(key));
        let gone = gone.map(|(key, old)| Difference::new(key, old, &Value::Null));
        let mut found: Vec<_> =
            known.chain(gone).filter(|difference| difference.old != difference.new).collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// The same for one `key` that bound the checkpoints of an older program.
    pub fn difference_in(
        &self,
        key: &str,
        fingerprint: &str,
    ) -> Result<Option<Difference>, ConfigError> {
        let old = read(fingerprint)?.remove(key).unwrap_or_default();
        let new = values::flatten(self).remove(key).unwrap_or_default();
        Ok(Some(Difference::new(key, &old, &new)).filter(|found| found.old != found.new))
    }
}

/// The values that a fingerprint records.
pub(super) fn read(fingerprint: &str) -> Result<BTreeMap<String, Value>, ConfigError> {
    serde_json::from_str(fingerprint).map_err(|source| ConfigError::Fingerprint { source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::StrategyKind;

    #[test]
    fn the_fingerprint_of_the_defaults_is_stable() {
        assert_eq!(
            Config::default().fingerprint(),
            "{\"data.crop_padding\":4,\"data.cutout\":0,\"data.flip\":true,\
             \"data.side\":32,\"data.source\":\"fashion-mnist\",\"data.split\":\"by-class\",\
             \"data.test_share\":0.0,\"data.valid_share\":0.1,\
             \"derive.keep\":5,\"derive.rerank\":10,\"derive.samples\":100,\
             \"engine.device\":\"cpu\",\"engine.executor\":\"auto\",\
             \"limits.milliseconds\":0.0,\"limits.multiply_adds\":0,\"limits.params\":0,\
             \"limits.weight\":0.0,\"net.activation_weight\":0.0,\"net.aux_weight\":0.4,\
             \"net.channels\":4,\"net.drop_embedding\":0.0,\"net.drop_input\":0.0,\
             \"net.drop_state\":0.0,\"net.drop_weights\":0.0,\"net.drop_words\":0.0,\
             \"net.dropout_keep\":0.9,\"net.layers\":1,\
             \"net.shared_form\":\"shared\",\"net.slowness_weight\":0.0,\"net.split_by\":0,\
             \"net.state_of\":\"loose-ends\",\"net.weights_of\":\"edge\",\
             \"policy.baseline_decay\":0.99,\"policy.beta1\":0.0,\"policy.beta2\":0.999,\
             \"policy.bound_epochs\":0,\
             \"policy.clip_norm\":0.02,\"policy.entropy_target\":0.0,\
             \"policy.entropy_weight\":0.0001,\"policy.epsilon\":0.001,\"policy.hidden\":64,\"policy.learning_rate\":0.0035,\
             \"policy.op_tanh_reduction\":2.5,\"policy.phase_updates\":0,\
             \"policy.population\":100,\"policy.ppo_clip\":0.2,\"policy.ppo_updates\":4,\"policy.prior\":true,\
             \"policy.skip_rate\":0.4,\"policy.skip_weight\":0.8,\
             \"policy.standardize\":false,\"policy.strategy\":\"reinforce\",\"policy.tanh_constant\":1.1,\"policy.temperature\":1.0,\
             \"policy.tournament\":25,\
             \"schedule.advantage_phases\":5,\"schedule.annealed_epochs\":20,\
             \"schedule.archs_per_step\":1,\
             \"schedule.batch_size\":32,\"schedule.bptt\":35,\"schedule.control_steps\":0,\
             \"schedule.controller_steps\":20,\
             \"schedule.draws\":\"policy\",\
             \"schedule.epochs_per_cycle\":5,\"schedule.random_arm\":true,\
             \"schedule.rollouts_per_step\":5,\
             \"schedule.shared_steps\":300,\"schedule.valid_batch_size\":0,\
             \"score.calibration\":512,\"score.estimator\":\"shared-weights\",\"score.images\":\"balanced\",\"score.reward\":\"neg-log-nll\",\
             \"seed\":42,\
             \"shared.clip_norm\":5.0,\"shared.learning_rate_max\":0.05,\
             \"shared.learning_rate_min\":0.0005,\
             \"shared.learning_rate_period\":10,\
             \"shared.learning_rate_period_factor\":2,\"shared.momentum\":0.9,\
             \"shared.weight_decay\":0.0001,\"space.blocks\":5,\"space.kind\":\"micro\",\
             \"space.layers\":12,\"space.leaves\":8,\
             \"space.nodes\":5,\"space.recurrent_nodes\":8,\"space.strides\":false,\
             \"trial.best_of\":5,\"trial.epochs\":8,\"trial.failed_reward\":-1000.0,\
             \"trial.first_layers\":0,\"trial.growth_children\":1600,\
             \"trial.max_age\":100,\"trial.memory_mib\":0,\"trial.power\":1.0,\
             \"trial.replicas\":1,\"trial.seconds\":0.0}"
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
        config.search.data.path = Some("/srv".into());
        config.search.finals.epochs = 3;
        assert_eq!(config.differences(&Config::default().fingerprint()).unwrap(), []);
    }

    #[test]
    fn contradicting_keys_are_listed_with_both_values() {
        let mut config = Config::default();
        config.search.net.channels = 8;
        config.search.shared.learning_rate_max = 0.1;
        let found = config.differences(&Config::default().fingerprint()).unwrap();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["net.channels: 4 → 8", "shared.learning_rate_max: 0.05 → 0.1"]);
    }

    /// The defaults, as a program recorded them that had no key called `absent`.
    fn recorded_without(absent: &str) -> String {
        let text = Config::default().fingerprint();
        let mut values: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        values.remove(absent).unwrap();
        serde_json::to_string(&values).unwrap()
    }

    #[track_caller]
    fn check(config: &Config, recorded: &str, expected: &[&str]) {
        let found = config.differences(recorded).unwrap();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_key_that_is_younger_than_the_checkpoint_counts_as_what_was_done_then() {
        let mut config = Config::default();
        check(&config, &recorded_without("space.nodes"), &[]);
        config.search.space.nodes = 4;
        check(&config, &recorded_without("space.nodes"), &["space.nodes: 5 → 4"]);

        let mut config = Config::default();
        let unclipped = recorded_without("policy.clip_norm");
        check(&config, &unclipped, &["policy.clip_norm: 1000000.0 → 0.02"]);
        config.search.policy.clip_norm = 1e6;
        check(&config, &unclipped, &[]);

        let mut config = Config::default();
        let older = recorded_without("policy.strategy");
        check(&config, &older, &[]);
        config.search.policy.strategy = StrategyKind::Random;
        check(&config, &older, &["policy.strategy: \"reinforce\" → \"random\""]);
    }

    /// What a program recorded that had the defaults, and `older` in the place of `now`.
    #[track_caller]
    fn recorded_with(older: &str, now: &str) -> String {
        let recorded = Config::default().fingerprint();
        assert!(recorded.contains(now), "{recorded}");
        recorded.replace(now, older)
    }

    #[test]
    fn a_key_that_was_called_otherwise_in_its_section_is_compared() {
        let mut config = Config::default();
        let older = recorded_with("\"shared.lr_period\":10", "\"shared.learning_rate_period\":10");
        check(&config, &older, &[]);
        let older = recorded_with("\"policy.lr\":0.001", "\"policy.learning_rate\":0.0035");
        check(&config, &older, &["policy.learning_rate: 0.001 → 0.0035"]);
        config.search.policy.learning_rate = 0.001;
        check(&config, &older, &[]);
    }

    #[test]
    fn a_key_that_was_called_otherwise_is_compared() {
        let older = recorded_with("\"net.nodes\":4", "\"space.nodes\":5");
        let mut config = Config::default();
        check(&config, &older, &["space.nodes: 4 → 5"]);
        config.search.space.nodes = 4;
        check(&config, &older, &[]);
    }

    #[test]
    fn a_key_that_is_gone_is_told_by_name_where_it_was_set() {
        let recorded = Config::default().fingerprint();
        let with = |more: &str| recorded.replacen('{', &format!("{{{more},"), 1);
        let text = "net.teeth: 32 → not a key of this enasd";
        check(&Config::default(), &with("\"net.teeth\":32"), &[text]);
        check(&Config::default(), &with("\"net.teeth\":null"), &[]);
        check(&Config::default(), &with("\"engine.threads\":7"), &[]);
    }

    #[test]
    fn a_damaged_fingerprint_is_an_error() {
        assert!(matches!(
            Config::default().differences("{\"seed\":"),
            Err(ConfigError::Fingerprint { .. })
        ));
    }
}
