//! The store: opens and migrates a database, commits units, closes.

use std::sync::Arc;

use crate::postgres::Postgres;
use crate::sql::Sql;
use crate::sqlite::{Durable, Sqlite};
use crate::value::Value;
use crate::{Engine, StoreConfig, StoreError, Unit};

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Leaves in this node's log after the transaction.
    pub log_size: u64,
    /// Where the unit's leaves stand in this node's log.
    pub leaf_seqs: Vec<u64>,
}

/// A unit that holds and is on its way to the disk.
#[must_use = "only after `durable` a crash cannot undo the unit"]
pub struct Staged(Option<Durable>);

impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Staged")
    }
}

impl Staged {
    /// Waits until the unit is durable.
    ///
    /// # Errors
    /// When the transaction failed: then the unit changed nothing.
    pub async fn durable(self) -> Result<(), StoreError> {
        match self.0 {
            Some(durable) => durable.await.map_err(|_| StoreError::unavailable("the store is closed"))?,
            None => Ok(()),
        }
    }
}

/// One query of a read: the statement and its values.
pub(crate) type Query = (Sql, Vec<Value>);
/// A row as it came.
pub(crate) type Values = Vec<Value>;

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(crate) backend: Arc<Backend>,
}

pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.engine().name())
    }
}

impl Store {
    /// Opens a database, makes it if it is not there, and migrates it up to this version.
    ///
    /// `node` names this process's audit log.
    ///
    /// # Errors
    /// When it cannot be opened, was written by a newer version, or was left half loaded.
    pub async fn open(config: &StoreConfig, node: &str) -> Result<Self, StoreError> {
        let backend = match config {
            StoreConfig::Sqlite { data, keys, readers } => {
                let (data, keys, readers, node) = (data.clone(), keys.clone(), *readers, node.to_owned());
                let opened =
                    tokio::task::spawn_blocking(move || Sqlite::open(&data, &keys, readers, &node)).await;
                Backend::Sqlite(opened.map_err(|_| StoreError::Internal("opening stopped".into()))??)
            }
            StoreConfig::Postgres { url, pool, tls } => {
                Backend::Postgres(Postgres::open(url, *pool, tls, node).await?)
            }
        };
        let store = Self { backend: Arc::new(backend) };
        if store.meta(crate::dump::LOADING).await?.is_some() {
            store.close().await;
            return Err(StoreError::unavailable(
                "a restore into this database was cut short; empty it and restore again",
            ));
        }
        Ok(store)
    }

    /// Returns which database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &*self.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Returns the version of the schema.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        self.ping().await?;
        Ok(crate::migrate::NEWEST)
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.rows(crate::sql::PING, Vec::new()).await.map(|_| ())
    }

    /// Applies a unit; answers once it is durable. A unit that fails has changed nothing.
    ///
    /// # Errors
    /// `Conflict` or `Budget` about this unit; `Full`, `ReadOnly` or `Unavailable` about the database. Only after
    /// `Unavailable` it may, in rare cases, turn out to be applied.
    pub async fn commit(&self, unit: Unit) -> Result<Committed, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.commit(unit).await,
            Backend::Postgres(postgres) => postgres.commit(unit).await,
        }
    }

    /// Takes a unit into a transaction that it may share with later ones, up to some seconds; what a stream of many
    /// units is written with. Answers when the unit holds, before it is durable.
    ///
    /// # Errors
    /// As [`Store::commit`]; a unit that fails has changed nothing and the others stand.
    pub async fn stage(&self, unit: Unit) -> Result<Staged, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.stage(unit).await.map(|durable| Staged(Some(durable))),
            Backend::Postgres(postgres) => postgres.commit(unit).await.map(|_| Staged(None)),
        }
    }

    /// Makes what was staged durable now; what became of each unit, [`Staged::durable`] says.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn settle(&self) -> Result<(), StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.settle().await,
            Backend::Postgres(_) => Ok(()),
        }
    }

    /// Finishes what was handed in, puts the write-ahead logs away and lets go of the database.
    pub async fn close(&self) {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }

    /// Runs one query.
    pub(crate) async fn rows(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Values>, StoreError> {
        let mut answers = self.rows_many(vec![(sql, values)]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Runs queries in one trip, in order; one answer each.
    pub(crate) async fn rows_many(&self, queries: Vec<Query>) -> Result<Vec<Vec<Values>>, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(queries).await,
            Backend::Postgres(postgres) => postgres.read(queries).await,
        }
    }

    /// Runs queries that change rows, outside of units, in a transaction of their own.
    pub(crate) async fn change(&self, queries: Vec<Query>) -> Result<Vec<Vec<Values>>, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.change(queries).await,
            Backend::Postgres(postgres) => postgres.change(queries).await,
        }
    }
}
