//! `mail spf eval` and `mail spf who`: what receivers find for one address, step by step.

use std::time::Instant;

use anyhow::Result;
use kluis_mail::report::Network;
use kluis_mail::spf::trace::{
    Node, Who, nodes, outcome_words, path, result_words, trouble_words, who as find,
};
use kluis_mail::spf::{Identity, LOOKUPS_MAX, Query, SpfResult, Step, VOIDS_MAX, Verdict, evaluate};
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::super::Outcome;
use super::super::ask::{ask, domain, network_text, no_answer};
use super::super::clean;
use crate::args_mail_tools::{SpfEvalArgs, SpfWhoArgs};
use crate::talk;
use crate::wire::Hinted;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SpfEvalArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let sender = sender(&domain, args, lang)?;
    let begun = Instant::now();
    let now_s = jiff::Timestamp::now().as_second();
    let query = Query {
        address: args.ip,
        sender: &sender,
        helo: &domain,
        identity: Identity::Spf,
        receiver: "localhost",
        now_s,
    };
    let judged = ask(&domain, &args.dns, lang, |answers| evaluate(&query, answers).map_err(|one| vec![one]));
    let verdict = judged.await?;
    if is_json {
        let mut value = as_json(&domain, &args.ip.to_string(), &verdict);
        value["took_ms"] = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).into();
        talk::print_json(&value)?;
    } else {
        for line in as_words(&domain, args.ip, &verdict, lang) {
            talk::print(line)?;
        }
        talk::print(format!(
            "{} {} {LOOKUPS_MAX} {}, {} {} {VOIDS_MAX} {}, {} ms",
            verdict.lookups,
            lang.pick("van", "of"),
            lang.pick("opzoekingen", "look-ups"),
            verdict.voids,
            lang.pick("van", "of"),
            lang.pick("vergeefs", "in vain"),
            begun.elapsed().as_millis()
        ))?;
    }
    Ok(outcome(&verdict))
}

pub(super) async fn who(is_json: bool, lang: Lang, args: &SpfWhoArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let found = ask(&domain, &args.dns, lang, |answers| find(args.ip, &domain, answers)).await?;
    if is_json {
        let mut value = as_json(&domain, &args.ip.to_string(), &found.verdict);
        value["service"] = found.sender.map(|sender| sender.id).into();
        let path = path(&found.verdict.trace);
        value["path"] = path.iter().map(|step| step.term.as_str()).collect::<Vec<_>>().into();
        let network = |network: &kluis_mail::spf::tree::Network| json!({"network": Network::new(network.address, network.bits).to_string(), "domain": network.domain});
        value["networks"] = found.networks.iter().map(network).collect::<Vec<_>>().into();
        talk::print_json(&value)?;
    } else {
        if found.verdict.result == SpfResult::TempError {
            return Err(no_answer(&domain, lang));
        }
        for line in who_words(&domain, args.ip, &found, lang) {
            talk::print(line)?;
        }
    }
    Ok(outcome(&found.verdict))
}

/// The sender whose domain is judged; empty for HELO.
fn sender(domain: &str, args: &SpfEvalArgs, lang: Lang) -> Result<String> {
    if args.helo {
        return Ok(String::new());
    }
    let Some(sender) = &args.sender else { return Ok(domain.to_owned()) };
    let of = sender.rsplit_once('@').map_or(sender.as_str(), |(_, of)| of);
    if of.eq_ignore_ascii_case(domain) {
        return Ok(sender.clone());
    }
    let why = lang.pick("is niet van", "is not of");
    Err(Hinted::error(
        format!("--sender {why} {domain}"),
        lang.pick(
            "geef een adres van dit domein, of het domein van dit adres",
            "give an address of this domain, or the domain of this address",
        ),
    ))
}

fn outcome(verdict: &Verdict) -> Outcome {
    Outcome::of_findings(usize::from(verdict.result != SpfResult::Pass))
}

fn mark(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "✓",
        SpfResult::Fail | SpfResult::PermError => "✗",
        _ => "?",
    }
}

/// The result with its reason.
fn verdict_words(domain: &str, address: std::net::IpAddr, verdict: &Verdict, lang: Lang) -> Vec<String> {
    let result = verdict.result;
    let mut lines = vec![format!(
        "{} {address} {} {domain}: {} — {}",
        mark(result),
        lang.pick("voor", "for"),
        result.word(),
        result_words(result).get(lang)
    )];
    if let Some(trouble) = &verdict.trouble {
        lines.push(format!("  {}", clean(trouble_words(trouble).get(lang))));
    }
    if let Some(explanation) = &verdict.explanation {
        lines.push(format!("  {} {}", lang.pick("het domein zegt:", "the domain says:"), clean(explanation)));
    }
    lines
}

fn as_words(domain: &str, address: std::net::IpAddr, verdict: &Verdict, lang: Lang) -> Vec<String> {
    let mut lines = verdict_words(domain, address, verdict, lang);
    for node in nodes(&verdict.trace) {
        node_words(&node, 1, &mut lines, lang);
    }
    lines
}

/// A step, and those in the record that it leads to.
fn node_words(node: &Node<'_>, depth: usize, lines: &mut Vec<String>, lang: Lang) {
    let Step { term, outcome, .. } = node.step;
    let is_end = *outcome == "match" && depth > 1 && term.starts_with(['-', '~', '?']);
    let words = if is_end {
        lang.pick("deze lijst laat het adres niet toe", "this list does not let the address in").to_owned()
    } else {
        outcome_words(outcome).get(lang).to_owned()
    };
    lines.push(format!("{}{} → {words}", "    ".repeat(depth), clean(term)));
    for below in &node.below {
        node_words(below, depth + 1, lines, lang);
    }
}

fn who_words(domain: &str, address: std::net::IpAddr, found: &Who, lang: Lang) -> Vec<String> {
    let mut lines = verdict_words(domain, address, &found.verdict, lang);
    for (depth, step) in path(&found.verdict.trace).iter().enumerate() {
        let by = if depth == 0 { lang.pick("door", "by") } else { "›" };
        lines.push(format!(
            "{}{by} {} ({})",
            "    ".repeat(depth + 1),
            clean(&step.term),
            clean(&step.domain)
        ));
    }
    if let Some(sender) = found.sender {
        lines.push(format!(
            "  {} {} ({})",
            lang.pick("dit is een server van", "this is a server of"),
            sender.name,
            sender.kind.name(lang)
        ));
    }
    if found.verdict.result != SpfResult::Pass && !found.networks.is_empty() {
        lines.push(format!(
            "  {}",
            lang.pick(
                "het adres staat wel in de lijst, maar ontvangers komen er niet aan toe:",
                "the address is in the list, but receivers do not get that far:"
            )
        ));
        for network in &found.networks {
            let shown = network_text(network);
            lines.push(format!("    {shown} {}", clean(&network.domain)));
        }
    }
    lines
}

fn as_json(domain: &str, address: &str, verdict: &Verdict) -> Value {
    let step = |step: &Step| {
        json!({
            "depth": step.depth, "domain": step.domain, "term": step.term, "outcome": step.outcome,
            "lookups": step.lookups, "voids": step.voids,
        })
    };
    json!({
        "domain": domain, "address": address, "result": verdict.result.word(),
        "meaning": result_words(verdict.result),
        "trouble": verdict.trouble.as_ref().map(trouble_words),
        "explanation": verdict.explanation,
        "lookups": verdict.lookups, "voids": verdict.voids,
        "steps": verdict.trace.iter().map(step).collect::<Vec<_>>(),
    })
}
