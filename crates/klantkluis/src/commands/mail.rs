//! `mail`: whether a saved message is really from whom it says, and what receivers report about mail in a domain's name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kluis_checks::report::is_hostile;
use kluis_mail::arc::{self, Chain};
use kluis_mail::dkim::{self, Change, Check, DkimResult, Reason};
use kluis_mail::dmarc::{self, Authenticated, Generation, Outcome as DmarcOutcome, Policy};
use kluis_mail::dns::{Answer, Question};
use kluis_mail::message::{Message, mailboxes, with_crlf};
use kluis_mail::report::{self, Category, Content, Counts, Fold, Known, Limits, Stream};
use kluis_mail::{catalogue, spf};
use kluis_model::Lang;
use kluis_net::AuditOptions;
use serde_json::{Value, json};

use super::Outcome;
use crate::args::{MailCommand, MailReportsArgs, MailVerifyArgs};
use crate::config_check::name_server;
use crate::talk;
use crate::wire::Hinted;

/// Bytes of a message that are read.
const MESSAGE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// Time for all questions to the DNS.
const DNS_TIME: Duration = Duration::from_secs(30);

/// Runs one of the commands; none needs settings or a vault.
pub(crate) async fn run(is_json: bool, lang: Lang, command: MailCommand) -> Result<Outcome> {
    match command {
        MailCommand::Verify(args) => verify(is_json, lang, args).await,
        MailCommand::Reports(args) => reports(is_json, lang, &args),
    }
}

/// What was found out about a message.
struct Verdict {
    dkim: dkim::Report,
    arc: Chain,
    spf: Option<spf::Verdict>,
    /// By RFC 9989, and by RFC 7489.
    dmarc: [dmarc::Verdict; 2],
}

async fn verify(is_json: bool, lang: Lang, args: MailVerifyArgs) -> Result<Outcome> {
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
    let message = Message::read(&bytes).map_err(|error| broken(error.to_string()))?;
    let author = author(&message).ok_or_else(|| {
        broken(
            lang.pick("er staat geen bruikbare afzender (From) in", "it has no usable sender (From)")
                .to_owned(),
        )
    })?;
    let mut options = AuditOptions { total: DNS_TIME, ..AuditOptions::default() };
    if let Some(text) = &args.dns {
        options.dns = Some(name_server(text).context("--dns")?);
    }
    let envelope = args.client.zip(args.sender.as_deref());
    let now_s = jiff::Timestamp::now().as_second();
    let judged =
        kluis_net::with_dns(&author, &options, |answers| judge(&message, &author, envelope, now_s, answers));
    let verdict = judged.await.map_err(|error| Hinted::error(error.message(lang), error.hint(lang)))?;
    let verdict = verdict.context("the DNS never answered enough")?;
    if is_json {
        talk::print_json(&as_json(&author, &verdict))?;
    } else {
        for line in as_words(&author, &verdict, lang) {
            talk::print(line)?;
        }
    }
    Ok(if verdict.dmarc[0].outcome == DmarcOutcome::Pass { Outcome::Good } else { Outcome::Findings })
}

fn read_message(file: &Path, lang: Lang) -> Result<Vec<u8>> {
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

/// Text of a stranger for the terminal: without what could steer it, at most 255 characters.
fn clean(text: &str) -> String {
    text.chars().take(255).filter(|c| !is_hostile(*c)).collect()
}

/// Everything that was read of all files.
#[derive(Default)]
struct Readings {
    reports: Vec<report::AggregateReport>,
    keys: BTreeSet<report::Key>,
    twice: u64,
    others: u64,
    refused: Vec<(String, report::Refusal)>,
}

fn reports(is_json: bool, lang: Lang, args: &MailReportsArgs) -> Result<Outcome> {
    for service in &args.service {
        if catalogue::find(service).is_none() {
            return Err(Hinted::error(
                format!(
                    "--service {service}: {}",
                    lang.pick("staat niet in de catalogus", "is not in the catalogue")
                ),
                lang.pick(
                    "kijk welke naam in de tabel staat als u --service weglaat",
                    "look at the name in the table without --service",
                ),
            ));
        }
    }
    let mut read = Readings::default();
    for file in &args.files {
        read_reports(file, lang, &mut read)?;
    }
    let domains: BTreeSet<&str> = read.reports.iter().map(|report| report.domain.as_str()).collect();
    let stream = |domain: &&str| Stream { id: (*domain).to_owned(), domain: (*domain).to_owned() };
    let known = Known {
        streams: domains.iter().map(stream).collect(),
        services: args.service.clone(),
        ..Known::default()
    };
    let mut fold = Fold::new();
    for report in &read.reports {
        fold.add(report, &HashMap::new(), &known);
    }
    let rows = rows(&fold, &known);
    let is_odd = |(_, category, _): &&(String, Category, String)| {
        matches!(category, Category::Unknown | Category::Misuse)
    };
    let odd = rows.keys().filter(is_odd).count();
    if is_json {
        talk::print_json(&reports_json(&read, &rows, fold.rest()))?;
    } else {
        print_reports(&read, &rows, fold.rest(), lang)?;
    }
    for (name, refusal) in &read.refused {
        talk::say(format!("! {}: {}", clean(name), refusal.message(lang)));
    }
    Ok(Outcome::of_findings(odd + read.refused.len()))
}

fn read_reports(file: &Path, lang: Lang, read: &mut Readings) -> Result<()> {
    let opened = File::open(file).map_err(|error| {
        Hinted::error(
            format!("{}: {error}", file.display()),
            lang.pick(
                "geef een bestand dat bestaat en leesbaar is",
                "give a file that exists and can be read",
            ),
        )
    })?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut on_found = |found: report::Found| match found.content {
        Ok(Content::Aggregate(report)) => {
            if read.keys.insert(report.key()) {
                read.reports.push(*report);
            } else {
                read.twice += 1;
            }
        }
        Ok(Content::Tls(_) | Content::Failure(_) | Content::FailureIgnored) => read.others += 1,
        Err(refusal) => read.refused.push((found.name, refusal)),
    };
    report::open_stream(&name, &mut BufReader::new(opened), &Limits::default(), &mut on_found)
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(())
}

/// Counts by domain, category and source, over all days.
fn rows(fold: &Fold, known: &Known) -> BTreeMap<(String, Category, String), Counts> {
    let mut rows: BTreeMap<(String, Category, String), Counts> = BTreeMap::new();
    for (key, counts) in fold.groups() {
        let domain =
            key.stream.and_then(|at| known.streams.get(at)).map_or("-", |stream| stream.domain.as_str());
        let source = match (key.sender, key.network) {
            (Some(sender), _) => sender.to_owned(),
            (None, Some(network)) => network.to_string(),
            (None, None) => "-".to_owned(),
        };
        *rows.entry((domain.to_owned(), key.category, source)).or_default() += counts;
    }
    rows
}

fn print_reports(
    read: &Readings,
    rows: &BTreeMap<(String, Category, String), Counts>,
    rest: Counts,
    lang: Lang,
) -> Result<()> {
    talk::print(format!(
        "{} {} · {} {} · {} {}",
        read.reports.len(),
        lang.pick("rapporten", "reports"),
        read.twice,
        lang.pick("dubbel", "twice"),
        read.others,
        lang.pick("andere (TLS, storing)", "others (TLS, failure)")
    ))?;
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header([
        lang.pick("domein", "domain"),
        lang.pick("wat", "what"),
        lang.pick("van", "from"),
        lang.pick("berichten", "messages"),
        lang.pick("in orde", "passed"),
        "DKIM",
        "SPF",
        lang.pick("ongewenst", "junk"),
        lang.pick("geweigerd", "refused"),
    ]);
    for ((domain, category, source), counts) in rows {
        table.add_row([
            clean(domain),
            category.name(lang).to_owned(),
            catalogue::find(source)
                .map_or_else(|| clean(source), |sender| format!("{} ({source})", sender.name)),
            counts.messages.to_string(),
            counts.passed.to_string(),
            counts.dkim.to_string(),
            counts.spf.to_string(),
            counts.quarantined.to_string(),
            counts.rejected.to_string(),
        ]);
    }
    talk::print(table.to_string())?;
    if rest.messages > 0 {
        talk::print(format!(
            "{} {}",
            rest.messages,
            lang.pick(
                "berichten van te veel bronnen om apart te tellen",
                "messages of too many sources to count apart"
            )
        ))?;
    }
    Ok(())
}

fn reports_json(read: &Readings, rows: &BTreeMap<(String, Category, String), Counts>, rest: Counts) -> Value {
    let row = |((domain, category, source), counts): (&(String, Category, String), &Counts)| {
        json!({
            "domain": domain, "category": category.word(), "source": source,
            "messages": counts.messages, "passed": counts.passed, "dkim": counts.dkim, "spf": counts.spf,
            "quarantined": counts.quarantined, "rejected": counts.rejected, "overridden": counts.overridden,
        })
    };
    json!({
        "reports": read.reports.len(), "twice": read.twice, "others": read.others,
        "refused": read.refused.iter().map(|(name, why)| json!({"name": name, "why": why.message(Lang::En)})).collect::<Vec<_>>(),
        "other_messages": rest.messages,
        "sources": rows.iter().map(row).collect::<Vec<_>>(),
    })
}
