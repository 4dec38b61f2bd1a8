//! Commands: `score`, `retrain`, `sample`, `derive`, `checkpoint`, `log-level`, and those that only say that it is done.

use enasd::actors::{ScoreView, nth};
use enasd::api::LogLevel;
use enasd::api::wire::{
    CheckpointResult, DeriveResult, Done, NearArch, RetrainRequest, RetrainResult, SampleArm,
    SampleRequest, SampleResult, ScoreRequest, ScoreResult,
};
use enasd::search::Objective;

use crate::arch::spelled;
use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::printer::{Printer, fields, milliseconds, objective, or_dash, percent, thousands};
use crate::scores::multiply_adds;
use crate::socket::Daemon;

/// Scores an architecture.
pub(crate) async fn score(
    daemon: &Daemon,
    printer: &mut Printer,
    arch: &str,
) -> Result<(), Failure> {
    // Checked here for a better text.
    let request = ScoreRequest { arch: spelled(arch)? };
    let result: ScoreResult = daemon.work().post("/v1/score", &request).await?;
    printer.one(&result, score_table)
}

fn score_table(result: &ScoreResult) -> String {
    let ScoreView { correct, items, .. } = result.score;
    let objective = objective(&result.objective);
    let percentile = or_dash(result.percentile, |p| format!("above {p:.1} % of recent ones"));
    let rewards = match objective {
        // It is the accuracy, less what it costs.
        Objective::Accuracy => percentile,
        Objective::NegLogNll | Objective::Perplexity => {
            format!("{}, {percentile}", objective.show(result.reward))
        }
    };
    let shown = result.score.shown();
    let (name, score) = match result.interval.map(|ends| ends.map(percent)) {
        Some([low, high]) => ("accuracy", format!("{shown}, 95 % within {low} to {high}")),
        None => ("score", shown),
    };
    let near = result.nearest.iter().map(|near| {
        let NearArch { id, differs, of, reward } = near;
        format!("{id}, {differs} of {of} choices differ, {} on average", objective.show(*reward))
    });
    let near = near.collect::<Vec<_>>().join("\n");
    let cost = &result.standalone;
    fields(&[
        ("id", result.id.clone()),
        ("given as", result.form.clone()),
        (name, score),
        ("right", format!("{correct} of {items}")),
        ("rewards", rewards),
        ("parameters", thousands(result.params)),
        (multiply_adds(objective.is_of_words()), thousands(result.multiply_adds)),
        ("alone, parameters", thousands(cost.params)),
        ("alone, multiply-adds", thousands(cost.multiply_adds)),
        ("alone, forward pass", or_dash(cost.milliseconds, milliseconds)),
        ("nearest known", if near.is_empty() { "-".to_owned() } else { near }),
        ("weights before", format!("search step {}", nth(result.step))),
    ])
}

/// Has an architecture trained from scratch.
pub(crate) async fn retrain(
    daemon: &Daemon,
    printer: &mut Printer,
    arch: &str,
) -> Result<(), Failure> {
    let request = RetrainRequest { arch: spelled(arch)? };
    let result: RetrainResult = daemon.work().post("/v1/retrain", &request).await?;
    printer.one(&result, |result| {
        let nets = if result.seeds == 1 { "net" } else { "nets" };
        fields(&[
            ("id", result.id.clone()),
            ("given as", result.form.clone()),
            ("its turn", format!("number {} of those that are retrained", result.place)),
            ("trained from scratch", format!("{} {nets}, {} epochs", result.seeds, result.epochs)),
            ("parameters", thousands(result.params)),
            (multiply_adds(result.score.perplexity.is_some()), thousands(result.multiply_adds)),
            ("score with shared weights", result.score.shown()),
        ])
    })
}

/// Draws architectures.
pub(crate) async fn sample(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &SampleArgs,
) -> Result<(), Failure> {
    let arm = if args.random { SampleArm::Random } else { SampleArm::Controller };
    let request = SampleRequest { count: args.count, seed: args.seed, arm };
    let result: SampleResult = daemon.commands().post("/v1/sample", &request).await?;
    printer.many(
        &result,
        &result.archs,
        &[
            ("id", &|one| one.id.clone()),
            ("log π", &|one| format!("{:.2}", one.log_prob)),
            ("arch", &|one| one.arch.clone()),
        ],
    )?;
    printer.aside(&format!("seed {}", result.seed))
}

/// Derives once more.
pub(crate) async fn derive(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let result: DeriveResult = daemon.derive().command("/v1/derive").await?;
    printer.many(&result, &result.best, &[("best, first to last", &String::clone)])
}

/// Writes a checkpoint.
pub(crate) async fn checkpoint(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let result: CheckpointResult = daemon.work().command("/v1/checkpoint").await?;
    printer
        .one(&result, |result| format!("written; it resumes at search step {}", nth(result.step)))
}

/// What is logged, after it is set where it is to be.
pub(crate) async fn log_level(
    daemon: &Daemon,
    printer: &mut Printer,
    level: Option<String>,
) -> Result<(), Failure> {
    let path = "/v1/log-level";
    let level: LogLevel = match level {
        Some(level) => daemon.questions.put(path, &LogLevel { level }).await?,
        None => daemon.questions.get(path).await?,
    };
    printer.one(&level, |now| now.level.clone())
}

/// A command that has nothing to say but that it is done.
pub(crate) async fn simple(
    daemon: &Daemon,
    printer: &mut Printer,
    path: &str,
) -> Result<(), Failure> {
    let done: Done = daemon.work().command(path).await?;
    printer.one(&done, |done| done.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use enasd::api::wire::CostView;

    fn told(objective: Objective) -> String {
        let near = NearArch { id: "m5-b".to_owned(), differs: 1, of: 40, reward: 0.4321 };
        score_table(&ScoreResult {
            id: "m5-a".to_owned(),
            arch: String::new(),
            form: "id".to_owned(),
            score: ScoreView { accuracy: 0.75, correct: 3, items: 4, perplexity: None },
            interval: Some([0.5, 0.875]),
            objective: objective.name().to_owned(),
            reward: 0.5,
            percentile: Some(80.0),
            params: 1,
            multiply_adds: 1,
            standalone: CostView::default(),
            nearest: vec![near],
            step: 0,
        })
    }

    #[test]
    fn a_score_is_an_accuracy_and_its_reward_is_what_the_objective_makes_of_it() {
        for (objective, rewards, near) in [
            (Objective::Accuracy, "above 80.0 % of recent ones", "43.21 % on average"),
            (Objective::NegLogNll, "0.5000, above 80.0 % of recent ones", "0.4321 on average"),
        ] {
            let told = told(objective);
            for line in [
                format!("{:24}75.00 %, 95 % within 50.00 % to 87.50 %\n", "accuracy"),
                format!("{:24}{rewards}\n", "rewards"),
                format!("{:24}m5-b, 1 of 40 choices differ, {near}\n", "nearest known"),
            ] {
                assert!(told.contains(&line), "{line} is not in\n{told}");
            }
        }
    }
}
