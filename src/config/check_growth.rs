//! The check of searches whose nets grow.

use crate::config::Conflict;
use crate::search::{SearchConfig, StrategyKind};
use crate::space::{Space, SpaceConfig};

/// What does not go together with nets that grow.
pub(super) fn conflicts(config: &SearchConfig) -> Vec<([&'static str; 2], Conflict)> {
    let (first, last, policy) = (config.trial.first_layers, config.space.layers, &config.policy);
    let mut found = Vec::new();
    if first == 0 {
        return found;
    }
    let mut refuse = |key, why: &str| {
        let why = format!("`trial.first_layers` is {first}: {why}, or `trial.first_layers` to 0");
        found.push((["trial.first_layers", key], Conflict::Children(why)));
    };
    let as_they_begin = Space::new(&SpaceConfig { layers: first, ..config.space });
    if let Some(error) = as_they_begin.err() {
        refuse("space.layers", &format!("{error}; set it to one of these"));
    } else if last < first {
        let why = format!("nets would have more than `space.layers` = {last} at once; raise that");
        refuse("space.layers", &why);
    }
    // What is drawn from, or learnt from again, would be of several depths.
    if policy.strategy == StrategyKind::Evolution {
        refuse(
            "policy.strategy",
            "nets grow, but `policy.strategy` is `evolution`, whose population would be of several \
             depths; choose another",
        );
    }
    if 0 < policy.phase_updates {
        refuse(
            "policy.phase_updates",
            "nets grow, but with `policy.phase_updates` the policy learns from a phase again, whose \
             nets would be of several depths; set it to 0",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::SpaceKind;

    fn whys(change: impl FnOnce(&mut SearchConfig)) -> Vec<String> {
        let mut config = SearchConfig::default();
        (config.space.kind, config.space.layers) = (SpaceKind::NasCnn, 12);
        (config.trial.first_layers, config.policy.phase_updates) = (6, 0);
        change(&mut config);
        conflicts(&config).into_iter().map(|(_, conflict)| conflict.to_string()).collect()
    }

    #[test]
    fn nets_grow_to_their_last_depth_and_are_learnt_from_once() {
        let none: [&str; 0] = [];
        assert_eq!(whys(|_| ()), none);
        assert_eq!(whys(|config| config.trial.first_layers = 12), none);
        for (first, why) in [(2, "takes 3 to 22"), (13, "more than `space.layers` = 12")] {
            let [found] = &whys(|config| config.trial.first_layers = first)[..] else {
                panic!("{first}")
            };
            assert!(found.contains(why), "{found}");
        }
        let evolves = |config: &mut SearchConfig| config.policy.strategy = StrategyKind::Evolution;
        assert!(whys(evolves)[0].contains("whose population"));
        assert!(whys(|config| config.policy.phase_updates = 1)[0].contains("from a phase again"));
        let all_deep = |config: &mut SearchConfig| {
            (config.trial.first_layers, config.policy.phase_updates) = (0, 1);
        };
        assert_eq!(whys(all_deep), none);
    }
}
