//! `enasd`: the daemon's command line.

mod bench;
mod study;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use enasd::config::{Config, ConfigError, Loaded, environment};
use enasd::daemon::{self, DaemonError, EXIT_INTERNAL, RunConfig};
use enasd::data::{DataReport, Dataset};
use enasd::engine::ExecutorChoice;
use enasd::manual::Manual;
use enasd::printable::printable;
use enasd::search::{SearchConfig, Until};
use enasd::telemetry::{LAST_WORDS, Outlet};

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
    CheckConfig(CheckArgs),
    /// Measure how fast one child trains and is evaluated here.
    Bench(bench::BenchArgs),
    /// Measure which way of scoring architectures agrees with retraining them.
    Study(study::StudyArgs),
    /// Write the manual page and the shell completions into a folder, for a package.
    #[command(hide = true)]
    Manual { folder: PathBuf },
}

#[derive(Args, Clone)]
struct ConfigArgs {
    /// The configuration [default: enasd/enasd.toml in the user's folder for configurations, else
    /// /etc/enasd/enasd.toml, where they are there; else built-in defaults].
    #[arg(long, value_name = "FILE", env = "ENASD_CONFIG")]
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
    /// How the log is written: `auto`, `text`, `json` or `journal`.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Any key of the configuration, over everything else: `--set net.channels=8`. Again for more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
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

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Why the program ends before its work is done.
struct Failure {
    why: String,
    exit_code: u8,
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self { why: error.to_string(), exit_code: error.exit_code() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        DaemonError::from(error).into()
    }
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

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, as in net.channels=8")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.verb {
        Some(Verb::CheckConfig(args)) => check_config(&args),
        Some(Verb::Bench(args)) => bench::run(args),
        Some(Verb::Study(args)) => study::run(&args),
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
        let SearchConfig { data, seed, .. } = &loaded.config.search;
        let report = Dataset::load(data, *seed).and_then(|dataset| DataReport::of(&dataset));
        let report = report.map_err(DaemonError::from)?.to_string();
        report.lines().for_each(|line| print(&format!("# {line}\n")));
    }
    Ok(())
}

fn load(args: &ConfigArgs) -> Result<Loaded, ConfigError> {
    let flags: Vec<(String, String)> = [
        ("store.state", &args.state),
        ("api.socket", &args.socket),
        ("telemetry.metrics", &args.metrics),
        ("telemetry.log_format", &args.log_format),
        ("seed", &args.seed),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
    .chain(args.set.clone())
    .collect();
    Config::load(args.config.as_deref(), environment(), &flags)
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

/// How many threads compute. Starts the same program over, in the same process, where the variable
/// does not say so: a program must not change its environment once it may have threads.
fn with_threads(executor: ExecutorChoice, wanted: usize) -> Result<usize, DaemonError> {
    let threads = executor.threads(wanted, available_parallelism().map_or(1, usize::from));
    let wanted = threads.to_string();
    if std::env::var(THREADS_VARIABLE).is_ok_and(|set| set == wanted) {
        return Ok(threads);
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

fn count(min: u64, max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(min..=max)
}

/// Prints to a standard output that may be closed.
fn print(text: &str) {
    use std::io::Write;
    // Nobody is there to be told.
    let _ = std::io::stdout().write_all(printable(text).as_bytes());
}

/// Says it on standard error, but does not wait for long until somebody reads it.
fn say(text: &str) {
    use std::io::Write;
    let line = format!("enasd: {}\n", printable(text));
    if let Ok(outlet) = Outlet::stderr() {
        outlet.line(line.as_bytes());
        outlet.finish(LAST_WORDS);
    } else {
        // No thread can be started any more, and nobody is there to be told of it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
