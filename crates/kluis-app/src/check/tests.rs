//! Checks as people and the job loop use them, without a network: who may, what is refused, what is kept and compared.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kluis_checks::facts::Target;
use kluis_checks::{Finding, Grade, Part, Predictions, Protection, Severity};
use kluis_model::{ActorKind, Grant, Operation, Role};

use super::*;
use crate::testing::{Vault, local};
use crate::verify::FindingKind;
use crate::{AuditQuery, SHOP};

/// Nobody answers questions about names here, so every check ends at once.
fn without_network() -> CheckSettings {
    let audit = kluis_net::AuditOptions {
        dns: Some(SocketAddr::from(([127, 0, 0, 1], 1))),
        total: Duration::from_secs(2),
        step: Duration::from_millis(200),
        ..kluis_net::AuditOptions::default()
    };
    CheckSettings { audit, ..CheckSettings::default() }
}

async fn vault() -> Vault {
    let vault = Vault::new().await;
    vault.app.set_check_settings(without_network());
    vault
}

fn report(letter: &str, score: u32, rules: &[(&str, Severity)]) -> Report {
    let finding = |(rule, severity): &(&str, Severity)| Finding {
        rule: (*rule).to_owned(),
        severity: *severity,
        protections: vec![Protection::Encryption],
        part: Part::Web,
        proofs: Vec::new(),
        proofs_more: 0,
        gain: 3,
    };
    Report {
        version: "1".into(),
        target: Target { host: "winkel.example".into(), ..Target::default() },
        at: TimeMs(0),
        took_ms: 1,
        shields: Vec::new(),
        grade: Grade { letter: letter.into(), score, capped_by: None },
        findings: rules.iter().map(finding).collect(),
        passed: vec!["hsts-missing".into()],
        predictions: Predictions::default(),
        gaps: Vec::new(),
        platform: None,
        server: None,
    }
}

/// A run as if it had ended now.
async fn finished(vault: &Vault, domain: &str, report: &Report) -> JobId {
    let (app, now) = (&vault.app, vault.app.now());
    let keys = app.keys(SHOP).unwrap();
    let bytes = serde_json::to_vec(report).unwrap();
    let asked = Asked { parts: CHECK_PARTS.into(), owner_verified: false };
    let mut row = CheckRunRow {
        shop: SHOP,
        id: JobId::generate(now, app.random()),
        domain: domain.into(),
        at: now,
        updated: now,
        state: "queued".into(),
        created_by: "tester".into(),
        node: "node1".into(),
        options: serde_json::to_string(&asked).unwrap(),
        summary: "{}".into(),
        report_hash: [0; 32],
        row_mac: [0; 32],
    };
    sealed(&keys, &mut row, b"");
    let mut unit = Unit::new();
    unit.insert_check_run(&row);
    app.store().commit(unit).await.unwrap();
    row.state = "done".into();
    row.summary = serde_json::to_string(&Ended::Summary(stored::summary(report))).unwrap();
    sealed(&keys, &mut row, &bytes);
    let mut unit = Unit::new();
    unit.update_check_run(&row, &bytes, "queued");
    app.store().commit(unit).await.unwrap();
    vault.clock.advance(Duration::from_secs(1));
    row.id
}

async fn until_over(app: &App, id: JobId) -> CheckView {
    for _ in 0..1_000 {
        let view = app.check_state(&local(), id).await.unwrap();
        if view.state.is_over() {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the check does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_goes_on_in_the_background_and_says_why_it_failed() {
    let vault = vault().await;
    let started =
        vault.app.check_start(&local(), "https://Winkel.example/", CheckOptions::default()).await.unwrap();
    assert_eq!((started.domain.as_str(), started.state), ("winkel.example", CheckState::Queued));
    let over = until_over(&vault.app, started.id).await;
    assert_eq!(over.state, CheckState::Failed);
    let problem = over.problem.unwrap();
    assert!(problem.text.nl.contains("DNS") && problem.hint.en.len() > 10, "{problem:?}");
    let read = vault.app.check_read(&local(), started.id).await.unwrap();
    assert!(read.report.is_none() && read.difference.is_none());
    let query = AuditQuery { operation: Some(Operation::Check), limit: 9, ..AuditQuery::default() };
    let entries = vault.app.audit_list(&local(), query).await.unwrap();
    let said: Vec<_> = entries.iter().map(|e| (e.reason.clone().unwrap(), e.outcome)).collect();
    assert_eq!(said, [("failed".into(), Outcome::Failed), ("started".into(), Outcome::Ok)]);
    assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_checked_is_refused_at_once() {
    let vault = vault().await;
    let field_of =
        async |domain: &str| match vault.app.check_start(&local(), domain, CheckOptions::default()).await {
            Err(AppError::Invalid(problems)) => problems[0].field.clone(),
            other => panic!("{domain}: {other:?}"),
        };
    for domain in
        ["", "geen domein", "localhost", "kassa.local", "127.0.0.1", "2130706433", "[::1]", "169.254.169.254"]
    {
        assert_eq!(field_of(domain).await, "domain", "{domain}");
    }
    let nothing = CheckOptions { parts: BTreeSet::new(), owner_verified: false };
    assert!(matches!(
        vault.app.check_start(&local(), "winkel.example", nothing).await,
        Err(AppError::Invalid(_))
    ));
    let nobody = Actor {
        kind: ActorKind::Connector,
        grant: Arc::new(Grant { operations: [Operation::Read].into_iter().collect(), ..Grant::all() }),
        ..local()
    };
    let id = JobId::from_bytes([1; 16]);
    let denied = |error: Option<AppError>| matches!(error, Some(AppError::Denied { .. }));
    assert!(denied(vault.app.check_start(&nobody, "", CheckOptions::default()).await.err()));
    assert!(denied(vault.app.check_list(&nobody, None, 1).await.err()));
    assert!(denied(vault.app.check_read(&nobody, id).await.err()));
    assert!(denied(vault.app.check_state(&nobody, id).await.err()));
    for role in Role::ALL {
        let actor = Actor { grant: Arc::new(Grant::of_role(role)), ..local() };
        assert!(matches!(vault.app.check_read(&actor, id).await, Err(AppError::NotFound)), "{role}");
    }
    vault.app.seal();
    assert!(matches!(vault.app.check_list(&local(), None, 1).await, Err(AppError::Sealed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_may_be_asked_for_in_an_hour() {
    let vault = vault().await;
    vault.app.set_check_settings(CheckSettings { per_hour: 2, ..without_network() });
    for domain in ["a.example", "b.example"] {
        vault.app.check_start(&local(), domain, CheckOptions::default()).await.unwrap();
        vault.clock.advance(Duration::from_secs(60));
    }
    let third = vault.app.check_start(&local(), "c.example", CheckOptions::default()).await;
    let Err(AppError::Exhausted { retry_after_s }) = third else { panic!("{third:?}") };
    assert!((3_400..=3_541).contains(&retry_after_s), "{retry_after_s}");
    vault.clock.advance(Duration::from_secs(u64::from(retry_after_s)));
    vault.app.check_start(&local(), "c.example", CheckOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_at_the_same_moment_makes_no_more_room() {
    let vault = vault().await;
    vault.app.set_check_settings(CheckSettings { per_hour: 3, ..without_network() });
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..30 {
        let app = vault.app.clone();
        asking.spawn(async move {
            app.check_start(&local(), &format!("w{number}.example"), CheckOptions::default()).await.is_ok()
        });
    }
    let started = asking.join_all().await.into_iter().filter(|is_started| *is_started).count();
    assert_eq!(started, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_compared_with_the_one_before() {
    let vault = vault().await;
    let first =
        finished(&vault, "winkel.example", &report("A", 90, &[("hsts-missing", Severity::High)])).await;
    finished(&vault, "ander.example", &report("F", 1, &[])).await;
    let second =
        finished(&vault, "winkel.example", &report("B", 80, &[("csp-missing", Severity::High)])).await;
    let read = vault.app.check_read(&local(), first).await.unwrap();
    assert_eq!((read.previous, read.difference), (None, None));
    let read = vault.app.check_read(&local(), second).await.unwrap();
    let difference = read.difference.unwrap();
    assert_eq!(read.previous, Some(first));
    assert_eq!((difference.fixed, difference.new), (vec!["hsts-missing".into()], vec!["csp-missing".into()]));
    let list = vault.app.check_list(&local(), Some("WINKEL.example"), 9).await.unwrap();
    assert_eq!(list.iter().map(|view| view.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(vault.app.check_list(&local(), None, 2).await.unwrap().len(), 2);
    assert!(vault.app.check_list(&local(), Some("geen domein"), 2).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_own_domains_are_checked_again_and_getting_worse_is_noticed() {
    let vault = vault().await;
    let own = CheckDomain::parse("winkel.example").unwrap();
    vault.app.set_check_settings(CheckSettings { domains: vec![own], ..without_network() });
    let ids = async || {
        let status = vault.app.status(&local()).await.unwrap();
        let of_checks = status.attention.into_iter().filter(|item| item.id.starts_with("check_"));
        (status.check.map(|check| check.grade), of_checks.map(|item| item.id).collect::<Vec<_>>())
    };
    assert_eq!(ids().await, (None, vec![]));
    finished(&vault, "winkel.example", &report("A", 90, &[])).await;
    finished(&vault, "vreemd.example", &report("F", 1, &[])).await;
    assert_eq!(ids().await, (Some("A".into()), vec![]));
    assert_eq!(vault.app.public_status().await.unwrap().check.unwrap().0, "A");
    finished(&vault, "winkel.example", &report("C", 60, &[])).await;
    assert_eq!(ids().await, (Some("C".into()), vec!["check_worse"]));
    let count = async || vault.app.check_list(&local(), Some("winkel.example"), 100).await.unwrap().len();
    vault.app.check_due().await.unwrap();
    assert_eq!(count().await, 2, "nothing is due yet");
    vault.clock.advance(Duration::from_secs(86_400));
    vault.app.check_due().await.unwrap();
    vault.app.check_due().await.unwrap();
    assert_eq!(count().await, 3);
    let newest = vault.app.check_list(&local(), None, 1).await.unwrap().remove(0);
    assert_eq!(newest.asked_by, "check");
    until_over(&vault.app, newest.id).await;
    assert_eq!(ids().await, (Some("C".into()), vec!["check_failed", "check_worse"]));
    vault.app.check_due().await.unwrap();
    assert_eq!(count().await, 3, "a failed one is not tried again at once");
    vault.clock.advance(Duration::from_secs(3_600));
    vault.app.check_due().await.unwrap();
    assert_eq!(count().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_is_marked_and_its_domain_is_free_again() {
    let mut vault = vault().await;
    let keys = vault.app.keys(SHOP).unwrap();
    let asked = Asked { parts: CHECK_PARTS.into(), owner_verified: false };
    let row = |domain: &str, node: &str, now| {
        let mut row = CheckRunRow {
            shop: SHOP,
            id: JobId::generate(now, &kluis_crypto::SystemRandom),
            domain: domain.into(),
            at: now,
            updated: now,
            state: "running".into(),
            created_by: "tester".into(),
            node: node.into(),
            options: serde_json::to_string(&asked).unwrap(),
            summary: "{}".into(),
            report_hash: [0; 32],
            row_mac: [0; 32],
        };
        sealed(&keys, &mut row, b"");
        row
    };
    let (own, other) =
        (row("a.example", "node1", vault.app.now()), row("b.example", "node2", vault.app.now()));
    for run in [&own, &other] {
        let mut unit = Unit::new();
        unit.insert_check_run(run);
        vault.app.store().commit(unit).await.unwrap();
    }
    vault.reopen().await;
    vault.app.set_check_settings(without_network());
    let taken = vault.app.check_start(&local(), "b.example", CheckOptions::default()).await;
    assert!(matches!(taken, Err(AppError::Conflict { ref what }) if what == "check"), "{taken:?}");
    vault.app.check_start(&local(), "a.example", CheckOptions::default()).await.unwrap();
    let marked = vault.app.check_state(&local(), own.id).await.unwrap();
    assert_eq!(marked.problem.unwrap().text.en, "The check was interrupted.");
    vault.clock.advance(Duration::from_secs(16 * 60));
    vault.app.check_start(&local(), "b.example", CheckOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_was_changed_in_the_database_is_not_shown() {
    let vault = vault().await;
    let id = finished(&vault, "winkel.example", &report("F", 1, &[])).await;
    let database = rusqlite::Connection::open(vault.dir.path().join("data.db")).unwrap();
    let (good, _) = vault.app.store().check_run(SHOP, id).await.unwrap().unwrap();
    for (change, back) in [
        ("update check_run set report = cast('{}' as blob)", ""),
        ("update check_run set domain = 'ander.example'", "update check_run set domain = 'winkel.example'"),
        ("update check_run set summary = replace(summary, '\"F\"', '\"A\"')", ""),
    ] {
        database.execute_batch(change).unwrap();
        assert!(
            matches!(vault.app.check_read(&local(), id).await, Err(AppError::Integrity { .. })),
            "{change}"
        );
        let findings = vault.app.verify(&local(), &|_| {}).await.unwrap().findings;
        assert!(findings.iter().any(|finding| finding.kind == FindingKind::CheckWrong), "{findings:?}");
        database.execute_batch(back).unwrap();
    }
    assert_eq!(good.domain, "winkel.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_publishes_is_the_same_every_time_and_other_for_each_domain() {
    let vault = vault().await;
    let own = CheckOptions { owner_verified: true, ..CheckOptions::default() };
    let of = async |domain: &str| {
        let view = vault.app.check_start(&local(), domain, own.clone()).await.unwrap();
        until_over(&vault.app, view.id).await;
        view.owner.unwrap()
    };
    let (one, other) = (of("winkel.example").await, of("ander.example").await);
    assert_eq!(one, of("https://winkel.example/x").await);
    assert_ne!(one.text, other.text);
    assert!(one.text.len() > 32 && one.file.starts_with("https://winkel.example/.well-known/"), "{one:?}");
    assert!(one.record.ends_with("winkel.example"));
    let plain = vault.app.check_start(&local(), "derde.example", CheckOptions::default()).await.unwrap();
    assert_eq!(plain.owner, None);
}
