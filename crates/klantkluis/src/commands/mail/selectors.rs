//! `mail dkim selectors`: the DKIM keys that a domain publishes, as far as their names can be known.

use anyhow::Result;
use kluis_checks::facts::{DkimFacts, DkimKey};
use kluis_mail::catalogue;
use kluis_model::Lang;
use serde_json::json;

use super::super::Outcome;
use super::ask::{domain, no_answer, options};
use super::clean;
use crate::args_mail_tools::SelectorsArgs;
use crate::talk;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SelectorsArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let mut options = options(&args.dns)?;
    options.selectors.clone_from(&args.selector);
    let found = kluis_net::dkim_keys(&domain, &options).await?;
    if !found.is_whole && found.keys.is_empty() {
        return Err(no_answer(&format!("_domainkey.{domain}"), lang));
    }
    if is_json {
        let service = |key: &DkimKey| key.alias.as_deref().and_then(service).map(|sender| sender.id);
        let keys: Vec<_> =
            found.keys.iter().map(|key| json!({"key": key, "service": service(key)})).collect();
        talk::print_json(&json!({
            "domain": domain, "keys": keys, "looked_for": found.looked_for,
            "is_whole": found.is_whole, "has_wildcard": found.has_wildcard,
        }))?;
    } else {
        for line in as_words(&domain, &found, lang) {
            talk::print(line)?;
        }
    }
    Ok(Outcome::of_findings(
        found.keys.iter().filter(|key| has_fault(key)).count() + usize::from(found.keys.is_empty()),
    ))
}

/// The service behind the name that a key's record is an alias of.
fn service(alias: &str) -> Option<&'static catalogue::Sender> {
    let alias = alias.to_ascii_lowercase();
    catalogue::by_dkim(&alias).or_else(|| catalogue::by_spf(&alias))
}

fn has_fault(key: &DkimKey) -> bool {
    key.problem.is_some()
        || key.is_test
        || key.is_sha1_only
        || (key.kind == "rsa" && !key.is_revoked && key.bits < 1024)
}

fn as_words(domain: &str, found: &DkimFacts, lang: Lang) -> Vec<String> {
    let mut lines: Vec<String> = found.keys.iter().map(|key| key_words(domain, key, lang)).collect();
    if found.keys.is_empty() {
        lines.push(format!(
            "✗ {} {domain}",
            lang.pick("geen DKIM-sleutel gevonden bij", "no DKIM key found at")
        ));
    }
    lines.push(format!(
        "{} {} {}",
        lang.pick("Gezocht met", "Looked with"),
        found.looked_for.len(),
        lang.pick(
            "namen. Een lijst van alle sleutels bestaat niet: staat uw dienst er niet bij, kijk dan in een kopregel DKIM-Signature naar s= en geef die naam met --selector.",
            "names. There is no list of all keys: when your service is not here, look for s= in a DKIM-Signature line and give that name with --selector.",
        )
    ));
    if found.has_wildcard {
        lines.push(
            lang.pick(
                "Elke naam geeft hier een sleutel; alleen wat u met --selector geeft, telt.",
                "Every name has a key here; only what you give with --selector counts.",
            )
            .to_owned(),
        );
    }
    if !found.is_whole {
        lines.push(lang.pick("Niet elke naam kreeg antwoord.", "Not every name got an answer.").to_owned());
    }
    lines
}

fn key_words(domain: &str, key: &DkimKey, lang: Lang) -> String {
    let mark = if has_fault(key) {
        "✗"
    } else if key.is_revoked || (key.kind == "rsa" && key.bits < 2048) {
        "!"
    } else {
        "✓"
    };
    let mut parts = Vec::new();
    match &key.problem {
        Some(problem) => {
            parts.push(format!("{}: {}", lang.pick("onleesbaar", "cannot be read"), clean(problem)))
        }
        None if key.is_revoked => parts.push(lang.pick("ingetrokken", "withdrawn").to_owned()),
        None if key.kind == "rsa" => parts.push(format!("RSA {} bits", key.bits)),
        None => parts.push("Ed25519".to_owned()),
    }
    if key.problem.is_none() && !key.is_revoked && key.kind == "rsa" && key.bits < 2048 {
        parts.push(lang.pick("vervang haar door een van 2048", "replace it by one of 2048").to_owned());
    }
    if key.is_test {
        parts
            .push(lang.pick("proefstand (t=y): telt niet mee", "test mode (t=y): does not count").to_owned());
    }
    if key.is_sha1_only {
        parts.push(lang.pick("alleen SHA-1: te oud", "SHA-1 only: too old").to_owned());
    }
    if let Some(alias) = &key.alias {
        let whose = service(alias).map_or_else(|| clean(alias), |sender| sender.name.to_owned());
        parts.push(format!("{} {whose}", lang.pick("beheerd door", "kept by")));
    }
    format!("{mark} {}._domainkey.{domain}: {}", clean(&key.selector), parts.join(", "))
}
