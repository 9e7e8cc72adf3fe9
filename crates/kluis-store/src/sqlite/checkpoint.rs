//! Moves the write-ahead logs into the database files beside the writer, so that commits do not wait for it.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::open;
use crate::StoreError;

/// Shortest time between two passes; pages written often go to the file once.
const PASS: Duration = Duration::from_secs(4);
/// How often a truncation that readers delayed is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What the thread is asked.
enum Ask {
    /// There is something to move.
    Pass,
    /// There is much to move.
    PassNow,
    /// Old pages must not remain in the logs.
    Truncate,
}

/// The thread; it ends when this is dropped.
pub(crate) struct Checkpointer {
    asks: Option<SyncSender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread with connections of its own.
    pub(crate) fn start(data: &Path, keys: &Path) -> Result<Self, StoreError> {
        let connections = [open::open_checkpointer(data)?, open::open_checkpointer(keys)?];
        let (asks, asked) = sync_channel(64);
        let thread = super::spawn("kluis-checkpoint", move || run(&connections, &asked))?;
        Ok(Self { asks: Some(asks), thread: Some(thread) })
    }

    /// Says that something was written.
    pub(crate) fn pass_soon(&self) {
        self.ask(Ask::Pass);
    }

    /// Says that much was written.
    pub(crate) fn pass_now(&self) {
        self.ask(Ask::PassNow);
    }

    /// Has the logs cut to nothing as soon as no reader needs them.
    pub(crate) fn truncate_soon(&self) {
        self.ask(Ask::Truncate);
    }

    fn ask(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            // When many wait already, one of them does this too: a pass never drops a truncation that was asked for.
            let _ = asks.try_send(ask);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.asks.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(connections: &[Connection; 2], asked: &Receiver<Ask>) {
    let (mut dirty, mut now, mut truncate, mut last) = (false, false, false, Instant::now());
    loop {
        let ask = if dirty || truncate {
            asked.recv_timeout(RETRY)
        } else {
            asked.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match ask {
            Ok(Ask::Pass) => dirty = true,
            Ok(Ask::PassNow) => (dirty, now) = (true, true),
            Ok(Ask::Truncate) => truncate = true,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if truncate {
            truncate = !connections.iter().all(truncate_log);
        }
        if dirty && (now || last.elapsed() >= PASS) {
            for connection in connections {
                // Another process may be at it; the next pass finds what is left.
                let _ = connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
            }
            (dirty, now, last) = (false, false, Instant::now());
        }
    }
}

/// Moves a log into its file and cuts it to nothing; false when a reader still needs it.
pub(crate) fn truncate_log(connection: &Connection) -> bool {
    let busy: rusqlite::Result<i64> =
        connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0));
    busy == Ok(0)
}
