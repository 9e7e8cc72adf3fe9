//! `mail bulk-check`: the rules of Gmail, Yahoo and Microsoft held against a newsletter as it arrived.

use std::collections::HashMap;

use anyhow::Result;
use kluis_mail::bulk::{self, Envelope, Facts, Judged, Mark, Purpose, Receiver, Rule};
use kluis_mail::dns::{Answer, Question};
use kluis_mail::message::{Message, with_crlf};
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::Outcome;
use super::ask::ask;
use super::clean;
use super::verify::read_message;
use crate::args_mail_tools::BulkCheckArgs;
use crate::talk;
use crate::wire::Hinted;

type Judgement = Vec<(&'static Rule, Judged)>;

pub(super) async fn run(is_json: bool, lang: Lang, args: &BulkCheckArgs) -> Result<Outcome> {
    let bytes = read_message(&args.file, lang)?;
    let bytes = with_crlf(&bytes);
    let message = Message::read(&bytes).map_err(|error| {
        Hinted::error(
            error.to_string(),
            lang.pick(
                "stuur de nieuwsbrief naar een Gmail-adres van uzelf, kies Origineel bericht tonen en download het",
                "send the newsletter to a Gmail address of your own, choose Show original and download it",
            ),
        )
    })?;
    let facts = facts(&message, &bytes, lang, args).await?;
    let judged = bulk::judge(&facts);
    if is_json {
        talk::print_json(&as_json(&facts, &judged))?;
    } else {
        for line in as_words(&facts, &judged, args.offline, lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::of_findings(judged.iter().filter(|(_, judged)| judged.mark == Mark::Bad).count()))
}

async fn facts(message: &Message<'_>, bytes: &[u8], lang: Lang, args: &BulkCheckArgs) -> Result<Facts> {
    let purpose = if args.order_mail { Purpose::Order } else { Purpose::Newsletter };
    let envelope = Envelope { client: args.client, sender: args.sender.clone() };
    let now_s = jiff::Timestamp::now().as_second();
    let rest = (purpose, &envelope, now_s);
    let offline = bulk::collect(message, bytes, rest, None::<&HashMap<Question, Answer>>);
    // Without answers nothing is asked for.
    let offline = offline.map_err(|_| anyhow::anyhow!("asked without answers"))?;
    if args.offline {
        return Ok(offline);
    }
    let name = offline.author().unwrap_or("localhost").to_owned();
    ask(&name, &args.dns, lang, |answers| bulk::collect(message, bytes, rest, Some(answers))).await
}

fn as_words(facts: &Facts, judged: &Judgement, is_offline: bool, lang: Lang) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {}",
        lang.pick("Bericht van", "Message of"),
        facts.author().map_or_else(|| "?".to_owned(), clean)
    )];
    for receiver in Receiver::ALL {
        let of = |mark: Mark| {
            let count =
                |(rule, judged): &&(&Rule, Judged)| rule.receivers.contains(&receiver) && judged.mark == mark;
            judged.iter().filter(count).count()
        };
        let (bad, unknown) = (of(Mark::Bad), of(Mark::Unknown));
        lines.push(format!(
            "  {} {:<15} {}",
            sign(bad, unknown),
            receiver.name(),
            summary(bad, unknown, lang)
        ));
    }
    // What is to be done comes first.
    for (mark, nl, en) in [
        (Mark::Bad, "Niet in orde:", "Not kept:"),
        (Mark::Unknown, "Niet te zien in dit bericht:", "Not visible in this message:"),
        (Mark::Good, "In orde:", "Kept:"),
    ] {
        let mut some = judged.iter().filter(|(_, judged)| judged.mark == mark).peekable();
        if some.peek().is_some() {
            lines.extend([String::new(), lang.pick(nl, en).to_owned()]);
        }
        some.for_each(|(rule, judged)| lines.extend(rule_words(rule, judged, lang)));
    }
    lines.push(String::new());
    if is_offline {
        lines.push(
            lang.pick("De DNS is niet gevraagd (--offline).", "The DNS was not asked (--offline).")
                .to_owned(),
        );
    }
    lines.push(
        lang.pick(
            "Niet aan een bericht te zien: minder dan 0,1% spamklachten (nooit 0,3%; zie Google Postmaster Tools) en uitschrijven binnen 48 uur.",
            "What a message does not show: fewer than 0.1% spam complaints (never 0.3%; see Google Postmaster Tools) and unsubscribing within 48 hours.",
        )
        .to_owned(),
    );
    lines
}

fn sign(bad: usize, unknown: usize) -> &'static str {
    match (bad, unknown) {
        (0, 0) => "✓",
        (0, _) => "?",
        _ => "✗",
    }
}

fn summary(bad: usize, unknown: usize, lang: Lang) -> String {
    let unknown_text = format!("{unknown} {}", lang.pick("niet te zien", "not visible"));
    match (bad, unknown) {
        (0, 0) => lang.pick("alles in orde", "all in order").to_owned(),
        (0, _) => format!("{} {unknown_text}", lang.pick("niets fout,", "nothing wrong,")),
        (1, 0) => lang.pick("1 regel niet in orde", "1 rule not kept").to_owned(),
        (_, 0) => format!("{bad} {}", lang.pick("regels niet in orde", "rules not kept")),
        _ => format!("{bad} {} {unknown_text}", lang.pick("niet in orde,", "not kept,")),
    }
}

fn rule_words(rule: &Rule, judged: &Judged, lang: Lang) -> Vec<String> {
    let mark = match judged.mark {
        Mark::Good => "✓",
        Mark::Bad => "✗",
        Mark::Unknown | Mark::NotNeeded => "?",
    };
    let seen = clean(judged.seen.get(lang));
    let seen = if seen.is_empty() { seen } else { format!(" ({seen})") };
    let mut lines = vec![format!("{mark} {}{seen}", (rule.title)(lang))];
    if judged.mark == Mark::Bad {
        let names: Vec<&str> = rule.receivers.iter().map(|receiver| receiver.name()).collect();
        lines.push(format!("    → {}", (rule.todo)(lang)));
        lines.push(format!("      {} — {}", names.join(", "), rule.source));
    }
    lines
}

fn as_json(facts: &Facts, judged: &Judgement) -> Value {
    let one = |(rule, judged): &(&Rule, Judged)| {
        json!({
            "rule": rule.id, "result": judged.mark.word(), "seen": judged.seen,
            "receivers": rule.receivers.iter().map(|receiver| receiver.word()).collect::<Vec<_>>(),
            "source": rule.source,
            "title": {"nl": (rule.title)(Lang::Nl), "en": (rule.title)(Lang::En)},
            "todo": {"nl": (rule.todo)(Lang::Nl), "en": (rule.todo)(Lang::En)},
        })
    };
    let fails = |receiver: Receiver| {
        let bad = |(rule, judged): &&(&Rule, Judged)| {
            rule.receivers.contains(&receiver) && judged.mark == Mark::Bad
        };
        judged.iter().filter(bad).count()
    };
    json!({
        "from": facts.author(), "client": facts.client.map(|client| client.to_string()),
        "fails": {
            "gmail": fails(Receiver::Gmail), "yahoo": fails(Receiver::Yahoo), "microsoft": fails(Receiver::Microsoft),
        },
        "rules": judged.iter().map(one).collect::<Vec<_>>(),
    })
}
