//! What `enasctl status` says of how well the search does: who scores higher, who is better once
//! retrained, what the policy has learnt, and what there is to do.

use enasd::actors::{
    AdvantageStatus, DiagnosisStatus, LearntStatus, RankCorrelationStatus, RetrainedStatus,
    SharedStatus, Status, difference_text,
};
use enasd::search::Objective;

use crate::printer::{or_dash, thousands};
use crate::scores::items_of;

/// What the control arm is scored with, where that is an ω of its own.
pub(crate) fn control(shared: &SharedStatus) -> Option<(&'static str, String)> {
    let SharedStatus { control_steps, control_loss, .. } = shared;
    let loss = or_dash(*control_loss, |loss| format!("{loss:.4}"));
    let steps = thousands(*control_steps);
    let text = format!("scored with an ω of its own, {steps} steps an epoch, loss {loss}");
    (0 < *control_steps).then_some(("control", text))
}

/// Which arm scores higher with the shared weights.
pub(crate) fn advantage(status: &Status) -> String {
    let AdvantageStatus { mean, low, high, steps, sentence, .. } = &status.advantage;
    let over = format!("{steps} steps");
    verdict((sentence, status.objective()), [*mean, *low, *high], &over)
}

/// What the policy has learnt, against its own start.
pub(crate) fn learnt(status: &Status) -> String {
    let LearntStatus { mean, low, high, sentence, .. } = &status.diagnosis.learnt;
    let over = "the draws of the last derivation";
    verdict((sentence, status.objective()), [*mean, *low, *high], over)
}

/// How much of a reward is noise.
pub(crate) fn reliability(status: &Status) -> String {
    let items = items_of(status.objective());
    status.diagnosis.reward_reliability.map_or_else(
        || "not measured yet".to_owned(),
        |share| {
            format!(
                "{:.0} % of the variance of one reward is the architectures', the rest is the \
                 {items}' of its batch",
                100.0 * share
            )
        },
    )
}

/// A line for each thing that there is to do.
pub(crate) fn advice(diagnosis: &DiagnosisStatus) -> impl Iterator<Item = (&'static str, String)> {
    diagnosis.advice.iter().map(|advice| ("advice", advice.clone()))
}

/// Which arm is better once retrained.
pub(crate) fn retrained(status: &Status) -> String {
    let RetrainedStatus { mean, low, high, pairs, sentence, .. } = &status.finals.comparison;
    let over = if *pairs == 1 { "1 pair".to_owned() } else { format!("{pairs} pairs") };
    verdict((sentence, status.objective().of_tests()), [*mean, *low, *high], &over)
}

/// How far shared scores agree with retrained ones.
pub(crate) fn ranks(found: &RankCorrelationStatus) -> String {
    let RankCorrelationStatus { archs, tau, ceiling } = found;
    let interval = |[mean, low, high]: [f64; 3]| format!("{mean:.2} (95 % {low:.2} to {high:.2})");
    format!(
        "τ of shared and retrained scores {}, of two seeds {}, over {archs} architectures",
        or_dash(*tau, interval),
        or_dash(*ceiling, interval)
    )
}

/// A verdict with what it rests on, where anything was measured.
fn verdict(
    (sentence, objective): (&str, Objective),
    numbers: [Option<f64>; 3],
    over: &str,
) -> String {
    match numbers {
        [Some(mean), Some(low), Some(high)] => {
            format!("{sentence}: {}, over {over}", difference_text(objective, [mean, low, high]))
        }
        _ => sentence.to_owned(),
    }
}
