//! The table of rules for who mails many customers: data, with a function each.

use super::facts::{Facts, From, Reverse, Words};
use super::{Judged, Mark, Receiver, Rule};
use crate::dkim::key::{KeyKind, RSA_BITS_ADVISED};
use crate::dmarc::Outcome;
use crate::spf::SpfResult;
use crate::unsubscribe::Problem;

const ALL: &[Receiver] = &Receiver::ALL;
const GMAIL_YAHOO: &[Receiver] = &[Receiver::Gmail, Receiver::Yahoo];
/// Bits under which no receiver believes an RSA key (RFC 8301 §3.2).
const RSA_BITS_MIN: u32 = 1024;
/// Domains of free mailboxes, where a shop has no say about SPF, DKIM and DMARC.
const FREE: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "yahoo.co.uk",
    "yahoo.de",
    "ymail.com",
    "aol.com",
    "outlook.com",
    "outlook.nl",
    "hotmail.com",
    "hotmail.nl",
    "live.com",
    "live.nl",
    "msn.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "gmx.net",
    "gmx.de",
    "web.de",
    "proton.me",
    "protonmail.com",
    "ziggo.nl",
    "kpnmail.nl",
    "planet.nl",
    "hetnet.nl",
    "home.nl",
    "xs4all.nl",
    "upcmail.nl",
    "casema.nl",
    "chello.nl",
    "quicknet.nl",
    "telfort.nl",
    "tele2.nl",
    "telenet.be",
    "skynet.be",
    "proximus.be",
];

const GOOGLE: &str = "Google, Email sender guidelines";
const GOOGLE_YAHOO: &str = "Google, Email sender guidelines; Yahoo, Sender Best Practices";
const THREE: &str = "Google, Email sender guidelines; Yahoo, Sender Best Practices; Microsoft, high-volume senders (May 2025)";

/// All rules, in the order in which a person should mend them.
pub const RULES: &[Rule] = &[
    Rule {
        id: "from-one",
        receivers: ALL,
        is_for_newsletters: false,
        source: "RFC 5322 §3.6.2; RFC 9989 §4",
        title: |lang| lang.pick("één afzender (From) met één domein", "one sender (From) with one domain"),
        todo: |lang| {
            lang.pick(
                "Laat uw software precies één From-regel met één adres schrijven.",
                "Have your software write exactly one From line with one address.",
            )
        },
        judge: |facts| match &facts.from {
            From::One(domain) => Judged::plain(Mark::Good, domain.clone()),
            From::Missing => Judged::new(Mark::Bad, "er is geen From", "there is no From"),
            From::Several => Judged::new(Mark::Bad, "er zijn er meer", "there are several"),
            From::Unreadable => Judged::new(Mark::Bad, "er staat geen adres in", "it holds no address"),
        },
    },
    Rule {
        id: "from-own-domain",
        receivers: ALL,
        is_for_newsletters: false,
        source: THREE,
        title: |lang| {
            lang.pick("de afzender is van een eigen domein", "the sender is of a domain of your own")
        },
        todo: |lang| {
            lang.pick(
                "Mail vanaf uw eigen domein: mail met een gratis adres als afzender wordt geweigerd.",
                "Mail from your own domain: mail with a free address as its sender is refused.",
            )
        },
        judge: |facts| match facts.author() {
            None => Judged::plain(Mark::Unknown, ""),
            Some(domain) if FREE.contains(&domain) => Judged::plain(Mark::Bad, domain),
            Some(_) => Judged::plain(Mark::Good, ""),
        },
    },
    Rule {
        id: "dkim",
        receivers: ALL,
        is_for_newsletters: false,
        source: THREE,
        title: |lang| {
            lang.pick(
                "ondertekend (DKIM) en de handtekening klopt",
                "signed (DKIM) and the signature is right",
            )
        },
        todo: |lang| {
            lang.pick(
            "Zet DKIM aan bij wie deze mail verstuurt; klantkluis mail verify zegt wat er mis is met een handtekening.",
            "Turn DKIM on where this mail is sent; klantkluis mail verify says what is wrong with a signature.",
        )
        },
        judge: dkim,
    },
    Rule {
        id: "dkim-key",
        receivers: ALL,
        is_for_newsletters: false,
        source: "Google, Email sender guidelines (1024 bits at least, 2048 advised); RFC 8301 §3.2",
        title: |lang| lang.pick("de sleutel is groot genoeg", "the key is large enough"),
        todo: |lang| {
            lang.pick(
                "Vervang de sleutel door een RSA-sleutel van 2048 bits.",
                "Replace the key by an RSA key of 2048 bits.",
            )
        },
        judge: dkim_key,
    },
    Rule {
        id: "spf",
        receivers: ALL,
        is_for_newsletters: false,
        source: THREE,
        title: |lang| lang.pick("de server mag dit versturen (SPF)", "the server may send this (SPF)"),
        todo: |lang| {
            lang.pick(
            "Zet de dienst die dit verstuurt in het SPF-record van het Return-Path-domein; klantkluis mail spf who zegt of een adres erin staat.",
            "Put the service that sends this in the SPF record of the Return-Path domain; klantkluis mail spf who says whether an address is in it.",
        )
        },
        judge: spf,
    },
    Rule {
        id: "dmarc-record",
        receivers: ALL,
        is_for_newsletters: false,
        source: THREE,
        title: |lang| lang.pick("het domein heeft een DMARC-record", "the domain has a DMARC record"),
        todo: |lang| {
            lang.pick(
                "Publiceer een DMARC-record; klantkluis mail plan schrijft het voor u uit.",
                "Publish a DMARC record; klantkluis mail plan writes it out for you.",
            )
        },
        judge: |facts| match facts.dmarc.as_deref() {
            None => Judged::plain(Mark::Unknown, ""),
            Some([now, _]) => match &now.found {
                Some(found) => {
                    Judged::plain(Mark::Good, format!("{}: p={}", found.domain, found.record.own().word()))
                }
                None => Judged::plain(Mark::Bad, ""),
            },
        },
    },
    Rule {
        id: "dmarc-aligned",
        receivers: ALL,
        is_for_newsletters: false,
        source: THREE,
        title: |lang| {
            lang.pick(
                "SPF of DKIM is van hetzelfde domein als de afzender",
                "SPF or DKIM is of the same domain as the sender",
            )
        },
        todo: |lang| {
            lang.pick(
                "Laat de dienst ondertekenen met uw eigen domein (d= uw domein) in plaats van het zijne.",
                "Have the service sign with your own domain (d= your domain) instead of its own.",
            )
        },
        judge: aligned,
    },
    Rule {
        id: "reverse-dns",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: GOOGLE_YAHOO,
        title: |lang| {
            lang.pick("de server heeft een naam die klopt (PTR)", "the server has a name that is right (PTR)")
        },
        todo: |lang| {
            lang.pick(
            "Vraag wie de server beheert om een PTR-record, en om een A-record met die naam dat naar hetzelfde adres wijst.",
            "Ask who runs the server for a PTR record, and for an A record of that name with the same address.",
        )
        },
        judge: |facts| match &facts.reverse {
            Some(Reverse::Good(name)) => Judged::plain(Mark::Good, name.clone()),
            Some(Reverse::Elsewhere(name)) => Judged::new(
                Mark::Bad,
                format!("{name} wijst naar een ander adres"),
                format!("{name} leads to another address"),
            ),
            Some(Reverse::Missing) => Judged::new(Mark::Bad, "geen naam", "no name"),
            Some(Reverse::Unknown) | None => Judged::plain(Mark::Unknown, ""),
        },
    },
    Rule {
        id: "tls",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: GOOGLE,
        title: |lang| {
            lang.pick(
                "afgeleverd over een versleutelde verbinding (TLS)",
                "delivered over an encrypted connection (TLS)",
            )
        },
        todo: |lang| {
            lang.pick(
                "Zet TLS aan voor uitgaande mail (in Postfix: smtp_tls_security_level = may).",
                "Turn TLS on for outgoing mail (in Postfix: smtp_tls_security_level = may).",
            )
        },
        judge: |facts| Judged::plain(Facts::mark(facts.is_tls), ""),
    },
    Rule {
        id: "from-receives",
        receivers: &[Receiver::Yahoo, Receiver::Microsoft],
        is_for_newsletters: false,
        source: "Microsoft, high-volume senders (May 2025); Yahoo, Sender Best Practices; RFC 7505",
        title: |lang| lang.pick("op de afzender kan geantwoord worden", "the sender can be answered"),
        todo: |lang| {
            lang.pick(
                "Geef het domein van de afzender een MX-record, of mail vanaf een domein dat er een heeft.",
                "Give the sender's domain an MX record, or mail from a domain that has one.",
            )
        },
        judge: |facts| Judged::plain(Facts::mark(facts.can_receive), ""),
    },
    Rule {
        id: "fields-once",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: "RFC 5322 §3.6; Google, Email sender guidelines",
        title: |lang| lang.pick("geen kopregel staat dubbel", "no header line stands twice"),
        todo: |lang| {
            lang.pick(
                "Laat uw software deze kopregels één keer schrijven.",
                "Have your software write these header lines once.",
            )
        },
        judge: |facts| list(&facts.doubled),
    },
    Rule {
        id: "fields-there",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: "RFC 5322 §3.6.1 and §3.6.4; Google, Email sender guidelines",
        title: |lang| {
            lang.pick("Date en Message-ID staan erin en kloppen", "Date and Message-ID are there and right")
        },
        todo: |lang| {
            lang.pick(
                "Laat uw software deze kopregels schrijven.",
                "Have your software write these header lines.",
            )
        },
        judge: |facts| list(&facts.missing),
    },
    Rule {
        id: "header-ascii",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: "RFC 5322 §2.2; RFC 2047",
        title: |lang| {
            lang.pick(
                "bijzondere letters in kopregels zijn gecodeerd",
                "special letters in header lines are encoded",
            )
        },
        todo: |lang| {
            lang.pick(
                "Laat uw software letters zoals é in kopregels coderen (RFC 2047).",
                "Have your software encode letters such as é in header lines (RFC 2047).",
            )
        },
        judge: |facts| match &facts.not_ascii {
            Some(name) => Judged::plain(Mark::Bad, name.clone()),
            None => Judged::plain(Mark::Good, ""),
        },
    },
    Rule {
        id: "line-length",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: false,
        source: "RFC 5322 §2.1.1",
        title: |lang| {
            lang.pick("geen regel is langer dan 998 tekens", "no line is longer than 998 characters")
        },
        todo: |lang| {
            lang.pick(
            "Laat uw software de tekst coderen als quoted-printable; een te lange regel wordt onderweg gebroken en dan klopt DKIM niet meer.",
            "Have your software encode the text as quoted-printable; a line that is too long is broken on the way, and then DKIM is wrong.",
        )
        },
        judge: |facts| match facts.long_line {
            Some(bytes) => Judged::plain(Mark::Bad, bytes.to_string()),
            None => Judged::plain(Mark::Good, ""),
        },
    },
    Rule {
        id: "unsubscribe",
        receivers: ALL,
        is_for_newsletters: true,
        source: THREE,
        title: |lang| {
            lang.pick(
                "uitschrijven kan vanuit het mailprogramma (List-Unsubscribe)",
                "unsubscribing works from the mail program (List-Unsubscribe)",
            )
        },
        todo: |lang| {
            lang.pick(
                "Zet een kopregel List-Unsubscribe met een https-adres tussen < en > in elke nieuwsbrief.",
                "Put a List-Unsubscribe line with an https address between < and > in every newsletter.",
            )
        },
        judge: |facts| {
            let is_kept = facts.unsubscribe.has_way() && !has(facts, &[Problem::Several]);
            Judged::plain(Facts::mark(Some(is_kept)), "")
        },
    },
    Rule {
        id: "unsubscribe-one-click",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: true,
        source: "RFC 8058 §3.1; Google, Email sender guidelines; Yahoo, Sender Best Practices",
        title: |lang| {
            lang.pick("uitschrijven kan met één klik (RFC 8058)", "unsubscribing takes one click (RFC 8058)")
        },
        todo: |lang| {
            lang.pick(
            "Zet precies één https-adres in List-Unsubscribe, en erbij: List-Unsubscribe-Post: List-Unsubscribe=One-Click. Een POST naar dat adres moet zonder inloggen of vraag uitschrijven, binnen 48 uur.",
            "Put exactly one https address in List-Unsubscribe, and beside it: List-Unsubscribe-Post: List-Unsubscribe=One-Click. A POST to that address must unsubscribe without a login or question, within 48 hours.",
        )
        },
        judge: one_click,
    },
    Rule {
        id: "unsubscribe-signed",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: true,
        source: "RFC 8058 §4",
        title: |lang| {
            lang.pick("DKIM dekt de twee uitschrijfregels", "DKIM covers the two unsubscribe lines")
        },
        todo: |lang| {
            lang.pick(
            "Laat ondertekenen met List-Unsubscribe en List-Unsubscribe-Post in h=; anders tonen Gmail en Yahoo de knop niet.",
            "Have it signed with List-Unsubscribe and List-Unsubscribe-Post in h=; otherwise Gmail and Yahoo do not show the button.",
        )
        },
        judge: signed,
    },
    Rule {
        id: "unsubscribe-private",
        receivers: GMAIL_YAHOO,
        is_for_newsletters: true,
        source: "RFC 8058 §3.1 and §6; GDPR art. 5(1)(f)",
        title: |lang| {
            lang.pick(
                "de uitschrijflink is van één klant en verraadt geen adres",
                "the unsubscribe link is one customer's and betrays no address",
            )
        },
        todo: |lang| {
            lang.pick(
            "Zet een lange, onraadbare code per klant in de link, en niet het e-mailadres zelf: links komen in logboeken terecht.",
            "Put a long code that nobody can guess in the link, and not the mail address itself: links end up in logs.",
        )
        },
        judge: |facts| {
            if has(facts, &[Problem::HasAddress]) {
                return Judged::new(
                    Mark::Bad,
                    "het adres van de klant staat erin",
                    "it holds the customer's address",
                );
            }
            if has(facts, &[Problem::NoSecret]) {
                return Judged::new(Mark::Bad, "geen onraadbare code", "no code that nobody can guess");
            }
            Judged::plain(if facts.unsubscribe.link().is_some() { Mark::Good } else { Mark::Unknown }, "")
        },
    },
    Rule {
        id: "unsubscribe-visible",
        receivers: ALL,
        is_for_newsletters: true,
        source: "Google, Email sender guidelines; Microsoft, high-volume senders (May 2025); Tw art. 11.7",
        title: |lang| lang.pick("in de tekst staat hoe uitschrijven kan", "the text says how to unsubscribe"),
        todo: |lang| {
            lang.pick(
                "Zet onderaan een duidelijke link “Uitschrijven”.",
                "Put a clear link “Unsubscribe” at the bottom.",
            )
        },
        judge: |facts| match facts.words {
            Words::Found => Judged::plain(Mark::Good, ""),
            Words::Missing => Judged::plain(Mark::Bad, ""),
            Words::NoText => Judged::new(Mark::Unknown, "er is geen tekst", "there is no text"),
        },
    },
];

fn dkim(facts: &Facts) -> Judged {
    let Some(report) = &facts.dkim else { return Judged::plain(Mark::Unknown, "") };
    let passed: Vec<String> = facts
        .passed()
        .into_iter()
        .flatten()
        .filter_map(|check| check.signature.as_ref().map(|signature| signature.domain.clone()))
        .collect();
    if !passed.is_empty() {
        return Judged::plain(Mark::Good, passed.join(", "));
    }
    match report.checks.first() {
        None => Judged::new(Mark::Bad, "niet ondertekend", "not signed"),
        Some(check) => Judged::plain(
            if check.result == crate::dkim::DkimResult::TempError { Mark::Unknown } else { Mark::Bad },
            check.result.word(),
        ),
    }
}

/// The largest key of a signature that passes, or of one that was too small to be tried.
fn dkim_key(facts: &Facts) -> Judged {
    let Some(report) = &facts.dkim else { return Judged::plain(Mark::Unknown, "") };
    let small = report.checks.iter().find_map(|check| match check.reason {
        Some(crate::dkim::Reason::SmallKey { bits }) => Some(bits),
        _ => None,
    });
    let best =
        facts.passed().into_iter().flatten().filter_map(|check| check.key).max_by_key(|key| match key.kind {
            KeyKind::Ed25519 => RSA_BITS_ADVISED,
            KeyKind::Rsa => key.bits,
        });
    match (best, small) {
        (None, None) => Judged::plain(Mark::NotNeeded, ""),
        (None, Some(bits)) => Judged::plain(Mark::Bad, format!("RSA {bits}")),
        (Some(key), _) if key.kind == KeyKind::Ed25519 => Judged::plain(Mark::Good, "Ed25519"),
        (Some(key), _) if key.bits < RSA_BITS_MIN => Judged::plain(Mark::Bad, format!("RSA {}", key.bits)),
        (Some(key), _) if key.bits < RSA_BITS_ADVISED => Judged::new(
            Mark::Good,
            format!("RSA {}; 2048 is beter", key.bits),
            format!("RSA {}; 2048 is better", key.bits),
        ),
        (Some(key), _) => Judged::plain(Mark::Good, format!("RSA {}", key.bits)),
    }
}

fn spf(facts: &Facts) -> Judged {
    let domain = facts.envelope_domain.as_deref().unwrap_or_default();
    match facts.spf {
        Some(result) => {
            let mark = match result {
                SpfResult::Pass => Mark::Good,
                SpfResult::TempError => Mark::Unknown,
                _ => Mark::Bad,
            };
            Judged::plain(mark, format!("{domain}: {}", result.word()))
        }
        None if facts.dkim.is_none() => Judged::plain(Mark::Unknown, ""),
        None => Judged::new(
            Mark::Unknown,
            "het bericht zegt niet welke server het bracht; geef --client en --sender",
            "the message does not say which server brought it; give --client and --sender",
        ),
    }
}

fn aligned(facts: &Facts) -> Judged {
    let Some([now, before]) = facts.dmarc.as_deref() else { return Judged::plain(Mark::Unknown, "") };
    let good = |verdict: &crate::dmarc::Verdict| verdict.is_spf_aligned || verdict.is_dkim_aligned;
    let seen = match (now.is_spf_aligned, now.is_dkim_aligned) {
        (true, true) => "SPF, DKIM",
        (true, false) => "SPF",
        (false, true) => "DKIM",
        (false, false) => "",
    };
    if good(now) != good(before) {
        return Judged::new(
            Mark::Bad,
            "oude en nieuwe ontvangers (RFC 7489, RFC 9989) zien dit verschillend",
            "old and new receivers (RFC 7489, RFC 9989) see this differently",
        );
    }
    // Without a record alignment can still be told.
    let is_good = good(now) || now.outcome == Outcome::Pass;
    // When nobody knows who delivered it, only a signature could have proven it.
    let is_sure =
        facts.spf.is_some() || is_good || facts.passed().is_some_and(|mut passed| passed.next().is_some());
    Judged::plain(if is_sure { Facts::mark(Some(is_good)) } else { Mark::Unknown }, seen)
}

fn list(names: &[&str]) -> Judged {
    Judged::plain(Facts::mark(Some(names.is_empty())), names.join(", "))
}

fn has(facts: &Facts, problems: &[Problem]) -> bool {
    facts.unsubscribe.problems.iter().any(|problem| problems.contains(problem))
}

fn one_click(facts: &Facts) -> Judged {
    use Problem as P;
    let broken =
        facts.unsubscribe.problems.iter().find(|problem| !matches!(problem, P::NoSecret | P::HasAddress));
    let Some(problem) = broken else { return Judged::plain(Mark::Good, "") };
    let (nl, en) = match problem {
        P::Missing => ("List-Unsubscribe ontbreekt", "List-Unsubscribe is missing"),
        P::Several => ("List-Unsubscribe staat er meer dan eens", "List-Unsubscribe stands more than once"),
        P::Unreadable => (
            "in List-Unsubscribe staat geen adres tussen < en >",
            "List-Unsubscribe holds no address between < and >",
        ),
        P::NoHttps => ("er is geen https-adres", "there is no https address"),
        P::Http => ("er staat een onveilig http-adres in", "it holds an insecure http address"),
        P::SeveralHttps => ("er staat meer dan één https-adres in", "it holds more than one https address"),
        P::BadHost => ("het https-adres is niet van internet", "the https address is not on the internet"),
        P::TooLong => ("het https-adres is te lang", "the https address is too long"),
        P::NoPost => ("List-Unsubscribe-Post ontbreekt", "List-Unsubscribe-Post is missing"),
        _ => ("List-Unsubscribe-Post zegt iets anders", "List-Unsubscribe-Post says something else"),
    };
    Judged::new(Mark::Bad, nl, en)
}

/// Whether one passing signature covers both lines (RFC 8058 §4).
fn signed(facts: &Facts) -> Judged {
    if has(facts, &[Problem::Missing]) {
        return Judged::new(Mark::Bad, "List-Unsubscribe ontbreekt", "List-Unsubscribe is missing");
    }
    let Some(mut passed) = facts.passed() else { return Judged::plain(Mark::Unknown, "") };
    let covers = |names: &[String]| {
        ["list-unsubscribe", "list-unsubscribe-post"]
            .iter()
            .all(|wanted| names.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
    };
    let is_temporary = |check: &crate::dkim::Check| check.result == crate::dkim::DkimResult::TempError;
    if facts.dkim.as_ref().is_some_and(|report| report.checks.iter().any(is_temporary)) {
        return Judged::plain(Mark::Unknown, "");
    }
    let is_covered =
        passed.any(|check| check.signature.as_ref().is_some_and(|signature| covers(&signature.names)));
    Judged::plain(Facts::mark(Some(is_covered)), "")
}
