//! `enasd`: the daemon's command line.

mod bench;
mod config_args;
mod failure;
mod output;
mod simulate;
mod study;
mod tabulate;
mod threads;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};
use enasd::daemon::{self, DaemonError, EXIT_INTERNAL, RunConfig};
use enasd::data::{DataReport, Dataset};
use enasd::manual::Manual;
use enasd::search::Until;

use crate::config_args::{ConfigArgs, load};
use crate::failure::Failure;
use crate::output::{print, say};
use crate::threads::with_threads;

/// Fresh pages from the system cost more than the arithmetic of a small child.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(version, about = "Searches for neural network architectures with ENAS")]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Verb {
    /// Search until stopped (the default).
    Run(RunArgs),
    /// Check the configuration and print every value with its source.
    CheckConfig(CheckArgs),
    /// Measure how fast one child trains and is evaluated here.
    Bench(bench::BenchArgs),
    /// Measure which way of scoring architectures agrees with retraining them.
    Study(study::StudyArgs),
    /// Retrain architectures with fresh seeds, and compare them on the locked test split.
    Confirm(study::ConfirmArgs),
    /// Compare strategies on a table of known scores, each with many seeds.
    Simulate(simulate::SimulateArgs),
    /// Train every architecture of a small space from scratch, and write the table of their scores.
    Tabulate(tabulate::TabulateArgs),
    /// Write the manual page and the shell completions into a folder, for a package.
    #[command(hide = true)]
    Manual { folder: PathBuf },
}

#[derive(Args, Clone)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Read the data too, and print what it holds: counts by split and class, rare classes, images
    /// that show nothing, its fingerprint.
    #[arg(long)]
    data: bool,
}

#[derive(Args, Clone)]
struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// End after so many cycles or epochs of the whole search; without it, never.
    #[arg(long, value_name = "cycles=N|epochs=N", value_parser = parse_until, env = "ENASD_UNTIL")]
    until: Option<Until>,
}

fn parse_until(text: &str) -> Result<Until, String> {
    let expected = || format!("`{text}` is neither `cycles=N` nor `epochs=N` with N of 1 or more");
    let (unit, count) = text.split_once('=').ok_or_else(expected)?;
    let count = count.parse().ok().filter(|&count| 1 <= count).ok_or_else(expected)?;
    match unit {
        "cycles" => Ok(Until::Cycles(count)),
        "epochs" => Ok(Until::Epochs(count)),
        _ => Err(expected()),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.verb {
        Some(Verb::CheckConfig(args)) => check_config(&args),
        Some(Verb::Bench(args)) => bench::run(args),
        Some(Verb::Study(args)) => study::run(&args),
        Some(Verb::Confirm(args)) => study::confirm(&args),
        Some(Verb::Simulate(args)) => simulate::run(&args),
        Some(Verb::Tabulate(args)) => tabulate::run(&args),
        Some(Verb::Manual { folder }) => manual(&folder),
        Some(Verb::Run(args)) => run(&args),
        None => run(&cli.run),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    say(&failure.why);
    ExitCode::from(failure.exit_code)
}

/// What the manual page says beyond the arguments.
const MANUAL: Manual = Manual {
    section: "8",
    sections: &[
        ("SIGNALS", SIGNALS),
        ("EXIT STATUS", EXIT_STATUS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
        ("SEE ALSO", "enasctl(1), systemd.service(5), curl(1)"),
    ],
};

const SIGNALS: &str = "\
SIGTERM, SIGINT
Finish the step, save a checkpoint, and end with exit status 0.

SIGHUP
Read the configuration again; on a terminal, which it says is gone, end as by SIGTERM.";

const EXIT_STATUS: &str = "\
0
The search was told to stop, or is at the end that --until names.

70
An internal error.

71
The machine does not allow what a search needs: threads, open files, memory, a clock; the message \
names the limit and how to raise it.

75
Another daemon holds the state folder or the socket.

78
The configuration or the data is wrong; the message says what to mend.";

const ENVIRONMENT: &str = "\
ENASD_SECTION__KEY
Sets a key of the configuration, over the file and under the flags: ENASD_NET__CHANNELS=8, \
ENASD_SEED=7.

ENASD_CONFIG, ENASD_STATE, ENASD_SOCKET, ENASD_METRICS, ENASD_LOG_FORMAT, ENASD_SEED, ENASD_UNTIL
Stand for the flags of the same names.";

const FILES: &str = "\
/etc/enasd/enasd.toml
The configuration. Every key is there with its default and its meaning.

$XDG_CONFIG_HOME/enasd/enasd.toml, or ~/.config/enasd/enasd.toml
A user's own configuration, which is read instead.

/var/lib/enasd
The state: checkpoints, the history, the best architectures with their weights.

/usr/share/enasd/dashboards
The dashboard for Grafana and the alerts for Prometheus.";

fn manual(folder: &Path) -> Result<(), Failure> {
    MANUAL.write(&Cli::command(), folder).map_err(|error| Failure {
        why: format!("cannot write the manual into {}: {error}", folder.display()),
        exit_code: EXIT_INTERNAL,
    })
}

/// What is printed is a configuration: what is said of the data are comments in it.
fn check_config(args: &CheckArgs) -> Result<(), Failure> {
    let loaded = load(&args.config)?;
    for variable in &loaded.passed_over {
        say(&format!("warning: {variable}"));
    }
    print(&loaded.explain());
    if args.data {
        let search = &loaded.config.search;
        let dataset = Dataset::load(&search.data, search.seed).map_err(DaemonError::from)?;
        let report = DataReport::of(&dataset).map_err(DaemonError::from)?.to_string();
        report.lines().for_each(|line| print(&format!("# {line}\n")));
        daemon::check(search, dataset)?;
    }
    Ok(())
}

fn run(args: &RunArgs) -> Result<(), Failure> {
    let loaded = load(&args.config)?;
    let engine = &loaded.config.engine;
    let threads = with_threads(engine.executor, engine.threads)?;
    let sources = args.config.clone();
    let load = Arc::new(move || load(&sources));
    let until = args.until.unwrap_or(Until::Forever);
    Ok(daemon::run(RunConfig { loaded, load, until, threads })?)
}
