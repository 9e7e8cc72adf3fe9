//! `mail spf explain`: a record word for word, who may mail by it, and what every include costs.

use anyhow::Result;
use kluis_mail::catalogue;
use kluis_mail::report::Network;
use kluis_mail::spf::LOOKUPS_MAX;
use kluis_mail::spf::explain::{Explained, Word, explain};
use kluis_mail::spf::tree::Branch;
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::super::Outcome;
use super::super::ask::{addresses, ask, domain, look_ups, network_text};
use super::super::clean;
use super::{answered, faults};
use crate::args_mail_tools::SpfDomainArgs;
use crate::talk;

/// Networks that are shown to people.
const NETWORKS_SHOWN: usize = 30;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SpfDomainArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let found = ask(&domain, &args.dns, lang, |answers| explain(&domain, answers)).await?;
    let found = answered(found, lang)?;
    let faults = faults(&found, lang);
    if is_json {
        talk::print_json(&as_json(&found))?;
    } else {
        for line in as_words(&found, &faults, lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::of_findings(faults.len()))
}

fn as_words(found: &Explained, faults: &[String], lang: Lang) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    record_words(found, &mut lines, lang);
    lines.extend(faults.iter().map(|fault| format!("✗ {fault}")));
    if found.words.is_empty() {
        return lines;
    }
    let tree = &found.tree;
    lines.push(String::new());
    lines.push(format!(
        "{} {} {LOOKUPS_MAX} · {} {}",
        look_ups(tree.lookups, lang),
        lang.pick("van", "of"),
        addresses(tree.v4_addresses, lang),
        lang.pick("(IPv4) mogen namens u mailen", "(IPv4) may mail for you")
    ));
    for branch in &tree.branches {
        lines.push(format!("  {}", branch_words(branch, lang)));
    }
    if tree.has_macros {
        lines.push(format!(
            "  {}",
            lang.pick(
                "daarnaast beslissen woorden als exists, ptr of %{…} per bericht",
                "words such as exists, ptr or %{…} decide for each message too"
            )
        ));
    }
    if !tree.is_whole {
        lines
            .push(format!("  {}", lang.pick("niet alles was op te vragen", "not everything could be asked")));
    }
    lines.push(String::new());
    lines.push(lang.pick("Wie er mag mailen:", "Who may mail:").to_owned());
    for network in tree.networks.iter().take(NETWORKS_SHOWN) {
        let shown = network_text(network);
        lines.push(format!("  {shown:<22} {}", named(&network.domain)));
    }
    if let Some(rest) = tree.networks.len().checked_sub(NETWORKS_SHOWN).filter(|rest| *rest > 0) {
        lines.push(format!(
            "  … {rest} {}",
            lang.pick("netwerken meer (--json toont alle)", "networks more (--json shows all)")
        ));
    }
    lines
}

/// A record and its words, and that behind its `redirect`.
fn record_words(found: &Explained, lines: &mut Vec<String>, lang: Lang) {
    if let [record] = found.records.as_slice() {
        lines.push(format!("{}: {}", clean(&found.domain), clean(record)));
    }
    for word in &found.words {
        lines.push(format!("  {}", clean(&word.text)));
        lines.push(format!("      {}", word_words(word, lang)));
    }
    if let Some(next) = &found.redirect {
        lines.push(String::new());
        record_words(next, lines, lang);
    }
}

fn word_words(word: &Word, lang: Lang) -> String {
    if word.is_dead {
        return lang
            .pick(
                "telt niet: na all wordt er niet verder gelezen",
                "does not count: nothing is read behind all",
            )
            .to_owned();
    }
    let mut parts = vec![clean(word.meaning.get(lang))];
    if word.lookups > 0 {
        parts.push(look_ups(word.lookups, lang));
        parts.push(addresses(word.v4_addresses, lang));
    }
    parts.join(" · ")
}

fn branch_words(branch: &Branch, lang: Lang) -> String {
    let what = if branch.has_record {
        format!("{}, {}", look_ups(branch.lookups, lang), addresses(branch.v4_addresses, lang))
    } else {
        lang.pick("geen record", "no record").to_owned()
    };
    format!("{} ({} {}): {what}", named(&branch.domain), lang.pick("via", "through"), clean(&branch.via))
}

/// A name, with the service whose it is.
fn named(domain: &str) -> String {
    match catalogue::by_spf(domain) {
        Some(sender) => format!("{} — {}", clean(domain), sender.name),
        None => clean(domain),
    }
}

fn as_json(found: &Explained) -> Value {
    let word = |word: &Word| {
        json!({
            "text": word.text, "at": word.span.start,
            "nl": word.meaning.nl, "en": word.meaning.en,
            "lookups": word.lookups, "voids": word.voids, "v4_addresses": word.v4_addresses,
            "service": word.sender.map(|sender| sender.id), "counts": !word.is_dead,
        })
    };
    let branch = |branch: &Branch| {
        json!({
            "domain": branch.domain, "via": branch.via, "lookups": branch.lookups,
            "v4_addresses": branch.v4_addresses, "has_record": branch.has_record,
            "service": catalogue::by_spf(&branch.domain).map(|sender| sender.id),
        })
    };
    let tree = &found.tree;
    json!({
        "domain": found.domain,
        "records": found.records,
        "error": found.error.as_ref().map(|error| json!({"at": error.span.start, "what": error.problem.to_string()})),
        "words": found.words.iter().map(word).collect::<Vec<_>>(),
        "redirect": found.redirect.as_deref().map(as_json),
        "lookups": tree.lookups, "voids": tree.voids, "v4_addresses": tree.v4_addresses,
        "branches": tree.branches.iter().map(branch).collect::<Vec<_>>(),
        "networks": tree.networks.iter().map(|network| json!({
            "network": Network::new(network.address, network.bits).to_string(), "domain": network.domain,
        })).collect::<Vec<_>>(),
        "problems": tree.problems.iter().map(|problem| json!({
            "domain": problem.domain, "term": problem.term, "at": problem.at, "what": problem.what.to_string(),
        })).collect::<Vec<_>>(),
        "has_macros": tree.has_macros, "is_whole": tree.is_whole,
    })
}
