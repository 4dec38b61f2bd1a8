//! Questions to the history, on connections of their own: an answer never waits for the search.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::{Deserialize, Serialize};

use crate::store::history_row::from_sql_int;
use crate::store::history_schema::{check_whole, database_error, open_to_look, open_to_read};
use crate::store::{EventRow, HistoryRow, StepRow, StoreError};

/// The most rows that one answer has, whatever is asked for.
const MAX_ROWS: u32 = 10_000;

/// Rewards among which a percentile is taken: the latest, since ω moves on.
const N_RECENT_REWARDS: u32 = 10_000;

/// Which architectures come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchOrder {
    /// Those with the highest reward.
    Best,
    /// Those scored last.
    Latest,
}

/// What the history knows of one architecture that was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchSummary {
    /// A native text form; of several that mean the same, the first in the alphabet.
    pub arch: String,
    /// Its canonical id.
    pub arch_id: String,
    /// How often it was scored.
    pub times: u64,
    /// Its highest reward.
    pub best_reward: f64,
    /// The mean of its rewards.
    pub mean_reward: f64,
    /// The step of the last one.
    pub last_step: u64,
}

/// A connection that reads the history and cannot write it.
#[derive(Debug)]
pub struct HistoryReader {
    db: Connection,
    path: PathBuf,
}

impl HistoryReader {
    /// Opens the database at `path`, which a [`History`](crate::store::History) has made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open_to_read(path)?, path: path.to_owned() })
    }

    /// Opens the database at `path` without making a file, unless its last writer was killed.
    /// What a daemon that starts meanwhile writes may then be missed.
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open_to_look(path)?, path: path.to_owned() })
    }

    /// Looks at every page, which takes some seconds for a gigabyte.
    pub fn check(&self) -> Result<(), StoreError> {
        check_whole(&self.db, &self.path, u64::MAX)
    }

    /// Architectures that were scored.
    pub fn archs(&self, order: ArchOrder, limit: u32) -> Result<Vec<ArchSummary>, StoreError> {
        let order = match order {
            ArchOrder::Best => "max(reward) DESC, max(step) DESC, arch_id",
            ArchOrder::Latest => "max(step) DESC, max(reward) DESC, arch_id",
        };
        let sql = format!(
            "SELECT min(arch), arch_id, count(*), max(reward), avg(reward), max(step)
             FROM rollouts WHERE reward IS NOT NULL
             GROUP BY arch_id ORDER BY {order} LIMIT ?1"
        );
        self.rows(&sql, [limit.min(MAX_ROWS)], arch_summary)
    }

    /// One architecture, if it was scored.
    pub fn arch(&self, arch_id: &str) -> Result<Option<ArchSummary>, StoreError> {
        let sql = "SELECT min(arch), arch_id, count(*), max(reward), avg(reward), max(step)
                   FROM rollouts WHERE reward IS NOT NULL AND arch_id = ?1 GROUP BY arch_id";
        let found = self.db.query_row(sql, [arch_id], arch_summary).optional();
        found.map_err(database_error("read", &self.path))
    }

    /// What was drawn from `since_step` on, in the order in which the search went: about `limit`
    /// rows, but the last step is given whole, so the next call goes on at the step after it.
    pub fn history(&self, since_step: u64, limit: u32) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = "SELECT step, arm, idx, phase, cycle, epoch, arch, arch_id, reward, log_prob,
                          entropy
                   FROM rollouts
                   WHERE ?1 <= step AND step <= ifnull(
                       (SELECT step FROM rollouts WHERE ?1 <= step ORDER BY step
                        LIMIT 1 OFFSET ?2), ?3)
                   ORDER BY step, arm, idx";
        let offset = limit.clamp(1, MAX_ROWS) - 1;
        self.rows(sql, params![clamp(since_step), offset, i64::MAX], history_row)
    }

    /// The steps of ω from `since_step` on.
    pub fn steps(&self, since_step: u64, limit: u32) -> Result<Vec<StepRow>, StoreError> {
        let sql = "SELECT step, loss, accuracy, lr, grad_norm FROM steps
                   WHERE ?1 <= step ORDER BY step LIMIT ?2";
        self.rows(sql, params![clamp(since_step), limit.min(MAX_ROWS)], |row| {
            Ok(StepRow {
                step: from_sql_int(row, 0)?,
                loss: row.get(1)?,
                accuracy: row.get(2)?,
                lr: row.get(3)?,
                grad_norm: row.get(4)?,
            })
        })
    }

    /// Events after the one numbered `since_seq`; 0 for all that are kept.
    pub fn events(&self, since_seq: u64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let sql = "SELECT seq, at_unix_ms, kind, message FROM events
                   WHERE ?1 < seq ORDER BY seq LIMIT ?2";
        self.rows(sql, params![clamp(since_seq), limit.min(MAX_ROWS)], |row| {
            Ok(EventRow {
                seq: from_sql_int(row, 0)?,
                at_unix_ms: row.get(1)?,
                kind: row.get(2)?,
                message: row.get(3)?,
            })
        })
    }

    /// The last events, oldest first.
    pub fn last_events(&self, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let before = "SELECT ifnull(max(seq), 0) FROM (SELECT seq FROM events ORDER BY seq DESC
                      LIMIT -1 OFFSET ?1)";
        self.events(self.number(before, [limit.min(MAX_ROWS)])?, limit)
    }

    /// What was drawn last, in the order in which the search went.
    pub fn last_history(&self, limit: u32) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = "SELECT step, arm, idx, phase, cycle, epoch, arch, arch_id, reward, log_prob,
                          entropy
                   FROM rollouts ORDER BY step DESC, arm DESC, idx DESC LIMIT ?1";
        let mut rows = self.rows(sql, [limit.min(MAX_ROWS)], history_row)?;
        rows.reverse();
        Ok(rows)
    }

    /// The percentage of recent rewards, of the policy and of the control arm, that `reward`
    /// exceeds; those equal to it count half. None if nothing was scored, or `reward` is no
    /// number.
    pub fn percentile(&self, reward: f64) -> Result<Option<f64>, StoreError> {
        let sql = "SELECT 100.0 * (total(reward < ?1) + 0.5 * total(reward = ?1)) / count(*)
                   FROM (SELECT reward FROM rollouts
                         WHERE reward IS NOT NULL AND arm IN ('controller', 'random')
                         ORDER BY step DESC, arm DESC, idx DESC LIMIT ?2)";
        if reward.is_nan() {
            return Ok(None);
        }
        // SQLite gives NULL for a division by zero.
        let found = self.db.query_row(sql, params![reward, N_RECENT_REWARDS], |row| row.get(0));
        found.map_err(database_error("read", &self.path))
    }

    /// How many different architectures were drawn.
    pub fn unique_archs(&self) -> Result<u64, StoreError> {
        self.number("SELECT count(DISTINCT arch_id) FROM rollouts", [])
    }

    /// How many architectures were drawn, repetitions included.
    pub fn count(&self) -> Result<u64, StoreError> {
        self.number("SELECT count(*) FROM rollouts", [])
    }

    fn number(&self, sql: &str, params: impl Params) -> Result<u64, StoreError> {
        let found = self.db.query_row(sql, params, |row| from_sql_int(row, 0));
        found.map_err(database_error("read", &self.path))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let select = || -> rusqlite::Result<Vec<T>> {
            self.db.prepare_cached(sql)?.query_map(params, read)?.collect()
        };
        select().map_err(database_error("read", &self.path))
    }
}

/// No stored count is greater than the greatest that SQLite knows.
fn clamp(since: u64) -> i64 {
    i64::try_from(since).unwrap_or(i64::MAX)
}

fn arch_summary(row: &Row<'_>) -> rusqlite::Result<ArchSummary> {
    Ok(ArchSummary {
        arch: row.get(0)?,
        arch_id: row.get(1)?,
        times: from_sql_int(row, 2)?,
        best_reward: row.get(3)?,
        mean_reward: row.get(4)?,
        last_step: from_sql_int(row, 5)?,
    })
}

fn history_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    Ok(HistoryRow {
        step: from_sql_int(row, 0)?,
        arm: row.get(1)?,
        idx: row.get(2)?,
        phase: row.get(3)?,
        cycle: row.get(4)?,
        epoch: row.get(5)?,
        arch: row.get(6)?,
        arch_id: row.get(7)?,
        reward: row.get(8)?,
        log_prob: row.get(9)?,
        entropy: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{History, HistoryArm, HistoryPhase};

    fn row(step: u64, arm: HistoryArm, id: &str, reward: Option<f64>) -> HistoryRow {
        HistoryRow {
            step,
            arm,
            idx: 0,
            phase: if reward.is_some() { HistoryPhase::Controller } else { HistoryPhase::Shared },
            cycle: 1,
            epoch: 2,
            arch: format!("text of {id}"),
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
        use HistoryArm::{Controller, Derive, Random};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        assert!(HistoryReader::open(&path).is_err());
        let mut history = History::open(&path).unwrap();
        let rows = vec![
            row(1, Controller, "a", None),
            row(2, Controller, "a", Some(0.5)),
            row(2, Random, "b", Some(0.25)),
            row(3, Controller, "a", Some(0.75)),
            row(3, Random, "c", Some(0.75)),
            row(4, Derive, "b", Some(0.875)),
        ];
        let step = StepRow { step: 1, loss: Some(2.0), accuracy: None, lr: 0.1, grad_norm: None };
        history.record(&rows, &[step]).unwrap();
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
            arch: "text of a".into(),
            arch_id: "a".into(),
            times: 2,
            best_reward: 0.75,
            mean_reward: 0.625,
            last_step: 3,
        };
        assert_eq!(reader.arch("a").unwrap(), Some(expected));
        assert_eq!(reader.arch("z").unwrap(), None);
        assert_eq!((reader.count().unwrap(), reader.unique_archs().unwrap()), (6, 3));
    }

    #[test]
    fn pages_of_the_history_hold_whole_steps() {
        let Rig { reader, rows, .. } = &rig();
        assert_eq!(reader.history(0, 100).unwrap(), *rows);
        assert_eq!(reader.history(0, 2).unwrap(), rows[..3]);
        assert_eq!(reader.history(3, 1).unwrap(), rows[3..5]);
        assert_eq!(reader.history(5, 1).unwrap(), []);
        assert_eq!(reader.history(u64::MAX, 0).unwrap(), []);
        assert_eq!(reader.steps(0, 9).unwrap()[0].loss, Some(2.0));
        assert_eq!(reader.steps(2, 9).unwrap(), []);
    }

    #[test]
    fn the_last_rows_and_events_come_in_their_order() {
        let Rig { history, reader, rows, .. } = &mut rig();
        assert_eq!(reader.last_history(2).unwrap(), rows[4..]);
        assert_eq!(reader.last_history(100).unwrap(), *rows);
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
        assert_eq!(HistoryReader::look(&path).unwrap().count().unwrap(), 6);
        drop((reader, history));
        let names = || {
            let names = std::fs::read_dir(folder.path()).unwrap();
            names.map(|name| name.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert_eq!(names(), ["history.sqlite"]);
        HistoryReader::look(&path).unwrap().check().unwrap();
        assert_eq!(names(), ["history.sqlite"]);

        let mut bytes = std::fs::read(&path).unwrap();
        let start = bytes.len() - 4096;
        bytes[start..].fill(0xff);
        let odd = folder.path().join("100% odd?#.sqlite");
        std::fs::write(&odd, &bytes).unwrap();
        assert!(HistoryReader::look(&odd).unwrap().check().is_err());
        let missing = HistoryReader::look(&folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("/none"), "{missing}");
    }

    #[test]
    fn a_percentile_is_among_the_policy_and_the_control_arm() {
        let Rig { reader, .. } = &rig();
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
        assert_eq!(reader.archs(ArchOrder::Best, 9).unwrap(), []);
    }

    #[test]
    fn events_go_on_after_the_last_one_seen() {
        let Rig { history, reader, .. } = &mut rig();
        let first = history.event(10, "started", "at step 0").unwrap();
        let second = history.event(5, "paused", "by uid 0").unwrap();
        assert!(first < second);
        let events = reader.events(0, 9).unwrap();
        assert_eq!(events.len(), 2);
        let expected = EventRow {
            seq: second,
            at_unix_ms: 5,
            kind: "paused".into(),
            message: "by uid 0".into(),
        };
        assert_eq!(reader.events(first, 9).unwrap(), [expected]);
        assert_eq!(reader.events(0, 1).unwrap(), events[..1]);
    }

    #[test]
    fn a_reader_cannot_write() {
        let Rig { reader, .. } = &rig();
        assert!(reader.db.execute("DELETE FROM rollouts", []).is_err());
    }
}
