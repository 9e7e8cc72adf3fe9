//! Rules about SPF: who may send mail in the domain's name, by address; and what is left of Sender ID.

use core::net::IpAddr;

use super::mail_shared::{is_enforced, mail, mailing, record, short};
use super::shared::{A, NONE};
use crate::facts::{Evidence, MailFacts, SpfAll, SpfNetwork, SpfProblem};
use crate::finding::{Notes, Part, Rule, Severity, Words};

/// Look-ups that a record may cost (RFC 7208 §4.6.4).
const LOOKUPS_MAX: u32 = 10;
/// From here on the next service may be one too many.
const LOOKUPS_MANY: u32 = 8;
/// Look-ups that may find nothing (RFC 7208 §4.6.4).
const VOIDS_MAX: u32 = 2;
/// More IPv4 addresses than all big mail services of the world together need: 2^22.
const ADDRESSES_MANY: u64 = 1 << 22;

/// What to ask when somebody else manages the DNS.
const ASK_RECORD: Words = Words::new(
    "Vraag wie uw domeinnaam beheert: “Zet één SPF-record neer met precies de diensten die voor ons mailen, eindigend op -all.”",
    "Ask who manages your domain name: “Publish one SPF record with exactly the services that mail for us, ending in -all.”",
);
/// What to ask when the record is too costly.
const ASK_FEWER: Words = Words::new(
    "Vraag uw nieuwsbriefdienst en uw webwinkelplatform: “Kunt u mailen met een eigen Return-Path en DKIM op ons domein, \
     zodat uw include uit ons SPF-record kan?”",
    "Ask your newsletter service and your shop platform: “Can you mail with a Return-Path of your own and DKIM on our \
     domain, so that your include can leave our SPF record?”",
);
const EXAMPLE: &str =
    "winkel.example. 3600 IN TXT \"v=spf1 ip4:192.0.2.25 include:_spf.mailprovider.example -all\"";

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "spf-missing",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §3; Forum Standaardisatie; Google, Yahoo and Microsoft bulk sender rules",
        title: Words::new(
            "Er is geen lijst van wie namens u mag mailen (SPF)",
            "No list says who may mail in your name (SPF)",
        ),
        why: Words::new(
            "Zonder SPF ziet een mailprovider geen verschil tussen uw mail en die van een oplichter. Ook komt uw eigen \
             mail vaker in de spam; Gmail en Outlook weigeren haar soms.",
            "Without SPF a mail provider cannot tell your mail from a crook's. Your own mail ends up in spam more often \
             too; Gmail and Outlook sometimes refuse it.",
        ),
        fix: Words::new(
            "Schrijf op welke diensten namens u mailen (winkel, nieuwsbrief, kantoor) en zet die in één SPF-record.",
            "List the services that mail for you (shop, newsletter, office) and put them in one SPF record.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mailing(evidence) else { return };
            if mail.spf.records().is_some_and(|records| records.is_empty()) {
                let severity = if is_enforced(mail) { Severity::Medium } else { Severity::High };
                notes.seen_as(severity, &mail.domain, "no TXT record that begins with v=spf1");
            }
        },
    },
    Rule {
        id: "spf-multiple",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §3.2 and §4.5",
        title: Words::new(
            "Er staan meerdere SPF-records; dan telt er geen een",
            "There are several SPF records, so none counts",
        ),
        why: Words::new(
            "Een domein mag één SPF-record hebben. Staan er meer, dan melden ontvangers een fout en bent u onbeschermd.",
            "A domain may have one SPF record. With more, receivers report an error and you are unprotected.",
        ),
        fix: Words::new(
            "Voeg de records samen tot één en verwijder de andere.",
            "Merge the records into one and remove the others.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let records = mail.spf.records().unwrap_or_default();
            if records.len() > 1 {
                records.iter().for_each(|text| notes.seen(&mail.domain, short(text)));
            }
        },
    },
    Rule {
        id: "spf-syntax",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §4.6 and §12",
        title: Words::new("In een SPF-record staat een fout", "An SPF record has a mistake in it"),
        why: Words::new(
            "Eén tikfout maakt het hele record waardeloos: ontvangers lezen het niet verder en u bent onbeschermd.",
            "One typing error makes the whole record worthless: receivers stop reading and you are unprotected.",
        ),
        fix: Words::new(
            "Verbeter het woord op de genoemde plaats. Staat de fout in het record van een dienst, meld het daar.",
            "Correct the word at the place shown. When the mistake is in a service's record, tell that service.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let below = mail.spf.problems_below.iter().filter(|problem| !is_absence(problem));
            for problem in mail.spf.problem.iter().chain(below) {
                let (what, at) = (&problem.what, problem.at);
                notes.seen(&problem.domain, format!("{what} at byte {at}: {}", short(&problem.text)));
            }
        },
    },
    Rule {
        id: "spf-plus-all",
        protections: A,
        severity: Severity::Critical,
        part: Part::Mail,
        source: "RFC 7208 §5.1 and §8.3",
        title: Words::new(
            "Uw SPF-record zegt dat iedereen namens u mag mailen",
            "Your SPF record says that everybody may mail for you",
        ),
        why: Words::new(
            "Met `+all` krijgt elke vervalste mail uit uw naam een voldoende: ontvangers zien haar als echt.",
            "With `+all` every forged mail in your name passes: receivers take it for genuine.",
        ),
        fix: Words::new("Vervang `+all` door `-all`.", "Replace `+all` with `-all`."),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| all_is(evidence, notes, SpfAll::Pass),
    },
    Rule {
        id: "spf-neutral-all",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 7208 §5.1 and §8.2; internet.nl (SPF policy)",
        title: Words::new(
            "Uw SPF-record spreekt zich niet uit over vreemde afzenders",
            "Your SPF record says nothing about strange senders",
        ),
        why: Words::new(
            "`?all` betekent: van andere servers zeg ik niets. Een vervalste mail valt dan niet op.",
            "`?all` means: about other servers I say nothing. Forged mail then does not stand out.",
        ),
        fix: Words::new(
            "Vervang `?all` door `-all`, of eerst door `~all`.",
            "Replace `?all` with `-all`, or with `~all` first.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| all_is(evidence, notes, SpfAll::Neutral),
    },
    Rule {
        id: "spf-no-all",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 7208 §4.7 and §5.1",
        title: Words::new("Uw SPF-record eindigt niet op -all", "Your SPF record does not end in -all"),
        why: Words::new(
            "Zonder slotwoord telt elke andere server als “geen mening”. Een vervalste mail valt dan niet op.",
            "Without a last word every other server counts as “no opinion”. Forged mail then does not stand out.",
        ),
        fix: Words::new("Zet `-all` aan het eind van het record.", "Put `-all` at the end of the record."),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let spf = &mail.spf;
            if let Some(text) =
                spf.record().filter(|_| spf.all.is_none() && spf.problem.is_none() && spf.is_whole)
            {
                notes.seen(&mail.domain, short(text));
            }
        },
    },
    Rule {
        id: "spf-softfail",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 7208 §8.5; RFC 9989 §7",
        title: Words::new("Uw SPF-record eindigt op ~all", "Your SPF record ends in ~all"),
        why: Words::new(
            "`~all` is voorzichtig: vreemde mail is verdacht, niet verboden. Met een streng DMARC-beleid is dat genoeg.",
            "`~all` is careful: strange mail is suspect, not forbidden. With a strict DMARC policy that is enough.",
        ),
        fix: Words::new(
            "Niets nodig zolang DMARC op quarantine of reject staat. Anders: `-all`.",
            "Nothing needed while DMARC says quarantine or reject. Otherwise: `-all`.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| all_is(evidence, notes, SpfAll::SoftFail),
    },
    Rule {
        id: "spf-ptr",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 7208 §5.5 (should not be published)",
        title: Words::new(
            "Uw SPF-record gebruikt ptr, wat niet meer mag",
            "Your SPF record uses ptr, which is no longer done",
        ),
        why: Words::new(
            "`ptr` is traag en onbetrouwbaar; sommige ontvangers slaan het over, en dan valt uw eigen mail erdoorheen.",
            "`ptr` is slow and unreliable; some receivers skip it, and then your own mail falls through.",
        ),
        fix: Words::new(
            "Vervang `ptr` door de adressen (`ip4:`, `ip6:`).",
            "Replace `ptr` with the addresses (`ip4:`, `ip6:`).",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            mail.spf.ptr_at.iter().for_each(|domain| notes.seen(short(domain), "ptr"));
        },
    },
    Rule {
        id: "spf-lookups",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §4.6.4 (10 look-ups at most)",
        title: Words::new(
            "Uw SPF-record vraagt te veel opzoekingen",
            "Your SPF record needs too many look-ups",
        ),
        why: Words::new(
            "Na tien opzoekingen stoppen ontvangers en telt het record niet meer, ook voor uw eigen mail. Elke dienst die \
             u toevoegt, kost er een of meer.",
            "After ten look-ups receivers stop and the record no longer counts, for your own mail either. Every service \
             that you add costs one or more.",
        ),
        fix: Words::new(
            "Haal diensten weg die niet meer voor u mailen. Geef een dienst anders een eigen subdomein.",
            "Remove services that no longer mail for you. Or give a service a subdomain of its own.",
        ),
        snippets: &record(
            "nieuws.winkel.example. 3600 IN TXT \"v=spf1 include:spf.nieuwsbrief.example -all\"",
            ASK_FEWER,
        ),
        judge: lookups,
    },
    Rule {
        id: "spf-voids",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §4.6.4 (two void look-ups at most)",
        title: Words::new(
            "Uw SPF-record verwijst naar namen die niets opleveren",
            "Your SPF record points to names with nothing there",
        ),
        why: Words::new(
            "Meer dan twee lege verwijzingen maken het record ongeldig. Een verlopen naam kan iemand anders registreren; \
             die mag dan namens u mailen.",
            "More than two empty references make the record invalid. Somebody else can register a lapsed name, and may \
             then mail in your name.",
        ),
        fix: Words::new(
            "Verwijder `a`, `mx` en `exists` van namen die er niet meer zijn.",
            "Remove `a`, `mx` and `exists` of names that are gone.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            match mail.spf.voids {
                0 => {}
                found @ 1..=VOIDS_MAX => {
                    notes.seen_as(Severity::Low, &mail.domain, format!("{found} of {VOIDS_MAX}"))
                }
                found => notes.seen_as(Severity::High, &mail.domain, format!("{found} of {VOIDS_MAX}")),
            }
        },
    },
    Rule {
        id: "spf-include-missing",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7208 §5.2 and §6.1 (permerror)",
        title: Words::new(
            "Uw SPF-record verwijst naar een domein zonder SPF",
            "Your SPF record points to a domain without SPF",
        ),
        why: Words::new(
            "Zo'n verwijzing maakt het hele record ongeldig. Vaak is de dienst opgeheven of de naam verkeerd getypt.",
            "Such a reference makes the whole record invalid. Often the service is gone or the name was mistyped.",
        ),
        fix: Words::new(
            "Verwijder de `include`, of verbeter de naam.",
            "Remove the `include`, or correct the name.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            for problem in mail.spf.problems_below.iter().filter(|problem| is_absence(problem)) {
                notes.seen(short(&problem.domain), format!("{}: {}", problem.what, short(&problem.text)));
            }
        },
    },
    Rule {
        id: "spf-too-wide",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 7208 §11.2 and §5.6",
        title: Words::new(
            "Uw SPF-record laat een enorm netwerk namens u mailen",
            "Your SPF record lets a huge network mail in your name",
        ),
        why: Words::new(
            "Iedereen die in dat netwerk een server huurt, kan mail in uw naam sturen die voor echt doorgaat.",
            "Whoever rents a server in that network can send mail in your name that passes for genuine.",
        ),
        fix: Words::new(
            "Noem alleen de adressen van uw eigen mailservers.",
            "Name only the addresses of your own mail servers.",
        ),
        snippets: &record(EXAMPLE, ASK_RECORD),
        judge: too_wide,
    },
    Rule {
        id: "spf-senderid-record",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 4406 (historic); RFC 6686",
        title: Words::new(
            "Er staat nog een record voor het oude Sender ID",
            "A record for the old Sender ID is still there",
        ),
        why: Words::new(
            "Sender ID is al jaren afgeschaft; niemand leest het record nog. Het zaait alleen verwarring.",
            "Sender ID was given up years ago; nobody reads the record any more. It only causes confusion.",
        ),
        fix: Words::new(
            "Verwijder het record dat met `spf2.0` begint.",
            "Remove the record that begins with `spf2.0`.",
        ),
        snippets: &record(
            "; remove: winkel.example. IN TXT \"spf2.0/pra ...\"",
            Words::new(
                "Vraag wie uw domeinnaam beheert: “Verwijder het TXT-record dat met spf2.0 begint.”",
                "Ask who manages your domain name: “Remove the TXT record that begins with spf2.0.”",
            ),
        ),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            mail.spf.sender_id().iter().for_each(|text| notes.seen(&mail.domain, short(text)));
        },
    },
];

/// Whether a problem is about a record that is not there, which has a rule of its own.
fn is_absence(problem: &SpfProblem) -> bool {
    problem.what == "no record"
}

fn all_is(evidence: &Evidence, notes: &mut Notes, wanted: SpfAll) {
    let Some(mail) = mail(evidence) else { return };
    if let Some(text) = mail.spf.record().filter(|_| mail.spf.all == Some(wanted)) {
        notes.seen(&mail.domain, short(text));
    }
}

fn lookups(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence) else { return };
    let severity = match mail.spf.lookups {
        ..LOOKUPS_MANY => return,
        LOOKUPS_MANY..=LOOKUPS_MAX => Severity::Low,
        _ => Severity::High,
    };
    notes.seen_as(severity, &mail.domain, format!("{} of {LOOKUPS_MAX}", mail.spf.lookups));
    let own = mail.spf.includes.iter().filter(|include| include.via == mail.domain);
    for include in own {
        notes.seen_as(severity, short(&include.domain), format!("costs {}", include.lookups));
    }
}

fn too_wide(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence) else { return };
    for network in &mail.spf.networks {
        if let Some(severity) = width(network) {
            let text = format!("{}/{}", network.address, network.bits);
            notes.seen_as(severity, short(&network.domain), text);
        }
    }
    if mail.spf.v4_addresses > ADDRESSES_MANY && !has_wide(mail) {
        notes.seen_as(Severity::Low, &mail.domain, format!("{} IPv4 addresses", mail.spf.v4_addresses));
    }
}

fn has_wide(mail: &MailFacts) -> bool {
    mail.spf.networks.iter().any(|network| width(network).is_some())
}

/// How bad a network is: a part of the whole Internet is nobody's own.
fn width(network: &SpfNetwork) -> Option<Severity> {
    match (network.address, network.bits) {
        (IpAddr::V4(_), 0..=7) | (IpAddr::V6(_), 0..=15) => Some(Severity::Critical),
        (IpAddr::V4(_), 8..=13) | (IpAddr::V6(_), 16..=27) => Some(Severity::Medium),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{check, check_seen, check_silent};
    use crate::rules::testing_mail::mail as of;

    fn texts(evidence: &mut Evidence, texts: &[&str]) {
        of(evidence).spf.texts = Some(texts.iter().map(|text| (*text).to_owned()).collect());
    }

    #[test]
    fn nothing_is_said_when_nobody_looked_or_nothing_is_known() {
        for rule in RULES {
            check_silent(rule.id, |e| e.mail = None);
            check_silent(rule.id, |e| of(e).spf = crate::facts::SpfFacts::default());
        }
    }

    #[test]
    fn records_that_are_missing_or_too_many() {
        let none = |e: &mut Evidence| {
            texts(e, &[]);
            of(e).spf.all = None;
        };
        check("spf-missing", none, Severity::Medium);
        check(
            "spf-missing",
            |e| {
                none(e);
                of(e).dmarc.now = None;
                of(e).dmarc.before = None;
            },
            Severity::High,
        );
        // A Sender ID record is no SPF record.
        check("spf-missing", |e| texts(e, &["spf2.0/pra -all"]), Severity::Medium);
        check_silent("spf-missing", |e| of(e).spf.texts = None);
        check_silent("spf-missing", |e| {
            none(e);
            of(e).has_null_mx = true;
        });
        check("spf-multiple", |e| texts(e, &["v=spf1 -all", "v=spf1 mx -all"]), Severity::High);
        check_silent("spf-multiple", |e| texts(e, &["v=spf1 -all", "spf2.0/pra -all"]));
        check("spf-senderid-record", |e| texts(e, &["v=spf1 -all", "SPF2.0/pra ?all"]), Severity::Info);
        check_silent("spf-senderid-record", |_| {});
    }

    #[test]
    fn mistakes_have_their_place() {
        let problem = |what: &str| SpfProblem {
            domain: "spf.nieuws.example".into(),
            what: what.into(),
            text: "ipv4:192.0.2.1".into(),
            at: 7,
        };
        check("spf-syntax", |e| of(e).spf.problem = Some(problem("an unknown mechanism")), Severity::High);
        let words = "spf.nieuws.example: an unknown mechanism at byte 7: ipv4:192.0.2.1";
        check_seen("spf-syntax", |e| of(e).spf.problems_below = vec![problem("an unknown mechanism")], words);
        check_silent("spf-syntax", |e| of(e).spf.problems_below = vec![problem("no record")]);
        check(
            "spf-include-missing",
            |e| of(e).spf.problems_below = vec![problem("no record")],
            Severity::High,
        );
        check_silent("spf-include-missing", |e| of(e).spf.problems_below = vec![problem("not an address")]);
    }

    #[test]
    fn the_last_word() {
        let all = |all| move |e: &mut Evidence| of(e).spf.all = all;
        check("spf-plus-all", all(Some(SpfAll::Pass)), Severity::Critical);
        check("spf-neutral-all", all(Some(SpfAll::Neutral)), Severity::Medium);
        check("spf-softfail", all(Some(SpfAll::SoftFail)), Severity::Info);
        check("spf-no-all", all(None), Severity::Medium);
        for id in ["spf-plus-all", "spf-neutral-all", "spf-softfail", "spf-no-all"] {
            check_silent(id, all(Some(SpfAll::Fail)));
            check_silent(id, |e| texts(e, &["v=spf1 +all", "v=spf1 ?all"]));
        }
        check_silent("spf-no-all", |e| {
            of(e).spf.all = None;
            of(e).spf.is_whole = false;
        });
    }

    #[test]
    fn costs() {
        for (lookups, severity) in
            [(8, Severity::Low), (10, Severity::Low), (11, Severity::High), (99, Severity::High)]
        {
            check("spf-lookups", |e| of(e).spf.lookups = lookups, severity);
        }
        check_silent("spf-lookups", |e| of(e).spf.lookups = 7);
        check_seen("spf-lookups", |e| of(e).spf.lookups = 12, "spf.nieuws.example: costs 1");
        for (voids, severity) in [(1, Severity::Low), (2, Severity::Low), (3, Severity::High)] {
            check("spf-voids", |e| of(e).spf.voids = voids, severity);
        }
        check_silent("spf-voids", |_| {});
        check("spf-ptr", |e| of(e).spf.ptr_at = vec!["winkel.example".into()], Severity::Low);
        check_silent("spf-ptr", |_| {});
    }

    #[test]
    fn networks_that_nobody_owns() {
        let network = |address: &str, bits| {
            let address = address.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
            move |e: &mut Evidence| {
                of(e).spf.networks = vec![SpfNetwork { address, bits, domain: "winkel.example".into() }];
            }
        };
        for (address, bits, severity) in [
            ("0.0.0.0", 0, Severity::Critical),
            ("128.0.0.0", 1, Severity::Critical),
            ("10.0.0.0", 8, Severity::Medium),
            ("52.0.0.0", 13, Severity::Medium),
            ("::", 0, Severity::Critical),
            ("2000::", 3, Severity::Critical),
            ("2a00::", 16, Severity::Medium),
        ] {
            check("spf-too-wide", network(address, bits), severity);
        }
        for (address, bits) in
            [("40.92.0.0", 15), ("192.0.2.1", 32), ("2a01:111::", 32), ("2a01:111:f400::", 48)]
        {
            check_silent("spf-too-wide", network(address, bits));
        }
        check("spf-too-wide", |e| of(e).spf.v4_addresses = (1 << 22) + 1, Severity::Low);
        check_silent("spf-too-wide", |e| of(e).spf.v4_addresses = 1 << 22);
    }
}
