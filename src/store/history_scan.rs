//! Reading rows in the order of their key from a database of which parts may be damaged: what is
//! not what was written is passed over and counted.

use std::ops::Range;

use rusqlite::{Connection, Row};

use crate::store::error::is_database_damage;

/// Times that a scan begins anew behind a part that cannot be read.
const MAX_JUMPS: u32 = 256;

/// What is scanned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) table: &'static str,
    /// The key first.
    pub(super) columns: &'static str,
    /// The column in whose order rows come: the table's integer key.
    pub(super) key: &'static str,
    /// How far behind the last key that could be read the next attempt begins; twice as far each
    /// time.
    pub(super) jump: i64,
}

/// Gives `take` each whole row with a key in `keys`, until it says that it has enough. Returns how
/// many rows were passed over; a part that cannot be read at all counts as one.
pub(super) fn scan<T>(
    db: &Connection,
    scan: &Scan,
    keys: Range<i64>,
    read: fn(&Row<'_>) -> rusqlite::Result<Option<T>>,
    mut take: impl FnMut(T) -> bool,
) -> rusqlite::Result<u64> {
    let Scan { table, columns, key, jump } = scan;
    let sql =
        format!("SELECT {columns} FROM {table} WHERE ?1 <= {key} AND {key} < ?2 ORDER BY {key}");
    let (mut next, mut reach, mut damaged) = (keys.start, *jump, 0);
    for _ in 0..MAX_JUMPS {
        let mut last = None;
        let mut pass = || -> rusqlite::Result<()> {
            let mut select = db.prepare_cached(&sql)?;
            let mut rows = select.query([next, keys.end])?;
            while let Some(row) = rows.next()? {
                let key: i64 = row.get(0)?;
                // In a damaged tree, keys may stand where they do not belong.
                let is_in_order = last.is_none_or(|last| last < key) && next <= key;
                let whole = if is_in_order { read(row).unwrap_or(None) } else { None };
                match whole {
                    Some(row) => {
                        last = Some(key);
                        if !take(row) {
                            return Ok(());
                        }
                    }
                    None => damaged += 1,
                }
            }
            Ok(())
        };
        match pass() {
            Err(error) if is_database_damage(&error) => {}
            done => return done.map(|()| damaged),
        }
        damaged += 1;
        if let Some(last) = last {
            reach = *jump;
            next = last;
        }
        next = next.saturating_add(reach);
        reach = reach.saturating_mul(2);
        if keys.end <= next {
            break;
        }
    }
    Ok(damaged)
}
