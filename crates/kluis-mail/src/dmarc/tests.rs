//! Verdicts of both generations over small zones.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use super::*;

/// A zone: names with their DMARC record, and names that exist.
fn verdict(
    zone: &[(&str, &str)],
    exist: &[&str],
    message: &Authenticated<'_>,
    generation: Generation,
) -> Verdict {
    let mut answers: HashMap<Question, Answer> = HashMap::new();
    for _ in 0..100 {
        let question = match evaluate(message, generation, &answers) {
            Ok(verdict) => return verdict,
            Err(question) => question,
        };
        let name = question.name.strip_prefix("_dmarc.").unwrap_or(&question.name).to_owned();
        let answer = match question.kind {
            RecordKind::Txt => {
                let texts: Vec<Vec<u8>> = zone
                    .iter()
                    .filter(|(at, _)| *at == name)
                    .map(|(_, text)| text.as_bytes().to_vec())
                    .collect();
                if texts.is_empty() { Answer::NoSuchName } else { Answer::Txt(texts) }
            }
            RecordKind::A if exist.contains(&name.as_str()) => Answer::A(vec!["192.0.2.1".parse().unwrap()]),
            _ if exist.contains(&name.as_str()) => Answer::Mx(Vec::new()),
            _ => Answer::NoSuchName,
        };
        assert!(answers.insert(question.clone(), answer).is_none(), "asked twice: {question:?}");
    }
    panic!("no end");
}

const SHOP: &[(&str, &str)] = &[("winkel.example", "v=DMARC1; p=reject; sp=quarantine; np=reject")];

fn message<'a>(author: &'a str, spf: Option<&'a str>, dkim: &'a [&'a str]) -> Authenticated<'a> {
    Authenticated { author, spf, dkim }
}

#[test]
fn relaxed_alignment_needs_the_same_organization_and_strict_the_same_domain() {
    for generation in [Generation::TreeWalk, Generation::SuffixList] {
        let found =
            verdict(SHOP, &[], &message("winkel.example", None, &["nieuws.winkel.example"]), generation);
        assert_eq!((found.outcome, found.is_dkim_aligned), (Outcome::Pass, true));
        let found = verdict(
            SHOP,
            &[],
            &message("winkel.example", Some("ander.example"), &["ander.example"]),
            generation,
        );
        assert_eq!((found.outcome, found.policy), (Outcome::Fail, Policy::Reject));
        let strict = [("winkel.example", "v=DMARC1; p=reject; adkim=s; aspf=s")];
        let found = verdict(
            &strict,
            &[],
            &message("winkel.example", Some("bounce.winkel.example"), &["nieuws.winkel.example"]),
            generation,
        );
        assert_eq!(found.outcome, Outcome::Fail);
        let found = verdict(&strict, &[], &message("Winkel.Example.", None, &["winkel.example"]), generation);
        assert_eq!(found.outcome, Outcome::Pass);
    }
}

#[test]
fn names_below_get_sp_and_names_that_do_not_exist_get_np() {
    let below = message("nieuws.winkel.example", None, &[]);
    let found = verdict(SHOP, &["nieuws.winkel.example"], &below, Generation::TreeWalk);
    assert_eq!((found.policy, found.is_nonexistent), (Policy::Quarantine, false));
    let found = verdict(SHOP, &[], &below, Generation::TreeWalk);
    assert_eq!((found.policy, found.is_nonexistent), (Policy::Reject, true));
    let found = verdict(SHOP, &[], &below, Generation::SuffixList);
    assert_eq!(found.policy, Policy::Quarantine, "RFC 7489 knows no np");
}

#[test]
fn test_mode_is_one_step_milder_in_the_new_generation_only() {
    let zone = [("winkel.example", "v=DMARC1; p=reject; t=y")];
    let forged = message("winkel.example", None, &[]);
    assert_eq!(verdict(&zone, &[], &forged, Generation::TreeWalk).policy, Policy::Quarantine);
    assert_eq!(verdict(&zone, &[], &forged, Generation::SuffixList).policy, Policy::Reject);
}

#[test]
fn the_generations_differ_where_a_subdomain_declares_itself_an_organization() {
    let zone = [("winkel.example", "v=DMARC1; p=none"), ("a.winkel.example", "v=DMARC1; p=reject; psd=n")];
    let crossed = message("a.winkel.example", None, &["winkel.example"]);
    assert_eq!(verdict(&zone, &[], &crossed, Generation::TreeWalk).outcome, Outcome::Fail);
    assert_eq!(verdict(&zone, &[], &crossed, Generation::SuffixList).outcome, Outcome::Pass);
}

#[test]
fn a_public_suffix_operators_record_holds_for_those_below_without_one() {
    let zone = [("bank.example", "v=DMARC1; p=reject; psd=y")];
    let found =
        verdict(&zone, &["a.b.bank.example"], &message("a.b.bank.example", None, &[]), Generation::TreeWalk);
    assert_eq!((found.organization.as_str(), found.policy), ("b.bank.example", Policy::Reject));
}

#[test]
fn several_records_count_for_none() {
    let zone = [("winkel.example", "v=DMARC1; p=none"), ("winkel.example", "v=DMARC1; p=reject")];
    let found =
        verdict(&zone, &[], &message("winkel.example", None, &["winkel.example"]), Generation::TreeWalk);
    assert_eq!((found.outcome, found.policy), (Outcome::NoRecord, Policy::None));
}

#[test]
fn a_long_name_is_walked_in_eight_queries() {
    let names = walk("a.b.c.d.e.f.g.h.i.winkel.example");
    assert_eq!(names.len(), 8);
    assert_eq!(
        (names[0].as_str(), names[1].as_str(), names[7].as_str()),
        (
            "a.b.c.d.e.f.g.h.i.winkel.example",
            "f.g.h.i.winkel.example".split_once('.').map_or("", |_| "e.f.g.h.i.winkel.example"),
            "example"
        )
    );
    assert_eq!(walk("winkel.example"), ["winkel.example", "example"]);
}
