//! The checks of a whole configuration: every key against its rule, and keys against each other.

use serde_json::Value;

use crate::config::check_data;
use crate::config::check_estimator;
use crate::config::check_growth;
use crate::config::entry;
use crate::config::error::Conflict;
use crate::config::keys::settings;
use crate::config::values::{self, Values};
use crate::config::{Config, ConfigProblem, Source, Sources};
use crate::search::{
    FinalConfig, MAX_PHASE_ROLLOUTS, PolicyConfig, ScheduleConfig, SearchConfig, SharedDraws,
    StrategyKind,
};

/// Every problem of `config`.
pub(super) fn problems(config: &Config, sources: &Sources) -> Vec<ConfigProblem> {
    let values = values::flatten(config);
    let refused: Vec<_> = settings().filter(|key| !key.rule.permits(&values[key.path])).collect();
    let is_refused = |path: &str| refused.iter().any(|key| key.path == path);
    let mut problems: Vec<ConfigProblem> = refused
        .iter()
        .map(|key| ConfigProblem::Value {
            place: source(sources, key.path),
            key: key.path,
            rule: key.rule,
            found: found(&values, key.path),
            hint: "",
        })
        .collect();
    problems.extend(conflicts(config, sources, is_refused));
    problems
}

/// The pairs of values that do not go together, less those with a value that is refused anyway.
pub(super) fn conflicts(
    config: &Config,
    sources: &Sources,
    is_refused: impl Fn(&str) -> bool,
) -> Vec<ConfigProblem> {
    let SearchConfig { space, shared, policy, derive, limits, finals, schedule, .. } =
        &config.search;
    let mut found = Vec::new();
    if derive.samples < derive.rerank {
        let conflict = Conflict::Rerank { rerank: derive.rerank, samples: derive.samples };
        found.push((["derive.rerank", "derive.samples"], conflict));
    }
    found.extend(halving(finals, derive.rerank));
    found.extend(control(&config.search));
    found.extend(check_estimator::conflicts(&config.search));
    found.extend(check_growth::conflicts(&config.search));
    for (section, sgd, paths) in [
        ("shared", *shared, ["shared.learning_rate_min", "shared.learning_rate_max"]),
        ("final", finals.sgd(), ["final.learning_rate_min", "final.learning_rate_max"]),
    ] {
        let (min, max) = (sgd.learning_rate_min, sgd.learning_rate_max);
        if max < min {
            found.push((paths, Conflict::LearningRates { section, min, max }));
        }
    }
    found.extend(policy_levers(policy, schedule));
    if 0.0 < limits.weight && !limits.is_set() {
        let conflict = Conflict::Weight { weight: limits.weight };
        found.push((["limits.weight", "limits.weight"], conflict));
    }
    let kind = space.kind.name();
    let (values, defaults) = (values::flatten(config), values::flatten(&Config::default()));
    for key in settings() {
        let is_of_other = !key.only_of.is_empty() && !key.only_of.contains(&kind);
        // The reference file sets every key to its default.
        if is_of_other && values[key.path] != defaults[key.path] {
            let conflict = Conflict::OtherSpace { key: key.path, spaces: key.only_of, kind };
            found.push(([key.path, "space.kind"], conflict));
        }
    }
    found.extend(check_data::conflicts(&config.search));
    found
        .into_iter()
        .filter(|(paths, _)| !paths.iter().any(|path| is_refused(path)))
        .map(|(paths, conflict)| ConfigProblem::Conflict {
            places: paths.map(|path| source(sources, path)),
            conflict,
        })
        .collect()
}

/// What does not go together with an ω of the control arm's own.
fn control(config: &SearchConfig) -> Vec<([&'static str; 2], Conflict)> {
    const STEPS: &str = "schedule.control_steps";
    let &ScheduleConfig { control_steps: control, shared_steps: shared, draws, .. } =
        &config.schedule;
    let mut found = Vec::new();
    if shared < control {
        let conflict = Conflict::ControlSteps { control, shared };
        found.push(([STEPS, "schedule.shared_steps"], conflict));
    }
    let uniform = match (config.policy.strategy, draws) {
        (StrategyKind::Random, _) => Some(("policy.strategy", "random")),
        (_, SharedDraws::Uniform) => Some(("schedule.draws", "uniform")),
        (_, SharedDraws::Fair) => Some(("schedule.draws", "fair")),
        (_, SharedDraws::Policy | SharedDraws::Annealed) => None,
    };
    if 0 < control && !config.schedule.random_arm {
        found.push(([STEPS, "schedule.random_arm"], Conflict::NoControlArm { control }));
    }
    if let Some((key, value)) = uniform.filter(|_| 0 < control) {
        found.push(([STEPS, key], Conflict::ControlDraws { control, key, value }));
    }
    found
}

/// What does not go together with bounds that are let go, and with learning from a whole phase.
fn policy_levers(
    policy: &PolicyConfig,
    schedule: &ScheduleConfig,
) -> Vec<([&'static str; 2], Conflict)> {
    let mut found = Vec::new();
    if 0 < policy.bound_epochs && policy.tanh_constant == 0.0 {
        let conflict = Conflict::NoBounds { epochs: policy.bound_epochs };
        found.push((["policy.bound_epochs", "policy.tanh_constant"], conflict));
    }
    let (updates, of_step) = (policy.phase_updates, schedule.rollouts_per_step as u64);
    let rollouts = schedule.controller_steps.saturating_mul(of_step);
    if 0 < updates && of_step == 1 {
        let conflict = Conflict::LoneRollouts { updates };
        found.push((["policy.phase_updates", "schedule.rollouts_per_step"], conflict));
    }
    if 0 < updates && MAX_PHASE_ROLLOUTS < rollouts {
        let conflict = Conflict::PhaseRollouts { rollouts, limit: MAX_PHASE_ROLLOUTS };
        found.push((["policy.phase_updates", "schedule.controller_steps"], conflict));
    }
    found
}

/// What does not go together with successive halving.
fn halving(finals: &FinalConfig, rerank: usize) -> Vec<([&'static str; 2], Conflict)> {
    let mut found = Vec::new();
    if finals.first == 0 {
        return found;
    }
    let &FinalConfig { first, epochs, learning_rate_period: period, drop_path_keep: keep, .. } =
        finals;
    if rerank < first {
        found.push((["final.first", "derive.rerank"], Conflict::First { first, rerank }));
    }
    if period == 0 || epochs <= period {
        let conflict = Conflict::OnePeriod { period, epochs };
        found.push((["final.first", "final.learning_rate_period"], conflict));
    }
    if keep < 1.0 {
        found.push((["final.first", "final.drop_path_keep"], Conflict::DropPath { keep }));
    }
    found
}

fn source(sources: &Sources, path: &str) -> Source {
    sources.get(path).cloned().unwrap_or_default()
}

fn found(values: &Values, path: &str) -> String {
    match &values[path] {
        Value::Null => "a number that is not finite".to_owned(),
        value => entry::quote(&values::to_toml(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSource;
    use crate::space::SpaceKind;

    /// Changes the defaults and compares the problems' texts.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Config), expected: &[&str]) {
        let mut config = Config::default();
        change(&mut config);
        let found: Vec<String> =
            config.check(&Sources::default()).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn halving_needs_rungs_and_candidates() {
        check(
            |config| {
                config.search.finals.first = 11;
                config.search.finals.drop_path_keep = 0.6;
            },
            &[
                "default: `final.first` is 11, but only `derive.rerank` = 10 architectures of each arm \
                 are scored on the whole validation split; lower the one or raise the other",
                "default: `final.first` halves at the end of each period of the learning rate, but \
                 `final.learning_rate_period` = 0 leaves one period of `final.epochs` = 8; set a \
                 shorter period",
                "default: `final.first` trains nets that go on from rung to rung, but drop-path with \
                 `final.drop_path_keep` = 0.6 rises over a known number of epochs; set it to 1",
            ],
        );
        check(
            |config| {
                config.search.finals.first = 10;
                config.search.finals.learning_rate_period = 1;
            },
            &[],
        );
    }

    #[test]
    fn an_omega_of_the_control_arms_own_wants_steps_and_a_policy_that_draws() {
        check(
            |config| {
                config.search.schedule.control_steps = 301;
                config.search.schedule.draws = SharedDraws::Uniform;
            },
            &[
                "default: `schedule.control_steps` is 301, but an epoch has `schedule.shared_steps` = \
                 300, in which both ω are trained on the same images; lower the one or raise the \
                 other",
                "default: `schedule.control_steps` is 301, but `schedule.draws` = \"uniform\" has ω \
                 trained under uniform draws already, so that it favors no arm: a second such ω would \
                 tell nothing; set it to 0",
            ],
        );
        for (strategy, draws, problems) in [
            (StrategyKind::Reinforce, SharedDraws::Policy, 0),
            (StrategyKind::Reinforce, SharedDraws::Annealed, 0),
            (StrategyKind::Reinforce, SharedDraws::Fair, 1),
            (StrategyKind::Random, SharedDraws::Policy, 1),
        ] {
            let mut config = Config::default();
            config.search.policy.strategy = strategy;
            config.search.schedule.draws = draws;
            config.search.schedule.control_steps = 300;
            let found = config.check(&Sources::default());
            assert_eq!(found.len(), problems, "{strategy:?} {draws:?}: {found:?}");
        }
    }

    #[test]
    fn every_problem_is_found_at_once() {
        check(
            |config| {
                config.search.space.nodes = 9;
                config.search.shared.momentum = f64::NAN;
                config.search.shared.learning_rate_min = 0.1;
                config.search.derive.rerank = 500;
                config.search.finals.learning_rate_min = 0.5;
                config.engine.device = "gpu".to_owned();
            },
            &[
                "default: `space.nodes` takes a whole number from 1 to 7; found `9`",
                "default: `engine.device` takes `cpu`, `auto` or `cuda:N` with N from 0 to 255; \
                 found `\"gpu\"`",
                "default: `shared.momentum` takes a number from 0 to below 1; found a number that \
                 is not finite",
                "default: `derive.rerank` is 500, but only `derive.samples` = 100 architectures \
                 are drawn; lower the one or raise the other",
                "default: `shared.learning_rate_min` is 0.1, above `shared.learning_rate_max` = \
                 0.05; the rate falls from the latter to the former: swap them",
                "default: `final.learning_rate_min` is 0.5, above `final.learning_rate_max` = 0.1; \
                 the rate falls from the latter to the former: swap them",
            ],
        );
    }

    #[test]
    fn a_refused_value_takes_part_in_no_conflict() {
        check(
            |config| config.search.derive.samples = 0,
            &["default: `derive.samples` takes a whole number from 1 to 10000; found `0`"],
        );
    }

    #[test]
    fn only_the_embedded_data_go_without_a_folder() {
        check(
            |config| config.search.data.source = DataSource::Cifar10,
            &[
                "default: `data.source` is `cifar-10`, which is read from a folder; set `data.path` \
               to it",
            ],
        );
        check(
            |config| config.search.data.path = Some("/data".into()),
            &["default: `data.path` is set, but `data.source` is `fashion-mnist`, which is \
               embedded; remove `data.path`, or set `data.source` to what the folder holds"],
        );
    }

    #[test]
    fn a_key_of_another_space_is_refused() {
        check(
            |config| {
                config.search.space.layers = 14;
                config.search.policy.skip_rate = 0.3;
            },
            &[
                "default: `space.layers` says something to searches of `whole_net` and `nas_cnn` alone, but \
                 `space.kind` is `micro`; remove it",
                "default: `policy.skip_rate` says something to searches of `whole_net` and `nas_cnn` alone, but \
                 `space.kind` is `micro`; remove it",
            ],
        );
        check(
            |config| {
                config.search.space.kind = SpaceKind::WholeNet;
                config.search.policy.prior = false;
                config.search.space.layers = 14;
                config.search.space.nodes = 4;
            },
            &[
                "default: `space.nodes` says something to searches of `micro` alone, but `space.kind` \
               is `whole_net`; remove it",
                "default: `policy.prior` says something to searches of `micro` and `recurrent` alone, \
                 but `space.kind` is `whole_net`; remove it",
            ],
        );
    }

    #[test]
    fn a_weight_of_costs_wants_a_limit_by_which_they_are_measured() {
        check(
            |config| config.search.limits.weight = 0.25,
            &[
                "default: `limits.weight` is 0.25, but costs are measured by the limits, and none is \
               set; set `limits.params`, `limits.multiply_adds` or `limits.milliseconds`",
            ],
        );
        check(
            |config| {
                config.search.limits.weight = 0.25;
                config.search.limits.milliseconds = 1.0;
            },
            &[],
        );
    }

    #[test]
    fn where_there_is_no_bound_none_is_let_go() {
        check(
            |config| {
                config.search.policy.bound_epochs = 10;
                config.search.policy.tanh_constant = 0.0;
            },
            &["default: `policy.bound_epochs` = 10 lets the bounds of the logits go, but \
               `policy.tanh_constant` is 0, which leaves none; set a bound, or \
               `policy.bound_epochs` to 0"],
        );
        check(|config| config.search.policy.bound_epochs = 10, &[]);
    }

    #[test]
    fn a_phase_that_is_learnt_from_has_rollouts_to_compare_and_not_too_many() {
        check(
            |config| {
                config.search.policy.phase_updates = 3;
                config.search.schedule.rollouts_per_step = 1;
                config.search.schedule.controller_steps = 10_001;
            },
            &[
                "default: `policy.phase_updates` = 3 compares each rollout of a phase with the others \
               of its step, but `schedule.rollouts_per_step` is 1; raise it, or set \
               `policy.phase_updates` to 0",
                "default: `policy.phase_updates` keeps all 10001 rollouts of a phase, \
               `schedule.controller_steps` × `schedule.rollouts_per_step`, in every checkpoint, at \
               most 10000; lower one of the two, or set `policy.phase_updates` to 0",
            ],
        );
        check(|config| config.search.policy.phase_updates = 3, &[]);
    }

    #[test]
    fn equal_ends_are_no_conflict() {
        check(
            |config| {
                config.search.derive.rerank = config.search.derive.samples;
                config.search.shared.learning_rate_min = config.search.shared.learning_rate_max;
            },
            &[],
        );
    }
}
