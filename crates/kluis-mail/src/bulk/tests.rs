//! Every rule fires on a message that breaks it, and not on one that keeps all of them.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::collections::{BTreeSet, HashMap};

use kluis_crypto::SystemRandom;
use kluis_crypto::mail::{MailKeyKind, MailPrivateKey};

use super::*;
use crate::dkim::{self, Reason, Signer, key};
use crate::dns::{Answer, Question, RecordKind};
use crate::message::{Message, with_crlf};

const NOW_S: u64 = 1_795_000_000;
/// Lines that the receiver put above the message.
const TOP: &str = "Return-Path: <b-12@mail.shop.example>\n\
    Received-SPF: pass (mx.example: allowed) client-ip=192.0.2.25; envelope-from=\"b-12@mail.shop.example\"\n\
    Received: from mta.shop.example (mta.shop.example [192.0.2.25]) by mx.example with ESMTPS id 1\n";
const MESSAGE: &str = "From: Winkel <nieuws@shop.example>\nTo: klant@post.example\nSubject: Aanbieding\n\
    Date: Tue, 24 Nov 2026 12:00:00 +0100\nMessage-ID: <1@shop.example>\n\
    List-Unsubscribe: <https://shop.example/uit/4f8a91c2d7>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\
    Content-Type: text/html; charset=utf-8\n\n<p>Vandaag korting.</p><a href=\"https://shop.example/u\">Uitschrijven</a>\n";

type Zone = HashMap<Question, Answer>;

fn zone(record: &str) -> Zone {
    let txt = |text: &str| Answer::Txt(vec![text.as_bytes().to_vec()]);
    let mut zone = Zone::new();
    for (name, kind, answer) in [
        ("s1._domainkey.shop.example", RecordKind::Txt, txt(record)),
        ("mail.shop.example", RecordKind::Txt, txt("v=spf1 ip4:192.0.2.0/24 -all")),
        ("_dmarc.shop.example", RecordKind::Txt, txt("v=DMARC1; p=none")),
        ("25.2.0.192.in-addr.arpa", RecordKind::Ptr, Answer::Ptr(vec!["mta.shop.example.".to_owned()])),
        ("mta.shop.example", RecordKind::A, Answer::A(vec!["192.0.2.25".parse().unwrap()])),
        ("shop.example", RecordKind::Mx, Answer::Mx(vec![(10, "mx.shop.example".to_owned())])),
    ] {
        zone.insert(Question::new(name, kind), answer);
    }
    zone
}

/// Signs the message, puts the receiver's lines above it, and looks; what the zone does not hold does not exist.
fn look(top: &str, message: &str, change: impl Fn(&mut Zone)) -> Facts {
    let key = MailPrivateKey::generate(MailKeyKind::Ed25519, &SystemRandom).unwrap();
    let mut zone = zone(&key::record(&key).unwrap());
    change(&mut zone);
    let message = with_crlf(message.as_bytes()).into_owned();
    let signer =
        Signer { domain: "shop.example", selector: "s1", key: &key, identity: None, lifetime_s: None };
    // A message without a sender cannot be signed; it is looked at without.
    let signature = dkim::sign(&Message::read(&message).unwrap(), &[signer], NOW_S).unwrap_or_default();
    let whole = [&with_crlf(top.as_bytes())[..], &signature, &message].concat();
    let message = Message::read(&whole).unwrap();
    let rest = (Purpose::Newsletter, &Envelope::default(), NOW_S as i64);
    loop {
        match collect(&message, &whole, rest, Some(&zone)) {
            Ok(facts) => return facts,
            Err(questions) => {
                for question in questions {
                    assert!(zone.insert(question, Answer::NoSuchName).is_none());
                }
            }
        }
    }
}

fn broken(facts: &Facts) -> BTreeSet<&'static str> {
    judge(facts).into_iter().filter(|(_, judged)| judged.mark == Mark::Bad).map(|(rule, _)| rule.id).collect()
}

#[test]
fn a_message_that_keeps_all_rules_breaks_none() {
    let facts = look(TOP, MESSAGE, |_| {});
    for (rule, judged) in judge(&facts) {
        assert_eq!(judged.mark, Mark::Good, "{}: {judged:?} {facts:#?}", rule.id);
    }
}

#[test]
fn every_rule_fires_on_what_breaks_it() {
    let without = |line: &str| {
        let kept: Vec<&str> =
            MESSAGE.split_inclusive('\n').filter(|found| !found.starts_with(line)).collect();
        kept.concat()
    };
    let gone = |name: &'static str, kind| {
        move |zone: &mut Zone| {
            zone.remove(&Question::new(name, kind));
        }
    };
    let (txt, ptr, mx) = (RecordKind::Txt, RecordKind::Ptr, RecordKind::Mx);
    let elsewhere = |zone: &mut Zone| {
        let other = Answer::A(vec!["192.0.2.99".parse().unwrap()]);
        zone.insert(Question::new("mta.shop.example", RecordKind::A), other);
    };
    let plain = TOP.replace("ESMTPS", "ESMTP");
    let link = |link: &str| MESSAGE.replace("https://shop.example/uit/4f8a91c2d7", link);
    let mut fired = BTreeSet::new();
    for (rule, facts) in [
        ("from-one", look(TOP, &without("From"), |_| {})),
        ("from-one", look(TOP, &format!("From: x@y.example\n{MESSAGE}"), |_| {})),
        ("from-one", look(TOP, &MESSAGE.replace("<nieuws@shop.example>", "nieuws"), |_| {})),
        ("from-own-domain", look(TOP, &MESSAGE.replace("nieuws@shop.example", "shop@gmail.com"), |_| {})),
        ("dkim", look(TOP, MESSAGE, gone("s1._domainkey.shop.example", txt))),
        ("spf", look(&TOP.replace("192.0.2.25", "198.51.100.1"), MESSAGE, |_| {})),
        ("spf", look(TOP, MESSAGE, gone("mail.shop.example", txt))),
        ("dmarc-record", look(TOP, MESSAGE, gone("_dmarc.shop.example", txt))),
        ("dmarc-aligned", look(TOP, &MESSAGE.replace("nieuws@shop.example", "nieuws@other.example"), |_| {})),
        ("reverse-dns", look(TOP, MESSAGE, gone("25.2.0.192.in-addr.arpa", ptr))),
        ("reverse-dns", look(TOP, MESSAGE, elsewhere)),
        ("tls", look(&plain, MESSAGE, |_| {})),
        ("from-receives", look(TOP, MESSAGE, gone("shop.example", mx))),
        (
            "from-receives",
            look(TOP, MESSAGE, |zone| {
                zone.insert(Question::new("shop.example", mx), Answer::Mx(vec![(0, String::new())]));
            }),
        ),
        ("fields-once", look(TOP, &format!("Subject: Nog een\n{MESSAGE}"), |_| {})),
        ("fields-there", look(TOP, &without("Date"), |_| {})),
        ("fields-there", look(TOP, &MESSAGE.replace("<1@shop.example>", "1"), |_| {})),
        ("fields-there", look(TOP, &MESSAGE.replace("24 Nov 2026", "2026-11-24"), |_| {})),
        ("header-ascii", look(TOP, &MESSAGE.replace("Aanbieding", "Café"), |_| {})),
        ("line-length", look(TOP, &format!("{MESSAGE}{}\n", "x".repeat(999)), |_| {})),
        ("unsubscribe", look(TOP, &without("List-Unsubscribe:"), |_| {})),
        ("unsubscribe-one-click", look(TOP, &without("List-Unsubscribe-Post"), |_| {})),
        ("unsubscribe-one-click", look(TOP, &link("http://shop.example/uit/4f8a91c2d7"), |_| {})),
        (
            "unsubscribe-signed",
            look(
                &format!("{TOP}List-Unsubscribe: <https://x.example/1>\n"),
                &without("List-Unsubscribe:"),
                |zone| {
                    zone.remove(&Question::new("s1._domainkey.shop.example", txt));
                },
            ),
        ),
        ("unsubscribe-private", look(TOP, &link("https://shop.example/uit?e=klant@post.example"), |_| {})),
        ("unsubscribe-private", look(TOP, &link("https://shop.example/uit"), |_| {})),
        ("unsubscribe-visible", look(TOP, &MESSAGE.replace("Uitschrijven", "Dag"), |_| {})),
        ("dkim-key", {
            let mut facts = look(TOP, MESSAGE, |_| {});
            let check = &mut facts.dkim.as_mut().unwrap().checks[0];
            (check.result, check.reason, check.key) =
                (dkim::DkimResult::PermError, Some(Reason::SmallKey { bits: 512 }), None);
            facts
        }),
    ] {
        assert!(broken(&facts).contains(rule), "{rule} {:?}", broken(&facts));
        fired.insert(rule);
    }
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!((fired, RULES.len()), (all.clone(), all.len()), "a rule that no message breaks");
}

#[test]
fn what_a_message_does_not_show_is_unknown_and_order_mail_needs_no_unsubscribing() {
    let bytes = with_crlf(MESSAGE.as_bytes()).into_owned();
    let message = Message::read(&bytes).unwrap();
    let rest = (Purpose::Order, &Envelope::default(), 0);
    let facts = collect(&message, &bytes, rest, None::<&Zone>).unwrap();
    for (rule, judged) in judge(&facts) {
        let wanted = match rule.id {
            "dkim" | "dkim-key" | "spf" | "dmarc-record" | "dmarc-aligned" | "reverse-dns" | "tls"
            | "from-receives" => Mark::Unknown,
            _ if rule.is_for_newsletters => Mark::NotNeeded,
            _ => Mark::Good,
        };
        assert_eq!(judged.mark, wanted, "{}", rule.id);
    }
}

#[test]
fn a_dns_that_fails_breaks_no_rule() {
    let facts = look(TOP, MESSAGE, |zone| {
        for (question, answer) in zone.iter_mut() {
            if question.name != "shop.example" || question.kind == RecordKind::Txt {
                *answer = Answer::Failed;
            }
        }
    });
    assert!(broken(&facts).is_empty(), "{:?}", broken(&facts));
}

#[test]
fn who_delivered_it_is_read_from_what_the_receiver_wrote() {
    let client = |top: &str| look(top, MESSAGE, |_| {}).client.map(|client| client.to_string());
    let by = "by mx.example with ESMTPS id 1\n";
    for (top, wanted) in [
        ("", None),
        ("Received: by 10.1.2.3 with SMTP id 1\n", None),
        (
            &format!("Received: from a (a [10.0.0.1]) {by}Received: from b (b [198.51.100.7]) {by}"),
            Some("198.51.100.7"),
        ),
        (&format!("Received: from b (b [IPv6:2001:db8::7]) {by}"), Some("2001:db8::7")),
        (&format!("Received: from [192.0.2.300] (nonsense [x]) {by}"), None),
        ("Received-SPF: Pass (x) receiver=r; client-ip=\"2001:db8::9\"; helo=h\n", Some("2001:db8::9")),
        ("Received-SPF: pass client-ip=nonsense\n", None),
    ] {
        assert_eq!(client(top).as_deref(), wanted, "{top}");
    }
}

#[test]
fn the_text_is_found_in_parts_and_encodings() {
    let message = |kind: &str, body: &str| format!("Content-Type: {kind}\n\n{body}");
    let nested = message(
        "multipart/alternative; boundary=b",
        "--b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nAfmel=\nden\n--b--\n",
    );
    for (text, is_found) in [
        (nested, true),
        (
            "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nVWl0c2NocmlqdmVu\n".to_owned(),
            true,
        ),
        (message("text/plain", "dag"), false),
        (
            message(
                "multipart/mixed; boundary=b",
                &"--b\nContent-Type: multipart/mixed; boundary=b\n\n".repeat(500),
            ),
            false,
        ),
    ] {
        let whole = format!("{}{text}", MESSAGE.split("Content-Type").next().unwrap());
        let words = look("", &whole, |_| {}).words;
        assert_eq!(words == Words::Found, is_found, "{text}");
    }
    let image =
        format!("{}{}", MESSAGE.split("Content-Type").next().unwrap(), message("image/png", "uitschrijven"));
    assert_eq!(look("", &image, |_| {}).words, Words::NoText);
}
