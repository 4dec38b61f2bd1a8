//! The checksum that every row of the history ends with: the CRC-32 of its table's name and of
//! all its values, so that a bit that flipped on disk is told from what was written.
//!
//! A row is a list of SQL values in the order of the table's columns; the sum comes last.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

/// A number as SQLite keeps it: it knows neither a NaN nor a negative zero.
pub(super) fn real(value: Option<f64>) -> Value {
    match value {
        Some(value) if !value.is_nan() => Value::Real(value + 0.0),
        _ => Value::Null,
    }
}

/// The values of a row of `table`, and their sum.
pub(super) fn sealed(table: &str, mut values: Vec<Value>) -> Vec<Value> {
    let sum = sum(table, values.iter().map(ValueRef::from));
    values.push(Value::Integer(sum));
    values
}

/// Whether a row that was selected with all its columns is what was written.
pub(super) fn is_whole(table: &str, row: &Row<'_>) -> rusqlite::Result<bool> {
    let last = row.as_ref().column_count() - 1;
    let values = (0..last).map(|idx| row.get_ref(idx)).collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(row.get_ref(last)? == ValueRef::Integer(sum(table, values.into_iter())))
}

fn sum<'a>(table: &str, values: impl Iterator<Item = ValueRef<'a>>) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(table.as_bytes());
    for value in values {
        match value {
            ValueRef::Null => hasher.update(&[0]),
            ValueRef::Integer(value) => {
                hasher.update(&[1]);
                hasher.update(&value.to_le_bytes());
            }
            ValueRef::Real(value) => {
                hasher.update(&[2]);
                hasher.update(&value.to_bits().to_le_bytes());
            }
            ValueRef::Text(bytes) => put_bytes(&mut hasher, 3, bytes),
            ValueRef::Blob(bytes) => put_bytes(&mut hasher, 4, bytes),
        }
    }
    // As SQLite keeps a number of 32 bits in the fewest bytes.
    i64::from(hasher.finalize().cast_signed())
}

/// With their length, so that no two lists of values read the same.
fn put_bytes(hasher: &mut crc32fast::Hasher, kind: u8, bytes: &[u8]) {
    hasher.update(&[kind]);
    hasher.update(&bytes.len().to_le_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Connection, params_from_iter};

    #[test]
    fn what_sqlite_gives_back_has_the_sum_of_what_was_written() {
        let db = Connection::open_in_memory().unwrap();
        db.execute("CREATE TABLE t (a ANY, b REAL, c REAL, d TEXT, sum INTEGER) STRICT", [])
            .unwrap();
        let values =
            |b| vec![Value::Blob(vec![1, 2]), real(b), real(Some(-0.0)), Value::Text("é".into())];
        for b in [None, Some(f64::NAN), Some(1.0), Some(0.1), Some(f64::INFINITY), Some(-1e300)] {
            let row = sealed("t", values(b));
            db.execute("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)", params_from_iter(row)).unwrap();
        }
        let whole = |sql: &str| -> Vec<bool> {
            let mut select = db.prepare(sql).unwrap();
            let rows = select.query_map([], |row| is_whole("t", row)).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(whole("SELECT * FROM t"), [true; 6]);
        db.execute("UPDATE t SET b = 0.10000000000000002 WHERE b = 0.1", []).unwrap();
        db.execute("UPDATE t SET a = 0 WHERE b = 1", []).unwrap();
        assert_eq!(whole("SELECT * FROM t"), [true, true, false, false, true, true]);
    }
}
