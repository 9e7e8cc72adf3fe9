//! The openspf test suite for RFC 7208 (release 2014.04): all cases through an in-memory zone.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::spf::{Identity, Query, Verdict, evaluate};
use serde::Deserialize;
use serde_norway::Value;

/// Names with their records: kind and value.
type Zone = HashMap<String, Vec<(String, Value)>>;

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn vectors() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join(std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned()))
}

fn zone(data: &Value) -> Zone {
    let mut zone = Zone::new();
    for (name, records) in data.as_mapping().unwrap() {
        let name = name.as_str().unwrap().trim_end_matches('.').to_ascii_lowercase();
        let list = zone.entry(name).or_default();
        for record in records.as_sequence().unwrap() {
            match record {
                Value::Mapping(map) => {
                    list.extend(
                        map.iter().map(|(kind, value)| (kind.as_str().unwrap().to_owned(), value.clone())),
                    );
                }
                word => list.push((word.as_str().unwrap().to_owned(), Value::Null)),
            }
        }
    }
    zone
}

/// The bytes of a TXT record; the suite's text is Latin-1, so that every byte is one character.
fn bytes(value: &Value) -> Vec<u8> {
    let one = |value: &Value| -> Vec<u8> {
        value.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    };
    value.as_sequence().map_or_else(|| one(value), |strings| strings.iter().flat_map(one).collect())
}

/// The answer; an alias is followed as often as a resolver would.
fn answer(zone: &Zone, question: &Question, aliases_left: u32) -> Answer {
    let Some(records) = zone.get(&question.name) else { return Answer::NoSuchName };
    let of = |kind: &str| {
        records.iter().filter(move |(found, _)| found == kind).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    if let Some(alias) = of("CNAME").first() {
        let target = Question::new(&text(alias), question.kind);
        return if aliases_left == 0 { Answer::Failed } else { answer(zone, &target, aliases_left - 1) };
    }
    let exchanger = |value: &Value| {
        let pair = value.as_sequence().unwrap();
        (u16::try_from(pair[0].as_u64().unwrap()).unwrap(), text(&pair[1]))
    };
    let found = match question.kind {
        RecordKind::A => Answer::A(of("A").into_iter().map(|value| text(value).parse().unwrap()).collect()),
        RecordKind::Aaaa => {
            Answer::Aaaa(of("AAAA").into_iter().map(|value| text(value).parse().unwrap()).collect())
        }
        RecordKind::Mx => Answer::Mx(of("MX").into_iter().map(exchanger).collect()),
        RecordKind::Ptr => Answer::Ptr(of("PTR").into_iter().map(text).collect()),
        RecordKind::Cname | RecordKind::Ns => Answer::Ptr(Vec::new()),
        // Records of the retired type SPF stand for TXT, unless the name has TXT records of its own.
        RecordKind::Txt if of("TXT").is_empty() => Answer::Txt(of("SPF").into_iter().map(bytes).collect()),
        RecordKind::Txt => Answer::Txt(
            of("TXT").into_iter().filter(|value| value.as_str() != Some("NONE")).map(bytes).collect(),
        ),
    };
    if found.is_void() && records.iter().any(|(kind, _)| kind == "TIMEOUT") { Answer::Failed } else { found }
}

fn judge(zone: &Zone, test: &Value) -> Verdict {
    let query = Query {
        address: test["host"].as_str().unwrap().parse().unwrap(),
        sender: test["mailfrom"].as_str().unwrap_or_default(),
        helo: test["helo"].as_str().unwrap(),
        identity: Identity::Spf,
        receiver: "receiver.example",
        now_s: 0,
    };
    let mut answers = HashMap::new();
    loop {
        match evaluate(&query, &answers) {
            Ok(verdict) => return verdict,
            Err(question) => {
                let found = answer(zone, &question, 8);
                assert!(answers.insert(question.clone(), found).is_none(), "asked twice: {question:?}");
            }
        }
    }
}

#[test]
fn every_case_of_the_suite_has_its_result_and_explanation() {
    let text = std::fs::read(vectors().join("spf/rfc7208-tests.yml")).unwrap();
    let text: String = text.into_iter().map(char::from).collect();
    let (mut cases, mut wrong) = (0, Vec::new());
    for document in serde_norway::Deserializer::from_str(&text) {
        let document = Value::deserialize(document).unwrap();
        let Some(tests) = document.get("tests") else { continue };
        let zone = zone(&document["zonedata"]);
        for (name, test) in tests.as_mapping().unwrap() {
            cases += 1;
            let verdict = judge(&zone, test);
            let result = &test["result"];
            let allowed = result.as_sequence().cloned().unwrap_or_else(|| vec![result.clone()]);
            let is_result = allowed.iter().any(|word| word.as_str() == Some(verdict.result.word()));
            let wanted = test.get("explanation").and_then(Value::as_str);
            let is_explanation = match wanted {
                None => true,
                Some("DEFAULT") => verdict.explanation.is_none(),
                Some(text) => verdict.explanation.as_deref() == Some(text),
            };
            if !is_result || !is_explanation {
                wrong.push(format!(
                    "{name:?}: {:?} {:?} {:?}",
                    verdict.result, verdict.explanation, verdict.trouble
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases, 203);
}
