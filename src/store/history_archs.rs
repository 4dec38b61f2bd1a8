//! What the history keeps of architectures: a summary of those with the best rewards and of the
//! last ones, and a sketch from which all that were ever drawn are counted. Both are as large
//! after a year as after a day.
//!
//! The sketch is a `HyperLogLog` (Flajolet et al., 2007): of the hashes that fall into a slot it keeps
//! the greatest number of leading zeros. It counts any number within 1 or 2 %. To draw an architecture again, as after a resume, changes nothing.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use crate::store::HistoryRow;
use crate::store::arch_code::{pack, unpack};
use crate::store::history_marks::int;
use crate::store::history_row::from_sql_int;
use crate::store::seal::{is_whole, real, sealed};

/// The table of the summaries.
pub(super) const ARCHS: &str = "archs";

/// The columns of a summary, in the order in which they are summed.
pub(super) const ARCH_COLUMNS: &str = "arch, times, best, total, last_step, sum";

/// Summaries that stay: as many with the best rewards, and as many of the last.
pub(super) const N_BEST_ARCHS: u32 = 5000;

/// Bits of a hash that choose its slot.
const SLOT_BITS: u32 = 14;

/// The summary of one architecture.
#[derive(Clone, Debug)]
pub(super) struct ArchRow {
    pub(super) arch_id: String,
    pub(super) times: u64,
    pub(super) best: f64,
    pub(super) total: f64,
    pub(super) last_step: u64,
}

impl ArchRow {
    /// Reads a row with [`ARCH_COLUMNS`], if it is what was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        if !is_whole(ARCHS, row)? {
            return Ok(None);
        }
        let Some(arch_id) = unpack(row.get_ref(0)?) else { return Ok(None) };
        Ok(Some(Self {
            arch_id,
            times: from_sql_int(row, 1)?,
            best: row.get(2)?,
            total: row.get(3)?,
            last_step: from_sql_int(row, 4)?,
        }))
    }
}

/// Adds a scored row to its architecture's summary.
pub(super) fn add(db: &Connection, row: &HistoryRow) -> rusqlite::Result<()> {
    let Some(reward) = row.reward.filter(|reward| !reward.is_nan()) else { return Ok(()) };
    let arch = pack(&row.arch_id);
    let select = format!("SELECT {ARCH_COLUMNS} FROM archs WHERE arch = ?1");
    let known = db.prepare_cached(&select)?.query_row([&arch], ArchRow::read).optional()?.flatten();
    let (times, best, total) =
        known.map_or((0, reward, 0.0), |known| (known.times, known.best, known.total));
    let values = vec![
        arch,
        int(times + 1).into(),
        real(Some(best.max(reward))),
        real(Some(total + reward)),
        int(row.step).into(),
    ];
    let sql = "INSERT OR REPLACE INTO archs VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(sql)?.execute(params_from_iter(sealed(ARCHS, values))).map(drop)
}

/// Drops the summaries that are neither among the best nor among the last.
pub(super) fn drop_others(db: &Connection) -> rusqlite::Result<()> {
    let sql = "DELETE FROM archs
               WHERE arch NOT IN (SELECT arch FROM archs
                                  ORDER BY best DESC, last_step DESC, arch LIMIT ?1)
                 AND arch NOT IN (SELECT arch FROM archs
                                  ORDER BY last_step DESC, best DESC, arch LIMIT ?1)";
    db.prepare_cached(sql)?.execute([N_BEST_ARCHS]).map(drop)
}

/// A sketch of a set of architectures.
#[derive(Clone, Debug)]
pub(super) struct Sketch(Vec<u8>);

impl Sketch {
    /// The sketch in the database.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut ranks = vec![0; 1 << SLOT_BITS];
        let mut select = db.prepare("SELECT slot, rank FROM seen")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (slot, rank): (i64, i64) = (row.get(0)?, row.get(1)?);
            if let Some(known) = usize::try_from(slot).ok().and_then(|slot| ranks.get_mut(slot)) {
                *known = u8::try_from(rank).unwrap_or(0).min(max_rank());
            }
        }
        Ok(Self(ranks))
    }

    /// Adds an architecture; what changes is written.
    pub(super) fn add(&mut self, db: &Connection, arch_id: &str) -> rusqlite::Result<()> {
        let hash = blake3::hash(arch_id.as_bytes());
        let mut bits = [0; 8];
        bits.copy_from_slice(&hash.as_bytes()[..8]);
        let bits = u64::from_be_bytes(bits);
        let number = (bits >> (u64::BITS - SLOT_BITS)) as u32;
        let slot = number as usize;
        let rank = ((bits << SLOT_BITS).leading_zeros() as u8 + 1).min(max_rank());
        if rank <= self.0[slot] {
            return Ok(());
        }
        self.0[slot] = rank;
        let values: [Value; 2] = [number.into(), i64::from(rank).into()];
        let sql = "INSERT OR REPLACE INTO seen VALUES (?1, ?2)";
        db.prepare_cached(sql)?.execute(params_from_iter(values)).map(drop)
    }

    /// About how many different architectures were added.
    pub(super) fn count(&self) -> u64 {
        let slots = self.0.len() as f64;
        let empty: u32 = self.0.iter().map(|&rank| u32::from(rank == 0)).sum();
        let few = slots * (slots / f64::from(empty)).ln();
        if few <= 2.5 * slots {
            return few.round() as u64;
        }
        let sum: f64 = self.0.iter().map(|&rank| f64::from(rank).exp2().recip()).sum();
        (0.7213 / (1.0 + 1.079 / slots) * slots * slots / sum).round() as u64
    }
}

/// The greatest rank that a hash can have.
const fn max_rank() -> u8 {
    (u64::BITS - SLOT_BITS + 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_counted_within_a_percent() {
        let db = Connection::open_in_memory().unwrap();
        db.execute("CREATE TABLE seen (slot INTEGER PRIMARY KEY, rank INTEGER)", []).unwrap();
        let mut sketch = Sketch::load(&db).unwrap();
        assert_eq!(sketch.count(), 0);
        let mut added = 0;
        for count in [1, 10, 100, 40_000, 200_000_u32] {
            for number in added..count {
                sketch.add(&db, &format!("m5-{number}")).unwrap();
                sketch.add(&db, &format!("m5-{}", number / 2)).unwrap();
            }
            added = count;
            let error = (sketch.count() as f64 / f64::from(count) - 1.0).abs();
            assert!(error < 0.011, "{count}: {}", sketch.count());
        }
        assert_eq!(Sketch::load(&db).unwrap().count(), sketch.count());
    }
}
