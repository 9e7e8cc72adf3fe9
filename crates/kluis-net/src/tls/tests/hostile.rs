//! Servers that mean harm, or have had enough: bounded time and memory, and never a false verdict.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kluis_checks::facts::{Answer, Protocol, Reach};
use kluis_checks::tls::hello::record;

use super::fake::{read_record, serve};
use super::*;

/// Examines with short steps and says how long it took.
async fn hurried(address: SocketAddr) -> (TlsFacts, Vec<Gap>, Duration) {
    let gate = gate(|options| {
        options.step = Duration::from_millis(300);
        options.total = Duration::from_secs(8);
    });
    let begun = Instant::now();
    let (facts, gaps) = probe(&gate, HOST, address, Depth::Full, &Pki::get().roots(), now()).await;
    (facts, gaps, begun.elapsed())
}

fn looks_like(facts: &TlsFacts) -> &str {
    match &facts.reach {
        Reach::NotTls { looks_like } => looks_like,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_tls_is_named() {
    let says = |bytes: &'static [u8]| {
        serve(move |stream, _| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        })
    };
    for (bytes, expected) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), "http"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", "garbage"),
        (b"", "closed"),
    ] {
        let (facts, _, took) = hurried(says(bytes)).await;
        assert_eq!(looks_like(&facts), expected);
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(facts.connections <= 8);
        assert!(facts.protocols.values().all(|answer| *answer != Answer::Accepted));
    }
    let (facts, _, _) = hurried(local(free_port())).await;
    assert_eq!(facts.reach, Reach::Refused);
}

#[tokio::test]
async fn a_server_that_resets_or_never_answers_is_left_alone_soon() {
    let resets = serve(|stream, _| {
        // Closing with bytes unread resets.
        let _ = stream.peek(&mut [0; 1]);
    });
    let (facts, _, took) = hurried(resets).await;
    assert_eq!(looks_like(&facts), "closed");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let silent = serve(|stream, _| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (facts, _, took) = hurried(silent).await;
    assert_eq!(facts.reach, Reach::TimedOut);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let drips = serve(|stream, _| {
        for byte in record(22, 0x0303, &[2; 2000]) {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let (facts, _, took) = hurried(drips).await;
    assert_eq!(facts.reach, Reach::TimedOut);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn flights_without_end_and_absurd_lengths_are_cut() {
    let endless = serve(|stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        // A certificate message that goes on and on.
        let piece = record(22, 0x0303, &[[11, 0, 255, 255].as_slice(), &[0; 16_000]].concat());
        while stream.write_all(&piece).is_ok() {}
    });
    let warnings = serve(|stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        while stream.write_all(&record(21, 0x0303, &[1, 90])).is_ok() {}
    });
    let huge = serve(|stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&record(22, 0x0303, &[11, 255, 255, 255, 0]));
    });
    for address in [endless, warnings, huge] {
        let (facts, gaps, took) = hurried(address).await;
        assert!(took < Duration::from_secs(9), "{took:?}");
        assert!(facts.protocols.values().all(|answer| *answer != Answer::Accepted), "{facts:?} {gaps:?}");
    }
}

/// Passes one connection on to a real server.
fn pass_on(stream: &mut TcpStream, to: SocketAddr) {
    let mut up = TcpStream::connect(to).unwrap();
    let (mut from, mut back) = (stream.try_clone().unwrap(), up.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut up);
        let _ = up.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut back, stream);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = there.join();
}

/// Passes connections on to a real server, except those that `is_dropped`.
fn proxy(to: SocketAddr, is_dropped: impl Fn(u32) -> bool + Send + Sync + 'static) -> SocketAddr {
    serve(move |stream, number| {
        if is_dropped(number) {
            let _ = stream.peek(&mut [0; 1]);
            return;
        }
        pass_on(stream, to);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flaky_server_gets_no_false_verdict() {
    let server = Server::openssl(&["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    let whole = look(server.address()).await.0;
    // Every fifth connection is dropped: one more try mends it.
    let (facts, _) = look(proxy(server.address(), |number| number % 5 == 3)).await;
    assert_eq!(facts.protocols, whole.protocols);
    // After 20 connections everything is dropped: what was not asked before is unknown.
    let (facts, gaps) = look(proxy(server.address(), |number| number >= 20)).await;
    assert!(!gaps.is_empty());
    for (protocol, answer) in &facts.protocols {
        let is_true = *answer == Answer::Unknown || whole.protocols.get(protocol) == Some(answer);
        assert!(is_true, "{protocol}: {answer:?}");
    }
    assert_ne!(facts.fallback_scsv, Some(false));
    assert!(facts.bugs.values().all(|has_it| !has_it));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drops_what_it_does_not_speak_is_understood() {
    // As Windows does: no alert, a reset.
    let server = Server::nginx("ssl_protocols TLSv1.2 TLSv1.3;", "");
    let to = server.address();
    let address = serve(move |stream, _| {
        let mut head = [0; 11];
        let is_new =
            stream.peek(&mut head).is_ok_and(|count| count == 11) && head[0] == 22 && head[9..] == [3, 3];
        if !is_new {
            return;
        }
        pass_on(stream, to);
    });
    let (facts, gaps) = look(address).await;
    assert_eq!(gaps, []);
    assert_eq!(facts.protocols[&Protocol::Tls10], Answer::Refused);
    assert_eq!(facts.protocols[&Protocol::Ssl2], Answer::Refused);
    assert!(facts.accepts(Protocol::Tls12) && facts.accepts(Protocol::Tls13));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_audits_of_hostile_servers_stay_within_their_time() {
    let open = std::sync::Arc::new(AtomicU32::new(0));
    let most = std::sync::Arc::new(Mutex::new(0));
    let is_over = std::sync::Arc::new(AtomicBool::new(false));
    let (counted, peak, over) = (open.clone(), most.clone(), is_over.clone());
    let address = serve(move |stream, _| {
        let now_open = counted.fetch_add(1, Ordering::SeqCst) + 1;
        let mut most = peak.lock().unwrap();
        *most = now_open.max(*most);
        drop(most);
        while read_record(stream).is_some() && !over.load(Ordering::SeqCst) {}
        counted.fetch_sub(1, Ordering::SeqCst);
    });
    let begun = Instant::now();
    let audits = (0..20).map(|_| hurried(address));
    let all = futures_util::future::join_all(audits).await;
    is_over.store(true, Ordering::SeqCst);
    assert!(all.iter().all(|(facts, ..)| facts.reach == Reach::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!(*most.lock().unwrap() <= 20 * crate::connect::AT_ONCE);
}
