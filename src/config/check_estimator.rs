//! The check that children share weights that are trained, or none.

use crate::config::Conflict;
use crate::search::{EstimatorKind, SearchConfig};

/// What does not go together with children that share weights, or share none.
pub(super) fn conflict(config: &SearchConfig) -> Option<([&'static str; 2], Conflict)> {
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
}
