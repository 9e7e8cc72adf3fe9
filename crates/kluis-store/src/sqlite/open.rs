//! Opens SQLite files, brings them to the newest schema and sets how they sync.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::connection::meaning;
use crate::StoreError;
use crate::migrate::{MIGRATIONS, NEWEST};

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// How often somebody who waits looks again.
const BUSY_STEP: Duration = Duration::from_millis(3);

/// Longest wait of a checkpoint for readers.
const SHORT: Duration = Duration::from_millis(100);

/// The writing connections.
pub(crate) struct Connections {
    pub(crate) data: Connection,
    pub(crate) keys: Connection,
}

/// Opens both files for writing and migrates them.
pub(crate) fn open_writer(data: &Path, keys: &Path) -> Result<Connections, StoreError> {
    for path in [data, keys] {
        make_file(path)?;
    }
    let mut connections = Connections { data: open_file(data)?, keys: open_file(keys)? };
    // Newer ones are refused before anything changes.
    for connection in [&connections.data, &connections.keys] {
        let found = version(connection)?;
        if found > NEWEST {
            return Err(StoreError::SchemaTooNew { found, known: NEWEST });
        }
    }
    for connection in [&mut connections.data, &mut connections.keys] {
        settings(connection, "-8192").map_err(|error| meaning(&error))?;
    }
    // The index tables of the data are written in random places.
    connections.data.pragma_update(None, "cache_size", -65_536).map_err(|error| meaning(&error))?;
    migrate(&connections.data, |n| MIGRATIONS[n].sqlite_parts().0)?;
    migrate(&connections.keys, |n| MIGRATIONS[n].sqlite_parts().1)?;
    Ok(connections)
}

/// Opens a file that exists for reading only.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_file(path)?;
    settings(&mut connection, "-8192").map_err(|error| meaning(&error))?;
    connection.pragma_update(None, "query_only", true).map_err(|error| meaning(&error))?;
    Ok(connection)
}

/// Opens a file that exists for moving its write-ahead log.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_file(path)?;
    settings(&mut connection, "-1024").map_err(|error| meaning(&error))?;
    connection.busy_timeout(SHORT).map_err(|error| meaning(&error))?;
    Ok(connection)
}

/// Makes the file with mode 0600 when it is missing, and checks that it can be written.
fn make_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    file.map(|_| ()).map_err(|error| match error.kind() {
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => StoreError::ReadOnly,
        std::io::ErrorKind::StorageFull => StoreError::Full,
        kind => StoreError::unavailable(format!("opening the database file: {kind}")),
    })
}

fn open_file(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|error| meaning(&error))
}

fn settings(connection: &mut Connection, cache: &str) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait_for_writer))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", cache)?;
    // The checkpoint thread moves the log; the writer does it itself only when the log grows to 512 MiB meanwhile.
    connection.pragma_update(None, "wal_autocheckpoint", 131_072)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
}

std::thread_local! {
    /// How long this thread waits for others.
    static PATIENCE: Cell<Duration> = const { Cell::new(BUSY) };
}

/// Looks often: who imports gives way between transactions only for a moment.
fn wait_for_writer(tries: i32) -> bool {
    std::thread::sleep(BUSY_STEP);
    BUSY_STEP * tries.cast_unsigned() < PATIENCE.get()
}

/// Lets this thread wait for others no longer than this while it does something.
pub(crate) fn with_patience<T>(patience: Duration, run: impl FnOnce() -> T) -> T {
    let before = PATIENCE.replace(patience);
    let done = run();
    PATIENCE.set(before);
    done
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| meaning(&error))
}

fn migrate(connection: &Connection, part: impl Fn(usize) -> &'static str) -> Result<(), StoreError> {
    for (n, migration) in MIGRATIONS.iter().enumerate() {
        if version(connection)? >= migration.number {
            continue;
        }
        let step = || {
            connection.execute_batch("begin immediate")?;
            // Another process may have been first.
            let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if found < migration.number {
                connection.execute_batch(part(n))?;
                connection.pragma_update(None, "user_version", migration.number)?;
            }
            connection.execute_batch("commit")
        };
        step().map_err(|error: rusqlite::Error| meaning(&error))?;
    }
    Ok(())
}
