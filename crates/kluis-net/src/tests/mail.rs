//! Mail of a domain: what is published, what mail servers say, and name servers and mail servers that are hostile.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, TXT};
use hickory_proto::rr::{RData, RecordType};
use kluis_checks::facts::{DnssecState, Gap, MailFacts, MailPolicy, SpfAll};
use kluis_checks::{Evidence, Part, Severity};

use super::mail_servers::{Lines, MailServer, Manner, zone};
use crate::collect::audit_with;
use crate::connect::{ConnectError, Gate};
use crate::testing::dns::{Bind, NameServer, Said, Signing, answer};
use crate::testing::{Authority, LOCAL, Reply, Server, closed_port, within};
use crate::{AuditError, AuditOptions, NetworkPolicy, is_public};

const HOST: &str = "shop.example";
const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.shop.example\nmax_age: 604800\n";

/// Options for mail alone.
fn options(names: SocketAddr) -> AuditOptions {
    AuditOptions {
        parts: [Part::Mail].into(),
        dns: Some(names),
        smtp_port: closed_port(),
        mta_sts_port: closed_port(),
        step: Duration::from_secs(2),
        total: Duration::from_secs(20),
        ..AuditOptions::default()
    }
}

async fn audit(options: &AuditOptions) -> (MailFacts, Vec<Gap>) {
    let evidence = within(40, crate::audit(HOST, options, &|_| {})).await.unwrap();
    (evidence.mail.unwrap(), evidence.gaps)
}

/// What is known about a zone without mail servers.
async fn of_zone(lines: Lines<'_>) -> (MailFacts, Vec<Gap>) {
    let names = zone(lines).await;
    let (facts, gaps) = audit(&options(names.at)).await;
    assert!(names.asked().len() <= 150, "{} questions", names.asked().len());
    (facts, gaps)
}

fn whats(gaps: &[Gap]) -> Vec<&str> {
    gaps.iter().map(|gap| gap.what.as_str()).collect()
}

/// A zone in which everything is published.
fn good_zone(key: &str) -> Vec<(String, &'static str, String)> {
    [
        ("shop.example", "A", "127.0.0.1".to_owned()),
        ("shop.example", "MX", "10 mx.shop.example.".to_owned()),
        ("shop.example", "TXT", "google-site-verification=x".to_owned()),
        ("shop.example", "TXT", "v=spf1 mx include:spf.news.example ~all".to_owned()),
        ("spf.news.example", "TXT", "v=spf1 ip4:198.51.100.0/24 -all".to_owned()),
        ("mx.shop.example", "A", "127.0.0.1".to_owned()),
        ("mta-sts.shop.example", "A", "127.0.0.1".to_owned()),
        (
            "_dmarc.shop.example",
            "TXT",
            "v=DMARC1; p=quarantine; rua=mailto:d@reports.example; pct=50".to_owned(),
        ),
        ("shop.example._report._dmarc.reports.example", "TXT", "v=DMARC1;".to_owned()),
        ("_mta-sts.shop.example", "TXT", "v=STSv1; id=1".to_owned()),
        ("_smtp._tls.shop.example", "TXT", "v=TLSRPTv1; rua=mailto:t@shop.example".to_owned()),
        ("default._bimi.shop.example", "TXT", "v=BIMI1; l=https://shop.example/b.svg".to_owned()),
        ("k1._domainkey.shop.example", "CNAME", "k1.news.example.".to_owned()),
        ("k1.news.example", "TXT", format!("v=DKIM1; k=rsa; t=y; p={key}")),
        ("own._domainkey.shop.example", "TXT", "v=DKIM1; p=".to_owned()),
    ]
    .map(|(name, kind, text)| (name.to_owned(), kind, text))
    .into()
}

/// A public key as it stands in the DNS: 2048 bits of no key anybody has.
fn key() -> String {
    let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().public_key_pem();
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[tokio::test]
async fn everything_that_is_published_is_seen() {
    let authority = Authority::new();
    let settings = authority.settings(&["mx.shop.example", "mta-sts.shop.example"]);
    let mx = MailServer::start(LOCAL, Manner::Safe(Arc::new(settings.clone()))).await;
    let sts = Server::tls(settings, |_| Reply::new(200, &[("Content-Type", "text/plain")], POLICY)).await;
    let lines = good_zone(&key());
    let lines: Vec<(&str, &str, &str)> = lines.iter().map(|(n, k, t)| (n.as_str(), *k, t.as_str())).collect();
    let names = zone(&lines).await;
    let options = AuditOptions {
        smtp_port: mx.at.port(),
        mta_sts_port: sts.at.port(),
        roots: vec![authority.root()],
        selectors: vec!["own".to_owned()],
        ..options(names.at)
    };
    let (facts, gaps) = audit(&options).await;
    assert_eq!(gaps, []);
    assert_eq!((facts.domain.as_str(), facts.has_null_mx, facts.is_silent()), (HOST, false, false));
    let exchanger = &facts.mx.as_ref().unwrap()[0];
    assert_eq!(
        (exchanger.host.as_str(), exchanger.addresses.as_deref()),
        ("mx.shop.example", Some([LOCAL].as_slice()))
    );
    assert_eq!((exchanger.smtp.starttls, exchanger.smtp.tls.as_deref()), (Some(true), Some("TLSv1.3")));
    assert_eq!(exchanger.smtp.is_certificate_good, Some(true));
    assert_eq!(exchanger.smtp.chain.leaf().unwrap().names, ["mx.shop.example", "mta-sts.shop.example"]);
    assert_eq!(exchanger.tlsa.as_deref(), Some([].as_slice()));
    assert_eq!(mx.heard(), ["EHLO [127.0.0.1]", "STARTTLS", "QUIT"]);
    let spf = &facts.spf;
    assert_eq!((spf.all, spf.lookups, spf.voids, spf.is_whole), (Some(SpfAll::SoftFail), 2, 0, true));
    assert_eq!((spf.record(), spf.v4_addresses), (Some("v=spf1 mx include:spf.news.example ~all"), 257));
    let dmarc = &facts.dmarc;
    assert_eq!(dmarc.now.as_ref().unwrap().policy, MailPolicy::Quarantine);
    assert_eq!((dmarc.now.as_ref().unwrap().percent, dmarc.before.is_some()), (Some(50), true));
    assert_eq!((dmarc.reports[0].is_external, dmarc.reports[0].is_authorised), (true, Some(true)));
    assert_eq!((dmarc.remarks[0].text.as_str(), dmarc.remarks[0].at), ("pct=50", 53));
    let keys: Vec<_> = facts
        .dkim
        .keys
        .iter()
        .map(|key| (key.selector.as_str(), key.bits, key.is_test, key.is_revoked, key.alias.as_deref()))
        .collect();
    assert_eq!(keys, [("own", 0, false, true, None), ("k1", 2048, true, false, Some("k1.news.example"))]);
    assert!(facts.dkim.is_whole && !facts.dkim.has_wildcard && facts.dkim.looked_for.len() > 60);
    assert_eq!(facts.mta_sts.problems, Vec::<String>::new());
    assert_eq!(facts.mta_sts.policy.as_ref().unwrap().mode, "enforce");
    assert_eq!(sts.paths(), ["/.well-known/mta-sts.txt"]);
    assert_eq!((facts.tls_rpt.as_ref().unwrap().len(), facts.bimi.as_ref().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_domain_without_a_website_or_without_mail_is_looked_at_too() {
    let (facts, gaps) =
        of_zone(&[("shop.example", "MX", "0 ."), ("shop.example", "TXT", "v=spf1 -all")]).await;
    assert!(facts.has_null_mx && facts.is_silent() && facts.dmarc.is_known && gaps.is_empty(), "{gaps:?}");
    assert_eq!((facts.mx.as_deref(), facts.dmarc.now), (Some([].as_slice()), None));
    // Nothing below _domainkey: only the most common selectors are asked.
    assert!(facts.questions < 40 && facts.dkim.is_whole && facts.dkim.keys.is_empty(), "{}", facts.questions);
    let names = zone(&[("other.example", "A", "127.0.0.1")]).await;
    let error = crate::audit(HOST, &options(names.at), &|_| {}).await.unwrap_err();
    assert_eq!(error, AuditError::NoSuchName { host: HOST.to_owned() });
    // An address has no mail, and without a name server nothing is known.
    let evidence = crate::audit("127.0.0.1", &options(names.at), &|_| {}).await.unwrap();
    assert_eq!((evidence.mail.is_none(), whats(&evidence.gaps)), (true, vec!["mail"]));
    assert_eq!(crate::mail::domain("www.shop.example").as_deref(), Some("shop.example"));
    for (host, domain) in
        [("www.nl", Some("www.nl")), ("localhost", None), ("[::1]", None), ("10.0.0.1", None)]
    {
        assert_eq!(crate::mail::domain(host).as_deref(), domain, "{host}");
    }
}

#[tokio::test]
async fn mistakes_are_seen_with_their_place() {
    let (facts, _) = of_zone(&[
        ("shop.example", "A", "127.0.0.1"),
        ("shop.example", "MX", "10 alias.shop.example."),
        ("shop.example", "MX", "20 gone.shop.example."),
        ("shop.example", "MX", "30 192.0.2.7."),
        ("alias.shop.example", "CNAME", "real.shop.example."),
        ("real.shop.example", "A", "127.0.0.1"),
        ("shop.example", "TXT", "v=spf1 include:nothing.example ptr include:broken.example a:void.example"),
        ("broken.example", "TXT", "v=spf1 ip4:300.1.1.1 -all"),
        ("shop.example", "TXT", "spf2.0/pra ?all"),
        ("_dmarc.shop.example", "TXT", "v=DMARC1; p=none; rua=mailto:a@b.example; adkim=x"),
        ("_dmarc.shop.example", "TXT", "V=dmarc1; p=none"),
        ("_mta-sts.shop.example", "TXT", "v=STSv1"),
        ("default._domainkey.shop.example", "TXT", "v=DKIM1; p=AAAA"),
    ])
    .await;
    let mx = facts.mx.as_ref().unwrap();
    assert_eq!(mx[0].alias.as_deref(), Some("real.shop.example"));
    assert_eq!((mx[1].addresses.as_deref(), mx[2].host.as_str()), (Some([].as_slice()), "192.0.2.7"));
    let spf = &facts.spf;
    let below: Vec<_> = spf
        .problems_below
        .iter()
        .map(|p| (p.domain.as_str(), p.what.as_str(), p.text.as_str(), p.at))
        .collect();
    assert_eq!(
        below,
        [
            ("nothing.example", "no record", "include:nothing.example", 7),
            ("broken.example", "not an address", "ip4:300.1.1.1", 7)
        ]
    );
    assert_eq!(
        (spf.all, spf.lookups, spf.voids, spf.ptr_at.len(), spf.sender_id().len()),
        (None, 4, 1, 1, 1)
    );
    let dmarc = &facts.dmarc;
    assert_eq!((dmarc.walk[0].records, dmarc.walk[0].texts.as_ref().unwrap().len()), (1, 2));
    assert_eq!((dmarc.reports[0].is_authorised, dmarc.remarks[0].text.as_str()), (Some(false), "adkim=x"));
    assert_eq!(facts.mta_sts.problems.len(), 2, "{:?}", facts.mta_sts.problems);
    assert!(facts.dkim.keys[0].problem.is_some());
}

#[tokio::test]
async fn mail_servers_that_are_not_safe_or_not_mail_servers() {
    let lines = [
        ("shop.example", "A", "127.0.0.1"),
        ("shop.example", "MX", "1 mx.shop.example."),
        ("mx.shop.example", "A", "127.0.0.1"),
    ];
    let names = zone(&lines).await;
    let talk = async |manner| {
        let mx = MailServer::start(LOCAL, manner).await;
        let options = AuditOptions { smtp_port: mx.at.port(), ..options(names.at) };
        let (facts, gaps) = audit(&options).await;
        (facts.mx.unwrap().remove(0).smtp, gaps)
    };
    let (plain, gaps) = talk(Manner::Plain).await;
    assert_eq!((plain.starttls, plain.tls, gaps.len()), (Some(false), None, 0));
    let (garbage, _) = talk(Manner::Garbage).await;
    assert!(garbage.starttls == Some(true) && garbage.tls_problem.is_some(), "{garbage:?}");
    // A certificate that nobody trusts, for another name.
    let settings = Authority::new().settings(&["other.example"]);
    let (strange, _) = talk(Manner::Safe(Arc::new(settings))).await;
    assert_eq!((strange.starttls, strange.is_certificate_good), (Some(true), Some(false)));
    for (first, why) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), "not SMTP"),
        (b"554 no\r\n", "answers 554"),
        (b"220 no end of line", "silent"),
        (b"99", "silent"),
        (b"220", "silent"),
        (b"\xff\xfe\r\n", "not SMTP"),
    ] {
        let (said, gaps) = talk(Manner::First(first)).await;
        assert_eq!((said.starttls, whats(&gaps)), (None, vec!["smtp"]));
        assert!(gaps[0].why.contains(why), "{gaps:?}");
    }
    let (said, gaps) = talk(Manner::Endless).await;
    assert_eq!((said.starttls, whats(&gaps)), (None, vec!["smtp"]));
    // A port that is closed says nothing about the server.
    let (facts, gaps) = audit(&options(names.at)).await;
    assert_eq!((facts.mx.unwrap()[0].smtp.starttls, whats(&gaps)), (None, vec!["smtp"]));
}

#[tokio::test]
async fn policies_of_mta_sts_that_do_not_count() {
    let lines = [
        ("shop.example", "MX", "1 mx.shop.example."),
        ("mta-sts.shop.example", "A", "127.0.0.1"),
        ("_mta-sts.shop.example", "TXT", "v=STSv1; id=1"),
    ];
    let names = zone(&lines).await;
    let authority = Authority::new();
    let problem = async |trusted: bool, reply: fn() -> Reply| {
        let server = Server::tls(authority.settings(&["mta-sts.shop.example"]), move |_| reply()).await;
        let roots = if trusted { vec![authority.root()] } else { Vec::new() };
        let options = AuditOptions { mta_sts_port: server.at.port(), roots, ..options(names.at) };
        let (facts, _) = audit(&options).await;
        assert_eq!(facts.mta_sts.policy, None);
        facts.mta_sts.problems.concat()
    };
    let good = || Reply::new(200, &[], POLICY);
    assert_eq!(problem(false, good).await, "the certificate is not good");
    assert_eq!(problem(true, Reply::none).await, "status 404");
    assert_eq!(problem(true, || Reply::to("https://shop.example/policy")).await, "status 301");
    assert_eq!(problem(true, || Reply::html("<p>hello")).await, "the policy has a line that cannot be read");
    assert_eq!(
        problem(true, || Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 65_536])).await,
        "the policy did not come whole"
    );
    assert!(!problem(true, || Reply::Silent).await.is_empty());
}

#[tokio::test]
async fn spf_that_goes_round_or_has_no_end_is_cut() {
    let (facts, _) = of_zone(&[
        ("shop.example", "TXT", "v=spf1 include:a.example -all"),
        ("a.example", "TXT", "v=spf1 include:shop.example include:a.example redirect=a.example"),
    ])
    .await;
    let loops = facts.spf.problems_below.iter().filter(|problem| problem.what == "leads back to itself");
    assert_eq!(loops.count(), 3);
    // Every name includes two new ones.
    let names = NameServer::start(|question, _| {
        let name = question.queries[0].name.to_ascii();
        let records = match question.queries[0].query_type {
            RecordType::TXT if !name.starts_with('_') && !name.contains("_domainkey") => {
                let parent = name
                    .trim_end_matches('.')
                    .chars()
                    .rev()
                    .take(60)
                    .collect::<String>()
                    .chars()
                    .rev()
                    .collect::<String>();
                let text = format!("v=spf1 include:a.{parent} include:b.{parent} -all");
                vec![(name.as_str(), RData::TXT(TXT::new(vec![text])))]
            }
            _ => Vec::new(),
        };
        Said::Message(Box::new(answer(question, records)))
    })
    .await;
    let (facts, gaps) = audit(&options(names.at)).await;
    assert!(!facts.spf.is_whole && facts.spf.includes.len() <= 60 && names.asked().len() <= 150);
    assert!(whats(&gaps).contains(&"spf.include"), "{gaps:?}");
}

#[tokio::test]
async fn giant_records_are_read_as_far_as_they_may_be() {
    let giant = format!("v=spf1 {}-all", "ip4:192.0.2.1 ".repeat(3000));
    let many = format!("v=spf1 {}-all", "ip4:192.0.2.1 ".repeat(600));
    let (facts, _) = of_zone(&[
        ("shop.example", "TXT", &giant),
        ("_dmarc.shop.example", "TXT", &"v=DMARC1; p=none;".repeat(2000)),
    ])
    .await;
    assert_eq!(facts.spf.problem.unwrap().what, "too long");
    assert!(facts.spf.texts.unwrap()[0].len() <= 4096 && facts.dmarc.walk[0].is_ignored);
    let (facts, _) = of_zone(&[("shop.example", "TXT", &many)]).await;
    assert_eq!(facts.spf.problem.unwrap().what, "too long");
}

#[tokio::test]
async fn a_key_under_every_name_proves_nothing() {
    let names = NameServer::start(|question, _| {
        let name = question.queries[0].name.to_ascii();
        let is_key = question.queries[0].query_type == RecordType::TXT && name.contains("._domainkey.");
        let key = RData::TXT(TXT::new(vec!["v=DKIM1; p=".to_owned()]));
        let records = if is_key { vec![(name.as_str(), key)] } else { Vec::new() };
        Said::Message(Box::new(answer(question, records)))
    })
    .await;
    let (facts, _) = audit(&AuditOptions { selectors: vec!["own".to_owned()], ..options(names.at) }).await;
    assert!(facts.dkim.has_wildcard);
    assert_eq!(facts.dkim.keys.iter().map(|key| key.selector.as_str()).collect::<Vec<_>>(), ["own"]);
}

#[tokio::test]
async fn a_name_server_that_fails_or_is_silent_leaves_gaps_and_no_findings() {
    for is_silent in [false, true] {
        let names = NameServer::start(move |question, _| {
            if question.queries[0].query_type == RecordType::A {
                let records = vec![("shop.example.", RData::A(A::new(127, 0, 0, 1)))];
                return Said::Message(Box::new(answer(question, records)));
            }
            if is_silent {
                return Said::Nothing;
            }
            let mut message = answer(question, Vec::new());
            message.metadata.response_code = ResponseCode::ServFail;
            Said::Message(Box::new(message))
        })
        .await;
        let begun = Instant::now();
        let options = AuditOptions { total: Duration::from_secs(12), ..options(names.at) };
        let evidence = within(20, crate::audit(HOST, &options, &|_| {})).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
        let facts = evidence.mail.as_ref().unwrap();
        assert_eq!((&facts.mx, &facts.spf.texts, facts.dmarc.is_known), (&None, &None, false));
        for what in ["mx", "spf"] {
            assert!(whats(&evidence.gaps).contains(&what), "{what}: {:?}", evidence.gaps);
        }
        let report = kluis_checks::judge(&evidence);
        let of_mail: Vec<_> = report
            .findings
            .iter()
            .filter(|found| found.part == Part::Mail && found.severity > Severity::Info)
            .collect();
        assert!(of_mail.is_empty(), "{of_mail:?}");
        assert!(
            !report.passed.iter().any(|id| id.starts_with("spf-") || id.starts_with("mx-")),
            "{:?}",
            report.passed
        );
    }
}

/// In this test 127.0.0.1 is the public network, and 127.0.0.2 is as private as it always was.
fn is_public_or_local(ip: IpAddr) -> bool {
    ip == LOCAL || is_public(ip)
}

#[tokio::test]
async fn only_exchangers_on_the_public_network_are_talked_to() {
    let run = async |lines: Lines<'_>, smtp_port: u16, mta_sts_port: u16| -> Evidence {
        let names = zone(lines).await;
        let options =
            AuditOptions { network: NetworkPolicy::PublicOnly, smtp_port, mta_sts_port, ..options(names.at) };
        within(20, audit_with(HOST, &options, &|_| {}, is_public_or_local)).await.unwrap()
    };
    let public = MailServer::start(LOCAL, Manner::Plain).await;
    let hidden = MailServer::start([127, 0, 0, 2].into(), Manner::Plain).await;
    let to = |address: &'static str| {
        [
            ("shop.example", "A", "127.0.0.1"),
            ("shop.example", "MX", "1 mx.shop.example."),
            ("mx.shop.example", "A", address),
        ]
    };
    let evidence = run(&to("127.0.0.1"), public.at.port(), 443).await;
    assert_eq!(evidence.mail.unwrap().mx.unwrap()[0].smtp.starttls, Some(false));
    let evidence = run(&to("127.0.0.2"), hidden.at.port(), 443).await;
    assert_eq!(evidence.mail.unwrap().mx.unwrap()[0].smtp.starttls, None);
    assert!(
        evidence.gaps.iter().any(|gap| gap.what == "smtp" && gap.why.contains("not allowed")),
        "{:?}",
        evidence.gaps
    );
    assert!(hidden.heard().is_empty());
    // The policy of MTA-STS is not fetched from a private network either.
    let secret = Server::start([127, 0, 0, 2].into(), None, |_| Reply::html("secret")).await;
    let lines = [
        ("shop.example", "A", "127.0.0.1"),
        ("mta-sts.shop.example", "A", "127.0.0.2"),
        ("_mta-sts.shop.example", "TXT", "v=STSv1; id=1"),
    ];
    let evidence = run(&lines, 25, secret.at.port()).await;
    assert!(whats(&evidence.gaps).contains(&"mta-sts"), "{:?}", evidence.gaps);
    assert_eq!(secret.connections(), 0);
    // Being an exchanger opens one port of one address, and nothing else.
    let options = AuditOptions { network: NetworkPolicy::PublicOnly, ..AuditOptions::default() };
    let gate = Gate::with_public(&options, None, is_public_or_local);
    let at = |ip: IpAddr, port| SocketAddr::new(ip, port);
    assert_eq!(gate.check(at(LOCAL, 25)), Err(ConnectError::NotAllowed(at(LOCAL, 25))));
    gate.allow_exchanger(at(LOCAL, 25));
    gate.allow_exchanger(at([127, 0, 0, 2].into(), 25));
    assert_eq!(gate.check(at(LOCAL, 25)), Ok(()));
    for (ip, port) in [(LOCAL, 2525), ([1, 1, 1, 1].into(), 25), ([127, 0, 0, 2].into(), 25)] {
        assert_eq!(gate.check(at(ip, port)), Err(ConnectError::NotAllowed(at(ip, port))));
    }
}

#[tokio::test]
async fn signed_exchangers_have_dane() {
    let authority = Authority::new();
    let settings = authority.settings(&["mx.secure.test"]);
    let mx = MailServer::start(LOCAL, Manner::Safe(Arc::new(settings))).await;
    let tlsa = "ab".repeat(32);
    let zone =
        format!("@ IN A 127.0.0.1\n@ IN MX 10 mx\nmx IN A 127.0.0.1\n_25._tcp.mx IN TLSA 3 1 1 {tlsa}");
    let bind = Bind::start(&[
        ("secure.test", Signing::Signed, &zone),
        ("test", Signing::Signed, "ns IN A 127.0.0.1\nsecure IN NS ns"),
        (".", Signing::Signed, "test. IN NS ns.test.\nns.test. IN A 127.0.0.1"),
    ])
    .await;
    let options = AuditOptions {
        smtp_port: mx.at.port(),
        trust_anchor: Some(bind.anchor.clone()),
        roots: vec![authority.root()],
        ..options(bind.at)
    };
    let evidence = within(20, crate::audit("secure.test", &options, &|_| {})).await.unwrap();
    let mail = evidence.mail.as_ref().unwrap();
    let exchanger = &mail.mx.as_ref().unwrap()[0];
    assert_eq!((mail.mx_dnssec, exchanger.tlsa_dnssec), (DnssecState::Secure, DnssecState::Secure));
    assert_eq!(exchanger.tlsa.as_ref().unwrap()[0].data, tlsa);
    let report = kluis_checks::judge(&evidence);
    assert!(report.findings.iter().any(|finding| finding.rule == "mx-dane-wrong"), "{:?}", report.findings);
}

#[tokio::test]
async fn selectors_that_are_none_are_refused() {
    let names = zone(&[("shop.example", "A", "127.0.0.1")]).await;
    for selectors in [vec!["a b".to_owned()], vec!["*".to_owned()], vec!["s".to_owned(); 21]] {
        let options = AuditOptions { selectors, ..options(names.at) };
        let error = crate::audit(HOST, &options, &|_| {}).await.unwrap_err();
        assert!(matches!(error, AuditError::BadOption { .. }), "{error:?}");
    }
}
