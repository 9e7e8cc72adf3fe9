//! From the queue to a smarthost of ours: everything arrives once, refusals are reported, nothing is lost meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;

use kluis_app::{AppOptions, Outgoing, SHOP, SealWith, StoreConfig, UnsealWith};
use kluis_crypto::{PiiBytes, SystemRandom};
use kluis_model::{Actor, FixedClock, JobId, RequestId, TimeMs};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ServerAddress;

const BEGIN: TimeMs = TimeMs(1_795_000_000_000);
const KEY: [u8; 32] = [7; 32];

/// A message as a sink got it.
#[derive(Debug, Clone)]
struct Got {
    from: String,
    to: Vec<String>,
    text: String,
}

/// A smarthost that takes everything except for addresses that begin with `no-` or `later-`.
#[derive(Clone)]
struct Sink {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    task: Arc<JoinHandle<()>>,
}

impl Sink {
    async fn start(at: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind(at.unwrap_or(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let noted = got.clone();
        let task = tokio::spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(serve(stream, noted.clone()));
            }
        });
        Self { address, got, task: Arc::new(task) }
    }

    fn stop(&self) {
        self.task.abort();
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Got> {
        for _ in 0..1_000 {
            if self.got.lock().len() >= count {
                return self.got();
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} arrived", self.got.lock().len());
    }
}

async fn serve(stream: TcpStream, got: Arc<Mutex<Vec<Got>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await.ok()?;
    let mut mail = Got { from: String::new(), to: Vec::new(), text: String::new() };
    let mut is_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if is_data {
            if line == ".\r\n" {
                is_data = false;
                got.lock().push(mail.clone());
                stream.write_all(b"250 2.0.0 queued\r\n").await.ok()?;
            } else {
                mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
            }
            continue;
        }
        let argument = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n".to_owned(),
            "MAIL" => {
                mail = Got { from: argument, to: Vec::new(), text: String::new() };
                "250 ok\r\n".to_owned()
            }
            "RCPT" if argument.starts_with("no-") => format!("550 5.1.1 <{argument}> is unknown\r\n"),
            "RCPT" if argument.starts_with("later-") => "450 4.2.1 busy\r\n".to_owned(),
            "RCPT" => {
                mail.to.push(argument);
                "250 ok\r\n".to_owned()
            }
            "DATA" if mail.to.is_empty() => "554 nobody\r\n".to_owned(),
            "DATA" => {
                is_data = true;
                "354 go\r\n".to_owned()
            }
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

struct Place {
    dir: TempDir,
    clock: Arc<FixedClock>,
    app: App,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(BEGIN));
        let app = App::open(options(&dir, &clock)).await.unwrap();
        app.initialise(SealWith::KeyFile(KEY), "Winkel").await.unwrap();
        Self { dir, clock, app }
    }

    /// The vault after its process ended without a word.
    async fn again(&mut self) {
        self.app = App::open(options(&self.dir, &self.clock)).await.unwrap();
        self.app.unseal(UnsealWith::KeyFile(KEY)).await.unwrap();
    }

    async fn put(&self, n: usize, to: &[&str]) -> JobId {
        let mail = Outgoing {
            stream: "winkel".into(),
            mail_from: "bounce@winkel.example".into(),
            recipients: to.iter().map(|to| PiiText::from(*to).into()).collect(),
            message: PiiBytes::new(format!("Subject: {n}\r\n\r\n.Dank u wel\r\n").into_bytes()),
            at: self.clock_now(),
            reports: kluis_app::ReportWish::default(),
        };
        self.app.mail_enqueue(&local(), mail).await.unwrap()
    }

    fn clock_now(&self) -> TimeMs {
        self.app.now()
    }

    async fn waiting(&self) -> u64 {
        self.app.mail_queue_status(&local()).await.unwrap().waiting
    }

    async fn wait_until_waiting(&self, count: u64) {
        for _ in 0..1_000 {
            if self.waiting().await == count {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{} wait, not {count}", self.waiting().await);
    }
}

fn options(dir: &TempDir, clock: &Arc<FixedClock>) -> AppOptions {
    AppOptions {
        store: StoreConfig::Sqlite {
            data: dir.path().join("data.db"),
            keys: dir.path().join("keys.db"),
            readers: 2,
        },
        keyring: dir.path().join("keyring"),
        data_dir: dir.path().to_path_buf(),
        node: "node1".into(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    }
}

fn local() -> Actor {
    Actor::local("tester", SHOP, RequestId::from_parts(BEGIN, [1; 10]))
}

/// Delivers to an address until the sender is dropped or told.
fn deliver(app: &App, to: SocketAddr) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let options = DeliverOptions {
        smarthost: ServerAddress { host: "127.0.0.1".into(), port: to.port() },
        tls: SmarthostTls::None,
        login: None,
        roots: Vec::new(),
        queue_days: 5,
        connections_max: 4,
    };
    (stop, start(app.clone(), options, "relay.winkel.example", stopped).unwrap())
}

async fn end((stop, task): (watch::Sender<bool>, JoinHandle<()>)) {
    stop.send(true).unwrap();
    timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_arrives_once_and_leaves_the_queue() {
    let place = Place::new().await;
    let sink = Sink::start(None).await;
    // Some before anybody delivers, some after.
    for n in 0..20 {
        place.put(n, &["a@gmail.com"]).await;
    }
    let running = deliver(&place.app, sink.address);
    for n in 20..60 {
        place.put(n, &["a@gmail.com", "b@klant.example"]).await;
    }
    sink.wait_for(60).await;
    place.wait_until_waiting(0).await;
    end(running).await;
    let mut subjects: Vec<String> =
        sink.got().iter().map(|got| got.text.lines().next().unwrap().to_owned()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!((subjects.len(), sink.got().len()), (60, 60));
    assert!(sink.got().iter().all(|got| got.text.ends_with("\r\n.Dank u wel\r\n")));
    assert_eq!(sink.got().iter().filter(|got| got.to.len() == 2).count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_reported_to_the_sender_and_a_delay_is_tried_again() {
    let place = Place::new().await;
    let sink = Sink::start(None).await;
    let running = deliver(&place.app, sink.address);
    place.put(1, &["no-one@klant.example", "a@klant.example", "later-b@klant.example"]).await;
    let got = sink.wait_for(2).await;
    assert_eq!(
        (got[0].to.clone(), got[0].from.as_str()),
        (vec!["a@klant.example".to_owned()], "bounce@winkel.example")
    );
    let report = &got[1];
    assert_eq!((report.from.as_str(), report.to.clone()), ("", vec!["bounce@winkel.example".to_owned()]));
    for part in [
        "From: Mail Delivery System <MAILER-DAEMON@winkel.example>\r\n",
        "Reporting-MTA: dns; relay.winkel.example\r\n",
        "Final-Recipient: rfc822; no-one@klant.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 <no-one@klant.example> is unknown\r\n",
        "Subject: 1\r\n",
    ] {
        assert!(report.text.contains(part), "{part}: {}", report.text);
    }
    assert!(!report.text.contains("later-b@"), "{}", report.text);
    place.wait_until_waiting(1).await;
    let line = &place.app.mail_queue_list(&local(), 9).await.unwrap()[0];
    assert_eq!((line.attempts, line.last.as_deref(), line.is_being_sent), (1, Some("450 4.2.1"), false));
    assert!(line.due > BEGIN.plus(Duration::from_secs(59)) && line.due < BEGIN.plus(Duration::from_secs(67)));
    // Five days later it is given up, and that is reported too.
    place.clock.advance(Duration::from_secs(5 * 86_400));
    let got = sink.wait_for(3).await;
    assert!(
        got[2].text.contains("Status: 5.4.7\r\n") && got[2].text.contains("later-b@klant.example"),
        "{got:?}"
    );
    place.wait_until_waiting(0).await;
    end(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_waits_while_the_smarthost_is_away_and_goes_when_it_is_back() {
    let mut place = Place::new().await;
    let sink = Sink::start(None).await;
    let address = sink.address;
    sink.stop();
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    let running = deliver(&place.app, address);
    for n in 0..10 {
        place.put(n, &["a@klant.example"]).await;
    }
    // A person can look at it and throw it away meanwhile.
    let mut free = Vec::new();
    for _ in 0..1_000 {
        let lines = place.app.mail_queue_list(&local(), 99).await.unwrap();
        free = lines.into_iter().filter(|line| !line.is_being_sent).collect();
        if free.len() == 10 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(free.len(), 10);
    place.app.mail_queue_drop(&local(), free[0].id).await.unwrap();
    place.put(10, &["a@klant.example"]).await;
    // The process ends without giving anything back; its successor of the same node finds everything.
    running.1.abort();
    place.again().await;
    let sink = Sink::start(Some(address)).await;
    let running = deliver(&place.app, address);
    sink.wait_for(10).await;
    place.wait_until_waiting(0).await;
    end(running).await;
    assert_eq!(sink.got().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_smarthost_for_longer_than_the_lease_sends_nothing_twice() {
    let place = Place::new().await;
    let sink = Sink::start(None).await;
    let address = sink.address;
    let running = deliver(&place.app, address);
    place.put(0, &["a@klant.example"]).await;
    sink.wait_for(1).await;
    place.wait_until_waiting(0).await;
    // One sender has a connection that looks usable; each has a message.
    sink.stop();
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    let mut ids = Vec::new();
    for n in 1..20 {
        ids.push(place.put(n, &["a@klant.example"]).await);
    }
    sleep(Duration::from_millis(300)).await;
    // All leases end, and somebody else takes the messages away while those who had them still wait.
    place.clock.advance(Duration::from_secs(16 * 60));
    for id in ids {
        place.app.mail_queue_drop(&local(), id).await.unwrap();
    }
    let sink = Sink::start(Some(address)).await;
    place.put(99, &["a@klant.example"]).await;
    place.wait_until_waiting(0).await;
    end(running).await;
    let subjects: Vec<String> =
        sink.got().iter().map(|got| got.text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(subjects, ["Subject: 99"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_lease_ended_while_a_connection_broke_is_not_begun_again() {
    let place = Place::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = deliver(&place.app, listener.local_addr().unwrap());
    let got: Arc<Mutex<Vec<Got>>> = Arc::default();
    let noted = got.clone();
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let (breaks, may_break) = tokio::sync::oneshot::channel::<()>();
    // The first connection falls silent when a message begins, and breaks when told to; those after it are good.
    let smarthost = tokio::spawn(async move {
        let mut first = BufReader::new(listener.accept().await.unwrap().0);
        first.write_all(b"220 sink\r\n").await.unwrap();
        let mut line = String::new();
        while !line.starts_with("MAIL") {
            if line.starts_with("EHLO") {
                first.write_all(b"250 sink\r\n").await.unwrap();
            }
            line.clear();
            first.read_line(&mut line).await.unwrap();
        }
        begun.send(()).unwrap();
        may_break.await.unwrap();
        drop(first);
        let mut talks = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            talks.spawn(serve(stream, noted.clone()));
        }
    });
    let id = place.put(1, &["a@klant.example"]).await;
    is_begun.await.unwrap();
    place.clock.advance(Duration::from_secs(16 * 60));
    place.app.mail_queue_drop(&local(), id).await.unwrap();
    breaks.send(()).unwrap();
    place.put(99, &["a@klant.example"]).await;
    place.wait_until_waiting(0).await;
    end(running).await;
    smarthost.abort();
    let got = got.lock().clone();
    let subjects: Vec<&str> = got.iter().filter_map(|got| got.text.lines().next()).collect();
    assert_eq!(subjects, ["Subject: 99"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_gives_back_what_was_not_begun() {
    let place = Place::new().await;
    // Takes connections and never says anything.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = deliver(&place.app, listener.local_addr().unwrap());
    for n in 0..300 {
        place.put(n, &["a@klant.example"]).await;
    }
    sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    end(running).await;
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    let lines = place.app.mail_queue_list(&local(), 1_000).await.unwrap();
    let leased = lines.iter().filter(|line| line.is_being_sent).count();
    assert_eq!(lines.len(), 300);
    assert!(leased <= 8, "{leased} are still claimed");
}
