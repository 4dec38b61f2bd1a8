//! `search.json`: what of a search's state is no tensor.
//!
//! Format 2 is written, which checkpoints of format 3 have too. Format 1 is read: it has the numbers of the strategy beside those of the
//! search, no cross-entropies, and says `total` for items.

use serde::{Deserialize, Serialize};

use crate::search::{BestArch, Diagnosis, Interval, Score};
use crate::store::phase_entry::PhaseEntry;
use crate::store::replica_entry::ReplicaEntry;
use crate::store::score_entry::number;

/// The content of `search.json`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchFile {
    /// Epochs that are finished.
    pub(super) epoch: u64,
    pub(super) phase: String,
    /// The step within the phase.
    pub(super) step: u64,
    pub(super) archs_sampled: u64,
    pub(super) strategy: StrategyEntry,
    pub(super) advantage: Vec<f64>,
    pub(super) best: Vec<BestEntry>,
    /// Absent before it was told.
    #[serde(default)]
    pub(super) diagnosis: DiagnosisEntry,
    /// Absent where children share weights, and so is the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replicas: Vec<ReplicaEntry>,
    /// The best children of the cycle under way, of the policy's and of the control arm's.
    #[serde(default, skip_serializing_if = "of_no_cycle")]
    pub(super) of_cycle: [Vec<BestEntry>; 2],
}

fn of_no_cycle(of_cycle: &[Vec<BestEntry>; 2]) -> bool {
    of_cycle.iter().all(Vec::is_empty)
}

/// What the last derivation told of the search.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnosisEntry {
    /// Mean, lower and upper end.
    learnt: Option<[f64; 3]>,
    reliability: Option<f64>,
}

impl From<Diagnosis> for DiagnosisEntry {
    fn from(Diagnosis { learnt, reliability }: Diagnosis) -> Self {
        let finite = |Interval { mean, low, high }: Interval| {
            let ends = [mean, low, high];
            ends.iter().all(|end| end.is_finite()).then_some(ends)
        };
        Self { learnt: learnt.and_then(finite), reliability: reliability.and_then(number) }
    }
}

impl From<DiagnosisEntry> for Diagnosis {
    fn from(DiagnosisEntry { learnt, reliability }: DiagnosisEntry) -> Self {
        let learnt = learnt.map(|[mean, low, high]| Interval { mean, low, high });
        Self { learnt, reliability }
    }
}

/// What of the strategy's state is no tensor.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategyEntry {
    pub(super) policy_version: u64,
    pub(super) optimizer_step: u64,
    pub(super) baseline: Option<f64>,
    /// By step of the phase under way; absent where θ does not learn from all of it at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rollouts: Vec<Vec<PhaseEntry>>,
}

/// One of the best architectures.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BestEntry {
    pub(super) arch: String,
    /// None where it is no number, or not known.
    nll: Option<f64>,
    correct: u64,
    items: u64,
    pub(super) cycle: u64,
    pub(super) step: u64,
}

impl BestEntry {
    pub(super) fn new(best: &BestArch) -> Self {
        let Score { nll, correct, items } = best.score;
        let (arch, nll) = (best.arch.to_string(), number(nll));
        Self { arch, nll, correct, items, cycle: best.cycle, step: best.step }
    }

    pub(super) fn score(&self) -> Score {
        let Self { nll, correct, items, .. } = *self;
        Score::kept(nll, correct, items)
    }
}

/// The content of `search.json` in format 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchFile1 {
    epoch: u64,
    phase: String,
    step: u64,
    archs_sampled: u64,
    policy_version: u64,
    adam_step: u64,
    baseline: Option<f64>,
    advantage: Vec<f64>,
    best: Vec<BestEntry1>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BestEntry1 {
    arch: String,
    correct: u64,
    total: u64,
    cycle: u64,
    step: u64,
}

impl SearchFile {
    /// Reads the file of a checkpoint of `format`.
    pub(super) fn read(format: u32, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        match format {
            1 => serde_json::from_slice::<SearchFile1>(bytes).map(Self::from),
            _ => serde_json::from_slice(bytes),
        }
    }
}

impl From<SearchFile1> for SearchFile {
    fn from(file: SearchFile1) -> Self {
        let SearchFile1 { policy_version, adam_step, baseline, .. } = file;
        Self {
            epoch: file.epoch,
            phase: file.phase,
            step: file.step,
            archs_sampled: file.archs_sampled,
            strategy: StrategyEntry {
                policy_version,
                optimizer_step: adam_step,
                baseline,
                rollouts: Vec::new(),
            },
            advantage: file.advantage,
            best: file.best.into_iter().map(BestEntry::from).collect(),
            diagnosis: DiagnosisEntry::default(),
            replicas: Vec::new(),
            of_cycle: Default::default(),
        }
    }
}

impl From<BestEntry1> for BestEntry {
    fn from(BestEntry1 { arch, correct, total, cycle, step }: BestEntry1) -> Self {
        Self { arch, nll: None, correct, items: total, cycle, step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an earlier program wrote it.
    const FORMAT_1: &str = r#"{
        "epoch": 3, "phase": "controller", "step": 2, "archs_sampled": 40, "policy_version": 7,
        "adam_step": 7, "baseline": 0.125, "advantage": [0.5, -0.25],
        "best": [{"arch": "m", "correct": 5, "total": 8, "cycle": 1, "step": 19}]
    }"#;

    /// The same as this program writes it.
    const FORMAT_2: &str = r#"{
        "epoch": 3, "phase": "controller", "step": 2, "archs_sampled": 40,
        "strategy": {"policy_version": 7, "optimizer_step": 7, "baseline": 0.125},
        "advantage": [0.5, -0.25],
        "best": [{"arch": "m", "nll": null, "correct": 5, "items": 8, "cycle": 1, "step": 19}]
    }"#;

    #[test]
    fn the_format_before_is_read_as_what_it_meant() {
        let read = |format, text: &str| SearchFile::read(format, text.as_bytes());
        let found = read(1, FORMAT_1).unwrap();
        for format in [2, 3] {
            assert_eq!(found, read(format, FORMAT_2).unwrap());
        }
        assert!(found.best[0].score().nll.is_nan());
        assert!(read(2, FORMAT_1).is_err() && read(1, FORMAT_2).is_err());
    }

    #[test]
    fn what_is_written_reads_back_bit_for_bit() {
        let mut file = SearchFile::read(2, FORMAT_2.as_bytes()).unwrap();
        file.best[0].nll = Some(0.1 + 0.2);
        file.strategy.baseline = Some(1.0 / 3.0);
        let bytes = serde_json::to_vec_pretty(&file).unwrap();
        assert_eq!(SearchFile::read(2, &bytes).unwrap(), file);
        assert!(!String::from_utf8(bytes).unwrap().contains("rollouts"), "there are none");
    }
}
