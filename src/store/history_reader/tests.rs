//! Tests of the questions to the history.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::search::Arm;
use crate::store::{History, HistoryPhase, HistoryRow, Keeping};

const KEEPING: Keeping = Keeping { bytes: u64::MAX, at_unix_ms: 0 };

const ALL: HistoryFilter = HistoryFilter { arm: None, phase: None, scored: false };

fn row(step: u64, arm: Arm, id: &str, reward: Option<f64>) -> HistoryRow {
    HistoryRow {
        step,
        arm,
        idx: 0,
        phase: if reward.is_some() { HistoryPhase::Controller } else { HistoryPhase::Shared },
        cycle: 1,
        cycle_epoch: 2,
        arch_id: id.to_owned(),
        reward,
        log_prob: Some(-0.5),
        entropy: Some(2.0),
    }
}

struct Rig {
    _folder: tempfile::TempDir,
    history: History,
    reader: HistoryReader,
    rows: Vec<HistoryRow>,
}

/// One ω step and three θ steps; `a` is drawn three times and scored twice.
fn rig() -> Rig {
    use Arm::{Controller, Derive, Random};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    assert!(HistoryReader::open(&path).is_err());
    let mut history = History::open(&path, u64::MAX).unwrap();
    let rows = vec![
        row(1, Controller, "a", None),
        row(2, Controller, "a", Some(0.5)),
        row(2, Random, "b", Some(0.25)),
        row(3, Controller, "a", Some(0.75)),
        row(3, Random, "c", Some(0.75)),
        row(4, Derive, "b", Some(0.875)),
    ];
    let step =
        StepRow { step: 1, loss: Some(2.0), accuracy: None, learning_rate: 0.1, grad_norm: None };
    history.record(&rows, &[step], KEEPING).unwrap();
    let reader = HistoryReader::open(&path).unwrap();
    Rig { _folder: folder, history, reader, rows }
}

#[test]
fn architectures_are_summed_up_in_the_order_asked_for() {
    let Rig { reader, .. } = &rig();
    let ids = |order, limit| -> Vec<String> {
        reader.archs(order, limit).unwrap().into_iter().map(|arch| arch.arch_id).collect()
    };
    assert_eq!(ids(ArchOrder::Best, 9), ["b", "a", "c"]);
    assert_eq!(ids(ArchOrder::Latest, 2), ["b", "a"]);
    let expected = ArchSummary {
        arch_id: "a".into(),
        times: 2,
        best_reward: 0.75,
        mean_reward: 0.625,
        last_step: 3,
    };
    assert_eq!(reader.arch("a").unwrap(), Some(expected));
    assert_eq!(reader.arch("z").unwrap(), None);
}

#[test]
fn pages_of_the_history_hold_whole_steps() {
    let Rig { reader, rows, .. } = &rig();
    let page = |since, limit| reader.page(since, limit, ALL).unwrap();
    assert_eq!(page(0, 100).rows, *rows);
    assert_eq!(page(0, 2).rows, rows[..3]);
    assert_eq!((page(0, 2).next_since, page(3, 1).next_since), (3, 4));
    assert_eq!(page(3, 1).rows, rows[3..5]);
    assert_eq!((page(5, 1).rows, page(5, 1).next_since), (vec![], 5));
    assert_eq!(page(u64::MAX, 0).rows, []);
    assert_eq!(page(0, 100).updates, reader.steps(0, 9).unwrap());
    assert_eq!(reader.steps(0, 9).unwrap()[0].loss, Some(2.0));
    assert_eq!(reader.steps(2, 9).unwrap(), []);
}

#[test]
fn pages_have_the_rows_of_an_arm_or_a_phase() {
    let Rig { reader, rows, .. } = &rig();
    let of = |filter| reader.page(0, 100, filter).unwrap().rows;
    let random = HistoryFilter { arm: Some(Arm::Random), ..ALL };
    assert_eq!(of(random), [rows[2].clone(), rows[4].clone()]);
    assert_eq!(reader.tail(1, random).unwrap().rows, rows[4..5]);
    let shared = HistoryFilter { phase: Some(HistoryPhase::Shared), ..ALL };
    assert_eq!(of(shared), rows[..1]);
    assert_eq!(reader.tail(9, shared).unwrap().updates[0].step, 1);
    assert_eq!(of(HistoryFilter { arm: Some(Arm::Derive), ..shared }), []);
}

#[test]
fn the_last_rows_and_events_come_in_their_order() {
    let Rig { history, reader, rows, .. } = &mut rig();
    assert_eq!(reader.tail(2, ALL).unwrap().rows, rows[4..]);
    assert_eq!(reader.tail(100, ALL).unwrap().rows, *rows);
    assert_eq!(reader.last_events(3).unwrap(), []);
    for kind in ["a", "b", "c"] {
        history.event(1, kind, "m").unwrap();
    }
    let kinds = |limit| -> Vec<String> {
        reader.last_events(limit).unwrap().into_iter().map(|event| event.kind).collect()
    };
    assert_eq!(
        (kinds(2), kinds(9)),
        (vec!["b".into(), "c".into()], vec!["a".into(), "b".into(), "c".into()])
    );
}

#[test]
fn a_look_leaves_no_trace_and_a_damaged_page_is_found() {
    let Rig { _folder: folder, history, reader, .. } = rig();
    let path = folder.path().join("history.sqlite");
    assert_eq!(HistoryReader::look(&path).unwrap().check(5).unwrap().draws, 6);
    drop((reader, history));
    let names = || {
        let names = fs::read_dir(folder.path()).unwrap();
        names.map(|name| name.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["history.sqlite"]);
    let health = HistoryReader::look(&path).unwrap().check(7).unwrap();
    assert_eq!((health.draws, health.damaged, health.missing), (6, 0, 3));
    assert_eq!(health.missing_text(), "1, 6–7");
    assert_eq!(names(), ["history.sqlite"]);

    let mut bytes = fs::read(&path).unwrap();
    bytes[8192..].fill(0xff);
    let odd = folder.path().join("100% odd?#.sqlite");
    fs::write(&odd, &bytes).unwrap();
    assert!(HistoryReader::look(&odd).unwrap().check(5).is_err());
    let missing = HistoryReader::look(&folder.path().join("none")).unwrap_err();
    assert!(missing.to_string().contains("/none"), "{missing}");
}

#[test]
fn a_percentile_is_among_the_policy_and_the_control_arm() {
    let Rig { history, reader, .. } = &mut rig();
    history.record(&[row(5, Arm::Injected, "d", Some(0.6))], &[], KEEPING).unwrap();
    let percentile = |reward| reader.percentile(reward).unwrap();
    assert_eq!(percentile(0.0), Some(0.0));
    assert_eq!(percentile(0.5), Some(37.5));
    assert_eq!(percentile(0.75), Some(75.0));
    assert_eq!(percentile(0.8), Some(100.0));
    assert_eq!(percentile(f64::NAN), None);
}

#[test]
fn without_rewards_there_is_no_percentile() {
    let Rig { history, reader, .. } = &mut rig();
    history.rewind(1).unwrap();
    assert_eq!(reader.percentile(0.5).unwrap(), None);
}

#[test]
fn events_go_on_after_the_last_one_seen() {
    let Rig { history, reader, .. } = &mut rig();
    let first = history.event(10, "started", "at step 0").unwrap();
    let second = history.event(5, "paused", "by uid 0").unwrap();
    assert!(first < second);
    let events = reader.events(0, 9).unwrap();
    assert_eq!(events.len(), 2);
    let expected =
        EventRow { seq: second, at_unix_ms: 5, kind: "paused".into(), message: "by uid 0".into() };
    assert_eq!(reader.events(first, 9).unwrap(), [expected]);
    assert_eq!(reader.events(0, 1).unwrap(), events[..1]);
}

#[test]
fn a_reader_cannot_write() {
    let Rig { reader, .. } = &rig();
    assert!(reader.db.execute("DELETE FROM draws", []).is_err());
}

/// What a reader may answer.
struct Written {
    rows: BTreeSet<String>,
    archs: Vec<ArchSummary>,
    event: &'static str,
}

impl Written {
    /// Whether the pages of a reader have all rows, or say that they have not; none where it
    /// says that it cannot be read. No answer may be of what was not written.
    fn check(&self, reader: &HistoryReader, bit: usize) -> Option<bool> {
        for found in reader.archs(ArchOrder::Latest, 100).unwrap_or_default() {
            assert!(self.archs.contains(&found), "bit {bit}: {found:?}");
        }
        for found in reader.events(0, 100).unwrap_or_default() {
            assert_eq!(found.message, self.event, "bit {bit}");
        }
        let mut is_whole = true;
        for page in [reader.page(0, 10_000, ALL), reader.tail(10_000, ALL)] {
            let page = match page {
                Ok(page) => page,
                Err(error) if error.is_damage() => return None,
                Err(error) => panic!("bit {bit}: {error}"),
            };
            let found: BTreeSet<String> = page.rows.iter().map(|row| format!("{row:?}")).collect();
            assert!(found.is_subset(&self.rows), "bit {bit} changes rows");
            let has_all = found.len() == self.rows.len();
            assert!(has_all || page.damaged != 0, "bit {bit} hides rows");
            is_whole &= has_all;
        }
        Some(is_whole)
    }
}

/// Wherever a bit flips, a question is answered with what was written, or with less and a count,
/// or the whole database is told to be damaged.
#[test]
fn no_flipped_bit_gives_another_value() {
    let Rig { _folder: folder, mut history, reader, mut rows } = rig();
    for step in 5..60 {
        let arm = if step % 2 == 0 { Arm::Controller } else { Arm::Random };
        rows.push(row(step, arm, &format!("m5-{step:017}"), Some(step as f64 / 64.0)));
    }
    history.record(&rows[6..], &[], KEEPING).unwrap();
    let event = "a message that is no other";
    history.event(1, "start", event).unwrap();
    let archs = reader.archs(ArchOrder::Best, 100).unwrap();
    let rows = rows.iter().map(|row| format!("{row:?}")).collect();
    let written = Written { rows, archs, event };
    let path = folder.path().join("history.sqlite");
    drop(reader);
    history.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let (mut whole, mut short, mut refused) = (0, 0, 0);
    for bit in (0..8 * bytes.len()).step_by(97) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = match HistoryReader::look(&path) {
            Ok(reader) => written.check(&reader, bit),
            Err(StoreError::Format { .. } | StoreError::OlderFormat { .. }) => None,
            Err(error) => {
                assert!(error.is_damage(), "bit {bit}: {error}");
                None
            }
        };
        match found {
            Some(true) => whole += 1,
            Some(false) => short += 1,
            None => refused += 1,
        }
    }
    assert!(20 < short && refused < whole, "{whole} {short} {refused}");
}
