//! Commands: `score`, `sample`, `derive`, `checkpoint`, `log-level`, and those that only say that it is done.

use enasd::actors::nth;
use enasd::api::LogLevel;
use enasd::api::wire::{
    CheckpointResult, DeriveResult, Done, SampleArm, SampleRequest, SampleResult, ScoreRequest,
    ScoreResult,
};

use crate::arch::read;
use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::printer::{Printer, fields, or_dash, percent, thousands};
use crate::socket::Daemon;

/// Scores an architecture.
pub(crate) async fn score(
    daemon: &Daemon,
    printer: &mut Printer,
    arch: &str,
) -> Result<(), Failure> {
    // Checked here for a better text; an id goes as it is, since the daemon knows how the
    // architecture was drawn, and with that which weights it reads.
    let read = read(arch)?;
    let is_id = arch.trim() == read.id();
    let request = ScoreRequest { arch: if is_id { read.id() } else { read.to_string() } };
    let result: ScoreResult = daemon.work().post("/v1/score", &request).await?;
    printer.one(&result, |result| {
        let percentile = or_dash(result.percentile, |p| format!("above {p:.1} % of recent ones"));
        fields(&[
            ("id", result.id.clone()),
            ("accuracy", percent(result.score.accuracy)),
            ("right", format!("{} of {}", result.score.correct, result.score.items)),
            ("rewards", percentile),
            ("parameters", thousands(result.params)),
            ("multiply-adds an image", thousands(result.multiply_adds)),
            ("weights before", format!("search step {}", nth(result.step))),
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
            ("id", |one| one.id.clone()),
            ("log π", |one| format!("{:.2}", one.log_prob)),
            ("arch", |one| one.arch.clone()),
        ],
    )?;
    printer.aside(&format!("seed {}", result.seed))
}

/// Derives once more.
pub(crate) async fn derive(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let result: DeriveResult = daemon.derive().command("/v1/derive").await?;
    printer.many(&result, &result.best, &[("best, first to last", String::clone)])
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
