//! `mail spf flatten`: a record with addresses in place of includes, and later what changed behind it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use kluis_mail::dkim::key::zone_line;
use kluis_mail::spf::flatten::{Change, Flat, FlatProblem, Wish, again, changes, flatten};
use kluis_mail::spf::trace::problem_words;
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::super::Outcome;
use super::super::ask::{ask, day, domain, look_ups};
use super::super::clean;
use crate::args_mail_tools::SpfFlattenArgs;
use crate::talk;
use crate::wire::{Hinted, read_bounded};

/// Bytes of a saved file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Networks of one change that are shown to people.
const NETWORKS_SHOWN: usize = 20;
const DAY_S: i64 = 24 * 60 * 60;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SpfFlattenArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let now_s = jiff::Timestamp::now().as_second();
    if let Some(file) = &args.check {
        return check(is_json, lang, &domain, (file, now_s), args).await;
    }
    let keep: Vec<String> =
        args.keep.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
    let wish = Wish { keep: &keep, now_s, lifetime_s: i64::from(args.days) * DAY_S };
    let found = match &args.renew {
        None => ask(&domain, &args.dns, lang, |answers| flatten(&domain, &wish, answers)).await?,
        Some(file) => {
            let old = read(file, &domain, lang)?;
            ask(&domain, &args.dns, lang, |answers| again(&old, &wish, answers)).await?
        }
    };
    let flat = found.map_err(|problem| refuse(&domain, &problem, lang))?;
    if let Some(name) = keep.iter().find(|name| !is_kept(&flat, name)) {
        return Err(Hinted::error(
            format!(
                "--keep {}: {}",
                clean(name),
                lang.pick("deze include staat niet in het record", "this include is not in the record")
            ),
            lang.pick(
                "kijk hoe hij heet: klantkluis mail spf explain",
                "look what it is called: klantkluis mail spf explain",
            ),
        ));
    }
    let saved = args.save.as_deref().or(args.renew.as_deref());
    if let Some(file) = saved {
        let text = serde_json::to_string_pretty(&flat).context("cannot write the result as JSON")?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    if is_json {
        talk::print_json(&flat)?;
    } else {
        for line in as_words(&flat, saved, lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::Good)
}

fn is_kept(flat: &Flat, name: &str) -> bool {
    let of = |term: &str| {
        term.rsplit_once(':').is_some_and(|(_, of)| of.trim_end_matches('.').eq_ignore_ascii_case(name))
    };
    flat.kept.iter().any(|kept| of(&kept.term))
}

fn refuse(domain: &str, problem: &FlatProblem, lang: Lang) -> anyhow::Error {
    let (why, hint) = match problem {
        FlatProblem::Records(0) => (
            lang.pick("er is geen SPF-record", "there is no SPF record").to_owned(),
            lang.pick("maak er eerst een: klantkluis mail plan", "make one first: klantkluis mail plan"),
        ),
        FlatProblem::Records(count) => (
            format!("{count} {}", lang.pick("SPF-records in plaats van één", "SPF records instead of one")),
            lang.pick("voeg ze eerst samen", "merge them first"),
        ),
        FlatProblem::Record(error) => (
            format!(
                "{} {}: {}",
                lang.pick("fout bij teken", "mistake at character"),
                error.span.start + 1,
                problem_words(error.problem).get(lang)
            ),
            lang.pick("verbeter het record eerst", "correct the record first"),
        ),
        FlatProblem::Exception(term) => (
            format!("{} {}", clean(term), lang.pick("is een uitzondering", "is an exception")),
            lang.pick(
                "met uitzonderingen telt de volgorde, en die gaat verloren; haal haar weg of laat het record zo",
                "with exceptions the order counts and would be lost; remove it or leave the record as it is",
            ),
        ),
        FlatProblem::Nothing => (
            lang.pick(
                "er valt niets te vervangen door adressen",
                "there is nothing to replace by addresses",
            )
            .to_owned(),
            lang.pick(
                "kijk wat het record kost: klantkluis mail spf budget",
                "look what the record costs: klantkluis mail spf budget",
            ),
        ),
        FlatProblem::TooLarge(count) => (
            format!("{count} {}", lang.pick("netwerken zijn te veel", "networks are too many")),
            lang.pick(
                "houd de grootste dienst als include: --keep NAAM",
                "keep the largest service as an include: --keep NAME",
            ),
        ),
    };
    Hinted::error(format!("{domain}: {why}"), hint)
}

fn as_words(flat: &Flat, saved: Option<&Path>, lang: Lang) -> Vec<String> {
    let mut lines = vec![
        format!(
            "! {} {}",
            lang.pick(
                "Een plat record veroudert: zodra een dienst een server erbij zet, faalt uw mail van daar. Vervalt op",
                "A flat record goes stale: as soon as a service adds a server, your mail from there fails. Expires on"
            ),
            day(flat.expires_s)
        ),
        format!(
            "{} → {}",
            look_ups(flat.lookups_before, lang),
            look_ups(flat.lookups_after, lang)
        ),
    ];
    for replaced in &flat.replaced {
        lines.push(format!(
            "  {} {} ({} {})",
            lang.pick("vervangen:", "replaced:"),
            clean(&replaced.term),
            replaced.networks.len(),
            if replaced.networks.len() == 1 {
                lang.pick("netwerk", "network")
            } else {
                lang.pick("netwerken", "networks")
            }
        ));
    }
    for kept in &flat.kept {
        let why = kept.why.words();
        lines.push(format!("  {} {} ({})", lang.pick("blijft:", "stays:"), clean(&kept.term), why.get(lang)));
    }
    lines.push(String::new());
    lines.push(
        if flat.records.len() > 1 {
            lang.pick(
                "Publiceer eerst de lijsten, daarna het record van het domein zelf:",
                "Publish the lists first, then the record of the domain itself:",
            )
        } else {
            lang.pick("Publiceer:", "Publish:")
        }
        .to_owned(),
    );
    let (own, lists) = flat.records.split_first().map_or((None, &[][..]), |(own, lists)| (Some(own), lists));
    for record in lists.iter().chain(own) {
        let (name, text) = (&record.name, clean_long(&record.text));
        lines.push(format!("  {}: {} (TXT)", lang.pick("naam", "name"), clean(name)));
        lines.push(format!("  {}: {text}", lang.pick("waarde", "value")));
        lines.push(format!("  BIND: {}", clean_long(&zone_line(name, &record.text))));
    }
    lines.push(String::new());
    let domain = &flat.domain;
    let (text, command) = match saved {
        Some(file) => (
            lang.pick("Kijk elke dag of er iets veranderde:", "Look every day whether anything changed:"),
            format!("klantkluis mail spf flatten {domain} --check {}", file.display()),
        ),
        None => (
            lang.pick("Bewaar dit om het later te controleren:", "Save this to check it later:"),
            format!("klantkluis mail spf flatten {domain} --save plat.json"),
        ),
    };
    lines.push(format!("{text} {command}"));
    lines
}

/// A record for the terminal: longer than [`clean`] keeps.
fn clean_long(text: &str) -> String {
    text.chars().filter(|c| !kluis_checks::report::is_hostile(*c)).collect()
}

/// Compares a saved record with what is published now.
async fn check(
    is_json: bool,
    lang: Lang,
    domain: &str,
    (file, now_s): (&Path, i64),
    args: &SpfFlattenArgs,
) -> Result<Outcome> {
    let flat = read(file, domain, lang)?;
    let changes = ask(domain, &args.dns, lang, |answers| changes(&flat, answers)).await?;
    let is_expired = now_s >= flat.expires_s;
    if is_json {
        talk::print_json(&changes_json(&flat, &changes, is_expired))?;
    } else {
        for line in change_words(&flat, file, (&changes, is_expired), lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::of_findings(changes.len() + usize::from(is_expired)))
}

/// Reads what `--save` wrote about a domain.
fn read(file: &Path, domain: &str, lang: Lang) -> Result<Flat> {
    let bytes = read_bounded(file, FILE_BYTES_MAX, lang)?;
    let flat: Flat = serde_json::from_slice(&bytes).map_err(|error| {
        Hinted::error(
            format!("{}: {error}", file.display()),
            lang.pick(
                "geef het bestand dat mail spf flatten --save schreef",
                "give the file that mail spf flatten --save wrote",
            ),
        )
    })?;
    if flat.domain != domain {
        return Err(Hinted::error(
            format!("{}: {} {}", file.display(), lang.pick("gaat over", "is about"), clean(&flat.domain)),
            lang.pick("geef het bestand van dit domein", "give the file of this domain"),
        ));
    }
    Ok(flat)
}

fn change_words(
    flat: &Flat,
    file: &Path,
    (changes, is_expired): (&[Change], bool),
    lang: Lang,
) -> Vec<String> {
    let mut lines = Vec::new();
    let list = |networks: &[String]| {
        let shown: Vec<String> = networks.iter().take(NETWORKS_SHOWN).map(|network| clean(network)).collect();
        let more = if networks.len() > NETWORKS_SHOWN { " …" } else { "" };
        format!("{}{more}", shown.join(" "))
    };
    for change in changes {
        lines.push(format!("✗ {}", clean(&change.term)));
        if !change.added.is_empty() {
            lines.push(format!(
                "    {} {}",
                lang.pick("erbij (mail van hier faalt nu):", "new (mail from here fails now):"),
                list(&change.added)
            ));
        }
        if !change.gone.is_empty() {
            lines.push(format!(
                "    {} {}",
                lang.pick(
                    "weg (een ander kan dit adres krijgen):",
                    "gone (somebody else may get this address):"
                ),
                list(&change.gone)
            ));
        }
        if change.is_unclear {
            lines.push(format!(
                "    {}",
                lang.pick(
                    "is niet meer volledig op te vragen of door adressen te vervangen",
                    "can no longer be asked in full or be replaced by addresses"
                )
            ));
        }
    }
    let date = day(flat.expires_s);
    if is_expired {
        lines.push(format!(
            "✗ {} {date}",
            lang.pick("dit record is verlopen sinds", "this record expired on")
        ));
    }
    if lines.is_empty() {
        let nothing =
            lang.pick("niets veranderd; te vertrouwen tot", "nothing changed; may be trusted until");
        return vec![format!("✓ {nothing} {date}")];
    }
    lines.push(format!(
        "{} klantkluis mail spf flatten {} --renew {}",
        lang.pick("Maak het opnieuw en publiceer het:", "Write it again and publish it:"),
        clean(&flat.domain),
        file.display()
    ));
    lines
}

fn changes_json(flat: &Flat, changes: &[Change], is_expired: bool) -> Value {
    let change = |change: &Change| {
        json!({
            "term": change.term, "added": change.added, "gone": change.gone, "is_unclear": change.is_unclear,
        })
    };
    json!({
        "domain": flat.domain, "made": day(flat.made_s), "expires": day(flat.expires_s), "is_expired": is_expired,
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
    })
}
