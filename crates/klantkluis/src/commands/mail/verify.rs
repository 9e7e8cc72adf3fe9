//! `mail verify`: whether a saved message really comes from whom it says, and why.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result};
use kluis_mail::arc::{self, Chain};
use kluis_mail::dkim::{self, Change, Check, DkimResult, Reason};
use kluis_mail::dmarc::{self, Authenticated, Generation, Outcome as DmarcOutcome, Policy};
use kluis_mail::dns::{Answer, Question, is_within};
use kluis_mail::message::{Message, mailboxes, with_crlf};
use kluis_mail::spf;
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::Outcome;
use super::ask::ask;
use super::clean;
use crate::args_mail::MailVerifyArgs;
use crate::talk;
use crate::wire::Hinted;

/// Bytes of a message that are read.
const MESSAGE_BYTES_MAX: u64 = 50 * 1024 * 1024;

/// What was found out about a message.
struct Verdict {
    dkim: dkim::Report,
    arc: Chain,
    spf: Option<spf::Verdict>,
    /// By RFC 9989, and by RFC 7489.
    dmarc: [dmarc::Verdict; 2],
}

pub(crate) async fn run(is_json: bool, lang: Lang, args: MailVerifyArgs) -> Result<Outcome> {
    let bytes = read_message(&args.file, lang)?;
    let bytes = with_crlf(&bytes);
    let broken = |why: String| {
        Hinted::error(
            why,
            lang.pick(
                "bewaar het bericht met alle kopregels (in Gmail: Origineel bericht tonen, downloaden) en probeer het opnieuw",
                "save the message with all its headers (in Gmail: Show original, download) and try again",
            ),
        )
    };
    let message = Message::read(&bytes).map_err(|error| {
        broken(match lang {
            Lang::Nl => format!("dit is geen bericht met kopregels ({error})"),
            Lang::En => error.to_string(),
        })
    })?;
    let author = author(&message).ok_or_else(|| {
        broken(
            lang.pick("er staat geen bruikbare afzender (From) in", "it has no usable sender (From)")
                .to_owned(),
        )
    })?;
    let envelope = args.client.zip(args.sender.as_deref());
    let now_s = jiff::Timestamp::now().as_second();
    let judge = |answers: &_| judge(&message, &author, envelope, now_s, answers);
    let verdict = ask(&author, &args.dns, lang, judge).await?;
    let other = other_in_name(&message, &author, &verdict.dmarc[0].organization);
    if is_json {
        let mut json = as_json(&author, &verdict);
        json["other_in_name"] = json!(other);
        talk::print_json(&json)?;
    } else {
        for line in as_words(&author, &verdict, lang) {
            talk::print(line)?;
        }
        if let Some(other) = &other {
            talk::print(format!(
                "! {} {}. {} {}",
                lang.pick("In de naam van de afzender staat", "The name of the sender says"),
                clean(other),
                lang.pick(
                    "Daar komt dit bericht niet vandaan; het komt van",
                    "It does not come from there; it comes from"
                ),
                clean(&author),
            ))?;
        }
    }
    let is_good = verdict.dmarc[0].outcome == DmarcOutcome::Pass && other.is_none();
    Ok(if is_good { Outcome::Good } else { Outcome::Findings })
}

pub(super) fn read_message(file: &Path, lang: Lang) -> Result<Vec<u8>> {
    if file != Path::new("-") {
        return crate::wire::read_bounded(file, MESSAGE_BYTES_MAX, lang);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut bytes).context("standard input")?;
    anyhow::ensure!(
        bytes.len() as u64 <= MESSAGE_BYTES_MAX,
        "a message has at most {MESSAGE_BYTES_MAX} bytes"
    );
    Ok(bytes)
}

/// The domain of the one From address (RFC 9989 §4: several make a message that nothing can be said about).
fn author(message: &Message<'_>) -> Option<String> {
    let mut from = message.named("From");
    let only = from.next().filter(|_| from.next().is_none())?;
    let boxes = mailboxes(only.value()).ok()?;
    let domains: BTreeSet<String> = boxes.iter().map(|mailbox| mailbox.domain.to_ascii_lowercase()).collect();
    domains.iter().next().filter(|_| domains.len() == 1).cloned()
}

/// A domain that the name before the address claims and the address is not of: mail programs on telephones show only
/// the name. Encoded names (RFC 2047) are not read.
fn other_in_name(message: &Message<'_>, author: &str, organization: &str) -> Option<String> {
    let from = message.named("From").next()?;
    let boxes = mailboxes(from.value()).ok()?;
    let names = boxes.iter().filter_map(|mailbox| mailbox.name.as_deref());
    let words = names.flat_map(|name| name.split(|c: char| !(c.is_alphanumeric() || "@.-_".contains(c))));
    let domains = words.filter_map(|word| {
        let (_, domain) = word.rsplit_once('@')?;
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        (domain.contains('.') && domain.len() <= 253).then_some(domain)
    });
    let mut foreign = domains.filter(|domain| !is_within(domain, organization) && !is_within(author, domain));
    foreign.next()
}

fn judge(
    message: &Message<'_>,
    author: &str,
    envelope: Option<(std::net::IpAddr, &str)>,
    now_s: i64,
    answers: &HashMap<Question, Answer>,
) -> Result<Verdict, Vec<Question>> {
    let missing: Vec<Question> =
        dkim::questions(message).into_iter().filter(|question| !answers.contains_key(question)).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let one = |question: Question| vec![question];
    let dkim = dkim::verify(message, now_s, answers).map_err(one)?;
    let arc = arc::evaluate(message, answers).map_err(one)?;
    let spf = match envelope {
        None => None,
        Some((address, sender)) => {
            let query = spf::Query {
                address,
                sender,
                helo: sender.rsplit_once('@').map_or(sender, |(_, domain)| domain),
                identity: spf::Identity::Spf,
                receiver: "localhost",
                now_s,
            };
            Some(spf::evaluate(&query, answers).map_err(one)?)
        }
    };
    let passed = dkim.passed();
    let spf_domain = envelope
        .filter(|_| spf.as_ref().is_some_and(|verdict| verdict.result == spf::SpfResult::Pass))
        .map(|(_, sender)| sender.rsplit_once('@').map_or(sender, |(_, domain)| domain));
    let authenticated = Authenticated { author, spf: spf_domain, dkim: &passed };
    let by = |generation| dmarc::evaluate(&authenticated, generation, answers).map_err(one);
    let dmarc = [by(Generation::TreeWalk)?, by(Generation::SuffixList)?];
    Ok(Verdict { dkim, arc, spf, dmarc })
}

/// The verdict in words: first whether to believe it, then why.
fn as_words(author: &str, verdict: &Verdict, lang: Lang) -> Vec<String> {
    let [now, before] = &verdict.dmarc;
    let author = clean(author);
    let mut lines = vec![match (&now.outcome, verdict.dkim.passed().is_empty()) {
        (DmarcOutcome::Pass, _) => {
            format!("✓ {} {author}", lang.pick("Dit bericht komt echt van", "This message really comes from"))
        }
        (DmarcOutcome::NoRecord, false) => format!(
            "? {} {author} {}",
            lang.pick("Dit bericht is ondertekend, maar", "This message is signed, but"),
            lang.pick(
                "zegt niet (met DMARC) hoe zijn mail te herkennen is",
                "does not say (by DMARC) how its mail is known"
            )
        ),
        (DmarcOutcome::NoRecord | DmarcOutcome::Fail, _) => format!(
            "✗ {} {author}. {}",
            lang.pick(
                "Niets bewijst dat dit bericht komt van",
                "Nothing proves that this message comes from"
            ),
            lang.pick(
                "Klik nergens op; vraag het de afzender langs een andere weg.",
                "Click on nothing; ask the sender in another way."
            )
        ),
    }];
    if verdict.dkim.checks.is_empty() {
        lines.push(format!("  DKIM   {}", lang.pick("niet ondertekend", "not signed")));
    }
    for check in &verdict.dkim.checks {
        lines.extend(signature_words(check, lang));
    }
    match &verdict.spf {
        Some(spf) => lines.push(format!("  SPF    {}", spf.result.word())),
        None => lines.push(format!(
            "  SPF    {}",
            lang.pick(
                "niet bekeken (geef --client en --sender)",
                "not looked at (give --client and --sender)"
            )
        )),
    }
    lines.push(format!("  DMARC  {}", dmarc_words(now, lang)));
    if now.outcome != before.outcome || now.policy != before.policy {
        lines.push(format!(
            "         {}: {}",
            lang.pick(
                "oudere ontvangers (RFC 7489) zien het anders",
                "older receivers (RFC 7489) see it otherwise"
            ),
            dmarc_words(before, lang)
        ));
    }
    for set in &verdict.arc.sets {
        lines.push(format!(
            "  ARC    {} {} ({}: {})",
            lang.pick("doorgestuurd door", "forwarded by"),
            clean(&set.domain),
            lang.pick("keten", "chain"),
            verdict.arc.result.word()
        ));
    }
    lines
}

fn dmarc_words(verdict: &dmarc::Verdict, lang: Lang) -> String {
    let asks = match verdict.policy {
        Policy::None => lang.pick("niets doen", "do nothing"),
        Policy::Quarantine => lang.pick("bij de ongewenste mail leggen", "put it with the junk mail"),
        Policy::Reject => lang.pick("weigeren", "refuse it"),
    };
    match verdict.outcome {
        DmarcOutcome::NoRecord => lang.pick("geen record", "no record").to_owned(),
        DmarcOutcome::Pass => "pass".to_owned(),
        DmarcOutcome::Fail => format!("fail; {} {asks}", lang.pick("het domein vraagt:", "the domain asks:")),
    }
}

fn signature_words(check: &Check, lang: Lang) -> Vec<String> {
    let who = check.signature.as_ref().map_or_else(|| "?".to_owned(), |signature| clean(&signature.domain));
    let mut first = format!("  DKIM   {}: {who}", check.result.word());
    if let Some(reason) = &check.reason {
        first.push_str(&format!(" ({})", reason_words(reason, lang)));
    }
    let changes = check.changes.iter().map(|change| format!("         {}", change_words(change, lang)));
    std::iter::once(first).chain(changes).collect()
}

fn reason_words(reason: &Reason, lang: Lang) -> String {
    let text = match reason {
        Reason::Malformed(_) => lang.pick("de handtekening is onleesbaar", "the signature cannot be read"),
        Reason::Unanswered(_) => lang.pick("de DNS gaf geen antwoord", "the DNS did not answer"),
        Reason::NoKey(_) => lang.pick("de sleutel staat niet in de DNS", "the key is not in the DNS"),
        Reason::BadKey(_) => {
            lang.pick("de sleutel in de DNS is onleesbaar", "the key in the DNS cannot be read")
        }
        Reason::Revoked => lang.pick("de sleutel is ingetrokken", "the key was revoked"),
        Reason::OtherKind => lang.pick("de sleutel is van een andere soort", "the key is of another kind"),
        Reason::NotForMail | Reason::HashNotAllowed | Reason::IdentityNotExact => {
            lang.pick("de sleutel is hier niet voor bedoeld", "the key is not meant for this")
        }
        Reason::BodyChanged | Reason::BodyShorter => {
            lang.pick("de tekst is onderweg veranderd", "the text was changed on the way")
        }
        Reason::HeaderChanged => lang.pick("de kopregels zijn veranderd", "the header was changed"),
        Reason::BothChanged => lang.pick("tekst en kopregels zijn veranderd", "text and header were changed"),
        Reason::Expired { .. } => lang.pick("de handtekening is verlopen", "the signature has expired"),
        Reason::OldHash => lang.pick("ondertekend met SHA-1: te oud", "signed with SHA-1: too old"),
        Reason::SmallKey { bits } => {
            return format!("{} ({bits} bits)", lang.pick("de sleutel is te klein", "the key is too small"));
        }
        Reason::SeveralFrom => {
            lang.pick("het bericht noemt meer afzenders", "the message names several senders")
        }
    };
    text.to_owned()
}

fn change_words(change: &Change, lang: Lang) -> String {
    match change {
        Change::BodyBlanks => {
            lang.pick("alleen spaties of lege regels verschillen", "only blanks differ").to_owned()
        }
        Change::BodyLineEnds => {
            lang.pick("alleen de regeleinden verschillen", "only the line ends differ").to_owned()
        }
        Change::BodyFooter { bytes } | Change::BodyInserted { bytes, .. } => format!(
            "{} ({bytes} bytes)",
            lang.pick(
                "er is tekst bijgezet, zoals een mailinglijst doet",
                "text was added, as a mailing list does"
            )
        ),
        Change::BodyFromQuoted | Change::BodyDots | Change::HeaderBlanks => lang
            .pick("een mailprogramma onderweg heeft het verhaspeld", "a mail program on the way garbled it")
            .to_owned(),
        Change::FieldAdded { name } => {
            format!(
                "{} {}",
                lang.pick("er is een kopregel bijgezet:", "a header field was added:"),
                clean(name)
            )
        }
        Change::SubjectTagged { tag } => {
            format!("{} {}", lang.pick("het onderwerp kreeg een merk:", "the subject got a tag:"), clean(tag))
        }
        Change::FromReplaced { original } => {
            format!(
                "{} {}",
                lang.pick(
                    "de afzender is vervangen; eerst stond hij in",
                    "the sender was replaced; before it was in"
                ),
                clean(original)
            )
        }
    }
}

fn as_json(author: &str, verdict: &Verdict) -> Value {
    let signature = |check: &Check| {
        json!({
            "domain": check.signature.as_ref().map(|signature| &signature.domain),
            "selector": check.signature.as_ref().map(|signature| &signature.selector),
            "result": check.result.word(),
            "reason": check.reason.as_ref().map(|reason| reason_words(reason, Lang::En)),
            "changes": check.changes.iter().map(|change| change_words(change, Lang::En)).collect::<Vec<_>>(),
            "bits": check.key.as_ref().map(|key| key.bits),
        })
    };
    let dmarc = |verdict: &dmarc::Verdict| {
        json!({
            "result": match verdict.outcome {
                DmarcOutcome::NoRecord => "none",
                DmarcOutcome::Pass => "pass",
                DmarcOutcome::Fail => "fail",
            },
            "policy": verdict.policy.word(),
            "organization": verdict.organization,
            "dkim_aligned": verdict.is_dkim_aligned,
            "spf_aligned": verdict.is_spf_aligned,
        })
    };
    json!({
        "author": author,
        "signed": verdict.dkim.checks.iter().any(|check| check.result == DkimResult::Pass),
        "dkim": verdict.dkim.checks.iter().map(signature).collect::<Vec<_>>(),
        "spf": verdict.spf.as_ref().map(|spf| spf.result.word()),
        "dmarc": dmarc(&verdict.dmarc[0]),
        "dmarc_rfc7489": dmarc(&verdict.dmarc[1]),
        "arc": verdict.arc.result.word(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_claims_another_domain_is_told() {
        let other = |from: &str| {
            let text = format!("From: {from}\r\n\r\nhoi\r\n");
            other_in_name(&Message::read(text.as_bytes()).unwrap(), "mail.winkel.example", "winkel.example")
        };
        for (from, wanted) in [
            ("\"Bank service@Bank.example\" <a@mail.winkel.example>", "bank.example"),
            ("\"(service@mijn.bank.example)\" <a@mail.winkel.example>", "mijn.bank.example"),
            ("\"info@winkel.example.boef.test\" <a@mail.winkel.example>", "winkel.example.boef.test"),
            ("\"x@winkel.example y@boef.test\" <a@mail.winkel.example>", "boef.test"),
        ] {
            assert_eq!(other(from).as_deref(), Some(wanted), "{from}");
        }
        for from in [
            "a@mail.winkel.example",
            "\"info@winkel.example\" <a@mail.winkel.example>",
            "\"a@mail.winkel.example via lijst\" <a@mail.winkel.example>",
            "\"Jan @ Winkel\" <a@mail.winkel.example>",
            "\"jan@thuis\" <a@mail.winkel.example>",
            "Winkel.example <a@mail.winkel.example>",
        ] {
            assert_eq!(other(from), None, "{from}");
        }
    }
}
