//! A scan for people and for programs: terminal, HTML, Markdown, CSV and SARIF, in Dutch and English, from one list of rows.

mod html;
mod sarif;

use kluis_model::Lang;

use crate::detect::Certainty;
use crate::{Kind, ScanReport, schema};

pub use html::html;
pub use sarif::sarif;

/// One thing that was found, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// Table and column, or line.
    pub(crate) place: String,
    /// The line of a text, for SARIF.
    pub(crate) line: Option<u64>,
    pub(crate) kind: Kind,
    pub(crate) certainty: Certainty,
    /// Cells or values.
    pub(crate) count: u64,
    /// Points of damage.
    pub(crate) damage: u64,
    pub(crate) sample: String,
    /// Why it is believed, and what the software keeps it for.
    pub(crate) why: String,
    /// What can be done.
    pub(crate) advice: String,
}

/// Everything that was found that is at least so certain, what does most damage first.
pub(crate) fn lines(report: &ScanReport, from: Certainty, lang: Lang) -> Vec<Line> {
    let mut lines = Vec::new();
    for source in &report.sources {
        for table in &source.tables {
            for column in &table.columns {
                let verdict = &column.verdict;
                let main = verdict.kind.map(|kind| (kind, verdict.share));
                let place = if table.name.is_empty() {
                    column.name.clone()
                } else {
                    format!("{}.{}", table.name, column.name)
                };
                let known = report
                    .platforms
                    .iter()
                    .find_map(|platform| schema::about(platform, &table.name, &column.name));
                let reasons: Vec<String> = verdict.why.iter().map(|reason| reason.text(lang)).collect();
                for (n, (kind, share)) in main.into_iter().chain(verdict.also.iter().copied()).enumerate() {
                    let certainty =
                        if n == 0 && main.is_some() { verdict.certainty } else { Certainty::Likely };
                    if certainty < from {
                        continue;
                    }
                    let mut why = reasons.join("; ");
                    if let Some(known) = &known {
                        why = format!("{}: {}. {why}", known.platform, known.why(lang));
                    }
                    lines.push(Line {
                        path: source.path.clone(),
                        place: place.clone(),
                        line: None,
                        kind,
                        certainty,
                        count: (f64::from(verdict.filled) * share).round() as u64,
                        damage: if n == 0 { column.damage } else { 0 },
                        sample: verdict.samples.first().cloned().unwrap_or_default(),
                        why,
                        advice: known.as_ref().map_or_else(
                            || advice(kind, lang).to_owned(),
                            |known| known.advice(lang).to_owned(),
                        ),
                    });
                }
            }
        }
        for text in source.texts.iter().filter(|text| text.certainty >= from) {
            let first = text.places.first();
            let line = first.map(|place| place.line);
            lines.push(Line {
                path: source.path.clone(),
                place: line.map(|line| format!("{} {line}", lang.pick("regel", "line"))).unwrap_or_default(),
                line,
                kind: text.kind,
                certainty: text.certainty,
                count: text.count,
                damage: text.count * u64::from(text.kind.weight()),
                sample: first.map(|place| place.sample.clone()).unwrap_or_default(),
                why: lang.pick("in lopende tekst", "in running text").to_owned(),
                advice: advice(text.kind, lang).to_owned(),
            });
        }
    }
    lines.sort_by_key(|line| (core::cmp::Reverse((line.kind.is_critical(), line.damage)), line.path.clone()));
    lines
}

/// What a shop can usually do about a kind.
fn advice(kind: Kind, lang: Lang) -> &'static str {
    match kind {
        Kind::Bsn | Kind::VatWithBsn => lang.pick(
            "een winkel mag geen BSN verwerken (UAVG art. 46): verwijder het, ook uit reservekopieën",
            "a shop may not process the BSN (UAVG art. 46): remove it, from backups too",
        ),
        Kind::IdDocument | Kind::DrivingLicence => lang
            .pick("vraag er niet om en verwijder wat er is", "do not ask for it, and remove what there is"),
        Kind::Card => lang.pick(
            "bewaar geen kaartnummers; laat de betaaldienst dat doen (PCI DSS)",
            "keep no card numbers; let the payment service do that (PCI DSS)",
        ),
        Kind::PasswordPlain => lang.pick(
            "laat iedereen een nieuw wachtwoord kiezen en hash het traag (Argon2id)",
            "have everybody choose a new password, and hash it slowly (Argon2id)",
        ),
        Kind::ApiKey => lang.pick(
            "trek de sleutel in, maak een nieuwe en bewaar die buiten de database",
            "revoke the key, make a new one and keep it out of the database",
        ),
        Kind::Special(_) => lang.pick(
            "bijzondere persoonsgegevens (AVG art. 9): verwijder ze, tenzij de wet het toestaat",
            "a special category (GDPR art. 9): remove it, unless the law allows it",
        ),
        Kind::BirthDate => lang.pick(
            "alleen nodig bij een leeftijdsgrens; bewaar dan liever alleen of iemand oud genoeg is",
            "needed only for an age limit; then rather keep only whether somebody is old enough",
        ),
        Kind::Ip | Kind::Mac | Kind::CookieId | Kind::Imei => {
            lang.pick("wis het na hooguit enkele weken", "remove it after some weeks at most")
        }
        Kind::FreeText => lang.pick(
            "kijk wat erin staat en maak het leeg zodra het zijn werk heeft gedaan",
            "look at what is in it, and empty it once it has done its work",
        ),
        Kind::Gender => lang.pick("vraag er alleen om als u het gebruikt", "ask for it only if you use it"),
        _ => lang.pick(
            "bewaar het zolang een doel het nodig heeft, en niet langer",
            "keep it as long as a purpose needs it, and no longer",
        ),
    }
}

/// How certain, in words.
pub(crate) fn certainty(certainty: Certainty, lang: Lang) -> &'static str {
    match certainty {
        Certainty::Certain => lang.pick("zeker", "certain"),
        Certainty::Likely => lang.pick("waarschijnlijk", "likely"),
        Certainty::Possible => lang.pick("mogelijk", "possible"),
    }
}

/// A number with points between thousands in Dutch, commas in English.
pub(crate) fn number(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(if lang == Lang::Nl { '.' } else { ',' });
        }
        out.push(digit);
    }
    out
}

/// The report for a terminal.
#[must_use]
pub fn terminal(report: &ScanReport, from: Certainty, lang: Lang) -> String {
    let mut out = summary(report, lang);
    out.push('\n');
    let mut path = String::new();
    for line in lines(report, from, lang) {
        if line.path != path {
            out.push_str(&format!("\n{}\n", line.path));
            path.clone_from(&line.path);
        }
        let mark = if line.kind.is_critical() { '!' } else { '·' };
        out.push_str(&format!(
            "  {mark} {}: {} ({}, {}×) {}\n      {}\n",
            line.place,
            line.kind.name(lang),
            certainty(line.certainty, lang),
            number(line.count, lang),
            line.sample,
            line.advice,
        ));
    }
    if !report.unread.is_empty() {
        out.push_str(lang.pick("\nNiet gelezen:\n", "\nNot read:\n"));
        for unread in &report.unread {
            out.push_str(&format!("  {}: {}\n", unread.path, unread.why));
        }
    }
    out
}

/// What was read and what a leak would do, in one sentence each.
pub(crate) fn summary(report: &ScanReport, lang: Lang) -> String {
    let damage = report.damage();
    let bytes: u64 = report.sources.iter().map(|source| source.bytes).sum();
    let rows: u64 = report.sources.iter().flat_map(|source| &source.tables).map(|table| table.rows).sum();
    let (files, megabytes) = (report.sources.len(), bytes.div_ceil(1_000_000));
    let read = match lang {
        Lang::Nl => format!(
            "{files} bestanden gelezen ({} MB, {} rijen).",
            number(megabytes, lang),
            number(rows, lang)
        ),
        Lang::En => {
            format!("Read {files} files ({} MB, {} rows).", number(megabytes, lang), number(rows, lang))
        }
    };
    let points = number(damage.points, lang);
    let people = number(damage.people, lang);
    let leak = match (lang, damage.points) {
        (Lang::Nl, 0) => "Geen persoonsgegevens gevonden.".to_owned(),
        (Lang::En, 0) => "No personal data found.".to_owned(),
        (Lang::Nl, _) => {
            format!("Bij een lek: {points} schadepunten, ongeveer {people} mensen in de grootste tabel.")
        }
        (Lang::En, _) => format!(
            "A leak would cost {points} points of damage, about {people} people in the largest table."
        ),
    };
    let most: Vec<String> = damage
        .by_kind
        .iter()
        .take(4)
        .map(|(kind, points)| format!("{} {}", kind.name(lang), number(*points, lang)))
        .collect();
    let most = if most.is_empty() {
        String::new()
    } else {
        format!(" {}: {}.", lang.pick("Meeste schade", "Most damage"), most.join(", "))
    };
    format!("{read} {leak}{most}\n")
}

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &ScanReport, from: Certainty, lang: Lang) -> String {
    let cell = |text: &str| {
        text.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;").replace('`', "'")
    };
    let mut out =
        format!("# {}\n\n{}\n", lang.pick("Persoonsgegevens", "Personal data"), summary(report, lang));
    out.push_str(lang.pick(
        "| bestand | plaats | soort | zekerheid | aantal | schade | voorbeeld | wat te doen |\n",
        "| file | place | kind | certainty | count | damage | example | what to do |\n",
    ));
    out.push_str("|---|---|---|---|---:|---:|---|---|\n");
    for line in lines(report, from, lang) {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            cell(&line.path),
            cell(&line.place),
            line.kind.name(lang),
            certainty(line.certainty, lang),
            line.count,
            line.damage,
            cell(&line.sample),
            line.advice
        ));
    }
    if !report.unread.is_empty() {
        out.push_str(lang.pick("\n## Niet gelezen\n\n", "\n## Not read\n\n"));
        for unread in &report.unread {
            out.push_str(&format!("- {}: {}\n", cell(&unread.path), cell(&unread.why)));
        }
    }
    out
}

/// The report as CSV (RFC 4180), one line for each thing found and each file that was not read.
#[must_use]
pub fn csv(report: &ScanReport, from: Certainty, lang: Lang) -> String {
    let mut out = String::from("path,place,kind,certainty,count,damage,sample,why,advice\r\n");
    let mut row = |cells: &[&str]| {
        let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    for line in lines(report, from, lang) {
        let (count, damage) = (line.count.to_string(), line.damage.to_string());
        row(&[
            &line.path,
            &line.place,
            line.kind.id(),
            certainty(line.certainty, Lang::En),
            &count,
            &damage,
            &line.sample,
            &line.why,
            &line.advice,
        ]);
    }
    for unread in &report.unread {
        row(&[&unread.path, "", "unread", "", "", "", "", &unread.why, ""]);
    }
    out
}

/// A cell; one that a spreadsheet would take for a formula gets an apostrophe.
fn csv_cell(text: &str) -> String {
    let text =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
