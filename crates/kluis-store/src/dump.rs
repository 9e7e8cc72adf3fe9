//! The whole store as a stream of rows, for backup, restore and moving between databases.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::store::Backend;
use crate::value::Value;
use crate::{Store, StoreError, Unit, sql};

/// The meta key that stands while a store is being loaded.
pub(crate) const LOADING: &str = "loading";
/// Rows in a chunk of a dump and in a transaction of a load.
pub(crate) const CHUNK_ROWS: usize = 1000;
/// Largest encoded row, in bytes.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
}
use Kind::{Bytes, Int, Text};

/// A table that a dump holds.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// On SQLite: in keys.db.
    pub(crate) keys: bool,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// The columns of the primary key.
    order: &'static str,
}

const fn table(name: &'static str, columns: &'static [(&'static str, Kind)], order: &'static str) -> Table {
    Table { name, keys: false, columns, order }
}

/// Every table a dump holds, in its order. `writer` is left out: it is about processes, not
/// about data; `mail_queue` too: a restore must not send mail a second time.
pub(crate) const TABLES: &[Table] = &[
    table("meta", &[("key", Text), ("value", Bytes)], "key"),
    table(
        "subject",
        &[
            ("shop", Int),
            ("id", Bytes),
            ("version", Int),
            ("created", Int),
            ("updated", Int),
            ("facts", Bytes),
            ("cells", Bytes),
            ("terms", Bytes),
            ("row_mac", Bytes),
        ],
        "shop, id",
    ),
    table(
        "unique_term",
        &[("shop", Int), ("kind", Int), ("version", Int), ("term", Bytes), ("subject", Bytes)],
        "shop, kind, version, term",
    ),
    table(
        "bucket_term",
        &[("shop", Int), ("kind", Int), ("version", Int), ("bucket", Int), ("subject", Bytes)],
        "shop, kind, version, bucket, subject",
    ),
    table(
        "consent",
        &[
            ("shop", Int),
            ("subject", Bytes),
            ("number", Int),
            ("purpose", Text),
            ("given", Int),
            ("at", Int),
            ("source", Text),
            ("text_version", Text),
            ("proof", Bytes),
            ("row_mac", Bytes),
        ],
        "shop, subject, purpose, number",
    ),
    table(
        "erasure",
        &[
            ("shop", Int),
            ("subject", Bytes),
            ("at", Int),
            ("classes", Int),
            ("receipt", Text),
            ("backups_until", Int),
            ("epoch", Int),
            ("complete", Int),
        ],
        "shop, subject",
    ),
    table(
        "credential",
        &[
            ("shop", Int),
            ("id", Bytes),
            ("kind", Text),
            ("name", Text),
            ("secret_hash", Bytes),
            ("grants", Text),
            ("created", Int),
            ("expires", Int),
            ("revoked", Int),
            ("last_used", Int),
            ("row_mac", Bytes),
        ],
        "id",
    ),
    table(
        "token",
        &[
            ("shop", Int),
            ("hash", Bytes),
            ("subject", Bytes),
            ("field", Text),
            ("destination", Text),
            ("created", Int),
            ("revoked", Int),
            ("row_mac", Bytes),
        ],
        "shop, hash",
    ),
    table(
        "job",
        &[
            ("id", Bytes),
            ("shop", Int),
            ("kind", Text),
            ("state", Text),
            ("created_by", Text),
            ("created", Int),
            ("updated", Int),
            ("params", Bytes),
            ("progress", Text),
            ("row_mac", Bytes),
        ],
        "id",
    ),
    table(
        "idempotency",
        &[
            ("shop", Int),
            ("credential", Text),
            ("key_hash", Bytes),
            ("request_digest", Bytes),
            ("status", Int),
            ("response", Bytes),
            ("at", Int),
        ],
        "shop, credential, key_hash",
    ),
    table(
        "outbox",
        &[
            ("id", Bytes),
            ("shop", Int),
            ("kind", Text),
            ("payload", Bytes),
            ("due", Int),
            ("lease_by", Text),
            ("lease_until", Int),
        ],
        "id",
    ),
    table(
        "check_run",
        &[
            ("shop", Int),
            ("id", Bytes),
            ("domain", Text),
            ("at", Int),
            ("updated", Int),
            ("state", Text),
            ("created_by", Text),
            ("node", Text),
            ("options", Text),
            ("summary", Text),
            ("report", Bytes),
            ("report_hash", Bytes),
            ("row_mac", Bytes),
        ],
        "shop, id",
    ),
    table(
        "mail_key",
        &[
            ("shop", Int),
            ("domain", Text),
            ("selector", Text),
            ("created", Int),
            ("updated", Int),
            ("kind", Text),
            ("state", Text),
            ("public", Text),
            ("sealed", Bytes),
            ("row_mac", Bytes),
        ],
        "shop, domain, selector",
    ),
    table(
        "mail_sent",
        &[
            ("shop", Int),
            ("node", Text),
            ("day", Int),
            ("stream", Text),
            ("receiver", Text),
            ("outcome", Text),
            ("messages", Int),
        ],
        "shop, node, day, stream, receiver, outcome",
    ),
    table(
        "mail_report",
        &[
            ("shop", Int),
            ("id", Bytes),
            ("key", Bytes),
            ("kind", Text),
            ("org", Text),
            ("domain", Text),
            ("begin_s", Int),
            ("end_s", Int),
            ("received", Int),
            ("messages", Int),
            ("classified", Bytes),
            ("named", Int),
            ("head", Text),
            ("rows_hash", Bytes),
            ("sources_hash", Bytes),
            ("row_mac", Bytes),
            ("rows", Bytes),
        ],
        "shop, id",
    ),
    table(
        "mail_source",
        &[
            ("shop", Int),
            ("report", Bytes),
            ("n", Int),
            ("day", Int),
            ("stream", Text),
            ("category", Text),
            ("sender", Text),
            ("network", Text),
            ("messages", Int),
            ("passed", Int),
            ("dkim", Int),
            ("spf", Int),
            ("quarantined", Int),
            ("rejected", Int),
            ("overridden", Int),
        ],
        "shop, report, n",
    ),
    table(
        "mail_quarantine",
        &[
            ("shop", Int),
            ("id", Bytes),
            ("at", Int),
            ("source", Text),
            ("reason", Text),
            ("size", Int),
            ("digest", Bytes),
            ("sealed", Bytes),
        ],
        "shop, id",
    ),
    table(
        "mail_fact",
        &[
            ("shop", Int),
            ("kind", Text),
            ("name", Text),
            ("updated", Int),
            ("version", Int),
            ("value", Text),
            ("row_mac", Bytes),
        ],
        "shop, kind, name",
    ),
    table(
        "usage",
        &[("shop", Int), ("field", Text), ("purpose", Text), ("actor", Text), ("day", Int), ("count", Int)],
        "shop, day, field, purpose, actor",
    ),
    table(
        "budget",
        &[("credential", Bytes), ("period", Int), ("started", Int), ("used", Int)],
        "credential, period, started",
    ),
    table(
        "budget_subject",
        &[("credential", Bytes), ("started", Int), ("subject", Bytes)],
        "credential, started, subject",
    ),
    table("log_head", &[("log", Text), ("number", Int), ("size", Int), ("frontier", Bytes)], "log"),
    table(
        "leaf",
        &[
            ("place", Int),
            ("shop", Int),
            ("time", Int),
            ("subject", Bytes),
            ("actor", Text),
            ("operation", Int),
            ("outcome", Int),
            ("bytes", Bytes),
            ("detail", Bytes),
        ],
        "place",
    ),
    table("log_node", &[("log", Int), ("level", Int), ("idx", Int), ("hash", Bytes)], "log, level, idx"),
    table("checkpoint", &[("log", Text), ("size", Int), ("time", Int), ("note", Text)], "log, size"),
    Table {
        name: "dek",
        keys: true,
        columns: &[
            ("shop", Int),
            ("subject", Bytes),
            ("class", Int),
            ("dek_gen", Int),
            ("epoch", Int),
            ("wrapped", Bytes),
        ],
        order: "shop, subject, class",
    },
];

/// Finds a table of the dump.
pub(crate) fn table_named(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

impl Table {
    fn column_names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The statement that reads every row in the order of the key.
    pub(crate) fn select(&self) -> String {
        format!(
            "-- dump_{}\nselect {} from {} order by {}",
            self.name,
            self.column_names(),
            self.name,
            self.order
        )
    }

    /// The statement that asks whether there is a row.
    pub(crate) fn probe(&self) -> String {
        format!("-- probe_{}\nselect cast(1 as bigint) from {} limit 1", self.name, self.name)
    }

    /// The statement that adds one row.
    pub(crate) fn insert(&self) -> &'static str {
        &texts()[self.name].0
    }

    /// The statement that adds many rows, given as an array for each column; PostgreSQL only.
    pub(crate) fn insert_many(&self) -> &'static str {
        &texts()[self.name].1
    }

    fn make_texts(&self) -> (String, String) {
        let (name, columns) = (self.name, self.column_names());
        let places: Vec<_> = (1..=self.columns.len()).map(|n| format!("${n}")).collect();
        let array = |(n, (_, kind)): (usize, &(&str, Kind))| match kind {
            Int => format!("${}::bigint[]", n + 1),
            Text => format!("${}::text[]", n + 1),
            Bytes => format!("${}::bytea[]", n + 1),
        };
        let arrays: Vec<_> = self.columns.iter().enumerate().map(array).collect();
        // A leaf that is there already is damage, not a conflict.
        let clash = if name == "leaf" { "" } else { " on conflict do nothing" };
        (
            format!("-- load_{name}\ninsert into {name} ({columns}) values ({})", places.join(", ")),
            format!(
                "-- fill_{name}\ninsert into {name} ({columns}) select * from unnest({}){clash}",
                arrays.join(", ")
            ),
        )
    }
}

/// The insert statements of every table: for one row and for many.
fn texts() -> &'static HashMap<&'static str, (String, String)> {
    static TEXTS: OnceLock<HashMap<&'static str, (String, String)>> = OnceLock::new();
    TEXTS.get_or_init(|| TABLES.iter().map(|table| (table.name, table.make_texts())).collect())
}

/// A row of a dump.
#[derive(Clone, PartialEq, Eq)]
pub struct DumpRow {
    /// The table.
    pub table: &'static str,
    /// The values in the order of the table's columns.
    pub values: Vec<Value>,
}

impl fmt::Debug for DumpRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DumpRow({} {:?})", self.table, self.values)
    }
}

/// Why bytes are not a row of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DumpProblem {
    /// They end too early, hold more than a row, or are longer than 64 MiB.
    #[error("a row of the dump has the wrong length")]
    Length,
    /// They name a table this version does not know.
    #[error("the dump names an unknown table")]
    Table,
    /// A value is not of its column's kind.
    #[error("a row of the dump does not fit its table")]
    Column,
}

impl DumpRow {
    /// Returns the row as bytes: table number, then each value as a kind byte and, for text and bytes, its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.values.iter().map(Value::size).sum::<usize>());
        let name = self.table.as_bytes();
        // Table names are short constants.
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name);
        for value in &self.values {
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Int(number) => {
                    out.push(1);
                    out.extend_from_slice(&number.to_be_bytes());
                    continue;
                }
                Value::Text(text) => (2, text.as_bytes()),
                Value::Bytes(bytes) => (3, bytes),
            };
            out.push(kind);
            if kind != 0 {
                out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
        out
    }

    /// Reads the bytes of [`DumpRow::encode`].
    ///
    /// # Errors
    /// When they are not exactly one row of a known table.
    pub fn decode(bytes: &[u8]) -> Result<Self, DumpProblem> {
        if bytes.len() > ROW_BYTES_MAX {
            return Err(DumpProblem::Length);
        }
        let mut rest = bytes;
        let length = usize::from(take::<1>(&mut rest)?[0]);
        let name = take_slice(&mut rest, length)?;
        let table = std::str::from_utf8(name).ok().and_then(table_named).ok_or(DumpProblem::Table)?;
        let mut values = Vec::with_capacity(table.columns.len());
        for (_, kind) in table.columns {
            values.push(match (take::<1>(&mut rest)?[0], kind) {
                (0, _) => Value::Null,
                (1, Int) => Value::Int(i64::from_be_bytes(take(&mut rest)?)),
                (2, Text) => {
                    let text = std::str::from_utf8(take_long(&mut rest)?).map_err(|_| DumpProblem::Column)?;
                    Value::Text(text.to_owned())
                }
                (3, Bytes) => Value::Bytes(take_long(&mut rest)?.to_vec()),
                _ => return Err(DumpProblem::Column),
            });
        }
        if !rest.is_empty() {
            return Err(DumpProblem::Length);
        }
        Ok(Self { table: table.name, values })
    }

    /// Tells whether the values are those of the table's columns.
    fn fits(&self) -> bool {
        let Some(table) = table_named(self.table) else { return false };
        let fits = |(value, (_, kind)): (&Value, &(&str, Kind))| {
            matches!(
                (value, kind),
                (Value::Null, _) | (Value::Int(_), Int) | (Value::Text(_), Text) | (Value::Bytes(_), Bytes)
            )
        };
        self.values.len() == table.columns.len() && self.values.iter().zip(table.columns).all(fits)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], DumpProblem> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(DumpProblem::Length)?;
    *rest = tail;
    Ok(*head)
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], DumpProblem> {
    let (head, tail) = rest.split_at_checked(length).ok_or(DumpProblem::Length)?;
    *rest = tail;
    Ok(head)
}

fn take_long<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DumpProblem> {
    let length = u32::from_be_bytes(take(rest)?);
    take_slice(rest, length as usize)
}

/// What the reading side of a dump sends.
pub(crate) enum Chunk {
    /// Rows of one table.
    Rows(Vec<DumpRow>),
    /// Everything was read.
    End,
    /// It could not go on.
    Failed(StoreError),
}

/// A consistent snapshot of everything, chunk by chunk.
pub struct DumpStream {
    chunks: mpsc::Receiver<Chunk>,
}

impl fmt::Debug for DumpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DumpStream")
    }
}

impl DumpStream {
    /// Returns the next rows, or `None` when there are no more.
    ///
    /// # Errors
    /// When the snapshot could not be read to its end.
    pub async fn next(&mut self) -> Result<Option<Vec<DumpRow>>, StoreError> {
        match self.chunks.recv().await {
            Some(Chunk::Rows(rows)) => Ok(Some(rows)),
            Some(Chunk::End) => Ok(None),
            Some(Chunk::Failed(error)) => Err(error),
            None => Err(StoreError::unavailable("the dump was cut short")),
        }
    }
}

/// Fills an empty store; until [`Loader::finish`] the store cannot be opened.
pub struct Loader {
    store: Store,
    waiting: Vec<DumpRow>,
    rows: u64,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loader({} rows)", self.rows)
    }
}

impl Loader {
    /// Adds rows; they are written a thousand at a time.
    ///
    /// # Errors
    /// When a row does not fit or the database refuses it.
    pub async fn push(&mut self, rows: Vec<DumpRow>) -> Result<(), StoreError> {
        if !rows.iter().all(DumpRow::fits) {
            return Err(StoreError::Internal(DumpProblem::Column.to_string()));
        }
        self.rows += rows.len() as u64;
        self.waiting.extend(rows);
        if self.waiting.len() >= CHUNK_ROWS { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.waiting);
        match &*self.store.backend {
            Backend::Sqlite(sqlite) => sqlite.load(rows).await,
            Backend::Postgres(postgres) => postgres.load(rows).await,
        }
    }

    /// Makes the store usable; returns how many rows it holds.
    ///
    /// # Errors
    /// When the database refuses the last rows.
    pub async fn finish(mut self) -> Result<u64, StoreError> {
        if !self.waiting.is_empty() {
            self.write().await?;
        }
        self.store.change(vec![(sql::DELETE_META, vec![LOADING.into()])]).await?;
        Ok(self.rows)
    }
}

impl Store {
    /// Starts to read everything, keys included, as it stands now; the store goes on working meanwhile.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn dump_stream(&self) -> Result<DumpStream, StoreError> {
        let chunks = match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.dump()?,
            Backend::Postgres(postgres) => postgres.dump().await?,
        };
        Ok(DumpStream { chunks })
    }

    /// Gives every row of a consistent snapshot to `sink`; returns how many.
    ///
    /// # Errors
    /// When the database does not answer, or with the text of the sink's error.
    pub async fn dump(
        &self,
        mut sink: impl FnMut(DumpRow) -> Result<(), String> + Send,
    ) -> Result<u64, StoreError> {
        let mut stream = self.dump_stream().await?;
        let mut count = 0;
        while let Some(rows) = stream.next().await? {
            for row in rows {
                sink(row).map_err(StoreError::unavailable)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Starts to fill the store.
    ///
    /// # Errors
    /// `NotEmpty` when it holds anything.
    pub async fn loader(&self) -> Result<Loader, StoreError> {
        if !self.is_empty().await? {
            return Err(StoreError::NotEmpty);
        }
        let mut unit = Unit::new();
        unit.set_meta(LOADING, b"1");
        self.commit(unit).await?;
        Ok(Loader { store: self.clone(), waiting: Vec::new(), rows: 0 })
    }

    /// Fills an empty store with the rows of a dump; returns how many. An error leaves it unusable: empty it first.
    ///
    /// # Errors
    /// `NotEmpty` when it holds anything; when a row does not fit; with the text of the source's error.
    pub async fn load<I>(&self, rows: I) -> Result<u64, StoreError>
    where
        I: IntoIterator<Item = Result<DumpRow, String>>,
    {
        let mut loader = self.loader().await?;
        for row in rows {
            loader.push(vec![row.map_err(StoreError::unavailable)?]).await?;
        }
        loader.finish().await
    }

    /// Tells whether no table holds a row.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        static PROBES: OnceLock<Vec<(String, bool)>> = OnceLock::new();
        let probes = PROBES.get_or_init(|| TABLES.iter().map(|table| (table.probe(), table.keys)).collect());
        let queries =
            probes.iter().map(|(text, keys)| (sql::Sql { text, keys: *keys, fills: None }, Vec::new()));
        Ok(self.rows_many(queries.collect()).await?.iter().all(Vec::is_empty))
    }
}
