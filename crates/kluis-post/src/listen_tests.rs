//! Bounds of the SMTP listeners: time, memory, places, and the stop.
#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_app::{App, AppOptions, SealWith, StoreConfig};
use kluis_crypto::SystemRandom;
use kluis_mail::smtp::{LoginRule, Protection, SessionOptions};
use kluis_model::{FixedClock, TimeMs};
use tempfile::TempDir;

use super::*;
use crate::ReportListener;

const BEGIN: TimeMs = TimeMs(1_795_000_000_000);
const ADDRESS: &str = "dmarc@winkel.example";

/// A listener for reports with bounds of the test.
struct Reports {
    app: App,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Reports {
    async fn start(bounds: Bounds) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = AppOptions {
            store: StoreConfig::Sqlite {
                data: folder.path().join("data.db"),
                keys: folder.path().join("keys.db"),
                readers: 2,
            },
            keyring: folder.path().join("keyring"),
            data_dir: folder.path().to_path_buf(),
            node: "node1".into(),
            clock: Arc::new(FixedClock::new(BEGIN)),
            random: Arc::new(SystemRandom),
        };
        let app = App::open(options).await.unwrap();
        app.initialise(SealWith::KeyFile([7; 32]), "Winkel").await.unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port().await));
        let listener = ReportListener {
            listen,
            addresses: vec![ADDRESS.into()],
            message_bytes_max: 1_000_000,
            connections_max: 8,
            connections_per_address_max: 8,
        };
        let (stop, stopped) = watch::channel(false);
        let desk = Desk::Reception(Reception::new(app.clone(), "post.winkel.example".into(), &listener));
        let task = start(Front { desk, tls: None, bounds, stopped }, listen).await.unwrap();
        Self { app, address: listen, stop, task, _folder: folder }
    }

    /// A client that heard the greeting and was let as far as DATA.
    async fn at_data(&self) -> TcpStream {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        hear(&mut tcp).await;
        let to = format!("RCPT TO:<{ADDRESS}>\r\n");
        for line in ["HELO x\r\n", "MAIL FROM:<>\r\n", &to, "DATA\r\n"] {
            tcp.write_all(line.as_bytes()).await.unwrap();
            hear(&mut tcp).await;
        }
        tcp
    }
}

async fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port()
}

/// One reply of one line; empty at the end.
async fn hear(tcp: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        match tcp.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap()
}

fn bounds() -> Bounds {
    Bounds {
        connections_max: 8,
        per_address_max: 8,
        memory_bytes_max: 4_000_000,
        idle: Duration::from_secs(30),
        total: Duration::from_secs(30),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_takes_too_long_is_cut_off() {
    let idle = Reports::start(Bounds { idle: Duration::from_millis(200), ..bounds() }).await;
    let mut silent = TcpStream::connect(idle.address).await.unwrap();
    assert!(hear(&mut silent).await.starts_with("220 "));
    assert_eq!(hear(&mut silent).await, "421 4.4.2 Too slow.\r\n");
    assert_eq!(hear(&mut silent).await, "");
    // A byte now and then is not enough either.
    let total = Reports::start(Bounds { total: Duration::from_millis(600), ..bounds() }).await;
    let mut slow = total.at_data().await;
    let (mut reading, mut writing) = slow.split();
    let dripping = async {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut first = [0; 3];
    tokio::select! {
        () = dripping => {}
        read = reading.read_exact(&mut first) => {
            read.unwrap();
            assert_eq!(&first, b"421");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_over_all_connections() {
    let reports = Reports::start(Bounds { memory_bytes_max: 600_000, ..bounds() }).await;
    let part = vec![b'x'; 60_000].chunks(58).flat_map(|line| [line, b"\r\n"].concat()).collect::<Vec<u8>>();
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut tcp = reports.at_data().await;
        // Every message alone is small enough; together they are not.
        tcp.write_all(&part.repeat(3)).await.unwrap();
        open.push(tcp);
    }
    let (mut kept, mut put_off) = (0, 0);
    for mut tcp in open {
        tcp.write_all(b".\r\n").await.unwrap();
        match hear(&mut tcp).await {
            said if said.starts_with("452 4.3.1") => put_off += 1,
            said if said.starts_with("250") => kept += 1,
            said => panic!("{said}"),
        }
    }
    assert!(kept >= 1 && put_off >= 4, "{kept} kept, {put_off} put off");
    // What was let go does not count any more.
    let mut tcp = reports.at_data().await;
    tcp.write_all(&[&part.repeat(3)[..], b".\r\n"].concat()).await.unwrap();
    assert!(hear(&mut tcp).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_lets_a_message_end_and_nobody_else_begin() {
    let reports = Reports::start(bounds()).await;
    let mut idle = TcpStream::connect(reports.address).await.unwrap();
    hear(&mut idle).await;
    let mut busy = reports.at_data().await;
    busy.write_all(b"Subject: x\r\n\r\n").await.unwrap();
    reports.stop.send(true).unwrap();
    assert_eq!(hear(&mut idle).await, "421 4.3.2 Stopping; come back soon.\r\n");
    assert!(TcpStream::connect(reports.address).await.is_err());
    assert!(!reports.task.is_finished());
    busy.write_all(b"x\r\n.\r\n").await.unwrap();
    assert!(hear(&mut busy).await.starts_with("250"));
    assert!(hear(&mut busy).await.starts_with("421 4.3.2"));
    drop(busy);
    timeout(Duration::from_secs(10), reports.task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_vault_is_sealed_mail_is_put_off() {
    let reports = Reports::start(bounds()).await;
    reports.app.seal();
    let mut tcp = reports.at_data().await;
    tcp.write_all(b"Subject: x\r\n\r\nx\r\n.\r\n").await.unwrap();
    assert_eq!(hear(&mut tcp).await, "451 4.3.0 Not now; please keep it and try again.\r\n");
}

#[tokio::test]
async fn a_stranger_has_a_minute_to_sign_in_whatever_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let options = |login| SessionOptions {
        hostname: "post.winkel.example".into(),
        protection: Protection::Loopback { offers_tls: false },
        login,
        message_bytes_max: 1_000,
        line_bytes_max: 1_000,
        recipients_max: 1,
        errors_max: 9,
        offers_dsn: false,
    };
    let begun = Instant::now();
    let idle = Duration::from_secs(300);
    let mut line = Line {
        stream: Some(Stream::Plain(tcp)),
        session: Session::new(options(LoginRule::Must)),
        holding: Holding { of: Arc::default(), mine: 0 },
        seat: None,
        begun,
        end: begun + Duration::from_secs(3_600),
        is_stopping: false,
    };
    assert_eq!(line.patience(idle), begun + SIGN_IN);
    line.session.push(b"EHLO x\r\nAUTH PLAIN AHUAcA==\r\n");
    assert!(matches!(line.session.poll(), Some(Event::SignIn(_))));
    line.session.answer(Reply::new(235, (2, 7, 0), "Signed in."));
    assert!(line.patience(idle) >= begun + idle);
    line.session = Session::new(options(LoginRule::May));
    assert!(line.patience(idle) >= begun + idle);
}

#[test]
fn an_address_has_so_many_seats_and_its_neighbour_has_its_own() {
    let crowd: Arc<Crowd> = Arc::default();
    let enter = |text: &str| crowd.enter(text.parse().unwrap(), 2);
    let seats = [enter("192.0.2.1").unwrap(), enter("::ffff:192.0.2.1").unwrap()];
    assert!(enter("192.0.2.1").is_none() && enter("192.0.2.2").is_some());
    let of_one = [enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap()];
    assert!(enter("2001:db8::3").is_none() && enter("2001:db8:0:1::1").is_some());
    drop((seats, of_one));
    assert!(enter("192.0.2.1").is_some());
    assert!(crowd.0.lock().is_empty());
}
