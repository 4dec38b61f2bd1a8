//! What is retrained, as `enasctl status` tells it.

use enasd::actors::{RetrainingStatus, Status, nth};

use crate::printer::or_dash;

/// What is retrained, and why.
pub(crate) fn retraining(status: &Status) -> String {
    let under_way = status.finals.retraining.as_ref().map(|retraining| {
        let RetrainingStatus { cause, cycle, trials, of, running, rung, rungs, .. } = retraining;
        let why = match cause.as_str() {
            "cycle" => format!("after cycle {}", nth(*cycle)),
            _ => "as asked".to_owned(),
        };
        let running = running.iter().map(|trial| {
            let (id, net, epochs) = (&trial.id, nth(trial.seed.into()), trial.epochs);
            format!("; net {net} of {id}: epoch {}/{epochs}", trial.epoch)
        });
        let rung = match rungs {
            0 | 1 => String::new(),
            rungs => format!(", rung {} of {rungs}", nth(*rung)),
        };
        format!("{why}{rung}, {trials} of {of} nets are trained{}", running.collect::<String>())
    });
    let waiting = match status.finals.waiting {
        0 => String::new(),
        n => format!("; {n} more wait"),
    };
    let sample = status.finals.sample.as_ref().map_or_else(String::new, |sample| {
        let RetrainingStatus { trials, of, .. } = sample;
        format!("; of a sample beside the search {trials} of {of} nets are trained")
    });
    or_dash(under_way, |text| text) + &waiting + &sample
}
