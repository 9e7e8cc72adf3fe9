//! `mail reports FILES`: what receivers report about mail in a domain's name, without a vault.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result};
use kluis_mail::catalogue;
use kluis_mail::report::{self, Category, Content, Counts, Fold, Known, Limits, Stream};
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::Outcome;
use super::{clean, count_cells, count_heads};
use crate::args_mail::MailReportsArgs;
use crate::talk;
use crate::wire::Hinted;

/// Everything that was read of all files.
#[derive(Default)]
struct Readings {
    reports: Vec<report::AggregateReport>,
    keys: BTreeSet<report::Key>,
    twice: u64,
    others: u64,
    refused: Vec<(String, report::Refusal)>,
}

pub(crate) fn run(is_json: bool, lang: Lang, args: &MailReportsArgs) -> Result<Outcome> {
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
    let heads = [lang.pick("domein", "domain"), lang.pick("wat", "what"), lang.pick("van", "from")];
    let mut table = talk::table(heads.into_iter().chain(count_heads(lang)));
    for ((domain, category, source), counts) in rows {
        let source = catalogue::find(source)
            .map_or_else(|| clean(source), |sender| format!("{} ({source})", sender.name));
        let cells = [clean(domain), category.name(lang).to_owned(), source];
        table.add_row(cells.into_iter().chain(count_cells(counts)));
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
