//! Tests of the history as it is written.
#![cfg(test)]

use std::fs;
use std::ops::Range;

use super::*;
use crate::search::Arm;
use crate::store::history_fold::{HOUR_COLUMNS, Hour};
use crate::store::history_writer::{CHUNK_STEPS, CHUNKS_A_STEP, SHARED_STEPS};
use crate::store::{Defect, HistoryFilter, HistoryPhase, HistoryReader};

/// Everything stays, at an hour of 1970.
const KEEPING: Keeping = Keeping { bytes: u64::MAX, at_unix_ms: 5 * 3_600_000 };

fn row(step: u64, idx: u32, reward: Option<f64>) -> HistoryRow {
    HistoryRow {
        step,
        arm: Arm::Controller,
        idx,
        phase: if reward.is_some() { HistoryPhase::Controller } else { HistoryPhase::Shared },
        cycle: 0,
        cycle_epoch: 0,
        arch_id: format!("m5-{idx}"),
        reward,
        log_prob: Some(-1.5),
        entropy: None,
    }
}

fn step_row(step: u64) -> StepRow {
    StepRow { step, loss: Some(2.0), accuracy: Some(0.5), learning_rate: 0.05, grad_norm: None }
}

/// The view, a line a row.
fn dump(history: &History) -> Vec<String> {
    let columns = "concat_ws(' ', cycle, cycle_epoch, phase, step, idx, arm, arch, arch_id,
                   ifnull(reward, 'none'))";
    let mut select = history.db.prepare(&format!("SELECT {columns} FROM history")).unwrap();
    let lines = select.query_map([], |row| row.get(0)).unwrap();
    lines.collect::<Result<_, _>>().unwrap()
}

fn number(history: &History, sql: &str) -> i64 {
    history.db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn count(history: &History, table: &str) -> i64 {
    number(history, &format!("SELECT count(*) FROM {table}"))
}

/// Three steps in four are ω's, the fourth has two scored rows.
fn rows_of(step: u64) -> Vec<HistoryRow> {
    let reward = |idx: u32| Some(((step * 7 + u64::from(idx)) % 100) as f64 / 100.0);
    match step % 4 {
        3 => (0..2)
            .map(|idx| HistoryRow {
                arch_id: format!("m5-{}", step / 8),
                ..row(step, idx, reward(idx))
            })
            .collect(),
        _ => vec![row(step, 0, None)],
    }
}

/// Records the steps in transactions of `part` steps each.
fn record(history: &mut History, steps: Range<u64>, part: usize, keeping: Keeping) {
    let steps: Vec<u64> = steps.collect();
    for part in steps.chunks(part) {
        let rows: Vec<HistoryRow> = part.iter().flat_map(|&step| rows_of(step)).collect();
        let updates: Vec<StepRow> =
            part.iter().filter(|&step| step % 4 != 3).map(|&step| step_row(step)).collect();
        history.record(&rows, &updates, keeping).unwrap();
    }
}

struct Rig {
    folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history.sqlite")
    }

    fn open(&self) -> Result<History, StoreError> {
        History::open(&self.path(), u64::MAX)
    }
}

#[test]
fn a_replay_writes_the_same_rows() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    let rows = [row(2, 1, Some(0.25)), row(2, 0, Some(0.5)), row(1, 0, None)];
    history.record(&rows, &[step_row(1)], KEEPING).unwrap();
    let first = dump(&history);
    let expected = [
        "0 0 shared 1 0 controller m5-0 m5-0 none",
        "0 0 controller 2 0 controller m5-0 m5-0 0.5",
        "0 0 controller 2 1 controller m5-1 m5-1 0.25",
    ];
    assert_eq!(first, expected);
    drop(history);
    let mut history = rig.open().unwrap();
    history.record(&rows, &[step_row(1)], KEEPING).unwrap();
    assert_eq!(dump(&history), first);
    assert_eq!((count(&history, "steps"), history.marks.rows), (2, 5));
    assert_eq!(number(&history, "SELECT sum(times) FROM archs"), 2, "counted once");
    assert_eq!(history.unique_archs(), 2);
}

#[test]
fn rewinding_takes_away_what_is_ahead() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    let rows = [row(1, 0, None), row(2, 0, Some(0.5)), row(3, 0, Some(0.6))];
    history.record(&rows[..2], &[step_row(1)], KEEPING).unwrap();
    let at_two = dump(&history);
    history.event(7, "started", "").unwrap();
    history.record(&rows[2..], &[step_row(3)], KEEPING).unwrap();
    assert_eq!(history.end(), 4);
    assert_eq!(history.rewind(3).unwrap(), 2);
    assert_eq!(history.end(), 3);
    assert_eq!(dump(&history), at_two);
    assert_eq!((count(&history, "steps"), count(&history, "events")), (2, 1));
    assert_eq!(history.rewind(3).unwrap(), 0);
}

#[test]
fn rows_are_written_all_or_none() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    let bad = row(2, 1 << 16, Some(0.5));
    assert!(history.record(&[row(1, 0, None), bad], &[step_row(1)], KEEPING).is_err());
    assert_eq!((count(&history, "draws"), count(&history, "steps")), (0, 0));
    assert_eq!((history.marks.rows, history.unique_archs()), (0, 0));
}

#[test]
fn the_last_event_of_some_kinds_is_found() {
    let mut history = Rig::new().open().unwrap();
    assert_eq!((history.end(), history.last_event(["start", "stop"]).unwrap()), (0, None));
    for (kind, message) in [("start", "a"), ("stop", "b"), ("best", "c")] {
        history.event(7, kind, message).unwrap();
    }
    let last = history.last_event(["start", "stop"]).unwrap();
    assert_eq!(last, Some(("stop".to_owned(), "b".to_owned())));
}

#[test]
fn commits_are_synced() {
    let history = Rig::new().open().unwrap();
    let db = &history.db;
    let mode = db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.unwrap(), "wal");
    let full = db.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
    assert_eq!(full.unwrap(), 2);
}

#[test]
fn a_history_at_rest_is_one_file() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    record(&mut history, 0..100, 10, KEEPING);
    history.rest().unwrap();
    let files = fs::read_dir(rig.folder.path()).unwrap();
    assert_eq!(files.map(|file| file.unwrap().file_name()).collect::<Vec<_>>(), ["history.sqlite"]);
}

#[test]
fn a_later_schema_is_refused_and_left_as_it_is() {
    let rig = Rig::new();
    let history = rig.open().unwrap();
    history.db.pragma_update(None, "user_version", 9).unwrap();
    history.close().unwrap();
    let before = fs::read(rig.path()).unwrap();
    let err = rig.open().unwrap_err();
    assert!(matches!(err, StoreError::Format { found: 9, expected: 4, .. }), "{err}");
    assert_eq!(fs::read(rig.path()).unwrap(), before);
}

#[test]
fn a_foreign_database_is_refused() {
    let rig = Rig::new();
    Connection::open(rig.path()).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let err = rig.open().unwrap_err();
    let foreign = matches!(err, StoreError::Corrupt { why: Defect::ForeignDatabase, .. });
    assert!(foreign, "{err}");
}

/// What stays and what it is folded into depends neither on how many steps a transaction has nor
/// on kills and replays.
#[test]
fn a_resumed_history_folds_as_an_unbroken_one() {
    let (one, two) = (Rig::new(), Rig::new());
    let few = Keeping { bytes: 4000 * 64, ..KEEPING };
    let mut unbroken = one.open().unwrap();
    record(&mut unbroken, 0..10_000, 64, few);
    let mut resumed = two.open().unwrap();
    for (from, until, part) in
        [(0, 4100, 7), (3000, 6500, 64), (6400, 9000, 1000), (100, 10_000, 33)]
    {
        resumed.rewind(from).unwrap();
        record(&mut resumed, from..until, part, few);
        drop(resumed);
        resumed = two.open().unwrap();
    }
    assert_eq!(dump(&resumed), dump(&unbroken));
    assert_eq!(resumed.marks.scored_from, 9 * CHUNK_STEPS);
    assert!(unbroken.marks.rows <= 4003, "{}", unbroken.marks.rows);
    for table in ["hours", "archs", "steps"] {
        let rows = |history: &History| {
            let mut select = history.db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = select.column_count();
            let rows = select.query_map([], |row| {
                (0..columns).map(|idx| row.get::<_, Value>(idx)).collect::<Result<Vec<_>, _>>()
            });
            rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!(rows(&resumed), rows(&unbroken), "{table}");
    }
}

#[test]
fn what_is_folded_stays_as_an_hour_of_its_arm() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    let at = |hour: i64| Keeping { bytes: 1000 * 64, at_unix_ms: hour * 3_600_000 };
    record(&mut history, 0..3000, 64, at(4));
    record(&mut history, 3000..9000, 64, at(5));
    let until = history.marks.scored_from;
    assert!(3000 < until);
    let folded = number(&history, "SELECT sum(draws) FROM hours");
    let expected: usize = (0..until).map(|step| rows_of(step).len()).sum();
    assert_eq!(folded.cast_unsigned(), expected as u64);
    let rewards: Vec<f64> = (0..3000).flat_map(rows_of).filter_map(|row| row.reward).collect();
    let line: (String, i64, i64, f64, f64, String) = history
        .db
        .query_row(
            "SELECT hour, first_step, last_step, reward_mean, reward_max, best_arch_id FROM hourly
             WHERE phase = 'controller' ORDER BY hour LIMIT 1",
            [],
            |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            },
        )
        .unwrap();
    let max = rewards.iter().copied().fold(0.0, f64::max);
    assert_eq!((line.0.as_str(), line.1, line.2, line.4), ("1970-01-01 04:00:00", 3, 2999, max));
    assert!((line.3 - rewards.iter().sum::<f64>() / rewards.len() as f64).abs() < 1e-12);
    assert!(line.5.starts_with("m5-"), "{}", line.5);
    let losses = number(&history, "SELECT sum(losses) FROM hours WHERE phase = 3");
    assert_eq!(losses.cast_unsigned(), (0..until).filter(|step| step % 4 != 3).count() as u64);
    let select = format!("SELECT {HOUR_COLUMNS} FROM hours");
    let mut select = history.db.prepare(&select).unwrap();
    let whole = select.query_map([], |row| Ok(Hour::read(row)?.is_some())).unwrap();
    assert!(whole.collect::<Result<Vec<_>, _>>().unwrap().iter().all(|&whole| whole));
}

#[test]
fn rows_without_a_score_are_folded_earlier() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    record(&mut history, 0..8, 8, KEEPING);
    record(&mut history, SHARED_STEPS + CHUNK_STEPS..SHARED_STEPS + CHUNK_STEPS + 4, 4, KEEPING);
    let old = "SELECT count(*) FROM history WHERE step < 8 AND phase = ";
    assert_eq!(number(&history, &format!("{old} 'shared'")), 0);
    assert_eq!(number(&history, &format!("{old} 'controller'")), 4);
    assert_eq!(number(&history, "SELECT draws FROM hours WHERE phase = 3"), 6);
    // A replay of what is folded changes nothing.
    record(&mut history, 0..8, 8, KEEPING);
    assert_eq!(number(&history, &format!("{old} 'shared'")), 0);
    assert_eq!(number(&history, "SELECT draws FROM hours WHERE phase = 3"), 6);
}

#[test]
fn the_file_stays_within_its_bound_and_pruning_makes_it_smaller() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    let few = Keeping { bytes: 2_000_000, ..KEEPING };
    record(&mut history, 0..60_000, 500, few);
    let bytes = history.bytes().unwrap();
    // What is beside the rows has a size of its own.
    let beside = number(&history, "SELECT sum(pgsize) FROM dbstat WHERE name IN ('archs', 'seen')");
    assert!(bytes < 2_000_000 + beside.cast_unsigned(), "{bytes}");
    let mut pruned = history.prune(500_000).unwrap();
    while !pruned.is_done {
        pruned = history.prune(500_000).unwrap();
    }
    assert_eq!(pruned.bytes, history.bytes().unwrap());
    assert!(pruned.bytes < 500_000 + beside.cast_unsigned(), "{}", pruned.bytes);
    assert_eq!(fs::metadata(rig.path()).unwrap().len(), pruned.bytes);
    let page =
        HistoryReader::open(&rig.path()).unwrap().tail(10, HistoryFilter::default()).unwrap();
    assert_eq!((page.rows.len(), page.next_since, page.damaged), (10, 60_000, 0));
}

#[test]
fn a_scored_row_takes_at_most_64_bytes() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    // As the default configuration draws: five of each arm in a step.
    let rows: Vec<HistoryRow> = (0..20_000)
        .flat_map(|step| (0..10).map(move |idx| (step, idx)))
        .map(|(step, idx)| {
            let arm = if idx < 5 { Arm::Controller } else { Arm::Random };
            // No digit of it is one that ids do not have.
            let arch_id = format!("m5-{:017}", step * 10 + u64::from(idx));
            let (log_prob, entropy) = (Some(-58.3 - f64::from(idx)), Some(1.1));
            HistoryRow { arm, arch_id, log_prob, entropy, ..row(step, idx % 5, Some(1.0 / 3.0)) }
        })
        .collect();
    for part in rows.chunks(640) {
        history.record(part, &[], KEEPING).unwrap();
    }
    history.rest().unwrap();
    let table = |name: &str| {
        number(&history, &format!("SELECT sum(pgsize) FROM dbstat WHERE name = '{name}'"))
            .cast_unsigned()
    };
    let rows = rows.len() as u64;
    let (draws, steps) = (table("draws"), table("steps"));
    assert!(draws + steps <= 60 * rows, "{draws} and {steps} bytes for {rows} rows");
    // With everything beside it, of which there is no more for more rows.
    let beside = history.bytes().unwrap() - draws - steps;
    assert!(beside < 2_000_000, "{beside}");
}

#[test]
fn a_damaged_database_is_an_error_with_a_remedy() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    history.record(&[row(1, 0, None)], &[step_row(1)], KEEPING).unwrap();
    history.close().unwrap();
    let whole = fs::read(rig.path()).unwrap();
    let remedy = |bytes: &[u8]| {
        fs::write(rig.path(), bytes).unwrap();
        rig.open().unwrap_err().to_string()
    };
    let text = remedy(b"this is no database, it only has its name");
    assert!(text.contains("history.sqlite: ") && text.contains("from a backup"), "{text}");
    let mut zeroed = whole.clone();
    zeroed[8192..12288].fill(0);
    let text = remedy(&zeroed);
    assert!(text.contains("is damaged: SQLite's check finds"), "{text}");
    let text = remedy(&whole[..whole.len() - 4096]);
    assert!(text.contains("from a backup"), "{text}");
    // Its numbers in the header are another program's, and its tables are not.
    let mut unnamed = whole;
    unnamed[68..72].fill(0);
    let text = remedy(&unnamed);
    assert!(text.contains("the numbers in its header"), "{text}");
    assert!(rig.open().unwrap_err().is_history_damage());
}

#[test]
fn no_kind_of_event_crowds_out_another() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    history.event(7, "start", "").unwrap();
    for number in 0..EVENTS_A_LOOK {
        history.event(7, "cycle", &number.to_string()).unwrap();
    }
    assert_eq!(count(&history, "events"), EVENTS_A_LOOK + 1);
    forget_events(&history.db, 10).unwrap();
    let kept = HistoryReader::open(&rig.path()).unwrap().events(0, 100).unwrap();
    let cycles: Vec<&str> = kept.iter().skip(1).map(|event| event.message.as_str()).collect();
    assert_eq!((kept[0].kind.as_str(), kept.len()), ("start", 11));
    assert_eq!((cycles[0], cycles[9]), ("246", "255"));
    // It is done by itself.
    let sql = "WITH RECURSIVE n(i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
               INSERT INTO events SELECT i, 0, 'cycle', '', 0 FROM n";
    history.db.execute(sql, [1000 + MAX_EVENTS]).unwrap();
    for _ in 0..EVENTS_A_LOOK {
        history.event(7, "start", "").unwrap();
    }
    let cycles = number(&history, "SELECT count(*) FROM events WHERE kind = 'cycle'");
    assert_eq!(cycles, MAX_EVENTS);
}

/// Less is to be kept from now on: that is not done in one go.
#[test]
fn a_bound_that_sinks_is_reached_step_by_step() {
    let rig = Rig::new();
    let mut history = rig.open().unwrap();
    record(&mut history, 0..20_000, 1000, KEEPING);
    let few = Keeping { bytes: 4000 * 64, ..KEEPING };
    record(&mut history, 20_000..20_001, 1, few);
    assert_eq!(history.marks.scored_from, CHUNKS_A_STEP as u64 * CHUNK_STEPS);
    record(&mut history, 20_001..20_010, 1, few);
    assert!(history.marks.rows <= 4003, "{}", history.marks.rows);
}
