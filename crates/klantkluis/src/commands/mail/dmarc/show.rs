//! `mail dmarc show`: the record that holds for a domain, word for word, by the tree walk and by the suffix list.

use std::collections::HashMap;

use anyhow::Result;
use kluis_mail::dmarc::{self, Alignment, Found, Generation, Policy, Psd, Record, RemarkKind};
use kluis_mail::dns::{Answer, Answers, Question, RecordKind, is_within};
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::super::Outcome;
use super::super::ask::{ask, domain};
use super::super::clean;
use super::clean_long;
use crate::args_mail_dmarc::DmarcShowArgs;
use crate::talk;

/// Other domains that are asked whether they take reports.
const REPORTS_MAX: usize = 5;

/// Characters of a record that a remark repeats.
const ABOUT_CHARS_MAX: usize = 60;

/// What was found out.
struct Shown {
    /// By RFC 9989, and by RFC 7489.
    by: [Of; 2],
    /// Texts at `_dmarc.` of the domain that begin like a record.
    texts: Vec<String>,
    /// The text of the record that holds by RFC 9989.
    text: Option<String>,
    /// Whether the DNS was silent about the domain's own record.
    is_unanswered: bool,
    reports: Vec<Reports>,
}

/// What one generation makes of it.
struct Of {
    found: Option<Found>,
    organization: String,
    policy: Policy,
}

/// An address for reports.
struct Reports {
    uri: String,
    /// Whether it is at another organization; then it must say that it takes reports (RFC 9990 §4).
    is_external: bool,
    is_authorised: Option<bool>,
}

pub(crate) async fn run(is_json: bool, lang: Lang, args: &DmarcShowArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let shown = ask(&domain, &args.dns, lang, |answers| look(&domain, answers)).await?;
    if shown.is_unanswered && shown.by[0].found.is_none() {
        return Err(super::super::ask::no_answer(&format!("_dmarc.{domain}"), lang));
    }
    if is_json {
        talk::print_json(&as_json(&domain, &shown))?;
    } else {
        for line in as_words(&domain, &shown, lang) {
            talk::print(line)?;
        }
    }
    let record = shown.by[0].found.as_ref();
    let bad = usize::from(record.is_none())
        + usize::from(differ(&shown))
        + usize::from(shown.texts.len() > 1)
        + record.map_or(0, |found| found.record.remarks.len())
        + shown.reports.iter().filter(|reports| reports.is_authorised == Some(false)).count();
    Ok(Outcome::of_findings(bad))
}

fn look(domain: &str, answers: &HashMap<Question, Answer>) -> Result<Shown, Vec<Question>> {
    let one = |question: Question| vec![question];
    let of = |generation| -> Result<Of, Vec<Question>> {
        let (found, organization) = dmarc::discover(domain, generation, answers).map_err(one)?;
        let policy = found.as_ref().map_or(Policy::None, |found| {
            let record = &found.record;
            let policy = if found.domain == domain { record.own() } else { record.below() };
            if record.is_test && generation == Generation::TreeWalk { policy.in_test() } else { policy }
        });
        Ok(Of { found, organization, policy })
    };
    let by = [of(Generation::TreeWalk)?, of(Generation::SuffixList)?];
    let own = Question::new(&format!("_dmarc.{domain}"), RecordKind::Txt);
    let is_unanswered = answers.find(&own) == Some(&Answer::Failed);
    let texts = texts_at(&own.name, answers);
    let holds = by[0].found.as_ref().map(|found| format!("_dmarc.{}", found.domain));
    let text = holds.and_then(|name| texts_at(&name, answers).into_iter().next());
    let reports = match &by[0].found {
        Some(found) => reports(found, &by[0].organization, answers)?,
        None => Vec::new(),
    };
    Ok(Shown { by, texts, text, is_unanswered, reports })
}

fn texts_at(name: &str, answers: &impl Answers) -> Vec<String> {
    let Some(Answer::Txt(texts)) = answers.find(&Question::new(name, RecordKind::Txt)) else {
        return Vec::new();
    };
    let records = texts.iter().filter(|text| dmarc::is_record(text));
    records.map(|text| clean_long(&String::from_utf8_lossy(text))).collect()
}

fn reports(found: &Found, organization: &str, answers: &impl Answers) -> Result<Vec<Reports>, Vec<Question>> {
    let (mut reports, mut missing) = (Vec::new(), Vec::new());
    for address in found.record.aggregate.iter().take(REPORTS_MAX) {
        let lower = address.uri.to_ascii_lowercase();
        let to = lower.strip_prefix("mailto:").and_then(|rest| rest.rsplit_once('@')).map(|(_, to)| to);
        let is_external = to.is_some_and(|to| !is_within(to, organization));
        let question = to
            .filter(|_| is_external)
            .map(|to| Question::new(&format!("{}._report._dmarc.{to}", found.domain), RecordKind::Txt));
        let is_authorised = match question {
            None => None,
            Some(question) => match answers.find(&question) {
                None => {
                    missing.push(question);
                    None
                }
                Some(Answer::Failed) => None,
                Some(Answer::Txt(texts)) => Some(texts.iter().any(|text| text.starts_with(b"v=DMARC1"))),
                Some(_) => Some(false),
            },
        };
        reports.push(Reports { uri: address.uri.clone(), is_external, is_authorised });
    }
    if missing.is_empty() { Ok(reports) } else { Err(missing) }
}

/// Whether the two generations differ in what they do. A rehearsal alone is no difference between them, nor is anything
/// without a record.
fn differ(shown: &Shown) -> bool {
    let [new, old] = &shown.by;
    let place = |of: &Of| of.found.as_ref().map(|found| found.domain.clone());
    let is_any = new.found.is_some() || old.found.is_some();
    is_any && (place(new) != place(old) || new.organization != old.organization)
}

fn as_json(domain: &str, shown: &Shown) -> Value {
    let of = |of: &Of| {
        json!({
            "found_at": of.found.as_ref().map(|found| &found.domain),
            "organization": of.organization,
            "policy": of.policy.word(),
            "own": of.found.as_ref().map(|found| found.record.own().word()),
            "below": of.found.as_ref().map(|found| found.record.below().word()),
            "absent": of.found.as_ref().map(|found| found.record.absent().word()),
            "is_test": of.found.as_ref().is_some_and(|found| found.record.is_test),
        })
    };
    let reports = shown.reports.iter().map(|reports| {
        json!({"uri": reports.uri, "is_external": reports.is_external, "is_authorised": reports.is_authorised})
    });
    let remarks = shown.by[0]
        .found
        .iter()
        .flat_map(|found| &found.record.remarks)
        .map(|remark| json!({"text": remark_words(remark.kind, Lang::En), "at": remark.span.start}));
    json!({
        "domain": domain,
        "record": shown.text,
        "records": shown.texts,
        "rfc9989": of(&shown.by[0]),
        "rfc7489": of(&shown.by[1]),
        "differ": differ(shown),
        "reports": reports.collect::<Vec<_>>(),
        "remarks": remarks.collect::<Vec<_>>(),
    })
}

fn as_words(domain: &str, shown: &Shown, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    if shown.texts.len() > 1 {
        lines.push(format!(
            "✗ {} {}",
            shown.texts.len(),
            lang.pick(
                "DMARC-records bij één naam: geen van alle telt (RFC 9989 §4.7)",
                "DMARC records at one name: none of them counts (RFC 9989 §4.7)"
            )
        ));
        lines.extend(shown.texts.iter().map(|text| format!("    {text}")));
    }
    for (of, name) in shown.by.iter().zip([
        lang.pick("Nieuwe standaard (RFC 9989, boom)", "New standard (RFC 9989, tree)"),
        lang.pick("Oude standaard (RFC 7489, achtervoegsels)", "Old standard (RFC 7489, suffixes)"),
    ]) {
        lines.push(match &of.found {
            None => format!("✗ {name}: {}", lang.pick("geen record", "no record")),
            Some(found) => format!(
                "{} {name}: {} _dmarc.{} · {} {} · {} {}",
                if of.policy == Policy::None { "!" } else { "✓" },
                lang.pick("record bij", "record at"),
                clean(&found.domain),
                lang.pick("beleid voor", "policy for"),
                format_args!("{}: {}", clean(domain), of.policy.word()),
                lang.pick("organisatie", "organization"),
                clean(&of.organization)
            ),
        });
    }
    if differ(shown) {
        lines.push(format!(
            "! {}",
            lang.pick(
                "De standaarden zijn het niet eens: ontvangers kunnen verschillend met deze mail omgaan. Een eigen record bij elk domein dat verstuurt, neemt het verschil weg.",
                "The standards disagree: receivers may treat this mail differently. A record at every domain that sends takes the difference away.",
            )
        ));
    }
    if let Some(found) = &shown.by[0].found {
        lines.extend(shown.text.iter().map(|text| format!("\n    {text}\n")));
        lines.extend(tags(&found.record, lang).into_iter().map(|text| format!("  {text}")));
        for remark in &found.record.remarks {
            let about = shown.text.as_deref().and_then(|text| text.get(remark.span.start..remark.span.end));
            let about = about.map(str::trim).filter(|about| !about.is_empty());
            let place = about.map_or_else(
                || format!("{} {}", lang.pick("teken", "character"), remark.span.start + 1),
                |about| about.chars().take(ABOUT_CHARS_MAX).collect(),
            );
            lines.push(format!("  ! {place}: {}", remark_words(remark.kind, lang)));
        }
    }
    lines.extend(shown.reports.iter().filter_map(|reports| report_words(reports, lang)));
    if shown.by.iter().all(|of| of.found.is_none()) {
        lines.push(format!(
            "→ {} _dmarc.{} TXT \"v=DMARC1; p=none; rua=mailto:…\" ({} klantkluis mail plan)",
            lang.pick("Begin met", "Begin with"),
            clean(domain),
            lang.pick("helemaal uitgewerkt door:", "worked out in full by:")
        ));
    }
    lines
}

/// The tags in words.
fn tags(record: &Record, lang: Lang) -> Vec<String> {
    let does = |policy: Policy| match policy {
        Policy::None => lang.pick("alleen rapporteren", "only report"),
        Policy::Quarantine => lang.pick("naar de ongewenste mail", "to the junk folder"),
        Policy::Reject => lang.pick("weigeren", "refuse"),
    };
    let mut lines = vec![format!(
        "p={}: {} {}",
        record.own().word(),
        lang.pick("vervalste mail", "forged mail:"),
        does(record.own())
    )];
    let mut line = |tag: String, text: &str| lines.push(format!("{tag}: {text}"));
    if let Some(policy) = record.subdomains {
        line(
            format!("sp={}", policy.word()),
            &format!("{} {}", lang.pick("namen eronder:", "names below:"), does(policy)),
        );
    }
    if let Some(policy) = record.nonexistent {
        let names = lang.pick("namen die niet bestaan:", "names that do not exist:");
        line(format!("np={}", policy.word()), &format!("{names} {}", does(policy)));
    }
    if record.is_test {
        line(
            "t=y".to_owned(),
            lang.pick(
                "een oefening: ontvangers doen één stap milder",
                "a rehearsal: receivers act one step milder",
            ),
        );
    }
    for (tag, mode) in [("adkim", record.dkim), ("aspf", record.spf)] {
        if mode == Alignment::Strict {
            line(
                format!("{tag}=s"),
                lang.pick("het domein moet precies gelijk zijn", "the domain must be exactly the same"),
            );
        }
    }
    match record.psd {
        Psd::Unknown => {}
        Psd::No => line(
            "psd=n".to_owned(),
            lang.pick("dit is een eigen organisatie", "this is an organization of its own"),
        ),
        Psd::Yes => {
            line("psd=y".to_owned(), lang.pick("hieronder registreren anderen", "others register below this"))
        }
    }
    if let Some(percent) = record.percent {
        line(
            format!("pct={percent}"),
            lang.pick("telt niet meer in de nieuwe standaard", "does not count in the new standard"),
        );
    }
    if record.aggregate.is_empty() {
        line("rua".to_owned(), lang.pick("ontbreekt: er komen geen rapporten", "missing: no reports come"));
    }
    if !record.failure.is_empty() {
        line(
            "ruf".to_owned(),
            lang.pick(
                "vraagt om berichten met persoonsgegevens; beter weglaten",
                "asks for messages with personal data; better left out",
            ),
        );
    }
    lines
}

fn report_words(reports: &Reports, lang: Lang) -> Option<String> {
    let uri = clean(&reports.uri);
    match (reports.is_external, reports.is_authorised) {
        (false, _) => Some(format!("  rua: {uri}")),
        (true, Some(true)) => {
            Some(format!("  ✓ rua: {uri} ({})", lang.pick("neemt rapporten aan", "takes reports")))
        }
        (true, Some(false)) => Some(format!(
            "  ✗ rua: {uri} ({})",
            lang.pick(
                "zegt nergens dat het deze rapporten aanneemt; dan stuurt niemand ze",
                "says nowhere that it takes these reports; then nobody sends them"
            )
        )),
        (true, None) => Some(format!(
            "  ? rua: {uri} ({})",
            lang.pick("geen antwoord van de DNS", "no answer of the DNS")
        )),
    }
}

fn remark_words(kind: RemarkKind, lang: Lang) -> &'static str {
    match kind {
        RemarkKind::UnknownTag => lang.pick("een onbekend woord", "an unknown tag"),
        RemarkKind::RemovedTag => {
            lang.pick("bestaat niet meer in de nieuwe standaard", "no longer exists in the new standard")
        }
        RemarkKind::RemovedSize => {
            lang.pick("een grens aan de grootte bestaat niet meer", "a limit on the size no longer exists")
        }
        RemarkKind::BadValue => lang.pick("een waarde die niet kan", "a value that is not allowed"),
        RemarkKind::Twice => {
            lang.pick("staat er twee keer; de eerste telt", "stands twice; the first counts")
        }
        RemarkKind::BadAddress => {
            lang.pick("een rapportadres dat geen mailto: is", "a report address that is no mailto:")
        }
        RemarkKind::PolicyNotSecond => {
            lang.pick("p moet direct na v=DMARC1 staan", "p must stand right after v=DMARC1")
        }
        RemarkKind::Syntax => lang.pick("losse tekst", "stray text"),
    }
}
