//! `enasd`: the daemon's command line.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

use clap::{Args, Parser, Subcommand};
use enasd::config::{Config, Loaded, environment};
use enasd::daemon::{self, DaemonError};
use enasd::search::Until;
use enasd::telemetry::install_panic_hook;

/// Fresh pages from the system cost more than the arithmetic of a small child.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// candle asks for the number of its threads at every matrix product: from this variable, or
/// else by reading all of `/proc/cpuinfo`.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

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
    CheckConfig(ConfigArgs),
}

#[derive(Args, Clone)]
struct ConfigArgs {
    /// The configuration; otherwise /etc/enasd/enasd.toml where it is there, or built-in defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The state folder.
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// The Unix socket.
    #[arg(long, value_name = "PATH")]
    socket: Option<String>,
    /// The address of /metrics, or `off`.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// The seed of every random number of the run.
    #[arg(long, value_name = "N")]
    seed: Option<String>,
}

#[derive(Args, Clone)]
struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// End after so many cycles or epochs of the whole search; without it, never.
    #[arg(long, value_name = "cycles=N|epochs=N", value_parser = parse_until)]
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
        Some(Verb::CheckConfig(args)) => load(&args).map(|loaded| print(&loaded.explain())),
        Some(Verb::Run(args)) => run(&args),
        None => run(&cli.run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn load(args: &ConfigArgs) -> Result<Loaded, DaemonError> {
    let flags: Vec<(String, String)> = [
        ("store.state", &args.state),
        ("api.socket", &args.socket),
        ("telemetry.metrics", &args.metrics),
        ("seed", &args.seed),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
    .collect();
    Ok(Config::load(args.config.as_deref(), environment(), &flags)?)
}

fn run(args: &RunArgs) -> Result<(), DaemonError> {
    let loaded = load(&args.config)?;
    let engine = &loaded.config.engine;
    let threads = match engine.threads {
        0 => engine.executor.default_threads(available_parallelism().map_or(1, usize::from)),
        threads => threads,
    };
    with_threads(threads)?;
    install_panic_hook();
    daemon::run(&loaded, args.until.unwrap_or(Until::Forever), threads)
}

/// Starts the same program over, in the same process, where the variable does not say `threads`:
/// a program must not change its environment once it may have threads.
fn with_threads(threads: usize) -> Result<(), DaemonError> {
    let wanted = threads.to_string();
    if std::env::var(THREADS_VARIABLE).is_ok_and(|set| set == wanted) {
        return Ok(());
    }
    let failed = |error: std::io::Error| DaemonError::System {
        action: "start over with the number of threads set",
        why: error.to_string(),
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(THREADS_VARIABLE, wanted);
    Err(failed(command.exec()))
}

/// Prints to a standard output that may be closed.
fn print(text: &str) {
    use std::io::Write;
    // Nobody is there to be told.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn report(error: &DaemonError) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "enasd: {error}");
}
