//! From whose children θ learnt in each step, where they are trained from scratch: the table
//! `children`.
//!
//! That is all that a search with replicas does not know by itself. So a rewind keeps these rows: a
//! search that takes the steps again goes by them, and does the same.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::search::{Applied, ChildResult, Failure, Score, TrainedChild};
use crate::store::history_marks::int;
use crate::store::history_row::from_sql_int;
use crate::store::seal::{is_whole, real, sealed};

/// The table.
pub(super) const CHILDREN: &str = "children";

const COLUMNS: &str = "step, place, replica, age, refused, arch, correct, items, nll, failure, sum";

/// Histories of today's format may be older than the table.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS children (
    step    INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    replica INTEGER NOT NULL,
    age     INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    arch    TEXT    NOT NULL,
    correct INTEGER,
    items   INTEGER,
    nll     REAL,
    failure TEXT,
    sum     INTEGER NOT NULL,
    PRIMARY KEY (step, place)
) STRICT, WITHOUT ROWID;
";

/// Writes a step. Where something else is known of it, that and what came after it is of no use.
pub(super) fn insert(db: &Connection, applied: &Applied) -> rusqlite::Result<()> {
    if from(db, applied.step, Some(1))?.first() == Some(applied) {
        return Ok(());
    }
    remove(db, applied.step, u64::MAX)?;
    let Applied { step, replica, age, is_refused, ref children } = *applied;
    for (place, child) in (0_i64..).zip(children) {
        let [correct, items, nll, failure] = match child.result {
            Ok(Score { nll, correct, items }) => {
                [int(correct).into(), int(items).into(), real(Some(nll)), Value::Null]
            }
            Err(failure) => {
                let name = Value::Text(failure.name().to_owned());
                [Value::Null, Value::Null, Value::Null, name]
            }
        };
        let values = vec![
            int(step).into(),
            place.into(),
            int(replica as u64).into(),
            int(age).into(),
            is_refused.into(),
            Value::Text(child.arch_id.clone()),
            correct,
            items,
            nll,
            failure,
        ];
        let sql = "INSERT INTO children VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        db.prepare_cached(sql)?.execute(params_from_iter(sealed(CHILDREN, values)))?;
    }
    Ok(())
}

/// Removes the rows of the steps from `from` to before `until`.
pub(super) fn remove(db: &Connection, from: u64, until: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM children WHERE ?1 <= step AND step < ?2";
    db.prepare_cached(sql)?.execute([int(from), int(until)]).map(drop)
}

/// What is known from `step` on, the oldest first, of at most `steps` steps in a row: up to the first
/// step of which something is missing or is not what was written.
pub(super) fn from(
    db: &Connection,
    step: u64,
    steps: Option<usize>,
) -> rusqlite::Result<Vec<Applied>> {
    if !is_there(db)? {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {COLUMNS} FROM children WHERE ?1 <= step ORDER BY step, place");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([int(step)])?;
    let mut all: Vec<Applied> = Vec::new();
    while let Some(row) = rows.next()? {
        let Some((place, applied)) = read(row)? else {
            all.pop_if(|last| from_sql_int(row, 0).is_ok_and(|step| last.step == step));
            break;
        };
        let is_full = steps == Some(all.len());
        match all.last_mut() {
            Some(last) if last.step == applied.step => last.children.extend(applied.children),
            _ if is_full || place != 0 => break,
            _ => all.push(applied),
        }
    }
    Ok(all)
}

/// How often children of this architecture failed, and why.
pub(super) fn failures(db: &Connection, arch_id: &str) -> rusqlite::Result<Vec<(Failure, u64)>> {
    if !is_there(db)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let sql = "SELECT count(*) FROM children WHERE arch = ?1 AND failure = ?2";
    for failure in Failure::ALL {
        let of = params![arch_id, failure.name()];
        let count = db.prepare_cached(sql)?.query_row(of, |row| from_sql_int(row, 0))?;
        if 0 < count {
            found.push((failure, count));
        }
    }
    Ok(found)
}

/// Whether the history is not older than the table.
fn is_there(db: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'children'";
    Ok(0 < db.query_row(sql, [], |row| row.get::<_, i64>(0))?)
}

/// A child's place, and the step with that child alone; nothing where it is not what was written.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<(u64, Applied)>> {
    if !is_whole(CHILDREN, row)? {
        return Ok(None);
    }
    let failure: Option<String> = row.get(9)?;
    let result: Option<ChildResult> = match failure {
        Some(name) => Failure::of_name(&name).map(Err),
        None => Some(Ok(Score {
            correct: from_sql_int(row, 6)?,
            items: from_sql_int(row, 7)?,
            nll: row.get(8)?,
        })),
    };
    let Some(result) = result else { return Ok(None) };
    let applied = Applied {
        step: from_sql_int(row, 0)?,
        replica: from_sql_int(row, 2)? as usize,
        age: from_sql_int(row, 3)?,
        is_refused: row.get(4)?,
        children: vec![TrainedChild { arch_id: row.get(5)?, result }],
    };
    Ok(Some((from_sql_int(row, 1)?, applied)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(TABLE).unwrap();
        db
    }

    fn applied(step: u64, replica: usize) -> Applied {
        let child = |result| TrainedChild { arch_id: format!("n{step}"), result };
        let score = Score { nll: 0.1 + 0.2, correct: 3, items: 4 };
        let children = vec![child(Ok(score)), child(Err(Failure::OutOfTime))];
        Applied { step, replica, age: 2, is_refused: true, children }
    }

    #[test]
    fn what_was_applied_reads_back_in_order_up_to_what_is_damaged() {
        let db = database();
        let all: Vec<Applied> = (3..7).map(|step| applied(step, step as usize % 2)).collect();
        for one in &all {
            insert(&db, one).unwrap();
        }
        assert_eq!(from(&db, 0, None).unwrap(), all);
        assert_eq!(from(&db, 5, Some(1)).unwrap(), all[2..3]);
        db.execute("UPDATE children SET replica = 7 WHERE step = 5 AND place = 1", []).unwrap();
        assert_eq!(from(&db, 0, None).unwrap(), all[..2]);
        db.execute("DELETE FROM children WHERE step = 4 AND place = 0", []).unwrap();
        assert_eq!(from(&db, 0, None).unwrap(), all[..1]);
    }

    #[test]
    fn failures_are_counted_by_architecture_and_by_kind() {
        let db = database();
        assert_eq!(failures(&db, "n1").unwrap(), []);
        for step in [1, 2] {
            insert(&db, &applied(step, 0)).unwrap();
        }
        assert_eq!(failures(&db, "n1").unwrap(), [(Failure::OutOfTime, 1)]);
        // Histories of before there was the table know of none.
        db.execute_batch("DROP TABLE children").unwrap();
        assert_eq!(failures(&db, "n1").unwrap(), []);
    }

    #[test]
    fn the_same_again_changes_nothing_and_another_order_takes_away_what_came_after() {
        let db = database();
        for step in 0..3 {
            insert(&db, &applied(step, 0)).unwrap();
        }
        insert(&db, &applied(0, 0)).unwrap();
        assert_eq!(from(&db, 0, None).unwrap().len(), 3);
        insert(&db, &applied(1, 1)).unwrap();
        assert_eq!(from(&db, 0, None).unwrap(), [applied(0, 0), applied(1, 1)]);
    }

    #[test]
    fn a_history_without_the_table_knows_nothing() {
        let db = Connection::open_in_memory().unwrap();
        assert_eq!(from(&db, 0, None).unwrap(), []);
    }
}
