//! Evidence of a shop without a fault, and the helpers with which rules are tested against it.

use core::net::IpAddr;
use std::collections::BTreeMap;

use kluis_model::TimeMs;

use super::find;
use crate::facts::{
    Answer, Bug, CaaRecord, CertFacts, ChainFacts, CipherOrder, ClientCertificate, Cookie, DnsFacts,
    DnssecState, EVIDENCE_FORMAT, EarlyData, Endpoint, Evidence, Header, Hop, HttpState, KexSignature,
    KeyFacts, KeyKind, OcspStaple, OwnerProof, Page, PageKind, Protocol, Reach, Redirects, Resumption,
    Revocation, SctFacts, SecurityTxt, SuiteFacts, Target, TlsFacts, TlsaRecord, Trust, WebFacts,
};
use crate::finding::{Finding, Notes, Severity};

/// The host of the shop without a fault.
pub(crate) const HOST: &str = "winkel.example";
/// 2026-11-24 12:00 UTC, when the shop was audited.
pub(crate) const STARTED: TimeMs = TimeMs(1_795_521_600_000);
/// A day in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// 90 days of validity, of which 23 have passed at [`STARTED`].
const LEAF_FROM: TimeMs = TimeMs(STARTED.0 - 23 * DAY_MS);
const LEAF_SPKI: &str = "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11";

/// Checks that the rule is content with the faultless shop and says `expected` once `change` was made to it.
pub(crate) fn check(rule_id: &str, change: impl FnOnce(&mut Evidence), expected: Severity) {
    let good = finding_of(rule_id, &good_evidence());
    assert!(
        good.as_ref().is_none_or(|finding| finding.severity == Severity::Info),
        "{rule_id} fires on the faultless shop: {good:?}"
    );
    let found = finding_after(rule_id, change);
    let finding = found.unwrap_or_else(|| panic!("{rule_id} did not fire"));
    assert_eq!(finding.severity, expected, "{rule_id}: {:?}", finding.proofs);
    assert!(
        finding.proofs.iter().all(|proof| !proof.place.is_empty() && !proof.seen.is_empty()),
        "{finding:?}"
    );
}

/// Checks that the rule says nothing at all once `change` was made to the faultless shop.
pub(crate) fn check_silent(rule_id: &str, change: impl FnOnce(&mut Evidence)) {
    let found = finding_after(rule_id, change);
    assert!(found.is_none(), "{rule_id} must be silent: {found:?}");
}

/// Checks that some proof of the rule, once `change` was made to the faultless shop, has `words` in it.
pub(crate) fn check_seen(rule_id: &str, change: impl FnOnce(&mut Evidence), words: &str) {
    let found = finding_after(rule_id, change);
    let finding = found.unwrap_or_else(|| panic!("{rule_id} did not fire"));
    let is_there =
        finding.proofs.iter().any(|proof| format!("{}: {}", proof.place, proof.seen).contains(words));
    assert!(is_there, "{rule_id}: no proof says {words:?}: {:?}", finding.proofs);
}

/// What the rule says about the faultless shop once `change` was made to it.
pub(crate) fn finding_after(rule_id: &str, change: impl FnOnce(&mut Evidence)) -> Option<Finding> {
    let mut evidence = good_evidence();
    change(&mut evidence);
    finding_of(rule_id, &evidence)
}

/// What one rule says about some evidence.
pub(crate) fn finding_of(rule_id: &str, evidence: &Evidence) -> Option<Finding> {
    let rule = find(rule_id).unwrap_or_else(|| panic!("there is no rule {rule_id}"));
    let mut notes = Notes::default();
    (rule.judge)(evidence, &mut notes);
    notes.into_finding(rule)
}

/// The shop without a fault: TLS 1.3 and 1.2 with good suites, a trusted chain, signed DNS, strict headers.
///
/// No rule says more than `Info` about it.
pub(crate) fn good_evidence() -> Evidence {
    let v4 = IpAddr::from([192, 0, 2, 10]);
    let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10]);
    Evidence {
        format: EVIDENCE_FORMAT,
        target: Target { host: HOST.into(), ..Target::default() },
        started: STARTED,
        took_ms: 2_000,
        connections: 40,
        dns: good_dns(v4, v6),
        endpoints: vec![
            Endpoint { host: HOST.into(), address: v4, port: 443, is_full: true, tls: good_tls() },
            Endpoint { host: HOST.into(), address: v6, port: 443, is_full: false, tls: good_tls_short() },
        ],
        web: good_web(),
        mail: Some(super::testing_mail::good_mail()),
        gaps: Vec::new(),
    }
}

/// The endpoint that was examined in full.
pub(crate) fn tls(evidence: &mut Evidence) -> &mut TlsFacts {
    &mut evidence.endpoints[0].tls
}

/// The leaf certificate of the endpoint that was examined in full.
pub(crate) fn leaf(evidence: &mut Evidence) -> &mut CertFacts {
    &mut evidence.endpoints[0].tls.chain.sent[0]
}

/// The shop's front page.
pub(crate) fn home(evidence: &mut Evidence) -> &mut Page {
    &mut evidence.web.pages[0]
}

/// A header of an answer.
pub(crate) fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

fn good_dns(v4: IpAddr, v6: IpAddr) -> DnsFacts {
    DnsFacts {
        was_asked: true,
        domain: HOST.into(),
        v4: vec![v4],
        v6: vec![v6],
        dnssec: DnssecState::Secure,
        caa_at: Some(HOST.into()),
        caa: Some(vec![
            CaaRecord {
                is_critical: false,
                tag: "issue".into(),
                value: "letsencrypt.org; accounturi=https://acme.example/acct/1; validationmethods=http-01"
                    .into(),
            },
            CaaRecord { is_critical: false, tag: "issuewild".into(), value: ";".into() },
            CaaRecord {
                is_critical: false,
                tag: "iodef".into(),
                value: "mailto:beheer@winkel.example".into(),
            },
        ]),
        tlsa: vec![
            TlsaRecord { usage: 3, selector: 1, matching: 1, data: LEAF_SPKI.into() },
            TlsaRecord { usage: 3, selector: 1, matching: 1, data: "bb22".repeat(16) },
        ],
        tlsa_dnssec: DnssecState::Secure,
        https_alpn: vec!["h3".into(), "h2".into()],
        has_ech: true,
        sibling: Some((format!("www.{HOST}"), vec![v4])),
        ..DnsFacts::default()
    }
}

/// What the address that was examined in full does.
fn good_tls() -> TlsFacts {
    let suite = |protocol, id| SuiteFacts { protocol, id };
    let tls13 = [0x1302, 0x1303, 0x1301];
    let tls12 = [0xc02c, 0xcca9, 0xc02b];
    let order = |ids: &[u32]| CipherOrder { is_by_server: Some(true), preferred: ids.to_vec() };
    TlsFacts {
        suites: tls13
            .iter()
            .map(|id| suite(Protocol::Tls13, *id))
            .chain(tls12.iter().map(|id| suite(Protocol::Tls12, *id)))
            .collect(),
        order: BTreeMap::from([(Protocol::Tls13, order(&tls13)), (Protocol::Tls12, order(&tls12))]),
        groups_tls12: vec![29, 23, 24],
        groups_tls13: vec![4588, 29, 23, 24],
        group_preferred: Some(4588),
        kex_signature: KexSignature { sha1: Answer::Refused, sha224: Answer::Refused, md5: Answer::Refused },
        extended_master_secret: Some(true),
        secure_renegotiation: Some(true),
        client_renegotiations: Some(0),
        compression: Some(false),
        fallback_scsv: Some(true),
        early_data: EarlyData::Refused,
        resumption: Resumption { works: Some(true), ticket_lifetime_s: Some(7_200) },
        tls13_intolerant: Some(false),
        bugs: BTreeMap::from([
            (Bug::Heartbleed, false),
            (Bug::Ccs, false),
            (Bug::Ticketbleed, false),
            (Bug::Robot, false),
        ]),
        client_certificate: ClientCertificate::None,
        alpn: vec!["h2".into(), "http/1.1".into()],
        took_ms: 120,
        connections: 25,
        ..good_tls_short()
    }
}

/// What the address that was examined in short does.
fn good_tls_short() -> TlsFacts {
    let answer = |protocol| match protocol {
        Protocol::Tls12 | Protocol::Tls13 => Answer::Accepted,
        _ => Answer::Refused,
    };
    TlsFacts {
        reach: Reach::Tls,
        protocols: Protocol::ALL.into_iter().map(|protocol| (protocol, answer(protocol))).collect(),
        chain: good_chain(),
        took_ms: 20,
        connections: 6,
        ..TlsFacts::default()
    }
}

/// A leaf and its intermediate, both on P-384 keys.
pub(super) fn good_chain() -> ChainFacts {
    let key = KeyFacts { kind: KeyKind::Ec, bits: 384, curve: Some("P-384".into()), exponent: None };
    let sct = |log: &str| SctFacts { log_id: log.repeat(32), at: LEAF_FROM };
    let leaf = CertFacts {
        is_readable: true,
        sha256: "01".repeat(32),
        spki_sha256: LEAF_SPKI.into(),
        subject: format!("CN={HOST}"),
        issuer: "CN=E7,O=Let's Encrypt,C=US".into(),
        serial: "04a1b2".into(),
        names: vec![HOST.into(), format!("www.{HOST}")],
        has_san: true,
        not_before: LEAF_FROM,
        not_after: TimeMs(LEAF_FROM.0 + 90 * DAY_MS - 1_000),
        key: key.clone(),
        signature_hash: "sha384".into(),
        signature: "ecdsa-with-SHA384".into(),
        eku_server: Some(true),
        ski: Some("0a".repeat(20)),
        aki: Some("0b".repeat(20)),
        scts: vec![sct("c1"), sct("c2")],
        crl_urls: vec!["http://crl.example/7.crl".into()],
        issuer_urls: vec!["http://ca.example/e7.der".into()],
        ..CertFacts::default()
    };
    let intermediate = CertFacts {
        is_readable: true,
        sha256: "02".repeat(32),
        spki_sha256: "dd44".repeat(16),
        subject: leaf.issuer.clone(),
        issuer: "CN=ISRG Root X2,O=Internet Security Research Group,C=US".into(),
        serial: "05c3".into(),
        not_before: TimeMs(STARTED.0 - 900 * DAY_MS),
        not_after: TimeMs(STARTED.0 + 200 * DAY_MS),
        key,
        signature_hash: "sha384".into(),
        signature: "ecdsa-with-SHA384".into(),
        is_ca: true,
        eku_server: Some(true),
        ski: leaf.aki.clone(),
        aki: Some("0e".repeat(20)),
        ..CertFacts::default()
    };
    ChainFacts {
        sent: vec![leaf, intermediate],
        path: vec![0, 1],
        trust: Trust::Trusted,
        matches_host: Some(true),
        revocation: Revocation::Good,
        ocsp_staple: OcspStaple::Absent,
        scts_tls: Vec::new(),
    }
}

/// The headers of every page of the shop.
fn good_headers() -> Vec<Header> {
    [
        ("content-type", "text/html; charset=utf-8"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
    ]
    .into_iter()
    .map(|(name, value)| header(name, value))
    .collect()
}

fn good_hop(url: &str) -> Hop {
    Hop {
        url: url.into(),
        status: 200,
        location: None,
        headers: good_headers(),
        is_certificate_good: Some(true),
    }
}

/// A page of the shop, read from its HTML.
fn good_page(kind: PageKind, path: &str) -> Page {
    let url = format!("https://{HOST}{path}");
    let form = match kind {
        PageKind::Login => {
            "<form method=post action=/inloggen><input type=email name=email autocomplete=email required>\
             <label>Wachtwoord <input type=password name=wachtwoord></label><button>Inloggen</button></form>"
        }
        PageKind::Checkout => {
            "<form method=post action=/afrekenen/adres><label for=n>Naam</label><input id=n name=naam>\
             <input name=postcode autocomplete=postal-code><input type=tel name=telefoon></form>"
        }
        PageKind::Contact => {
            "<form method=post action=/contact><input type=email name=email><textarea name=bericht></textarea></form>"
        }
        _ => "<form action=/zoeken><input type=search name=q></form><a href=/inloggen>Inloggen</a>",
    };
    let html = format!(
        "<!doctype html><html lang=nl><head><meta charset=utf-8><title>Winkel</title>\
         <link rel=stylesheet href=/winkel.css><link rel=icon href=/icoon.svg><script src=/winkel.js defer></script>\
         </head><body><img src=/mok.webp srcset='/mok-2x.webp 2x' alt=Mok>{form}</body></html>"
    );
    let mut page = Page {
        kind,
        hops: vec![good_hop(&url)],
        body_bytes: html.len() as u64,
        is_served_over_http: Some(false),
        ..Page::default()
    };
    if let Ok(url) = url::Url::parse(&url) {
        crate::web::read_page(&html, &url, &mut page);
    }
    page
}

/// A redirect from plain HTTP to HTTPS on the same host, which then leads to the front page.
fn good_redirects(host: &str) -> Redirects {
    let target = format!("https://{host}/");
    let first = Hop {
        url: format!("http://{host}/"),
        status: 308,
        location: Some(target.clone()),
        headers: Vec::new(),
        is_certificate_good: None,
    };
    Redirects {
        from: first.url.clone(),
        state: HttpState::Open,
        hops: vec![first, good_hop(&target)],
        is_endless: false,
    }
}

fn good_web() -> WebFacts {
    WebFacts {
        redirects: vec![good_redirects(HOST), good_redirects(&format!("www.{HOST}"))],
        pages: vec![
            good_page(PageKind::Home, "/"),
            good_page(PageKind::Product, "/product/mok"),
            good_page(PageKind::Login, "/inloggen"),
            good_page(PageKind::Checkout, "/afrekenen"),
            good_page(PageKind::Contact, "/contact"),
        ],
        cookies: vec![Cookie {
            name: "__Host-sessie".into(),
            set_by: format!("https://{HOST}/"),
            is_secure: true,
            is_http_only: true,
            same_site: Some("Lax".into()),
            path: Some("/".into()),
            value_bytes: 43,
            ..Cookie::default()
        }],
        security_txt: Some(SecurityTxt {
            url: Some(format!("https://{HOST}/.well-known/security.txt")),
            content_type: "text/plain; charset=utf-8".into(),
            fields: vec![
                header("contact", "mailto:beveiliging@winkel.example"),
                header("expires", "2027-06-01T00:00:00Z"),
                header("preferred-languages", "nl, en"),
                header("canonical", "https://winkel.example/.well-known/security.txt"),
            ],
            expires: Some(TimeMs(1_811_808_000_000)),
            ..SecurityTxt::default()
        }),
        owner: OwnerProof::NotAsked,
        ..WebFacts::default()
    }
}
