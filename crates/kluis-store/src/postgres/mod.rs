//! PostgreSQL: one connection commits, a pool of connections reads; both come back by themselves after a failure.

mod commit;
mod connection;
mod flight;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kluis_crypto::SecretText;
use kluis_model::Random;
use parking_lot::Mutex as SyncMutex;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::batch::{Answer, BYTES_MAX, UNITS_MAX, Waiting};
use crate::dump::{CHUNK_ROWS, Chunk, DumpRow, LOADING, TABLES, table_named};
use crate::store::{Query, Values};
use crate::value::Value;
use crate::{PostgresTls, StoreError, Unit};
use connection::{Connection, Connector, Trouble};
use flight::Send;

/// Units that may wait for the committer before commits wait too.
const QUEUE_MAX: usize = 4096;
/// How long a read or a commit keeps trying while the database is away.
const PATIENCE: Duration = Duration::from_secs(10);

type Rows = Result<Vec<Vec<Values>>, StoreError>;

enum Request {
    Unit(Waiting),
    Stop(oneshot::Sender<()>),
}

/// An open PostgreSQL database.
pub(crate) struct Postgres {
    connector: Arc<Connector>,
    readers: Vec<Mutex<Option<Arc<Connection>>>>,
    next: AtomicUsize,
    writer: mpsc::Sender<Request>,
    task: SyncMutex<Option<JoinHandle<()>>>,
}

impl Postgres {
    /// Connects, migrates and starts the committer.
    pub(crate) async fn open(
        url: &SecretText,
        pool: usize,
        tls: &PostgresTls,
        node: &str,
    ) -> Result<Self, StoreError> {
        let connector = Arc::new(Connector::new(url, tls)?);
        connection::migrate(&connector).await?;
        let mut id = [0; 16];
        kluis_crypto::SystemRandom.fill(&mut id);
        let (writer, requests) = mpsc::channel(QUEUE_MAX);
        let committer = commit::Committer::new(Arc::clone(&connector), node, id);
        let task = tokio::spawn(serve(committer, requests));
        Ok(Self {
            connector,
            readers: (0..pool.clamp(1, 64)).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            writer,
            task: SyncMutex::new(Some(task)),
        })
    }

    pub(crate) async fn commit(&self, unit: Unit) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Unit(Waiting { unit, answer })).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// A connection of the pool, made anew when it broke.
    async fn reader(&self) -> Result<Arc<Connection>, Trouble> {
        let slot = &self.readers[self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len()];
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.connector.connect().await?);
        *slot = Some(Arc::clone(&connection));
        Ok(connection)
    }

    pub(crate) async fn read(&self, queries: Vec<Query>) -> Rows {
        let begun = Instant::now();
        loop {
            if self.writer.is_closed() {
                return Err(closed());
            }
            let tried = match self.reader().await {
                Ok(connection) => connection.query_all(&queries).await,
                Err(trouble) => Err(trouble),
            };
            match tried {
                Ok(rows) => return Ok(rows),
                Err(Trouble::Store(error)) => return Err(error),
                Err(trouble) if begun.elapsed() > PATIENCE => return Err(trouble.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Runs each query by itself; what is asked here may be done twice.
    pub(crate) async fn change(&self, queries: Vec<Query>) -> Rows {
        self.read(queries).await
    }

    /// Adds rows of a dump in one transaction.
    pub(crate) async fn load(&self, rows: Vec<DumpRow>) -> Result<(), StoreError> {
        let connection = self.connector.connect().await?;
        connection.batch("begin").await?;
        let mut sends = Vec::new();
        for group in rows.chunk_by(|a, b| a.table == b.table) {
            let Some(table) = group.first().and_then(|row| table_named(row.table)) else { continue };
            let columns = (0..table.columns.len()).map(|n| group.iter().map(|row| &row.values[n]).collect());
            sends.push(Send::many(table.insert_many(), columns.collect()));
        }
        connection.send_all(&sends).await?;
        connection.batch("commit").await?;
        Ok(())
    }

    /// Starts a task that reads everything in one snapshot.
    pub(crate) async fn dump(&self) -> Result<mpsc::Receiver<Chunk>, StoreError> {
        let connection = self.connector.connect().await?;
        connection.batch("set statement_timeout = 0").await?;
        connection.batch("begin isolation level repeatable read read only").await?;
        let (chunks, received) = mpsc::channel(4);
        tokio::spawn(async move {
            let last = match dump_tables(&connection, &chunks).await {
                Ok(()) => Chunk::End,
                Err(trouble) => Chunk::Failed(trouble.into()),
            };
            // Nobody reads any more when the stream was dropped.
            let _ = chunks.send(last).await;
        });
        Ok(received)
    }

    pub(crate) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.writer.send(Request::Stop(answer)).await.is_ok() {
            let _ = answered.await;
        }
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
        for slot in &self.readers {
            slot.lock().await.take();
        }
    }
}

fn closed() -> StoreError {
    StoreError::unavailable("the store is closed")
}

async fn serve(mut committer: commit::Committer, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        let mut next = Some(request);
        while let Some(request) = next.take() {
            match request {
                Request::Stop(answer) => {
                    requests.close();
                    drop(requests);
                    let _ = answer.send(());
                    return;
                }
                Request::Unit(first) => {
                    let mut bytes = first.unit.bytes;
                    let mut batch = vec![first];
                    while batch.len() < UNITS_MAX && bytes < BYTES_MAX {
                        match requests.try_recv() {
                            Ok(Request::Unit(waiting)) => {
                                bytes += waiting.unit.bytes;
                                batch.push(waiting);
                            }
                            Ok(other) => {
                                next = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    committer.commit(batch).await;
                }
            }
        }
    }
}

async fn dump_tables(connection: &Connection, chunks: &mpsc::Sender<Chunk>) -> Result<(), Trouble> {
    for table in TABLES {
        let mut stream = connection.stream(&table.select()).await?;
        let mut chunk = Vec::with_capacity(CHUNK_ROWS);
        while let Some(values) = stream.next().await? {
            if table.name == "meta" && values.first() == Some(&Value::from(LOADING)) {
                continue;
            }
            chunk.push(DumpRow { table: table.name, values });
            if chunk.len() == CHUNK_ROWS
                && chunks.send(Chunk::Rows(std::mem::take(&mut chunk))).await.is_err()
            {
                return Ok(());
            }
        }
        if !chunk.is_empty() && chunks.send(Chunk::Rows(chunk)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
