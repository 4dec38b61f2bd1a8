//! The id of an architecture in as few bytes as it can be: its base-32 digits, five bits each.
//!
//! ```text
//! m5-04m8…   =   head │ m │ 5 │ 0 │ 4 │ m │ 8 │ …      five bits each, then zeros to a whole byte
//! head       =   length of the tag before the `-`, and 16 where the zeros would make a digit
//! ```
//!
//! An id of another form is kept as the text it is. [`id_sql`] is the same in plain SQL, so that
//! the database is read by any program.

use rusqlite::types::{Value, ValueRef};

/// The digits of an id, by value.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Set in the head where one more digit fits the bytes than there is.
const SPARE: u8 = 16;

/// An id as the database holds it.
pub(super) fn pack(id: &str) -> Value {
    pack_digits(id).map_or_else(|| Value::Text(id.to_owned()), Value::Blob)
}

fn pack_digits(id: &str) -> Option<Vec<u8>> {
    let (tag, rest) = id.split_once('-').filter(|(_, rest)| !rest.is_empty())?;
    let tag_len = u8::try_from(tag.len()).ok().filter(|len| (1..SPARE).contains(len))?;
    let n_digits = 1 + tag.len() + rest.len();
    let n_bytes = (5 * n_digits).div_ceil(8);
    let spare = if 8 * n_bytes / 5 == n_digits { 0 } else { SPARE };
    let mut bytes = vec![0; n_bytes];
    let mut put = |place: usize, digit: u8| {
        let bits = u16::from(digit) << (11 - 5 * place % 8);
        let [high, low] = bits.to_be_bytes();
        bytes[5 * place / 8] |= high;
        if let Some(next) = bytes.get_mut(5 * place / 8 + 1) {
            *next |= low;
        }
    };
    put(0, tag_len | spare);
    for (idx, c) in tag.bytes().chain(rest.bytes()).enumerate() {
        put(1 + idx, DIGITS.iter().position(|&digit| digit == c)? as u8);
    }
    Some(bytes)
}

/// The id that a value of the database holds, if it holds one.
pub(super) fn unpack(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).ok(),
        ValueRef::Blob(bytes) => unpack_digits(bytes),
        _ => None,
    }
}

fn unpack_digits(bytes: &[u8]) -> Option<String> {
    let digit = |place: usize| -> Option<u8> {
        let high = *bytes.get(5 * place / 8)?;
        let low = bytes.get(5 * place / 8 + 1).copied().unwrap_or(0);
        Some((u16::from_be_bytes([high, low]) >> (11 - 5 * place % 8)) as u8 & 31)
    };
    let head = digit(0)?;
    let n_digits = 8 * bytes.len() / 5 - usize::from(head / SPARE);
    let mut id = String::new();
    for place in 1..n_digits {
        if place == 1 + usize::from(head % SPARE) {
            id.push('-');
        }
        id.push(char::from(DIGITS[usize::from(digit(place)?)]));
    }
    Some(id)
}

/// The id that the column `arch` holds, in SQL.
pub(super) fn id_sql(arch: &str) -> String {
    let nibble = |skip: &str| {
        format!("instr('0123456789ABCDEF', substr(hex({arch}), {skip} + 5 * n / 4, 1)) - 1")
    };
    let digit = format!("((16 * ({}) + {}) >> (3 - 5 * n % 4) & 31)", nibble("1"), nibble("2"));
    let digits = String::from_utf8_lossy(DIGITS);
    format!(
        "iif(typeof({arch}) = 'text', {arch}, (
            WITH RECURSIVE digits(n, head, id) AS (
                SELECT 1, (SELECT {digit} FROM (SELECT 0 AS n)), ''
                UNION ALL
                SELECT n + 1, head, id || iif(n = 1 + head % 16, '-', '')
                                       || substr('{digits}', 1 + {digit}, 1)
                FROM digits WHERE n < 8 * length({arch}) / 5 - head / 16
            )
            SELECT id FROM digits ORDER BY n DESC LIMIT 1))"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::space::{MicroSpace, Space};
    use rand::RngExt;
    use rusqlite::Connection;

    /// Ids of every size of the micro space, and ids of other forms.
    fn ids() -> Vec<String> {
        let mut rng = generator(1, Owner::Split, 0);
        let mut ids: Vec<String> = (2..=7)
            .flat_map(|nodes| [nodes; 9])
            .map(|nodes| {
                let space = Space::Micro(MicroSpace::new(nodes).unwrap());
                let script = space.script();
                let choices: Vec<_> =
                    script.options().map(|n| rng.random_range(0..n as u32)).collect();
                space.arch(&choices).unwrap().id()
            })
            .collect();
        ids.extend(
            ["w24h-0123456789abcdefghjkmnpqrs", "plain", "-x", "m-", "m5-ILU", ""].map(Into::into),
        );
        ids
    }

    #[test]
    fn every_id_reads_back_in_rust_and_in_sql() {
        let db = Connection::open_in_memory().unwrap();
        let sql = format!("SELECT {} FROM (SELECT ?1 AS arch)", id_sql("arch"));
        for id in ids() {
            let packed = pack(&id);
            assert_eq!(unpack((&packed).into()).as_ref(), Some(&id));
            let found: String = db.query_row(&sql, [&packed], |row| row.get(0)).unwrap();
            assert_eq!(found, id);
        }
    }

    #[test]
    fn an_id_of_five_nodes_takes_thirteen_bytes() {
        let Value::Blob(bytes) = pack("m5-04m8v2xkz00000000") else { panic!("it is no text") };
        assert_eq!(bytes.len(), 13);
        assert!(matches!(pack("plain"), Value::Text(_)));
    }
}
