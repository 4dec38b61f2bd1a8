//! What is compared, in words: differences of rewards in the units of their objective.

use crate::actors::{AdvantageStatus, LearntStatus, RetrainedStatus, Status};
use crate::search::Objective;

/// The verdict on the shared weights with its numbers.
pub(super) fn shared_comparison(status: &Status) -> String {
    let AdvantageStatus { mean, low, high, sentence, .. } = &status.advantage;
    comparison(sentence, status.objective(), [*mean, *low, *high])
}

/// What the policy has learnt, with its numbers.
pub(super) fn learnt_comparison(status: &Status) -> String {
    let LearntStatus { mean, low, high, sentence, .. } = &status.diagnosis.learnt;
    comparison(sentence, status.objective(), [*mean, *low, *high])
}

/// The verdict on retrained nets with its numbers: of accuracies, or of logarithms of perplexities.
pub(super) fn retrained_comparison(status: &Status) -> String {
    let RetrainedStatus { mean, low, high, pairs, sentence, .. } = &status.finals.comparison;
    let told = comparison(sentence, status.objective().of_tests(), [*mean, *low, *high]);
    format!("{told}, over {pairs} pair{}", if *pairs == 1 { "" } else { "s" })
}

/// A verdict with the mean and the ends of its interval, where there are any.
fn comparison(sentence: &str, objective: Objective, numbers: [Option<f64>; 3]) -> String {
    match numbers {
        [Some(mean), Some(low), Some(high)] => {
            format!("{sentence}: {}", difference_text(objective, [mean, low, high]))
        }
        _ => sentence.to_owned(),
    }
}

/// A difference with the ends of its 95 % interval, as in
/// `+1.25 points, 95 % within +0.40 to +2.10`.
pub fn difference_text(objective: Objective, [mean, low, high]: [f64; 3]) -> String {
    let mean = objective.show_difference(mean);
    let [low, high] = [low, high].map(|end| number(objective, end));
    format!("{mean}, 95 % within {low} to {high}")
}

/// By how much one is better than another, and how much of that is noise.
pub(super) fn margin_text(objective: Objective, by: f64, margin: f64) -> String {
    let (by, margin) = (objective.show_difference(by), number(objective, margin));
    format!("by {by}, of which {} are noise between seeds", margin.trim_start_matches('+'))
}

/// A difference without its unit, where that was told before.
fn number(objective: Objective, difference: f64) -> String {
    objective.show_difference(difference).trim_end_matches(" points").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(objective: Objective, interval: &str, margin: &str) {
        assert_eq!(difference_text(objective, [0.0125, -0.004, 0.021]), interval);
        assert_eq!(margin_text(objective, 0.0125, 0.01), margin);
    }

    #[test]
    fn a_difference_is_told_in_the_units_of_its_objective() {
        check(
            Objective::Accuracy,
            "+1.25 points, 95 % within -0.40 to +2.10",
            "by +1.25 points, of which 1.00 are noise between seeds",
        );
        check(
            Objective::NegLogNll,
            "+0.0125, 95 % within -0.0040 to +0.0210",
            "by +0.0125, of which 0.0100 are noise between seeds",
        );
    }
}
