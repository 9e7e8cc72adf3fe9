//! Rules about DMARC: what receivers should do with mail that is not really from the domain, and who is told.

use super::mail_shared::{mail, mailing, record, short};
use super::shared::{A, E};
use crate::facts::{DmarcAt, DmarcFound, DmarcOddity, Evidence, MailFacts, MailPolicy};
use crate::finding::{Notes, Part, Rule, Severity, Words};

const EXAMPLE: &str =
    "_dmarc.winkel.example. 3600 IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@winkel.example\"";
const EXAMPLE_STRICT: &str =
    "_dmarc.winkel.example. 3600 IN TXT \"v=DMARC1; p=quarantine; rua=mailto:dmarc@winkel.example\"";
const ASK: Words = Words::new(
    "Vraag wie uw domeinnaam beheert: “Zet dit TXT-record op _dmarc van ons domein.”",
    "Ask who manages your domain name: “Publish this TXT record at _dmarc of our domain.”",
);
const ASK_STRICT: Words = Words::new(
    "Vraag wie uw mail regelt: “Komt al onze mail door DMARC? Zo ja, zet het beleid dan op quarantine, later op reject.”",
    "Ask who arranges your mail: “Does all our mail pass DMARC? If so, set the policy to quarantine, later to reject.”",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "dmarc-missing",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 9989 §4.10; RFC 7489 §6.6.3; Google, Yahoo and Microsoft bulk sender rules",
        title: Words::new(
            "Vervalste mail in uw naam wordt niet tegengehouden (geen DMARC)",
            "Forged mail in your name is not stopped (no DMARC)",
        ),
        why: Words::new(
            "Een oplichter kan uw klanten mailen met precies uw afzenderadres. Zonder DMARC weet hun mailprovider niet dat \
             hij die mag weigeren, en u hoort er niets van.",
            "A crook can mail your customers with exactly your sender address. Without DMARC their mail provider does not \
             know that it may refuse that, and you never hear of it.",
        ),
        fix: Words::new(
            "Begin met `p=none` en een adres voor rapporten. Kijk een maand mee, en ga dan naar quarantine en reject.",
            "Begin with `p=none` and an address for reports. Watch for a month, then go to quarantine and reject.",
        ),
        snippets: &record(EXAMPLE, ASK),
        judge: |evidence, notes| {
            let Some(mail) = mailing(evidence) else { return };
            let dmarc = &mail.dmarc;
            let is_other = dmarc.walk.iter().any(|at| at.records > 0);
            if dmarc.is_known && dmarc.now.is_none() && dmarc.before.is_none() && !is_other {
                notes.seen(own_name(mail), "no TXT record that begins with v=DMARC1");
            }
        },
    },
    Rule {
        id: "dmarc-multiple",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 9989 §4.10; RFC 7489 §6.6.3",
        title: Words::new(
            "Er staan meerdere DMARC-records; dan telt er geen een",
            "There are several DMARC records, so none counts",
        ),
        why: Words::new(
            "Ontvangers negeren ze dan allemaal: vervalste mail in uw naam komt gewoon aan.",
            "Receivers then ignore all of them: forged mail in your name simply arrives.",
        ),
        fix: Words::new(
            "Houd één record over en verwijder de rest.",
            "Keep one record and remove the others.",
        ),
        snippets: &record(EXAMPLE, ASK),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            for at in mail.dmarc.walk.iter().filter(|at| at.records > 1) {
                at.texts.iter().flatten().for_each(|text| notes.seen(short(&at.name), short(text)));
            }
        },
    },
    Rule {
        id: "dmarc-syntax",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 9989 §4.7 and §4.8; RFC 7489 §6.3",
        title: Words::new("In het DMARC-record staat een fout", "The DMARC record has a mistake in it"),
        why: Words::new(
            "Ontvangers negeren wat ze niet begrijpen. Soms is dat één woord, soms het hele record.",
            "Receivers ignore what they do not understand. Sometimes that is one word, sometimes the whole record.",
        ),
        fix: Words::new(
            "Verbeter het record op de genoemde plaats.",
            "Correct the record at the place shown.",
        ),
        snippets: &record(EXAMPLE, ASK),
        judge: syntax,
    },
    Rule {
        id: "dmarc-policy-none",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 9989 §4.7 and §7; internet.nl (DMARC policy)",
        title: Words::new("DMARC kijkt alleen toe (p=none)", "DMARC only watches (p=none)"),
        why: Words::new(
            "U krijgt rapporten, maar vervalste mail in uw naam wordt gewoon bezorgd.",
            "You get reports, but forged mail in your name is delivered all the same.",
        ),
        fix: Words::new(
            "Lees de rapporten. Komt al uw eigen mail erdoor, ga dan naar quarantine, en een maand later naar reject.",
            "Read the reports. When all your own mail passes, go to quarantine, and a month later to reject.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK_STRICT),
        judge: |evidence, notes| {
            let Some((_, found)) = found(evidence) else { return };
            if found.policy == MailPolicy::None && !is_softened(found) {
                notes.seen(record_name(found), "p=none");
            }
        },
    },
    Rule {
        id: "dmarc-test-mode",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 9989 §4.7 (t=y)",
        title: Words::new("DMARC staat nog op proef (t=y)", "DMARC is still in test mode (t=y)"),
        why: Words::new(
            "In de proefstand zijn ontvangers één stap milder dan uw record zegt.",
            "In test mode receivers are one step milder than your record says.",
        ),
        fix: Words::new("Haal `t=y` weg als de proef goed ging.", "Remove `t=y` when the test went well."),
        snippets: &record(EXAMPLE_STRICT, ASK_STRICT),
        judge: |evidence, notes| {
            let Some((_, found)) = found(evidence) else { return };
            if found.is_test && found.own > MailPolicy::None {
                notes.seen(record_name(found), format!("p={}; t=y", found.own.word()));
            }
        },
    },
    Rule {
        id: "dmarc-no-rua",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 9989 §4.7 (rua); RFC 9990",
        title: Words::new(
            "U krijgt geen rapporten over mail in uw naam",
            "You get no reports about mail in your name",
        ),
        why: Words::new(
            "Zonder rapporten ziet u niet wie namens u mailt, en ook niet wanneer uw eigen mail wordt tegengehouden.",
            "Without reports you do not see who mails in your name, nor when your own mail is held up.",
        ),
        fix: Words::new(
            "Voeg `rua=mailto:` toe met een adres dat u leest of laat lezen.",
            "Add `rua=mailto:` with an address that you read, or have read.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK),
        judge: |evidence, notes| {
            let Some((mail, found)) = found(evidence) else { return };
            if !mail.dmarc.reports.iter().any(|report| report.is_aggregate) {
                notes.seen(record_name(found), "no rua");
            }
        },
    },
    Rule {
        id: "dmarc-rua-not-authorised",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 9990 (verifying external destinations); RFC 7489 §7.1",
        title: Words::new(
            "Rapporten gaan naar een domein dat ze niet aanneemt",
            "Reports go to a domain that does not take them",
        ),
        why: Words::new(
            "Een ander domein moet in zijn DNS zeggen dat het rapporten over u aanneemt. Anders worden ze niet gestuurd.",
            "Another domain must say in its DNS that it takes reports about you. Otherwise they are not sent.",
        ),
        fix: Words::new(
            "Vraag de rapportdienst om het toestemmingsrecord, of kies een adres op uw eigen domein.",
            "Ask the report service for the permission record, or choose an address at your own domain.",
        ),
        snippets: &record(
            "winkel.example._report._dmarc.rapporten.example. 3600 IN TXT \"v=DMARC1;\"",
            Words::new(
                "Vraag de rapportdienst: “Zet voor ons domein het record _report._dmarc neer.”",
                "Ask the report service: “Publish the _report._dmarc record for our domain.”",
            ),
        ),
        judge: |evidence, notes| {
            let Some((mail, found)) = found(evidence) else { return };
            for report in &mail.dmarc.reports {
                if report.is_external && report.is_authorised == Some(false) {
                    let name = format!("{}._report._dmarc.{}", found.domain, report.domain);
                    notes.seen(short(&name), "no TXT record that begins with v=DMARC1");
                }
            }
        },
    },
    Rule {
        id: "dmarc-ruf",
        protections: E,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 9991 (privacy); GDPR art. 5(1)(c)",
        title: Words::new(
            "U vraagt om kopieën van mislukte mail (ruf)",
            "You ask for copies of mail that failed (ruf)",
        ),
        why: Words::new(
            "In zulke kopieën staan persoonsgegevens: adressen, onderwerpen, soms de hele mail van uw klant. U heeft ze \
             niet nodig.",
            "Such copies hold personal data: addresses, subjects, sometimes your customer's whole mail. You do not need \
             them.",
        ),
        fix: Words::new(
            "Haal `ruf=` uit het record. De gewone rapporten (`rua`) zijn genoeg.",
            "Remove `ruf=` from the record. The usual reports (`rua`) are enough.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK),
        judge: |evidence, notes| {
            let Some((mail, found)) = found(evidence) else { return };
            let copies = mail.dmarc.reports.iter().filter(|report| !report.is_aggregate);
            copies.for_each(|report| {
                notes.seen(record_name(found), format!("ruf to {}", short(&report.domain)))
            });
        },
    },
    Rule {
        id: "dmarc-removed-tags",
        protections: A,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 9989 §4.7 (pct, rf, ri and size limits were removed)",
        title: Words::new(
            "Het DMARC-record gebruikt afgeschafte woorden",
            "The DMARC record uses tags that were removed",
        ),
        why: Words::new(
            "Nieuwe ontvangers lezen `pct`, `rf` en `ri` niet meer. Met `pct` onder de 100 is uw beleid bij hen strenger \
             en bij oude ontvangers milder dan u denkt.",
            "New receivers no longer read `pct`, `rf` and `ri`. With `pct` below 100 your policy is stricter with them, and \
             milder with old receivers, than you think.",
        ),
        fix: Words::new(
            "Haal deze woorden weg; proefdraaien gaat nu met `t=y`.",
            "Remove these tags; testing is now done with `t=y`.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK),
        judge: |evidence, notes| {
            let Some((mail, found)) = found(evidence) else { return };
            let is_partial =
                found.percent.is_some_and(|percent| percent < 100) && found.own > MailPolicy::None;
            let severity = if is_partial { Severity::Low } else { Severity::Info };
            for remark in mail.dmarc.remarks.iter().filter(|remark| remark.kind == DmarcOddity::Removed) {
                notes.seen_as(severity, record_name(found), short(&remark.text));
            }
        },
    },
    Rule {
        id: "dmarc-subdomain-weaker",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 9989 §4.7 (sp, np); RFC 7489 §6.3",
        title: Words::new(
            "Namen onder uw domein zijn minder beschermd",
            "Names below your domain are less protected",
        ),
        why: Words::new(
            "Een oplichter mailt dan als betaling@factuur.uwwinkel.nl: dat lijkt echt, en uw beleid houdt het niet tegen.",
            "A crook then mails as payment@invoice.yourshop.nl: it looks real, and your policy does not stop it.",
        ),
        fix: Words::new(
            "Haal `sp` en `np` weg, of maak ze even streng als `p`.",
            "Remove `sp` and `np`, or make them as strict as `p`.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK_STRICT),
        judge: |evidence, notes| {
            let Some((_, found)) = found(evidence) else { return };
            for (tag, policy) in [("sp", found.below), ("np", found.absent)] {
                if policy < found.own {
                    let text = format!("p={}, {tag}={}", found.own.word(), policy.word());
                    notes.seen(record_name(found), text);
                }
            }
        },
    },
    Rule {
        id: "dmarc-generations-differ",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 9989 §4.10 (tree walk); RFC 7489 §3.2 (public suffix list)",
        title: Words::new(
            "Oude en nieuwe ontvangers lezen uw DMARC anders",
            "Old and new receivers read your DMARC differently",
        ),
        why: Words::new(
            "Wat bij de ene provider wordt tegengehouden, komt bij de andere door, en andersom.",
            "What one provider stops, another lets through, and the other way round.",
        ),
        fix: Words::new(
            "Zet op dit domein een eigen DMARC-record, en haal `psd` weg als u niet weet waarom het er staat.",
            "Give this domain a DMARC record of its own, and remove `psd` if you do not know why it is there.",
        ),
        snippets: &record(EXAMPLE_STRICT, ASK_STRICT),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence).filter(|mail| mail.dmarc.is_known) else { return };
            let (now, before) = (mail.dmarc.now.as_ref(), mail.dmarc.before.as_ref());
            let view = |found: Option<&DmarcFound>| match found {
                Some(found) => format!(
                    "p={} from {}, organization {}",
                    found.policy.word(),
                    record_name(found),
                    short(&found.organization)
                ),
                None => "no record".to_owned(),
            };
            // That the new one knows `t=y` and the old one does not has a rule of its own.
            let key = |found: &DmarcFound| (found.domain.clone(), found.organization.clone());
            if now.map(key) != before.map(key) {
                notes.seen(&mail.domain, format!("RFC 9989: {}; RFC 7489: {}", view(now), view(before)));
            }
        },
    },
    Rule {
        id: "mail-silent-unprotected",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 7208 §10.1.2 (v=spf1 -all); RFC 7505 §4; M3AAWG parked domains",
        title: Words::new(
            "Dit domein lijkt niet te mailen, maar kan wel misbruikt worden",
            "This domain seems not to mail, but can be abused",
        ),
        why: Words::new(
            "Juist van een domein dat nooit mailt, valt vervalste mail niet op. Twee records sluiten dat af.",
            "With a domain that never mails, forged mail does not stand out. Two records close that door.",
        ),
        fix: Words::new(
            "Mailt u er echt niet mee, publiceer dan deze records. Mailt u wel, publiceer dan SPF en DMARC voor uw diensten.",
            "If you really do not mail with it, publish these records. If you do, publish SPF and DMARC for your services.",
        ),
        snippets: &record(
            "winkel.example. 3600 IN MX 0 .\nwinkel.example. 3600 IN TXT \"v=spf1 -all\"\n\
             _dmarc.winkel.example. 3600 IN TXT \"v=DMARC1; p=reject\"",
            Words::new(
                "Vraag wie uw domeinnaam beheert: “Dit domein mailt niet; zet v=spf1 -all en DMARC p=reject neer.”",
                "Ask who manages your domain name: “This domain does not mail; publish v=spf1 -all and DMARC p=reject.”",
            ),
        ),
        judge: silent,
    },
];

fn syntax(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence) else { return };
    for at in &mail.dmarc.walk {
        let texts = || at.texts.iter().flatten();
        if at.is_ignored {
            texts().for_each(|text| notes.seen_as(Severity::High, short(&at.name), short(text)));
        } else if at.records == 0 && is_own(mail, at) {
            // It begins like a record, but not exactly.
            texts().for_each(|text| notes.seen_as(Severity::High, short(&at.name), short(text)));
        }
    }
    let Some((_, found)) = found(evidence) else { return };
    for remark in &mail.dmarc.remarks {
        let severity = match remark.kind {
            DmarcOddity::Removed => continue,
            DmarcOddity::UnknownTag | DmarcOddity::PolicyNotSecond => Severity::Info,
            DmarcOddity::BadValue | DmarcOddity::Twice | DmarcOddity::BadAddress | DmarcOddity::Syntax => {
                Severity::Low
            }
        };
        notes.seen_as(
            severity,
            record_name(found),
            format!("at byte {}: {}", remark.at, short(&remark.text)),
        );
    }
}

fn silent(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence).filter(|mail| mail.is_silent()) else { return };
    let (spf, dmarc) = (&mail.spf, &mail.dmarc);
    let is_closed = spf.all == Some(crate::facts::SpfAll::Fail) && spf.is_nobody();
    let (Some(records), true) = (spf.records(), dmarc.is_known) else { return };
    let policy = dmarc.now.as_ref().map(|found| found.policy);
    let severity =
        if policy.unwrap_or_default() == MailPolicy::None { Severity::High } else { Severity::Medium };
    if !is_closed {
        let seen = records.first().map_or_else(|| "no SPF record".to_owned(), |text| short(text));
        notes.seen_as(severity, &mail.domain, seen);
    }
    if policy != Some(MailPolicy::Reject) {
        let seen =
            policy.map_or_else(|| "no DMARC record".to_owned(), |policy| format!("p={}", policy.word()));
        notes.seen_as(severity, own_name(mail), seen);
    }
}

/// The record that holds: by the newer standard when it finds one.
fn found(evidence: &Evidence) -> Option<(&MailFacts, &DmarcFound)> {
    let mail = mail(evidence)?;
    Some((mail, mail.dmarc.now.as_ref().or(mail.dmarc.before.as_ref())?))
}

/// Whether the policy is mild only because of `t=y`.
fn is_softened(found: &DmarcFound) -> bool {
    found.is_test && found.own > MailPolicy::None
}

fn is_own(mail: &MailFacts, at: &DmarcAt) -> bool {
    at.name == own_name(mail)
}

fn own_name(mail: &MailFacts) -> String {
    format!("_dmarc.{}", mail.domain)
}

fn record_name(found: &DmarcFound) -> String {
    short(&format!("_dmarc.{}", found.domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DmarcFacts, DmarcRemark, DmarcReports, SpfAll, SpfFacts};
    use crate::rules::testing::{check, check_seen, check_silent};
    use crate::rules::testing_mail::mail as of;

    /// Changes the record of both generations.
    fn record(e: &mut Evidence, change: impl Fn(&mut DmarcFound)) {
        let dmarc = &mut of(e).dmarc;
        dmarc.now.iter_mut().chain(&mut dmarc.before).for_each(change);
    }

    fn none(e: &mut Evidence) {
        let dmarc = &mut of(e).dmarc;
        (dmarc.now, dmarc.before, dmarc.reports) = (None, None, Vec::new());
        for at in &mut dmarc.walk {
            (at.texts, at.records) = (Some(Vec::new()), 0);
        }
    }

    fn own(e: &mut Evidence, texts: &[&str], records: u32, is_ignored: bool) {
        none(e);
        let at = &mut of(e).dmarc.walk[0];
        at.texts = Some(texts.iter().map(|text| (*text).to_owned()).collect());
        (at.records, at.is_ignored) = (records, is_ignored);
    }

    #[test]
    fn nothing_is_said_when_nobody_looked_or_nothing_is_known() {
        for rule in RULES {
            check_silent(rule.id, |e| e.mail = None);
            check_silent(rule.id, |e| of(e).dmarc = DmarcFacts::default());
        }
    }

    #[test]
    fn records_that_are_missing_or_of_no_use() {
        check("dmarc-missing", none, Severity::High);
        check_silent("dmarc-missing", |e| {
            none(e);
            of(e).dmarc.is_known = false;
        });
        check_silent("dmarc-missing", |e| of(e).dmarc.now = None);
        let two = ["v=DMARC1; p=none", "v=DMARC1; p=reject"];
        check("dmarc-multiple", |e| own(e, &two, 2, false), Severity::High);
        check_silent("dmarc-multiple", |_| {});
        check_silent("dmarc-missing", |e| own(e, &two, 2, false));
        check("dmarc-syntax", |e| own(e, &["v=DMARC1; p=nothing"], 1, true), Severity::High);
        check("dmarc-syntax", |e| own(e, &["v=dmarc1; p=none"], 0, false), Severity::High);
        check_silent("dmarc-syntax", none);
    }

    #[test]
    fn odd_things() {
        let odd = |kind, text: &'static str| {
            move |e: &mut Evidence| {
                of(e).dmarc.remarks = vec![DmarcRemark { kind, text: text.into(), at: 10 }]
            }
        };
        check("dmarc-syntax", odd(DmarcOddity::BadValue, "adkim=x"), Severity::Low);
        check_seen("dmarc-syntax", odd(DmarcOddity::Twice, "p=none"), "at byte 10: p=none");
        check("dmarc-syntax", odd(DmarcOddity::UnknownTag, "x=1"), Severity::Info);
        check_silent("dmarc-syntax", odd(DmarcOddity::Removed, "pct=50"));
        check("dmarc-removed-tags", odd(DmarcOddity::Removed, "ri=86400"), Severity::Info);
        check(
            "dmarc-removed-tags",
            |e| {
                odd(DmarcOddity::Removed, "pct=50")(e);
                record(e, |found| found.percent = Some(50));
            },
            Severity::Low,
        );
        check_silent("dmarc-removed-tags", odd(DmarcOddity::UnknownTag, "x=1"));
    }

    #[test]
    fn policies() {
        let policy =
            |policy| move |e: &mut Evidence| record(e, |found| (found.own, found.policy) = (policy, policy));
        check("dmarc-policy-none", policy(MailPolicy::None), Severity::Medium);
        check_silent("dmarc-policy-none", policy(MailPolicy::Quarantine));
        let test = |e: &mut Evidence| {
            record(e, |found| {
                (found.own, found.policy, found.is_test) = (MailPolicy::Quarantine, MailPolicy::None, true);
            })
        };
        check("dmarc-test-mode", test, Severity::Low);
        check_silent("dmarc-policy-none", test);
        check_silent("dmarc-test-mode", |_| {});
        check(
            "dmarc-subdomain-weaker",
            |e| record(e, |found| found.below = MailPolicy::None),
            Severity::Medium,
        );
        check(
            "dmarc-subdomain-weaker",
            |e| record(e, |found| found.absent = MailPolicy::Quarantine),
            Severity::Medium,
        );
        check_silent("dmarc-subdomain-weaker", |e| record(e, |found| found.own = MailPolicy::None));
    }

    #[test]
    fn reports() {
        let report = |is_aggregate, is_authorised| DmarcReports {
            domain: "rapporten.example".into(),
            is_aggregate,
            is_external: true,
            is_authorised,
        };
        check("dmarc-no-rua", |e| of(e).dmarc.reports.clear(), Severity::Low);
        check("dmarc-no-rua", |e| of(e).dmarc.reports = vec![report(false, None)], Severity::Low);
        check_silent("dmarc-no-rua", |_| {});
        check("dmarc-ruf", |e| of(e).dmarc.reports.push(report(false, Some(true))), Severity::Low);
        check_silent("dmarc-ruf", |_| {});
        check(
            "dmarc-rua-not-authorised",
            |e| of(e).dmarc.reports.push(report(true, Some(false))),
            Severity::Low,
        );
        for is_authorised in [None, Some(true)] {
            check_silent("dmarc-rua-not-authorised", |e| {
                of(e).dmarc.reports.push(report(true, is_authorised))
            });
        }
    }

    #[test]
    fn two_generations() {
        let before = |change: fn(&mut DmarcFound)| {
            move |e: &mut Evidence| {
                of(e).dmarc.before.iter_mut().for_each(change);
            }
        };
        check(
            "dmarc-generations-differ",
            before(|found| found.organization = "example".into()),
            Severity::Low,
        );
        check("dmarc-generations-differ", |e| of(e).dmarc.before = None, Severity::Low);
        check_silent("dmarc-generations-differ", none);
        check_silent("dmarc-generations-differ", before(|found| found.policy = MailPolicy::Quarantine));
    }

    #[test]
    fn domains_that_do_not_mail() {
        let silent = |e: &mut Evidence| {
            let mail = of(e);
            (mail.mx, mail.has_null_mx) = (Some(Vec::new()), true);
            mail.spf = SpfFacts {
                texts: Some(vec!["v=spf1 -all".into()]),
                all: Some(SpfAll::Fail),
                is_whole: true,
                ..SpfFacts::default()
            };
        };
        check_silent("mail-silent-unprotected", silent);
        check_silent("mail-silent-unprotected", |_| {});
        check(
            "mail-silent-unprotected",
            |e| {
                silent(e);
                record(e, |found| found.policy = MailPolicy::Quarantine);
            },
            Severity::Medium,
        );
        check(
            "mail-silent-unprotected",
            |e| {
                silent(e);
                none(e);
            },
            Severity::High,
        );
        check(
            "mail-silent-unprotected",
            |e| {
                silent(e);
                of(e).spf = SpfFacts { texts: Some(Vec::new()), is_whole: true, ..SpfFacts::default() };
            },
            Severity::Medium,
        );
        check_silent("dmarc-missing", |e| {
            silent(e);
            none(e);
        });
    }
}
