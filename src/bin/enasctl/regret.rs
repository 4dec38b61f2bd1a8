//! `enasctl regret`: how fast searches come to their best, from their histories, without a daemon.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use enasd::data::read_table;
use enasd::export::{RegretLine, regret_svg};
use enasd::search::{ScoreTable, SearchError};
use enasd::store::write_atomically;
use enasd::study::{Band, Regret, RegretCurve, SearchGroup, StudyError, regret};

use crate::failure::Failure;
use crate::printer::{Printer, thousands};
use crate::regret_args::RegretArgs;
use crate::reserved::Reserved;

pub(crate) fn run(args: &RegretArgs, printer: &mut Printer) -> Result<(), Failure> {
    let groups = args.histories.iter().map(|text| SearchGroup::of(text));
    let groups = SearchGroup::joined(groups.collect::<Result<_, StudyError>>()?);
    if let (Some(svg), Some(csv)) = (&args.svg, &args.csv)
        && place(svg) == place(csv)
    {
        return Err(Failure::OneFile { path: svg.clone() });
    }
    // Whatever is replaced, a search is not.
    let histories = groups.iter().flat_map(|group| &group.histories);
    let folders: Vec<&Path> = histories.filter_map(|history| history.parent()).collect();
    for file in [&args.svg, &args.csv].into_iter().flatten() {
        if place(file).parent().is_some_and(|folder| folders.contains(&folder)) {
            return Err(Failure::AmongHistories { path: file.clone() });
        }
    }
    let table = args.table.as_ref().map(|path| table(path, args.unknown)).transpose()?;
    let files = [&args.svg, &args.csv].map(Option::as_ref);
    let reserved = files.into_iter().flatten().filter(|_| !args.force);
    let reserved = reserved.map(|file| Reserved::new(file)).collect::<Result<Vec<_>, _>>()?;
    let found = regret(&groups, table.as_ref()).map_err(|error| match (error, &args.table) {
        (StudyError::Search(error @ SearchError::NotInTable { .. }), Some(path)) => {
            Failure::NotInTable { path: path.clone(), error }
        }
        (error, _) => error.into(),
    })?;
    if let Some(file) = &args.svg {
        let drawn = regret_svg(&lines(&found), found.is_regret);
        // Every group has a search, and every search a point.
        let drawn = drawn.ok_or_else(|| StudyError::NoHistory { path: file.clone() })?;
        write_atomically(file, drawn.as_bytes())?;
    }
    if let Some(file) = &args.csv {
        write_atomically(file, &found.csv()?)?;
    }
    reserved.into_iter().for_each(Reserved::keep);
    printer.one(&found, told)
}

/// Where a file is or would be, however it is written.
fn place(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        // What cannot be made is told when it is to be.
        _ => file.to_owned(),
    }
}

/// The table, whose first architecture says of which space it is.
fn table(path: &Path, unknown: Option<f64>) -> Result<ScoreTable, Failure> {
    let text = read_table(path).map_err(StudyError::from)?;
    let fault = |fault| Failure::Table { path: path.to_owned(), fault };
    let space = ScoreTable::space_of(&text).map_err(fault)?;
    ScoreTable::read(space, &text, unknown).map_err(fault)
}

fn lines(found: &Regret) -> Vec<RegretLine> {
    let line = |curve: &RegretCurve| {
        let points = curve.points.iter();
        let band = points.clone().filter_map(|point| {
            let Band { low, high, .. } = point.band?;
            Some((point.evaluations as f64, low, high))
        });
        RegretLine {
            name: curve.name.clone(),
            band: band.collect(),
            points: points.map(|point| (point.evaluations as f64, point.mean)).collect(),
        }
    };
    found.curves.iter().map(line).collect()
}

fn told(found: &Regret) -> String {
    let value = if found.is_regret { "regret" } else { "best reward" };
    let names = found.curves.iter().map(|curve| curve.name.chars().count());
    let wide = names.fold("group".len(), usize::max);
    let mut text = format!(
        "mean {value} with its 95 % interval\n{:wide$} {:>8} {:>12}  {:28} {}\n",
        "group", "searches", "evaluations", "at half", "at the end"
    );
    for curve in &found.curves {
        let [half, end] = curve.ends().map(|interval| shown(interval.map(Band::from)));
        let last = curve.points.last();
        let half = if curve.searches == 1 { "-".to_owned() } else { half };
        let end = match last {
            Some(point) if curve.searches == 1 => format!("{:.4}", point.mean),
            _ => end,
        };
        let evaluations = thousands(last.map_or(0, |point| point.evaluations));
        let (name, searches) = (&curve.name, curve.searches);
        let _ = writeln!(text, "{name:wide$} {searches:>8} {evaluations:>12}  {half:28} {end}");
    }
    let (more, less) = if found.is_regret { ("less", "regret") } else { ("more", "reward") };
    for gain in &found.gains {
        if gain.end.is_none() {
            continue;
        }
        let [half, end] = [gain.half, gain.end].map(shown);
        let (group, than) = (&gain.group, &gain.than);
        let _ = writeln!(
            text,
            "{group}: {more} {less} than {than} by {half} at half, {end} at the end"
        );
    }
    if found.evaluations < found.longest {
        let _ = writeln!(
            text,
            "all are compared up to {} evaluations, where the shortest search ends; the longest has {}",
            thousands(found.evaluations),
            thousands(found.longest)
        );
    }
    if 0 < found.unknown {
        let _ = writeln!(
            text,
            "{} of the best so far are not in the table, and have the score of --unknown",
            thousands(found.unknown)
        );
    }
    for path in &found.left_out {
        let _ = writeln!(text, "left out, for nothing was scored yet: {}", path.display());
    }
    text.trim_end().to_owned()
}

fn shown(band: Option<Band>) -> String {
    let Some(Band { mean, low, high }) = band else { return "not measured".to_owned() };
    // What rounds to none has no sign.
    let [mean, low, high] = [mean, low, high].map(|n| if n.abs() < 5e-5 { 0.0 } else { n });
    format!("{mean:.4} ({low:.4} to {high:.4})")
}
