//! What this process has of the queue in memory: sealed as in the database, by stream, so that no stream waits for another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kluis_model::{JobId, Random, TimeMs};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How long a process has a message before it is due again for everybody.
pub(crate) const LEASE: Duration = Duration::from_secs(15 * 60);
/// What must be left of a lease for a delivery to begin: longer than one takes at most.
const LEASE_LEFT_MIN: Duration = Duration::from_secs(8 * 60);
/// Bytes of messages in memory; more stand in the database only.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How often the messages in the database are counted, ms.
const COUNT_EVERY_MS: i64 = 10_000;
/// How often the database is looked at for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether what is left of a lease is enough to begin a delivery; else somebody else may have the message by then.
pub(super) fn may_begin(until: TimeMs, now: TimeMs) -> bool {
    until.since(now) > LEASE_LEFT_MIN
}

/// The queue as this process knows it.
pub(crate) struct QueueDesk {
    /// Names this process in leases.
    lease_by: OnceLock<String>,
    /// Whether this process delivers; else nothing is kept in memory.
    pub(super) delivers: AtomicBool,
    /// After which time a message is given up.
    pub(super) keep: Mutex<(String, Duration)>,
    ready: Mutex<Ready>,
    used: Arc<AtomicUsize>,
    wake: Notify,
    depth: AtomicU64,
    counted: AtomicI64,
    looked: Mutex<Option<Instant>>,
    pub(crate) counters: Counters,
}

/// What happened since the start of this process.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) deferred: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Streams with what waits in them, in the order of their turns.
#[derive(Default)]
struct Ready {
    streams: BTreeMap<String, VecDeque<Held>>,
    /// The stream that had the last turn.
    last: String,
}

/// A message in memory, sealed.
pub(crate) struct Held {
    pub(super) id: JobId,
    pub(super) stream: String,
    pub(super) at: TimeMs,
    /// When its lease ends.
    pub(super) until: TimeMs,
    pub(super) envelope: Vec<u8>,
    pub(super) message: Vec<u8>,
    #[expect(dead_code, reason = "gives its bytes back when it is dropped")]
    pub(super) room: Room,
}

/// Bytes that are taken until it is dropped.
pub(crate) struct Room {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Default for QueueDesk {
    fn default() -> Self {
        Self {
            lease_by: OnceLock::new(),
            delivers: AtomicBool::new(false),
            keep: Mutex::new((String::new(), Duration::from_secs(5 * 86_400))),
            ready: Mutex::default(),
            used: Arc::default(),
            wake: Notify::new(),
            depth: AtomicU64::new(0),
            counted: AtomicI64::new(i64::MIN / 2),
            looked: Mutex::new(None),
            counters: Counters::default(),
        }
    }
}

impl QueueDesk {
    /// The name of this process in leases.
    pub(super) fn lease_by(&self, random: &dyn Random) -> &str {
        self.lease_by.get_or_init(|| {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// Room in memory for a message, when this process delivers and there is some.
    pub(super) fn room(&self, bytes: usize) -> Option<Room> {
        if !self.delivers.load(Ordering::Acquire) {
            return None;
        }
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            Some(used + bytes).filter(|sum| *sum <= BYTES_MAX)
        });
        taken.ok().map(|_| Room { used: self.used.clone(), bytes })
    }

    /// Takes messages that are durable, some of them into memory.
    pub(super) fn added(&self, new: impl ExactSizeIterator<Item = Option<Held>>) {
        let many = new.len() as u64;
        self.depth.fetch_add(many, Ordering::Relaxed);
        self.counters.accepted.fetch_add(many, Ordering::Relaxed);
        let mut ready = self.ready.lock();
        for held in new.flatten() {
            match ready.streams.get_mut(&held.stream) {
                Some(line) => line.push_back(held),
                None => {
                    let stream = held.stream.clone();
                    ready.streams.insert(stream, VecDeque::from([held]));
                }
            }
        }
        drop(ready);
        self.wake.notify_one();
    }

    /// Takes messages out, one of each stream in turn; those whose lease is nearly over are left to the database.
    pub(super) fn take(&self, limit: usize, now: TimeMs) -> Vec<Held> {
        let mut taken = Vec::new();
        let mut ready = self.ready.lock();
        while taken.len() < limit {
            let after = (std::ops::Bound::Excluded(ready.last.clone()), std::ops::Bound::Unbounded);
            let next = ready.streams.range::<String, _>(after).next().or_else(|| ready.streams.iter().next());
            let Some(name) = next.map(|(name, _)| name.clone()) else { break };
            if let Some(line) = ready.streams.get_mut(&name) {
                let held = line.pop_front();
                if line.is_empty() {
                    ready.streams.remove(&name);
                }
                taken.extend(held.filter(|held| may_begin(held.until, now)));
            }
            ready.last = name;
        }
        taken
    }

    /// Takes everything out.
    pub(super) fn clear(&self) -> Vec<Held> {
        let streams = std::mem::take(&mut self.ready.lock().streams);
        streams.into_values().flatten().collect()
    }

    /// Waits until there is something new, at most so long.
    pub(super) async fn wait(&self, at_most: Duration) {
        // Over time is as good as woken: whoever waits looks.
        let _ = tokio::time::timeout(at_most, self.wake.notified()).await;
    }

    /// Lets whoever waits look.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether it is time to look into the database; whoever hears so looks.
    pub(super) fn is_look_due(&self) -> bool {
        let mut looked = self.looked.lock();
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if is_due {
            *looked = Some(Instant::now());
        }
        is_due
    }

    /// Lets the next one look into the database at once: there is more.
    pub(super) fn look_again(&self) {
        *self.looked.lock() = None;
    }

    /// Whether it is time to count the messages in the database; whoever hears so counts.
    pub(super) fn is_count_due(&self, now: TimeMs) -> bool {
        let counted = self.counted.load(Ordering::Relaxed);
        now.0.saturating_sub(counted) > COUNT_EVERY_MS
            && self.counted.compare_exchange(counted, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(super) fn set_depth(&self, depth: u64) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// About how many messages wait.
    pub(super) fn depth(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Messages are gone from the queue.
    pub(super) fn gone(&self, many: u64) {
        // The count may have been made after they went.
        let _ = self
            .depth
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |depth| Some(depth.saturating_sub(many)));
    }
}
