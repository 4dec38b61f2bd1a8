//! Architectures retrained with fresh seeds and measured on the locked test split: what a search is
//! worth, told of architectures that it chose and of others.
//!
//! ```text
//! # group  pair  architecture
//! champion 11    normal=[…] reduction=[…]
//! control  11    …                                   the control arm's of the same search
//! random   -     …                                   of no pair
//! ```
//!
//! Each architecture's nets have seeds that no promotion and no study has. A group against another is
//! compared pair by pair where both have the same pairs, else mean against mean (Welch).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::{NetResult, Opening};
use crate::numbers::{mean, percent};
use crate::search::{
    Interval, Objective, Score, Task, TrialPlan, TrialTask, mean_difference, paired_difference,
};
use crate::space::Arch;
use crate::store::LedgerFile;
use crate::study::trainings::Trainings;
use crate::study::{Band, Ground, Progress, StudyError};

/// The first seed of the nets: those of a promotion are below, and those of a study too.
const FIRST_SEED: u32 = 2_000_000;

/// An architecture that is to be confirmed.
#[derive(Clone, Debug, PartialEq)]
struct Claim {
    /// What it stands for.
    group: String,
    /// What pairs it with those of other groups; `-` for nothing.
    pair: String,
    arch: Arch,
}

/// What a confirmed architecture has right of the test split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// What it stands for.
    pub group: String,
    /// What pairs it with those of other groups.
    pub pair: String,
    /// Its canonical id.
    pub id: String,
    /// In the native text form.
    pub arch: String,
    /// What each of its nets has right, by seed.
    pub nets: Vec<NetResult>,
}

/// A group against another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupDifference {
    /// The group.
    pub group: String,
    /// The other.
    pub than: String,
    /// Pairs that were compared; none where means were.
    pub pairs: Option<usize>,
    /// Of test accuracies.
    pub accuracy: Option<Band>,
    /// Of −ln nll.
    pub neg_log_nll: Option<Band>,
}

/// What was confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The version of this form.
    pub format: u32,
    /// The version of the program.
    pub program: String,
    /// The fingerprint of the data.
    pub data: String,
    /// The executor.
    pub computed_by: String,
    /// Nets of each architecture.
    pub seeds: u32,
    /// Architectures that this ledger of the test split has ever been opened for.
    pub test_uses: u64,
    /// Each architecture.
    pub archs: Vec<Confirmed>,
    /// Every group against every other.
    pub differences: Vec<GroupDifference>,
}

impl Claim {
    /// Reads a list of claims: on each line a group, a pair and an architecture of `task`'s space in
    /// any form that is one line. The error says which line.
    fn read(task: &Task, text: &str) -> Result<Vec<Self>, StudyError> {
        let mut claims = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |why: String| StudyError::Claim { line: number + 1, why };
            let word = |text: &'_ str| {
                let (word, rest) = text.split_once(char::is_whitespace)?;
                Some((word.to_owned(), rest.trim_start().to_owned()))
            };
            let words = word(line).and_then(|(group, rest)| Some((group, word(&rest)?)));
            let Some((group, (pair, arch))) = words else {
                return Err(refused("a group, a pair and an architecture are wanted".to_owned()));
            };
            let arch = Arch::parse(task.space, &arch);
            let arch = arch.map_err(|error| refused(error.to_string()))?;
            claims.push(Self { group, pair, arch });
        }
        Ok(claims)
    }
}

/// Retrains the architectures of `claims`, a text of lines as above, and measures each once on the test
/// split: what was measured is kept, and not measured again.
pub fn confirm(
    ground: &Ground,
    claims: &str,
    told: &mut dyn FnMut(Progress),
) -> Result<Confirmation, StudyError> {
    let (dataset, data) = ground.images()?;
    let task = Task::new(ground.config.clone(), dataset, ground.exec.clone())?;
    let claims = Claim::read(&task, claims)?;
    let trials = TrialTask::new(&task, &data);
    trials.check(task.space, &ground.config.finals)?;
    let recipe = ground.config.finals;
    let nets_of = |arch: &Arch| -> Vec<TrialPlan> {
        let net = |seed| TrialPlan { arch: arch.clone(), seed: FIRST_SEED + seed, recipe };
        (0..ground.seeds).map(net).collect()
    };
    let folder = ground.folder.join("confirmed");
    let trainings =
        Trainings { task: &trials, folder: &folder, keeps: true, threads: ground.threads };
    let all: Vec<TrialPlan> = claims.iter().flat_map(|claim| nets_of(&claim.arch)).collect();
    trainings.scores("nets to be confirmed", &all, told)?;
    let file = LedgerFile::open(&folder.join("test_ledger.json"), &data);
    let mut archs = Vec::new();
    for (place, Claim { group, pair, arch }) in claims.iter().enumerate() {
        let nets = measured(&trainings, &nets_of(arch), &file)?;
        let (id, text) = (arch.id(), arch.to_string());
        let (group, pair) = (group.clone(), pair.clone());
        archs.push(Confirmed { group, pair, id, arch: text, nets });
        let (done, of) = (place as u64 + 1, claims.len() as u64);
        told(Progress { what: "architectures on the test split".to_owned(), done, of });
    }
    Ok(Confirmation {
        format: 1,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        data,
        computed_by: ground.exec.name(),
        seeds: ground.seeds,
        test_uses: file.load()?.uses(),
        differences: differences(&archs),
        archs,
    })
}

/// What the nets have right of the test split; each architecture opens it once.
fn measured(
    trainings: &Trainings<'_>,
    nets: &[TrialPlan],
    file: &LedgerFile,
) -> Result<Vec<NetResult>, StudyError> {
    let keys: Vec<String> = nets.iter().map(|plan| trainings.task.key(plan)).collect();
    let candidate = blake3::hash(keys.join(" ").as_bytes()).to_hex()[..32].to_owned();
    let mut ledger = file.load()?;
    let receipt = match ledger.open(&candidate) {
        Opening::Known(certificate) => return Ok(certificate.nets),
        Opening::Open(receipt) => receipt,
    };
    // Written down before anybody looks.
    file.save(&ledger)?;
    let look = |plan: &TrialPlan| {
        let state = trainings.finished(plan)?;
        Ok(trainings.task.certify(plan, &state, &receipt)?)
    };
    let found = nets.iter().map(look).collect::<Result<Vec<_>, StudyError>>()?;
    ledger.close(receipt, found.clone());
    file.save(&ledger)?;
    Ok(found)
}

impl Confirmed {
    /// The mean over its nets of what `objective` makes of their scores.
    fn mean(&self, objective: Objective) -> f64 {
        let score = |net: &NetResult| Score::kept(net.nll, net.correct, net.items);
        let rewards = self.nets.iter().map(|net| objective.reward(score(net)));
        mean(&rewards.collect::<Vec<_>>())
    }
}

/// Every group against every other that comes after it.
fn differences(archs: &[Confirmed]) -> Vec<GroupDifference> {
    let mut groups: Vec<&str> = Vec::new();
    for arch in archs {
        if !groups.contains(&&*arch.group) {
            groups.push(&arch.group);
        }
    }
    let mut found = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        found.extend(groups[place + 1..].iter().map(|than| difference(archs, group, than)));
    }
    found
}

fn difference(archs: &[Confirmed], group: &str, than: &str) -> GroupDifference {
    let values = |of: &str, objective| -> Vec<(String, f64)> {
        let members = archs.iter().filter(|arch| arch.group == of);
        members.map(|arch| (arch.pair.clone(), arch.mean(objective))).collect()
    };
    let by_pair = |values: Vec<(String, f64)>| -> BTreeMap<String, Vec<f64>> {
        let mut pairs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (pair, value) in values {
            pairs.entry(pair).or_default().push(value);
        }
        pairs
    };
    let pairs = |of: &str| -> BTreeSet<String> {
        let members = archs.iter().filter(|arch| arch.group == of);
        members.map(|arch| arch.pair.clone()).collect()
    };
    let own = pairs(group);
    let is_paired = own == pairs(than) && !own.contains("-") && 1 < own.len();
    let of = |objective| -> Option<Interval> {
        let (a, b) = (values(group, objective), values(than, objective));
        if is_paired {
            let (a, b) = (by_pair(a), by_pair(b));
            let differences = a.values().zip(b.values()).map(|(a, b)| mean(a) - mean(b));
            return paired_difference(&differences.collect::<Vec<_>>());
        }
        let bare = |values: Vec<(String, f64)>| -> Vec<f64> {
            values.into_iter().map(|(_, value)| value).collect()
        };
        mean_difference(&bare(a), &bare(b))
    };
    GroupDifference {
        group: group.to_owned(),
        than: than.to_owned(),
        pairs: is_paired.then_some(own.len()),
        accuracy: of(Objective::Accuracy).map(Band::from),
        neg_log_nll: of(Objective::NegLogNll).map(Band::from),
    }
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, computed_by, test_uses, .. } = self;
        writeln!(
            f,
            "{} architectures, {seeds} fresh nets each, on {computed_by}; this ledger of the test split \
             was opened for {test_uses}",
            self.archs.len()
        )?;
        for arch in &self.archs {
            let Confirmed { group, pair, id, .. } = arch;
            let accuracy = percent(arch.mean(Objective::Accuracy));
            let log = arch.mean(Objective::NegLogNll);
            writeln!(f, "{group:12} {pair:8} {accuracy:>8}  {log:+.4}  {id}")?;
        }
        for GroupDifference { group, than, pairs, accuracy, neg_log_nll } in &self.differences {
            let over = pairs.map_or("of means".to_owned(), |pairs| format!("over {pairs} pairs"));
            let points = accuracy.map_or("not measured".to_owned(), |Band { mean, low, high }| {
                let [mean, low, high] = [mean, low, high].map(|share| 100.0 * share);
                format!("{mean:+.2} points (95 % {low:+.2} to {high:+.2})")
            });
            let logs = neg_log_nll.map_or("not measured".to_owned(), |Band { mean, low, high }| {
                format!("{mean:+.4} ({low:+.4} to {high:+.4})")
            });
            writeln!(f, "{group} less {than}, {over}: accuracy {points}; −ln nll {logs}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arch(group: &str, pair: &str, correct: usize) -> Confirmed {
        let right: Vec<bool> = (0..100).map(|place| place < correct).collect();
        let nets = vec![NetResult::new((100 - correct) as f64, &right); 2];
        let (group, pair) = (group.to_owned(), pair.to_owned());
        Confirmed { group, pair, id: String::new(), arch: String::new(), nets }
    }

    #[test]
    fn groups_of_the_same_pairs_are_compared_pair_by_pair_and_others_by_their_means() {
        let archs = [
            arch("champion", "1", 80),
            arch("champion", "2", 60),
            arch("champion", "3", 70),
            arch("control", "1", 78),
            arch("control", "2", 58),
            arch("control", "3", 68),
            arch("random", "-", 50),
            arch("random", "-", 60),
        ];
        let found = differences(&archs);
        let of = |group: &str, than: &str| {
            found.iter().find(|d| d.group == group && d.than == than).unwrap()
        };
        let paired = of("champion", "control");
        let band = paired.accuracy.unwrap();
        assert_eq!(paired.pairs, Some(3));
        assert!((band.mean - 0.02).abs() < 1e-12 && (band.low - 0.02).abs() < 1e-9, "{band:?}");
        let means = of("champion", "random");
        assert_eq!(means.pairs, None);
        assert!((means.accuracy.unwrap().mean - 0.15).abs() < 1e-12);
        assert!(0.0 < means.neg_log_nll.unwrap().mean);
        assert_eq!(found.len(), 3);
    }
}
