//! `enasd study`: which way of scoring architectures agrees with retraining them.

use std::fs;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use enasd::bench;
use enasd::config::Loaded;
use enasd::daemon::{DaemonError, EXIT_CONFIG, EXIT_INTERNAL};
use enasd::export::{StudyReport, StudyRow, study_page};
use enasd::numbers::mean;
use enasd::store::{StateView, StoreError, config_text, write_atomically};
use enasd::study::{
    Estimate, Findings, Ground, LEVERS, Lever, PresentOmega, Progress, StudyError, StudyPlan, study,
};
use serde::Serialize;

use crate::config_args::{ConfigArgs, load};
use crate::failure::Failure;
use crate::output::{Output, count, print, say};
use crate::threads::with_threads;

#[derive(Args, Clone)]
pub(crate) struct StudyArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Architectures that are retrained: the published one where the space has one, and uniform
    /// draws.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = count(8, 10_000))]
    archs: usize,
    /// Nets of each, trained as [final] has it.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count(2, 16))]
    seeds: usize,
    /// Ways to train the shared weights, with commas between: `all`, `none`, or names, of which an
    /// unknown one has them all told.
    #[arg(long, value_name = "NAMES", default_value = "configured", value_parser = parse_levers)]
    levers: Levers,
    /// Searches with each, whose scores are averaged.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1, 100))]
    searches: usize,
    /// Where all that is measured is kept, so that it is measured once [default: study in the state
    /// folder].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// How the findings are printed; the folder has them both ways.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Args, Clone)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// A list of architectures: on each line a group, a pair (`-` for none) and the architecture.
    /// Groups with the same pairs are compared pair by pair, others by their means.
    #[arg(value_name = "FILE")]
    list: PathBuf,
    /// Nets of each, trained as [final] has it, with seeds that no search has.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count(1, 16))]
    seeds: usize,
    /// Where all that is measured is kept, with the ledger of the test split [default: study in the
    /// state folder].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// How the findings are printed; the folder has them both ways.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Ways to train the shared weights.
#[derive(Clone)]
enum Levers {
    /// All that say something to the space that is searched.
    All,
    Some(Vec<Lever>),
}

impl Levers {
    /// Those for searches of `space`.
    fn of(&self, space: &str) -> Vec<Lever> {
        let is_of = |lever: &&Lever| lever.only_of.is_none_or(|only_of| only_of == space);
        match self {
            Self::All => LEVERS.iter().filter(is_of).copied().collect(),
            Self::Some(levers) => levers.clone(),
        }
    }
}

fn parse_levers(text: &str) -> Result<Levers, String> {
    let of = |name: &str| {
        Lever::of_name(name).ok_or_else(|| {
            let known: Vec<String> =
                LEVERS.iter().map(|lever| format!("{}: {}", lever.name, lever.about)).collect();
            format!("there is no way `{name}`; there are\n{}", known.join("\n"))
        })
    };
    match text {
        "all" => Ok(Levers::All),
        "none" => Ok(Levers::Some(Vec::new())),
        names => {
            names.split(',').map(|name| of(name.trim())).collect::<Result<_, _>>().map(Levers::Some)
        }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        let Self { why, exit_code } = plain(error);
        Self { why: format!("{why}; what was measured is kept, and measured once"), exit_code }
    }
}

/// The same where nothing was measured.
pub(crate) fn plain(error: StudyError) -> Failure {
    let why = error.to_string();
    let exit_code = match error {
        StudyError::Archs { .. }
        | StudyError::TooManyArchs(_)
        | StudyError::OtherData
        | StudyError::Lever { .. }
        | StudyError::Claim { .. }
        | StudyError::OtherFiles { .. }
        | StudyError::File { .. } => EXIT_CONFIG,
        StudyError::Data(error) => DaemonError::from(error).exit_code(),
        StudyError::Search(error) => DaemonError::from(error).exit_code(),
        StudyError::Store(error) => DaemonError::from(error).exit_code(),
        _ => EXIT_INTERNAL,
    };
    Failure { why, exit_code }
}

pub(crate) fn run(args: &StudyArgs) -> Result<(), Failure> {
    let loaded = load(&args.config)?;
    let plan = StudyPlan {
        ground: ground(&loaded, args.seeds, args.folder.as_ref())?,
        archs: args.archs,
        levers: args.levers.of(loaded.config.search.space.kind.name()),
        searches: args.searches as u64,
        present: present(&loaded)?,
    };
    let mut teller = Teller::default();
    let found = study(&plan, &mut |progress| teller.tell(progress))?;
    let folder = &plan.ground.folder;
    leave(folder, "study.html", &study_page(&report(&found)))?;
    hand_out(folder, "study", (&found, found.to_string()), args.output)
}

pub(crate) fn confirm(args: &ConfirmArgs) -> Result<(), Failure> {
    let loaded = load(&args.config)?;
    let ground = ground(&loaded, args.seeds, args.folder.as_ref())?;
    let claims = fs::read_to_string(&args.list)
        .map_err(|source| StudyError::File { path: args.list.clone(), source })?;
    let mut teller = Teller::default();
    let found = enasd::study::confirm(&ground, &claims, &mut |progress| teller.tell(progress))?;
    hand_out(&ground.folder, "confirm", (&found, found.to_string()), args.output)
}

/// Leaves what was found in the folder as text and as JSON, and prints it.
fn hand_out(
    folder: &Path,
    name: &str,
    (found, text): (&impl Serialize, String),
    output: Output,
) -> Result<(), Failure> {
    let json = format!("{:#}\n", serde_json::json!(found));
    leave(folder, &format!("{name}.txt"), &text)?;
    leave(folder, &format!("{name}.json"), &json)?;
    print(&match output {
        Output::Text => text,
        Output::Json => json,
    });
    Ok(())
}

fn leave(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    Ok(write_atomically(&folder.join(name), text.as_bytes()).map_err(StudyError::from)?)
}

/// What is computed with, and where it is kept.
pub(crate) fn ground(
    loaded: &Loaded,
    seeds: usize,
    folder: Option<&PathBuf>,
) -> Result<Ground, Failure> {
    let engine = &loaded.config.engine;
    let threads = with_threads(engine.executor, engine.threads)?;
    let folder = match folder {
        Some(folder) => folder.clone(),
        None => loaded.state()?.join("study"),
    };
    Ok(Ground {
        config: loaded.config.search.clone(),
        exec: bench::open(engine.executor.name(), &engine.device)?,
        seeds: seeds as u32,
        folder,
        threads,
    })
}

/// ω of the state folder, where that has a checkpoint of these settings.
fn present(loaded: &Loaded) -> Result<Option<PresentOmega>, Failure> {
    let view = StateView::new(&loaded.state()?);
    let newest = match view.newest() {
        // A study can come before the first search.
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        found => found.map_err(StudyError::from)?,
    };
    let Some(newest) = newest else { return Ok(None) };
    let Some(checkpoint) = view.checkpoint(newest.step).map_err(StudyError::from)? else {
        return Ok(None);
    };
    let text = config_text(&checkpoint).map_err(StudyError::from)?;
    let going_on = loaded.continuing(text)?;
    let differences = going_on.config.differences(text)?;
    if let Some(first) = differences.first() {
        say(&format!(
            "the search in {} has other settings, and its shared weights are left out: {first}",
            view.path().display()
        ));
        return Ok(None);
    }
    Ok(Some(PresentOmega { checkpoint, config: going_on.config.search }))
}

/// The page of what was found.
fn report(found: &Findings) -> StudyReport {
    let truths = found.truths();
    let row = |estimate: &Estimate| StudyRow {
        name: estimate.name.clone(),
        about: estimate.about.clone(),
        tau: estimate.tau.map(|tau| [tau.mean, tau.low, tau.high]),
        of_ceiling: estimate.of_ceiling,
        top: estimate.top - mean(&truths),
        points: estimate.values.iter().copied().zip(truths.iter().copied()).collect(),
    };
    let head = found.to_string();
    let facts = head.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    StudyReport {
        title: format!("A study of the space {}", found.space),
        facts: facts.collect(),
        rows: found.estimates.iter().map(row).collect(),
    }
}

/// Says how far a study is: now and then, and at each end.
#[derive(Default)]
pub(crate) struct Teller {
    /// What is told of, since when, and with how much done at first.
    part: Option<(String, Instant, u64)>,
    told: Option<Instant>,
}

impl Teller {
    pub(crate) fn tell(&mut self, progress: Progress) {
        let Progress { what, done, of } = progress;
        if self.part.as_ref().is_none_or(|(part, ..)| *part != what) {
            self.part = Some((what.clone(), Instant::now(), done));
            self.told = None;
        }
        let every = Duration::from_secs(if std::io::stderr().is_terminal() { 2 } else { 30 });
        if done < of && self.told.is_some_and(|told| told.elapsed() < every) {
            return;
        }
        self.told = Some(Instant::now());
        let left = self.part.as_ref().and_then(|(_, since, first)| {
            let rate = since.elapsed().as_secs_f64() / (done - first.min(&done)).max(1) as f64;
            (*first < done && done < of).then(|| rate * (of - done) as f64 / 60.0)
        });
        let left = left.map_or(String::new(), |left| format!(", about {left:.0} min left"));
        say(&format!("{what}: {done} of {of}{left}"));
    }
}
