//! Tests of the look at the DNS: what is read of it, and which changes are worth a word.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use super::*;
use crate::dns::{Answer, Question, RecordKind};

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const OTHER_KEY: &str = "v=DKIM1; k=ed25519; p=PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";

/// A zone of texts; `!name` does not answer, `10 host` is an exchanger.
fn zone(records: &[(&str, &str)]) -> HashMap<Question, Answer> {
    let mut zone: HashMap<Question, Answer> = HashMap::new();
    for (name, value) in records {
        if let Some(name) = name.strip_prefix('!') {
            for kind in [RecordKind::Txt, RecordKind::Mx] {
                zone.insert(Question::new(name, kind), Answer::Failed);
            }
        } else if let Some((at, host)) =
            value.split_once(' ').and_then(|(at, host)| Some((at.parse::<u16>().ok()?, host)))
        {
            let entry =
                zone.entry(Question::new(name, RecordKind::Mx)).or_insert_with(|| Answer::Mx(Vec::new()));
            if let Answer::Mx(list) = entry {
                list.push((at, host.to_owned()));
            }
        } else {
            let entry =
                zone.entry(Question::new(name, RecordKind::Txt)).or_insert_with(|| Answer::Txt(Vec::new()));
            if let Answer::Txt(list) = entry {
                list.push(value.as_bytes().to_vec());
            }
        }
    }
    zone
}

/// Looks at `shop.example`; whatever is not in the zone does not exist.
fn look(records: &[(&str, &str)]) -> DomainDns {
    let mut answers = zone(records);
    let selectors = ["k1".to_owned(), "k2".to_owned()];
    for _ in 0..20 {
        match snapshot("shop.example", &selectors, &answers) {
            Ok(dns) => return dns,
            Err(questions) => {
                assert!(!questions.is_empty());
                for question in questions {
                    assert!(answers.insert(question, Answer::NoSuchName).is_none(), "asked twice");
                }
            }
        }
    }
    panic!("it never has enough");
}

const GOOD: &[(&str, &str)] = &[
    ("shop.example", "v=spf1 ip4:192.0.2.0/24 include:spf.dienst.example -all"),
    ("shop.example", "google-site-verification=x"),
    ("shop.example", "10 mx.shop.example."),
    ("spf.dienst.example", "v=spf1 ip4:198.51.100.0/24 -all"),
    ("_dmarc.shop.example", "v=DMARC1; p=quarantine; np=reject; rua=mailto:d@shop.example"),
    ("k1._domainkey.shop.example", KEY),
    ("_smtp._tls.shop.example", "v=TLSRPTv1; rua=mailto:t@shop.example"),
];

#[test]
fn what_is_read() {
    let dns = look(GOOD);
    assert_eq!(dns.spf.as_deref().unwrap(), ["v=spf1 ip4:192.0.2.0/24 include:spf.dienst.example -all"]);
    assert_eq!(dns.mx.as_deref().unwrap(), [(10, "mx.shop.example".to_owned())]);
    assert_eq!(dns.keys["k1"], KeyState::There(KEY.to_owned()));
    assert_eq!((&dns.keys["k2"], dns.gone().collect::<Vec<_>>()), (&KeyState::Gone, vec!["k2"]));
    let budget = dns.budget.clone().unwrap();
    assert_eq!((budget.lookups, budget.v4_addresses, budget.light), (1, 512, Light::Green));
    assert_eq!((budget.includes[0].domain.as_str(), budget.includes[0].lookups), ("spf.dienst.example", 1));
    assert!(matches!(dns.published(), Published::Own(_)) && dns.is_covered() == Some(true));
    assert_eq!(serde_json::from_str::<DomainDns>(&serde_json::to_string(&dns).unwrap()).unwrap(), dns);
    let revoked =
        look(&[("k1._domainkey.shop.example", "v=DKIM1; p="), ("k2._domainkey.shop.example", "hallo")]);
    assert_eq!((&revoked.keys["k1"], &revoked.keys["k2"]), (&KeyState::Revoked, &KeyState::Gone));
    assert_eq!((revoked.published(), revoked.is_covered()), (Published::Nothing, Some(false)));
    assert_eq!(revoked.budget.unwrap().light, Light::Grey);
}

#[test]
fn records_that_do_not_count() {
    let dmarc = |records: &[(&str, &str)]| look(records).published();
    let twice = [("_dmarc.shop.example", "v=DMARC1; p=none"), ("_dmarc.shop.example", "v=DMARC1; p=reject")];
    assert_eq!(dmarc(&twice), Published::Several);
    assert_eq!(dmarc(&[("_dmarc.shop.example", "v=DMARC1; p=nothing")]), Published::Unreadable);
    assert_eq!(dmarc(&[("_dmarc.shop.example", "v=dmarc1; p=none")]), Published::Nothing);
    assert_eq!(dmarc(&[("!_dmarc.shop.example", "")]), Published::Unanswered);
    let above = Published::Above { domain: "example".to_owned(), step: PolicyStep::TestReject };
    assert_eq!(dmarc(&[("_dmarc.example", "v=DMARC1; p=none; sp=reject; t=y")]), above);
    let spf = look(&[("shop.example", "v=spf1 -all"), ("shop.example", "v=spf1 ~all")]);
    assert_eq!(spf.budget.unwrap().light, Light::Red);
}

#[test]
fn what_is_not_answered_is_as_before() {
    let before = look(GOOD);
    let names = ["shop.example", "_dmarc.shop.example", "_smtp._tls.shop.example", "_mta-sts.shop.example"];
    let keys = ["!k1._domainkey.shop.example", "!k2._domainkey.shop.example"];
    let names: Vec<String> = names.iter().map(|name| format!("!{name}")).collect();
    let down: Vec<(&str, &str)> =
        names.iter().map(String::as_str).chain(keys).map(|name| (name, "")).collect();
    let now = look(&down);
    assert!(now.is_unanswered() && now.budget.is_none());
    let now = now.or(&before);
    assert_eq!(now, before);
    assert!(changes(&before, &now, &|_, _| false, &[]).is_empty());
}

/// The zone with some records replaced; an empty value takes the name away.
fn with<'a>(replaced: &[(&'a str, &'a str)]) -> DomainDns {
    let is_other = |(name, value): &&(&str, &str)| {
        !replaced
            .iter()
            .any(|(other, with)| other == name && is_mx(with) == is_mx(value) && same_use(with, value))
    };
    let kept = GOOD.iter().filter(is_other).copied();
    let all: Vec<(&str, &str)> =
        kept.chain(replaced.iter().copied().filter(|(_, value)| !value.starts_with('-'))).collect();
    look(&all)
}

fn is_mx(value: &str) -> bool {
    value.trim_start_matches('-').starts_with("10 ")
}

fn same_use(with: &str, value: &str) -> bool {
    let start = |text: &str| text.trim_start_matches('-').chars().take(5).collect::<String>();
    is_mx(value) || start(with) == start(value)
}

#[test]
fn changes_that_are_worth_a_word() {
    use ChangeKind as K;
    let long: String = (0..8).map(|n| format!(" include:s{n}.example")).collect();
    let long = format!("v=spf1{long} -all");
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(ChangeKind, Light)]);
    let cases: &[Case<'_>] = &[
        ("nothing", &[], &[]),
        ("a text that is none of ours", &[("shop.example", "googlex=1")], &[]),
        ("spf", &[("shop.example", "v=spf1 ip4:192.0.2.0/24 -all")], &[(K::Spf, Light::Amber)]),
        ("no spf", &[("shop.example", "-v=spf1")], &[(K::SpfGone, Light::Red)]),
        (
            "two of spf",
            &[("shop.example", "v=spf1 -all"), ("shop.example", "v=spf1 ~all")],
            &[(K::SpfSeveral, Light::Red)],
        ),
        ("a long spf", &[("shop.example", &long)], &[(K::Spf, Light::Amber), (K::SpfBudget, Light::Amber)]),
        (
            "an include grew",
            &[("spf.dienst.example", "v=spf1 ip4:198.51.0.0/16 -all")],
            &[(K::SpfGrew, Light::Amber)],
        ),
        ("an include shrank", &[("spf.dienst.example", "v=spf1 ip4:198.51.100.0/28 -all")], &[]),
        ("dmarc gone", &[("_dmarc.shop.example", "-v=DMARC1")], &[(K::DmarcGone, Light::Red)]),
        (
            "dmarc milder",
            &[("_dmarc.shop.example", "v=DMARC1; p=none; np=reject; rua=mailto:d@shop.example")],
            &[(K::DmarcMilder, Light::Red)],
        ),
        (
            "names that do not exist are free again",
            &[("_dmarc.shop.example", "v=DMARC1; p=reject; np=none; rua=mailto:d@shop.example")],
            &[(K::DmarcMilder, Light::Red)],
        ),
        (
            "dmarc rehearsed again",
            &[("_dmarc.shop.example", "v=DMARC1; p=quarantine; np=reject; t=y")],
            &[(K::DmarcMilder, Light::Red)],
        ),
        (
            "dmarc stricter",
            &[("_dmarc.shop.example", "v=DMARC1; p=reject; rua=mailto:d@shop.example")],
            &[(K::Dmarc, Light::Amber)],
        ),
        (
            "two of dmarc",
            &[("_dmarc.shop.example", "v=DMARC1; p=reject"), ("_dmarc.shop.example", "v=DMARC1; p=none")],
            &[(K::DmarcMilder, Light::Red)],
        ),
        ("key gone", &[("k1._domainkey.shop.example", "-v=DKIM1")], &[(K::KeyGone, Light::Red)]),
        ("key revoked", &[("k1._domainkey.shop.example", "v=DKIM1; p=")], &[(K::KeyGone, Light::Red)]),
        ("another key", &[("k1._domainkey.shop.example", OTHER_KEY)], &[(K::KeyChanged, Light::Red)]),
        ("a new key", &[("k2._domainkey.shop.example", OTHER_KEY)], &[(K::KeyNew, Light::Green)]),
        (
            "mx to nobody we know",
            &[("shop.example", "10 mail.vreemd.example")],
            &[(K::MxUnknown, Light::Red)],
        ),
        ("mx to a known provider", &[("shop.example", "10 aspmx.l.google.com")], &[(K::Mx, Light::Amber)]),
        ("another own mx", &[("shop.example", "10 mx2.shop.example")], &[(K::Mx, Light::Amber)]),
        ("no mx", &[("shop.example", "-10 ")], &[(K::Mx, Light::Amber)]),
        ("no tls reports", &[("_smtp._tls.shop.example", "-v=TLS")], &[(K::TlsRpt, Light::Amber)]),
        ("mta-sts", &[("_mta-sts.shop.example", "v=STSv1; id=1")], &[(K::MtaSts, Light::Green)]),
    ];
    let before = look(GOOD);
    let owned = ["shop.example".to_owned()];
    for (what, replaced, expected) in cases {
        let after = with(replaced);
        let found = changes(&before, &after, &|_, _| false, &owned);
        let short: Vec<(ChangeKind, Light)> =
            found.iter().map(|change| (change.kind, change.light)).collect();
        assert_eq!(short, *expected, "{what}: {found:#?}");
        for change in &found {
            assert!(change.before != change.after && change.text.nl != change.text.en, "{what}");
            assert_eq!(change.todo.is_some(), change.light > Light::Green, "{what}");
        }
        // What the plan wants needs no word, apart from what services do by themselves.
        let planned = changes(&before, &after, &|_, _| true, &owned);
        let loud: Vec<ChangeKind> =
            planned.iter().filter(|change| change.light > Light::Green).map(|change| change.kind).collect();
        assert!(loud.iter().all(|kind| *kind == K::SpfGrew), "{what}: {loud:?}");
    }
}
