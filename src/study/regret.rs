//! How fast searches come to their best: the best so far against the architectures scored, over
//! searches that differ in their seeds.
//!
//! ```text
//! best_r(n)   the highest reward among the first n that search r scored
//! regret_r(n) the best score of a table − the score there of what has best_r(n)
//! curve       mean over r with its 95 % interval (Student's t), at up to 200 places n
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::numbers::mean;
use crate::search::{Arm, Interval, ScoreTable, mean_difference, paired_difference};
use crate::space::Arch;
use crate::store::{HISTORY, HistoryFilter, HistoryPhase, HistoryReader};
use crate::study::{Band, StudyError};

/// Places of a curve at most: a plot has room for so many.
const PLACES: usize = 200;

/// Rows that are read of a history at once.
const ROWS_A_READ: u32 = 10_000;

/// The histories of one group of searches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchGroup {
    /// What they have in common, as the strategy.
    pub name: String,
    /// Their histories.
    pub histories: Vec<PathBuf>,
}

/// A place of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RegretPoint {
    /// Architectures scored.
    pub evaluations: u64,
    /// The mean over the searches.
    pub mean: f64,
    /// The ends of its 95 % interval; none of one search.
    pub band: Option<Band>,
}

/// What became of one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegretCurve {
    /// What its searches have in common.
    pub name: String,
    /// How many searches.
    pub searches: usize,
    /// Places, the last one where the shortest search of all groups ends.
    pub points: Vec<RegretPoint>,
    /// Whether it is of regrets, none of which is below 0.
    #[serde(skip)]
    is_regret: bool,
    /// What each search has at half of the shortest one's evaluations, and at their end.
    #[serde(skip)]
    ends: [Vec<f64>; 2],
}

/// A group against another, at half of the evaluations and at their end: what `group` has less than
/// `than` where regrets are compared, and more where rewards are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegretGain {
    /// The group.
    pub group: String,
    /// The other.
    pub than: String,
    /// At half of the evaluations; none of fewer than two searches.
    pub half: Option<Band>,
    /// At the end.
    pub end: Option<Band>,
}

/// Curves of every group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Regret {
    /// Whether they are regrets, and not the best rewards so far.
    pub is_regret: bool,
    /// The curves.
    pub curves: Vec<RegretCurve>,
    /// Every group against the first, after as many evaluations.
    pub gains: Vec<RegretGain>,
    /// Evaluations of the shortest search of all, up to which all are compared.
    pub evaluations: u64,
    /// Evaluations of the longest.
    pub longest: u64,
    /// Of the best so far of all searches, how many are not in the table, and have the score that
    /// stands for such.
    pub unknown: u64,
    /// Histories in which nothing was scored yet, which count for nothing.
    pub left_out: Vec<PathBuf>,
}

impl SearchGroup {
    /// The searches that `text` names: `[NAME=]PATH`, where the path is a history, a folder with one,
    /// or a folder of such folders. Without a name it is that of the folder of folders.
    pub fn of(text: &str) -> Result<Self, StudyError> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !name.contains('/') => (Some(name), path),
            _ => (None, text),
        };
        let failed = |source| StudyError::File { path: path.into(), source };
        // However it is written, a search is one.
        let path = fs::canonicalize(path).map_err(failed)?;
        let mut histories = Vec::new();
        let parent = |path: &Path| path.parent().map_or_else(|| path.to_owned(), Path::to_owned);
        let home = if fs::metadata(&path).map_err(failed)?.is_file() {
            histories.push(path.clone());
            parent(&parent(&path))
        } else if path.join(HISTORY).try_exists().map_err(failed)? {
            histories.push(path.join(HISTORY));
            parent(&path)
        } else {
            for entry in fs::read_dir(&path).map_err(failed)? {
                let history = entry.map_err(failed)?.path().join(HISTORY);
                if fs::metadata(&history).is_ok() {
                    histories.push(history);
                }
            }
            histories.sort();
            path.clone()
        };
        if histories.is_empty() {
            return Err(StudyError::NoHistory { path });
        }
        let of_folder = || {
            home.file_name().map_or("searches".into(), |name| name.to_string_lossy().into_owned())
        };
        let name = name.map_or_else(of_folder, str::to_owned);
        // What a terminal or a drawing would act on is no part of a name.
        let name = name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self { name, histories })
    }

    /// The same groups with those of one name together, each search once, in the order of their names'
    /// first.
    pub fn joined(groups: Vec<Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        for group in groups {
            let Some(known) = joined.iter_mut().find(|known| known.name == group.name) else {
                joined.push(group);
                continue;
            };
            for history in group.histories {
                if !known.histories.contains(&history) {
                    known.histories.push(history);
                }
            }
        }
        joined
    }
}

/// The architectures of a history that one arm drew and that were scored, with their rewards, in the
/// order in which they were.
fn scored(path: &Path, arm: Arm) -> Result<Vec<(String, f64)>, StudyError> {
    let reader = HistoryReader::look(path)?;
    let phase = Some(HistoryPhase::Controller);
    let filter = HistoryFilter { arm: Some(arm), phase, scored: true };
    let (mut since, mut found) = (0, Vec::new());
    loop {
        let page = reader.page(since, ROWS_A_READ, filter)?;
        if 0 < page.damaged {
            return Err(StudyError::Damaged { path: path.to_owned(), rows: page.damaged });
        }
        let rows = page.rows.into_iter();
        found.extend(rows.filter_map(|row| Some((row.arch_id, row.reward?))));
        if page.next_since <= since {
            return Ok(found);
        }
        since = page.next_since;
    }
}

/// The best so far after each, or the regret of what has it; adds to `unknown` how many of the best are
/// not in the table.
fn course(
    scored: &[(String, f64)],
    table: Option<&ScoreTable>,
    unknown: &mut u64,
) -> Result<Vec<f64>, StudyError> {
    let (mut best, mut value) = (f64::NEG_INFINITY, f64::NAN);
    let mut course = Vec::with_capacity(scored.len());
    for (id, reward) in scored {
        if best < *reward {
            best = *reward;
            value = match table {
                Some(table) => {
                    let arch: Arch = id.parse()?;
                    *unknown += u64::from(!table.knows(&arch));
                    table.best() - table.score(&arch)?
                }
                None => best,
            };
        }
        course.push(value);
    }
    Ok(course)
}

/// The name of the space of what a search scored.
fn space_of(scored: &[(String, f64)]) -> Result<Option<&'static str>, StudyError> {
    let Some((id, _)) = scored.first() else { return Ok(None) };
    Ok(Some(id.parse::<Arch>()?.space().name()))
}

/// The curves of `groups`; regrets by `table` where there is one. The random arm of searches that have
/// one is a group of its own. All are compared up to where the shortest search ends.
pub fn regret(groups: &[SearchGroup], table: Option<&ScoreTable>) -> Result<Regret, StudyError> {
    let mut courses: Vec<(String, Vec<Vec<f64>>)> = Vec::new();
    let (mut left_out, mut unknown) = (Vec::new(), 0);
    let mut space: Option<(&Path, &'static str)> = None;
    for group in groups {
        let mut of_arm: BTreeMap<bool, Vec<Vec<f64>>> = BTreeMap::new();
        for history in &group.histories {
            let mut is_empty = true;
            for (is_random, arm) in [(false, Arm::Controller), (true, Arm::Random)] {
                let scored = scored(history, arm)?;
                let Some(found) = space_of(&scored)? else { continue };
                let (other, known) = *space.get_or_insert((history, found));
                if found != known {
                    let (path, other) = (history.clone(), other.to_owned());
                    return Err(StudyError::OtherSpaces { path, found, other, known });
                }
                is_empty = false;
                of_arm.entry(is_random).or_default().push(course(&scored, table, &mut unknown)?);
            }
            if is_empty {
                left_out.push(history.clone());
            }
        }
        if of_arm.is_empty() {
            let path = group.histories[0].clone();
            return Err(StudyError::NoHistory { path });
        }
        courses.extend(of_arm.into_iter().map(|(is_random, courses)| {
            let arm = if is_random { ", random arm" } else { "" };
            (format!("{}{arm}", group.name), courses)
        }));
    }
    let lengths = || courses.iter().flat_map(|(_, courses)| courses.iter().map(Vec::len));
    let [shortest, longest] = [lengths().min(), lengths().max()].map(|n| n.unwrap_or(0));
    let is_regret = table.is_some();
    let curves: Vec<RegretCurve> = courses
        .into_iter()
        .map(|(name, courses)| RegretCurve::of(name, &courses, (shortest, is_regret)))
        .collect();
    let gains = curves.iter().skip(1).map(|curve| curve.gain(&curves[0], is_regret)).collect();
    let [evaluations, longest] = [shortest, longest].map(|n| n as u64);
    Ok(Regret { is_regret, curves, gains, evaluations, longest, unknown, left_out })
}

impl RegretCurve {
    /// Up to `end` evaluations, as many as each of `courses` has at least.
    fn of(name: String, courses: &[Vec<f64>], (end, is_regret): (usize, bool)) -> Self {
        let at = |n: usize| -> Vec<f64> { courses.iter().map(|course| course[n - 1]).collect() };
        let places = PLACES.min(end);
        let points = (1..=places).map(|place| {
            let n = (place * end).div_ceil(places);
            let values = at(n);
            let band = paired_difference(&values).map(|found| possible(found, is_regret));
            RegretPoint { evaluations: n as u64, mean: mean(&values), band: band.map(Band::from) }
        });
        let ends = [end.div_ceil(2), end].map(|n| if n == 0 { Vec::new() } else { at(n) });
        Self { name, searches: courses.len(), points: points.collect(), is_regret, ends }
    }

    /// The curve at half of its evaluations, and at their end.
    pub fn ends(&self) -> [Option<Interval>; 2] {
        let of = |end: usize| paired_difference(&self.ends[end]);
        [0, 1].map(|end| of(end).map(|found| possible(found, self.is_regret)))
    }

    fn gain(&self, than: &Self, is_regret: bool) -> RegretGain {
        let of = |end: usize| {
            let (own, other) = (&self.ends[end], &than.ends[end]);
            let found =
                if is_regret { mean_difference(other, own) } else { mean_difference(own, other) };
            found.map(Band::from)
        };
        let (group, than) = (self.name.clone(), than.name.clone());
        RegretGain { group, than, half: of(0), end: of(1) }
    }
}

/// An interval without what no regret can be.
fn possible(found: Interval, is_regret: bool) -> Interval {
    let least = if is_regret { 0.0 } else { f64::NEG_INFINITY };
    Interval { low: found.low.max(least), ..found }
}

impl Regret {
    /// The curves as comma-separated values.
    pub fn csv(&self) -> Result<Vec<u8>, StudyError> {
        let mut text = Vec::new();
        let mut writer = csv::Writer::from_writer(&mut text);
        let value = if self.is_regret { "regret" } else { "best" };
        writer.write_record(["group", "searches", "evaluations", value, "low", "high"])?;
        for curve in &self.curves {
            for point in &curve.points {
                let end = |of: fn(Band) -> f64| {
                    point.band.map_or(String::new(), |band| of(band).to_string())
                };
                writer.write_record([
                    curve.name.clone(),
                    curve.searches.to_string(),
                    point.evaluations.to_string(),
                    point.mean.to_string(),
                    end(|band| band.low),
                    end(|band| band.high),
                ])?;
            }
        }
        writer.flush().map_err(csv::Error::from)?;
        drop(writer);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_the_mean_of_the_best_so_far_up_to_the_shortest_search() {
        let scored = |rewards: &[f64]| -> Vec<(String, f64)> {
            rewards.iter().map(|&reward| (String::new(), reward)).collect()
        };
        let course = |rewards: &[f64]| course(&scored(rewards), None, &mut 0).unwrap();
        let one = course(&[1.0, 3.0, 2.0, 5.0]);
        assert_eq!(one, [1.0, 3.0, 3.0, 5.0]);
        let other = course(&[2.0, 1.0, 4.0]);
        let curve = RegretCurve::of("a".into(), &[one, other], (3, false));
        let means: Vec<f64> = curve.points.iter().map(|point| point.mean).collect();
        assert_eq!(means, [1.5, 2.5, 3.5]);
        assert_eq!(curve.ends, [vec![3.0, 2.0], vec![3.0, 4.0]]);
        let Band { mean, low, high } = curve.points[0].band.unwrap();
        // Student's t of one degree of freedom: 12.706 · 0.5.
        assert!((mean - 1.5).abs() < 1e-12 && (high - low - 2.0 * 6.3531).abs() < 1e-3);
        // No regret is below 0.
        let regret = RegretCurve::of("a".into(), &[vec![1.0], vec![2.0]], (1, true));
        let Band { low, high, .. } = regret.points[0].band.unwrap();
        assert!(low.to_bits() == 0 && 7.8 < high, "{low} to {high}");
    }

    #[test]
    fn a_long_course_has_places_as_far_apart_and_its_end() {
        let course: Vec<f64> = (0..1000).map(f64::from).collect();
        let curve = RegretCurve::of("a".into(), &[course.clone(), course], (1000, false));
        assert_eq!(curve.points.len(), PLACES);
        assert_eq!(curve.points[0].evaluations, 5);
        assert_eq!(curve.points[PLACES - 1].evaluations, 1000);
    }

    #[test]
    fn a_gain_is_less_regret_or_more_reward() {
        let curve = |name: &str, ends: [f64; 2]| {
            RegretCurve::of(name.into(), &[vec![ends[0]; 4], vec![ends[1]; 4]], (4, true))
        };
        let (random, other) = (curve("random", [0.3, 0.5]), curve("other", [0.1, 0.3]));
        let mean = |is_regret| other.gain(&random, is_regret).half.unwrap().mean;
        assert!((mean(true) - 0.2).abs() < 1e-12);
        assert!((mean(false) + 0.2).abs() < 1e-12);
    }
}
