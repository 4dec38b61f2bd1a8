//! `enasctl`: asks and commands the daemon, and looks at architectures without one.
//!
//! ```text
//! arguments ─► verb ─┬─ arch …, convert   no daemon
//!                    └─ Client ─► socket  questions and commands
//!                          └─► Printer: table, JSON, or a line of JSON per item
//! ```
//!
//! Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon, 4 the daemon is degraded, or
//! `doctor` finds what does not work.

mod arch;
mod arch_args;
mod args;
mod bundle;
mod children;
mod clock;
mod commands;
mod condition;
mod convert;
mod doctor;
mod events;
mod export;
mod export_args;
mod failure;
mod history;
mod history_args;
mod predict;
mod printer;
mod questions;
mod regret;
mod regret_args;
mod report;
mod reserved;
mod retraining;
mod scores;
mod socket;
mod space;
mod status;
mod top;
mod verdicts;
mod watch;
mod why;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Args, DaemonPlace, MANUAL, Verb};
use crate::failure::Failure;
use crate::printer::{Printer, remark};
use crate::socket::Daemon;

fn main() -> ExitCode {
    let args = Args::parse();
    let Err(failure) = run(args) else { return ExitCode::SUCCESS };
    if !failure.is_closed_pipe() {
        remark(&failure);
    }
    failure.exit_code()
}

fn run(args: Args) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Output)?.block_on(carry_out(args.verb, args.place, &mut printer))?;
    printer.finish()
}

async fn carry_out(verb: Verb, place: DaemonPlace, printer: &mut Printer) -> Result<(), Failure> {
    // Only some verbs need a daemon, and with it a configuration that says where it is.
    let daemon = || Daemon::new(&place);
    match verb {
        Verb::Status => status::status(&daemon()?, printer).await,
        Verb::Top => top::top(&daemon()?, printer).await,
        Verb::Watch { every } => watch::watch(&daemon()?, printer, every).await,
        Verb::Best(args) => questions::best(&daemon()?, printer, &args).await,
        Verb::List(args) => questions::list(&daemon()?, printer, &args).await,
        Verb::Show { arch } => questions::show(&daemon()?, printer, &arch).await,
        Verb::History(args) => history::history(&daemon()?, printer, &args).await,
        Verb::Events { since, follow } => events::events(&daemon()?, printer, since, follow).await,
        Verb::Config => questions::config(&daemon()?, printer).await,
        Verb::Why { arch } => why::why(&daemon()?, printer, &arch).await,
        Verb::Report(args) => report::report(&daemon()?, printer, &args).await,
        Verb::Regret(args) => regret::run(&args, printer),
        Verb::Score { arch } => commands::score(&daemon()?, printer, &arch).await,
        Verb::Retrain { arch } => commands::retrain(&daemon()?, printer, &arch).await,
        Verb::Export(args) => export::export(&daemon()?, printer, &args).await,
        Verb::Predict(args) => predict::predict(&place, printer, &args).await,
        Verb::Sample(args) => commands::sample(&daemon()?, printer, &args).await,
        Verb::Derive => commands::derive(&daemon()?, printer).await,
        Verb::Checkpoint => commands::checkpoint(&daemon()?, printer).await,
        Verb::Pause => commands::simple(&daemon()?, printer, "/v1/pause").await,
        Verb::Resume => commands::simple(&daemon()?, printer, "/v1/resume").await,
        Verb::Stop => commands::simple(&daemon()?, printer, "/v1/stop").await,
        Verb::LogLevel { level } => commands::log_level(&daemon()?, printer, level).await,
        Verb::Space { verb } => space::run(&verb, printer),
        Verb::Arch { verb } => arch::run(&verb, printer),
        Verb::Convert(args) => convert::run(&args, printer),
        Verb::Manual { folder } => manual(&folder),
        Verb::Doctor(patient) => doctor::doctor(&place, &patient, printer).await,
        Verb::Bundle(args) => bundle::bundle(&place, &args, printer).await,
    }
}

fn manual(folder: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: folder.to_owned(), source };
    MANUAL.write(&Args::command(), folder).map_err(failed)
}
