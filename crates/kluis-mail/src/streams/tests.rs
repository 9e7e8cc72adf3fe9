//! `mail.toml`: what is written is read back, and what is wrong is named with its line.
#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_model::Lang;
use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"
version = 1
domain = "Winkel.example"
report_address = "dmarc@rapport.winkel.example"
tls_report_address = "mailto:tls@rapport.winkel.example"
server = "kluis.winkel.example"
silent = ["oudewinkel.example", "käse.example"]

[mta_sts]
mode = "testing"
mx = ["mx.winkel.example", "*.post.example"]

[[stream]]
id = "winkel"
kind = "shop"
from = "bestelling.winkel.example"
relay = true
servers = ["192.0.2.10", "2001:db8::/48"]
keys = [{ domain = "bestelling.winkel.example", selector = "KK1" }]

[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.winkel.example"
services = ["mailchimp", "mailchimp"]
return_path = "bounce.winkel.example"
records = [
    { name = "k2._domainkey.nieuws.winkel.example", cname = "dkim2.mcsv.net." },
    { name = "bounce.winkel.example", mx = "10 mx.dienst.example" },
    { name = "x.winkel.example", txt = "hallo \"daar\" \\ ;" },
]
"#;

#[test]
fn a_setup_is_read_whole_and_written_back() {
    let setup = MailSetup::read(WHOLE).unwrap();
    assert_eq!((setup.domain.as_str(), setup.silent[1].as_str()), ("winkel.example", "xn--kse-qla.example"));
    assert_eq!(setup.tls_report_address.as_deref(), Some("tls@rapport.winkel.example"));
    assert_eq!(setup.streams[0].keys[0].selector, "kk1");
    assert_eq!(
        (setup.streams[1].services.len(), setup.streams[1].records[0].value.as_str()),
        (1, "dkim2.mcsv.net")
    );
    assert_eq!(setup.mta_sts.as_ref().unwrap().mode, Mode::Testing);
    let written = setup.to_toml();
    assert_eq!(MailSetup::read(&written).unwrap(), setup, "{written}");
    assert!(written.contains("servers = [\"192.0.2.10\", \"2001:db8::/48\"]"), "{written}");
}

/// What is said about a text that has one thing changed.
#[track_caller]
fn problem(from: &str, to: &str) -> SetupProblem {
    assert!(WHOLE.contains(from), "{from}");
    let mut problems = MailSetup::read(&WHOLE.replacen(from, to, 1)).unwrap_err();
    assert_eq!(problems.len(), 1, "{to}: {problems:?}");
    problems.remove(0)
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (from, to, line, says) in [
        ("version = 1", "version = 2", Some(2), "version = 1"),
        ("domain = \"Winkel.example\"", "domain = \"winkel\"", Some(3), "domain"),
        ("domain = \"Winkel.example\"", "domain = \"http://winkel.example/\"", Some(3), "domain"),
        ("domain = \"Winkel.example\"", "domain = 3", Some(3), "in quotes"),
        ("domain = \"Winkel.example\"", "domain = \"192.0.2.1\"", Some(3), "domain"),
        ("domain = \"Winkel.example\"\n", "", Some(1), "missing"),
        ("dmarc@rapport", "rapport", Some(4), "mail address"),
        ("dmarc@rapport", "a,b@rapport", Some(4), "mail address"),
        ("dmarc@rapport", "a!10m@rapport", Some(4), "mail address"),
        ("silent = [", "stil = [", Some(7), "unknown key"),
        ("silent = [", "silent = [\"nieuws.winkel.example\", ", Some(7), "stream \"nieuws\" sends from it"),
        ("mode = \"testing\"", "mode = \"aan\"", Some(10), "off, testing, enforce"),
        ("mx = [\"mx.winkel.example\", \"*.post.example\"]", "mx = []", Some(9), "mail servers"),
        ("\"*.post.example\"", "\"post.*.example\"", Some(11), "mail server"),
        ("id = \"winkel\"", "id = \"Winkel!\"", Some(14), "small letters"),
        ("id = \"nieuws\"", "id = \"winkel\"", Some(22), "already"),
        ("kind = \"shop\"", "kind = \"winkel\"", Some(15), "shop, newsletter, office"),
        ("relay = true", "relay = \"ja\"", Some(17), "true or false"),
        ("192.0.2.10", "192.0.2.10/33", Some(18), "network"),
        ("selector = \"KK1\"", "selector = \"a b\"", Some(19), "selector"),
        ("\"mailchimp\", ", "\"mailchimb\", ", Some(25), "did you mean: mailchimp"),
        ("\"mailchimp\", ", "\"zzzzzzzzz\", ", Some(25), "choose an id"),
        ("\"bounce.winkel.example\"\n", "\"bounce.dienst.example\"\n", Some(26), "winkel.example or below"),
        ("cname = \"dkim2.mcsv.net.\"", "cname = \"dkim2\"", Some(28), "whole name"),
        ("cname = \"dkim2.mcsv.net.\"", "cname = \"a.example\", txt = \"x\"", Some(28), "one of"),
        ("10 mx.dienst.example", "mx.dienst.example", Some(29), "10 mx"),
        ("10 mx.dienst.example", "99999 mx.dienst.example", Some(29), "10 mx"),
        ("hallo", "hall\u{f6}", Some(30), "plain"),
    ] {
        let found = problem(from, to);
        assert_eq!(found.line, line, "{to}: {found:?}");
        assert!(found.text.get(Lang::En).contains(says), "{to}: {found:?}");
    }
}

#[test]
fn texts_that_are_no_setup_are_refused() {
    let many = format!(
        "domain = \"a.example\"\n{}",
        "[[stream]]\nid = \"a\"\nkind = \"shop\"\nfrom = \"a.example\"\n".repeat(21)
    );
    let long = "#".repeat(SETUP_BYTES_MAX + 1);
    let services = format!(
        "domain=\"a.example\"\n[[stream]]\nid=\"a\"\nkind=\"shop\"\nfrom=\"a.example\"\nservers=[{}]",
        "\"192.0.2.1\",".repeat(51)
    );
    for text in [
        "",
        "domain = \"a.example\"",
        "stream = 3\ndomain = \"a.example\"",
        "[",
        "domain",
        &many,
        &long,
        &services,
    ] {
        let problems = MailSetup::read(text).unwrap_err();
        assert!((1..=50).contains(&problems.len()), "{text:.40}");
    }
    let off = WHOLE.replacen("testing", "off", 1);
    assert_eq!(MailSetup::read(&off).unwrap().mta_sts, None);
}

#[test]
fn the_policy_of_mta_sts_is_read_back_and_its_record_follows_it() {
    let mut sts = MtaSts { mode: Mode::Testing, mx: vec!["mx.winkel.example".to_owned()] };
    assert_eq!(crate::mta_sts::policy(sts.policy_text().as_bytes()), Ok(sts.policy()));
    let before = sts.record();
    crate::mta_sts::record(&before).unwrap();
    assert_eq!(before, sts.clone().record());
    sts.mode = Mode::Enforce;
    assert_ne!(before, sts.record());
}

fn domains() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9]{0,8}[a-z0-9])?(\\.[a-z][a-z0-9]{0,8}){0,2}\\.(nl|example)"
}

fn streams() -> impl Strategy<Value = MailStream> {
    let kinds = prop_oneof![Just(StreamKind::Shop), Just(StreamKind::Newsletter), Just(StreamKind::Office)];
    let network =
        (any::<std::net::IpAddr>(), any::<u8>()).prop_map(|(address, bits)| Network::new(address, bits));
    let key =
        (domains(), "[a-z0-9][a-z0-9_]{0,9}").prop_map(|(domain, selector)| KeyUse { domain, selector });
    let record = prop_oneof![
        (domains(), domains()).prop_map(|(name, value)| GivenRecord { name, kind: GivenKind::Cname, value }),
        (domains(), any::<u16>(), domains()).prop_map(|(name, first, host)| {
            GivenRecord { name, kind: GivenKind::Mx, value: format!("{first} {host}") }
        }),
        (domains(), "[!-~]([ -~]{0,30}[!-~])?")
            .prop_map(|(name, value)| { GivenRecord { name, kind: GivenKind::Txt, value } }),
    ];
    let ids = crate::catalogue::all().iter().map(|sender| sender.id.to_owned()).collect::<Vec<_>>();
    let services = proptest::sample::subsequence(ids, 0..4);
    let lists = (
        services,
        proptest::collection::hash_set(network, 0..4),
        proptest::collection::vec(key, 0..3),
        proptest::collection::vec(record, 0..4),
    );
    (kinds, domains(), any::<bool>(), lists, any::<bool>()).prop_map(
        |(kind, from, is_relayed, lists, has_path)| {
            let (services, networks, keys, records) = lists;
            let return_path = has_path.then(|| format!("terug.{from}"));
            let networks = networks.into_iter().collect();
            MailStream {
                id: String::new(),
                kind,
                from,
                services,
                is_relayed,
                networks,
                keys,
                return_path,
                records,
            }
        },
    )
}

prop_compose! {
    /// Any setup that can be declared.
    pub(crate) fn setups()(
        domain in domains(),
        address in proptest::option::of(("[a-z0-9]{1,8}(\\.[a-z0-9+_-]{1,4})?", domains())),
        server in proptest::option::of(domains()),
        mode in proptest::option::of((any::<bool>(), proptest::collection::hash_set(domains(), 1..4))),
        silent in proptest::collection::hash_set(domains(), 0..3),
        streams in proptest::collection::vec(streams(), 1..6),
    ) -> MailSetup {
        let mut streams = streams;
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.id = format!("stroom-{number}");
        }
        let silent = silent.into_iter().filter(|domain| streams.iter().all(|stream| stream.from != *domain));
        MailSetup {
            domain,
            report_address: address.map(|(local, domain)| format!("{local}@{domain}")),
            tls_report_address: None,
            server,
            mta_sts: mode.map(|(is_strict, mx)| MtaSts {
                mode: if is_strict { Mode::Enforce } else { Mode::Testing },
                mx: mx.into_iter().collect(),
            }),
            silent: silent.collect(),
            streams,
        }
    }
}

proptest! {
    #[test]
    fn writing_and_reading_gives_the_same(setup in setups()) {
        let text = setup.to_toml();
        prop_assert_eq!(MailSetup::read(&text), Ok(setup), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", at in 0..WHOLE.len(), put in ".{0,6}") {
        let _ = MailSetup::read(&text);
        if let (Some(before), Some(after)) = (WHOLE.get(..at), WHOLE.get(at..))
            && let Err(problems) = MailSetup::read(&format!("{before}{put}{after}"))
        {
            prop_assert!((1..=50).contains(&problems.len()));
        }
    }
}
