//! What a configuration that is read while the daemon runs changes.

use crate::config::Loaded;
use crate::config::identity::Difference;
use crate::config::keys::settings;
use crate::setting::Role;

/// How a newly read configuration differs from the one that a daemon runs with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What can change while it runs.
    pub live: Vec<Difference>,
    /// What takes a restart.
    pub restart: Vec<Difference>,
    /// What makes another search, which takes another state folder.
    pub search: Vec<Difference>,
}

impl Changes {
    /// From `old` to `new`, key by key.
    pub fn between(old: &Loaded, new: &Loaded) -> Self {
        let (before, after) = (old.values(), new.values());
        let mut changes = Self::default();
        for key in settings().filter(|key| before[key.path] != after[key.path]) {
            let difference = Difference::new(key.path, &before[key.path], &after[key.path]);
            match key.role {
                Role::Live => changes.live.push(difference),
                Role::Operation => changes.restart.push(difference),
                Role::Search => changes.search.push(difference),
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn loaded(flags: &[(&str, &str)]) -> Loaded {
        let flags: Vec<_> = flags.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        Config::load(None, std::iter::empty(), &flags).unwrap()
    }

    fn keys(differences: &[Difference]) -> Vec<&str> {
        differences.iter().map(|difference| difference.key.as_str()).collect()
    }

    #[test]
    fn changes_are_told_by_what_they_take() {
        let old = loaded(&[]);
        assert_eq!(Changes::between(&old, &old), Changes::default());
        let new = loaded(&[
            ("telemetry.log", "debug"),
            ("api.admins", "7"),
            ("seed", "1"),
            ("telemetry.metrics", "off"),
        ]);
        let changes = Changes::between(&old, &new);
        assert_eq!(keys(&changes.live), ["api.admins", "telemetry.log"]);
        assert_eq!(keys(&changes.restart), ["telemetry.metrics"]);
        assert_eq!(keys(&changes.search), ["seed"]);
        assert_eq!(changes.search[0].to_string(), "seed: 42 → 1");
    }
}
