//! The gate: every outgoing TCP connection of an audit is counted, timed and guarded here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use kluis_checks::facts::Reach;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::dns::{Dns, LookupError};
use crate::guard::NetworkPolicy;
use crate::http_tls::Trusted;
use crate::options::AuditOptions;

/// Connections an audit holds at once.
pub const AT_ONCE: u32 = 6;
/// Connections at most to an address that is not the audited host's: where redirects lead, issuers, revocation lists.
const OTHERS_MAX: u32 = 8;
/// Addresses at most that are not the audited host's.
const OTHER_ADDRESSES_MAX: usize = 16;

/// A bound on the connections of all audits that share it.
#[derive(Debug, Clone)]
pub struct ConnectionLimit(Arc<Semaphore>);

impl ConnectionLimit {
    /// At most so many connections at once, over all audits; an audit takes [`AT_ONCE`] of them while it runs and
    /// waits when there are none (its time starts when it has them).
    #[must_use]
    pub fn new(connections_max: u32) -> Self {
        Self(Arc::new(Semaphore::new(connections_max.max(AT_ONCE) as usize)))
    }

    pub(crate) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        // Taken all at once, so that two audits cannot wait for each other.
        Arc::clone(&self.0).acquire_many_owned(AT_ONCE).await.ok()
    }
}

/// Why a connection was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The policy forbids the address or the port.
    #[error("not allowed to connect to {0}")]
    NotAllowed(SocketAddr),
    /// Refused by the other side.
    #[error("connection refused")]
    Refused,
    /// No answer within a step.
    #[error("no answer in time")]
    TimedOut,
    /// No way to it.
    #[error("network unreachable")]
    Unreachable,
    /// As many connections were made as may be.
    #[error("the number of connections for one audit is used up")]
    NoneLeft,
    /// The time of the audit is over.
    #[error("the time of the audit is over")]
    Over,
}

impl ConnectError {
    /// What it says about the port; `Unknown` when the fault is not the port's.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Refused => Reach::Refused,
            Self::TimedOut => Reach::TimedOut,
            Self::Unreachable => Reach::Unreachable,
            Self::NotAllowed(_) | Self::NoneLeft | Self::Over => Reach::Unknown,
        }
    }
}

/// The gate of one audit; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    inner: Arc<Inner>,
    /// A share of the budget, for one part of the audit.
    share: Option<Arc<AtomicU32>>,
}

#[derive(Debug)]
struct Inner {
    policy: NetworkPolicy,
    is_public: fn(IpAddr) -> bool,
    must_be_public: AtomicBool,
    ports: BTreeSet<u16>,
    /// Addresses of mail exchangers, which may be talked to at their port.
    exchangers: Mutex<BTreeSet<SocketAddr>>,
    connections_max: u32,
    connections: AtomicU32,
    step: Duration,
    deadline: Instant,
    at_once: Arc<Semaphore>,
    counts: Mutex<Counts>,
    resolve: Vec<(String, IpAddr)>,
    dns: Option<Dns>,
    trusted: Trusted,
    user_agent: String,
}

#[derive(Debug, Default)]
struct Counts {
    own: BTreeSet<IpAddr>,
    own_used: u32,
    others: BTreeMap<IpAddr, u32>,
}

impl Gate {
    /// A gate for one audit that starts now.
    #[cfg(test)]
    pub(crate) fn new(options: &AuditOptions, dns: Option<Dns>) -> Self {
        Self::with_public(options, dns, crate::guard::is_public)
    }

    /// A gate for one audit that starts now, and what counts as public: `guard::is_public`, but tests have no public
    /// addresses.
    pub(crate) fn with_public(
        options: &AuditOptions,
        dns: Option<Dns>,
        is_public: fn(IpAddr) -> bool,
    ) -> Self {
        let inner = Inner {
            policy: options.network,
            is_public,
            must_be_public: AtomicBool::new(options.network == NetworkPolicy::PublicOnly),
            ports: [80, 443, options.http_port, options.https_port].into(),
            exchangers: Mutex::default(),
            connections_max: options.connections_max,
            connections: AtomicU32::new(0),
            step: options.step,
            deadline: Instant::now() + options.total,
            at_once: Arc::new(Semaphore::new(AT_ONCE as usize)),
            counts: Mutex::default(),
            resolve: options.resolve.clone(),
            dns,
            trusted: Trusted::new(&options.roots),
            user_agent: options.user_agent.clone(),
        };
        Self { inner: Arc::new(inner), share: None }
    }

    /// Says which addresses are the audited host's: they share one budget, and when all of them are public, nothing
    /// else may be anything but public.
    pub(crate) fn own(&self, addresses: &[IpAddr]) {
        if self.counts().own.is_empty()
            && !addresses.is_empty()
            && addresses.iter().all(|ip| self.is_public(*ip))
        {
            self.inner.must_be_public.store(true, Ordering::Relaxed);
        }
        self.counts().own.extend(addresses);
    }

    /// The same gate with at most so many connections of its own.
    pub(crate) fn share(&self, connections_max: u32) -> Self {
        Self { inner: Arc::clone(&self.inner), share: Some(Arc::new(AtomicU32::new(connections_max))) }
    }

    /// Connects, or says why not. The address connected to is exactly the one that was checked.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Result<Stream, ConnectError> {
        self.check(address)?;
        // Invariant: the semaphore is never closed.
        let permit = timeout_at(self.inner.deadline, Arc::clone(&self.inner.at_once).acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(ConnectError::Over)?;
        self.count(address.ip())?;
        let end = self.inner.deadline.min(Instant::now() + self.inner.step);
        match timeout_at(end, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Probes are small and wait for answers; a socket without this option works too.
                let _ = stream.set_nodelay(true);
                Ok(Stream { stream, _permit: permit })
            }
            Ok(Err(error)) => Err(from_io(&error)),
            Err(_) if self.is_over() => Err(ConnectError::Over),
            Err(_) => Err(ConnectError::TimedOut),
        }
    }

    /// Whether the policy allows the address.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), ConnectError> {
        if self.is_over() {
            return Err(ConnectError::Over);
        }
        let must_be_public = self.inner.must_be_public.load(Ordering::Relaxed);
        let is_port_free = self.inner.policy == NetworkPolicy::Any
            || self.inner.ports.contains(&address.port())
            || self.exchangers().contains(&address);
        if is_port_free && (!must_be_public || self.is_public(address.ip())) {
            return Ok(());
        }
        Err(ConnectError::NotAllowed(address))
    }

    /// Lets an exchanger of the domain be talked to at the port of mail; it must be on the public network all the same.
    pub(crate) fn allow_exchanger(&self, address: SocketAddr) {
        let mut exchangers = self.exchangers();
        if exchangers.len() < OTHER_ADDRESSES_MAX {
            exchangers.insert(address);
        }
    }

    fn exchangers(&self) -> MutexGuard<'_, BTreeSet<SocketAddr>> {
        // A set cannot be half changed by a panic, so a poisoned lock is as good as any.
        self.inner.exchangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an address counts as public.
    pub(crate) fn is_public(&self, ip: IpAddr) -> bool {
        (self.inner.is_public)(ip)
    }

    fn count(&self, ip: IpAddr) -> Result<(), ConnectError> {
        if let Some(share) = &self.share {
            share
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .map_err(|_| ConnectError::NoneLeft)?;
        }
        let mut counts = self.counts();
        let connections_max = self.inner.connections_max;
        if counts.own.contains(&ip) {
            if counts.own_used >= connections_max {
                return Err(ConnectError::NoneLeft);
            }
            counts.own_used += 1;
        } else {
            if !counts.others.contains_key(&ip) && counts.others.len() >= OTHER_ADDRESSES_MAX {
                return Err(ConnectError::NoneLeft);
            }
            let used = counts.others.entry(ip).or_default();
            if *used >= OTHERS_MAX.min(connections_max) {
                return Err(ConnectError::NoneLeft);
            }
            *used += 1;
        }
        self.inner.connections.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Connections that may still be made to the audited host through this gate.
    pub(crate) fn connections_left(&self) -> u32 {
        let all = self.inner.connections_max.saturating_sub(self.counts().own_used);
        self.share.as_ref().map_or(all, |share| share.load(Ordering::Relaxed).min(all))
    }

    /// Connections made so far, over all hosts.
    pub(crate) fn connections(&self) -> u32 {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Time for one connection and for one answer, never more than is left of the audit.
    pub(crate) fn step(&self) -> Duration {
        self.inner.step.min(self.left())
    }

    /// Time left of the audit.
    pub(crate) fn left(&self) -> Duration {
        self.inner.deadline.saturating_duration_since(Instant::now())
    }

    /// When the audit must be over.
    pub(crate) fn deadline(&self) -> Instant {
        self.inner.deadline
    }

    /// Whether the time of the audit is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.inner.deadline
    }

    /// The policy asked for.
    pub(crate) fn policy(&self) -> NetworkPolicy {
        self.inner.policy
    }

    /// `User-Agent` of every request.
    pub(crate) fn user_agent(&self) -> &str {
        &self.inner.user_agent
    }

    /// The certificates that are trusted.
    pub(crate) fn trusted(&self) -> &Trusted {
        &self.inner.trusted
    }

    /// The addresses that `--resolve` gives a name.
    pub(crate) fn pinned(&self, host: &str) -> Vec<IpAddr> {
        pinned(&self.inner.resolve, host)
    }

    /// The addresses of a host that a URL names: as `--resolve` says, or the literal address, or from the DNS; at most
    /// eight, IPv4 first. Whether they may be connected to is checked by `connect`.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(vec![ip]);
        }
        let given = self.pinned(host);
        if !given.is_empty() {
            return Ok(given);
        }
        match &self.inner.dns {
            Some(dns) => dns.addresses(host).await.map(|found| found.all()),
            None => Err(LookupError::NotAsked),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counters cannot be half changed by a panic, so a poisoned lock is as good as any.
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses that `--resolve` gives a name.
pub(crate) fn pinned(resolve: &[(String, IpAddr)], host: &str) -> Vec<IpAddr> {
    let host = host.trim_end_matches('.');
    resolve
        .iter()
        .filter(|(name, _)| name.trim_end_matches('.').eq_ignore_ascii_case(host))
        .map(|(_, ip)| *ip)
        .collect()
}

fn from_io(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        _ => ConnectError::Unreachable,
    }
}

/// A connection; the next one may be made when it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl Deref for Stream {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
