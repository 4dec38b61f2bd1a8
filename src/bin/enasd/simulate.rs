//! `enasd simulate`: strategies compared on a table of known scores.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use enasd::bench;
use enasd::daemon::{DaemonError, EXIT_CONFIG};
use enasd::data::{Dataset, Scratch, read_table};
use enasd::numbers::thousands;
use enasd::search::{ScoreTable, SearchConfig, SearchError, StrategyKind, Task, paired_difference};
use enasd::space::Space;
use enasd::study::{Simulation, SimulationPlan, StudyError, simulate};

use crate::config_args::{ConfigArgs, load};
use crate::failure::Failure;
use crate::output::{count, print};
use crate::study::{Teller, plain};
use crate::threads::with_threads;

#[derive(Args, Clone)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The table: a file of comma-separated values, plain or gz, with the columns `arch` and `score`,
    /// or `embedded:micro-1`, the one that comes with enasd.
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// The score of every architecture that is not in the table; without it, such a one is an error.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, value_parser = ScoreTable::parse_score)]
    unknown: Option<f64>,
    /// The strategies, with commas between.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = parse_strategy,
        default_value = "random,reinforce,ppo,evolution"
    )]
    strategies: Vec<StrategyKind>,
    /// Searches with each strategy, of seeds in a row.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = count(1, 10_000))]
    seeds: usize,
    /// Architectures that each search scores: whole epochs of them, so at least so many.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = count(1, 100_000_000))]
    evaluations: usize,
    /// Where the histories are left, a folder for each strategy and in it one for each seed [default:
    /// simulated in the state folder].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn parse_strategy(text: &str) -> Result<StrategyKind, String> {
    let known =
        || format!("there is no strategy `{text}`; there are {}", StrategyKind::NAMES.join(", "));
    StrategyKind::of_name(text.trim()).ok_or_else(known)
}

pub(crate) fn run(args: &SimulateArgs) -> Result<(), Failure> {
    let loaded = load(&args.config)?;
    let (search, engine) = (&loaded.config.search, &loaded.config.engine);
    let threads = with_threads(engine.executor, engine.threads)?;
    check_limits(search)?;
    let space = Space::new(&search.space).map_err(|error| plain(error.into()))?;
    let text = read_table(&args.table).map_err(|error| plain(error.into()))?;
    let table = ScoreTable::read(space, &text, args.unknown).map_err(|fault| Failure {
        why: format!("{}: {fault}", args.table.display()),
        exit_code: EXIT_CONFIG,
    })?;
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => loaded.state()?.join("simulated"),
    };
    // Nothing is trained, but a space's nets read data of their kind.
    let dataset =
        Dataset::load_into(&search.data, search.seed, &Scratch::new(&folder.join("cache")))
            .map_err(DaemonError::from)?;
    let exec = bench::open(engine.executor.name(), &engine.device)?;
    let task = Task::new(search.clone(), dataset, exec).map_err(DaemonError::from)?;
    // One that is named twice is one.
    let mut strategies: Vec<StrategyKind> = Vec::new();
    for strategy in &args.strategies {
        if !strategies.contains(strategy) {
            strategies.push(*strategy);
        }
    }
    let plan = SimulationPlan {
        task,
        table: Arc::new(table),
        strategies,
        seeds: args.seeds as u64,
        evaluations: args.evaluations as u64,
        folder,
        threads,
    };
    let (start, mut teller) = (Instant::now(), Teller::default());
    let found = simulate(&plan, &mut |progress| teller.tell(progress));
    let found = found.map_err(|error| match error {
        StudyError::Search(SearchError::NotInTable { .. }) => {
            let Failure { why, exit_code } = plain(error);
            Failure { why: format!("{}: {why}", args.table.display()), exit_code }
        }
        error => plain(error),
    })?;
    print(&told(&plan, &found, start.elapsed().as_secs_f64()));
    print(&to_draw(args, &plan));
    Ok(())
}

/// Refuses limits: the best of a table may be over them, and no search would come to regret 0.
fn check_limits(search: &SearchConfig) -> Result<(), Failure> {
    if !search.limits.is_set() {
        return Ok(());
    }
    let why = "a simulation searches all of its table, and [limits] would keep it from some: leave them out";
    Err(Failure { why: why.to_owned(), exit_code: EXIT_CONFIG })
}

/// The command that draws what came of it.
fn to_draw(args: &SimulateArgs, plan: &SimulationPlan) -> String {
    let unknown = args.unknown.map_or(String::new(), |score| format!(" --unknown {score}"));
    let folders = plan.strategies.iter().map(|strategy| plan.folder.join(strategy.name()));
    let groups: Vec<String> = folders.map(|folder| format!("'{}'", folder.display())).collect();
    let (table, groups) = (args.table.display(), groups.join(" "));
    format!("to draw them: enasctl regret --table '{table}'{unknown} {groups}\n")
}

/// What became of each strategy.
fn told(plan: &SimulationPlan, found: &[Simulation], seconds: f64) -> String {
    let all: u64 = found.iter().map(|simulation| simulation.evaluations).sum();
    let table = &plan.table;
    let mut text = format!(
        "a table of {} architectures of {}, the best {:+.4}; {} evaluations in {seconds:.1} s, {} a \
         second\n{:12} {:>6} {:>12} {:>10}  regret at the end, mean and 95 %\n",
        thousands(table.len() as u64),
        table.space(),
        table.best(),
        thousands(all),
        thousands((all as f64 / seconds.max(1e-9)) as u64),
        "strategy",
        "seeds",
        "evaluations",
        "best"
    );
    for strategy in &plan.strategies {
        let of: Vec<&Simulation> = found.iter().filter(|one| one.strategy == *strategy).collect();
        let regrets: Vec<f64> = of.iter().map(|one| table.best() - one.best).collect();
        let best = of.iter().map(|one| one.best).fold(f64::NEG_INFINITY, f64::max);
        let evaluations = of.first().map_or(0, |one| one.evaluations);
        let regret = match paired_difference(&regrets) {
            // No regret is below none.
            Some(found) => {
                format!("{:.4} ({:.4} to {:.4})", found.mean, found.low.max(0.0), found.high)
            }
            None => regrets.first().map_or(String::new(), |regret| format!("{regret:.4}")),
        };
        let (name, seeds, count) = (strategy.name(), of.len(), thousands(evaluations));
        let _ = writeln!(text, "{name:12} {seeds:>6} {count:>12} {best:>+10.4}  {regret}");
    }
    text
}
