//! Takes SMTP connections and drives their talks: bounded in number, time and memory, with TLS when it is asked for.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kluis_app::limiter::network;
use kluis_mail::smtp::{Event, Reply, Session};
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::PostError;
use crate::receive::{Reception, is_loopback};
use crate::relay::Relay;

/// Bytes that are read in one go.
const READ_BYTES: usize = 16 * 1024;
/// How long a client may take to read a reply.
const WRITE: Duration = Duration::from_secs(60);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long somebody may take to sign in where that is asked for; until then it is a stranger in a seat of the shop.
const SIGN_IN: Duration = Duration::from_secs(60);
/// How long a message that is under way at the stop may still take.
const GRACE: Duration = Duration::from_secs(10);
/// How long, and for how many bytes, what a refused client still sends is read, so that it can read why.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 256 * 1024);

/// A listener and what stands behind it.
pub(crate) struct Front {
    /// Who answers.
    pub(crate) desk: Desk,
    /// How TLS is spoken; `None`: not at all.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Bounds.
    pub(crate) bounds: Bounds,
    /// Ends everything.
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Front {
    /// Programs on this machine may fill the relay; nobody from elsewhere can without signing in.
    fn per_address_max(&self, peer: IpAddr) -> usize {
        match self.desk {
            Desk::Relay(_) if is_loopback(peer) => self.bounds.connections_max,
            _ => self.bounds.per_address_max,
        }
    }
}

/// Who answers the clients.
pub(crate) enum Desk {
    /// Mail of the shop's programs.
    Relay(Relay),
    /// Reports.
    Reception(Reception),
}

/// Bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Open connections.
    pub(crate) connections_max: usize,
    /// Open connections of one address, or of one /64 of IPv6, on which nobody signed in.
    pub(crate) per_address_max: usize,
    /// Bytes of messages that are held at once.
    pub(crate) memory_bytes_max: usize,
    /// How long a client may say nothing.
    pub(crate) idle: Duration,
    /// How long a connection may last.
    pub(crate) total: Duration,
}

/// Listens and serves until told to stop.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn start(front: Front, listen: SocketAddr) -> Result<JoinHandle<()>, PostError> {
    let listener =
        TcpListener::bind(listen).await.map_err(|source| PostError::Listen { address: listen, source })?;
    let server = Server {
        places: Arc::new(Semaphore::new(front.bounds.connections_max)),
        crowd: Arc::default(),
        held: Arc::default(),
        front,
    };
    Ok(tokio::spawn(Arc::new(server).serve(listener)))
}

struct Server {
    front: Front,
    places: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    /// Bytes of messages in memory.
    held: Arc<AtomicUsize>,
}

impl Server {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut stopped = self.front.stopped.clone();
        let mut talks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stopped.wait_for(|is| *is) => break,
                accepted = listener.accept() => accepted,
            };
            while talks.try_join_next().is_some() {}
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a mail connection cannot be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let place = self.places.clone().try_acquire_owned().ok();
            let seat = self.crowd.enter(peer.ip(), self.front.per_address_max(peer.ip()));
            let server = self.clone();
            talks.spawn(async move {
                match (place, seat) {
                    (Some(_place), Some(seat)) => server.talk(tcp, peer.ip(), seat).await,
                    _ => turn_away(tcp).await,
                }
            });
            // Those who are turned away hold a task for a moment; there are never many.
            while talks.len() > self.front.bounds.connections_max * 2 {
                let _ = talks.join_next().await;
            }
        }
        drop(listener);
        while talks.join_next().await.is_some() {}
    }

    /// One connection from greeting to end.
    async fn talk(&self, tcp: TcpStream, peer: IpAddr, seat: Seat) {
        // Replies are small; waiting for more of them slows every message down.
        let _ = tcp.set_nodelay(true);
        let peer = peer.to_canonical();
        let mut visit = self.front.desk.visit(peer);
        let mut line = Line {
            stream: Some(Stream::Plain(tcp)),
            session: Session::new(self.front.desk.offer(peer, self.front.tls.is_some())),
            holding: Holding { of: self.held.clone(), mine: 0 },
            seat: Some(seat),
            begun: Instant::now(),
            end: Instant::now() + self.front.bounds.total,
            is_stopping: false,
        };
        if let Some(true) = self.converse(&mut line, &mut visit).await {
            line.linger().await;
        }
    }

    /// Reads and answers until the talk is over; `None` when the connection broke, else whether the client may still be
    /// sending.
    async fn converse(&self, line: &mut Line, visit: &mut Visit) -> Option<bool> {
        let mut stopped = self.front.stopped.clone();
        let mut buffer = zeroize::Zeroizing::new(vec![0; READ_BYTES]);
        loop {
            self.answer(line, visit).await?;
            if line.is_stopping && line.session.is_idle() {
                line.session.close(&Reply::new(421, (4, 3, 2), "Stopping; come back soon."));
            }
            line.send().await?;
            if line.session.is_closed() {
                return Some(true);
            }
            if line.session.is_signed_in() {
                // Who is known does not count among the strangers of its address.
                drop(line.seat.take());
            }
            let wait = line.patience(self.front.bounds.idle);
            let is_stopping = line.is_stopping;
            let stream = line.stream.as_mut()?;
            tokio::select! {
                biased;
                _ = stopped.wait_for(|is| *is), if !is_stopping => {
                    line.is_stopping = true;
                    line.end = line.end.min(Instant::now() + GRACE);
                }
                read = timeout_at(wait, stream.read(&mut buffer)) => match read {
                    Ok(Ok(0) | Err(_)) => return None,
                    Ok(Ok(octets)) => {
                        line.session.push(&buffer[..octets]);
                        buffer[..octets].fill(0);
                    }
                    Err(_) => {
                        line.session.close(&Reply::new(421, (4, 4, 2), "Too slow."));
                    }
                }
            }
        }
    }

    /// Answers everything that happened.
    async fn answer(&self, line: &mut Line, visit: &mut Visit) -> Option<()> {
        while let Some(event) = line.session.poll() {
            match event {
                Event::StartTls => {
                    line.send().await?;
                    line.protect(self.front.tls.clone()?).await?;
                }
                event => {
                    if let Event::Message(message) = &event {
                        // It is copied once more to be signed or read.
                        line.holding.set(message.capacity().saturating_mul(2));
                    }
                    let reply = self.front.desk.answer(visit, event, &line.session).await;
                    line.session.answer(reply);
                }
            }
        }
        let before = line.holding.mine;
        line.holding.set(line.session.held_bytes());
        let is_growing = line.holding.mine > before;
        if is_growing && line.holding.all() > self.front.bounds.memory_bytes_max {
            line.session.drop_message();
            line.holding.set(line.session.held_bytes());
        }
        Some(())
    }
}

/// What a desk remembers of one client.
pub(crate) enum Visit {
    Relay(crate::relay::Client),
    Reception,
}

impl Desk {
    fn offer(&self, peer: IpAddr, has_tls: bool) -> kluis_mail::smtp::SessionOptions {
        match self {
            Self::Relay(relay) => relay.offer(peer, has_tls),
            Self::Reception(reception) => reception.offer(has_tls),
        }
    }

    fn visit(&self, peer: IpAddr) -> Visit {
        match self {
            Self::Relay(_) => Visit::Relay(crate::relay::Client::new(peer)),
            Self::Reception(_) => Visit::Reception,
        }
    }

    async fn answer(&self, visit: &mut Visit, event: Event, session: &Session) -> Reply {
        match (self, visit) {
            (Self::Relay(relay), Visit::Relay(client)) => relay.answer(client, event, session).await,
            (Self::Reception(reception), Visit::Reception) => reception.answer(event).await,
            // Invariant: `visit` of the same desk made it.
            _ => Reply::new(451, (4, 3, 0), "Internal error."),
        }
    }
}

/// One connection.
struct Line {
    /// `None` only while the handshake goes on.
    stream: Option<Stream>,
    session: Session,
    holding: Holding,
    /// Until somebody signs in.
    seat: Option<Seat>,
    begun: Instant,
    end: Instant,
    is_stopping: bool,
}

impl Line {
    /// Until when the client may say nothing.
    fn patience(&self, idle: Duration) -> Instant {
        let end = self.end.min(Instant::now() + idle);
        if self.session.wants_sign_in() { end.min(self.begun + SIGN_IN) } else { end }
    }

    /// Sends what the session has to say.
    async fn send(&mut self) -> Option<()> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Some(());
        }
        let stream = self.stream.as_mut()?;
        let sending = async {
            stream.write_all(&output).await?;
            stream.flush().await
        };
        timeout(WRITE, sending).await.ok()?.ok()
    }

    /// Does the handshake; bytes that were read in the clear are gone before it begins.
    async fn protect(&mut self, tls: Arc<ServerConfig>) -> Option<()> {
        let Some(Stream::Plain(tcp)) = self.stream.take() else { return None };
        let accepted = timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(tcp)).await.ok()?.ok()?;
        self.stream = Some(Stream::Tls(Box::new(accepted)));
        self.session.tls_began();
        Some(())
    }

    /// Lets the client read the last reply before the connection is closed.
    async fn linger(mut self) {
        let Some(stream) = &mut self.stream else { return };
        let reading = async {
            stream.shutdown().await?;
            let (mut left, mut buffer) = (LINGER.1, vec![0; READ_BYTES]);
            while left > 0 {
                match stream.read(&mut buffer).await? {
                    0 => break,
                    octets => left = left.saturating_sub(octets),
                }
            }
            std::io::Result::Ok(())
        };
        let _ = timeout(LINGER.0, reading).await;
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl Stream {
    async fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.both().read(buffer).await
    }

    async fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.both().write_all(bytes).await
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        self.both().flush().await
    }

    async fn shutdown(&mut self) -> std::io::Result<()> {
        self.both().shutdown().await
    }

    fn both(&mut self) -> &mut (dyn Both + Send + Unpin) {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.as_mut(),
        }
    }
}

/// What can be read and written.
trait Both: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Both for T {}

/// Says that there is no room, without waiting for anything.
async fn turn_away(mut tcp: TcpStream) {
    let mut out = Vec::new();
    Reply::new(421, (4, 3, 2), "Too many connections; try again later.").write(&mut out);
    let _ = timeout(Duration::from_secs(1), tcp.write_all(&out)).await;
}

/// Bytes of messages that one connection holds, in a sum over all.
struct Holding {
    of: Arc<AtomicUsize>,
    mine: usize,
}

impl Holding {
    fn set(&mut self, bytes: usize) {
        if bytes >= self.mine {
            self.of.fetch_add(bytes - self.mine, Ordering::Relaxed);
        } else {
            self.of.fetch_sub(self.mine - bytes, Ordering::Relaxed);
        }
        self.mine = bytes;
    }

    fn all(&self) -> usize {
        self.of.load(Ordering::Relaxed)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Open connections by address.
#[derive(Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

impl Crowd {
    /// A seat, when the address has not too many already.
    fn enter(self: &Arc<Self>, address: IpAddr, per_address_max: usize) -> Option<Seat> {
        let address = network(address);
        let mut all = self.0.lock();
        let count = all.entry(address).or_insert(0);
        if *count >= per_address_max {
            return None;
        }
        *count += 1;
        Some(Seat { crowd: self.clone(), address })
    }
}

/// Gives the seat back when dropped.
struct Seat {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.crowd.0.lock();
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
