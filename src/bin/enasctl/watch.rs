//! `enasctl watch`: a line after a step, for logs.

use std::time::Duration;

use enasd::actors::{RetrainingStatus, Status};
use tokio::time::sleep;

use crate::clock::local;
use crate::condition::Condition;
use crate::failure::Failure;
use crate::printer::{Printer, or_dash, percent};
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
    // As of the step itself: how long ago it ended is for `top`.
    let condition = Condition::of(status, status.updated_unix_seconds);
    let points = |mean: Option<f64>| or_dash(mean, |mean| format!("{:+.2} points", 100.0 * mean));
    let parts = [
        local((1000.0 * status.updated_unix_seconds) as i64),
        condition.word.to_owned(),
        format!("search step {}", place.search_step()),
        format!("cycle {} epoch {}", place.nth_cycle(), place.epoch_text()),
        doing(status),
        format!("loss {}", or_dash(status.shared.loss, |loss| format!("{loss:.4}"))),
        format!("reward {}", or_dash(status.policy.reward, percent)),
        format!("random {}", or_dash(status.policy.random_reward, percent)),
        format!("advantage {} ({})", points(advantage.mean), advantage.verdict),
        format!("retrained {} ({})", points(retrained.mean), retrained.verdict),
        format!("entropy {}", or_dash(status.policy.entropy_nats, |nats| format!("{nats:.2}"))),
    ];
    parts.join("  ")
}
