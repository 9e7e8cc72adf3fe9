//! SPF evaluations a second on one core with the answers of the DNS at hand, beside pyspf on the same zone and queries.

use std::collections::HashMap;
use std::fs;

use anyhow::{Result, ensure};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::spf::{Identity, Query, evaluate};
use serde_json::{Value, json};

use super::{Line, peers, rate};

/// Records as shops and large services publish them: netblocks of a search company, an office suite, newsletters.
const ZONE: &[(&str, &str, &[&str])] = &[
    (
        "winkel.test",
        "TXT",
        &["v=spf1 include:spf.kantoor.test include:servers.nieuws.test ip4:192.0.2.25 -all"],
    ),
    ("bloemen.test", "TXT", &["v=spf1 include:_spf.zoek.test ~all"]),
    ("fietsen.test", "TXT", &["v=spf1 a mx include:servers.nieuws.test -all"]),
    ("fietsen.test", "A", &["192.0.2.80"]),
    ("fietsen.test", "MX", &["mx1.fietsen.test", "mx2.fietsen.test"]),
    ("mx1.fietsen.test", "A", &["192.0.2.81"]),
    ("mx2.fietsen.test", "A", &["192.0.2.82"]),
    ("thee.test", "TXT", &["v=spf1 redirect=_spf.thee.test"]),
    ("_spf.thee.test", "TXT", &["v=spf1 ip4:198.51.100.0/24 ip6:2001:db8:4::/48 ~all"]),
    ("kaas.test", "TXT", &["v=spf1 exists:%{ir}.%{v}.lijst.kaas.test -all"]),
    ("7.100.51.198.in-addr.lijst.kaas.test", "A", &["127.0.0.2"]),
    ("geen.test", "TXT", &["v=spf1 -all"]),
    (
        "spf.kantoor.test",
        "TXT",
        &[
            "v=spf1 ip4:40.92.0.0/15 ip4:40.107.0.0/16 ip4:52.100.0.0/15 ip4:52.102.0.0/16 ip4:52.103.0.0/17 ip4:104.47.0.0/17 ip6:2a01:111:f400::/48 ip6:2a01:111:f403::/49 ip6:2a01:111:f403:8000::/51 ip6:2a01:111:f403:c000::/51 ip6:2a01:111:f403:f000::/52 -all",
        ],
    ),
    (
        "servers.nieuws.test",
        "TXT",
        &["v=spf1 ip4:205.201.128.0/20 ip4:198.2.128.0/18 ip4:148.105.0.0/16 ?all"],
    ),
    (
        "_spf.zoek.test",
        "TXT",
        &["v=spf1 include:_n1.zoek.test include:_n2.zoek.test include:_n3.zoek.test ~all"],
    ),
    (
        "_n1.zoek.test",
        "TXT",
        &[
            "v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 ip4:66.102.0.0/20 ip4:66.249.80.0/20 ip4:72.14.192.0/18 ip4:74.125.0.0/16 ip4:108.177.8.0/21 ip4:173.194.0.0/16 ip4:209.85.128.0/17 ip4:216.58.192.0/19 ip4:216.239.32.0/19 ~all",
        ],
    ),
    (
        "_n2.zoek.test",
        "TXT",
        &[
            "v=spf1 ip6:2001:4860:4000::/36 ip6:2404:6800:4000::/36 ip6:2607:f8b0:4000::/36 ip6:2800:3f0:4000::/36 ip6:2a00:1450:4000::/36 ip6:2c0f:fb50:4000::/36 ~all",
        ],
    ),
    (
        "_n3.zoek.test",
        "TXT",
        &[
            "v=spf1 ip4:172.217.0.0/19 ip4:172.217.32.0/20 ip4:172.217.128.0/19 ip4:172.217.160.0/20 ip4:172.217.192.0/19 ip4:172.253.56.0/21 ip4:172.253.112.0/20 ip4:108.177.96.0/19 ip4:35.191.0.0/16 ip4:130.211.0.0/22 ~all",
        ],
    ),
];

/// Address, sender, and the result that both must give.
const QUERIES: &[(&str, &str, &str)] = &[
    ("52.102.3.4", "info@winkel.test", "pass"),
    ("148.105.1.2", "info@winkel.test", "pass"),
    ("192.0.2.25", "info@winkel.test", "pass"),
    ("203.0.113.9", "info@winkel.test", "fail"),
    ("209.85.220.41", "info@bloemen.test", "pass"),
    ("130.211.0.1", "info@bloemen.test", "pass"),
    ("2a00:1450:4000::1", "info@bloemen.test", "pass"),
    ("203.0.113.9", "info@bloemen.test", "softfail"),
    ("192.0.2.82", "info@fietsen.test", "pass"),
    ("203.0.113.9", "info@fietsen.test", "fail"),
    ("2001:db8:4::25", "info@thee.test", "pass"),
    ("198.51.100.7", "info@kaas.test", "pass"),
    ("203.0.113.9", "info@kaas.test", "fail"),
    ("203.0.113.9", "info@geen.test", "fail"),
];

fn zone() -> HashMap<Question, Answer> {
    let mut zone = HashMap::new();
    for (name, kind, values) in ZONE {
        let (kind, answer) = match *kind {
            "TXT" => {
                (RecordKind::Txt, Answer::Txt(values.iter().map(|text| text.as_bytes().to_vec()).collect()))
            }
            "MX" => {
                (RecordKind::Mx, Answer::Mx(values.iter().map(|host| (10, (*host).to_owned())).collect()))
            }
            _ => (RecordKind::A, Answer::A(values.iter().filter_map(|text| text.parse().ok()).collect())),
        };
        zone.insert(Question::new(name, kind), answer);
    }
    zone
}

pub(super) fn run() -> Result<Vec<Line>> {
    let mut zone = zone();
    let mut queries = Vec::new();
    for (address, sender, wanted) in QUERIES {
        let helo = sender.rsplit_once('@').map_or(*sender, |(_, domain)| domain);
        let (identity, receiver) = (Identity::Spf, "localhost");
        let query = Query { address: address.parse()?, sender, helo, identity, receiver, now_s: 0 };
        // What the zone does not hold does not exist; asked once, the answer is at hand.
        let found = loop {
            match evaluate(&query, &zone) {
                Ok(verdict) => break verdict.result.word(),
                Err(question) => {
                    zone.insert(question, Answer::NoSuchName);
                }
            }
        };
        ensure!(found == *wanted, "{sender} from {address}: {found}");
        queries.push(query);
    }
    let ours = rate(|| {
        for query in &queries {
            std::hint::black_box(evaluate(std::hint::black_box(query), &zone).is_ok());
        }
        queries.len() as u64
    });
    let folder = tempfile::tempdir_in(".")?;
    let values = |kind: &str, values: &[&str]| -> Vec<Value> {
        let one = |value: &&str| if kind == "MX" { json!([10, value]) } else { json!(value) };
        values.iter().map(one).collect()
    };
    let zone: Vec<Value> =
        ZONE.iter().map(|(name, kind, list)| json!([name, kind, values(kind, list)])).collect();
    fs::write(folder.path().join("zone.json"), serde_json::to_vec(&zone)?)?;
    fs::write(folder.path().join("queries.json"), serde_json::to_vec(QUERIES)?)?;
    let peer = peers::run("spf", folder.path())?;
    let note = format!("{} queries over {} records, with trace, one core", QUERIES.len(), ZONE.len());
    Ok(vec![
        Line::rate("SPF, warm DNS", "klantkluis", ours, note),
        Line::rate(
            "SPF, warm DNS",
            "pyspf",
            peers::number(&peer, "per_second")?,
            "the same queries, one core",
        ),
    ])
}
