//! How far the history goes: the one row of `marks`.

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use crate::store::history_row::from_sql_int;
use crate::store::seal::{is_whole, sealed};

const MARKS: &str = "marks";

/// How far the history goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// Whose history it is: a name that was drawn when it was made.
    pub(super) run: String,
    /// The step after the last that was ever written. What comes again below it is a replay.
    pub(super) next: u64,
    /// The step after the last that has rows; the same, but for what a rewind took away.
    pub(super) until: u64,
    /// The first step whose scored rows are single; those before are folded.
    pub(super) scored_from: u64,
    /// The same for rows that were not scored: those that ω was trained on. Never smaller.
    pub(super) shared_from: u64,
    /// Rows in `steps` and `draws`.
    pub(super) rows: u64,
}

impl Marks {
    /// Reads the marks; those of a new database, or of one whose marks are damaged, are found
    /// from its rows.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        match Self::read(db)? {
            Some(marks) => Ok(marks),
            None => Self::found(db),
        }
    }

    /// The marks as they stand, if they are whole.
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Option<Self>> {
        let select =
            "SELECT id, run, next, until, scored_from, shared_from, n_rows, sum FROM marks";
        let read = |row: &Row<'_>| {
            if !is_whole(MARKS, row)? {
                return Ok(None);
            }
            Ok(Some(Self {
                run: row.get(1)?,
                next: from_sql_int(row, 2)?,
                until: from_sql_int(row, 3)?,
                scored_from: from_sql_int(row, 4)?,
                shared_from: from_sql_int(row, 5)?,
                rows: from_sql_int(row, 6)?,
            }))
        };
        Ok(db.query_row(select, [], read).optional()?.flatten())
    }

    fn found(db: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| db.query_row(sql, [], |row| from_sql_int(row, 0));
        let first = number("SELECT ifnull(min(step), 0) FROM steps")?;
        // Single rows of all kinds begin with the first of ω's.
        let shared = "SELECT ifnull(min(step), 0) FROM steps WHERE phase = 3";
        let first_shared = number(shared)?;
        let next = number("SELECT ifnull(max(step) + 1, 0) FROM steps")?;
        Ok(Self {
            run: db.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?,
            next,
            until: next,
            scored_from: first,
            shared_from: first_shared.max(first),
            rows: number("SELECT (SELECT count(*) FROM steps) + (SELECT count(*) FROM draws)")?,
        })
    }

    /// Writes the marks.
    pub(super) fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        let values = vec![
            0.into(),
            self.run.clone().into(),
            int(self.next).into(),
            int(self.until).into(),
            int(self.scored_from).into(),
            int(self.shared_from).into(),
            int(self.rows).into(),
        ];
        let sql = "INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        db.prepare_cached(sql)?.execute(params_from_iter(sealed(MARKS, values))).map(drop)
    }
}

/// A count as SQLite keeps it; none that is counted here comes near the limit.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
