//! Four old bugs of TLS libraries, asked about in ways that hurt nobody: nothing is read that was not sent.

use std::time::Duration;

use kluis_checks::facts::Protocol;
use kluis_checks::tls::hello::record;
use kluis_checks::tls::suites::Suite;
use kluis_checks::tls::{Flight, Hello, Reader};
use kluis_crypto::tls12::rsa_pkcs1_encrypt;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ask::{End, Miss, Prober, Said, Until, Weight, random};

/// Alert: a message that may not come now. What patched servers say to an early ChangeCipherSpec.
const UNEXPECTED_MESSAGE: u8 = 10;
/// Alerts of a server that tried to decrypt: bad_record_mac, decryption_failed, record_overflow, decrypt_error.
const DECRYPTION_ALERTS: [u8; 4] = [20, 21, 22, 51];
/// How long a server may say nothing after a wrong message, before that counts as its answer.
const SILENCE: Duration = Duration::from_secs(2);

/// A ChangeCipherSpec message.
const CHANGE_CIPHER_SPEC: [u8; 1] = [1];

/// Says hello, waits for the server's flight, sends what `then` makes of it, and returns how the connection went on.
/// `None` when the server declined, or `then` has nothing to send.
async fn converse(
    prober: &Prober<'_>,
    hello: &Hello,
    weight: Weight,
    then: impl FnOnce(&Flight) -> Option<Vec<u8>>,
) -> Result<Option<(End, Flight)>, Miss> {
    let mut stream = prober.connect(weight).await?;
    let mut reader = Reader::new();
    let end = prober.exchange(&mut stream, &mut reader, &hello.to_records(), Flight::is_complete).await;
    if end == End::Silent {
        return Err(Miss::Late);
    }
    let Some(bytes) = Some(reader.flight()).filter(|flight| flight.is_done).and_then(then) else {
        return Ok(None);
    };
    reader.next_flight();
    let is_met = |flight: &Flight| flight.heartbeat.is_some() || flight.alert.is_some();
    let answer = prober.exchange(&mut stream, &mut reader, &bytes, is_met);
    let end = timeout(SILENCE, answer).await.unwrap_or(End::Silent);
    Ok(Some((end, reader.into_flight())))
}

/// CVE-2014-0160: a heartbeat that claims one byte more than it has, all of them our own, is answered only by servers
/// that do not check. The close_notify behind it makes every server end the connection, so nobody has to wait.
pub(super) async fn heartbleed(prober: &Prober<'_>, version: Protocol) -> Result<bool, Miss> {
    if prober.notes().heartbeat == Some(false) {
        return Ok(false);
    }
    let hello = Hello { heartbeat: true, ..accepted_hello(prober, version) };
    let wire = hello.legacy_version;
    let answer = converse(prober, &hello, Weight::Should, |flight| {
        let allows = flight.server_hello.as_ref().is_some_and(|server| server.has(15));
        // Request, payload of 1 byte, and the 16 bytes of padding that RFC 6520 §4 asks for: 1 byte is missing.
        let beat = [[1, 0, 1].as_slice(), &[0; 16]].concat();
        allows.then(|| [record(24, wire, &beat), record(21, wire, &[1, 0])].concat())
    })
    .await?;
    match answer {
        None => Ok(false),
        Some((_, flight)) if flight.heartbeat.as_deref().is_some_and(|beat| beat.first() == Some(&2)) => {
            Ok(true)
        }
        Some((End::Silent, _)) => Err(Miss::Late),
        Some(_) => Ok(false),
    }
}

/// CVE-2014-0224: two ChangeCipherSpec messages before there are keys. A sound server refuses the first as unexpected;
/// one with the bug takes it, and fails to decrypt the second.
pub(super) async fn early_ccs(prober: &Prober<'_>, version: Protocol) -> Result<bool, Miss> {
    let hello = accepted_hello(prober, version);
    let change = record(20, hello.legacy_version, &CHANGE_CIPHER_SPEC);
    let answer = converse(prober, &hello, Weight::Should, |_| Some(change.repeat(2))).await?;
    match answer {
        None => Err(Miss::Odd("no ServerHelloDone to a hello that was accepted before")),
        Some((_, Flight { alert: Some(alert), .. })) if alert.code == UNEXPECTED_MESSAGE => Ok(false),
        Some((_, Flight { alert: Some(alert), .. })) => Ok(DECRYPTION_ALERTS.contains(&alert.code)),
        Some((End::Silent, _)) => Err(Miss::Late),
        Some(_) => Ok(false),
    }
}

/// CVE-2016-9244: a session id of 31 bytes beside a ticket comes back longer. Only one byte is ever shown.
pub(super) async fn ticketbleed(prober: &Prober<'_>, ticket: &[u8]) -> Result<bool, Miss> {
    let session_id = random()[..31].to_vec();
    let hello = Hello {
        session_id: session_id.clone(),
        session_ticket: Some(ticket.to_vec()),
        ..accepted_hello(prober, Protocol::Tls12)
    };
    match prober.ask(&hello, Until::Hello, Weight::May).await? {
        Said::Hello(flight) => {
            let echoed = flight.server_hello.unwrap_or_default().session_id;
            Ok(echoed.len() > session_id.len() && echoed.starts_with(&session_id))
        }
        _ => Ok(false),
    }
}

/// How a server answers one kind of wrong ClientKeyExchange.
type Signature = (bool, Option<u8>, bool);

/// ROBOT (CVE-2017-13099 and others): whether the answers to wrong RSA key exchanges differ with what is wrong. A
/// difference must show twice. `None` when there is no RSA key exchange.
pub(super) async fn robot(prober: &Prober<'_>, version: Protocol) -> Result<Option<bool>, Miss> {
    let suites = prober
        .notes()
        .accepted_where(version, |suite: &Suite| suite.uses_rsa_transport() && !suite.is_export);
    if suites.is_empty() {
        return Ok(None);
    }
    let hello = prober.hello(version, suites);
    let mut first: Vec<Signature> = Vec::new();
    for kind in 0..4 {
        match ask_robot(prober, &hello, kind).await? {
            Some(signature) => first.push(signature),
            None => return Ok(None),
        }
    }
    if first.iter().all(|signature| Some(signature) == first.first()) {
        return Ok(Some(false));
    }
    for (kind, before) in first.iter().enumerate() {
        if ask_robot(prober, &hello, kind).await?.as_ref() != Some(before) {
            return Err(Miss::Unsteady);
        }
    }
    Ok(Some(true))
}

async fn ask_robot(prober: &Prober<'_>, hello: &Hello, kind: usize) -> Result<Option<Signature>, Miss> {
    let answer = converse(prober, hello, Weight::May, |flight| {
        let (_, leaf) = X509Certificate::from_der(flight.certificates.first()?).ok()?;
        let sealed = wrong_secret(leaf.tbs_certificate.subject_pki.raw, hello.legacy_version, kind)?;
        Some(key_exchange(hello.legacy_version, &sealed))
    })
    .await?;
    Ok(answer.map(|(end, flight)| {
        (end == End::Silent, flight.alert.map(|alert| alert.code), matches!(end, End::Reset))
    }))
}

/// An encrypted premaster secret: 0 right, 1 of a wrong version, 2 too short, 3 no padding that anybody made.
fn wrong_secret(spki: &[u8], version: u16, kind: usize) -> Option<Vec<u8>> {
    let mut secret = [version.to_be_bytes().as_slice(), &random(), &random()[..14]].concat();
    match kind {
        0 => {}
        1 => secret[..2].copy_from_slice(&[2, 2]),
        2 => secret.truncate(40),
        _ => {
            // A number below the modulus that is the encryption of nothing sensible.
            let bytes = rsa_pkcs1_encrypt(spki, &secret)?.len();
            let mut noise: Vec<u8> = (0..bytes.div_ceil(32)).flat_map(|_| random()).take(bytes).collect();
            noise[0] = 0;
            return Some(noise);
        }
    }
    rsa_pkcs1_encrypt(spki, &secret)
}

/// ClientKeyExchange, ChangeCipherSpec, and a Finished that cannot be decrypted.
fn key_exchange(version: u16, sealed: &[u8]) -> Vec<u8> {
    // Invariant: at most 1024 bytes (RSA of 8192 bits), and two more.
    let count = u16::try_from(sealed.len()).unwrap_or(u16::MAX);
    let body = match version {
        // SSLv3 has no length before the encrypted secret (RFC 6101 §5.6.7.1).
        0x0300 => sealed.to_vec(),
        _ => [count.to_be_bytes().as_slice(), sealed].concat(),
    };
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let message = [[16, 0].as_slice(), &length, &body].concat();
    let finished = [random(), random()].concat();
    [record(22, version, &message), record(20, version, &CHANGE_CIPHER_SPEC), record(22, version, &finished)]
        .concat()
}

fn accepted_hello(prober: &Prober<'_>, version: Protocol) -> Hello {
    let mut suites = prober.notes().accepted(version);
    suites.truncate(32);
    prober.hello(version, suites)
}
