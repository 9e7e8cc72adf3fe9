//! The openspf test suite for RFC 7208 through a real name server on loopback.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TXT};
use hickory_proto::rr::{LowerName, Name, RData, RecordType};
use kluis_mail::spf::{Identity, Query, Verdict, evaluate};
use serde::Deserialize;
use serde_norway::Value;

use crate::AuditOptions;
use crate::dns::Dns;
use crate::testing::dns::{NameServer, Said, answer_at};

/// Names with their records; nothing for a name whose questions are never answered.
type Zone = HashMap<LowerName, Vec<(RecordType, Option<RData>)>>;

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn vectors() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join(std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned()))
}

fn name(text: &str) -> Option<Name> {
    let mut name = Name::from_labels(text.trim_end_matches('.').split('.').map(str::as_bytes)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

fn zone(data: &Value) -> Zone {
    let mut zone = Zone::new();
    for (owner, records) in data.as_mapping().unwrap() {
        let Some(owner) = name(owner.as_str().unwrap()) else { continue };
        let list = zone.entry(LowerName::from(&owner)).or_default();
        for record in records.as_sequence().unwrap() {
            match record {
                Value::Mapping(map) => {
                    list.extend(map.iter().filter_map(|(kind, value)| of(kind.as_str().unwrap(), value)));
                }
                word => assert_eq!(word.as_str(), Some("TIMEOUT")),
            }
            if record.as_str() == Some("TIMEOUT") {
                list.push((RecordType::ANY, None));
            }
        }
        // Records of the retired type SPF stand for TXT, unless the name has TXT records of its own.
        let has_own = list.iter().any(|(kind, _)| *kind == RecordType::TXT);
        list.retain(|(kind, _)| *kind != RecordType::NULL || !has_own);
        for (kind, _) in list.iter_mut().filter(|(kind, _)| *kind == RecordType::NULL) {
            *kind = RecordType::TXT;
        }
        // A TXT that says NONE only says that there is none.
        list.retain(|(kind, data)| data.is_some() || *kind == RecordType::ANY);
    }
    zone
}

/// A record of the suite; type SPF is marked with a kind that nobody asks for.
fn of(kind: &str, value: &Value) -> Option<(RecordType, Option<RData>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some(match kind {
        "A" => (RecordType::A, Some(RData::A(A(text(value).parse().unwrap())))),
        "AAAA" => (RecordType::AAAA, Some(RData::AAAA(AAAA(text(value).parse().unwrap())))),
        "PTR" => (RecordType::PTR, Some(RData::PTR(PTR(name(&text(value))?)))),
        "CNAME" => (RecordType::CNAME, Some(RData::CNAME(CNAME(name(&text(value))?)))),
        "MX" => {
            let preference = u16::try_from(value[0].as_u64().unwrap()).unwrap();
            let host = text(&value[1]);
            let host = if host.is_empty() { Name::root() } else { name(&host)? };
            (RecordType::MX, Some(RData::MX(MX::new(preference, host))))
        }
        "TXT" if value.as_str() == Some("NONE") => (RecordType::TXT, None),
        "TXT" => (RecordType::TXT, Some(txt(value))),
        "SPF" => (RecordType::NULL, Some(txt(value))),
        other => panic!("{other}"),
    })
}

/// The suite's text is Latin-1, so that every byte is one character.
fn txt(value: &Value) -> RData {
    let one = |value: &Value| -> Vec<u8> {
        value.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    };
    let mut strings: Vec<Vec<u8>> =
        value.as_sequence().map_or_else(|| vec![one(value)], |list| list.iter().map(one).collect());
    // A record without any string cannot be on the wire (RFC 1035 §3.3.14); an empty string is the nearest to it.
    if strings.iter().all(Vec::is_empty) {
        return RData::TXT(TXT::from_bytes(vec![&[]]));
    }
    strings.retain(|string| !string.is_empty());
    let chunks = strings.iter().flat_map(|string| string.chunks(255));
    RData::TXT(TXT::from_bytes(chunks.collect()))
}

fn say(zone: &Zone, question: &Message, is_tcp: bool) -> Said {
    let asked = &question.queries[0];
    let mut message = answer_at(question, Vec::new());
    let Some(records) = zone.get(&LowerName::from(&asked.name)) else {
        message.metadata.response_code = ResponseCode::NXDomain;
        return Said::Message(Box::new(message));
    };
    let is_wanted = |kind: RecordType| kind == asked.query_type || kind == RecordType::CNAME;
    let found: Vec<(Name, RData)> = records
        .iter()
        .filter(|(kind, _)| is_wanted(*kind))
        .filter_map(|(_, data)| Some((asked.name.clone(), data.clone()?)))
        .collect();
    if found.is_empty() && records.iter().any(|(kind, _)| *kind == RecordType::ANY) {
        message.metadata.response_code = ResponseCode::ServFail;
        return Said::Message(Box::new(message));
    }
    let mut message = answer_at(question, found);
    if !is_tcp && message.to_vec().unwrap().len() > 1232 {
        message = answer_at(question, Vec::new());
        message.metadata.truncation = true;
    }
    Said::Message(Box::new(message))
}

async fn judge(dns: &Dns, test: &Value) -> Verdict {
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
                let found = dns.mail_answer(&question).await;
                assert!(answers.insert(question.clone(), found).is_none(), "asked twice: {question:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_case_of_the_suite_has_its_result_through_a_name_server() {
    let text = std::fs::read(vectors().join("spf/rfc7208-tests.yml")).unwrap();
    let text: String = text.into_iter().map(char::from).collect();
    let (mut cases, mut wrong) = (0, Vec::new());
    for document in serde_norway::Deserializer::from_str(&text) {
        let document = Value::deserialize(document).unwrap();
        let Some(tests) = document.get("tests") else { continue };
        let zone = zone(&document["zonedata"]);
        let names = NameServer::start(move |question, is_tcp| say(&zone, question, is_tcp)).await;
        for (case, test) in tests.as_mapping().unwrap() {
            cases += 1;
            // A fresh memory for each case, as for each audit.
            let options = AuditOptions { dns: Some(names.at), ..AuditOptions::default() };
            let verdict = judge(&Dns::new(&options).unwrap(), test).await;
            let result = &test["result"];
            let allowed = result.as_sequence().cloned().unwrap_or_else(|| vec![result.clone()]);
            let is_result = allowed.iter().any(|word| word.as_str() == Some(verdict.result.word()));
            let is_explanation = match test.get("explanation").and_then(Value::as_str) {
                None => true,
                Some("DEFAULT") => verdict.explanation.is_none(),
                Some(text) => verdict.explanation.as_deref() == Some(text),
            };
            if !is_result || !is_explanation {
                wrong.push(format!(
                    "{case:?}: {:?} {:?} {:?}",
                    verdict.result, verdict.explanation, verdict.trouble
                ));
            }
        }
        assert!(!names.asked().is_empty(), "nobody asked the name server");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases, 203);
}
