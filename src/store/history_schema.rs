//! How the database of the history is opened, made, and told from others.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::atomic::is_there;
use crate::store::error::io_error;
use crate::store::history_tables::{TABLES, views};
use crate::store::history_third::upgrade_champions;
use crate::store::{Defect, StoreError};
use crate::store::{history_children, history_trials};

/// The schema that this program writes, in `PRAGMA user_version`.
pub(super) const VERSION: u32 = 4;

/// Memory for pages of a connection that reads; negative, as SQLite writes kibibytes.
const READ_CACHE_KIB: i64 = -256;

/// Says in the file's header whose database it is: `ENAS`.
const APPLICATION_ID: i32 = 0x454e_4153;

/// How long a connection waits for another one: far longer than any transaction takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Databases up to this size are checked whole when they are opened: about 0.1 s.
const MAX_CHECKED_BYTES: u64 = 32 << 20;

/// What the log beside the database shrinks to once its pages are in the database.
const MAX_IDLE_LOG_BYTES: i64 = 4 << 20;

/// For `map_err`: says what was tried on which database.
pub(super) fn database_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Database { action, path, source }
}

/// Opens the database to be written, and makes it where it is missing. One of an older format is
/// for [`History::open`](crate::store::History::open).
pub(super) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let failed = || database_error("open", path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut db = open(path, flags)?;
    check_whole(&db, path, MAX_CHECKED_BYTES)?;
    if format(&db, path)?.is_none() {
        create(&mut db).map_err(database_error("create", path))?;
    }
    current(&db, path)?;
    rename_epoch(&mut db).map_err(failed())?;
    db.execute_batch(history_children::TABLE).map_err(failed())?;
    // A filesystem without shared memory keeps the older journal, which is as safe.
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed())?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
    db.pragma_update_and_check(None, "journal_size_limit", MAX_IDLE_LOG_BYTES, |_| Ok(()))
        .map_err(failed())?;
    Ok(db)
}

/// Opens a database of an older format, which is in no other hands, and says of which; `None`
/// where there is none or it is of today's.
pub(super) fn open_older(path: &Path) -> Result<Option<(u32, Connection)>, StoreError> {
    if !is_there(path)? {
        return Ok(None);
    }
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = format(&db, path)?.filter(|&found| found < VERSION);
    Ok(found.map(|found| (found, db)))
}

/// Gives a database of the second or third format what it lacks of today's, all or nothing.
pub(super) fn upgrade(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    transaction.execute_batch(history_trials::TABLES)?;
    upgrade_champions(&transaction)?;
    transaction.execute("INSERT OR REPLACE INTO names VALUES (4, 'injected')", [])?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Opens the database to be read. It must be there.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // There is a connection for each follower; the system keeps the file's pages for all of them.
    db.pragma_update(None, "cache_size", READ_CACHE_KIB).map_err(database_error("open", path))?;
    current(&db, path)?;
    Ok(db)
}

/// Opens the database to be looked at without a trace. A reader of a database with a write-ahead
/// log writes to the index beside it, unless it is told not to; where there is no log, no index is
/// needed either.
pub(super) fn open_to_look(path: &Path) -> Result<Connection, StoreError> {
    let how = if has_log(path)? { "mode=ro&readonly_shm=1" } else { "immutable=1" };
    // What a URI gives a meaning to is written as numbers.
    let text = path.to_string_lossy();
    let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{text}?{how}");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let db = open(Path::new(&uri), flags).map_err(|err| named(err, path))?;
    match current(&db, path) {
        Ok(()) => Ok(db),
        // The index is missing: only a reader that makes one reads the log.
        Err(StoreError::Database { .. }) if has_log(path)? => open_to_read(path),
        Err(err) => Err(err),
    }
}

/// Device and inode of the file at `path`, which a connection keeps whatever becomes of its name;
/// none where nothing has that name.
pub(super) fn identity(path: &Path) -> Result<Option<(u64, u64)>, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("inspect", path)(source)),
    }
}

/// Whether the database has a write-ahead log: it is open, or its last writer was killed.
fn has_log(path: &Path) -> Result<bool, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    is_there(Path::new(&log))
}

/// The same error of a database by its plain name.
fn named(err: StoreError, path: &Path) -> StoreError {
    match err {
        StoreError::Database { action, source, .. } => {
            StoreError::Database { action, path: path.to_owned(), source }
        }
        other => other,
    }
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let settings = |db: Connection| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        // Finds damaged pages earlier, and runs no code that a damaged schema may hold.
        db.pragma_update(None, "cell_size_check", true)?;
        db.pragma_update(None, "trusted_schema", false)?;
        Ok(db)
    };
    Connection::open_with_flags(path, flags)
        .and_then(settings)
        .map_err(database_error("open", path))
}

/// Refuses a database that is empty or of another format than this program writes.
fn current(db: &Connection, path: &Path) -> Result<(), StoreError> {
    match format(db, path)? {
        Some(VERSION) => Ok(()),
        Some(found) => {
            Err(StoreError::OlderFormat { path: path.to_owned(), found, expected: VERSION })
        }
        None => Err(StoreError::NotFound { path: path.to_owned() }),
    }
}

/// The format, if it is one that this program knows; none if the database is empty.
fn format(db: &Connection, path: &Path) -> Result<Option<u32>, StoreError> {
    let number = |pragma| {
        db.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
            .map_err(database_error("read", path))
    };
    let is_own = number("application_id")? == APPLICATION_ID;
    let found = number("user_version")?.cast_unsigned();
    let header = || {
        let why = "the numbers in its header are not those of a history".to_owned();
        StoreError::Corrupt { path: path.to_owned(), why: Defect::Database { why } }
    };
    match found {
        // Of the first format only two views of today's would be taken over.
        1 if is_own && has_marks(db).map_err(database_error("read", path))? => Err(header()),
        1..=VERSION if is_own => Ok(Some(found)),
        _ if is_own && VERSION < found => {
            Err(StoreError::Format { path: path.to_owned(), found, expected: VERSION })
        }
        _ => match tables(db).map_err(database_error("read", path))? {
            (0, _) => Ok(None),
            (_, OWN_TABLES) => Err(header()),
            _ => Err(StoreError::Corrupt { path: path.to_owned(), why: Defect::ForeignDatabase }),
        },
    }
}

/// Tables and views that every format of the history has.
const OWN_TABLES: i64 = 3;

/// What a database has in its schema, and how many of those a history has in every format.
fn tables(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE name IN ('rollouts', 'steps', 'events'))
               FROM sqlite_master";
    db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Makes the views anew where they call the place of an epoch in its cycle an epoch: an epoch
/// counts from the start of the search. The tables stay as they are.
fn rename_epoch(db: &mut Connection) -> rusqlite::Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master
               WHERE type = 'view' AND name = 'rollouts' AND sql LIKE '% AS epoch,%')";
    if !db.query_row(sql, [], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    let transaction = db.transaction()?;
    transaction.execute_batch(
        "DROP VIEW IF EXISTS history; DROP VIEW rollouts; DROP VIEW IF EXISTS hourly;",
    )?;
    transaction.execute_batch(&views())?;
    transaction.commit()
}

/// Whether a database has a table that every format but the first has.
fn has_marks(db: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'marks'";
    db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|found| found != 0)
}

/// `user_version` is set in the same transaction: a schema is whole or not there.
fn create(db: &mut Connection) -> rusqlite::Result<()> {
    // So that what is pruned can be given back to the disk.
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let transaction = db.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(history_trials::TABLES)?;
    transaction.execute_batch(&views())?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Looks at every page of a database of at most `max_bytes`. Damage inside of a value has no
/// sign here: each row's checksum tells it.
pub(super) fn check_whole(db: &Connection, path: &Path, max_bytes: u64) -> Result<(), StoreError> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let check = || -> rusqlite::Result<Option<String>> {
        let bytes = number("page_count")?.saturating_mul(number("page_size")?);
        if i64::try_from(max_bytes).is_ok_and(|max| max < bytes) {
            return Ok(None);
        }
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map(Some)
    };
    match check().map_err(database_error("check", path))? {
        Some(why) if why != "ok" => {
            Err(StoreError::Corrupt { path: path.to_owned(), why: Defect::Database { why } })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_an_earlier_program_are_made_anew_and_rows_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let found = |db: &Connection, sql: &str| {
            let mut select = db.prepare(sql).unwrap();
            let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.collect::<rusqlite::Result<Vec<_>>>().unwrap()
        };
        let made = "SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY name";
        let db = open_to_write(&path).unwrap();
        let expected = found(&db, made);
        db.execute_batch(
            "DROP VIEW rollouts;
             CREATE VIEW rollouts AS
                 SELECT step, steps.cycle AS cycle, steps.epoch AS epoch, 0 AS arch FROM steps;
             INSERT INTO steps VALUES (9, 3, 4, 2, 0, NULL, NULL, NULL, NULL, 0);",
        )
        .unwrap();
        assert_ne!(found(&db, made), expected);
        db.close().unwrap();
        let db = open_to_write(&path).unwrap();
        assert_eq!(found(&db, made), expected);
        let row = "SELECT concat_ws(' ', step, phase, cycle, epoch) FROM steps";
        assert_eq!(found(&db, row), ["9 3 4 2"]);
    }
}
