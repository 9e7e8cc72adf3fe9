//! A SQLite connection with its prepared statements, and what its errors mean.

use std::collections::HashMap;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql};
use tokio::sync::mpsc;

use crate::StoreError;
use crate::dump::{CHUNK_ROWS, Chunk, DumpRow, LOADING, TABLES};
use crate::sql::Sql;
use crate::store::{Query, Values};
use crate::value::Value;

/// A connection and the statements prepared on it, found by the address of their text.
pub(crate) struct Db<'c> {
    pub(crate) connection: &'c Connection,
    statements: HashMap<(usize, usize), Statement<'c>>,
}

impl<'c> Db<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, statements: HashMap::new() }
    }

    fn statement(&mut self, text: &'static str) -> rusqlite::Result<&mut Statement<'c>> {
        use std::collections::hash_map::Entry;
        match self.statements.entry((text.as_ptr().addr(), text.len())) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(self.connection.prepare(&numbered(text))?)),
        }
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &Sql, values: &[Value]) -> rusqlite::Result<usize> {
        self.execute_text(sql.text, values)
    }

    pub(crate) fn execute_text<T: ToSql>(
        &mut self,
        text: &'static str,
        values: &[T],
    ) -> rusqlite::Result<usize> {
        let statement = self.statement(text)?;
        bind(statement, values)?;
        statement.raw_execute()
    }

    /// Runs a statement and returns its rows.
    pub(crate) fn query(&mut self, sql: &Sql, values: &[Value]) -> rusqlite::Result<Vec<Values>> {
        let statement = self.statement(sql.text)?;
        bind(statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((0..columns).map(|n| row.get_ref(n).map(value_of)).collect::<Result<_, _>>()?);
        }
        Ok(found)
    }

    /// Tells whether a query finds a row.
    pub(crate) fn exists(&mut self, sql: &Sql, values: &[Value]) -> rusqlite::Result<bool> {
        let statement = self.statement(sql.text)?;
        bind(statement, values)?;
        statement.raw_query().next().map(|row| row.is_some())
    }

    /// Runs `begin`, `commit` and the like.
    pub(crate) fn run(&mut self, text: &'static str) -> rusqlite::Result<()> {
        self.execute_text::<Value>(text, &[]).map(|_| ())
    }

    /// Gives a transaction up, whatever state it is in.
    pub(crate) fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // SQLite may have rolled back by itself.
            let _ = self.run("rollback");
        }
    }
}

fn bind(statement: &mut Statement<'_>, values: &[impl ToSql]) -> rusqlite::Result<()> {
    for (n, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(n + 1, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        // The schema is strict: there are no reals.
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// Rewrites `$n` to `?n`: SQLite numbers `$2` by where it first appears, not as 2.
pub(crate) fn numbered(text: &str) -> String {
    text.replace('$', "?")
}

/// Runs queries on the files they belong to.
pub(crate) fn query_all<'c>(
    data: &mut Db<'c>,
    keys: &mut Db<'c>,
    queries: &[Query],
) -> Result<Vec<Vec<Values>>, StoreError> {
    let run = |(sql, values): &Query| {
        let db = if sql.keys { &mut *keys } else { &mut *data };
        db.query(sql, values).map_err(|error| meaning(&error))
    };
    queries.iter().map(run).collect()
}

/// Returns what an error of SQLite means; its text could name values, so only codes are kept.
pub(crate) fn meaning(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    /// `SQLITE_IOERR_SHMSIZE`: no space for the index of the write-ahead log.
    const SHM_SIZE: i32 = 10 | 19 << 8;
    let rusqlite::Error::SqliteFailure(code, _) = error else {
        return StoreError::Internal(format!("SQLite: {}", kind_of(error)));
    };
    match code.code {
        ErrorCode::DiskFull => StoreError::Full,
        _ if code.extended_code == SHM_SIZE => StoreError::Full,
        ErrorCode::ReadOnly => StoreError::ReadOnly,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::unavailable("another process holds the database")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Integrity { table: "the database file", row: String::new(), column: "page" }
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            StoreError::unavailable(format!("SQLite code {}", code.extended_code))
        }
        _ => StoreError::Internal(format!("SQLite code {}", code.extended_code)),
    }
}

fn kind_of(error: &rusqlite::Error) -> &'static str {
    match error {
        rusqlite::Error::InvalidParameterCount(..) => "wrong number of values",
        rusqlite::Error::ExecuteReturnedResults => "rows where none were expected",
        _ => "unexpected answer",
    }
}

/// Reads everything in one snapshot and sends it in chunks; the last is [`Chunk::End`].
pub(crate) fn dump(data: &Connection, keys: &Connection, chunks: &mpsc::Sender<Chunk>) {
    // The keys are looked at after the data: every row of the snapshot then has its keys, or was erased since.
    let last = match dump_tables(data, keys, chunks) {
        Ok(()) => Chunk::End,
        Err(error) => Chunk::Failed(meaning(&error)),
    };
    // Nobody reads any more when the stream was dropped.
    let _ = chunks.blocking_send(last);
}

fn dump_tables(data: &Connection, keys: &Connection, chunks: &mpsc::Sender<Chunk>) -> rusqlite::Result<()> {
    data.execute_batch("begin")?;
    // A snapshot begins with the first read, not with `begin`.
    data.query_row("select count(*) from meta", [], |_| Ok(()))?;
    keys.execute_batch("begin")?;
    for table in TABLES {
        let connection = if table.keys { keys } else { data };
        let mut statement = connection.prepare(&table.select())?;
        let mut rows = statement.raw_query();
        let mut chunk = Vec::with_capacity(CHUNK_ROWS);
        while let Some(row) = rows.next()? {
            let values: Values =
                (0..table.columns.len()).map(|n| row.get_ref(n).map(value_of)).collect::<Result<_, _>>()?;
            if table.name == "meta" && values.first() == Some(&Value::from(LOADING)) {
                continue;
            }
            chunk.push(DumpRow { table: table.name, values });
            if chunk.len() == CHUNK_ROWS
                && chunks.blocking_send(Chunk::Rows(std::mem::take(&mut chunk))).is_err()
            {
                return Ok(());
            }
        }
        if !chunk.is_empty() && chunks.blocking_send(Chunk::Rows(chunk)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
