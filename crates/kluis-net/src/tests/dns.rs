//! What the DNS says: BIND with signed zones, and name servers that lie, cut their answers or say nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, RecordType};
use kluis_checks::Part;
use kluis_checks::facts::{CaaRecord, DnsFacts, DnssecState, Gap, TlsaRecord};

use crate::dns::{Addresses, Dns, LookupError, sibling};
use crate::testing::dns::{Bind, NameServer, Said, Signing, answer};
use crate::testing::{LOCAL, Reply, Server, options, within};
use crate::{AuditError, AuditOptions};

const TLSA: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A root, `test`, and below it a zone of each kind.
async fn bind() -> Bind {
    let records = "@ IN A 192.0.2.1\nwww IN CNAME @\n*.wild IN A 192.0.2.1\nempty IN TXT \"nothing\"";
    let secure = format!(
        "{records}\ndeep IN CNAME www\nsix IN AAAA 2001:db8::1\nout IN CNAME shop.plain.test.\n\
         lost IN CNAME gone.secure.test.\nhere IN A 127.0.0.1\nwww.here IN A 127.0.0.1\n\
         @ IN CAA 0 issue \"ca.example; validationmethods=dns-01\"\n@ IN CAA 128 iodef \"mailto:a@shop.example\"\n\
         own.sub IN CAA 0 issue \";\"\n_443._tcp IN TLSA 3 1 1 {TLSA}\n\
         @ IN HTTPS 1 . alpn=h3,h2 ech=AEX+DQ==\n_8443._https IN HTTPS 0 pool\npool IN HTTPS 1 . alpn=h2\n\
         _klantkluis IN TXT \"klantkluis-owner=\" \"0123456789abcdef\""
    );
    let plain = format!("{records}\nshop IN A 192.0.2.1");
    let test = "ns IN A 127.0.0.1\nsecure IN NS ns\nplain IN NS ns\nforged IN NS ns";
    Bind::start(&[
        ("secure.test", Signing::Signed, &secure),
        ("plain.test", Signing::Unsigned, &plain),
        ("forged.test", Signing::Forged, records),
        ("test", Signing::Signed, test),
        (".", Signing::Signed, "test. IN NS ns.test.\nns.test. IN A 127.0.0.1"),
    ])
    .await
}

fn dns_of(at: std::net::SocketAddr, anchor: &str) -> Dns {
    let options =
        AuditOptions { dns: Some(at), trust_anchor: Some(anchor.to_owned()), ..AuditOptions::default() };
    Dns::new(&options).unwrap()
}

async fn facts(dns: &Dns, host: &str, port: u16) -> (DnsFacts, Vec<Gap>) {
    let (mut facts, mut gaps) = (DnsFacts::default(), Vec::new());
    within(20, dns.examine(host, port, &mut facts, &mut gaps)).await;
    (facts, gaps)
}

fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

#[tokio::test]
async fn signatures_are_followed_from_the_anchor() {
    let bind = bind().await;
    for (host, state) in [
        ("secure.test", DnssecState::Secure),
        ("www.secure.test", DnssecState::Secure),
        ("deep.secure.test", DnssecState::Secure),
        ("six.secure.test", DnssecState::Secure),
        ("any.wild.secure.test", DnssecState::Secure),
        ("plain.test", DnssecState::Insecure),
        ("www.plain.test", DnssecState::Insecure),
        ("any.wild.plain.test", DnssecState::Insecure),
        // As strong as its weakest part.
        ("out.secure.test", DnssecState::Insecure),
        ("forged.test", DnssecState::Bogus),
        ("www.forged.test", DnssecState::Bogus),
        ("any.wild.forged.test", DnssecState::Bogus),
    ] {
        let (facts, gaps) = facts(&dns_of(bind.at, &bind.anchor), host, 443).await;
        assert_eq!((facts.dnssec, gaps), (state, Vec::new()), "{host}");
    }
}

#[tokio::test]
async fn an_audit_takes_addresses_and_everything_else_from_the_dns() {
    let bind = bind().await;
    let server = Server::plain(|_| Reply::html("<h1>Kaas</h1>")).await;
    let options = AuditOptions {
        dns: Some(bind.at),
        trust_anchor: Some(bind.anchor.clone()),
        resolve: Vec::new(),
        parts: [Part::Dns, Part::Web].into(),
        ..options(None, Some(&server))
    };
    let evidence = within(20, crate::audit("HERE.secure.test.", &options, &|_| {})).await.unwrap();
    assert_eq!(evidence.target.host, "here.secure.test");
    let dns = &evidence.dns;
    assert_eq!(
        (dns.domain.as_str(), dns.v4.as_slice(), dns.v6.len()),
        ("secure.test", [LOCAL].as_slice(), 0)
    );
    assert_eq!((dns.dnssec, dns.caa_at.as_deref()), (DnssecState::Secure, Some("secure.test")));
    assert_eq!(dns.sibling, Some(("www.here.secure.test".to_owned(), vec![LOCAL])));
    let starts: Vec<&str> = evidence.web.redirects.iter().map(|way| way.from.as_str()).collect();
    let (http, https) = (options.http_port, options.https_port);
    assert_eq!(
        starts,
        [
            format!("http://here.secure.test:{http}/"),
            format!("http://www.here.secure.test:{http}/"),
            format!("https://www.here.secure.test:{https}/"),
        ]
    );
    // A name that does not exist where it is signed that it does not.
    let error = crate::audit("gone.secure.test", &options, &|_| {}).await.unwrap_err();
    assert_eq!(error, AuditError::NoSuchName { host: "gone.secure.test".to_owned() });
}

#[tokio::test]
async fn without_the_right_anchor_nothing_is_secure() {
    let bind = bind().await;
    // The real root's keys did not sign this root.
    let options = AuditOptions { dns: Some(bind.at), ..AuditOptions::default() };
    let (found, _) = facts(&Dns::new(&options).unwrap(), "secure.test", 443).await;
    assert_eq!(found.dnssec, DnssecState::Bogus);
    // An anchor for other names says nothing about these.
    let anchor = bind.anchor.replace(". IN DNSKEY", "other.test. IN DNSKEY");
    assert_ne!(anchor, bind.anchor);
    let (found, gaps) = facts(&dns_of(bind.at, &anchor), "secure.test", 443).await;
    assert_eq!((found.dnssec, gaps[0].what.as_str()), (DnssecState::Unknown, "dnssec"));
}

#[tokio::test]
async fn everything_else_that_stands_there_is_read() {
    let bind = bind().await;
    let dns = dns_of(bind.at, &bind.anchor);
    let (found, gaps) = facts(&dns, "secure.test", 443).await;
    assert_eq!(gaps, []);
    assert!(found.was_asked && found.has_ech);
    assert_eq!(found.https_alpn, ["h3", "h2"]);
    assert_eq!(found.tlsa, [TlsaRecord { usage: 3, selector: 1, matching: 1, data: TLSA.to_owned() }]);
    assert_eq!(found.tlsa_dnssec, DnssecState::Secure);
    assert_eq!(found.caa_at.as_deref(), Some("secure.test"));
    let mut caa = found.caa.unwrap();
    caa.sort_by(|a, b| a.tag.cmp(&b.tag));
    let record = |is_critical, tag: &str, value: &str| CaaRecord {
        is_critical,
        tag: tag.to_owned(),
        value: value.to_owned(),
    };
    assert_eq!(
        caa,
        [
            record(true, "iodef", "mailto:a@shop.example"),
            record(false, "issue", "ca.example; validationmethods=dns-01")
        ]
    );
    assert_eq!(dns.texts("_klantkluis.secure.test").await, ["klantkluis-owner=0123456789abcdef"]);
    assert!(dns.texts("secure.test").await.is_empty());

    let (found, _) = facts(&dns, "secure.test", 8443).await;
    assert_eq!((found.https_alpn, found.has_ech, found.tlsa), (vec!["h2".to_owned()], false, vec![]));
    assert_eq!(found.tlsa_dnssec, DnssecState::Unknown);
}

#[tokio::test]
async fn caa_is_looked_for_on_the_way_up() {
    let bind = bind().await;
    let dns = dns_of(bind.at, &bind.anchor);
    for (host, at) in [
        ("a.b.sub.secure.test", Some("secure.test")),
        ("www.secure.test", Some("www.secure.test")),
        ("own.sub.secure.test", Some("own.sub.secure.test")),
        ("x.own.sub.secure.test", Some("own.sub.secure.test")),
        ("plain.test", None),
        ("nowhere.at.all", None),
    ] {
        let (found, _) = facts(&dns, host, 443).await;
        assert_eq!(found.caa_at.as_deref(), at, "{host}");
        assert_eq!(found.caa.unwrap().is_empty(), at.is_none(), "{host}");
    }
}

#[tokio::test]
async fn addresses_are_found_behind_aliases() {
    let bind = bind().await;
    let dns = dns_of(bind.at, &bind.anchor);
    let found = dns.addresses("deep.secure.test").await.unwrap();
    assert_eq!(
        (found.v4, found.aliases),
        (vec![v4(1)], vec!["www.secure.test".to_owned(), "secure.test".to_owned()])
    );
    let found = dns.addresses("six.secure.test").await.unwrap();
    assert_eq!(found.all(), [IpAddr::from_str("2001:db8::1").unwrap()]);
    let found = dns.addresses("out.secure.test").await.unwrap();
    assert_eq!((found.v4, found.aliases), (vec![v4(1)], vec!["shop.plain.test".to_owned()]));
    for (host, error) in [
        ("gone.secure.test", LookupError::NoSuchName),
        ("lost.secure.test", LookupError::NoSuchName),
        ("empty.secure.test", LookupError::NoAddress),
        ("a..b", LookupError::NoSuchName),
    ] {
        assert_eq!(dns.addresses(host).await, Err(error), "{host}");
    }
}

#[tokio::test]
async fn a_server_that_finds_good_what_looks_wrong_makes_it_uncertain() {
    let bind = bind().await;
    let at = bind.at;
    // Hands everything on, but says of what it was asked to check that it is authentic.
    let names = NameServer::start(move |question, _| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&question.to_vec().unwrap(), at).unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        let mut message = Message::from_vec(&buffer[..length]).unwrap();
        message.metadata.authentic_data = !question.metadata.checking_disabled;
        Said::Message(Box::new(message))
    })
    .await;
    for (host, state) in [("forged.test", DnssecState::Unknown), ("plain.test", DnssecState::Insecure)] {
        let (found, _) = facts(&dns_of(names.at, &bind.anchor), host, 443).await;
        assert_eq!(found.dnssec, state, "{host}");
    }
}

/// Addresses of `shop.example`, as this name server gives them.
async fn addresses(
    say: impl Fn(&Message, bool) -> Said + Send + Sync + 'static,
) -> Result<Addresses, LookupError> {
    let names = NameServer::start(say).await;
    let options = AuditOptions { dns: Some(names.at), ..AuditOptions::default() };
    within(10, Dns::new(&options).unwrap().addresses("shop.example")).await
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn alias(to: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(to).unwrap()))
}

fn is_a(question: &Message) -> bool {
    question.queries[0].query_type == RecordType::A
}

#[tokio::test]
async fn a_cut_answer_is_asked_again_by_tcp() {
    for is_garbled in [false, true] {
        let found = addresses(move |question, is_tcp| {
            let records = if is_a(question) {
                (0..200).map(|n| ("shop.example.", a(n))).collect()
            } else {
                vec![("shop.example.", alias("shop.example."))]
            };
            let mut message = answer(question, records);
            if !is_tcp {
                message.metadata.truncation = true;
                let bytes = message.to_vec().unwrap();
                return Said::Bytes(bytes[..bytes.len().min(if is_garbled { 40 } else { 4096 })].to_vec());
            }
            Said::Message(Box::new(message))
        })
        .await
        .unwrap();
        assert_eq!((found.v4.len(), found.all().len()), (16, 8));
    }
    // A server that cuts by TCP too has nothing to say.
    let found = addresses(|question, _| {
        let mut message = answer(question, Vec::new());
        message.metadata.truncation = true;
        Said::Message(Box::new(message))
    })
    .await;
    assert!(matches!(found, Err(LookupError::Failed(_))), "{found:?}");
}

#[tokio::test]
async fn answers_to_other_questions_are_not_believed() {
    // The right answer comes last.
    let found = addresses(|question, _| {
        let records = if is_a(question) { vec![("shop.example.", a(1))] } else { Vec::new() };
        let right = answer(question, records);
        let mut other_id = answer(question, vec![("shop.example.", a(2))]);
        other_id.metadata.id ^= 1;
        let mut other_name = answer(question, vec![("shop.example.", a(3))]);
        other_name.queries[0].name = Name::from_ascii("evil.example.").unwrap();
        let mut other_kind = answer(question, vec![("shop.example.", a(4))]);
        other_kind.queries[0].query_type = RecordType::TXT;
        let mut no_answer = answer(question, vec![("shop.example.", a(5))]);
        no_answer.metadata.message_type = hickory_proto::op::MessageType::Query;
        let mut no_question = answer(question, vec![("shop.example.", a(6))]);
        no_question.queries.clear();
        let all = [other_id, other_name, other_kind, no_answer, no_question, right];
        Said::Many(all.iter().map(|message| message.to_vec().unwrap()).collect())
    })
    .await
    .unwrap();
    assert_eq!(found.v4, [v4(1)]);
}

#[tokio::test]
async fn records_that_do_not_belong_to_the_name_are_left_out() {
    let found = addresses(|question, _| {
        let records = vec![
            ("evil.example.", a(66)),
            ("shop.example.", alias("real.example.")),
            ("other.example.", alias("evil.example.")),
            ("real.example.", a(1)),
        ];
        Said::Message(Box::new(answer(question, if is_a(question) { records } else { Vec::new() })))
    })
    .await
    .unwrap();
    assert_eq!((found.v4, found.aliases), (vec![v4(1)], vec!["real.example".to_owned()]));
}

#[tokio::test]
async fn aliases_that_go_round_come_to_an_end() {
    for way in [
        vec![("shop.example.", "shop.example.")],
        vec![("shop.example.", "b.example."), ("b.example.", "shop.example.")],
    ] {
        let found = addresses(move |question, _| {
            let records = way.iter().map(|(from, to)| (*from, alias(to))).collect();
            Said::Message(Box::new(answer(question, records)))
        })
        .await;
        assert_eq!(found, Err(LookupError::NoAddress));
    }
    // Ever longer names.
    let found = addresses(|question, _| {
        let name = question.queries[0].name.to_ascii();
        let next = format!("a.{name}");
        Said::Message(Box::new(answer(question, vec![(name.as_str(), alias(&next))])))
    })
    .await;
    assert_eq!(found, Err(LookupError::NoAddress));
}

#[tokio::test]
async fn absurd_answers_are_refused() {
    let found = addresses(|question, is_tcp| {
        let mut message =
            answer(question, (0..2000).map(|n: u32| ("shop.example.", a(n.to_le_bytes()[0]))).collect());
        message.metadata.truncation = !is_tcp;
        if !is_tcp {
            message.answers.clear();
        }
        Said::Message(Box::new(message))
    })
    .await;
    assert_eq!(found, Err(LookupError::Failed("the answer has too many records".to_owned())));
    // TCP that promises more than it sends.
    let found = addresses(|question, is_tcp| {
        let mut message = answer(question, Vec::new());
        message.metadata.truncation = true;
        if is_tcp { Said::Nothing } else { Said::Message(Box::new(message)) }
    })
    .await;
    assert!(matches!(found, Err(LookupError::Failed(_))), "{found:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without() {
    let found = addresses(|question, _| {
        let mut message =
            answer(question, if is_a(question) { vec![("shop.example.", a(1))] } else { Vec::new() });
        if question.edns.is_some() {
            message = answer(question, Vec::new());
            message.metadata.response_code = ResponseCode::FormErr;
        }
        Said::Message(Box::new(message))
    })
    .await
    .unwrap();
    assert_eq!(found.v4, [v4(1)]);
}

#[tokio::test]
async fn one_family_that_cannot_be_asked_is_a_gap() {
    let found = addresses(|question, _| {
        let mut message =
            answer(question, if is_a(question) { vec![("shop.example.", a(1))] } else { Vec::new() });
        if !is_a(question) {
            message.metadata.response_code = ResponseCode::ServFail;
        }
        Said::Message(Box::new(message))
    })
    .await
    .unwrap();
    assert_eq!(found.v4, [v4(1)]);
    assert!(found.missing.unwrap().starts_with("AAAA: "));
}

#[tokio::test]
async fn a_server_is_not_believed_when_it_says_that_it_checked() {
    let bind = bind().await;
    // Hands on no signatures, but says that the data are authentic.
    let names = NameServer::start(|question, _| {
        let mut message =
            answer(question, if is_a(question) { vec![("secure.test.", a(1))] } else { Vec::new() });
        message.metadata.authentic_data = true;
        Said::Message(Box::new(message))
    })
    .await;
    let (found, gaps) = facts(&dns_of(names.at, &bind.anchor), "secure.test", 443).await;
    assert_eq!(found.dnssec, DnssecState::Unknown);
    assert!(gaps.iter().any(|gap| gap.what == "dnssec" && gap.why.contains("signatures")), "{gaps:?}");
}

#[tokio::test]
async fn a_server_that_stops_answering_half_way_is_not_called_bogus() {
    let bind = bind().await;
    let at = bind.at;
    // Hands everything on but questions for DS.
    let names = NameServer::start(move |question, _| {
        if question.queries[0].query_type == RecordType::DS {
            let mut message = answer(question, Vec::new());
            message.metadata.response_code = ResponseCode::ServFail;
            return Said::Message(Box::new(message));
        }
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&question.to_vec().unwrap(), at).unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        Said::Bytes(buffer[..length].to_vec())
    })
    .await;
    let (found, gaps) = facts(&dns_of(names.at, &bind.anchor), "secure.test", 443).await;
    assert_eq!(found.dnssec, DnssecState::Unknown);
    assert!(gaps.iter().any(|gap| gap.what == "dnssec"), "{gaps:?}");
    // What needs no signatures is known all the same.
    assert_eq!(found.caa_at.as_deref(), Some("secure.test"));
}

#[tokio::test]
async fn caa_that_cannot_be_asked_is_a_gap_and_not_an_absence() {
    let names = NameServer::start(|question, _| {
        let mut message = answer(question, Vec::new());
        if question.queries[0].query_type == RecordType::CAA {
            message.metadata.response_code = ResponseCode::ServFail;
        }
        Said::Message(Box::new(message))
    })
    .await;
    let options = AuditOptions { dns: Some(names.at), ..AuditOptions::default() };
    let (found, gaps) = facts(&Dns::new(&options).unwrap(), "shop.example", 443).await;
    assert_eq!((found.caa, found.caa_at), (None, None));
    assert!(gaps.iter().any(|gap| gap.what == "caa"), "{gaps:?}");
}

#[test]
fn siblings_are_with_www_or_without() {
    for (host, other) in [
        ("shop.example", Some("www.shop.example")),
        ("www.shop.example", Some("shop.example")),
        ("a.shop.example", Some("www.a.shop.example")),
        ("localhost", None),
        ("www.example", None),
    ] {
        assert_eq!(sibling(host).as_deref(), other, "{host}");
    }
}
