//! Explaining, counting, finding and flattening over zones in memory.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::collections::HashMap;

use super::budget::budget;
use super::explain::{Explained, explain};
use super::flatten::{Change, Flat, FlatProblem, RECORD_BYTES_MAX, Why, Wish, again, changes, flatten};
use super::trace::{nodes, path, who};
use super::*;
use crate::dns::{Answer, Question, RecordKind};

type Zone = HashMap<Question, Answer>;

/// A zone of texts; `a.…` names have the address 192.0.2.1, `mx.…` names that exchanger.
fn zone(texts: &[(&str, &str)]) -> Zone {
    let mut zone = Zone::new();
    for (name, text) in texts {
        let question = Question::new(name, RecordKind::Txt);
        let Answer::Txt(list) = zone.entry(question).or_insert_with(|| Answer::Txt(Vec::new())) else {
            panic!()
        };
        list.push(text.as_bytes().to_vec());
    }
    zone
}

/// Runs an engine; what the zone does not hold does not exist.
fn ask<T>(zone: &mut Zone, engine: impl Fn(&Zone) -> Result<T, Vec<Question>>) -> T {
    loop {
        match engine(zone) {
            Ok(found) => return found,
            Err(questions) => {
                for question in questions {
                    let answer = match question.kind {
                        RecordKind::A if question.name.starts_with("a.") => {
                            Answer::A(vec!["192.0.2.1".parse().unwrap()])
                        }
                        RecordKind::Mx if question.name.starts_with("mx.") => {
                            Answer::Mx(vec![(1, "a.mx.example".to_owned())])
                        }
                        _ => Answer::NoSuchName,
                    };
                    assert!(zone.insert(question, answer).is_none());
                }
            }
        }
    }
}

fn explained(texts: &[(&str, &str)]) -> Explained {
    ask(&mut zone(texts), |zone| explain(texts[0].0, zone))
}

#[test]
fn every_word_is_explained_with_its_cost_and_addresses() {
    let found = explained(&[
        (
            "x.example",
            "v=spf1 mx:mx.example  ip4:192.0.2.0/28 include:_spf.google.com -ip6:2001:db8::/32 ~all exp=e.example a",
        ),
        ("_spf.google.com", "v=spf1 include:n.google.com ?all"),
        ("n.google.com", "v=spf1 ip4:198.51.100.0/24 ~all"),
    ]);
    let words: Vec<(&str, u32, u64, &str, bool)> = found
        .words
        .iter()
        .map(|word| {
            (word.text.as_str(), word.lookups, word.v4_addresses, word.meaning.nl.as_str(), word.is_dead)
        })
        .collect();
    assert_eq!(
        words,
        [
            ("mx:mx.example", 1, 1, "de servers die mail voor mx.example aannemen: toegestaan", false),
            ("ip4:192.0.2.0/28", 0, 16, "de 16 adressen 192.0.2.0/28: toegestaan", false),
            ("include:_spf.google.com", 2, 256, "de servers van Google Workspace: toegestaan", false),
            ("-ip6:2001:db8::/32", 0, 0, "het netwerk 2001:db8::/32: NIET toegestaan", false),
            ("~all", 0, 0, "alle andere adressen zijn verdacht; met DMARC erbij is dat streng genoeg", false),
            ("exp=e.example", 0, 0, "de uitleg bij een weigering staat op e.example", false),
            ("a", 1, 0, "de server waar x.example op staat: toegestaan", true),
        ]
    );
    assert_eq!((found.tree.lookups, found.words[2].sender.unwrap().id), (3, "google-workspace"));
    assert!(found.error.is_none() && found.redirect.is_none());
}

#[test]
fn a_redirect_is_followed_and_what_is_wrong_has_its_place() {
    let found =
        explained(&[("x.example", "v=spf1 redirect=y.example"), ("y.example", "v=spf1 ip4:192.0.2.1 -all")]);
    assert_eq!(found.redirect.unwrap().words.len(), 2);
    let found = explained(&[("x.example", "v=spf1 redirect=x.example")]);
    assert!(found.redirect.is_none() && found.tree.problems.len() == 1);
    let found = explained(&[("x.example", "v=spf1 redirect=y.example -all"), ("y.example", "v=spf1 -all")]);
    assert!(found.redirect.is_none() && found.words[0].is_dead);
    let found = explained(&[("x.example", "v=spf1 ip4:1.2.3 -all")]);
    assert_eq!((found.error.unwrap().span, found.words.len()), (7..16, 0));
    let found = explained(&[("x.example", "v=spf1"), ("x.example", "v=spf1 -all")]);
    assert_eq!((found.records.len(), found.words.len()), (2, 0));
    assert!(explained(&[("x.example", "hallo")]).records.is_empty());
}

#[test]
fn the_budget_names_who_costs_what_and_what_to_do() {
    let small = budget(&explained(&[("x.example", "v=spf1 mx:mx.example -all")]));
    assert!(small.advice.is_empty() && !small.is_broken() && small.lines.len() == 1, "{small:?}");

    let many: Vec<String> = (0..9).map(|n| format!("include:n{n}.mcsv.net")).collect();
    let mut texts = vec![(
        "x.example".to_owned(),
        format!("v=spf1 {} a:a.x.example ptr a:gone.example -all", many.join(" ")),
    )];
    texts.extend((0..9).map(|n| (format!("n{n}.mcsv.net"), "v=spf1 ip4:192.0.2.9 -all".to_owned())));
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let found = budget(&explained(&texts));
    assert!(found.is_broken() && found.lookups == 12 && found.lines.len() == 12);
    let advice: Vec<&str> = found.advice.iter().map(|text| text.nl.as_str()).collect();
    assert!(advice[0].contains("Er moet(en) er 2 weg"), "{advice:?}");
    for wanted in [
        "Haal ptr weg",
        "a:gone.example levert geen enkel adres op",
        "Vraag Mailchimp om een eigen Return-Path",
    ] {
        assert!(advice.iter().any(|text| text.contains(wanted)), "{wanted}: {advice:?}");
    }

    let broken = budget(&explained(&[("x.example", "v=spf1 include:gone.example -all")]));
    assert!(
        broken.advice[0].nl.contains("include:gone.example")
            && broken.advice[0].nl.contains("geen SPF-record"),
        "{broken:?}"
    );
    let twice = budget(&explained(&[
        ("x.example", "v=spf1 include:y.example include:z.example -all"),
        ("y.example", "v=spf1 include:z.example -all"),
        ("z.example", "v=spf1 ip4:192.0.2.1 -all"),
    ]));
    assert!(twice.advice.iter().any(|text| text.nl.contains("include:z.example kan weg")), "{twice:?}");
}

#[test]
fn an_address_is_traced_to_the_term_that_lets_it_in() {
    let texts = [
        ("x.example", "v=spf1 include:y.example include:spf.protection.outlook.com -all"),
        ("y.example", "v=spf1 ip4:198.51.100.1 -all"),
        ("spf.protection.outlook.com", "v=spf1 include:z.example -all"),
        ("z.example", "v=spf1 ip4:192.0.2.0/24 -all"),
    ];
    let find =
        |address: &str| ask(&mut zone(&texts), |zone| who(address.parse().unwrap(), "x.example", zone));
    let found = find("192.0.2.7");
    assert_eq!((found.verdict.result, found.sender.map(|sender| sender.id)), (SpfResult::Pass, None));
    let terms: Vec<&str> = path(&found.verdict.trace).iter().map(|step| step.term.as_str()).collect();
    assert_eq!(terms, ["include:spf.protection.outlook.com", "include:z.example", "ip4:192.0.2.0/24"]);
    let tree = nodes(&found.verdict.trace);
    assert_eq!(
        (tree.len(), tree[0].below.len(), tree[1].below.len(), tree[1].below[0].below.len()),
        (2, 2, 1, 1)
    );

    let found = find("203.0.113.1");
    assert_eq!((found.verdict.result, found.networks.len()), (SpfResult::Fail, 0));
    assert_eq!(path(&found.verdict.trace).last().unwrap().term, "-all");
    assert_eq!(find("::ffff:192.0.2.7").networks.len(), 1);
}

const WISH: Wish<'_> = Wish { keep: &[], now_s: 1_000, lifetime_s: 100 };

fn flat(texts: &[(&str, &str)], wish: &Wish<'_>) -> Result<Flat, FlatProblem> {
    ask(&mut zone(texts), |zone| flatten(texts[0].0, wish, zone))
}

#[test]
fn includes_become_addresses_and_the_rest_stays() {
    let texts = [
        (
            "x.example",
            "v=spf1 ip4:203.0.113.1 a:a.x.example include:y.example include:keep.example exists:%{i}.x.example include:m.example -all exp=e.example",
        ),
        ("y.example", "v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25 ip6:2001:db8::1 include:z.example -all"),
        ("z.example", "v=spf1 ip4:192.0.2.9 ip4:198.51.100.0/31 ?all"),
        ("keep.example", "v=spf1 ip4:198.51.100.200 -all"),
        ("m.example", "v=spf1 exists:%{i}.m.example -all"),
    ];
    let keep = ["keep.example".to_owned()];
    let found = flat(&texts, &Wish { keep: &keep, ..WISH }).unwrap();
    assert_eq!(
        found.records[0].text,
        "v=spf1 ip4:203.0.113.1 include:keep.example exists:%{i}.x.example include:m.example \
         ip4:192.0.2.0/24 ip4:198.51.100.0/31 ip6:2001:db8::1 -all exp=e.example"
    );
    assert_eq!(
        (found.records.len(), found.lookups_before, found.lookups_after, found.expires_s),
        (1, 7, 4, 1_100)
    );
    let kept: Vec<Why> = found.kept.iter().map(|kept| kept.why).collect();
    assert_eq!(kept, [Why::Free, Why::Asked, Why::Macros, Why::Macros]);
    assert_eq!(found.replaced[0].term, "a:a.x.example");

    // What was allowed stays allowed, and nothing else becomes so.
    let mut after = zone(&texts);
    after.insert(
        Question::new("x.example", RecordKind::Txt),
        Answer::Txt(vec![found.records[0].text.clone().into_bytes()]),
    );
    for address in [
        "203.0.113.1",
        "192.0.2.1",
        "192.0.2.255",
        "198.51.100.1",
        "198.51.100.2",
        "198.51.100.200",
        "2001:db8::1",
        "203.0.113.2",
    ] {
        let judge = |zone: &mut Zone| {
            ask(zone, |zone| who(address.parse().unwrap(), "x.example", zone)).verdict.result
        };
        assert_eq!(judge(&mut zone(&texts)), judge(&mut after), "{address}");
    }
}

#[test]
fn many_addresses_go_into_records_that_fit_in_a_packet() {
    let list: Vec<String> = (0..100).map(|n| format!("ip4:198.51.{n}.1")).collect();
    let list = format!("v=spf1 {} -all", list.join(" "));
    let found = flat(&[("x.example", "v=spf1 include:y.example ~all"), ("y.example", &list)], &WISH).unwrap();
    assert_eq!(found.records.len(), 5);
    assert!(
        found
            .records
            .iter()
            .all(|record| record.text.len() <= RECORD_BYTES_MAX && read(record.text.as_bytes()).is_ok())
    );
    assert!(
        found.records[0].text.starts_with("v=spf1 include:_spf1.x.example include:_spf2.x.example")
            && found.records[0].text.ends_with(" ~all")
    );
    assert_eq!(found.lookups_after, 4);
    let terms: usize = found.records[1..].iter().map(|record| record.text.matches("ip4:").count()).sum();
    assert_eq!(terms, 100);
}

#[test]
fn what_cannot_be_flattened_says_why() {
    let one = |text: &str| flat(&[("x.example", text)], &WISH);
    assert_eq!(one("v=spf1 ip4:192.0.2.1 -all"), Err(FlatProblem::Nothing));
    assert_eq!(one("hallo"), Err(FlatProblem::Records(0)));
    assert_eq!(
        one("v=spf1 a:a.x.example -ip4:192.0.2.1 -all"),
        Err(FlatProblem::Exception("-ip4:192.0.2.1".to_owned()))
    );
    assert!(matches!(one("v=spf1 ipv4:1"), Err(FlatProblem::Record(_))));
    assert_eq!(
        flat(&[("x.example", "v=spf1"), ("x.example", "v=spf1")], &WISH),
        Err(FlatProblem::Records(2))
    );
    // Behind these stands what addresses cannot say.
    for below in [
        "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all",
        "v=spf1 +all",
        "v=spf1 include:gone.example -all",
        "v=spf1 ptr -all",
    ] {
        let found = flat(&[("x.example", "v=spf1 include:y.example -all"), ("y.example", below)], &WISH);
        assert_eq!(found, Err(FlatProblem::Nothing), "{below}");
    }
    let huge: Vec<String> =
        (0..399).map(|n| format!("ip6:2001:db8:{n:x}0:1234:5678:9abc:def0:1234")).collect();
    let huge = format!("v=spf1 {} -all", huge.join(" "));
    let found = flat(
        &[("x.example", "v=spf1 include:y.example -all"), ("y.example", &huge[..16_000.min(huge.len())])],
        &WISH,
    );
    assert!(matches!(found, Err(FlatProblem::TooLarge(_) | FlatProblem::Nothing)), "{found:?}");
}

#[test]
fn a_redirect_is_flattened_with_its_end() {
    let texts = [("x.example", "v=spf1 redirect=y.example"), ("y.example", "v=spf1 ip4:192.0.2.1 ~all")];
    assert_eq!(flat(&texts, &WISH).unwrap().records[0].text, "v=spf1 ip4:192.0.2.1 ~all");
    let texts = [("x.example", "v=spf1 a:a.x.example redirect=y.example"), ("y.example", "v=spf1 ptr ~all")];
    assert_eq!(flat(&texts, &WISH).unwrap().records[0].text, "v=spf1 ip4:192.0.2.1 redirect=y.example");
}

#[test]
fn a_flat_record_is_compared_with_what_is_published_later() {
    let then =
        [("x.example", "v=spf1 include:y.example -all"), ("y.example", "v=spf1 ip4:192.0.2.0/24 -all")];
    let flat = flat(&then, &WISH).unwrap();
    let json = serde_json::to_string(&flat).unwrap();
    assert_eq!(serde_json::from_str::<Flat>(&json).unwrap(), flat);
    // The flat record is what the domain publishes by now.
    let changed = |below: &str| {
        let own = flat.records[0].text.clone();
        let now = [("x.example", own.as_str()), ("y.example", below)];
        ask(&mut zone(&now), |zone| changes(&flat, zone))
    };
    assert_eq!(changed(then[1].1), []);
    assert_eq!(changed("v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25 ~all"), []);
    let change = |added: &[&str], gone: &[&str], is_unclear| Change {
        term: "include:y.example".to_owned(),
        added: added.iter().map(|text| (*text).to_owned()).collect(),
        gone: gone.iter().map(|text| (*text).to_owned()).collect(),
        is_unclear,
    };
    assert_eq!(
        changed("v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.7 -all"),
        [change(&["203.0.113.7/32"], &[], false)]
    );
    assert_eq!(changed("v=spf1 -all"), [change(&[], &["192.0.2.0/24"], false)]);
    assert_eq!(changed("v=spf1 ip4:192.0.2.0/24 ptr -all"), [change(&[], &[], true)]);

    // Written again, it is made from the record with its includes, not from the flat one.
    let own = flat.records[0].text.clone();
    let now = [("x.example", own.as_str()), ("y.example", "v=spf1 ip4:203.0.113.0/24 -all")];
    let renewed = ask(&mut zone(&now), |zone| again(&flat, &Wish { now_s: 2_000, ..WISH }, zone)).unwrap();
    assert_eq!(renewed.records[0].text, "v=spf1 ip4:203.0.113.0/24 -all");
    assert_eq!((renewed.source, renewed.made_s), (flat.source, 2_000));
}

proptest::proptest! {
    #[test]
    fn any_record_is_explained_and_flattened(words in proptest::collection::vec("[-+~?]?(all|a|mx|ptr|include:[a-c].example|exists:%\\{i\\}.x|redirect=[a-c].example|exp=a.example|x=y|ip4:[0-9./]{1,12}|ip6:[0-9a-f:/]{1,12}|\\PC{0,6})", 0..10)) {
        let text = format!("v=spf1 {}", words.join(" "));
        let texts = ["x.example", "a.example", "b.example"].map(|name| (name, text.as_str()));
        let found = explained(&texts);
        let _ = budget(&found);
        if let Ok(flat) = flat(&texts, &WISH) {
            proptest::prop_assert!(flat.records.iter().all(|record| read(record.text.as_bytes()).is_ok()), "{flat:?}");
        }
    }
}
