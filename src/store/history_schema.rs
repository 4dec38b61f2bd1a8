//! The tables of `history.sqlite`, and how a database is opened.
//!
//! ```text
//! rollouts   one row for each architecture drawn; named by step, arm and index
//! steps      one row for each step of ω
//! events     what happened to the daemon, numbered
//! history    a view of `rollouts` for people, in the order in which the search went
//! ```

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::atomic::is_there;
use crate::store::{Defect, StoreError};

/// The schema that this program writes, in `PRAGMA user_version`.
pub(super) const VERSION: u32 = 1;

/// Says in the file's header whose database it is: `ENAS`.
const APPLICATION_ID: i32 = 0x454e_4153;

/// How long a connection waits for another one: far longer than any transaction takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Databases up to this size are checked whole when they are opened: about 0.1 s.
const MAX_CHECKED_BYTES: u64 = 32 << 20;

/// `user_version` is set last, in the same transaction: a schema is whole or not there.
const SCHEMA: &str = "
CREATE TABLE rollouts (
    step     INTEGER NOT NULL CHECK (0 <= step),
    arm      TEXT    NOT NULL CHECK (arm IN ('controller', 'random', 'derive')),
    idx      INTEGER NOT NULL CHECK (0 <= idx),
    phase    TEXT    NOT NULL CHECK (phase IN ('shared', 'controller', 'derive')),
    cycle    INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    arch     TEXT    NOT NULL,
    arch_id  TEXT    NOT NULL,
    reward   REAL    CHECK (reward IS NULL OR phase <> 'shared'),
    log_prob REAL,
    entropy  REAL,
    PRIMARY KEY (step, arm, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollouts_by_arch ON rollouts (arch_id, reward, step);
CREATE TABLE steps (
    step      INTEGER PRIMARY KEY CHECK (0 <= step),
    loss      REAL,
    accuracy  REAL,
    lr        REAL NOT NULL,
    grad_norm REAL
) STRICT;
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_unix_ms INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    message    TEXT    NOT NULL
) STRICT;
CREATE VIEW history AS
    SELECT cycle, epoch, phase, step, idx, arm, arch, arch_id, reward
    FROM rollouts
    ORDER BY step, arm, idx;
";

/// For `map_err`: says what was tried on which database.
pub(super) fn database_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Database { action, path, source }
}

/// Opens the database to be written, and makes it where it is missing.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let failed = || database_error("open", path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut db = open(path, flags)?;
    check_whole(&db, path, MAX_CHECKED_BYTES)?;
    if version(&db, path)?.is_none() {
        create(&mut db).map_err(database_error("create", path))?;
    }
    // A filesystem without shared memory keeps the older journal, which is as safe.
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed())?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
    Ok(db)
}

/// Opens the database to be read. It must be there.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match version(&db, path)? {
        Some(_) => Ok(db),
        None => Err(StoreError::NotFound { path: path.to_owned() }),
    }
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
    match version(&db, path) {
        Ok(Some(_)) => Ok(db),
        Ok(None) => Err(StoreError::NotFound { path: path.to_owned() }),
        // The index is missing: only a reader that makes one reads the log.
        Err(StoreError::Database { .. }) if has_log(path)? => open_to_read(path),
        Err(err) => Err(err),
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

/// The schema's version, if it is one that this program knows; none if the database is empty.
fn version(db: &Connection, path: &Path) -> Result<Option<u32>, StoreError> {
    let number = |pragma| {
        db.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
            .map_err(database_error("read", path))
    };
    let is_own = number("application_id")? == APPLICATION_ID;
    match number("user_version")? {
        found if is_own && found == VERSION.cast_signed() => Ok(Some(VERSION)),
        found if is_own && VERSION.cast_signed() < found => Err(StoreError::Format {
            path: path.to_owned(),
            found: found.cast_unsigned(),
            expected: VERSION,
        }),
        _ if n_tables(db).map_err(database_error("read", path))? == 0 => Ok(None),
        _ => Err(StoreError::Corrupt { path: path.to_owned(), why: Defect::ForeignDatabase }),
    }
}

fn n_tables(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
}

fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Looks at every page of a database of at most `max_bytes`. Damage inside of a value has no
/// sign: nothing depends on these values, since the search goes on from its checkpoint.
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
