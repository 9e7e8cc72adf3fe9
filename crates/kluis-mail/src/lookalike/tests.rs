//! Names that look like the shop's: made, bounded, unique, judged.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::dns::{Answer, Question, RecordKind};

fn all(domain: &str) -> HashMap<String, Candidate> {
    let options = Options { has_unlikely: true, ..Options::default() };
    permute(domain, &options).into_iter().map(|found| (found.domain.clone(), found)).collect()
}

#[test]
fn every_family_makes_the_names_that_swindlers_use() {
    let found = all("kaasmijn.nl");
    for (domain, kind) in [
        ("kaasmijn.com", Kind::Tld),
        ("kaasmijn.shop", Kind::Tld),
        ("kaasmijn-betaling.nl", Kind::Word),
        ("mijnkaasmijn.com", Kind::Word),
        ("kaasrnijn.nl", Kind::Homoglyph),
        ("kaas-mijn.nl", Kind::Hyphen),
        ("wwwkaasmijn.nl", Kind::Subdomain),
        ("kaasmijn-nl.com", Kind::Subdomain),
        ("nl-betaling.com", Kind::Subdomain),
        ("mijn.nl", Kind::Subdomain),
        ("kasamijn.nl", Kind::Transposition),
        ("kaasmjn.nl", Kind::Omission),
        ("kaasmijjn.nl", Kind::Repetition),
        ("kasmijn.nl", Kind::Repetition),
        ("kaasmyn.nl", Kind::Sound),
        ("caasmijn.nl", Kind::Sound),
        ("lkaasmijn.nl", Kind::Keyboard),
        ("jaasmijn.nl", Kind::Keyboard),
        ("keasmijn.nl", Kind::Vowel),
        ("kaasmijnx.nl", Kind::Insertion),
        ("caasmijn.nl", Kind::BitFlip),
    ] {
        let candidate = found.get(domain);
        assert!(
            candidate.is_some_and(|found| found.kinds.contains(&kind)),
            "{domain} {kind:?} {candidate:?}"
        );
    }
}

#[test]
fn only_what_a_registry_could_allow_is_likely() {
    let nl = all("paspop.nl");
    let is_likely = |domain: &str| nl[domain].is_likely;
    let name = |unicode: &str| crate::streams::read_domain(unicode).unwrap();
    assert!(!is_likely(&name("páspop.nl")) && is_likely(&name("páspop.com")));
    // Mixed scripts are refused everywhere, a whole label in Cyrillic is not.
    assert!(!is_likely(&name("pаspop.com")), "one Cyrillic letter");
    assert!(is_likely(&name("раѕрор.com")) && !is_likely(&name("раѕрор.nl")));
    let likely = permute("paspop.nl", &Options::default());
    assert!(likely.iter().all(|found| found.is_likely) && likely.len() > 500, "{}", likely.len());
    assert_eq!(likely[0].kinds.first(), Some(&Kind::Tld));
}

#[test]
fn what_is_no_domain_makes_nothing_and_limits_hold() {
    for text in ["", "winkel", ".nl", "192.0.2.1", "a b.nl", "nl", "co.uk", &"a".repeat(300), "x..nl"] {
        assert_eq!(permute(text, &Options::default()), [], "{text}");
    }
    assert_eq!(permute("winkel.nl", &Options { limit: 7, has_unlikely: false }).len(), 7);
    assert_eq!(permute("winkel.nl", &Options { limit: 0, has_unlikely: false }).len(), 0);
    assert_eq!(
        permute("www.bestelling.winkel.nl", &Options::default()),
        permute("winkel.nl", &Options::default())
    );
    let longest = format!("{}.nl", "m".repeat(63));
    let many = permute(&longest, &Options { limit: usize::MAX, has_unlikely: true });
    assert!(!many.is_empty() && many.len() <= CANDIDATES_MAX);
    assert!(!all("bücher.de").is_empty());
}

/// Collects about a name with answers of a zone; also how many questions it took.
fn look(domain: &str, zone: impl Fn(&Question) -> Answer) -> (Seen, usize) {
    let mut answers = HashMap::new();
    loop {
        match see(domain, &["ns1.winkel.example".to_owned()], &answers) {
            Ok(seen) => return (seen, answers.len()),
            Err(questions) => {
                for question in questions {
                    let answer = zone(&question);
                    assert!(answers.insert(question, answer).is_none(), "asked again");
                }
            }
        }
    }
}

fn candidate(kind: Kind) -> Candidate {
    let name = "w1nkel.example".to_owned();
    Candidate { domain: name.clone(), unicode: name, kinds: BTreeSet::from([kind]), is_likely: true }
}

#[test]
fn a_name_that_is_ready_for_fraud_scores_high_and_one_of_the_shop_low() {
    let (seen, questions) = look("w1nkel.example", |_| Answer::NoSuchName);
    assert_eq!((seen.is_there, questions), (false, 1));
    assert_eq!(score(&candidate(Kind::Homoglyph), &seen).points, 0);

    let (ready, questions) =
        look("w1nkel.example", |question| match (question.kind, question.name.as_str()) {
            (RecordKind::A, _) => Answer::A(vec!["192.0.2.1".parse().unwrap()]),
            (RecordKind::Mx, _) => Answer::Mx(vec![(10, "mx.boef.example".to_owned())]),
            (RecordKind::Txt, "w1nkel.example") => Answer::Txt(vec![b"v=spf1 a ~all".to_vec()]),
            (RecordKind::Txt, _) => Answer::Txt(vec![b"v=DMARC1; p=none".to_vec()]),
            (RecordKind::Ns, _) => Answer::Ptr(vec!["NS1.boef.example.".to_owned()]),
            _ => Answer::Aaaa(Vec::new()),
        });
    assert_eq!(questions, 6);
    let high = score(&candidate(Kind::Homoglyph), &ready);
    assert_eq!((high.points, high.reasons.len()), (100, 5), "{high:?}");

    let (own, _) = look("w1nkel.example", |question| match (question.kind, question.name.as_str()) {
        (RecordKind::Mx, _) => Answer::Mx(vec![(0, ".".to_owned())]),
        (RecordKind::Txt, "w1nkel.example") => Answer::Txt(vec![b"v=spf1 -all".to_vec()]),
        (RecordKind::Ns, _) => Answer::Ptr(vec!["ns1.winkel.example.".to_owned()]),
        _ => Answer::A(Vec::new()),
    });
    assert!(own.shares_name_servers && own.is_there && own.is_whole);
    let low = score(&candidate(Kind::Tld), &own);
    assert!(low.points <= 5, "{low:?}");
    let (silent, _) = look("w1nkel.example", |_| Answer::Failed);
    assert!(!silent.is_whole && !silent.is_there);
}

proptest! {
    #[test]
    fn names_are_unique_valid_and_bounded(domain in "[a-z0-9]([a-z0-9-]{0,24}[a-z0-9])?\\.(nl|com|co\\.uk|example)") {
        let found = permute(&domain, &Options { limit: usize::MAX, has_unlikely: true });
        prop_assert!(found.len() <= CANDIDATES_MAX);
        let names: HashSet<&str> = found.iter().map(|found| found.domain.as_str()).collect();
        prop_assert_eq!(names.len(), found.len());
        for candidate in &found {
            let read = crate::streams::read_domain(&candidate.domain);
            prop_assert_eq!(read.as_deref(), Some(candidate.domain.as_str()));
            prop_assert!(candidate.domain != domain && !candidate.kinds.is_empty());
        }
    }

    #[test]
    fn any_text_makes_names_or_nothing(text in ".{0,70}") {
        let _ = permute(&text, &Options::default());
    }
}
