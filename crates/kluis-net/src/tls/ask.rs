//! Asks a server with raw hellos, sorts what it says, and notes everything an answer shows in one place.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use kluis_checks::facts::{Gap, Protocol};
use kluis_checks::tls::{Flight, FlightError, Hello, Reader};
use kluis_crypto::SystemRandom;
use kluis_model::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::notes::Notes;
use crate::connect::{ConnectError, Gate, Stream};

/// Answers that may come too late before the rest is left alone: the server is slow, or hangs on purpose.
const LATE_MAX: u32 = 3;
/// How often it is checked that a dropped connection is this server's way to say no.
const CONTROLS_MAX: u32 = 2;
/// Pause before a reset connection is tried once more.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes read at once.
const READ_BYTES: usize = 8192;

/// How much a probe matters when connections run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing can be said without it.
    Must,
    /// A finding hangs on it.
    Should,
    /// It completes a list, or the finding is rare.
    May,
}

impl Weight {
    /// Connections that it leaves to those that matter more.
    fn reserve(self) -> u32 {
        match self {
            Self::Must => 0,
            Self::Should => 3,
            Self::May => 8,
        }
    }
}

/// How far an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the ServerHello.
    Hello,
    /// To the end of what the server says in the clear.
    Done,
}

impl Until {
    fn is_met(self, flight: &Flight) -> bool {
        flight.is_complete() || self == Self::Hello && flight.server_hello.is_some()
    }
}

/// What a server said to a hello.
#[derive(Debug)]
pub(super) enum Said {
    /// It agreed.
    Hello(Box<Flight>),
    /// It agreed on SSLv2.
    Ssl2(Box<Flight>),
    /// It declined, with an alert (or an error of SSLv2: 0).
    Alert(u8),
    /// It ended the connection without a word.
    Dropped {
        /// By a reset.
        is_reset: bool,
    },
    /// It does not speak TLS.
    NotTls(&'static str),
}

/// A clear answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// The server agreed.
    Yes(Box<Flight>),
    /// It declined, and said so with this alert or not at all.
    No(Option<u8>),
}

/// Why there is no clear answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Miss {
    /// No connection.
    #[error("{0}")]
    Connect(ConnectError),
    /// The connections that are left are for what matters more.
    #[error("the connections that are left were kept for other questions")]
    Saved,
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// The server was late too often.
    #[error("not asked: the server answered too late {LATE_MAX} times")]
    Tired,
    /// Something that is not TLS.
    #[error("the answer cannot be read: {0}")]
    Garbled(FlightError),
    /// An answer that fits no question.
    #[error("the answer does not fit: {0}")]
    Odd(&'static str),
    /// Connections are dropped now and then.
    #[error("the server drops connections, also those it accepted before")]
    Unsteady,
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that was wanted came.
    Met,
    /// The server closed.
    Closed,
    /// The server reset.
    Reset,
    /// Nothing more came in time.
    Silent,
    /// What came cannot be read.
    Garbled(FlightError),
}

/// One examination of one address.
pub(super) struct Prober<'a> {
    gate: &'a Gate,
    /// The name asked for.
    pub(super) host: &'a str,
    /// The address.
    pub(super) address: SocketAddr,
    /// A hello that the server is known to answer.
    pub(super) control: OnceLock<Hello>,
    /// The server refuses the name, so it is left out.
    pub(super) is_nameless: OnceLock<()>,
    state: Mutex<State>,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct State {
    connections: u32,
    late: u32,
    controls: u32,
    /// A hello that was dropped was answered when it was sent again.
    is_flaky: bool,
    gaps: Vec<Gap>,
}

impl<'a> Prober<'a> {
    /// Nothing asked yet.
    pub(super) fn new(gate: &'a Gate, host: &'a str, address: SocketAddr) -> Self {
        Self {
            gate,
            host,
            address,
            control: OnceLock::new(),
            is_nameless: OnceLock::new(),
            state: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// A hello of one version up to TLS 1.2 with the server's name.
    pub(super) fn hello(&self, protocol: Protocol, suites: Vec<u16>) -> Hello {
        let version = match protocol {
            Protocol::Ssl2 | Protocol::Ssl3 => 0x0300,
            Protocol::Tls10 => 0x0301,
            Protocol::Tls11 => 0x0302,
            Protocol::Tls12 | Protocol::Tls13 => 0x0303,
        };
        Hello { sni: self.sni(), ..Hello::legacy(version, suites, random()) }
    }

    /// The name to send.
    pub(super) fn sni(&self) -> Option<String> {
        self.is_nameless.get().is_none().then(|| self.host.to_owned())
    }

    /// Asks, and takes only a clear yes or no for an answer. The answer is noted.
    pub(super) async fn answer(&self, hello: &Hello, weight: Weight) -> Result<Reply, Miss> {
        let mut said = self.ask(hello, Until::Done, weight).await?;
        if matches!(said, Said::Dropped { .. }) && self.state().controls < CONTROLS_MAX {
            // Is it this hello, or has the server had enough of us?
            if !self.is_alive().await {
                return Err(Miss::Unsteady);
            }
            said = self.ask(hello, Until::Done, weight).await?;
            self.state().is_flaky |= !matches!(said, Said::Dropped { .. });
        }
        match said {
            Said::Hello(flight) => {
                let is_offered =
                    flight.server_hello.as_ref().is_some_and(|server| hello.suites.contains(&server.suite));
                if !is_offered {
                    return Err(Miss::Odd("a suite that was not offered"));
                }
                Ok(Reply::Yes(flight))
            }
            Said::Ssl2(_) | Said::NotTls(_) => Ok(Reply::No(None)),
            Said::Alert(code) => Ok(Reply::No(Some(code))),
            Said::Dropped { .. } if self.state().is_flaky => Err(Miss::Unsteady),
            Said::Dropped { .. } => Ok(Reply::No(None)),
        }
    }

    /// Asks, once more after a reset, and notes what an agreeing answer shows.
    pub(super) async fn ask(&self, hello: &Hello, until: Until, weight: Weight) -> Result<Said, Miss> {
        let said = self.ask_bytes(&hello.to_records(), until, weight).await?;
        if let Said::Hello(flight) = &said {
            self.notes().take(hello, flight);
            // The first one that was answered stays.
            let _ = self.control.set(hello.clone());
        }
        Ok(said)
    }

    /// The same for bytes.
    pub(super) async fn ask_bytes(&self, bytes: &[u8], until: Until, weight: Weight) -> Result<Said, Miss> {
        match self.once(bytes, until, weight).await {
            Ok(Said::Dropped { is_reset: true }) | Err(Miss::Connect(ConnectError::Refused)) => {
                tokio::time::sleep(PAUSE).await;
                let again = self.once(bytes, until, weight).await;
                self.state().is_flaky |= matches!(again, Ok(Said::Hello(_) | Said::Alert(_)));
                again
            }
            other => other,
        }
    }

    /// Asks once, whatever comes.
    pub(super) async fn once(&self, bytes: &[u8], until: Until, weight: Weight) -> Result<Said, Miss> {
        let mut stream = self.connect(weight).await?;
        let mut reader = Reader::new();
        let end = self.exchange(&mut stream, &mut reader, bytes, |flight| until.is_met(flight)).await;
        self.state().late += u32::from(end == End::Silent);
        sort(end, reader.into_flight())
    }

    /// Connects, when there are connections left for something of this weight.
    pub(super) async fn connect(&self, weight: Weight) -> Result<Stream, Miss> {
        if self.state().late >= LATE_MAX {
            return Err(Miss::Tired);
        }
        if self.gate.connections_left() <= weight.reserve() {
            return Err(if weight == Weight::Must {
                Miss::Connect(ConnectError::NoneLeft)
            } else {
                Miss::Saved
            });
        }
        let connected = self.gate.connect(self.address).await;
        let mut state = self.state();
        match connected {
            Ok(stream) => {
                state.connections += 1;
                Ok(stream)
            }
            Err(error) => {
                state.late += u32::from(error == ConnectError::TimedOut);
                Err(Miss::Connect(error))
            }
        }
    }

    /// Writes, then reads until `is_met` or the time of one step is over.
    pub(super) async fn exchange(
        &self,
        stream: &mut Stream,
        reader: &mut Reader,
        bytes: &[u8],
        is_met: impl Fn(&Flight) -> bool,
    ) -> End {
        let work = async {
            if stream.write_all(bytes).await.is_err() {
                return End::Reset;
            }
            read(stream, reader, is_met).await
        };
        timeout(self.gate.step(), work).await.unwrap_or(End::Silent)
    }

    /// Whether a hello that the server likes is still answered.
    async fn is_alive(&self) -> bool {
        let Some(control) = self.control.get() else {
            return false;
        };
        let is_alive = matches!(self.ask(control, Until::Hello, Weight::Must).await, Ok(Said::Hello(_)));
        self.state().controls += u32::from(is_alive);
        is_alive
    }

    /// Says what could not be found out.
    pub(super) fn gap(&self, what: &str, why: &impl ToString) {
        let gap = Gap::new(what, why.to_string());
        let mut state = self.state();
        if !state.gaps.contains(&gap) {
            state.gaps.push(gap);
        }
    }

    /// Gives an answer, or notes the gap.
    pub(super) fn or_gap<T>(&self, what: &str, result: Result<T, Miss>) -> Option<T> {
        result.map_err(|miss| self.gap(what, &miss)).ok()
    }

    /// Connections made, and everything that could not be found out.
    pub(super) fn finish(self) -> (u32, Vec<Gap>, Notes) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (state.connections, state.gaps, self.notes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the answers showed.
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        // Notes are added one at a time, so a poisoned lock holds good ones.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate.
    pub(super) fn gate(&self) -> &'a Gate {
        self.gate
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Random bytes for a hello.
pub(super) fn random() -> [u8; 32] {
    let mut out = [0; 32];
    SystemRandom.fill(&mut out);
    out
}

async fn read(stream: &mut Stream, reader: &mut Reader, is_met: impl Fn(&Flight) -> bool) -> End {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return End::Closed,
            Err(_) => return End::Reset,
            Ok(count) => {
                if let Err(error) = reader.push(&buffer[..count]) {
                    return End::Garbled(error);
                }
                if is_met(reader.flight()) {
                    return End::Met;
                }
            }
        }
    }
}

/// What a flight says, however it ended: a ServerHello counts, even when what follows is missing or too long.
fn sort(end: End, flight: Flight) -> Result<Said, Miss> {
    if let Some(looks_like) = flight.not_tls {
        return Ok(Said::NotTls(looks_like));
    }
    if flight.ssl2.is_some() {
        return Ok(Said::Ssl2(Box::new(flight)));
    }
    if flight.server_hello.is_some() {
        return Ok(Said::Hello(Box::new(flight)));
    }
    if flight.ssl2_error.is_some() {
        return Ok(Said::Alert(0));
    }
    match (flight.alert, end) {
        (Some(alert), End::Closed | End::Reset | End::Met) => Ok(Said::Alert(alert.code)),
        (_, End::Closed | End::Met) => Ok(Said::Dropped { is_reset: false }),
        (_, End::Reset) => Ok(Said::Dropped { is_reset: true }),
        (_, End::Silent) => Err(Miss::Late),
        (_, End::Garbled(error)) => Err(Miss::Garbled(error)),
    }
}
