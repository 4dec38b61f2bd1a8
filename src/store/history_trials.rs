//! What was trained from scratch, and which of it became champion: the tables `trials` and
//! `champions`.
//!
//! Some rows a cycle, which stay for good; a rewind keeps them, since what was trained is the same
//! when it is trained again. Ids and names are texts here, for any program that reads SQL.

use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, params_from_iter};

use crate::search::{Arm, Cause};
use crate::store::error::is_database_damage;
use crate::store::history_marks::int;
use crate::store::history_row::from_sql_int;
use crate::store::seal::{is_whole, real, sealed};
use crate::store::{ChampionRow, TrialRow};

/// The table of the trials.
pub(super) const TRIALS: &str = "trials";

/// The table of the champions, and of those that wanted to be.
pub(super) const CHAMPIONS: &str = "champions";

/// The columns of a trial, in the order in which they are summed.
pub(super) const TRIAL_COLUMNS: &str = "key, arch, arm, cycle, step, seed, epochs, loss, correct,
    items, nll, shared_reward, params, multiply_adds, cause, at_unix_ms, sum";

/// The columns of a champion, in the order in which they are summed.
pub(super) const CHAMPION_COLUMNS: &str = "seq, arch, arm, cycle, certificate, valid_mean,
    test_correct, test_items, test_nll, ruling, at_unix_ms, sum";

/// Both tables. Where they are there already, a bit of the header's format has flipped.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS trials (
    key           TEXT    NOT NULL PRIMARY KEY,
    arch          TEXT    NOT NULL,
    arm           TEXT    NOT NULL,
    cycle         INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    seed          INTEGER NOT NULL,
    epochs        INTEGER NOT NULL,
    loss          REAL,
    correct       INTEGER NOT NULL,
    items         INTEGER NOT NULL,
    nll           REAL,
    shared_reward REAL,
    params        INTEGER NOT NULL,
    multiply_adds INTEGER NOT NULL,
    cause         TEXT    NOT NULL,
    at_unix_ms    INTEGER NOT NULL,
    sum           INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS trials_of_arch ON trials (arch);
CREATE TABLE IF NOT EXISTS champions (
    seq          INTEGER PRIMARY KEY,
    arch         TEXT    NOT NULL,
    arm          TEXT    NOT NULL,
    cycle        INTEGER NOT NULL,
    certificate  INTEGER NOT NULL,
    valid_mean   REAL,
    test_correct INTEGER NOT NULL,
    test_items   INTEGER NOT NULL,
    test_nll     REAL,
    ruling       TEXT    NOT NULL,
    at_unix_ms   INTEGER NOT NULL,
    sum          INTEGER NOT NULL,
    UNIQUE (cycle, arch)
) STRICT;
";

/// Writes a trial, in place of one with its key.
pub(super) fn insert_trial(db: &Connection, row: &TrialRow) -> rusqlite::Result<()> {
    let values = vec![
        text(&row.key),
        text(&row.arch_id),
        text(row.arm.name()),
        int(row.cycle).into(),
        int(row.step).into(),
        row.seed.into(),
        int(row.epochs).into(),
        real(row.loss),
        int(row.correct).into(),
        int(row.items).into(),
        real(row.nll),
        real(row.shared_reward),
        int(row.params).into(),
        int(row.multiply_adds).into(),
        text(row.cause.name()),
        row.at_unix_ms.into(),
    ];
    let sql = "INSERT OR REPLACE INTO trials VALUES
               (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    db.prepare_cached(sql)?.execute(params_from_iter(sealed(TRIALS, values))).map(drop)
}

/// Writes a champion, in place of the same one of its cycle.
pub(super) fn insert_champion(db: &Connection, row: &ChampionRow) -> rusqlite::Result<()> {
    let seq = "SELECT ifnull((SELECT seq FROM champions WHERE cycle = ?1 AND arch = ?2),
                             (SELECT ifnull(max(seq), 0) + 1 FROM champions))";
    let seq: i64 = db.query_row(seq, (int(row.cycle), &row.arch_id), |row| row.get(0))?;
    let values = vec![
        seq.into(),
        text(&row.arch_id),
        text(row.arm.name()),
        int(row.cycle).into(),
        int(row.certificate).into(),
        real(row.valid_mean),
        int(row.test_correct).into(),
        int(row.test_items).into(),
        real(row.test_nll),
        text(&row.ruling),
        row.at_unix_ms.into(),
    ];
    insert_sealed_champion(db, sealed(CHAMPIONS, values))
}

/// Writes a champion with its sum.
pub(super) fn insert_sealed_champion(db: &Connection, values: Vec<Value>) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO champions VALUES
               (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    db.prepare_cached(sql)?.execute(params_from_iter(values)).map(drop)
}

/// The last trials, of one architecture or of all, in the order in which they were written.
pub(super) fn last_trials(
    db: &Connection,
    arch_id: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<TrialRow>> {
    let sql =
        |filter: &str| format!("SELECT {TRIAL_COLUMNS} FROM trials {filter} ORDER BY rowid DESC");
    match arch_id {
        Some(arch_id) => {
            let is_asked_for = |row: &TrialRow| row.arch_id == arch_id;
            let mut rows = last(db, &sql("WHERE arch = ?1"), [arch_id], read_trial, limit)?;
            // A damaged index may lead elsewhere.
            rows.retain(is_asked_for);
            Ok(rows)
        }
        None => last(db, &sql(""), [], read_trial, limit),
    }
}

/// The last champions, in the order in which they were written.
pub(super) fn last_champions(db: &Connection, limit: usize) -> rusqlite::Result<Vec<ChampionRow>> {
    let sql = format!("SELECT {CHAMPION_COLUMNS} FROM champions ORDER BY seq DESC");
    last(db, &sql, [], read_champion, limit)
}

/// The first rows that `sql` gives, at most `limit`, in the other order; those that are not what
/// was written are left out.
fn last<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: fn(&Row<'_>) -> rusqlite::Result<Option<T>>,
    limit: usize,
) -> rusqlite::Result<Vec<T>> {
    let mut found = Vec::new();
    let select = || -> rusqlite::Result<()> {
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query(params)?;
        while found.len() < limit
            && let Some(row) = rows.next()?
        {
            found.extend(read(row).unwrap_or(None));
        }
        Ok(())
    };
    match select() {
        // What can be read ends here.
        Err(error) if is_database_damage(&error) => {}
        done => done?,
    }
    found.reverse();
    Ok(found)
}

/// Reads a row with [`TRIAL_COLUMNS`], if it is what was written.
fn read_trial(row: &Row<'_>) -> rusqlite::Result<Option<TrialRow>> {
    if !is_whole(TRIALS, row)? {
        return Ok(None);
    }
    let (arm, cause): (String, String) = (row.get(2)?, row.get(14)?);
    let (Some(arm), Some(cause)) = (Arm::of_name(&arm), Cause::of_name(&cause)) else {
        return Ok(None);
    };
    Ok(Some(TrialRow {
        key: row.get(0)?,
        arch_id: row.get(1)?,
        arm,
        cycle: from_sql_int(row, 3)?,
        step: from_sql_int(row, 4)?,
        seed: row.get(5)?,
        epochs: from_sql_int(row, 6)?,
        loss: row.get(7)?,
        correct: from_sql_int(row, 8)?,
        items: from_sql_int(row, 9)?,
        nll: row.get(10)?,
        shared_reward: row.get(11)?,
        params: from_sql_int(row, 12)?,
        multiply_adds: from_sql_int(row, 13)?,
        cause,
        at_unix_ms: row.get(15)?,
    }))
}

/// Reads a row with [`CHAMPION_COLUMNS`], if it is what was written.
fn read_champion(row: &Row<'_>) -> rusqlite::Result<Option<ChampionRow>> {
    if !is_whole(CHAMPIONS, row)? {
        return Ok(None);
    }
    let arm: String = row.get(2)?;
    let Some(arm) = Arm::of_name(&arm) else { return Ok(None) };
    Ok(Some(ChampionRow {
        arch_id: row.get(1)?,
        arm,
        cycle: from_sql_int(row, 3)?,
        certificate: from_sql_int(row, 4)?,
        valid_mean: row.get(5)?,
        test_correct: from_sql_int(row, 6)?,
        test_items: from_sql_int(row, 7)?,
        test_nll: row.get(8)?,
        ruling: row.get(9)?,
        at_unix_ms: row.get(10)?,
    }))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::{History, HistoryReader};

    struct Rig {
        _folder: tempfile::TempDir,
        path: PathBuf,
        history: History,
    }

    impl Rig {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("history.sqlite");
            let history = History::open(&path, u64::MAX).unwrap();
            Self { _folder: folder, path, history }
        }

        fn reader(&self) -> HistoryReader {
            HistoryReader::open(&self.path).unwrap()
        }

        /// As somebody who flips bits.
        fn change(&self, sql: &str) {
            assert_eq!(Connection::open(&self.path).unwrap().execute(sql, []).unwrap(), 1, "{sql}");
        }

        fn keys(&self, arch_id: Option<&str>, limit: u32) -> Vec<String> {
            let rows = self.reader().trials(arch_id, limit).unwrap();
            rows.into_iter().map(|row| row.key).collect()
        }
    }

    fn trial(key: &str, arch_id: &str) -> TrialRow {
        TrialRow {
            key: key.to_owned(),
            arch_id: arch_id.to_owned(),
            arm: Arm::Injected,
            cycle: 3,
            step: 99,
            seed: 1,
            epochs: 15,
            loss: Some(0.1 + 0.2),
            correct: 880,
            items: 1000,
            nll: None,
            shared_reward: Some(0.5),
            params: 12_345,
            multiply_adds: 1 << 40,
            cause: Cause::Request,
            at_unix_ms: 1_700_000_000_000,
        }
    }

    pub(in crate::store) fn champion(arch_id: &str, cycle: u64) -> ChampionRow {
        ChampionRow {
            arch_id: arch_id.to_owned(),
            arm: Arm::Derive,
            cycle,
            certificate: 4,
            valid_mean: Some(1.0 / 3.0),
            test_correct: 905,
            test_items: 1000,
            test_nll: Some(0.1 + 0.2),
            ruling: "the first".to_owned(),
            at_unix_ms: 7,
        }
    }

    #[test]
    fn trials_read_back_and_a_replay_writes_the_same_row() {
        let mut rig = Rig::new();
        let rows = [trial("a", "m5-0"), trial("b", "m5-1"), trial("c", "m5-0")];
        rig.history.record_trials(&rows).unwrap();
        assert_eq!(rig.reader().trials(None, 9).unwrap(), rows);
        rig.history.rewind(0).unwrap();
        rig.history.record_trials(&rows[1..]).unwrap();
        assert_eq!(rig.reader().trials(None, 9).unwrap(), rows);
        assert_eq!(rig.keys(Some("m5-0"), 9), ["a", "c"]);
        assert_eq!(rig.keys(None, 2), ["b", "c"]);
        assert_eq!(rig.keys(Some("m5-0"), 1), ["c"]);
        assert_eq!((rig.keys(Some("m5-9"), 9).len(), rig.keys(None, 0).len()), (0, 0));
        let again = TrialRow { cycle: 5, ..trial("a", "m5-0") };
        rig.history.record_trials(std::slice::from_ref(&again)).unwrap();
        assert_eq!(rig.reader().trials(Some("m5-0"), 1).unwrap(), [again]);
        assert_eq!(rig.keys(None, 9), ["b", "c", "a"]);
    }

    #[test]
    fn champions_read_back_and_a_replay_writes_the_same_row() {
        let mut rig = Rig::new();
        let rows = [champion("m5-0", 0), champion("m5-1", 1), champion("m5-0", 2)];
        for row in &rows {
            rig.history.record_champion(row).unwrap();
        }
        assert_eq!(rig.reader().champions().unwrap(), rows);
        rig.history.rewind(0).unwrap();
        rig.history.record_champion(&rows[1]).unwrap();
        assert_eq!(rig.reader().champions().unwrap(), rows);
    }

    #[test]
    fn a_row_that_is_not_what_was_written_is_left_out_and_counted() {
        let mut rig = Rig::new();
        rig.history.record_trials(&[trial("a", "m5-0"), trial("b", "m5-0")]).unwrap();
        rig.history.record_champion(&champion("m5-0", 0)).unwrap();
        rig.history.record_champion(&champion("m5-1", 1)).unwrap();
        assert_eq!(rig.reader().check(0).unwrap().damaged, 0);
        rig.change("UPDATE trials SET correct = 881 WHERE key = 'b'");
        rig.change("UPDATE champions SET ruling = 'the last' WHERE cycle = 0");
        assert_eq!(
            (rig.keys(None, 9), rig.keys(Some("m5-0"), 1)),
            (vec!["a".into()], vec!["a".into()])
        );
        assert_eq!(rig.reader().champions().unwrap(), [champion("m5-1", 1)]);
        assert_eq!(rig.reader().check(0).unwrap().damaged, 2);
    }
}
