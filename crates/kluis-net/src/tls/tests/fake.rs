//! Servers with bugs that nobody should still have: faked as far as the prober looks.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use kluis_checks::facts::{Answer, Bug, Protocol, Reach};
use kluis_checks::tls::hello::record;

use super::*;

/// What a fake server does with one connection; the number counts connections from 0.
type Play = dyn Fn(&mut TcpStream, u32) + Send + Sync;

/// Listens until the test ends.
pub(super) fn serve(play: impl Fn(&mut TcpStream, u32) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(local(0)).unwrap();
    let address = listener.local_addr().unwrap();
    let play: Arc<Play> = Arc::new(play);
    let count = AtomicU32::new(0);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (play, number) = (Arc::clone(&play), count.fetch_add(1, Ordering::SeqCst));
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            std::thread::spawn(move || play(&mut stream, number));
        }
    });
    address
}

/// A record: its type and body; `None` when the client is gone.
pub(super) fn read_record(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).ok()?;
    Some((head[0], body))
}

/// What a fake reads of a ClientHello.
struct Asked {
    version: u16,
    session_id: Vec<u8>,
    suites: Vec<u16>,
    has_compression: bool,
    extensions: Vec<u16>,
}

fn read_hello(stream: &mut TcpStream) -> Option<Asked> {
    let (22, body) = read_record(stream)? else { return None };
    let version = u16::from_be_bytes([body[4], body[5]]);
    let mut rest = &body[38..];
    let take = |rest: &mut &[u8], length_bytes: usize| {
        let count = rest[..length_bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (out, tail) = rest[length_bytes..].split_at(count);
        *rest = tail;
        out.to_vec()
    };
    let session_id = take(&mut rest, 1);
    let suites = take(&mut rest, 2).chunks(2).map(|id| u16::from_be_bytes([id[0], id[1]])).collect();
    let has_compression = take(&mut rest, 1).contains(&1);
    let mut extensions = Vec::new();
    if !rest.is_empty() {
        let all = take(&mut rest, 2);
        let mut rest = all.as_slice();
        while rest.len() >= 4 {
            extensions.push(u16::from_be_bytes([rest[0], rest[1]]));
            rest = &rest[2..];
            take(&mut rest, 2);
        }
    }
    Some(Asked { version, session_id, suites, has_compression, extensions })
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat()
}

fn alert(code: u8) -> Vec<u8> {
    record(21, 0x0303, &[2, code])
}

/// A ServerHello, Certificate and ServerHelloDone for RSA key transport.
fn rsa_flight(asked: &Asked, session_id: &[u8], compression: u8, heartbeat: bool) -> Vec<u8> {
    let mut hello = asked.version.to_be_bytes().to_vec();
    hello.extend([7; 32]);
    hello.push(u8::try_from(session_id.len()).unwrap());
    hello.extend(session_id);
    hello.extend([0x00, 0x2F, compression]);
    if asked.version > 0x0300 {
        hello.extend(if heartbeat { [0, 5, 0, 15, 0, 1, 1].as_slice() } else { &[0, 0] });
    }
    let leaf = Pki::get().leaf.as_ref();
    let length = |count: usize| u32::try_from(count).unwrap().to_be_bytes()[1..].to_vec();
    let list = [length(leaf.len() + 3), length(leaf.len()), leaf.to_vec()].concat();
    let flight = [message(2, &hello), message(11, &list), message(14, &[])].concat();
    record(22, asked.version, &flight)
}

/// What a buggy server does besides being a plain TLS 1.2 server with one suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    Heartbleed,
    EarlyCcs,
    Robot,
    Ssl3,
    Compression,
    Tls13Intolerant,
}

/// A server for RSA key transport in TLS 1.2 that never finishes a handshake.
fn faulty(fault: Fault) -> SocketAddr {
    serve(move |stream, _| {
        let Some(asked) = read_hello(stream) else { return };
        let lowest = if fault == Fault::Ssl3 { 0x0300 } else { 0x0303 };
        if asked.version < lowest {
            return drop(stream.write_all(&alert(70)));
        }
        if fault == Fault::Tls13Intolerant && asked.extensions.contains(&43) {
            return;
        }
        if !asked.suites.contains(&0x002F) {
            return drop(stream.write_all(&alert(40)));
        }
        let compression = u8::from(fault == Fault::Compression && asked.has_compression);
        let beats = fault == Fault::Heartbleed && asked.extensions.contains(&15);
        let flight = rsa_flight(&asked, &asked.session_id, compression, beats);
        if stream.write_all(&flight).is_err() {
            return;
        }
        let answer = after(stream, fault);
        // The client may be gone already.
        let _ = stream.write_all(&answer);
    })
}

/// What comes after the flight.
fn after(stream: &mut TcpStream, fault: Fault) -> Vec<u8> {
    let mut changes = 0;
    let mut bad_secret = false;
    while let Some((kind, body)) = read_record(stream) {
        match (kind, fault) {
            (24, Fault::Heartbleed) => {
                // Answers what the length says, whatever came.
                let claimed = usize::from(u16::from_be_bytes([body[1], body[2]]));
                let payload: Vec<u8> =
                    body[3..].iter().copied().chain(std::iter::repeat(0)).take(claimed).collect();
                let beat = [[2, body[1], body[2]].as_slice(), &payload, &[0; 16]].concat();
                return record(24, 0x0303, &beat);
            }
            (20, Fault::EarlyCcs) if changes == 0 => changes = 1,
            (20, Fault::EarlyCcs) => return alert(20),
            (22, Fault::Robot) if body[0] == 16 => bad_secret = !decrypts(&body[6..]),
            (22, _) if body[0] == 16 => {}
            (20, Fault::Robot) if changes == 0 => changes = 1,
            (20, _) if fault == Fault::Nothing || changes == 1 => return alert(10),
            (22, Fault::Robot) => return alert(if bad_secret { 51 } else { 20 }),
            (22, _) => return alert(20),
            (21, _) => return Vec::new(),
            _ => return alert(10),
        }
    }
    Vec::new()
}

/// Whether the padding is right.
fn decrypts(sealed: &[u8]) -> bool {
    let key = KeyPair::from_pem(&fs::read_to_string(Pki::get().path("key.pem")).unwrap()).unwrap();
    let key = PrivateDecryptingKey::from_pkcs8(&key.serialize_der()).unwrap();
    Pkcs1PrivateDecryptingKey::new(key).unwrap().decrypt(sealed, &mut [0; 512]).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bug_is_found_where_it_is_and_nowhere_else() {
    let cases = [
        (Fault::Nothing, None),
        (Fault::Heartbleed, Some(Bug::Heartbleed)),
        (Fault::EarlyCcs, Some(Bug::Ccs)),
        (Fault::Robot, Some(Bug::Robot)),
    ];
    for (fault, expected) in cases {
        let (facts, gaps) = look(faulty(fault)).await;
        let found: Vec<Bug> = facts.bugs.iter().filter(|(_, has_it)| **has_it).map(|(bug, _)| *bug).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{fault:?} {gaps:?}");
        assert!(
            facts.accepts(Protocol::Tls12)
                && !facts.accepts(Protocol::Tls13)
                && !facts.accepts(Protocol::Ssl3)
        );
        assert_eq!(facts.suites.iter().map(|suite| suite.id).collect::<Vec<_>>(), [0x002F]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_faults_of_the_handshake_are_seen() {
    let (facts, _) = look(faulty(Fault::Ssl3)).await;
    assert!(
        facts.accepts(Protocol::Ssl3) && facts.accepts(Protocol::Tls10) && facts.accepts(Protocol::Tls12)
    );
    assert_eq!(facts.fallback_scsv, Some(false));
    let (facts, _) = look(faulty(Fault::Compression)).await;
    assert_eq!(facts.compression, Some(true));
    assert_eq!(facts.secure_renegotiation, Some(false));
    assert_eq!(facts.extended_master_secret, Some(false));
    let (facts, gaps) = look(faulty(Fault::Tls13Intolerant)).await;
    assert_eq!(facts.tls13_intolerant, Some(true), "{gaps:?}");
    assert!(facts.accepts(Protocol::Tls12));
    let (facts, _) = look(faulty(Fault::Nothing)).await;
    assert_eq!((facts.tls13_intolerant, facts.compression), (Some(false), Some(false)));
}

#[tokio::test]
async fn sslv2_is_seen() {
    let address = serve(|stream, _| {
        let mut head = [0; 2];
        if stream.read_exact(&mut head).is_err() || head[0] & 0x80 == 0 {
            return drop(stream.write_all(&alert(40)));
        }
        let mut body = vec![0; usize::from(head[1])];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(body[..3], [1, 0, 2]);
        let leaf = Pki::get().leaf.as_ref();
        let length = u16::try_from(leaf.len()).unwrap().to_be_bytes();
        let hello =
            [[4, 0, 1, 0, 2].as_slice(), &length, &[0, 3, 0, 16], leaf, &[1, 0, 0x80], &[9; 16]].concat();
        let head = (0x8000 | u16::try_from(hello.len()).unwrap()).to_be_bytes();
        let _ = stream.write_all(&[head.as_slice(), &hello].concat());
    });
    let (facts, _) = look(address).await;
    assert_eq!(facts.reach, Reach::Tls);
    assert_eq!(facts.protocols[&Protocol::Ssl2], Answer::Accepted);
    assert_eq!(facts.suites.iter().map(|suite| suite.id).collect::<Vec<_>>(), [0x01_0080]);
    assert_eq!(facts.worst(), Some(Protocol::Ssl2));
    assert_eq!(facts.chain.leaf().unwrap().names, [HOST]);
}
