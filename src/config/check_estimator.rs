//! The check that children share weights that are trained, or none.

use crate::config::Conflict;
use crate::search::{EstimatorKind, ScoreConfig, SearchConfig};

/// What says nothing of children that share no weights.
fn of_shared_weights(config: &SearchConfig) -> Vec<&'static str> {
    let ScoreConfig { images, calibration, .. } = config.score;
    let size = config.schedule.valid_batch_size;
    let plain = SearchConfig::default();
    let keys = [
        ("score.images", images != plain.score.images),
        ("score.calibration", calibration != plain.score.calibration),
        ("schedule.valid_batch_size", size != plain.schedule.valid_batch_size),
    ];
    keys.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key).collect()
}

/// What does not go together with children that share weights, or share none.
pub(super) fn conflicts(config: &SearchConfig) -> Vec<([&'static str; 2], Conflict)> {
    let mut found: Vec<_> = conflict(config).into_iter().collect();
    if config.score.estimator == EstimatorKind::StandAlone {
        found.extend(of_shared_weights(config).into_iter().map(|key| {
            let why = format!(
                "`{key}` is of searches with shared weights, and `score.estimator` is `stand-alone`: \
                 each child is scored on the whole validation split; leave it out"
            );
            ([key, "score.estimator"], Conflict::Children(why))
        }));
    }
    found
}

fn conflict(config: &SearchConfig) -> Option<([&'static str; 2], Conflict)> {
    let is_shared = 0 < config.schedule.shared_steps;
    let why = match config.score.estimator {
        EstimatorKind::StandAlone if is_shared => {
            "`score.estimator` is `stand-alone`: children are trained from scratch, and there are no \
             shared weights to train; set `schedule.shared_steps` to 0"
        }
        EstimatorKind::SharedWeights if !is_shared => {
            "`schedule.shared_steps` is 0, but `score.estimator` is `shared-weights`, which nothing \
             would train; set it to 1 or more, or the estimator to `stand-alone`"
        }
        EstimatorKind::StandAlone | EstimatorKind::SharedWeights => return None,
    };
    Some((["score.estimator", "schedule.shared_steps"], Conflict::Children(why.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(estimator: EstimatorKind, shared_steps: u64) -> Option<String> {
        let mut config = SearchConfig::default();
        (config.score.estimator, config.schedule.shared_steps) = (estimator, shared_steps);
        conflict(&config).map(|(_, conflict)| conflict.to_string())
    }

    #[test]
    fn children_share_weights_that_are_trained_or_none() {
        let [shared, alone] = [EstimatorKind::SharedWeights, EstimatorKind::StandAlone];
        assert_eq!((why(shared, 1), why(alone, 0)), (None, None));
        let refused = why(alone, 1).unwrap();
        assert!(refused.ends_with("set `schedule.shared_steps` to 0"), "{refused}");
        let refused = why(shared, 0).unwrap();
        assert!(refused.ends_with("or the estimator to `stand-alone`"), "{refused}");
    }

    #[test]
    fn what_says_nothing_of_children_that_share_no_weights_is_refused_where_it_is_set() {
        let mut config = SearchConfig::default();
        (config.score.estimator, config.schedule.shared_steps) = (EstimatorKind::StandAlone, 0);
        assert!(conflicts(&config).is_empty());
        (config.score.calibration, config.schedule.valid_batch_size) = (0, 64);
        let found: Vec<_> = conflicts(&config).into_iter().map(|(keys, _)| keys[0]).collect();
        assert_eq!(found, ["score.calibration", "schedule.valid_batch_size"]);
    }
}
