//! What data go with which other settings.

use crate::config::error::Conflict;
use crate::data::DataConfig;
use crate::search::SearchConfig;
use crate::setting::WORDS;

/// The pairs of values that do not go together.
pub(super) fn conflicts(config: &SearchConfig) -> Vec<([&'static str; 2], Conflict)> {
    let SearchConfig { space, data, score, limits, .. } = config;
    let mut found: Vec<_> = folder(data).into_iter().collect();
    let (is_text, origin) = (data.source.is_text(), data.source.name());
    if is_text != WORDS.contains(&space.kind.name()) {
        let conflict = Conflict::OtherData { key: "space.kind", value: space.kind.name(), origin };
        found.push((["space.kind", "data.source"], conflict));
    }
    if is_text && 0.0 < limits.milliseconds {
        found.push((["limits.milliseconds", "data.source"], Conflict::Untimed { origin }));
    }
    if is_text != score.reward.is_of_words() {
        let value = score.reward.name();
        let conflict = Conflict::OtherData { key: "score.reward", value, origin };
        found.push((["score.reward", "data.source"], conflict));
    }
    found
}

/// A source without the folder that it is read from, or with one that it does not read.
fn folder(data: &DataConfig) -> Option<([&'static str; 2], Conflict)> {
    let origin = data.source.name();
    match (data.source.is_embedded(), data.path.is_some()) {
        (true, true) => Some((["data.path", "data.source"], Conflict::PathUnused { origin })),
        (false, false) => {
            let source_name = origin.to_owned();
            Some((["data.source", "data.source"], Conflict::PathMissing { source_name }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSource;
    use crate::search::Objective;
    use crate::space::SpaceKind;

    /// The keys that do not go together where `change` is made to a search on the embedded text.
    fn keys(change: impl FnOnce(&mut SearchConfig)) -> Vec<&'static str> {
        let mut config = SearchConfig::default();
        config.space.kind = SpaceKind::Recurrent;
        config.data.source = DataSource::Austen;
        config.score.reward = Objective::Perplexity;
        change(&mut config);
        conflicts(&config).into_iter().map(|([key, _], _)| key).collect()
    }

    #[test]
    fn text_goes_with_its_space_and_its_reward_and_with_no_limit_of_time() {
        assert_eq!(keys(|_| ()), [""; 0]);
        assert_eq!(keys(|config| config.space.kind = SpaceKind::NasRnn), [""; 0]);
        assert_eq!(keys(|config| config.space.kind = SpaceKind::Micro), ["space.kind"]);
        assert_eq!(keys(|config| config.score.reward = Objective::NegLogNll), ["score.reward"]);
        assert_eq!(keys(|config| config.limits.milliseconds = 1.0), ["limits.milliseconds"]);
        assert_eq!(keys(|config| config.data.path = Some("/text".into())), ["data.path"]);
        assert_eq!(keys(|config| config.data.source = DataSource::Text), ["data.source"]);
        let of_images = keys(|config| config.data.source = DataSource::FashionMnist);
        assert_eq!(of_images, ["space.kind", "score.reward"]);
    }
}
