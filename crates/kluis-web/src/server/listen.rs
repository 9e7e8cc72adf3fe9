//! Takes connections, makes them TLS, speaks HTTP/1.1 or HTTP/2 on them within bounds, and ends them gracefully.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kluis_net::acme::ACME_TLS;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::shown_certificate;
use super::stream::Bounded;
use super::tls::Settings;
use crate::state::Caller;

/// Most bytes of a request's head, and of what is read of its body at once.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of the header fields of an HTTP/2 request.
const H2_HEADER_BYTES_MAX: u32 = 32 * 1024;
/// Most requests at once on one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 100;

/// A boxed answer to come.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
/// What answers requests.
pub(crate) type Handler = Arc<dyn Fn(Request<Incoming>, Caller) -> Answering + Send + Sync>;

/// How long each step of a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// The TLS handshake.
    pub(crate) handshake: Duration,
    /// From the end of one request, or the handshake, to the complete head of the next.
    pub(crate) head: Duration,
    /// One write that finds no room.
    pub(crate) write: Duration,
    /// What runs when the server stops.
    pub(crate) stop: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            write: Duration::from_secs(30),
            stop: Duration::from_secs(10),
        }
    }
}

/// Says when to stop taking requests, and later when to drop what still runs.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Becomes true: finish what runs and take nothing new.
    pub(crate) stop: watch::Receiver<bool>,
    /// Becomes true: end now.
    pub(crate) abort: watch::Receiver<bool>,
}

impl Signals {
    /// Waits until the server stops.
    pub(crate) async fn stopped(&mut self) {
        // A sender that is gone says the same as a stop.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// Waits until what still runs is dropped.
    async fn aborted(&mut self) {
        let _ = self.abort.wait_for(|abort| *abort).await;
    }
}

/// A TLS listener.
pub(crate) struct TlsListener {
    pub(crate) tcp: TcpListener,
    pub(crate) tls: Arc<Settings>,
    pub(crate) handler: Handler,
    pub(crate) connections_max: usize,
    pub(crate) timing: Timing,
    pub(crate) open: Arc<AtomicUsize>,
}

impl TlsListener {
    /// Takes connections until the stop, then waits for those that still answer.
    pub(crate) async fn run(self, signals: Signals) {
        let slots_max = u32::try_from(self.connections_max).unwrap_or(u32::MAX).max(1);
        let slots = Arc::new(Semaphore::new(slots_max as usize));
        while let Some((tcp, peer, slot)) = next_connection(&self.tcp, &slots, signals.clone()).await {
            // The settings of this moment: partners come and go.
            let acceptor = TlsAcceptor::from(self.tls.current());
            let (handler, timing) = (self.handler.clone(), self.timing);
            let (signals, open) = (signals.clone(), self.open.clone());
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::Relaxed);
                serve_tcp(tcp, peer, acceptor, handler, timing, signals).await;
                open.fetch_sub(1, Ordering::Relaxed);
                drop(slot);
            });
        }
        drop(self.tcp);
        if timeout(self.timing.stop, slots.acquire_many(slots_max)).await.is_err() {
            tracing::warn!("some requests did not finish in time and are dropped");
        }
    }
}

/// The next connection with its slot, or `None` when the server stops.
pub(crate) async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    mut signals: Signals,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    loop {
        let taken = tokio::select! {
            () = signals.stopped() => return None,
            taken = async {
                let slot = slots.clone().acquire_owned().await.ok();
                (slot, listener.accept().await)
            } => taken,
        };
        match taken {
            (Some(slot), Ok((tcp, peer))) => return Some((tcp, peer, slot)),
            (None, _) => return None,
            (_, Err(error)) => {
                // Out of file descriptors, or a client that left already: the next try may go better.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection from the handshake to its end.
async fn serve_tcp(
    tcp: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    handler: Handler,
    timing: Timing,
    signals: Signals,
) {
    // Answers are small and written whole: waiting for more would only delay them.
    let _ = tcp.set_nodelay(true);
    let bounded = Bounded::new(tcp, timing.write);
    let mut stream = match timeout(timing.handshake, acceptor.accept(bounded)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "no TLS"),
        Err(_) => return tracing::debug!("the TLS handshake took too long"),
    };
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().and_then(|chain| shown_certificate(chain.first()?));
    let caller = Caller { address: peer, certificate };
    let ended = match session.alpn_protocol() {
        // The handshake was the whole answer (RFC 8737 §3).
        Some(ACME_TLS) => {
            let _ = timeout(timing.write, stream.shutdown()).await;
            return;
        }
        Some(b"h2") => serve_h2(stream, caller, handler, timing, signals).await,
        _ => serve_h1(stream, caller, handler, timing, signals).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn serve_h1(
    stream: TlsStream<Bounded<TcpStream>>,
    caller: Caller,
    handler: Handler,
    timing: Timing,
    mut signals: Signals,
) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let answering = handler(request, caller);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timing.head)
        .max_buf_size(READ_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut abort = signals.clone();
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = signals.stopped() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection => ended,
        () = abort.aborted() => Ok(()),
    }
}

async fn serve_h2(
    stream: TlsStream<Bounded<TcpStream>>,
    caller: Caller,
    handler: Handler,
    timing: Timing,
    mut signals: Signals,
) -> hyper::Result<()> {
    let activity = Arc::new(Activity::new());
    let service = {
        let activity = activity.clone();
        service_fn(move |request| {
            let answering = handler(request, caller);
            let busy = activity.begin();
            async move {
                let answer = answering.await;
                drop(busy);
                Ok::<_, Infallible>(answer)
            }
        })
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(timing.head))
        .keep_alive_timeout(timing.handshake)
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(H2_HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut abort = signals.clone();
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = signals.stopped() => {}
        () = activity.idle_for(timing.head) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection => ended,
        () = abort.aborted() => Ok(()),
    }
}

/// How many requests run on an HTTP/2 connection and when the last one ended.
struct Activity {
    begun: Instant,
    running: AtomicUsize,
    last_ms: AtomicU64,
}

/// One running request.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.last_ms.store(self.0.now_ms(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    fn new() -> Self {
        Self { begun: Instant::now(), running: AtomicUsize::new(0), last_ms: AtomicU64::new(0) }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Waits until nothing has run for so long.
    async fn idle_for(&self, idle_max: Duration) {
        let idle_ms_max = u64::try_from(idle_max.as_millis()).unwrap_or(u64::MAX);
        loop {
            tokio::time::sleep(idle_max / 4).await;
            let idle_ms = self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed));
            if self.running.load(Ordering::Relaxed) == 0 && idle_ms >= idle_ms_max {
                return;
            }
        }
    }
}
