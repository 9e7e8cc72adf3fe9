//! The milter: a Postfix asks here, the shop's own mail gets its signatures, everybody else's stays as it is.
//!
//! Whoever may connect here may have mail signed, so that only this machine, private networks and whoever may open the
//! socket's file are let in. Mail that has no key of ours passes without a signature; while there are no keys, because
//! the vault is sealed or the database is away, it must come again later.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kluis_app::{App, AppError, SigningProblem};
use kluis_mail::milter::{MilterAnswer, MilterEvent, MilterRules, MilterSession};
use kluis_mail::providers::provider_of;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::PostError;
use crate::options::{MilterListen, MilterOptions};

/// How long a connection may say nothing: a mail client may think for minutes between two messages.
const IDLE: Duration = Duration::from_secs(900);
/// How long the mail server may take to read an answer.
const WRITE: Duration = Duration::from_secs(30);
/// How long a connection that is cut off at the stop may still finish its message.
const GRACE: Duration = Duration::from_secs(10);
/// How often counts of signed mail are written.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Bytes that are read in one go.
const READ_BYTES: usize = 64 * 1024;
/// Bytes of all messages together that are held; mail that finds no room must come again later.
const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Who may open the socket's file: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// Listens and serves until told to stop.
///
/// # Errors
/// When the address or the socket cannot be used.
pub(crate) async fn start(
    app: App,
    options: MilterOptions,
    hostname: String,
    stopped: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, PostError> {
    let listener = Listener::open(&options.listen).await?;
    let rules = MilterRules {
        internal: options.internal,
        own_name: hostname,
        message_bytes_max: options.message_bytes_max,
    };
    let places = Arc::new(Semaphore::new(options.connections_max));
    let server = Server { app, rules, places, stopped, shared: Arc::default() };
    Ok(tokio::spawn(server.serve(listener)))
}

struct Server {
    app: App,
    rules: MilterRules,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    shared: Arc<Shared>,
}

/// What connections share.
#[derive(Default)]
struct Shared {
    counts: Counts,
    /// Bytes of messages that are held.
    held_bytes: AtomicUsize,
}

/// The share of one connection in the bytes that are held; given back when it ends.
struct HeldBytes(Arc<Shared>, usize);

impl HeldBytes {
    /// Notes how many bytes a session holds now, and makes it give up its message when there is no room.
    fn note(&mut self, session: &mut MilterSession) {
        self.set(session.held_bytes());
        if self.0.held_bytes.load(Ordering::Relaxed) > HELD_BYTES_MAX {
            session.give_up();
            self.set(session.held_bytes());
        }
    }

    fn set(&mut self, bytes: usize) {
        self.0.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.0.held_bytes.fetch_sub(std::mem::replace(&mut self.1, bytes), Ordering::Relaxed);
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Signed messages that are not written yet, by stream and mailbox provider. A crash loses those of some seconds.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<(String, &'static str), u64>>);

impl Counts {
    fn add(&self, stream: &str, providers: BTreeSet<&'static str>) {
        let mut counts = self.0.lock();
        for provider in providers {
            *counts.entry((stream.to_owned(), provider)).or_default() += 1;
        }
    }

    /// Writes what was counted; what cannot be written is kept for the next time.
    async fn write(&self, app: &App) {
        let taken = std::mem::take(&mut *self.0.lock());
        if taken.is_empty() {
            return;
        }
        let rows: Vec<_> =
            taken.iter().map(|((stream, provider), count)| (stream.clone(), *provider, *count)).collect();
        if let Err(error) = app.mail_count_signed(&rows).await {
            tracing::debug!(%error, "signed mail is counted later");
            let mut counts = self.0.lock();
            for (key, count) in taken {
                *counts.entry(key).or_default() += count;
            }
        }
    }
}

impl Server {
    async fn serve(self, listener: Listener) {
        let mut stopped = self.stopped.clone();
        let mut talks = JoinSet::new();
        let mut count = tokio::time::interval(COUNT_EVERY);
        loop {
            let accepted = tokio::select! {
                _ = stopped.wait_for(|is| *is) => break,
                _ = count.tick() => None,
                accepted = listener.accept() => Some(accepted),
            };
            let Some(accepted) = accepted else {
                self.shared.counts.write(&self.app).await;
                continue;
            };
            while talks.try_join_next().is_some() {}
            let stream = match accepted {
                Ok(Some(stream)) => stream,
                // Somebody from elsewhere was turned away.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the milter cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                tracing::warn!("the milter has no room for another connection");
                continue;
            };
            let (app, session) = (self.app.clone(), MilterSession::new(self.rules.clone()));
            let (shared, stopped) = (Arc::clone(&self.shared), stopped.clone());
            talks.spawn(async move {
                let _place = place;
                if let Err(error) = talk((app, shared), session, stream, stopped).await {
                    tracing::debug!(%error, "a milter connection ended");
                }
            });
        }
        drop(listener);
        let end = async { while talks.join_next().await.is_some() {} };
        if timeout(GRACE, end).await.is_err() {
            talks.shutdown().await;
        }
        self.shared.counts.write(&self.app).await;
    }
}

/// One connection of a mail server.
async fn talk(
    (app, shared): (App, Arc<Shared>),
    mut session: MilterSession,
    mut stream: Box<dyn Stream>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut bytes = vec![0; READ_BYTES];
    let mut held = HeldBytes(Arc::clone(&shared), 0);
    loop {
        loop {
            let event = session.poll().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            match event {
                None => break,
                Some(MilterEvent::Close) => return Ok(()),
                Some(MilterEvent::Send(answer)) => send(&mut stream, &answer).await?,
                Some(MilterEvent::Sign) => {
                    let answer;
                    (session, answer) = sign((&app, &shared), session).await?;
                    send(&mut stream, &answer).await?;
                }
            }
        }
        held.note(&mut session);
        let is_between = session.is_between_messages();
        let read = tokio::select! {
            // A message that has begun is finished first.
            _ = stopped.wait_for(|is| *is), if is_between => return Ok(()),
            read = timeout(IDLE, stream.read(&mut bytes)) => read??,
        };
        if read == 0 {
            return Ok(());
        }
        session.feed(&bytes[..read]);
    }
}

/// Signs the message of a session beside the runtime, since RSA takes about a millisecond.
async fn sign(
    (app, shared): (&App, &Arc<Shared>),
    mut session: MilterSession,
) -> io::Result<(MilterSession, Vec<u8>)> {
    let keys = match app.mail_signer().await {
        Ok(keys) => keys,
        Err(error) => {
            if !matches!(error, AppError::Sealed) {
                tracing::warn!(%error, "the milter has no keys; mail must come again later");
            }
            let answer = session.answer(MilterAnswer::Later);
            return Ok((session, answer));
        }
    };
    let (now, shared) = (app.now(), Arc::clone(shared));
    let work = move || {
        let signed = keys.sign(session.message(), now);
        let answer = match signed {
            Ok(signed) => {
                if let Some(stream) = &signed.stream {
                    shared.counts.add(stream, session.recipients().map(provider).collect());
                }
                session.answer(MilterAnswer::Signed(&signed.fields))
            }
            Err(SigningProblem::Key) => session.answer(MilterAnswer::Later),
            Err(problem) => {
                tracing::debug!(%problem, "mail passes without a signature");
                session.answer(MilterAnswer::Unsigned)
            }
        };
        (session, answer)
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

/// The mailbox provider of a receiver as a mail server names it, `<a@b.example>`.
fn provider(receiver: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(receiver);
    provider_of(text.trim_start_matches('<').trim_end_matches('>'))
}

async fn send(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> io::Result<()> {
    timeout(WRITE, stream.write_all(bytes)).await?
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

/// Takes the socket's file away in the end.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have taken it away.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    async fn open(listen: &MilterListen) -> Result<Self, PostError> {
        match listen {
            MilterListen::Tcp(address) => {
                let listener = TcpListener::bind(address).await;
                listener.map(Self::Tcp).map_err(|source| PostError::Listen { address: *address, source })
            }
            MilterListen::Unix(path) => {
                let failed = |source| PostError::Path { path: path.clone(), source };
                remove_left_over(path).map_err(failed)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                let file = SocketFile(path.clone());
                let mode = std::fs::Permissions::from_mode(SOCKET_MODE);
                std::fs::set_permissions(path, mode).map_err(failed)?;
                Ok(Self::Unix { listener, _file: file })
            }
        }
    }

    /// The next connection; `None` for one that is turned away.
    async fn accept(&self) -> io::Result<Option<Box<dyn Stream>>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                if !may_connect(from.ip()) {
                    tracing::warn!("a connection to the milter from the public network was turned away");
                    return Ok(None);
                }
                stream.set_nodelay(true)?;
                Ok(Some(Box::new(stream)))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Some(Box::new(stream)))
            }
        }
    }
}

/// Whether an address is of this machine or a private network: whoever connects may have mail signed.
fn may_connect(address: IpAddr) -> bool {
    !kluis_net::is_public(address.to_canonical())
}

/// Takes away the socket of a server that was killed; anything else that stands there is left, and binding fails.
fn remove_left_over(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kluis_app::{AppOptions, SealWith, StoreConfig, UnsealWith};
    use kluis_crypto::SystemRandom;
    use kluis_model::{FixedClock, TimeMs};
    use tokio::net::TcpStream;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    /// Version 6, every action, every step.
    const OFFER: &[u8] = b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";
    /// A client on this machine, and a message of a From that has no key.
    const MAIL: &[u8] = b"\0\0\0\x14Clocal\x004\0\x19127.0.0.1\0\0\0\0\x04M<>\0\
        \0\0\0\x15LFrom\0 a@winkel.test\0\0\0\0\x01N\0\0\0\x01E";

    async fn vault(folder: &Path) -> App {
        let app = App::open(AppOptions {
            store: StoreConfig::Sqlite {
                data: folder.join("data.db"),
                keys: folder.join("keys.db"),
                readers: 1,
            },
            keyring: folder.join("keyring"),
            data_dir: folder.to_path_buf(),
            node: "node1".into(),
            clock: Arc::new(FixedClock::new(TimeMs(1_795_000_000_000))),
            random: Arc::new(SystemRandom),
        });
        let app = app.await.unwrap();
        app.initialise(SealWith::KeyFile(KEY), "Winkel").await.unwrap();
        app
    }

    /// A milter with room for two connections; where it is.
    async fn started(app: &App) -> (std::net::SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = MilterOptions {
            listen: MilterListen::Tcp(address),
            internal: Vec::new(),
            message_bytes_max: 100_000,
            connections_max: 2,
        };
        let (stop, stopped) = watch::channel(false);
        let task = start(app.clone(), options, "kluis.winkel.test".into(), stopped).await.unwrap();
        (address, stop, task)
    }

    /// Sends bytes and gives the letters of what comes back, so many; fewer when the milter hangs up.
    async fn ask(stream: &mut TcpStream, bytes: &[u8], count: usize) -> String {
        let mut letters = String::new();
        if stream.write_all(bytes).await.is_err() {
            return letters;
        }
        while letters.len() < count {
            let Ok(length) = stream.read_u32().await else { break };
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await.unwrap();
            letters.push(char::from(frame[0]));
        }
        letters
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_keys_mail_passes_and_from_a_sealed_vault_it_comes_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let app = vault(folder.path()).await;
        let (address, stop, task) = started(&app).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream, OFFER, 1).await, "O");
        assert_eq!(ask(&mut stream, MAIL, 2).await, "cc");
        app.seal();
        assert_eq!(ask(&mut stream, MAIL, 2).await, "ct");
        app.unseal(UnsealWith::KeyFile(KEY)).await.unwrap();
        assert_eq!(ask(&mut stream, MAIL, 2).await, "cc");

        // The place of a connection that says nonsense is free again; a third one finds none.
        let mut other = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut other, b"GET / HTTP/1.1\r\n\r\n", 1).await, "");
        let mut other = TcpStream::connect(address).await.unwrap();
        while ask(&mut other, OFFER, 1).await != "O" {
            other = TcpStream::connect(address).await.unwrap();
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut third, OFFER, 1).await, "");

        // Who is between messages is let go at the stop.
        stop.send(true).unwrap();
        timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
        assert_eq!(ask(&mut stream, MAIL, 1).await, "");
        assert!(TcpStream::connect(address).await.is_err());
        app.close().await;
    }

    #[test]
    fn a_message_that_finds_no_room_is_given_up_and_room_comes_back() {
        let rules = MilterRules { internal: Vec::new(), own_name: "x".into(), message_bytes_max: 100_000 };
        let mut session = MilterSession::new(rules);
        session.feed(OFFER);
        session.feed(MAIL.split_at(MAIL.len() - 5).0);
        while session.poll().unwrap().is_some() {}
        let shared = Arc::new(Shared::default());
        let mut held = HeldBytes(Arc::clone(&shared), 0);
        held.note(&mut session);
        let bytes = shared.held_bytes.load(Ordering::Relaxed);
        assert!(bytes >= b"From: a@winkel.test\r\n\r\n".len() && bytes == session.held_bytes());
        shared.held_bytes.fetch_add(HELD_BYTES_MAX, Ordering::Relaxed);
        held.note(&mut session);
        assert_eq!((session.held_bytes(), shared.held_bytes.load(Ordering::Relaxed)), (0, HELD_BYTES_MAX));
        held.set(7);
        drop(held);
        assert_eq!(shared.held_bytes.load(Ordering::Relaxed), HELD_BYTES_MAX);
    }

    #[test]
    fn only_this_machine_and_private_networks_may_connect() {
        for (address, may) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("fd00::1", true),
            ("9.9.9.9", false),
            ("::ffff:9.9.9.9", false),
            ("2620:fe::fe", false),
        ] {
            assert_eq!(may_connect(address.parse().unwrap()), may, "{address}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_was_left_is_taken_over_and_anything_else_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        let fails = async || Listener::open(&MilterListen::Unix(path.clone())).await.is_err();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let Ok(listener) = Listener::open(&MilterListen::Unix(path.clone())).await else { panic!("opens") };
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, SOCKET_MODE);
        assert!(fails().await, "one that is in use");
        drop(listener);
        assert!(!path.exists());
        std::fs::write(&path, "x").unwrap();
        assert!(fails().await, "a file");
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }
}
