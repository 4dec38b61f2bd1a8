//! A score in a file of JSON.

use serde::{Deserialize, Serialize};

use crate::search::Score;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScoreEntry {
    /// None where it is no number.
    nll: Option<f64>,
    correct: u64,
    items: u64,
}

impl From<Score> for ScoreEntry {
    fn from(Score { nll, correct, items }: Score) -> Self {
        Self { nll: number(nll), correct, items }
    }
}

impl From<ScoreEntry> for Score {
    fn from(ScoreEntry { nll, correct, items }: ScoreEntry) -> Self {
        Self::kept(nll, correct, items)
    }
}

/// A number as JSON keeps it, which has none that is not finite.
pub(super) fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(nll: f64, expected: &str) {
        let score = Score { nll, correct: 3, items: 4 };
        let text = serde_json::to_string(&ScoreEntry::from(score)).unwrap();
        assert_eq!(text, format!(r#"{{"nll":{expected},"correct":3,"items":4}}"#));
        let back: ScoreEntry = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{:?}", Score::from(back)), format!("{score:?}"));
    }

    #[test]
    fn scores_read_back_whether_they_are_numbers_or_not() {
        check(0.1 + 0.2, "0.30000000000000004");
        check(f64::NAN, "null");
    }
}
