//! `mail senderid check`: what is left of Sender ID, and the address that it would have judged in a message.

use anyhow::Result;
use kluis_mail::message::{Message, with_crlf};
use kluis_mail::sender_id::{self, Client, Fact, Pra, PraProblem};
use kluis_mail::spf::Verdict;
use kluis_mail::spf::trace::{problem_words, result_words};
use kluis_model::{Lang, Text};
use serde_json::{Value, json};

use super::super::Outcome;
use super::ask::{ask, domain};
use super::clean;
use super::verify::read_message;
use crate::args_mail_tools::SenderIdArgs;
use crate::talk;
use crate::wire::Hinted;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SenderIdArgs) -> Result<Outcome> {
    match (&args.domain, &args.message) {
        (Some(name), _) => records(is_json, lang, &domain(name, lang)?, args).await,
        (None, _) => message(is_json, lang, args).await,
    }
}

/// Old records of a domain.
async fn records(is_json: bool, lang: Lang, domain: &str, args: &SenderIdArgs) -> Result<Outcome> {
    let lint = |answers: &_| sender_id::lint(domain, answers).map_err(|question| vec![question]);
    let facts = ask(domain, &args.dns, lang, lint).await?;
    if is_json {
        let fact = |fact: &Fact| {
            let words = fact_words(fact);
            json!({"kind": fact_kind(fact), "nl": words.nl, "en": words.en})
        };
        talk::print_json(&json!({"domain": domain, "facts": facts.iter().map(fact).collect::<Vec<_>>()}))?;
        return Ok(Outcome::of_findings(facts.len()));
    }
    if facts.is_empty() {
        talk::print(format!(
            "✓ {domain} {}",
            lang.pick(
                "heeft geen records van Sender ID; zo hoort het",
                "has no records of Sender ID, as it should be"
            )
        ))?;
    }
    for fact in &facts {
        talk::print(format!("! {}", clean(fact_words(fact).get(lang))))?;
    }
    if !facts.is_empty() {
        talk::print(lang.pick(
            "Sender ID (RFC 4406, 2006) is opgeheven; geen bekende ontvanger kijkt er nog naar. Ruim deze records op: SPF, DKIM en DMARC doen het werk.",
            "Sender ID (RFC 4406, 2006) is historic; no known receiver looks at it any more. Remove these records: SPF, DKIM and DMARC do the work.",
        ))?;
    }
    Ok(Outcome::of_findings(facts.len()))
}

fn fact_kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Historic { .. } => "historic",
        Fact::SameAsSpf { .. } => "same_as_spf",
        Fact::TwiceInScope { .. } => "twice",
        Fact::NoScope { .. } => "no_scope",
        Fact::Broken { .. } => "broken",
    }
}

fn fact_words(fact: &Fact) -> Text {
    match fact {
        Fact::Historic { record } => Text::new(
            format!("record van Sender ID, kan weg: {record}"),
            format!("a record of Sender ID, can go: {record}"),
        ),
        Fact::SameAsSpf { record } => Text::new(
            format!("dit zegt hetzelfde als uw SPF-record: {record}"),
            format!("this says the same as your SPF record: {record}"),
        ),
        Fact::TwiceInScope { scope } => Text::new(
            format!("er zijn twee records voor {scope}; oude ontvangers zagen dat als fout"),
            format!("there are two records for {scope}; old receivers took that for an error"),
        ),
        Fact::NoScope { record } => Text::new(
            format!("dit record zegt niet waarvoor het geldt: {record}"),
            format!("this record does not say what it is for: {record}"),
        ),
        Fact::Broken { record, error } => {
            let what = problem_words(error.problem);
            Text::new(
                format!("dit record is fout ({}): {record}", what.nl),
                format!("this record is wrong ({}): {record}", what.en),
            )
        }
    }
}

/// The purported responsible address of a message.
async fn message(is_json: bool, lang: Lang, args: &SenderIdArgs) -> Result<Outcome> {
    let file = args.message.as_deref().unwrap_or_else(|| std::path::Path::new("-"));
    let bytes = read_message(file, lang)?;
    let bytes = with_crlf(&bytes);
    let message = Message::read(&bytes).map_err(|error| {
        Hinted::error(
            error.to_string(),
            lang.pick("bewaar het bericht met alle kopregels", "save the message with all its headers"),
        )
    })?;
    let pra = sender_id::pra(&message);
    let verdict = match (&pra, args.client) {
        (Ok(pra), Some(address)) => {
            let now_s = jiff::Timestamp::now().as_second();
            let client = Client { address, helo: &pra.mailbox.domain, receiver: "localhost", now_s };
            let judge =
                |answers: &_| sender_id::evaluate(pra, &client, answers).map_err(|question| vec![question]);
            Some(ask(&pra.mailbox.domain, &args.dns, lang, judge).await?)
        }
        _ => None,
    };
    if is_json {
        talk::print_json(&message_json(&pra, verdict.as_ref()))?;
    } else {
        for line in message_words(&pra, verdict.as_ref(), lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::of_findings(usize::from(pra.is_err())))
}

fn message_words(pra: &Result<Pra, PraProblem>, verdict: Option<&Verdict>, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    match pra {
        Ok(pra) => {
            let address = format!("{}@{}", pra.mailbox.local, pra.mailbox.domain);
            lines.push(format!(
                "{} {} ({} {})",
                lang.pick("Sender ID zou kijken naar", "Sender ID would look at"),
                clean(&address),
                lang.pick("uit", "of"),
                pra.field
            ));
            lines.push(format!("  {}", field_words(pra.field).get(lang)));
        }
        Err(problem) => lines.push(format!("✗ {}", problem_text(*problem).get(lang))),
    }
    if let Some(verdict) = verdict {
        let words = result_words(verdict.result);
        lines.push(format!("  {} — {}", verdict.result.word(), words.get(lang)));
    }
    lines.push(
        lang.pick(
            "Sender ID is opgeheven: deze uitkomst is alleen om oude instellingen te begrijpen.",
            "Sender ID is historic: this result only helps to understand old settings.",
        )
        .to_owned(),
    );
    lines
}

/// Why this field was chosen (RFC 4407 §2).
fn field_words(field: &str) -> Text {
    match field {
        "Resent-Sender" | "Resent-From" => Text::new(
            "het bericht is doorgezonden: wie doorzendt, is verantwoordelijk, niet de oorspronkelijke afzender",
            "the message was resent: whoever resent it is responsible, not the first sender",
        ),
        "Sender" => Text::new(
            "er staat een Sender-regel: die gaat voor From",
            "there is a Sender line: it comes before From",
        ),
        _ => Text::new(
            "er is geen Resent-regel en geen Sender: dan telt From",
            "there is no Resent line and no Sender: then From counts",
        ),
    }
}

fn problem_text(problem: PraProblem) -> Text {
    match problem {
        PraProblem::NoFrom => {
            Text::new("er is geen From; Sender ID vindt niets", "there is no From; Sender ID finds nothing")
        }
        PraProblem::Several(field) => Text::new(
            format!("er zijn meer regels {field}; Sender ID vindt niets"),
            format!("there are several {field} lines; Sender ID finds nothing"),
        ),
        PraProblem::NotOne(field) => Text::new(
            format!("in {field} staat niet precies één adres; Sender ID vindt niets"),
            format!("{field} does not hold exactly one address; Sender ID finds nothing"),
        ),
    }
}

fn message_json(pra: &Result<Pra, PraProblem>, verdict: Option<&Verdict>) -> Value {
    json!({
        "field": pra.as_ref().ok().map(|pra| pra.field),
        "address": pra.as_ref().ok().map(|pra| format!("{}@{}", pra.mailbox.local, pra.mailbox.domain)),
        "problem": pra.as_ref().err().map(ToString::to_string),
        "result": verdict.map(|verdict| verdict.result.word()),
        "historic": true,
    })
}
