//! Rules about DKIM: the keys with which the domain's mail is signed.

use super::mail_shared::{mail, mailing, record, short};
use super::shared::{DA, NONE};
use crate::facts::{DkimKey, MailFacts};
use crate::finding::{Part, Rule, Severity, Words};

/// RSA keys below this can be computed by anybody with some money.
const BITS_MIN: u32 = 1024;
/// What new keys should have (RFC 8301 §3.2).
const BITS_GOOD: u32 = 2048;

const EXAMPLE: &str = "winkel2026._domainkey.winkel.example. 3600 IN TXT ( \"v=DKIM1; k=rsa; p=<public key, first part>\" \"<second part>\" )";
const ASK_KEY: Words = Words::new(
    "Vraag elke dienst die voor u mailt: “Zet DKIM aan met een sleutel van 2048 bits op ons eigen domein.”",
    "Ask every service that mails for you: “Switch on DKIM with a key of 2048 bits on our own domain.”",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "dkim-none-found",
        protections: DA,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 6376 §3.6; Google, Yahoo and Microsoft bulk sender rules",
        title: Words::new(
            "Er is geen sleutel voor ondertekende mail gevonden (DKIM)",
            "No key for signed mail was found (DKIM)",
        ),
        why: Words::new(
            "Zonder handtekening kan niemand zien of een mail echt van u is en onderweg niet is veranderd. Gmail en Outlook \
             eisen haar van grote verzenders. Sleutels hebben vrije namen; misschien keken we onder de verkeerde.",
            "Without a signature nobody can see whether a mail is really yours and was not changed on the way. Gmail and \
             Outlook demand one of large senders. Keys have free names; perhaps we looked under the wrong ones.",
        ),
        fix: Words::new(
            "Zet DKIM aan bij elke dienst die voor u mailt. Is het al aan, noem dan de selector (`--selector`).",
            "Switch on DKIM with every service that mails for you. If it is on already, name the selector (`--selector`).",
        ),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mailing(evidence) else { return };
            let dkim = &mail.dkim;
            let is_none =
                dkim.is_whole && !dkim.looked_for.is_empty() && dkim.keys.iter().all(|key| key.is_revoked);
            if is_none {
                let count = dkim.looked_for.len();
                notes.seen(format!("_domainkey.{}", mail.domain), format!("{count} selectors looked for"));
            }
        },
    },
    Rule {
        id: "dkim-weak-key",
        protections: DA,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 8301 §3.2; NCSC-NL (RSA of 2048 bits or more)",
        title: Words::new(
            "Een sleutel voor ondertekende mail is te kort",
            "A key for signed mail is too short",
        ),
        why: Words::new(
            "Een sleutel onder de 1024 bits is te kraken: een ander ondertekent dan mail in uw naam. Ontvangers tellen hem \
             niet meer. Ook 1024 bits is aan vervanging toe.",
            "A key below 1024 bits can be broken: somebody else then signs mail in your name. Receivers no longer count it. \
             1024 bits is due for replacement too.",
        ),
        fix: Words::new(
            "Maak een nieuwe sleutel van 2048 bits onder een nieuwe naam en trek de oude na een maand in.",
            "Make a new key of 2048 bits under a new name, and withdraw the old one after a month.",
        ),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            for key in live(mail).filter(|key| key.kind == "rsa" && key.bits > 0 && key.bits < BITS_GOOD) {
                let severity = if key.bits < BITS_MIN { Severity::High } else { Severity::Low };
                notes.seen_as(severity, name(mail, key), format!("rsa {} bits", key.bits));
            }
        },
    },
    Rule {
        id: "dkim-syntax",
        protections: DA,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 6376 §3.6.1",
        title: Words::new("Een sleutelrecord (DKIM) is niet te lezen", "A key record (DKIM) cannot be read"),
        why: Words::new(
            "Mail met deze handtekening telt als niet ondertekend. Vaak is de sleutel bij het plakken afgebroken.",
            "Mail with this signature counts as unsigned. Often the key was cut off when it was pasted.",
        ),
        fix: Words::new(
            "Zet het record opnieuw neer, precies zoals uw maildienst het geeft.",
            "Publish the record again, exactly as your mail service gives it.",
        ),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            for key in &mail.dkim.keys {
                if let Some(problem) = &key.problem {
                    notes.seen(name(mail, key), short(problem));
                }
            }
        },
    },
    Rule {
        id: "dkim-test-mode",
        protections: DA,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 6376 §3.6.1 (t=y)",
        title: Words::new("Een sleutel staat nog op proef (t=y)", "A key is still in test mode (t=y)"),
        why: Words::new(
            "In de proefstand mogen ontvangers doen alsof er geen handtekening is.",
            "In test mode receivers may act as if there were no signature.",
        ),
        fix: Words::new("Haal `t=y` uit het sleutelrecord.", "Remove `t=y` from the key record."),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            live(mail).filter(|key| key.is_test).for_each(|key| notes.seen(name(mail, key), "t=y"));
        },
    },
    Rule {
        id: "dkim-sha1",
        protections: DA,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 8301 §3.1",
        title: Words::new("Een sleutel staat alleen de oude SHA-1 toe", "A key allows only the old SHA-1"),
        why: Words::new(
            "SHA-1 is gekraakt; ontvangers tellen zo'n handtekening niet meer.",
            "SHA-1 was broken; receivers no longer count such a signature.",
        ),
        fix: Words::new(
            "Haal `h=sha1` uit het sleutelrecord en onderteken met SHA-256.",
            "Remove `h=sha1` from the key record, and sign with SHA-256.",
        ),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            live(mail).filter(|key| key.is_sha1_only).for_each(|key| notes.seen(name(mail, key), "h=sha1"));
        },
    },
    Rule {
        id: "dkim-revoked",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 6376 §3.6.1 (an empty p=)",
        title: Words::new(
            "Een ingetrokken sleutel staat nog in de DNS",
            "A withdrawn key is still in the DNS",
        ),
        why: Words::new(
            "Dat is netjes: wie nog met de oude sleutel ondertekent, wordt geweigerd. Na een paar maanden mag het weg.",
            "That is as it should be: whoever still signs with the old key is refused. After some months it can go.",
        ),
        fix: Words::new("Niets nodig.", "Nothing needed."),
        snippets: &record("oud._domainkey.winkel.example. 3600 IN TXT \"v=DKIM1; p=\"", ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let revoked = mail.dkim.keys.iter().filter(|key| key.is_revoked);
            revoked.for_each(|key| notes.seen(name(mail, key), "p="));
        },
    },
    Rule {
        id: "dkim-wildcard",
        protections: DA,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 6376 §6.1.2; RFC 4592",
        title: Words::new(
            "Elke naam geeft een sleutel (jokerteken in de DNS)",
            "Every name yields a key (a wildcard in the DNS)",
        ),
        why: Words::new(
            "Dan is niet te zien welke sleutels u echt gebruikt, en een ingetrokken sleutel komt vanzelf weer terug.",
            "Then it cannot be seen which keys you really use, and a withdrawn key comes back by itself.",
        ),
        fix: Words::new(
            "Vervang het jokerteken (`*`) door een record voor elke sleutel.",
            "Replace the wildcard (`*`) with a record for each key.",
        ),
        snippets: &record(EXAMPLE, ASK_KEY),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            if mail.dkim.has_wildcard {
                notes.seen(format!("*._domainkey.{}", mail.domain), "a key");
            }
        },
    },
];

/// Keys that are in use, as far as can be seen.
fn live(mail: &MailFacts) -> impl Iterator<Item = &DkimKey> {
    mail.dkim.keys.iter().filter(|key| !key.is_revoked && key.problem.is_none())
}

fn name(mail: &MailFacts, key: &DkimKey) -> String {
    let name = format!("{}._domainkey.{}", short(&key.selector), mail.domain);
    match &key.alias {
        Some(alias) => format!("{name} ({})", short(alias)),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DkimFacts, Evidence};
    use crate::rules::testing::{check, check_seen, check_silent};
    use crate::rules::testing_mail::mail as of;

    fn key(e: &mut Evidence) -> &mut DkimKey {
        &mut of(e).dkim.keys[0]
    }

    #[test]
    fn nothing_is_said_when_nobody_looked_or_nothing_is_known() {
        for rule in RULES {
            check_silent(rule.id, |e| e.mail = None);
            check_silent(rule.id, |e| of(e).dkim = DkimFacts::default());
        }
    }

    #[test]
    fn keys_that_are_not_there() {
        check("dkim-none-found", |e| of(e).dkim.keys.clear(), Severity::Low);
        check(
            "dkim-none-found",
            |e| of(e).dkim.keys.iter_mut().for_each(|key| key.is_revoked = true),
            Severity::Low,
        );
        check_silent("dkim-none-found", |e| {
            of(e).dkim.keys.clear();
            of(e).dkim.is_whole = false;
        });
        check_silent("dkim-none-found", |e| {
            of(e).dkim.keys.clear();
            of(e).has_null_mx = true;
        });
        check("dkim-revoked", |e| key(e).is_revoked = true, Severity::Info);
        check_silent("dkim-revoked", |_| {});
    }

    #[test]
    fn keys_that_are_weak() {
        for (bits, severity) in
            [(384, Severity::High), (1023, Severity::High), (1024, Severity::Low), (2047, Severity::Low)]
        {
            check("dkim-weak-key", |e| key(e).bits = bits, severity);
        }
        check_silent("dkim-weak-key", |e| key(e).bits = 4096);
        check_silent("dkim-weak-key", |e| {
            key(e).bits = 512;
            key(e).is_revoked = true;
        });
        check_silent("dkim-weak-key", |e| (key(e).kind, key(e).bits) = ("ed25519".into(), 256));
        let alias = |e: &mut Evidence| {
            key(e).bits = 1024;
            key(e).alias = Some("winkel.dienst.example".into());
        };
        check_seen(
            "dkim-weak-key",
            alias,
            "winkel._domainkey.winkel.example (winkel.dienst.example): rsa 1024 bits",
        );
    }

    #[test]
    fn keys_that_do_not_count() {
        check("dkim-test-mode", |e| key(e).is_test = true, Severity::Low);
        check_silent("dkim-test-mode", |_| {});
        check("dkim-sha1", |e| key(e).is_sha1_only = true, Severity::Medium);
        check_silent("dkim-sha1", |_| {});
        check("dkim-syntax", |e| key(e).problem = Some("not a key".into()), Severity::Medium);
        check_silent("dkim-syntax", |_| {});
        check("dkim-wildcard", |e| of(e).dkim.has_wildcard = true, Severity::Low);
        check_silent("dkim-wildcard", |_| {});
    }
}
