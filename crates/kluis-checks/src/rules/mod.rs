//! The table of rules.

mod caa;
mod cert_chain;
mod cert_keys;
mod certificate;
mod dns;
mod exposed;
mod mail_dkim;
mod mail_dmarc;
mod mail_shared;
mod mail_spf;
mod mail_transport;
mod shared;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod testing_mail;
mod tls_bugs;
mod tls_keys;
mod tls_suites;
mod tls_versions;
mod web;
mod web_cookies;
mod web_csp;
mod web_forms;
mod web_headers;
mod web_pages;
mod web_shared;

use crate::finding::{Part, Protection, Rule, Severity};

/// All rules, by subject; ids are unique (a test).
pub static RULES: &[&[Rule]] = &[
    tls_versions::RULES,
    tls_suites::RULES,
    tls_keys::RULES,
    tls_bugs::RULES,
    certificate::RULES,
    cert_chain::RULES,
    cert_keys::RULES,
    dns::RULES,
    caa::RULES,
    web::RULES,
    web_csp::RULES,
    web_headers::RULES,
    web_cookies::RULES,
    web_pages::RULES,
    web_forms::RULES,
    exposed::RULES,
    mail_spf::RULES,
    mail_dmarc::RULES,
    mail_dkim::RULES,
    mail_transport::RULES,
];

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|part| part.iter())
}

/// The rule with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// Every rule as Markdown, a table for each part: id, usual severity, protections, source, title in English.
#[must_use]
pub fn table_markdown() -> String {
    let parts = [
        (Part::Tls, "TLS"),
        (Part::Certificate, "Certificate"),
        (Part::Dns, "DNS"),
        (Part::Web, "Web"),
        (Part::Exposed, "Open files"),
        (Part::Mail, "E-mail"),
    ];
    let mut text = String::new();
    for (part, name) in parts {
        let rows: Vec<String> = all().filter(|rule| rule.part == part).map(row).collect();
        if rows.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("## {name} ({})\n\n", rows.len()));
        text.push_str("| id | severity | protects | source | finding |\n|---|---|---|---|---|\n");
        text.push_str(&rows.concat());
    }
    text
}

fn row(rule: &Rule) -> String {
    let severity = match rule.severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    let letter = |protection: &Protection| match protection {
        Protection::Encryption => "E",
        Protection::Integrity => "D",
        Protection::Authentication => "A",
    };
    let protects = rule.protections.iter().map(letter).collect::<Vec<_>>().join(" ");
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | {severity} | {protects} | {} | {} |\n", rule.id, cell(rule.source), cell(rule.title.en))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kluis_model::TimeMs;

    use super::*;
    use crate::facts::{CaaRecord, Evidence};
    use crate::finding::{Notes, Platform, Snippet, Words};

    /// Characters of a title: it must fit one line of a terminal.
    const TITLE_CHARS_MAX: usize = 90;

    /// Fails with every rule of which `fault` says something.
    fn every_rule(fault: impl Fn(&Rule) -> Option<String>) {
        let faults: Vec<String> =
            all().filter_map(|r| fault(r).map(|fault| format!("{}: {fault}", r.id))).collect();
        assert!(all().count() > 60, "the table is nearly empty");
        assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
    }

    #[test]
    fn ids_are_unique_and_plain() {
        let mut seen = BTreeSet::new();
        let repeated: Vec<&str> = all().map(|rule| rule.id).filter(|id| !seen.insert(*id)).collect();
        assert!(repeated.is_empty(), "{repeated:?}");
        every_rule(|rule| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (rule.id.is_empty() || !rule.id.bytes().all(is_plain)).then(|| "id is not plain".to_owned())
        });
        assert!(find("no-such-rule").is_none());
        assert_eq!(find("tls10").map(|rule| rule.part), Some(Part::Tls));
    }

    #[test]
    fn texts_are_there_in_both_languages() {
        let fault = |name: &str, words: Words| {
            let is_missing = words.nl.trim().is_empty() || words.en.trim().is_empty() || words.nl == words.en;
            let is_ragged =
                [words.nl, words.en].iter().any(|t| t.contains("  ") || t.contains('\n') || t.trim() != *t);
            match (is_missing, is_ragged) {
                (true, _) => Some(format!("{name} is missing or the same in both languages")),
                (_, true) => Some(format!("{name} has stray spaces")),
                _ => None,
            }
        };
        every_rule(|rule| {
            let said = rule.snippets.iter().filter_map(|(platform, snippet)| match snippet {
                Snippet::Say(words) => Some((platform.name(), *words)),
                Snippet::Lines(_) => None,
            });
            let own = [("title", rule.title), ("why", rule.why), ("fix", rule.fix)];
            own.into_iter().chain(said).find_map(|(name, words)| fault(name, words))
        });
    }

    #[test]
    fn titles_fit_a_line() {
        every_rule(|rule| {
            let longest = rule.title.nl.chars().count().max(rule.title.en.chars().count());
            (longest > TITLE_CHARS_MAX).then(|| format!("title has {longest} characters"))
        });
        every_rule(|rule| {
            let ends = [rule.title.nl, rule.title.en].iter().any(|title| title.ends_with('.'));
            ends.then(|| "title ends with a full stop".to_owned())
        });
    }

    #[test]
    fn every_rule_has_a_source_and_protects_something() {
        every_rule(|rule| rule.source.trim().is_empty().then(|| "no source".to_owned()));
        every_rule(|rule| {
            let unique: BTreeSet<&Protection> = rule.protections.iter().collect();
            let is_needed = rule.severity > Severity::Info;
            ((is_needed && unique.is_empty()) || unique.len() != rule.protections.len())
                .then(|| "protections are missing or repeated".to_owned())
        });
    }

    #[test]
    fn fixes_are_for_each_platform_once() {
        every_rule(|rule| {
            let mut seen = Vec::new();
            for (platform, snippet) in rule.snippets {
                if seen.contains(platform) {
                    return Some(format!("two fixes for {}", platform.name()));
                }
                if matches!(snippet, Snippet::Lines(lines) if lines.trim().is_empty()) {
                    return Some(format!("empty fix for {}", platform.name()));
                }
                seen.push(*platform);
            }
            let is_whole =
                rule.part == Part::Web || rule.part == Part::Exposed || seen.len() == Platform::ALL.len();
            (!is_whole).then(|| "a platform has no fix".to_owned())
        });
    }

    #[test]
    fn a_faultless_shop_gets_nothing_above_info() {
        let evidence = testing::good_evidence();
        every_rule(|rule| {
            let mut notes = Notes::default();
            (rule.judge)(&evidence, &mut notes);
            let found = notes.into_finding(rule).filter(|finding| finding.severity > Severity::Info);
            found.map(|finding| format!("{:?}", finding.proofs))
        });
    }

    #[test]
    fn no_evidence_is_no_finding() {
        every_rule(|rule| {
            let mut notes = Notes::default();
            (rule.judge)(&Evidence::default(), &mut notes);
            notes.into_finding(rule).map(|finding| format!("{:?}", finding.proofs))
        });
    }

    #[test]
    fn absurd_evidence_is_judged_all_the_same() {
        let mut evidence = testing::good_evidence();
        let long = "ij".repeat(50_000);
        evidence.target.host.clone_from(&long);
        evidence.dns.caa = Some(vec![
            CaaRecord { is_critical: true, tag: long.clone(), value: long.clone() },
            CaaRecord { is_critical: false, tag: "issue".into(), value: format!("{long};{long}={long}") },
        ]);
        evidence.dns.tlsa.iter_mut().for_each(|record| record.data.clone_from(&long));
        testing::tls(&mut evidence).groups_tls12.extend(0..=u16::MAX);
        testing::tls(&mut evidence).chain.path = vec![u32::MAX, 0, 7];
        testing::leaf(&mut evidence).names = vec![long; 200];
        for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0)] {
            testing::leaf(&mut evidence).not_before = TimeMs(from);
            testing::leaf(&mut evidence).not_after = TimeMs(to);
            for started in [i64::MIN, 0, i64::MAX] {
                evidence.started = TimeMs(started);
                let found = all().filter(|rule| {
                    let mut notes = Notes::default();
                    (rule.judge)(&evidence, &mut notes);
                    notes.into_finding(rule).is_some_and(|finding| finding.severity > Severity::Info)
                });
                assert!(found.count() > 2, "nothing was found in absurd evidence");
            }
        }
    }

    #[test]
    fn the_table_has_a_row_for_every_rule() {
        let table = table_markdown();
        every_rule(|rule| {
            (!table.contains(&format!("\n| `{}` | ", rule.id))).then(|| "not in the table".to_owned())
        });
        assert_eq!(table.lines().filter(|line| line.starts_with("| `")).count(), all().count());
    }
}
