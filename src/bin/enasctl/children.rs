//! The children of a search without shared weights, for people.

use enasd::actors::{ChildrenStatus, TrialStatus};
use enasd::numbers::thousands;

/// In a line: what waits, what is trained, and what came of those before.
pub(crate) fn children(status: &ChildrenStatus) -> String {
    let ChildrenStatus { replicas, pending, ref running, scored_total, failed_total, .. } = *status;
    let age = status.age.map_or(String::new(), |age| {
        let refused = thousands(status.refused_total);
        format!("; the policy learnt from some of age {age} last, {refused} were too old")
    });
    let running: Vec<String> = running.iter().map(one).collect();
    let running = if running.is_empty() { "none".to_owned() } else { running.join(", ") };
    format!(
        "{} drawn by {replicas} {} wait for their scores, in training {running}; {} scored, {} \
         failed{age}",
        thousands(pending),
        if replicas == 1 { "replica" } else { "replicas" },
        thousands(scored_total),
        thousands(failed_total)
    )
}

fn one(trial: &TrialStatus) -> String {
    format!("{} (epoch {}/{})", trial.id, (trial.epoch + 1).min(trial.epochs), trial.epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_what_waits_and_what_came_of_children() {
        let mut status = ChildrenStatus { replicas: 1, pending: 10, ..ChildrenStatus::default() };
        let expected = "10 drawn by 1 replica wait for their scores, in training none; 0 scored, 0 \
                        failed";
        assert_eq!(children(&status), expected);
        let trial =
            TrialStatus { id: "n3-a".into(), epoch: 1, epochs: 2, ..TrialStatus::default() };
        status.running = vec![trial];
        (status.replicas, status.scored_total, status.failed_total) = (3, 1200, 4);
        (status.age, status.refused_total) = (Some(2), 5);
        let expected = "10 drawn by 3 replicas wait for their scores, in training n3-a (epoch 2/2); \
                        1,200 scored, 4 failed; the policy learnt from some of age 2 last, 5 were too \
                        old";
        assert_eq!(children(&status), expected);
    }
}
