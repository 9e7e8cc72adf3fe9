//! Advice over a whole vault: thirty days of invented reports and a name server of the test say what must be done.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kluis_mail::advice::{ChangeKind, Criterion, Light, NextKind, PolicyStep};
use kluis_mail::dkim::{self, DkimResult};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::message::Message;
use kluis_mail::streams::MailSetup;
use kluis_model::access::{Grant, Role};
use kluis_model::{Actor, Lang};

use super::*;
use crate::mail::MailSettings;
use crate::mail::keys::{MailKeyAlgorithm, MailKeyInput};
use crate::mail::reports::ReportSource;
use crate::mail::testing::Zone;
use crate::status::Tone;
use crate::testing::{Vault, local};
use crate::{App, AppError};

const DAY: Duration = Duration::from_secs(86_400);
const SETUP: &str = r#"
version = 1
domain = "winkel.test"
report_address = "dmarc@rapport.winkel.test"
[[stream]]
id = "winkel"
kind = "shop"
from = "winkel.test"
relay = true
servers = ["192.0.2.10"]
[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.winkel.test"
services = ["spotler"]
return_path = "bounce.nieuws.winkel.test"
"#;
const POLICY_NONE: &str = "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@rapport.winkel.test";

/// A vault with two streams, whose DNS is a zone of the test.
async fn vault() -> (Vault, Zone) {
    let vault = Vault::new().await;
    let zone = Zone::default();
    zone.publish("winkel.test", &["v=spf1 ip4:192.0.2.0/24 -all", "10 mx.winkel.test"]);
    zone.publish("nieuws.winkel.test", &["v=spf1 -all"]);
    zone.publish("bounce.nieuws.winkel.test", &["v=spf1 ip4:198.51.100.0/24 -all"]);
    zone.publish("_dmarc.winkel.test", &[POLICY_NONE]);
    zone.publish("_dmarc.nieuws.winkel.test", &["v=DMARC1; p=none; rua=mailto:dmarc@rapport.winkel.test"]);
    vault.app.set_mail_settings(settings(&zone));
    (vault, zone)
}

fn settings(zone: &Zone) -> MailSettings {
    let setup = Some(Arc::new(MailSetup::read(SETUP).unwrap()));
    MailSettings { setup, dns: zone.serve(), ..MailSettings::default() }
}

/// Rows of a day: server, messages, From, domain and outcome of the signature, domain and outcome of SPF.
type Rows<'a> = &'a [(&'a str, u64, &'a str, Option<(&'a str, &'a str)>, (&'a str, &'a str))];

const SHOP_MAIL: Rows<'_> =
    &[("192.0.2.10", 40, "winkel.test", Some(("winkel.test", "pass")), ("winkel.test", "pass"))];
const SPOTLER: &str = "198.51.100.7";
const NEWS_UNSIGNED: Rows<'_> = &[(SPOTLER, 3, "nieuws.winkel.test", None, ("bounce.mailplus.nl", "pass"))];
const NEWS_SIGNED: Rows<'_> = &[(
    SPOTLER,
    3,
    "nieuws.winkel.test",
    Some(("nieuws.winkel.test", "pass")),
    ("bounce.mailplus.nl", "pass"),
)];
const FORGED: Rows<'_> = &[("203.0.113.9", 25, "winkel.test", None, ("winkel.test", "fail"))];

/// The report of a receiver about a day so many days ago.
fn report(app: &App, org: &str, domain: &str, policy: &str, ago: i64, rows: Rows<'_>) -> String {
    let begin = (app.now().day() - ago) * 86_400;
    let mut text = format!(
        "<feedback><report_metadata><org_name>{org}</org_name><report_id>{org}-{domain}-{begin}</report_id>\
         <date_range><begin>{begin}</begin><end>{}</end></date_range></report_metadata>\
         <policy_published><domain>{domain}</domain><p>{policy}</p></policy_published>",
        begin + 86_399
    );
    for (source, count, from, dkim, (spf, outcome)) in rows {
        let is_aligned = |domain: &str| domain == *from || domain.ends_with("winkel.test");
        let word = |is_so: bool| if is_so { "pass" } else { "fail" };
        let signature = dkim.map_or_else(String::new, |(domain, result)| {
            format!("<dkim><domain>{domain}</domain><selector>s</selector><result>{result}</result></dkim>")
        });
        text.push_str(&format!(
            "<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated>\
             <disposition>none</disposition><dkim>{}</dkim><spf>{}</spf></policy_evaluated></row>\
             <identifiers><header_from>{from}</header_from></identifiers><auth_results>{signature}<spf>\
             <domain>{spf}</domain><result>{outcome}</result></spf></auth_results></record>",
            word(dkim.is_some_and(|(domain, result)| result == "pass" && is_aligned(domain))),
            word(*outcome == "pass" && is_aligned(spf)),
        ));
    }
    text + "</feedback>"
}

async fn take(app: &App, report: String) {
    let came = app.mail_ingest(&local(), ReportSource::Command, "r.xml", report).await.unwrap();
    assert_eq!((came.new, came.quarantined.len()), (1, 0));
}

/// Reports of four receivers over the last 35 days: 40 orders a day, 3 newsletters every eight days, misuse.
async fn month(app: &App, news: Rows<'_>) {
    for ago in 1..=35 {
        take(app, report(app, "google.com", "winkel.test", "none", ago, SHOP_MAIL)).await;
    }
    for (at, org) in ["Enterprise Outlook", "Yahoo", "kpn.com"].into_iter().enumerate() {
        take(app, report(app, org, "winkel.test", "none", i64::try_from(at).unwrap() + 2, FORGED)).await;
    }
    for ago in [1, 9, 17, 25] {
        take(app, report(app, "google.com", "nieuws.winkel.test", "none", ago, news)).await;
    }
    for org in ["Enterprise Outlook", "Yahoo"] {
        take(app, report(app, org, "nieuws.winkel.test", "none", 35, NEWS_SIGNED)).await;
    }
}

fn advice<'a>(view: &'a MailAdviceView, domain: &str) -> &'a Advice {
    view.advices.iter().find(|advice| advice.domain == domain).unwrap()
}

fn criteria(advice: &Advice) -> Vec<Criterion> {
    advice.blockers.iter().map(|blocker| blocker.criterion).collect()
}

fn support() -> Actor {
    Actor { grant: Arc::new(Grant::of_role(Role::Support)), ..local() }
}

async fn attention(app: &App) -> Vec<(Tone, String)> {
    let all = app.status(&local()).await.unwrap().attention;
    all.into_iter().filter(|item| item.id == "mail").map(|item| (item.tone, item.text.nl)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_streams_the_page_says_what_to_do_and_the_job_rests() {
    let vault = Vault::new().await;
    let app = &vault.app;
    let page = app.mail_overview(&local(), 30).await.unwrap();
    assert!(page.domain.is_none() && page.days.len() == 30 && page.streams.is_empty());
    assert!(page.next.unwrap().text.nl.contains("klantkluis mail plan"));
    assert!(matches!(app.mail_advise(&local()).await, Err(AppError::Invalid(_))));
    assert!(matches!(app.mail_day(&local()).await, Err(AppError::Invalid(_))));
    app.mail_day_due().await.unwrap();
    assert!(attention(app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_reports_tells_which_domain_may_go_on() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    month(app, NEWS_UNSIGNED).await;
    let view = app.mail_advise(&support()).await.unwrap();
    assert!(view.is_fresh);
    let shop = advice(&view, "winkel.test");
    // The reports of 35 days found the same policy: it is as old as they are.
    assert_eq!((shop.stage, criteria(shop)), (Some(PolicyStep::None), vec![]), "{shop:#?}");
    let next = shop.next.as_ref().unwrap();
    assert_eq!((next.kind, next.name.as_str()), (NextKind::Rehearse, "_dmarc.winkel.test"));
    assert_eq!(next.value, "v=DMARC1; p=quarantine; t=y; np=reject; rua=mailto:dmarc@rapport.winkel.test");
    let news = advice(&view, "nieuws.winkel.test");
    assert_eq!(criteria(news), [Criterion::Days, Criterion::Signed], "{news:#?}");
    assert!(news.blockers[1].text.nl.contains("Spotler") && news.next.is_none());
    let lights: Vec<(String, Light)> =
        view.streams.iter().map(|stream| (stream.id.clone(), stream.light)).collect();
    assert_eq!(lights, [("winkel".to_owned(), Light::Green), ("nieuws".to_owned(), Light::Red)]);

    let page = app.mail_overview(&support(), 30).await.unwrap();
    assert_eq!(
        page.if_reject.text.nl,
        "0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM ontbreekt); 75 vervalste berichten tegengehouden"
    );
    assert_eq!((page.streams[0].counts.messages, page.streams[0].dkim_per_mille), (29 * 40, Some(1_000)));
    assert_eq!((page.streams[0].signed, page.streams[1].signed), (Some(0), None));
    assert_eq!((page.misuse.counts.messages, page.misuse.per_day.iter().sum::<u64>()), (75, 75));
    assert_eq!(page.misuse.per_day[29 - 2..], [25, 0, 0]);
    let spotler = page.senders.iter().find(|sender| sender.id == "spotler").unwrap();
    assert!(
        spotler.is_declared
            && spotler.streams == ["nieuws"]
            && spotler.does.as_ref().unwrap().nl == "nieuwsbrieven"
    );
    // Nobody looked at the DNS yet: that comes with the daily job.
    assert!(page.dns_at.is_none() && page.budgets.is_empty());
    assert!(serde_json::to_string(&page).unwrap().contains("\"per_mille\"") || page.reporters.len() == 4);

    // When the DNS is silent, what is not known is not advised.
    *zone.is_mute.lock() = true;
    let mute = app.mail_advise(&local()).await.unwrap();
    assert!(!mute.is_fresh && criteria(advice(&mute, "winkel.test")) == [Criterion::Dns]);
}

fn asked(policy: PolicyStep) -> SimulateInput {
    SimulateInput { domain: None, policy, record: None, spf: None, days: 30 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_what_would_be_lost() {
    let (vault, _zone) = vault().await;
    let app = &vault.app;
    month(app, NEWS_UNSIGNED).await;
    let view = app.mail_simulate(&support(), asked(PolicyStep::Reject)).await.unwrap();
    assert_eq!(
        view.text.nl,
        "0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM ontbreekt); 75 vervalste berichten tegengehouden"
    );
    assert_eq!((view.messages, view.lines[0].replayed.rejected), (29 * 40 + 12 + 75, 75));
    assert!(view.by_suffix_list.is_empty() && view.remarks.len() == 1, "{:?}", view.remarks);
    let quarantine = app.mail_simulate(&local(), asked(PolicyStep::Quarantine)).await.unwrap();
    assert!(quarantine.lines.iter().all(|line| line.replayed.rejected == 0));
    let none = app.mail_simulate(&local(), asked(PolicyStep::None)).await.unwrap();
    assert!(none.text.en.starts_with("0 order messages, 0 newsletters; 0 forged"), "{:?}", none.text);

    // A department with `psd=n` is an organization of its own: what the suffix list binds together, the walk does not.
    take(
        app,
        report(
            app,
            "mail.ru",
            "winkel.test",
            "none",
            3,
            &[(
                SPOTLER,
                7,
                "nieuws.winkel.test",
                Some(("winkel.test", "pass")),
                ("bounce.mailplus.nl", "pass"),
            )],
        ),
    )
    .await;
    let apart = SimulateInput {
        domain: Some("nieuws.winkel.test".to_owned()),
        record: Some("v=DMARC1; p=reject; psd=n".to_owned()),
        ..asked(PolicyStep::None)
    };
    let view = app.mail_simulate(&local(), apart).await.unwrap();
    assert_eq!(
        (view.lines[0].replayed.rejected, view.by_suffix_list[0].replayed.rejected),
        (19, 12),
        "{view:#?}"
    );

    // A new SPF record saves what the envelope of the shop's own domain would carry.
    take(
        app,
        report(
            app,
            "mail.ru",
            "winkel.test",
            "none",
            4,
            &[("198.51.100.8", 5, "winkel.test", None, ("winkel.test", "fail"))],
        ),
    )
    .await;
    let with = |spf: &str| SimulateInput {
        domain: Some("winkel.test".to_owned()),
        spf: Some(spf.to_owned()),
        ..asked(PolicyStep::Reject)
    };
    let lost = async |input| -> u64 {
        let view = app.mail_simulate(&local(), input).await.unwrap();
        view.lines.iter().map(|line| line.replayed.rejected).sum()
    };
    assert_eq!(lost(with("v=spf1 ip4:192.0.2.0/24 -all")).await, 80);
    assert_eq!(lost(with("v=spf1 ip4:192.0.2.0/24 include:bounce.nieuws.winkel.test -all")).await, 75);

    for wrong in [
        SimulateInput { domain: Some("ander.test".to_owned()), ..asked(PolicyStep::Reject) },
        SimulateInput { record: Some("p=reject".to_owned()), ..asked(PolicyStep::Reject) },
        with("v=spf1 ipv4:192.0.2.1"),
        with("spf"),
    ] {
        assert!(matches!(app.mail_simulate(&local(), wrong).await, Err(AppError::Invalid(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_look_tells_unplanned_changes_from_planned_ones() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    month(app, NEWS_SIGNED).await;
    let ids = |view: Option<MailDigestView>| -> Vec<(Light, String)> {
        let items = view.map_or_else(Vec::new, |view| view.items);
        items.into_iter().map(|item| (item.light, item.id)).collect()
    };
    // The first look compares with nothing; the shop may go on, which is worth a word.
    let rehearse = (
        Light::Amber,
        "policy winkel.test v=DMARC1; p=quarantine; t=y; np=reject; rua=mailto:dmarc@rapport.winkel.test"
            .to_owned(),
    );
    assert_eq!(ids(app.mail_day(&local()).await.unwrap()), std::slice::from_ref(&rehearse));
    assert_eq!(attention(app).await.len(), 1);
    let page = app.mail_overview(&local(), 30).await.unwrap();
    assert_eq!(page.budgets.len(), 3);
    assert_eq!(page.next.unwrap().record.unwrap().kind, NextKind::Rehearse);
    // Looking again the same day changes nothing; the job rests.
    let version = app.mail_known().await.unwrap().unwrap().dns["winkel.test"].version;
    app.mail_day_due().await.unwrap();
    assert_eq!(app.mail_known().await.unwrap().unwrap().dns["winkel.test"].version, version);

    // The advised record is published: planned. At the same time SPF goes and mail goes elsewhere: not planned.
    vault.clock.advance(DAY);
    zone.publish(
        "_dmarc.winkel.test",
        &["v=DMARC1; p=quarantine; rua=mailto:dmarc@rapport.winkel.test; t=y; np=reject"],
    );
    zone.publish("winkel.test", &["10 mail.vreemd.test"]);
    app.mail_day_due().await.unwrap();
    let page = app.mail_overview(&local(), 30).await.unwrap();
    let seen: Vec<(ChangeKind, bool, Light)> = page
        .changes
        .iter()
        .map(|seen| (seen.change.kind, seen.change.is_planned, seen.change.light))
        .collect();
    assert_eq!(
        seen,
        [
            (ChangeKind::SpfGone, false, Light::Red),
            (ChangeKind::Dmarc, true, Light::Green),
            (ChangeKind::MxUnknown, false, Light::Red),
        ]
    );
    let known = app.mail_known().await.unwrap().unwrap();
    let policy = &known.policies["winkel.test"].value;
    assert_eq!((policy.step, policy.since), (Some(PolicyStep::TestQuarantine), known.today));
    let words = attention(app).await;
    assert_eq!(
        words,
        [
            (Tone::Bad, "Het SPF-record van winkel.test is verdwenen.".to_owned()),
            (
                Tone::Bad,
                "Mail aan winkel.test gaat nu naar een onbekende server: mail.vreemd.test.".to_owned()
            ),
        ]
    );
    assert_eq!(page.next.unwrap().light, Light::Red);

    // The DNS is silent for a day: nothing is learned, nothing is forgotten, and it is tried again.
    vault.clock.advance(DAY);
    *zone.is_mute.lock() = true;
    assert!(app.mail_day(&local()).await.unwrap().is_none());
    assert_eq!(attention(app).await, words);
    // Put back, it is no point any more.
    *zone.is_mute.lock() = false;
    zone.publish("winkel.test", &["v=spf1 ip4:192.0.2.0/24 -all", "10 mx.winkel.test"]);
    app.mail_day_due().await.unwrap();
    assert!(attention(app).await.is_empty());
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_mailed_once_signed_and_again_after_a_week() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    app.set_mail_settings(MailSettings {
        digest_to: Some("baas@winkel.test".to_owned()),
        dns: zone.serve(),
        ..(*app.mail_settings()).clone()
    });
    app.mail_deliver_begin("kluis.winkel.test", DAY).await.unwrap();
    month(app, NEWS_SIGNED).await;
    // Without a key it waits: unsigned mail of the shop would break its own rules.
    app.mail_day_due().await.unwrap();
    assert!(app.mail_claim(10).await.unwrap().is_empty());
    let input =
        MailKeyInput { domain: "winkel.test".into(), selector: None, algorithm: MailKeyAlgorithm::Ed25519 };
    let key = app.mail_key_create(&local(), input).await.unwrap();
    zone.publish(&key.name, &[&key.record]);
    app.mail_keys_step(&local()).await.unwrap();
    app.mail_day_due().await.unwrap();
    let mut claimed = app.mail_claim(10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let mail = app.mail_open(claimed.remove(0)).await.unwrap().unwrap();
    assert_eq!(mail.stream, "winkel");
    let bytes = mail.message.expose();
    let message = Message::read(bytes).unwrap();
    let name = format!("{}._domainkey.winkel.test", key.selector);
    let answers = HashMap::from([(
        Question::new(&name, RecordKind::Txt),
        Answer::Txt(vec![key.record.clone().into_bytes()]),
    )]);
    let checked = dkim::verify(&message, app.now().0 / 1_000, &answers).unwrap();
    assert!(checked.checks.iter().all(|check| check.result == DkimResult::Pass) && checked.checks.len() == 1);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(
        text.contains(
            "\r\nTo: <baas@winkel.test>\r\nSubject: Mail van winkel.test: 1 punt vraagt uw aandacht\r\n"
        ),
        "{text}"
    );
    assert!(text.lines().all(|line| line.len() <= 400) && !text.replace("\r\n", "").contains('\n'));
    let page = app.mail_overview(&local(), 30).await.unwrap();
    assert_eq!(page.digest.as_ref().unwrap().mailed, Some(app.now()));
    assert!(
        page.digest.unwrap().items[0].todo.as_ref().unwrap().get(Lang::En).starts_with("Rehearse quarantine")
    );

    // The same point is no new mail, until a week later.
    for (days, mails) in [(1, 0), (5, 0), (1, 1)] {
        vault.clock.advance(days * DAY);
        take(app, report(app, "google.com", "winkel.test", "none", 1, SHOP_MAIL)).await;
        app.mail_day_due().await.unwrap();
        assert_eq!(app.mail_claim(10).await.unwrap().len(), mails, "after {days} more days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_not_ours_keeps_nothing_back() {
    let (vault, _zone) = vault().await;
    let app = &vault.app;
    month(app, NEWS_SIGNED).await;
    let stranger: Rows<'_> =
        &[("198.51.100.99", 30, "winkel.test", Some(("mcsv.net", "pass")), ("mail.mcsv.net", "pass"))];
    take(app, report(app, "comcast.net", "winkel.test", "none", 2, stranger)).await;
    let view = app.mail_advise(&local()).await.unwrap();
    assert_eq!(criteria(advice(&view, "winkel.test")), [Criterion::Explained]);
    let page = app.mail_overview(&local(), 30).await.unwrap();
    let sender = page.senders.iter().find(|sender| sender.name.nl.contains("Mailchimp")).unwrap();
    assert!(!sender.is_declared);
    assert!(matches!(
        app.mail_not_ours(&support(), &sender.id, Says::NotOurs).await,
        Err(AppError::Denied { .. })
    ));
    for _ in 0..2 {
        app.mail_not_ours(&local(), &sender.id, Says::NotOurs).await.unwrap();
    }
    let view = app.mail_advise(&local()).await.unwrap();
    assert!(criteria(advice(&view, "winkel.test")).is_empty());
    app.mail_not_ours(&local(), &sender.id, Says::Nothing).await.unwrap();
    let view = app.mail_advise(&local()).await.unwrap();
    assert_eq!(criteria(advice(&view, "winkel.test")), [Criterion::Explained]);
    for wrong in ["", "a b", "naam\n", &"x".repeat(101)] {
        assert!(matches!(app.mail_not_ours(&local(), wrong, Says::NotOurs).await, Err(AppError::Invalid(_))));
    }
    assert!(matches!(app.mail_day(&support()).await, Err(AppError::Denied { .. })));
}
