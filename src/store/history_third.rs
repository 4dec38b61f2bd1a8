//! The champions of a history of the third format, which has no cross-entropies of the test split.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::store::history_trials::{CHAMPIONS, TABLES, insert_sealed_champion};
use crate::store::seal::{is_whole, sealed};

/// Gives champions their place for one. A row that is not what was written stays one, or goes where
/// there is no text in it any more.
pub(super) fn upgrade_champions(db: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM pragma_table_info('champions') WHERE name = 'test_nll'";
    // A bit of the header's format has flipped.
    if 0 < db.query_row(sql, [], |row| row.get::<_, i64>(0))? {
        return Ok(());
    }
    db.execute_batch("ALTER TABLE champions RENAME TO champions_3")?;
    db.execute_batch(TABLES)?;
    {
        let mut old = db.prepare("SELECT * FROM champions_3 ORDER BY seq")?;
        let mut rows = old.query([])?;
        while let Some(row) = rows.next()? {
            let is_whole = is_whole(CHAMPIONS, row)?;
            let values = (0..11).map(|column| row.get(column));
            let Ok(mut values) = values.collect::<rusqlite::Result<Vec<Value>>>() else { continue };
            values.insert(8, Value::Null);
            if is_whole {
                values.pop();
                values = sealed(CHAMPIONS, values);
            }
            insert_sealed_champion(db, values)?;
        }
    }
    db.execute_batch("DROP TABLE champions_3")
}

#[cfg(test)]
mod tests {
    use rusqlite::params_from_iter;

    use super::*;
    use crate::store::history_marks::int;
    use crate::store::history_trials::tests::champion;
    use crate::store::seal::real;
    use crate::store::{ChampionRow, History, HistoryReader};

    /// A champion of the third format, with its sum.
    fn third(row: &ChampionRow, seq: i64) -> Vec<Value> {
        let values = vec![
            seq.into(),
            row.arch_id.clone().into(),
            row.arm.name().to_owned().into(),
            int(row.cycle).into(),
            int(row.certificate).into(),
            real(row.valid_mean),
            int(row.test_correct).into(),
            int(row.test_items).into(),
            row.ruling.clone().into(),
            row.at_unix_ms.into(),
        ];
        sealed(CHAMPIONS, values)
    }

    #[test]
    fn champions_of_the_third_format_stay_and_so_does_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        History::open(&path, u64::MAX).unwrap().close().unwrap();
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "DROP TABLE champions;
             CREATE TABLE champions (seq INTEGER PRIMARY KEY, arch TEXT NOT NULL, arm TEXT NOT NULL,
                cycle INTEGER NOT NULL, certificate INTEGER NOT NULL, valid_mean REAL,
                test_correct INTEGER NOT NULL, test_items INTEGER NOT NULL, ruling TEXT NOT NULL,
                at_unix_ms INTEGER NOT NULL, sum INTEGER NOT NULL, UNIQUE (cycle, arch)) STRICT;
             PRAGMA user_version = 3;",
        )
        .unwrap();
        let rows = [champion("m5-0", 0), champion("m5-1", 1), champion("m5-0", 2)];
        let sql = "INSERT INTO champions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        for (seq, row) in (1..).zip(&rows) {
            db.execute(sql, params_from_iter(third(row, seq))).unwrap();
        }
        db.execute("UPDATE champions SET test_correct = 906 WHERE seq = 2", []).unwrap();
        drop(db);
        let mut history = History::open(&path, u64::MAX).unwrap();
        let kept = |row: &ChampionRow| ChampionRow { test_nll: None, ..row.clone() };
        let reader = HistoryReader::open(&path).unwrap();
        assert_eq!(reader.champions().unwrap(), [kept(&rows[0]), kept(&rows[2])]);
        assert_eq!(reader.check(0).unwrap().damaged, 1);
        // The next one comes behind them, with all that is known of it.
        history.record_champion(&champion("m5-2", 3)).unwrap();
        assert_eq!(reader.champions().unwrap()[2], champion("m5-2", 3));
    }
}
