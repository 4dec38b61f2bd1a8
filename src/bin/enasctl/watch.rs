//! `enasctl watch`: a line after a step, for logs.

use std::time::Duration;

use enasd::actors::{RetrainingStatus, Status};
use enasd::search::Objective;
use tokio::time::sleep;

use crate::clock::local;
use crate::condition::Condition;
use crate::failure::Failure;
use crate::printer::{Printer, or_dash};
use crate::socket::Daemon;
use crate::status::doing;

/// The shortest pause between two looks: the daemon has other things to do than to answer.
const SHORTEST: Duration = Duration::from_millis(10);

/// Prints a line whenever a step has ended, a derivation or retraining has got further, or the state
/// is another, but never sooner than `every` seconds after the line before; ends with the daemon, by
/// an error unless the run is over.
pub(crate) async fn watch(
    daemon: &Daemon,
    printer: &mut Printer,
    every: f64,
) -> Result<(), Failure> {
    let pause = Duration::from_secs_f64(every).max(SHORTEST);
    let mut last = None;
    loop {
        let status: Status = daemon.questions.get("/v1/status").await?;
        let retraining = status.finals.retraining.as_ref().map(RetrainingStatus::progress);
        let seen = (status.place.number, status.state, status.derivation, retraining);
        if last.replace(seen) != Some(seen) {
            printer.item(&status, line)?;
        }
        sleep(pause).await;
    }
}

/// What a log keeps of a status.
fn line(status: &Status) -> String {
    let place = &status.place;
    let (advantage, retrained) = (&status.advantage, &status.finals.comparison);
    let learnt = &status.diagnosis.learnt;
    // As of the step itself: how long ago it ended is for `top`.
    let condition = Condition::of(status, status.updated_unix_seconds);
    let objective = status.objective();
    let reward = |reward: Option<f64>| or_dash(reward, |reward| objective.show(reward));
    // Retrained nets are compared by their test accuracies.
    let differs = |mean: Option<f64>, of: Objective| or_dash(mean, |mean| of.show_difference(mean));
    let parts = [
        local((1000.0 * status.updated_unix_seconds) as i64),
        condition.word.to_owned(),
        format!("search step {}", place.search_step()),
        format!("cycle {} epoch {}", place.nth_cycle(), place.epoch_text()),
        doing(status),
        format!("loss {}", or_dash(status.shared.loss, |loss| format!("{loss:.4}"))),
        format!("reward {}", reward(status.policy.reward)),
        format!("random {}", reward(status.policy.random_reward)),
        format!(
            "advantage {} {} ({})",
            status.scored_how(),
            differs(advantage.mean, objective),
            advantage.verdict
        ),
        format!("learnt {} ({})", differs(learnt.mean, objective), learnt.verdict),
        format!(
            "retrained {} ({})",
            differs(retrained.mean, objective.of_tests()),
            retrained.verdict
        ),
        format!("entropy {}", or_dash(status.policy.entropy_nats, |nats| format!("{nats:.2}"))),
    ];
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(objective: Objective, expected: &str) {
        let mut status = Status { objective: objective.name().to_owned(), ..Status::default() };
        (status.policy.reward, status.policy.random_reward) = (Some(0.4321), Some(0.25));
        (status.advantage.mean, status.finals.comparison.mean) = (Some(0.1821), Some(0.0125));
        status.diagnosis.learnt.mean = Some(0.0704);
        let line = line(&status);
        assert!(line.contains(expected), "{expected} is not in {line}");
    }

    #[test]
    fn rewards_have_the_units_of_the_objective_and_retrained_nets_those_of_accuracy() {
        check(
            Objective::Accuracy,
            "reward 43.21 %  random 25.00 %  advantage with the shared weights +18.21 points ()  \
             learnt +7.04 points ()  retrained +1.25 points ()",
        );
        check(
            Objective::NegLogNll,
            "reward 0.4321  random 0.2500  advantage with the shared weights +0.1821 ()  \
             learnt +0.0704 ()  retrained +1.25 points ()",
        );
    }
}
