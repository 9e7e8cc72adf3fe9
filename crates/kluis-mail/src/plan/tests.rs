//! Plans: what each kind of stream leads to, and that a zone made from a plan is as planned.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use kluis_model::Lang;
use proptest::prelude::*;

use super::*;
use crate::dns::{Answer, Question, RecordKind};
use crate::streams::tests::setups;

const SHOP: &str = r#"
domain = "winkel.example"
report_address = "dmarc@rapport.winkel.example"
server = "kluis.winkel.example"
silent = ["oudewinkel.example"]
mta_sts = { mode = "testing", mx = ["mx.winkel.example"] }
[[stream]]
id = "winkel"
kind = "shop"
from = "bestelling.winkel.example"
relay = true
servers = ["192.0.2.10", "2001:db8::/48"]
keys = [{ domain = "bestelling.winkel.example", selector = "kk1" }]
[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.winkel.example"
services = ["mailchimp"]
[[stream]]
id = "kantoor"
kind = "office"
from = "winkel.example"
services = ["microsoft-365", "zendesk"]
records = [
    { name = "winkel.example", txt = "v=spf1 include:spf.boek.example ip4:198.51.100.0/24 -all" },
    { name = "selector1._domainkey.winkel.example", cname = "selector1-winkel.tenant.example" },
]
"#;

fn plan(toml: &str) -> Plan {
    make(&MailSetup::read(toml).unwrap(), &Inputs::default())
}

#[track_caller]
fn values<'a>(plan: &'a Plan, name: &str) -> Vec<&'a str> {
    plan.records().filter(|record| record.name == name).map(|record| record.value.as_str()).collect()
}

#[test]
fn a_list_of_senders_that_is_not_complete_is_not_to_be_published() {
    let toml = SHOP.replace("servers = [\"192.0.2.10\", \"2001:db8::/48\"]\n", "");
    let toml = toml.replace("services = [\"mailchimp\"]\n", "");
    let unfinished = plan(&toml);
    let shown = paste(&unfinished, Lang::Nl);
    let warnings = shown.matches("Zij is nog niet af").count() + shown.matches("Nog niet publiceren").count();
    assert_eq!(warnings, 2, "{shown}");
    let nothing = |_: &Question| Answer::NoSuchName;
    let about = |plan: &Plan, name: &str| {
        let found = compare(plan, nothing).into_iter().find(|difference| difference.name == name).unwrap();
        (found.kind, found.text.nl)
    };
    for name in ["bestelling.winkel.example", "nieuws.winkel.example"] {
        let (kind, text) = about(&unfinished, name);
        assert!(kind == DifferenceKind::Missing && text.starts_with("Nog niet publiceren"), "{name}: {text}");
        let (_, text) = about(&plan(SHOP), name);
        assert!(text.starts_with("Dit record staat nog niet"), "{name}: {text}");
    }
}

#[test]
fn a_shop_of_three_streams_gets_every_record_it_needs() {
    let shop = MailSetup::read(SHOP).unwrap();
    let key = shop.streams[0].keys[0].clone();
    let keys = [(key, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned())];
    let plan = make(&shop, &Inputs { keys: &keys, ..Inputs::default() });
    for (name, value) in [
        ("bestelling.winkel.example", "v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48 ~all"),
        ("nieuws.winkel.example", "v=spf1 ~all"),
        (
            "winkel.example",
            "v=spf1 include:spf.protection.outlook.com include:mail.zendesk.com include:spf.boek.example ip4:198.51.100.0/24 ~all",
        ),
        ("kk1._domainkey.bestelling.winkel.example", keys[0].1.as_str()),
        ("k2._domainkey.nieuws.winkel.example", "dkim2.mcsv.net"),
        ("selector1._domainkey.winkel.example", "selector1-winkel.tenant.example"),
        ("zendesk1._domainkey.winkel.example", "zendesk1._domainkey.zendesk.com"),
        ("oudewinkel.example", "v=spf1 -all"),
        (
            "_dmarc.oudewinkel.example",
            "v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:dmarc@rapport.winkel.example",
        ),
        ("rapport.winkel.example", "10 kluis.winkel.example"),
        ("oudewinkel.example._report._dmarc.rapport.winkel.example", "v=DMARC1;"),
        ("_dmarc.winkel.example", "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@rapport.winkel.example"),
        ("_dmarc.nieuws.winkel.example", "v=DMARC1; p=none; rua=mailto:dmarc@rapport.winkel.example"),
        ("mta-sts.winkel.example", "kluis.winkel.example"),
        ("_smtp._tls.winkel.example", "v=TLSRPTv1; rua=mailto:dmarc@rapport.winkel.example"),
    ] {
        assert_eq!(values(&plan, name), [value], "{name}");
    }
    let order: Vec<Subject> = plan.steps.iter().map(|step| step.subject).collect();
    assert!(order.is_sorted(), "{order:?}");
    let sts = plan.steps.iter().find(|step| step.subject == Subject::MtaSts).unwrap();
    assert_eq!(sts.files[0].url, "https://mta-sts.winkel.example/.well-known/mta-sts.txt");
    crate::mta_sts::policy(sts.files[0].text.as_bytes()).unwrap();
    for forbidden in ["ra=", "pct=", "ruf=", "!10m"] {
        assert!(plan.records().all(|record| !record.value.contains(forbidden)), "{forbidden}");
    }
}

#[test]
fn stages_go_on_and_what_is_unknown_becomes_something_to_do() {
    let shop = MailSetup::read(SHOP).unwrap();
    let stages = [
        ("winkel.example".to_owned(), Stage { policy: Policy::Quarantine, is_test: false }),
        ("bestelling.winkel.example".to_owned(), Stage { policy: Policy::Reject, is_test: true }),
    ];
    let plan = make(&shop, &Inputs { stages: &stages, ttl_s: 300, ..Inputs::default() });
    assert!(values(&plan, "_dmarc.winkel.example")[0].starts_with("v=DMARC1; p=quarantine; sp=reject"));
    assert!(values(&plan, "_dmarc.bestelling.winkel.example")[0].starts_with("v=DMARC1; p=reject; t=y"));
    assert!(plan.records().all(|record| record.ttl_s == 300));
    let todo: Vec<&str> =
        plan.steps.iter().flat_map(|step| &step.todo).map(|todo| todo.get(Lang::En)).collect();
    let said = todo.join("\n");
    assert!(said.contains("mail dkim keygen bestelling.winkel.example --selector kk1"), "{said}");
    let office = plan.steps.iter().filter(|step| step.subject == Subject::Dmarc);
    assert!(office.filter_map(|step| step.wait.as_ref()).any(|wait| wait.en.contains("mailing lists")));
}

#[test]
fn others_reports_and_clashes_are_told() {
    let plan = plan(
        r#"
domain = "winkel.example"
report_address = "x@rapporten.test"
[[stream]]
id = "a"
kind = "newsletter"
from = "nieuws.winkel.example"
services = ["klaviyo", "hubspot"]
return_path = "send.winkel.example"
keys = [{ domain = "ander.test", selector = "s" }]
records = [
    { name = "s1._domainkey.nieuws.winkel.example", cname = "a.dienst.example" },
    { name = "s1._domainkey.nieuws.winkel.example", cname = "b.dienst.example" },
    { name = "_dmarc.winkel.example", txt = "v=DMARC1; p=reject; rua=mailto:a@dienst.example" },
    { name = "x.winkel.example", txt = "v=spf1 include:" },
]
"#,
    );
    let said: String = plan
        .steps
        .iter()
        .flat_map(|step| &step.todo)
        .map(|todo| format!("{}\n", todo.get(Lang::En)))
        .collect();
    for wanted in [
        "nieuws.winkel.example._report._dmarc.rapporten.test",
        "cannot stand beside \"a.dienst.example\"",
        "A signature of ander.test proves nothing",
        "Look at HubSpot whether something must be added",
        "The SPF record under records for x.winkel.example is wrong",
        "No stream sends from winkel.example itself",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    assert!(values(&plan, "_dmarc.winkel.example")[0].contains("p=none"));
}

#[test]
fn it_is_written_for_bind_and_for_a_form() {
    let plan = plan(SHOP);
    let zone = bind(&plan);
    assert!(zone.contains("rapport.winkel.example. 3600 IN MX 10 kluis.winkel.example.\n"), "{zone}");
    assert!(zone.contains("bestelling.winkel.example. 3600 IN TXT \"v=spf1 ip4"), "{zone}");
    assert!(zone.contains("k2._domainkey.nieuws.winkel.example. 3600 IN CNAME dkim2.mcsv.net.\n"), "{zone}");
    let form = paste(&plan, Lang::Nl);
    assert!(form.contains("naam       k2._domainkey.nieuws\n"), "{form}");
    assert!(form.contains("naam       @\n") && form.contains("prioriteit 10\n"), "{form}");
}

/// A name server that holds exactly the planned records; behind every alias stands a key.
fn zone(plan: &Plan) -> impl Fn(&Question) -> Answer + '_ {
    move |question| {
        let here: Vec<&PlannedRecord> =
            plan.records().filter(|record| record.name == question.name).collect();
        let alias = here.iter().find(|record| record.kind == PlannedKind::Cname);
        let texts = |list: Vec<&&PlannedRecord>| {
            Answer::Txt(list.into_iter().map(|record| record.value.clone().into_bytes()).collect())
        };
        match question.kind {
            RecordKind::Cname => {
                Answer::Ptr(alias.map(|alias| format!("{}.", alias.value)).into_iter().collect())
            }
            RecordKind::Txt => texts(here.iter().filter(|record| record.kind == PlannedKind::Txt).collect()),
            RecordKind::Mx => Answer::Mx(
                here.iter()
                    .filter(|record| record.kind == PlannedKind::Mx)
                    .filter_map(|record| record.value.split_once(' '))
                    .map(|(first, host)| (first.parse().unwrap(), format!("{host}.")))
                    .collect(),
            ),
            _ => Answer::NoSuchName,
        }
    }
}

/// Compares with answers of a name server.
fn compare(plan: &Plan, answer: impl Fn(&Question) -> Answer) -> Vec<Difference> {
    let mut answers: HashMap<Question, Answer> = HashMap::new();
    loop {
        match diff(plan, &answers) {
            Ok(found) => return found,
            Err(questions) => {
                let known = answers.len();
                answers.extend(questions.into_iter().map(|question| {
                    let found = answer(&question);
                    (question, found)
                }));
                assert!(answers.len() > known, "the same was asked again");
            }
        }
    }
}

/// What is said when one name has these texts instead of the planned ones.
#[track_caller]
fn published(name: &str, texts: &[&str]) -> Vec<(DifferenceKind, String)> {
    let plan = plan(SHOP);
    let found = compare(&plan, |question| {
        if question.name == name && question.kind == RecordKind::Txt {
            return Answer::Txt(texts.iter().map(|text| text.as_bytes().to_vec()).collect());
        }
        zone(&plan)(question)
    });
    assert!(found.iter().all(|difference| difference.name == name), "{found:#?}");
    found.into_iter().map(|difference| (difference.kind, difference.text.en)).collect()
}

#[test]
fn records_of_the_same_meaning_are_equal() {
    for (name, text) in [
        ("bestelling.winkel.example", "V=SPF1  ip6:2001:DB8::/48 +ip4:192.0.2.10/32 ~all"),
        ("bestelling.winkel.example", "v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48 -all"),
        (
            "_dmarc.winkel.example",
            "v=DMARC1;p=reject;rua=mailto:Dmarc@Rapport.winkel.example,mailto:x@y.example",
        ),
        (
            "_dmarc.winkel.example",
            "v=DMARC1; p=quarantine; np=reject; sp=reject; adkim=r; rua=mailto:dmarc@rapport.winkel.example;",
        ),
        ("_smtp._tls.winkel.example", "v=TLSRPTv1;rua=mailto:dmarc@rapport.winkel.example"),
        ("oudewinkel.example._report._dmarc.rapport.winkel.example", "v=DMARC1"),
    ] {
        assert_eq!(published(name, &[text, "google-site-verification=x"]), [], "{text}");
    }
}

#[test]
fn records_of_another_meaning_differ() {
    use DifferenceKind::{Differs, Extra, Missing};
    let (shop, policy) = ("bestelling.winkel.example", "_dmarc.winkel.example");
    let good = "v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48 ~all";
    let rua = "rua=mailto:dmarc@rapport.winkel.example";
    for (name, texts, kind, says) in [
        (shop, &[][..], Missing, "not in the DNS"),
        (shop, &["v=spf1 ip4:192.0.2.10 ~all"], Differs, "Missing: ip6:2001:db8::/48"),
        (
            shop,
            &["v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48 include:x.example ~all"],
            Differs,
            "include:x.example",
        ),
        (shop, &["v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48 ?all"], Differs, "end"),
        (shop, &["v=spf1 ip4:192.0.2.10 ip6:2001:db8::/48"], Differs, "end"),
        (shop, &["v=spf1 ~all ip4:192.0.2.10 ip6:2001:db8::/48 ~all"], Differs, "order"),
        (shop, &["v=spf1 redirect=x.example"], Differs, "redirects"),
        (shop, &["v=spf1 ip4:kapot"], Differs, "wrong"),
        (shop, &[good, "v=spf1 mx ~all"], Extra, "neither counts"),
        (shop, &["v=spf1 a ~all", "v=spf1 mx ~all"], Differs, "several"),
        (policy, &["v=DMARC1; p=none"], Differs, "np, rua"),
        (
            policy,
            &[
                "v=DMARC1; p=none; sp=reject; np=reject; ruf=mailto:a@b.example; rua=mailto:dmarc@rapport.winkel.example",
            ],
            Differs,
            "ruf",
        ),
        (policy, &["v=DMARC1; p=reject; pct=5; rua=mailto:dmarc@rapport.winkel.example"], Differs, "pct"),
        (policy, &["v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc@rapport.winkel.example"], Differs, "aspf"),
        (policy, &["v=DMARC1; p=kapot"], Differs, "wrong"),
        ("_smtp._tls.winkel.example", &["v=TLSRPTv1; rua=mailto:x@y.example"], Differs, "elsewhere"),
        ("_mta-sts.winkel.example", &["v=STSv1; id=1;"], Differs, "another version"),
    ] {
        let found = published(name, texts);
        assert_eq!(found.len(), 1, "{texts:?}: {found:?}");
        assert!(found[0].0 == kind && found[0].1.contains(says), "{texts:?}: {found:?}");
    }
    assert!(rua.len() > 4);
}

#[test]
fn aliases_exchangers_and_silence_are_compared_too() {
    let plan = plan(SHOP);
    let found = compare(&plan, |_| Answer::Failed);
    assert_eq!(found.len(), plan.records().count());
    assert!(found.iter().all(|difference| difference.kind == DifferenceKind::Unanswered));
    let name = "k2._domainkey.nieuws.winkel.example";
    let found = compare(&plan, |question| match (question.name.as_str(), question.kind) {
        (at, RecordKind::Cname) if at == name => Answer::Ptr(vec!["anders.example".to_owned()]),
        ("k3._domainkey.nieuws.winkel.example", RecordKind::Cname) => Answer::NoSuchName,
        ("k3._domainkey.nieuws.winkel.example" | "dkim3.mcsv.net", RecordKind::Txt) => {
            Answer::Txt(vec![b"v=DKIM1; p=AAAA".to_vec()])
        }
        ("rapport.winkel.example", RecordKind::Mx) => {
            Answer::Mx(vec![(10, "kluis.winkel.example".to_owned()), (20, "reserve.example".to_owned())])
        }
        _ => zone(&plan)(question),
    });
    let kinds: Vec<_> = found.iter().map(|difference| (difference.kind, difference.name.as_str())).collect();
    assert_eq!(
        kinds,
        [(DifferenceKind::Differs, name), (DifferenceKind::Extra, "rapport.winkel.example")],
        "a copy behind an alias is as good"
    );
}

#[test]
fn look_ups_of_planned_records_are_counted_with_the_dns() {
    let plan = plan(SHOP);
    let mut answers: HashMap<Question, Answer> = HashMap::new();
    let found = loop {
        match budgets(&plan, &answers) {
            Ok(found) => break found,
            Err(questions) => answers.extend(questions.into_iter().map(|question| {
                let text: &[u8] = match question.name.as_str() {
                    "spf.protection.outlook.com" => b"v=spf1 ip4:40.92.0.0/15 -all",
                    "mail.zendesk.com" => b"v=spf1 include:a.example include:b.example ~all",
                    "a.example" | "b.example" => b"v=spf1 ip4:192.0.2.0/24 -all",
                    _ => return (question, Answer::NoSuchName),
                };
                (question, Answer::Txt(vec![text.to_vec()]))
            })),
        }
    };
    let office = found.iter().find(|budget| budget.domain == "winkel.example").unwrap();
    assert_eq!((office.lookups, office.dead.as_slice()), (5, &["spf.boek.example".to_owned()][..]));
    assert!(!office.is_over());
}

proptest! {
    #[test]
    fn a_zone_made_from_a_plan_is_as_planned(setup in setups()) {
        let plan = make(&setup, &Inputs::default());
        prop_assert_eq!(compare(&plan, zone(&plan)), vec![]);
        prop_assert_eq!(compare(&plan, |_| Answer::NoSuchName).len(), plan.records().count());
        let _ = (bind(&plan), paste(&plan, Lang::Nl), serde_json::to_string(&plan).unwrap());
    }
}
