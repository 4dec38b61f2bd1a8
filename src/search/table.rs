//! A table of known scores: searches that look scores up, and train nothing.
//!
//! ```text
//! # comments, as many as there are
//! arch,score,params,…                         any further columns are for people
//! "normal=[…] reduction=[…]",0.781,7450,…     in any text form of the space
//! ```
//!
//! Comparisons of search strategies on such tables take seconds, are free of the noise of training,
//! and know the best there is (NAS-Bench-101, Ying et al., 2019; NAS-Bench-201, Dong & Yang, 2020).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::search::{Estimator, Job, Objective, Sampled, Score, Scored, SearchError};
use crate::space::{Arch, Choice, Space};

/// The known scores of architectures of one space.
#[derive(Clone, Debug)]
pub struct ScoreTable {
    space: Space,
    /// By canonical spelling. Nobody goes through it, so its order does not show.
    scores: HashMap<Vec<Choice>, f64>,
    best: f64,
    /// What an architecture has that is not in the table.
    unknown: Option<f64>,
}

/// The largest score, and with a minus the smallest.
const MAX_SCORE: f64 = 1e100;

/// Why a text is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table: {why}")]
pub struct TableFault {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

impl ScoreTable {
    /// The space that the first architecture of a table is of.
    pub fn space_of(text: &[u8]) -> Result<Space, TableFault> {
        let [any, ..] = Space::each();
        let mut rows = Rows::new(text)?;
        let (_, arch, _) = rows.next(any)?.ok_or_else(|| rows.empty())?;
        Ok(arch.space())
    }

    /// Reads a table of architectures of `space`; one that is not in it has the score `unknown`, where
    /// there is such.
    pub fn read(space: Space, text: &[u8], unknown: Option<f64>) -> Result<Self, TableFault> {
        let mut rows = Rows::new(text)?;
        let (mut scores, mut best) = (HashMap::new(), f64::NEG_INFINITY);
        while let Some((line, arch, score)) = rows.next(space)? {
            if arch.space() != space {
                let why = format!(
                    "the architecture is of the space {}, and the table is to be of {space}; set \
                     `space.kind` and its size",
                    arch.space()
                );
                return Err(TableFault { line, why });
            }
            best = best.max(score);
            if scores.insert(canonical(&arch), score).is_some() {
                let why = format!("{} stands in it twice", arch.id());
                return Err(TableFault { line, why });
            }
        }
        if scores.is_empty() {
            return Err(rows.empty());
        }
        // It may be what some architecture is worth.
        let best = unknown.map_or(best, |unknown| best.max(unknown));
        Ok(Self { space, scores, best, unknown })
    }

    /// A score: a number of which differences and means are numbers, too. The error says why `text`
    /// is none.
    pub fn parse_score(text: &str) -> Result<f64, String> {
        let score = text.parse().ok().filter(|score: &f64| score.abs() <= MAX_SCORE);
        score.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("the score `{shown}` is no number of at most {MAX_SCORE:e}")
        })
    }

    /// The space that its architectures are of.
    pub fn space(&self) -> Space {
        self.space
    }

    /// How many architectures stand in it; one at least.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// The highest score in it.
    pub fn best(&self) -> f64 {
        self.best
    }

    /// Whether `arch` stands in it.
    pub fn knows(&self, arch: &Arch) -> bool {
        self.scores.contains_key(&canonical(arch))
    }

    /// The score of `arch`, or an error where it is of another space, or not in the table and nothing
    /// stands for it.
    pub fn score(&self, arch: &Arch) -> Result<f64, SearchError> {
        if arch.space() != self.space {
            let (id, found, table) = (arch.id(), arch.space(), self.space);
            return Err(SearchError::NotOfTable { id, found, table });
        }
        let known = self.scores.get(&canonical(arch)).copied().or(self.unknown);
        known.ok_or_else(|| SearchError::NotInTable { id: arch.id() })
    }
}

/// The rows of a table, one after the other.
struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    record: csv::StringRecord,
    /// The columns of the architecture and of its score.
    columns: [usize; 2],
}

impl<'a> Rows<'a> {
    fn new(text: &'a [u8]) -> Result<Self, TableFault> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.comment(Some(b'#')).trim(csv::Trim::All).from_reader(text);
        let head = reader.headers().map_err(broken)?.clone();
        let line = reader.position().line().saturating_sub(1).max(1);
        let column = |name: &str| {
            let mut found = head.iter().enumerate().filter(|(_, column)| *column == name);
            let place = found.next().map(|(place, _)| place);
            place.filter(|_| found.next().is_none()).ok_or_else(|| {
                let found = head.iter().collect::<Vec<_>>().join(",");
                let found: String = found.chars().take(80).collect();
                let why = format!(
                    "there is no column `{name}`, or more than one; the first line that is no \
                     comment names the columns, `arch,score` and any others, and is `{found}`"
                );
                TableFault { line, why }
            })
        };
        let columns = [column("arch")?, column("score")?];
        Ok(Self { reader, record: csv::StringRecord::new(), columns })
    }

    /// The line of the next row, its architecture in any text form, those of `space` first, and its
    /// score; nothing at the end.
    fn next(&mut self, space: Space) -> Result<Option<(u64, Arch, f64)>, TableFault> {
        if !self.reader.read_record(&mut self.record).map_err(broken)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let [arch, score] = self.columns.map(|column| &self.record[column]);
        let fault = |why: String| TableFault { line, why };
        let arch = Arch::parse(space, arch).map_err(|error| fault(error.to_string()))?;
        let score = ScoreTable::parse_score(score).map_err(fault)?;
        Ok(Some((line, arch, score)))
    }

    fn empty(&self) -> TableFault {
        let line = self.reader.position().line();
        TableFault { line, why: "no architecture stands in it".to_owned() }
    }
}

fn broken(error: csv::Error) -> TableFault {
    let line = error.position().map_or(1, csv::Position::line);
    TableFault { line, why: format!("{error}; a table is comma-separated values in UTF-8") }
}

fn canonical(arch: &Arch) -> Vec<Choice> {
    arch.space().rules().canonical(arch.choices())
}

/// Scores architectures by a table.
#[derive(Clone, Debug)]
pub struct Table(Arc<ScoreTable>);

impl Table {
    /// An estimator by `table`.
    pub fn new(table: Arc<ScoreTable>) -> Self {
        Self(table)
    }
}

impl Estimator for Table {
    /// Scores of one item, whose cross-entropy is the negated number of the table.
    fn estimate(&mut self, job: &Job, scored: &AtomicU64) -> Result<Vec<Score>, SearchError> {
        let score = |arch: &Arch| {
            let nll = -self.0.score(arch)?;
            scored.fetch_add(1, Ordering::Relaxed);
            Ok(Score { nll, correct: 0, items: 1 })
        };
        job.archs.iter().map(score).collect()
    }

    /// The rewards are the numbers of the table, whatever they are of.
    fn scored(&self, _: Objective, drawn: Vec<Sampled>, scores: Vec<Score>) -> Vec<Scored> {
        let pairs = drawn.into_iter().zip(scores);
        let scored = |(sampled, score): (Sampled, Score)| {
            let reward = -score.nll;
            Scored { sampled, score, reward }
        };
        pairs.map(scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::MicroSpace;

    const IDENTITY: &str = "normal=[identity(0)+identity(1)] reduction=[identity(0)+identity(1)]";

    fn space() -> Space {
        Space::Micro(MicroSpace::new(1).unwrap())
    }

    #[track_caller]
    fn refused(text: &str, line: u64, why: &str) {
        let fault = ScoreTable::read(space(), text.as_bytes(), None).unwrap_err();
        assert_eq!(fault.line, line, "{fault}");
        assert!(fault.why.contains(why), "{fault}");
    }

    #[test]
    fn an_architecture_has_its_score_however_it_is_spelled() {
        let text = format!(
            "# made by hand\nscore,arch,params\n0.25,{IDENTITY:?},3\n-1e-1,0 0 0 0 0 0 0 0,9\n"
        );
        let table = ScoreTable::read(space(), text.as_bytes(), None).unwrap();
        assert_eq!((table.len(), table.best().to_bits()), (2, 0.25_f64.to_bits()));
        let score = |text: &str| table.score(&text.parse().unwrap());
        assert_eq!(score(IDENTITY).unwrap().to_bits(), 0.25_f64.to_bits());
        assert_eq!(score("1 4 0 4 0 4 1 4").unwrap().to_bits(), 0.25_f64.to_bits());
        assert_eq!(score("0 0 0 0 0 0 0 0").unwrap().to_bits(), (-0.1_f64).to_bits());
        let error = score("0 0 0 0 0 0 0 1").unwrap_err().to_string();
        assert!(error.contains("is not in the table") && error.contains("--unknown"), "{error}");
        let table = ScoreTable::read(space(), text.as_bytes(), Some(-9.0)).unwrap();
        let found = table.score(&"0 0 0 0 0 0 0 1".parse().unwrap()).unwrap();
        assert_eq!(found.to_bits(), (-9.0_f64).to_bits());
        // Whatever stands for what is not in it stands for none of another space.
        let larger: Arch = ["0 4 1 4"; 4].join(" ").parse().unwrap();
        let error = table.score(&larger).unwrap_err().to_string();
        assert!(
            error.contains("micro with 2 nodes") && error.contains("micro with 1 node"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let head = "arch,score\n";
        refused("", 1, "there is no column `arch`, or more than one");
        refused("arch;score\n0;1\n", 1, "there is no column `arch`");
        refused("# only\narch,value\n", 2, "there is no column `score`");
        refused("arch,score,score\n", 1, "there is no column `score`, or more than one");
        refused(head, 2, "no architecture stands in it");
        refused(&format!("{head}nonsense,0.5\n"), 2, "is no known form");
        refused(
            &format!("{head}0 0 0 0 0 0 0 0,good\n"),
            2,
            "`good` is no number of at most 1e100",
        );
        refused(&format!("{head}0 0 0 0 0 0 0 0,inf\n"), 2, "`inf` is no number of at most 1e100");
        let twice = "0 0 1 0 0 0 0 0,0.5\n1 0 0 0 0 0 0 0,0.5\n";
        refused(&format!("{head}{twice}"), 3, "stands in it twice");
        let larger = ["0 4 1 4"; 4].join(" ");
        refused(&format!("{head}{larger},0.5\n"), 2, "of the space micro with 2 nodes");
        refused(&format!("{head}0 0 0 0 0 0 0 0\n"), 2, "comma-separated values");
    }
}
