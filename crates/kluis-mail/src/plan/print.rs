//! Writes a plan: as lines for a name server, and for the form of a provider.

use kluis_model::Lang;

use super::{Plan, PlannedKind, PlannedRecord, Subject, registered};
use crate::dkim::key::strings;

/// The records as lines for a zone file in the way of BIND (RFC 1035 §5.1), names absolute, with what they are for.
#[must_use]
pub fn bind(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for step in plan.steps.iter().filter(|step| !step.records.is_empty()) {
        lines.push(format!("; {}", step.title.en));
        lines.extend(step.records.iter().map(zone_line));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn zone_line(record: &PlannedRecord) -> String {
    let PlannedRecord { name, kind, value, ttl_s } = record;
    let value = match kind {
        PlannedKind::Txt => {
            let quoted: Vec<String> = strings(value).into_iter().map(quoted).collect();
            if quoted.len() == 1 { quoted.concat() } else { format!("( {} )", quoted.join(" ")) }
        }
        PlannedKind::Cname | PlannedKind::Mx => format!("{value}."),
    };
    format!("{name}. {ttl_s} IN {} {value}", kind.word())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The steps for a person who fills in the form of a provider.
#[must_use]
pub fn paste(plan: &Plan, lang: Lang) -> String {
    let mut lines = vec![
        lang.pick(
            "Zet deze records in de DNS, in deze volgorde. De naam staat zonder het domein, zoals de meeste providers hem vragen (@ is het domein zelf).",
            "Put these records in the DNS, in this order. The name is without the domain, as most providers ask for it (@ is the domain itself).",
        )
        .to_owned(),
    ];
    let mut told = Vec::new();
    for (number, step) in plan.steps.iter().enumerate() {
        lines.push(String::new());
        lines.push(format!("{}. {}", number + 1, step.title.get(lang)));
        if !told.contains(&&step.why) {
            told.push(&step.why);
            lines.push(format!("   {}", step.why.get(lang)));
        } else if step.subject == Subject::Spf && !step.todo.is_empty() {
            lines.push(format!(
                "   {}",
                lang.pick(
                    "Nog niet publiceren: los eerst op wat bij → staat.",
                    "Do not publish this yet: first settle what stands at →."
                )
            ));
        }
        for todo in &step.todo {
            lines.push(format!("   → {}", todo.get(lang)));
        }
        for record in &step.records {
            lines.extend(form(record, lang));
        }
        for file in &step.files {
            lines.push(String::new());
            lines.push(format!("   {} {}", lang.pick("Bestand", "File"), file.url));
            lines.extend(file.text.lines().map(|line| format!("     {line}")));
        }
        lines.extend(step.wait.as_ref().map(|wait| format!("   ⏳ {}", wait.get(lang))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A record as the fields of a form.
fn form(record: &PlannedRecord, lang: Lang) -> Vec<String> {
    let zone = registered(&record.name);
    let name = record.name.strip_suffix(zone).map_or(record.name.as_str(), |name| name.trim_end_matches('.'));
    let name = if name.is_empty() { "@" } else { name };
    let line = |word: &str, value: &str| format!("     {word:<10} {value}");
    let mut lines = vec![
        String::new(),
        line(lang.pick("domein", "domain"), zone),
        line(lang.pick("naam", "name"), name),
        line(lang.pick("soort", "type"), record.kind.word()),
    ];
    match record.value.split_once(' ').filter(|_| record.kind == PlannedKind::Mx) {
        Some((preference, host)) => {
            lines.push(line(lang.pick("prioriteit", "priority"), preference));
            lines.push(line(lang.pick("waarde", "value"), host));
        }
        None => lines.push(line(lang.pick("waarde", "value"), &record.value)),
    }
    lines.push(line("TTL", &record.ttl_s.to_string()));
    let strings = strings(&record.value);
    if record.kind == PlannedKind::Txt && strings.len() > 1 {
        lines.push(format!(
            "     {}",
            lang.pick(
                "Neemt de provider zo'n lange waarde niet aan? Geef haar dan in stukken:",
                "If the provider does not take such a long value, give it in pieces:"
            )
        ));
        lines.extend(strings.into_iter().map(|string| format!("       {}", quoted(string))));
    }
    lines
}
