//! SQLite: one thread writes, a pool of threads reads; customer keys stand in a file of their own.

mod bulk;
mod checkpoint;
mod connection;
mod open;
mod reserve;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::batch::{Answer, Waiting};
use crate::dump::{Chunk, DumpRow};
use crate::store::{Query, Values};
use crate::{StoreError, Unit};
use connection::Db;

/// Units that may wait for the writer before commits wait too.
const QUEUE_MAX: usize = 4096;

/// The answer once a staged unit is durable.
pub(crate) type Durable = oneshot::Receiver<Result<(), StoreError>>;

type Rows = Result<Vec<Vec<Values>>, StoreError>;

/// What the writing thread is asked.
enum Request {
    /// Apply a unit.
    Unit(Waiting),
    /// Take a unit into a transaction with others; the answer comes before it is durable.
    Stage(Unit, oneshot::Sender<(Result<Durable, StoreError>, Unit)>),
    /// Make what was staged durable.
    Settle(oneshot::Sender<()>),
    /// Run queries in a transaction.
    Change(Vec<Query>, oneshot::Sender<Rows>),
    /// Add the rows of a dump.
    Load(Vec<DumpRow>, oneshot::Sender<Result<(), StoreError>>),
    /// Finish, put the write-ahead logs away and end.
    Stop(oneshot::Sender<()>),
}

/// A read for whichever thread of the pool is free.
struct Read {
    queries: Vec<Query>,
    answer: oneshot::Sender<Rows>,
}

/// An open pair of SQLite files.
pub(crate) struct Sqlite {
    data: PathBuf,
    keys: PathBuf,
    writer: mpsc::Sender<Request>,
    readers: Mutex<Option<std_mpsc::Sender<Read>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens, migrates and starts the threads; blocks.
    pub(crate) fn open(data: &Path, keys: &Path, readers: usize, node: &str) -> Result<Self, StoreError> {
        let connections = open::open_writer(data, keys)?;
        let (writer, requests) = mpsc::channel(QUEUE_MAX);
        let checkpointer = checkpoint::Checkpointer::start(data, keys)?;
        let settings = writer::Settings { node: node.to_owned(), data: data.to_owned(), checkpointer };
        let mut threads = vec![spawn("kluis-writer", move || writer::run(&connections, requests, settings))?];
        let (reads, queue) = std_mpsc::channel::<Read>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..readers.clamp(1, 64) {
            let (data, keys) = (open::open_reader(data)?, open::open_reader(keys)?);
            let queue = Arc::clone(&queue);
            threads.push(spawn("kluis-reader", move || {
                let (mut data, mut keys) = (Db::new(&data), Db::new(&keys));
                loop {
                    let next = queue.lock().recv();
                    let Ok(read) = next else { break };
                    // Nobody waits any more when the request was dropped.
                    let _ = read.answer.send(connection::query_all(&mut data, &mut keys, &read.queries));
                }
            })?);
        }
        Ok(Self {
            data: data.to_owned(),
            keys: keys.to_owned(),
            writer,
            readers: Mutex::new(Some(reads)),
            threads: Mutex::new(threads),
        })
    }

    pub(crate) async fn commit(&self, unit: Unit) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Unit(Waiting { unit, answer })).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub(crate) async fn stage(&self, unit: Unit) -> Result<Durable, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Stage(unit, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?.0
    }

    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Settle(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }

    pub(crate) async fn read(&self, queries: Vec<Query>) -> Rows {
        let (answer, answered) = oneshot::channel();
        {
            let readers = self.readers.lock();
            let sender = readers.as_ref().ok_or_else(closed)?;
            sender.send(Read { queries, answer }).map_err(|_| closed())?;
        }
        answered.await.map_err(|_| closed())?
    }

    pub(crate) async fn change(&self, queries: Vec<Query>) -> Rows {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Change(queries, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub(crate) async fn load(&self, rows: Vec<DumpRow>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Request::Load(rows, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Starts a thread that reads everything in one snapshot.
    pub(crate) fn dump(&self) -> Result<mpsc::Receiver<Chunk>, StoreError> {
        let (data, keys) = (open::open_reader(&self.data)?, open::open_reader(&self.keys)?);
        let (chunks, received) = mpsc::channel(4);
        spawn("kluis-dump", move || connection::dump(&data, &keys, &chunks))?;
        Ok(received)
    }

    pub(crate) async fn close(&self) {
        drop(self.readers.lock().take());
        let (answer, answered) = oneshot::channel();
        if self.writer.send(Request::Stop(answer)).await.is_ok() {
            let _ = answered.await;
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }
}

pub(super) fn closed() -> StoreError {
    StoreError::unavailable("the store is closed")
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| StoreError::unavailable(format!("starting a thread: {}", error.kind())))
}
