//! A small TLS 1.2 client that finishes handshakes, to count renegotiations and to see tickets.
//!
//! It checks no certificate, no signature and no Finished message, and sends nothing but handshakes: it describes what
//! a server does, and trusts nothing of it.

use kluis_checks::facts::Protocol;
use kluis_checks::tls::flight::Alert;
use kluis_checks::tls::hello::record;
use kluis_checks::tls::{Flight, Hello, Reader};
use kluis_crypto::SystemRandom;
use kluis_crypto::tls12::{
    Tls12Binding, Tls12Master, Tls12Reader, Tls12Share, Tls12Side, Tls12Suite, Tls12Writer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::ask::{Miss, Prober, Weight};
use crate::connect::Stream;

/// Renegotiations that are tried: more than 10 is a finding (NCSC-NL 2025-05 §3.4.2).
pub(super) const RENEGOTIATIONS_MAX: u32 = 11;
/// Records of one handshake.
const RECORDS_MAX: u32 = 64;
/// Bytes of a record's fragment, RFC 5246 §6.2.3.
const FRAGMENT_BYTES_MAX: usize = (1 << 14) + 2048;
/// Handshake message: Finished.
const FINISHED: u8 = 20;

/// What a session showed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Renegotiations that went through; `None` when that could not be told.
    pub(super) renegotiations: Option<u32>,
    /// The ticket: lifetime in seconds, and its bytes.
    pub(super) ticket: Option<(u32, Vec<u8>)>,
}

/// Does a handshake, then renegotiates until the server has enough, or the time of one step is over.
pub(super) async fn look(prober: &Prober<'_>) -> Result<Option<Seen>, Miss> {
    let suites: Vec<u16> = Tls12Suite::IDS
        .into_iter()
        .filter(|id| prober.notes().accepted(Protocol::Tls12).contains(id))
        .collect();
    if suites.is_empty() {
        return Ok(None);
    }
    let stream = prober.connect(Weight::May).await?;
    let mut session =
        Session { stream, keys: None, client_verify: None, ticket: None, is_secure: false, is_begun: false };
    let hello = |verify: Option<Vec<u8>>| Hello {
        groups: Tls12Share::GROUPS.to_vec(),
        renegotiation_info: verify,
        session_ticket: Some(Vec::new()),
        status_request: false,
        sct: false,
        ..prober.hello(Protocol::Tls12, suites.clone())
    };
    let end = Instant::now() + prober.gate().step();
    timeout_at(end, session.handshake(&hello(Some(Vec::new())))).await.map_err(|_| Miss::Late)??;
    let mut seen = Seen { renegotiations: Some(0), ticket: session.ticket.take() };
    for count in 1..=RENEGOTIATIONS_MAX {
        // A server without RFC 5746 gets none of it, as before 2010.
        let verify = session.client_verify.filter(|_| session.is_secure).map(|verify| verify.to_vec());
        match timeout_at(end, session.handshake(&hello(verify))).await {
            Ok(Ok(())) => seen.renegotiations = Some(count),
            Ok(Err(_)) => break,
            Err(_) => {
                // Silence after none at all is no answer.
                seen.renegotiations = seen.renegotiations.filter(|done| *done > 0);
                break;
            }
        }
    }
    if seen.renegotiations.is_none() {
        prober.gap("renegotiation", &Miss::Late);
    }
    Ok(Some(seen))
}

struct Session {
    stream: Stream,
    keys: Option<(Tls12Writer, Tls12Reader)>,
    client_verify: Option<[u8; 12]>,
    ticket: Option<(u32, Vec<u8>)>,
    is_secure: bool,
    /// Whether the first hello was sent: only that one has an older version on its record.
    is_begun: bool,
}

const STOP: Miss = Miss::Odd("the handshake was not finished");

impl Session {
    /// One handshake from hello to the server's Finished, under the keys there are.
    async fn handshake(&mut self, hello: &Hello) -> Result<(), Miss> {
        let sent = hello.handshake();
        self.send(22, &sent).await?;
        let mut reader = Reader::new();
        self.receive(&mut reader, |flight| flight.is_done || flight.alert.is_some_and(ends)).await?;
        let flight = reader.flight();
        let (Some(server), true) = (&flight.server_hello, flight.is_done) else { return Err(STOP) };
        let suite = Tls12Suite::from_iana(server.suite).ok_or(STOP)?;
        let exchange = flight.key_exchange.as_ref().ok_or(STOP)?;
        let share = Tls12Share::new(exchange.named_group.ok_or(STOP)?, &SystemRandom).ok_or(STOP)?;
        let premaster = share.agree(&exchange.public_point).ok_or(STOP)?;
        self.is_secure = server.has(0xFF01);
        let is_extended = server.has(23);

        let certificate: &[u8] = if flight.certificate_request { &[11, 0, 0, 3, 0, 0, 0] } else { &[] };
        let answer = [certificate, &client_key_exchange(share.public())].concat();
        let transcript = [sent.as_slice(), &flight.transcript, &answer].concat();
        let hash = suite.hash(&transcript);
        let binding = if is_extended {
            Tls12Binding::Handshake(&hash)
        } else {
            Tls12Binding::Randoms { client: &hello.random, server: &server.random }
        };
        let master = Tls12Master::new(suite, &premaster, binding).ok_or(STOP)?;
        let verify = master.finished(Tls12Side::Client, &hash).ok_or(STOP)?;
        let (writer, opener) = master.records(&hello.random, &server.random).ok_or(STOP)?;

        self.send(22, &answer).await?;
        self.send(20, &[1]).await?;
        let opener_before = self.keys.take().map(|(_, opener)| opener);
        self.keys = Some((writer, opener));
        self.send(22, &[[FINISHED, 0, 0, 12].as_slice(), &verify].concat()).await?;
        self.finish(opener_before, &mut reader).await?;
        self.client_verify = Some(verify);
        Ok(())
    }

    /// Reads the server's ticket, ChangeCipherSpec and Finished; what comes before the change is under the old keys.
    async fn finish(&mut self, mut before: Option<Tls12Reader>, reader: &mut Reader) -> Result<(), Miss> {
        reader.next_flight();
        for _ in 0..RECORDS_MAX {
            let (kind, fragment) = self.record().await?;
            let text = match &mut before {
                Some(opener) => opener.open(kind, &fragment).ok_or(STOP)?,
                None => fragment,
            };
            match kind {
                20 => {
                    self.ticket = reader.flight().ticket.clone().or(self.ticket.take());
                    return self.receive(reader, is_finished).await;
                }
                21 => return Err(STOP),
                _ => reader.push(&record(kind, 0x0303, &text)).map_err(Miss::Garbled)?,
            }
        }
        Err(STOP)
    }

    /// Reads records under the keys there are until `is_met`.
    async fn receive(&mut self, reader: &mut Reader, is_met: impl Fn(&Flight) -> bool) -> Result<(), Miss> {
        for _ in 0..RECORDS_MAX {
            let (kind, fragment) = self.record().await?;
            let text = match &mut self.keys {
                Some((_, opener)) => opener.open(kind, &fragment).ok_or(STOP)?,
                None => fragment,
            };
            // Data of the application between handshakes is of no interest.
            if kind == 23 {
                continue;
            }
            reader.push(&record(kind, 0x0303, &text)).map_err(Miss::Garbled)?;
            if is_met(reader.flight()) {
                return Ok(());
            }
        }
        Err(STOP)
    }

    async fn send(&mut self, kind: u8, text: &[u8]) -> Result<(), Miss> {
        let fragment = match &mut self.keys {
            Some((writer, _)) => writer.seal(kind, text).ok_or(STOP)?,
            None => text.to_vec(),
        };
        let version = if self.is_begun { 0x0303 } else { 0x0301 };
        self.is_begun = true;
        self.stream.write_all(&record(kind, version, &fragment)).await.map_err(|_| STOP)
    }

    async fn record(&mut self) -> Result<(u8, Vec<u8>), Miss> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).await.map_err(|_| STOP)?;
        let count = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if count > FRAGMENT_BYTES_MAX {
            return Err(STOP);
        }
        let mut fragment = vec![0; count];
        self.stream.read_exact(&mut fragment).await.map_err(|_| STOP)?;
        Ok((head[0], fragment))
    }
}

/// A fatal alert, no_renegotiation (100) or close_notify (0); other warnings are no answer.
fn ends(alert: Alert) -> bool {
    alert.level == 2 || matches!(alert.code, 0 | 100)
}

fn is_finished(flight: &Flight) -> bool {
    flight.alert.is_some_and(ends)
        || flight.transcript.len() >= 16
            && flight.transcript[flight.transcript.len() - 16..].starts_with(&[FINISHED, 0, 0, 12])
}

fn client_key_exchange(public: &[u8]) -> Vec<u8> {
    // Invariant: 32 or 65 bytes.
    let count = u8::try_from(public.len()).unwrap_or(u8::MAX);
    [[16, 0, 0, count.saturating_add(1), count].as_slice(), public].concat()
}
