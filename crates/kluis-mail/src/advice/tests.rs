//! Tests of the advice: each rule of the state machine, the lights, the numbers, the digest.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use kluis_model::{Lang, Text};
use proptest::prelude::*;

use super::*;
use crate::dmarc::{self, Policy};
use crate::report::{Category, Counts};
use crate::streams::{KeyUse, MailSetup, StreamKind};

const TODAY: i32 = 20_782;

fn counts(messages: u64, passed: u64, dkim: u64) -> Counts {
    Counts { messages, passed, dkim, ..Counts::default() }
}

fn series(days: core::ops::RangeInclusive<i32>, daily: Counts) -> Series {
    let mut series = Series::default();
    days.for_each(|ago| series.add(TODAY - ago, daily));
    series
}

fn stream(id: &str, kind: StreamKind, sent: Series) -> StreamSeen {
    let name = Text::new("eigen servers", "own servers");
    StreamSeen {
        id: id.to_owned(),
        kind,
        from: format!("{id}.shop.example"),
        senders: vec![sender(name, sent)],
        forwarded: Series::default(),
    }
}

fn sender(name: Text, series: Series) -> SenderSeen {
    SenderSeen { name, series, is_shared: false }
}

/// A domain for which every condition of the next step holds, for 40 days.
fn ready(record: &str) -> DomainSeen {
    DomainSeen {
        domain: "shop.example".to_owned(),
        published: Published::Own(Box::new(dmarc::read(record.as_bytes()).unwrap())),
        since: Some(TODAY - 40),
        today: TODAY,
        streams: vec![
            stream("winkel", StreamKind::Shop, series(1..=38, counts(40, 40, 40))),
            stream("nieuws", StreamKind::Newsletter, series(1..=38, counts(30, 30, 30))),
        ],
        unresolved: Vec::new(),
        reporters: 4,
        report_address: Some("dmarc@rapport.shop.example".to_owned()),
    }
}

fn record(step: PolicyStep) -> String {
    record_text(None, step, Some("dmarc@rapport.shop.example"))
}

#[track_caller]
fn check(
    seen: &DomainSeen,
    next: Option<(NextKind, PolicyStep)>,
    blockers: &[Criterion],
    light: Light,
) -> Advice {
    let advice = advise(seen);
    let found: Vec<Criterion> = advice.blockers.iter().map(|blocker| blocker.criterion).collect();
    assert_eq!(found, blockers, "{advice:#?}");
    assert_eq!(advice.next.as_ref().map(|next| (next.kind, next.step)), next, "{advice:#?}");
    assert_eq!(advice.light, light, "{advice:#?}");
    if let Some(next) = &advice.next {
        assert_eq!((next.name.as_str(), next.record_type.as_str()), ("_dmarc.shop.example", "TXT"));
        let read = dmarc::read(next.value.as_bytes()).unwrap();
        assert_eq!(PolicyStep::of(read.own(), read.is_test), next.step);
        assert!(read.remarks.is_empty() && !read.aggregate.is_empty(), "{}", next.value);
    }
    let texts = advice.blockers.iter().map(|blocker| &blocker.text).chain(&advice.evidence);
    for text in texts.chain([&advice.summary]).chain(advice.next.iter().map(|next| &next.text)) {
        assert!(!text.nl.is_empty() && !text.en.is_empty() && text.nl != text.en, "{text:?}");
    }
    advice
}

#[test]
fn every_step_follows_when_all_holds() {
    for step in PolicyStep::ALL {
        let advice = ready(&record(step));
        match step.next() {
            Some(next) => {
                let kind = if next.is_test() { NextKind::Rehearse } else { NextKind::StepUp };
                check(&advice, Some((kind, next)), &[], Light::Amber);
            }
            None => {
                let advice = check(&advice, None, &[], Light::Green);
                assert_eq!(advice.summary.nl, "shop.example is beschermd (p=reject).");
            }
        }
    }
}

/// One criterion missing alone blocks, with its text.
#[test]
fn each_criterion_alone_blocks() {
    type Change = fn(&mut DomainSeen);
    let cases: &[(&str, Change, Criterion, Light, &str, &str)] = &[
        (
            "too short at this step",
            |seen| seen.since = Some(TODAY - 20),
            Criterion::Days,
            Light::Amber,
            "Nog 11 dagen met rapporten nodig bij p=none (19 van 30).",
            "11 days more with reports are needed at p=none (19 of 30).",
        ),
        (
            "a stream was never seen",
            |seen| seen.streams[1].senders.clear(),
            Criterion::Seen,
            Light::Amber,
            "Stroom nieuws (nieuws.shop.example) is nog niet in rapporten gezien; verstuur er iets mee, of haal hem uit mail.toml.",
            "Stream nieuws (nieuws.shop.example) was not seen in reports yet; send something by it, or take it out of mail.toml.",
        ),
        (
            "a stream signs too little",
            |seen| {
                seen.streams[1].senders =
                    vec![sender(Text::new("Spotler", "Spotler"), series(1..=38, counts(30, 30, 29)))]
            },
            Criterion::Signed,
            Light::Amber,
            "Stroom nieuws: 96,6 % draagt een DKIM-handtekening van uw domein, 99,5 % is nodig (Spotler: 30 zonder).",
            "Stream nieuws: 96.6% carries a DKIM signature of your domain, 99.5% is needed (Spotler: 30 without).",
        ),
        (
            "somebody unknown sends too",
            |seen| {
                let name = Text::new("Mailchimp", "Mailchimp");
                seen.unresolved.push(Unresolved { name, series: series(3..=3, counts(3, 0, 0)) });
            },
            Criterion::Explained,
            Light::Amber,
            "3 berichten van afzenders die u niet heeft opgegeven: Mailchimp. Zet ze in mail.toml, of zeg dat ze niet van u zijn.",
            "3 messages of senders that you did not declare: Mailchimp. Put them into mail.toml, or say that they are not yours.",
        ),
        (
            "two reporters",
            |seen| seen.reporters = 2,
            Criterion::Reporters,
            Light::Amber,
            "Rapporten komen nu van 2 ontvangers; wacht tot het er 3 zijn.",
            "Reports come from 2 receivers now; wait until there are 3.",
        ),
        (
            "reports stopped",
            |seen| {
                seen.since = Some(TODAY - 90);
                for stream in &mut seen.streams {
                    stream.senders[0].series = series(9..=80, counts(40, 40, 40));
                }
            },
            Criterion::Fresh,
            Light::Amber,
            "Sinds 2026-11-16 kwam er geen rapport meer binnen; kijk of het rapportadres nog werkt.",
            "No report came in since 2026-11-16; see whether the report address still works.",
        ),
    ];
    for (what, change, criterion, light, nl, en) in cases {
        let mut seen = ready(&record(PolicyStep::None));
        change(&mut seen);
        let advice = check(&seen, None, &[*criterion], *light);
        assert_eq!(
            (advice.blockers[0].text.nl.as_str(), advice.blockers[0].text.en.as_str()),
            (*nl, *en),
            "{what}"
        );
    }
}

#[test]
fn few_unknown_messages_and_a_share_of_exactly_995_do_not_block() {
    let mut seen = ready(&record(PolicyStep::None));
    // 30 days of 70 messages are 2,100: two unknown ones are less than 0.1 %.
    let name = Text::new("onbekend netwerk", "unknown network");
    seen.unresolved.push(Unresolved { name, series: series(3..=3, counts(2, 0, 0)) });
    check(&seen, Some((NextKind::Rehearse, PolicyStep::TestQuarantine)), &[], Light::Amber);
    seen.streams[0].senders[0].series = series(1..=38, counts(1_000, 1_000, 995));
    check(&seen, Some((NextKind::Rehearse, PolicyStep::TestQuarantine)), &[], Light::Amber);
    seen.streams[0].senders[0].series = series(1..=38, counts(1_000, 1_000, 994));
    check(&seen, None, &[Criterion::Signed], Light::Amber);
}

#[test]
fn a_rehearsal_takes_a_week_and_waiting_is_green_once_there_is_a_policy() {
    let mut seen = ready(&record(PolicyStep::TestQuarantine));
    seen.since = Some(TODAY - 8);
    check(&seen, Some((NextKind::StepUp, PolicyStep::Quarantine)), &[], Light::Amber);
    seen.since = Some(TODAY - 5);
    check(&seen, None, &[Criterion::Days], Light::Green);
    let mut seen = ready(&record(PolicyStep::None));
    seen.since = None;
    let advice = check(&seen, None, &[Criterion::Days, Criterion::Seen, Criterion::Seen], Light::Amber);
    assert_eq!(advice.stage, Some(PolicyStep::None));
}

#[test]
fn reject_needs_a_signature_on_every_message_and_no_people() {
    let mut seen = ready(&record(PolicyStep::Quarantine));
    seen.streams[0].senders[0].series.add(TODAY - 2, counts(1, 1, 0));
    let advice = check(&seen, None, &[Criterion::AlwaysSigned], Light::Amber);
    assert_eq!(
        advice.blockers[0].text.nl,
        "Stroom winkel: 1 bericht zonder DKIM-handtekening van uw domein (eigen servers); voor p=reject moet elk bericht \
         er een dragen."
    );
    // To quarantine it may go all the same.
    seen.published = ready(&record(PolicyStep::TestQuarantine)).published;
    check(&seen, Some((NextKind::StepUp, PolicyStep::Quarantine)), &[], Light::Amber);
    let mut seen = ready(&record(PolicyStep::Quarantine));
    seen.streams.push(stream("kantoor", StreamKind::Office, series(1..=38, counts(9, 9, 9))));
    let advice = check(&seen, None, &[], Light::Green);
    assert_eq!(advice.goal, PolicyStep::Quarantine);
    assert!(
        advice
            .evidence
            .iter()
            .any(|text| text.nl.contains("blijft op p=quarantine") && text.nl.contains("§7.4"))
    );
    seen.published = ready(&record(PolicyStep::Reject)).published;
    let advice = check(&seen, None, &[Criterion::NoPeople], Light::Amber);
    assert_eq!(advice.blockers[0].stream.as_deref(), Some("kantoor"));
    // A rehearsal of quarantine still ends at quarantine.
    seen.published = ready(&record(PolicyStep::TestQuarantine)).published;
    check(&seen, Some((NextKind::StepUp, PolicyStep::Quarantine)), &[], Light::Amber);
}

#[test]
fn domains_without_a_usable_record_get_one() {
    let mut seen = ready(&record(PolicyStep::None));
    seen.published = Published::Nothing;
    let advice = check(&seen, Some((NextKind::Publish, PolicyStep::None)), &[Criterion::Record], Light::Red);
    assert_eq!(advice.next.unwrap().value, "v=DMARC1; p=none; rua=mailto:dmarc@rapport.shop.example");
    for published in [Published::Several, Published::Unreadable] {
        seen.published = published;
        check(&seen, Some((NextKind::Repair, PolicyStep::None)), &[Criterion::Record], Light::Red);
    }
    seen.published = Published::Unanswered;
    check(&seen, None, &[Criterion::Dns], Light::Grey);
    seen.published = Published::Above { domain: "example".to_owned(), step: PolicyStep::Quarantine };
    check(&seen, Some((NextKind::OwnRecord, PolicyStep::Quarantine)), &[Criterion::Record], Light::Amber);
    // Without an address, nobody reports.
    let no_address = ready("v=DMARC1; p=none");
    check(&no_address, Some((NextKind::Repair, PolicyStep::None)), &[Criterion::Reports], Light::Amber);
    let nowhere = DomainSeen { report_address: None, ..no_address };
    assert_eq!(advise(&nowhere).next, None);
    // `pct` is a rehearsal of RFC 7489.
    let half = ready("v=DMARC1; p=quarantine; pct=20; rua=mailto:d@shop.example");
    check(&half, Some((NextKind::StepUp, PolicyStep::Quarantine)), &[], Light::Amber);
}

#[test]
fn a_domain_that_sends_nothing_waits_for_time_only() {
    let mut seen = ready(&record(PolicyStep::Quarantine));
    seen.streams.clear();
    seen.reporters = 0;
    check(&seen, Some((NextKind::Rehearse, PolicyStep::TestReject)), &[], Light::Amber);
    seen.since = Some(TODAY - 3);
    check(&seen, None, &[Criterion::Days], Light::Green);
    let name = Text::new("Mailchimp", "Mailchimp");
    seen.unresolved.push(Unresolved { name, series: series(0..=0, counts(1, 0, 0)) });
    check(&seen, None, &[Criterion::Days, Criterion::Explained], Light::Amber);
}

#[test]
fn mail_that_fails_takes_the_policy_back() {
    for (step, back) in [
        (PolicyStep::TestQuarantine, PolicyStep::None),
        (PolicyStep::Quarantine, PolicyStep::None),
        (PolicyStep::TestReject, PolicyStep::Quarantine),
        (PolicyStep::Reject, PolicyStep::Quarantine),
    ] {
        let mut seen = ready(&record(step));
        seen.streams[1].senders[0].series.add(TODAY - 1, counts(20, 0, 0));
        let advice = check(&seen, Some((NextKind::StepBack, back)), &[], Light::Red);
        assert!(
            advice.summary.nl.starts_with("Van stroom nieuws mislukten 20 van de 200 berichten"),
            "{:?}",
            advice.summary
        );
        assert!(
            advice.summary.en.contains("20 of 200 messages of the last 7 days failed"),
            "{:?}",
            advice.summary
        );
        // On the day after, the same data does not take it back again.
        seen.published = ready(&record(back)).published;
        for since in [Some(TODAY), None] {
            seen.since = since;
            assert_ne!(advise(&seen).next.map(|next| next.kind), Some(NextKind::StepBack));
        }
    }
    // At `p=none` nothing is lost; few messages say nothing; an old failure is forgotten.
    let mut seen = ready(&record(PolicyStep::None));
    seen.streams[1].senders[0].series.add(TODAY - 1, counts(20, 0, 0));
    check(&seen, None, &[Criterion::Signed], Light::Amber);
    let mut seen = ready(&record(PolicyStep::Reject));
    seen.streams[1].senders[0].series = series(1..=2, counts(9, 0, 0));
    check(&seen, None, &[], Light::Green);
    seen.streams[1].senders[0].series = series(10..=12, counts(90, 0, 0));
    check(&seen, None, &[], Light::Green);
    // By a provider that many use, somebody else may send: that talks nobody out of a policy while own mail passes.
    let mut seen = ready(&record(PolicyStep::Quarantine));
    seen.streams[1].senders[0].series = series(1..=6, counts(90, 10, 10));
    seen.streams[1].senders[0].is_shared = true;
    check(&seen, None, &[Criterion::Signed], Light::Amber);
    seen.streams[1].senders[0].series = series(1..=6, counts(90, 0, 0));
    check(&seen, Some((NextKind::StepBack, PolicyStep::None)), &[], Light::Red);
    // With `p=reject`, SPF alone is not enough.
    let mut seen = ready(&record(PolicyStep::Reject));
    seen.streams[1].senders[0].series = series(1..=6, counts(90, 90, 0));
    let advice = check(&seen, Some((NextKind::StepBack, PolicyStep::Quarantine)), &[], Light::Red);
    assert!(advice.summary.nl.contains("uw DKIM-handtekening"), "{:?}", advice.summary);
}

#[test]
fn lights_of_streams() {
    let light = |sent: Series, gone: &[KeyUse], is_covered| {
        let found = stream_light(&stream("nieuws", StreamKind::Newsletter, sent), TODAY, gone, is_covered);
        assert!(found.reasons.iter().all(|text| text.nl != text.en) && !found.reasons.is_empty());
        (found.light, found.dkim_per_mille, found.reasons.len())
    };
    let good = series(0..=9, counts(10, 10, 10));
    let key = KeyUse { domain: "shop.example".to_owned(), selector: "k1".to_owned() };
    assert_eq!(light(good.clone(), &[], Some(true)), (Light::Green, Some(1_000), 1));
    assert_eq!(light(good.clone(), &[], None).0, Light::Green);
    assert_eq!(light(good.clone(), &[], Some(false)), (Light::Amber, Some(1_000), 1));
    assert_eq!(light(good, std::slice::from_ref(&key), Some(false)), (Light::Red, Some(1_000), 2));
    assert_eq!(light(Series::default(), &[], Some(true)), (Light::Grey, None, 1));
    assert_eq!(light(series(31..=60, counts(10, 10, 10)), &[], None), (Light::Grey, None, 1));
    assert_eq!(light(series(0..=9, counts(100, 99, 99)), &[], None), (Light::Amber, Some(990), 1));
    assert_eq!(light(series(0..=9, counts(100, 100, 90)), &[], None), (Light::Amber, Some(900), 1));
    assert_eq!(light(series(0..=9, counts(12, 0, 0)), &[], None), (Light::Red, Some(0), 1));
}

#[test]
fn a_stream_that_came_by_unnamed_servers_only_is_not_called_unseen() {
    let mut seen = ready(&record(PolicyStep::None));
    let sent = core::mem::take(&mut seen.streams[1].senders[0].series);
    let light = |stream: &StreamSeen| stream_light(stream, TODAY, &[], Some(true));
    assert!(light(&seen.streams[1]).reasons[0].nl.starts_with("Nog geen rapporten"));
    assert!(advise(&seen).blockers[0].text.nl.contains("nog niet in rapporten gezien"));
    seen.streams[1].forwarded = sent;
    let found = light(&seen.streams[1]);
    assert_eq!((found.light, found.counts.messages), (Light::Grey, 0));
    assert!(
        found.reasons[0].nl.starts_with("Alleen gezien van servers die u niet noemde"),
        "{:?}",
        found.reasons
    );
    let advice = advise(&seen);
    assert_eq!(advice.blockers[0].criterion, Criterion::Seen);
    assert!(advice.blockers[0].text.nl.contains("900 berichten"), "{:?}", advice.blockers[0].text);
    assert!(
        advice.evidence.iter().any(|text| text.nl.starts_with("nieuws: 900 berichten, alleen van servers"))
    );
}

fn setup() -> MailSetup {
    let text = r#"
version = 1
domain = "shop.example"
report_address = "dmarc@rapport.shop.example"
[[stream]]
id = "winkel"
kind = "shop"
from = "shop.example"
relay = true
[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.shop.example"
services = ["spotler"]
"#;
    MailSetup::read(text).unwrap()
}

fn source(
    stream: Option<&str>,
    category: Category,
    sender: Option<&str>,
    network: Option<&str>,
    sent: Series,
) -> SourceSeries {
    SourceSeries {
        stream: stream.map(str::to_owned),
        category,
        sender: sender.map(str::to_owned),
        network: network.map(str::to_owned),
        series: sent,
    }
}

#[test]
fn sources_are_ascribed_to_streams_and_records() {
    let daily = counts(10, 10, 10);
    let sources = [
        source(Some("winkel"), Category::Own, None, Some("192.0.2.0/24"), series(0..=9, daily)),
        source(Some("nieuws"), Category::Service, Some("spotler"), None, series(0..=9, daily)),
        source(Some("nieuws"), Category::Service, Some("mailchimp"), None, series(0..=0, daily)),
        source(Some("winkel"), Category::Forwarder, None, None, series(0..=9, daily)),
        source(Some("winkel"), Category::Misuse, None, None, series(0..=9, daily)),
        source(None, Category::Unknown, None, Some("198.51.100.0/24"), series(0..=2, daily)),
        source(None, Category::Unknown, None, Some("203.0.113.0/24"), series(0..=5, daily)),
    ];
    let own = ready(&record(PolicyStep::None)).published;
    let above = Published::Above { domain: "shop.example".to_owned(), step: PolicyStep::None };
    let mut known = Governed {
        published: BTreeMap::from([
            ("shop.example".to_owned(), (own.clone(), Some(TODAY - 40))),
            ("nieuws.shop.example".to_owned(), (own, None)),
        ]),
        reporters: BTreeMap::from([("shop.example".to_owned(), 3)]),
        ..Governed::default()
    };
    let of = |known: &Governed| {
        let seen = gather(&setup(), &sources, known, TODAY);
        let short = |seen: &DomainSeen| {
            let streams: Vec<(String, u64)> = seen
                .streams
                .iter()
                .map(|stream| (stream.id.clone(), stream.all().between(0, TODAY).messages))
                .collect();
            let unresolved: Vec<String> =
                seen.unresolved.iter().map(|sender| sender.name.nl.clone()).collect();
            (seen.domain.clone(), seen.reporters, streams, unresolved)
        };
        seen.iter().map(short).collect::<Vec<_>>()
    };
    let (shop, news) = ("shop.example".to_owned(), "nieuws.shop.example".to_owned());
    let (winkel, nieuws) = (("winkel".to_owned(), 100), ("nieuws".to_owned(), 100));
    // Three days of an unknown network are a wave of misuse; six are somebody.
    let network = "onbekend netwerk 203.0.113.0/24".to_owned();
    assert_eq!(
        of(&known),
        [
            (shop.clone(), 3, vec![winkel.clone()], vec![network.clone()]),
            (news.clone(), 0, vec![nieuws.clone()], vec!["Mailchimp".to_owned()]),
        ]
    );
    // Without a record of its own, the newsletter counts for the record above it.
    known.published.insert(news.clone(), (above, None));
    known.not_ours.insert("unknown-203.0.113.0/24".to_owned());
    assert_eq!(
        of(&known),
        [
            (shop, 3, vec![winkel, nieuws.clone()], vec!["Mailchimp".to_owned()]),
            (news, 0, vec![nieuws], vec!["Mailchimp".to_owned()]),
        ]
    );
}

#[test]
fn a_replay_in_words() {
    let sources = [
        source(Some("winkel"), Category::Own, None, None, series(0..=9, counts(120, 120, 120))),
        source(Some("nieuws"), Category::Service, Some("spotler"), None, series(3..=3, counts(12, 0, 0))),
        source(None, Category::Misuse, None, None, series(0..=9, counts(100, 0, 0))),
        source(
            Some("winkel"),
            Category::Unknown,
            None,
            Some("203.0.113.0/24"),
            series(0..=0, counts(1, 0, 0)),
        ),
    ];
    let mut sum = impact();
    sources.iter().for_each(|source| sum.add_source(source, TODAY - 29, TODAY));
    let lines = sum.lines(&setup());
    let text = sentence(&lines, &setup());
    assert_eq!(
        text.nl,
        "0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM ontbreekt), 1 bericht van onbekenden (onbekend netwerk \
         203.0.113.0/24, DKIM ontbreekt); 1.000 vervalste berichten tegengehouden"
    );
    assert_eq!(
        text.en,
        "0 order messages, 12 newsletters (Spotler, DKIM is missing), 1 message of unknown senders (unknown network \
         203.0.113.0/24, DKIM is missing); 1,000 forged messages stopped"
    );
    assert_eq!((lines[0].category, sum.messages()), (Category::Misuse, 2_213));
}

#[test]
fn a_digest_only_when_something_must_be_done() {
    let quiet = advise(&ready(&record(PolicyStep::Reject)));
    assert_eq!(digest(&Due { advices: std::slice::from_ref(&quiet), ..Due::default() }), None);
    let mut failing = ready(&record(PolicyStep::Reject));
    failing.streams[1].senders[0].series.add(TODAY - 1, counts(20, 0, 0));
    let advices = [quiet, advise(&failing)];
    let key = KeyUse { domain: "shop.example".to_owned(), selector: "k1".to_owned() };
    let budget = SpfBudget {
        domain: "shop.example".to_owned(),
        records: vec!["v=spf1 -all".to_owned()],
        lookups: 9,
        lookups_max: 10,
        voids: 0,
        includes: Vec::new(),
        v4_addresses: 0,
        light: Light::Amber,
    };
    let due = Due { advices: &advices, budgets: &[budget], gone: &[key], ..Due::default() };
    let found = digest(&due).unwrap();
    let lights: Vec<Light> = found.items.iter().map(|item| item.light).collect();
    assert_eq!(lights, [Light::Red, Light::Red, Light::Amber]);
    assert!(found.is_same(&found.items) && !found.is_same(&found.items[1..]));
    assert_eq!(found.subject("shop.example").nl, "Mail van shop.example: 3 punten vragen uw aandacht");
    let body = found.body(Lang::Nl);
    assert!(
        body.starts_with("1. [dringend] De DKIM-sleutel k1._domainkey.shop.example staat niet in de DNS.\n"),
        "{body}"
    );
    assert!(body.contains("   _dmarc.shop.example TXT\n   v=DMARC1; p=quarantine; rua="), "{body}");
    assert!(!body.chars().any(|c| c.is_control() && c != '\n'));
    assert_ne!(body, found.body(Lang::En));
}

fn any_domain() -> impl Strategy<Value = DomainSeen> {
    let day = (0_u64..200, 0_u64..=1_000, 0_u64..=1_000);
    let stream = (0_usize..3, prop::collection::vec(day, 0..45));
    (
        0_usize..5,
        prop::option::of(0_i32..60),
        prop::collection::vec(stream, 0..4),
        0_u32..6,
        prop::collection::vec(0_u64..5, 0..3),
    )
        .prop_map(|(step, since, streams, reporters, unknown)| {
            let kinds = [StreamKind::Shop, StreamKind::Newsletter, StreamKind::Office];
            let streams = streams.into_iter().enumerate().map(|(at, (kind, days))| {
                let mut sent = Series::default();
                for (ago, (messages, passed, dkim)) in days.into_iter().enumerate() {
                    let part = |per_mille: u64| messages * per_mille / 1_000;
                    let ago = i32::try_from(ago).unwrap();
                    sent.add(TODAY - ago, counts(messages, part(passed.max(dkim)), part(dkim)));
                }
                super::tests::stream(&format!("s{at}"), kinds[kind], sent)
            });
            let unresolved = unknown.into_iter().map(|messages| Unresolved {
                name: Text::new("onbekend", "unknown"),
                series: series(2..=2, counts(messages, 0, 0)),
            });
            DomainSeen {
                since: since.map(|ago| TODAY - ago),
                streams: streams.collect(),
                unresolved: unresolved.collect(),
                reporters,
                ..ready(&record(PolicyStep::ALL[step]))
            }
        })
}

proptest! {
    #[test]
    fn advice_is_careful(seen in any_domain()) {
        let advice = advise(&seen);
        let stage = advice.stage.unwrap();
        if let Some(next) = &advice.next {
            // Never two steps at once.
            prop_assert!(Some(next.step) == stage.next() || Some(next.step) == stage.back(), "{:?}", next);
            if next.step > stage {
                prop_assert!(advice.blockers.is_empty());
                prop_assert!(next.step.policy() <= advice.goal.policy());
                prop_assert!(seen.reporters >= REPORTERS_MIN || seen.streams.is_empty());
                let begin = (seen.since.unwrap_or(TODAY) + 1).max(TODAY - 30);
                for stream in &seen.streams {
                    let counts = stream.all().between(begin, TODAY);
                    prop_assert!(counts.messages > 0);
                    if next.step.policy() == Policy::Reject {
                        // Never reject while mail goes without an aligned signature, or people write.
                        prop_assert!(counts.dkim == counts.messages && stream.kind != StreamKind::Office);
                    }
                }
            } else {
                // Going back is done once: the same data does not take it further.
                let after = dmarc::read(next.value.as_bytes()).unwrap();
                let then = DomainSeen { published: Published::Own(Box::new(after)), since: Some(TODAY), ..seen.clone() };
                let again = advise(&then);
                prop_assert_eq!(again.stage, Some(next.step));
                prop_assert!(again.next.is_none_or(|next| next.kind != NextKind::StepBack));
            }
        }
        prop_assert_eq!(advise(&seen).light, advice.light);
    }
}
