//! First contact, and which versions from SSLv2 to TLS 1.3 a server speaks.

use kluis_checks::facts::{Answer, Protocol, Reach};
use kluis_checks::tls::groups::{FFDHE, PROBED_TLS12, PROBED_TLS13};
use kluis_checks::tls::suites::{probe_lists, tls13};
use kluis_checks::tls::{Hello, hello};

use super::ask::{Miss, Prober, Reply, Said, Until, Weight, random};
use super::notes::protocol;

/// Alert: the version is not spoken (RFC 5246 §7.2.2).
const PROTOCOL_VERSION: u8 = 70;
/// Alert: the client came back with a lower version than it could (RFC 7507).
const INAPPROPRIATE_FALLBACK: u8 = 86;
/// Alert: the server does not know the name (RFC 6066 §3).
const UNRECOGNIZED_NAME: u8 = 112;
/// The suite that says: I could do better, but tried that already (RFC 7507).
const FALLBACK_SCSV: u16 = 0x5600;
/// Suites in one hello for servers that read only short ones.
const SHORT_LIST: usize = 32;

/// What first contact showed.
#[derive(Debug, Default)]
pub(super) struct Contact {
    /// What the port did.
    pub(super) reach: Reach,
    /// TLS 1.3, when that is known already.
    pub(super) tls13: Answer,
    /// The group of TLS 1.3 that the server takes when all are offered.
    pub(super) group: Option<u16>,
    /// Whether a hello that knows TLS 1.3 was answered with any version.
    pub(super) is_tolerant: bool,
}

/// Says hello with TLS 1.3 and 1.2 first, and with older words when that leads to nothing.
pub(super) async fn contact(prober: &Prober<'_>) -> Contact {
    let first = match prober.ask(&contact_hello(prober), Until::Done, Weight::Must).await {
        Ok(Said::Alert(UNRECOGNIZED_NAME)) => {
            prober.gap("sni", &"the server refuses to talk to clients that send this name");
            let _ = prober.is_nameless.set(());
            prober.ask(&contact_hello(prober), Until::Done, Weight::Must).await
        }
        other => other,
    };
    let mut contact = Contact::default();
    if let Ok(Said::Hello(flight)) = &first {
        let server = flight.server_hello.clone().unwrap_or_default();
        contact.is_tolerant = true;
        contact.tls13 = if server.version == 0x0304 { Answer::Accepted } else { Answer::Refused };
        contact.group = server.group.filter(|_| server.version == 0x0304);
    }
    contact.reach = match first {
        Ok(Said::Dropped { .. }) | Err(Miss::Late) => older(prober, first).await,
        other => reach(&other),
    };
    contact
}

/// A server that hangs up on the first hello may answer an older one.
async fn older(prober: &Prober<'_>, first: Result<Said, Miss>) -> Reach {
    for version in [Protocol::Tls12, Protocol::Tls10, Protocol::Ssl3] {
        let suites = probe_lists(version).into_iter().next().unwrap_or_default();
        let said = prober.ask(&prober.hello(version, suites), Until::Done, Weight::Must).await;
        match said {
            Ok(Said::Dropped { .. }) => {}
            Err(Miss::Late) => break,
            other => return reach(&other),
        }
    }
    if matches!(first, Err(Miss::Late)) {
        return Reach::TimedOut;
    }
    reach(&prober.once(&ssl2_hello(), Until::Done, Weight::Must).await)
}

fn reach(said: &Result<Said, Miss>) -> Reach {
    match said {
        Ok(Said::Hello(_) | Said::Ssl2(_) | Said::Alert(_)) => Reach::Tls,
        Ok(Said::Dropped { .. }) => Reach::NotTls { looks_like: "closed".to_owned() },
        Ok(Said::NotTls(looks_like)) => Reach::NotTls { looks_like: (*looks_like).to_owned() },
        Err(Miss::Connect(error)) => error.reach(),
        Err(Miss::Late) => Reach::TimedOut,
        Err(Miss::Garbled(_) | Miss::Odd(_)) => Reach::NotTls { looks_like: "garbage".to_owned() },
        Err(Miss::Saved | Miss::Tired | Miss::Unsteady) => Reach::Unknown,
    }
}

fn contact_hello(prober: &Prober<'_>) -> Hello {
    let modern = Hello::modern(random());
    let mut suites = tls13();
    suites.extend(modern.suites.iter().filter(|id| !tls13().contains(id)));
    Hello { sni: prober.sni(), suites, groups: PROBED_TLS13.to_vec(), key_shares: Vec::new(), ..modern }
}

/// SSLv2 (1995): any CLIENT-HELLO that is answered by a SERVER-HELLO.
pub(super) async fn ssl2(prober: &Prober<'_>) -> Result<Answer, Miss> {
    let Said::Ssl2(flight) = prober.once(&ssl2_hello(), Until::Done, Weight::Must).await? else {
        return Ok(Answer::Refused);
    };
    let server = flight.ssl2.unwrap_or_default();
    let mut notes = prober.notes();
    notes.suites.extend(server.kinds.iter().map(|kind| (Protocol::Ssl2, *kind)));
    if !server.certificate.is_empty() {
        notes.chains.insert(Protocol::Ssl2, vec![server.certificate]);
    }
    Ok(Answer::Accepted)
}

fn ssl2_hello() -> Vec<u8> {
    let mut challenge = [0; 16];
    challenge.copy_from_slice(&random()[..16]);
    hello::ssl2(challenge)
}

/// SSLv3 to TLS 1.1, asked with everything that web servers have. `None` when the server declined without a reason.
pub(super) async fn old(prober: &Prober<'_>, version: Protocol) -> Result<Option<Answer>, Miss> {
    let usual = probe_lists(version).into_iter().next().unwrap_or_default();
    Ok(match speaks(prober, version, usual, Weight::Must).await? {
        Spoken::Yes => Some(Answer::Accepted),
        Spoken::OtherVersion => Some(Answer::Refused),
        Spoken::No => None,
    })
}

/// Asks again in short lists, since some old servers do not read long ones, and then for rare suites.
pub(super) async fn in_short_lists(prober: &Prober<'_>, version: Protocol) -> Result<Answer, Miss> {
    let lists = probe_lists(version);
    let (usual, rest) = lists.split_first().ok_or(Miss::Odd("no suites"))?;
    for list in usual.chunks(SHORT_LIST).chain(rest.iter().map(Vec::as_slice)) {
        match speaks(prober, version, list.to_vec(), Weight::Should).await? {
            Spoken::Yes => return Ok(Answer::Accepted),
            Spoken::OtherVersion => return Ok(Answer::Refused),
            Spoken::No => {}
        }
    }
    Ok(Answer::Refused)
}

/// Whether a version is spoken with some suites.
enum Spoken {
    Yes,
    /// Another version is, or the server says that this one is not.
    OtherVersion,
    No,
}

async fn speaks(
    prober: &Prober<'_>,
    version: Protocol,
    suites: Vec<u16>,
    weight: Weight,
) -> Result<Spoken, Miss> {
    let hello = Hello { compression: vec![1, 0], ..prober.hello(version, suites) };
    Ok(spoken(&prober.answer(&hello, weight).await?, version))
}

fn spoken(reply: &Reply, version: Protocol) -> Spoken {
    match reply {
        Reply::Yes(flight) => {
            let server = flight.server_hello.as_ref().map_or(0, |server| server.version);
            if protocol(server) == Some(version) { Spoken::Yes } else { Spoken::OtherVersion }
        }
        Reply::No(Some(PROTOCOL_VERSION)) => Spoken::OtherVersion,
        Reply::No(_) => Spoken::No,
    }
}

/// TLS 1.2, asking at once for everything that its ServerHello may show: ALPN, compression, heartbeats, tickets.
pub(super) async fn tls12(prober: &Prober<'_>) -> Result<Answer, Miss> {
    let usual = probe_lists(Protocol::Tls12).into_iter().next().unwrap_or_default();
    let plain = prober.hello(Protocol::Tls12, usual);
    let groups = PROBED_TLS12.iter().chain(&FFDHE).copied().collect();
    let rich = Hello {
        compression: vec![1, 0],
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        session_ticket: Some(Vec::new()),
        heartbeat: true,
        groups,
        ..plain.clone()
    };
    match spoken(&prober.answer(&rich, Weight::Must).await?, Protocol::Tls12) {
        Spoken::Yes => return Ok(Answer::Accepted),
        Spoken::OtherVersion => return Ok(Answer::Refused),
        Spoken::No => {}
    }
    match spoken(&prober.answer(&plain, Weight::Must).await?, Protocol::Tls12) {
        Spoken::Yes => Ok(Answer::Accepted),
        Spoken::OtherVersion => Ok(Answer::Refused),
        Spoken::No => in_short_lists(prober, Protocol::Tls12).await,
    }
}

/// TLS 1.3 alone, for servers that did not answer first contact.
pub(super) async fn tls13_alone(prober: &Prober<'_>) -> Result<(Answer, Option<u16>), Miss> {
    let hello = Hello { suites: tls13(), supported_versions: vec![0x0304], ..contact_hello(prober) };
    Ok(match prober.answer(&hello, Weight::Must).await? {
        Reply::Yes(flight) => {
            let server = flight.server_hello.unwrap_or_default();
            let is_it = server.version == 0x0304;
            (if is_it { Answer::Accepted } else { Answer::Refused }, server.group.filter(|_| is_it))
        }
        Reply::No(_) => (Answer::Refused, None),
    })
}

/// Whether a hello that also knows TLS 1.3 makes the server fail, though it has a suite that is accepted in `best`.
pub(super) async fn intolerant(prober: &Prober<'_>, best: Protocol) -> Result<bool, Miss> {
    let mut suites = tls13();
    suites.extend(prober.notes().accepted(best).into_iter().take(SHORT_LIST));
    let hello =
        Hello { suites, supported_versions: vec![0x0304, 0x0303, 0x0302, 0x0301], ..contact_hello(prober) };
    let reply = prober.answer(&hello, Weight::Should).await?;
    Ok(matches!(reply, Reply::No(_)))
}

/// Whether a downgrade to `lower` is noticed.
pub(super) async fn fallback(prober: &Prober<'_>, lower: Protocol) -> Result<bool, Miss> {
    let mut suites = prober.notes().accepted(lower);
    suites.truncate(SHORT_LIST);
    suites.push(FALLBACK_SCSV);
    match prober.answer(&prober.hello(lower, suites), Weight::Should).await? {
        Reply::No(Some(INAPPROPRIATE_FALLBACK)) => Ok(true),
        Reply::Yes(_) => Ok(false),
        Reply::No(_) => Err(Miss::Odd("a hello with a fallback suite is refused for another reason")),
    }
}

/// The certificate that is shown to clients that send no name; empty when there is none.
pub(super) async fn nameless(prober: &Prober<'_>, version: Protocol) -> Result<Vec<u8>, Miss> {
    // The other certificate may have another kind of key, so not only suites that were accepted.
    let suites = probe_lists(version).into_iter().next().unwrap_or_default();
    let hello = Hello { sni: None, ..prober.hello(version, suites) };
    Ok(match prober.answer(&hello, Weight::May).await? {
        Reply::Yes(flight) => flight.certificates.into_iter().next().unwrap_or_default(),
        Reply::No(_) => Vec::new(),
    })
}
