//! Keys are made, wait for the DNS, sign, and are destroyed; a small name server in the test says what the DNS says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kluis_mail::dkim::{self, DkimResult};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::message::Message;
use kluis_model::access::{Grant, Role};

use super::*;
use crate::mail::MailSettings;
use crate::mail::testing::Zone;
use crate::testing::{Vault, local};
use crate::{AuditQuery, Denial, SHOP};

const DAY: Duration = Duration::from_secs(86_400);
const MESSAGE: &[u8] = b"From: Winkel <bestelling@winkel.test>\r\nTo: klant@voorbeeld.test\r\n\
    Subject: Uw bestelling\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nDank u wel.\r\n\r\n";

/// A vault whose DNS is a zone of the test.
async fn vault() -> (Vault, Zone) {
    let vault = Vault::new().await;
    let zone = Zone::default();
    vault.app.set_mail_settings(MailSettings { dns: zone.serve(), ..MailSettings::default() });
    (vault, zone)
}

async fn make(app: &App, domain: &str, algorithm: MailKeyAlgorithm) -> Result<MailKeyView, AppError> {
    app.mail_key_create(&local(), MailKeyInput { domain: domain.into(), selector: None, algorithm }).await
}

async fn step(app: &App) -> Vec<MailKeyView> {
    app.mail_keys_step(&local()).await.unwrap()
}

fn states(views: &[MailKeyView]) -> Vec<MailKeyState> {
    views.iter().map(|view| view.state).collect()
}

/// Signs a message and has every signature checked against the zone.
async fn signs(app: &App, zone: &Zone, message: &[u8]) -> Result<Signed, SigningProblem> {
    let signed = app.mail_signer().await.unwrap().sign(message, app.now())?;
    let whole = [&signed.fields, message].concat();
    let message = Message::read(&whole).unwrap();
    let records = zone.records.lock().clone();
    let answers: HashMap<Question, Answer> = dkim::questions(&message)
        .into_iter()
        .map(|question| {
            let found = records
                .get(&question.name)
                .map(|texts| texts.iter().map(|text| text.as_bytes().to_vec()).collect());
            (Question::new(&question.name, RecordKind::Txt), found.map_or(Answer::NoSuchName, Answer::Txt))
        })
        .collect();
    let report = dkim::verify(&message, app.now().0 / 1_000, &answers).unwrap();
    assert_eq!(report.checks.len(), signed.selectors.len());
    assert!(report.checks.iter().all(|check| check.result == DkimResult::Pass), "{:?}", report.checks);
    Ok(signed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_key_signs_as_soon_as_it_is_in_the_dns() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let made = make(app, " Winkel.TEST. ", MailKeyAlgorithm::Rsa2048).await.unwrap();
    assert_eq!((made.domain.as_str(), made.state), ("winkel.test", MailKeyState::Publish));
    assert_eq!(made.todo, MailKeyTodo::Publish { name: made.name.clone(), record: made.record.clone() });
    let no_key = SigningProblem::NoKey { domain: "winkel.test".into() };
    assert_eq!(signs(app, &zone, MESSAGE).await, Err(no_key.clone()));
    assert_eq!(step(app).await.first(), Some(&made), "nothing is published");

    zone.publish(&made.name, &["v=DKIM1; k=rsa; p=AAAA"]);
    assert_eq!(step(app).await[0].todo, MailKeyTodo::Remove { name: made.name.clone() });
    *zone.is_mute.lock() = true;
    assert_eq!(step(app).await[0].todo, MailKeyTodo::AskLater);
    assert_eq!(signs(app, &zone, MESSAGE).await, Err(no_key));

    *zone.is_mute.lock() = false;
    zone.publish(&made.name, &[&made.record]);
    let views = step(app).await;
    assert_eq!((states(&views), &views[0].todo), (vec![MailKeyState::Signing], &MailKeyTodo::Nothing));
    let signed = signs(app, &zone, MESSAGE).await.unwrap();
    assert_eq!((signed.selectors, signed.from_domain.as_str()), (vec![made.selector.clone()], "winkel.test"));

    // The record goes: mail would not be recognised, so that the owner is told.
    zone.records.lock().clear();
    assert_eq!(step(app).await[0].todo, MailKeyTodo::Restore { name: made.name, record: made.record });
    vault.clock.advance(400 * DAY);
    *zone.is_mute.lock() = true;
    assert_eq!(step(app).await[0].todo, MailKeyTodo::AskLater);
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

/// Makes a key, publishes it and steps until it signs.
async fn in_use(app: &App, zone: &Zone, domain: &str, algorithm: MailKeyAlgorithm) -> MailKeyView {
    let made = make(app, domain, algorithm).await.unwrap();
    zone.publish(&made.name, &[&made.record]);
    let found = step(app).await.into_iter().find(|view| view.name == made.name).unwrap();
    assert_eq!(found.state, MailKeyState::Signing);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_in_safe_steps_and_the_old_one_is_destroyed() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let old = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Rsa2048).await;
    vault.clock.advance(366 * DAY);
    let views = app.mail_keys(&local()).await.unwrap();
    assert_eq!((views[0].age_days, &views[0].todo), (366, &MailKeyTodo::Rotate));
    let new = make(app, "winkel.test", MailKeyAlgorithm::Rsa2048).await.unwrap();
    let busy = make(app, "winkel.test", MailKeyAlgorithm::Rsa2048).await;
    assert!(matches!(busy, Err(AppError::Conflict { what }) if what == "mail_key_change"));
    let signer = async || signs(app, &zone, MESSAGE).await.unwrap().selectors.join(" ");
    assert_eq!(signer().await, old.selector);

    zone.publish(&new.name, &[&new.record]);
    assert_eq!(states(&step(app).await), [MailKeyState::Signing, MailKeyState::Waiting]);
    assert_eq!(signer().await, old.selector);
    vault.clock.advance(2 * DAY);
    assert_eq!(states(&step(app).await), [MailKeyState::Signing, MailKeyState::Waiting], "one day more");
    vault.clock.advance(DAY);
    let views = step(app).await;
    assert_eq!(states(&views), [MailKeyState::Kept, MailKeyState::Signing]);
    assert!(matches!(views[0].todo, MailKeyTodo::Wait { .. }) && views[1].todo == MailKeyTodo::Nothing);
    assert_eq!(signer().await, new.selector);
    assert!(app.mail_key_export(&local(), "winkel.test", &old.selector).await.is_ok());

    vault.clock.advance(30 * DAY);
    let views = step(app).await;
    let revoked = "v=DKIM1; k=rsa; p=".to_owned();
    assert_eq!(views[0].todo, MailKeyTodo::Publish { name: old.name.clone(), record: revoked.clone() });
    zone.publish(&old.name, &[&revoked]);
    assert_eq!(states(&step(app).await), [MailKeyState::Revoked, MailKeyState::Signing]);
    assert!(matches!(
        app.mail_key_export(&local(), "winkel.test", &old.selector).await,
        Err(AppError::NotFound)
    ));
    let row = app.store().mail_key(SHOP, "winkel.test", &old.selector).await.unwrap().unwrap();
    assert!(row.sealed.is_empty());
    assert_eq!(signer().await, new.selector);
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings, []);
    let reasons: Vec<String> = app
        .audit_list(&local(), AuditQuery { limit: 100, ..AuditQuery::default() })
        .await
        .unwrap()
        .into_iter()
        .filter_map(|entry| entry.reason)
        .filter(|reason| reason.starts_with("key_"))
        .collect();
    let wanted = [
        "key_revoked",
        "key_to_revoke",
        "key_exported",
        "key_switched",
        "key_seen",
        "key_made",
        "key_in_use",
        "key_made",
    ];
    assert_eq!(reasons, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_changed_at_once_but_never_to_one_that_is_not_published() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let old = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Ed25519).await;
    let new = make(app, "winkel.test", MailKeyAlgorithm::Ed25519).await.unwrap();
    assert_ne!(old.selector, new.selector, "both of the same day");
    let hurry = async || {
        let views = app.mail_key_hurry(&local(), "winkel.test", MailKeyAlgorithm::Ed25519).await.unwrap();
        let of = |name: &str| views.iter().find(|view| view.name == name).unwrap().state;
        (of(&old.name), of(&new.name))
    };
    assert_eq!(hurry().await, (MailKeyState::Signing, MailKeyState::Publish));
    zone.publish(&new.name, &[&new.record]);
    assert_eq!(hurry().await, (MailKeyState::Kept, MailKeyState::Signing));
    assert_eq!(hurry().await, (MailKeyState::ToRevoke, MailKeyState::Signing));
    zone.records.lock().remove(&old.name);
    assert_eq!(hurry().await, (MailKeyState::Revoked, MailKeyState::Signing));
    let none = app.mail_key_hurry(&local(), "winkel.test", MailKeyAlgorithm::Rsa2048).await;
    assert!(matches!(none, Err(AppError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_revoked_long_ago_is_forgotten() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    for day in 0..5 {
        let made = make(app, "winkel.test", MailKeyAlgorithm::Ed25519).await.unwrap();
        zone.publish(&made.name, &[&made.record]);
        for _ in 0..2 {
            app.mail_key_hurry(&local(), "winkel.test", MailKeyAlgorithm::Ed25519).await.unwrap();
        }
        zone.records.lock().retain(|name, _| *name == made.name);
        let views = step(app).await;
        let count = views.iter().filter(|view| view.state == MailKeyState::Revoked).count();
        // The last two changes name their old keys; those before are older than is kept.
        assert_eq!((views.len(), count), if day < 3 { (day + 1, day) } else { (3, 2) }, "change {day}");
        vault.clock.advance(401 * DAY);
    }
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_algorithms_sign_together_and_a_subdomain_by_the_key_above_it() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let second = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Ed25519).await;
    let first = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Rsa2048).await;
    let both = [first.selector, second.selector];
    assert_eq!(signs(app, &zone, MESSAGE).await.unwrap().selectors, both);
    let text = String::from_utf8_lossy(MESSAGE);
    let from = |address: &str| text.replace("bestelling@winkel.test", address).into_bytes();
    for address in ["nieuws@nieuws.winkel.test", "a@b.c.Winkel.Test"] {
        assert_eq!(signs(app, &zone, &from(address)).await.unwrap().selectors, both, "{address}");
    }
    let own = in_use(app, &zone, "nieuws.winkel.test", MailKeyAlgorithm::Rsa2048).await;
    let signed = signs(app, &zone, &from("nieuws@nieuws.winkel.test")).await.unwrap();
    assert_eq!(signed.selectors, [own.selector]);
    for address in ["a@test", "a@anders.test", "a@xwinkel.test", "a@winkel.test.example"] {
        let domain = address[2..].to_owned();
        assert_eq!(signs(app, &zone, &from(address)).await, Err(SigningProblem::NoKey { domain }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_of_one_sender_is_not_signed() {
    let (vault, zone) = vault().await;
    in_use(&vault.app, &zone, "winkel.test", MailKeyAlgorithm::Ed25519).await;
    for (message, wanted) in [
        ("Subject: x\r\n\r\nx\r\n", SigningProblem::NotOneFrom),
        ("From: a@winkel.test\r\nFrom: b@winkel.test\r\n\r\nx\r\n", SigningProblem::NotOneFrom),
        ("From: a@winkel.test, b@anders.test\r\n\r\nx\r\n", SigningProblem::NotOneFrom),
        ("From: winkel.test\r\n\r\nx\r\n", SigningProblem::NotOneFrom),
        ("From: a@winkel.test\r\nrommel\r\n\r\nx\r\n", SigningProblem::Header),
        ("From: a@winkel.test\r\n\r\nx\ny\r\n", SigningProblem::LoneLineEnd),
        ("From: a@winkel.test\r\n\r\nx\ry\r\n", SigningProblem::LoneLineEnd),
    ] {
        assert_eq!(signs(&vault.app, &zone, message.as_bytes()).await, Err(wanted), "{message:?}");
    }
    let two = b"From: a@winkel.test, b@winkel.test\r\n\r\nx\r\n";
    assert!(signs(&vault.app, &zone, two).await.is_ok(), "two authors in one domain are one domain");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_checked_and_only_the_owner_changes_them() {
    let (vault, _) = vault().await;
    let app = &vault.app;
    for domain in
        ["", "test", "winkel..test", "-winkel.test", "192.0.2.1", "win kel.test", "a@winkel.test", "[::1]"]
    {
        let made = make(app, domain, MailKeyAlgorithm::Ed25519).await;
        assert!(matches!(made, Err(AppError::Invalid(_))), "{domain}");
    }
    let of = |selector: &str| MailKeyInput {
        domain: "winkel.test".into(),
        selector: Some(selector.into()),
        algorithm: MailKeyAlgorithm::Ed25519,
    };
    for selector in ["", "a b", "a..b", &"x".repeat(64), "é"] {
        let made = app.mail_key_create(&local(), of(selector)).await;
        assert!(matches!(made, Err(AppError::Invalid(_))), "{selector}");
    }
    app.mail_key_create(&local(), of("S1")).await.unwrap();
    let rsa = MailKeyInput { algorithm: MailKeyAlgorithm::Rsa2048, ..of("s1") };
    let taken = app.mail_key_create(&local(), rsa).await;
    assert!(matches!(taken, Err(AppError::Conflict { what }) if what == "selector"));

    let mut support = local();
    support.grant = Arc::new(Grant::of_role(Role::Support));
    assert_eq!(app.mail_keys(&support).await.unwrap().len(), 1);
    let denied = |found: Result<(), AppError>| {
        assert!(matches!(found, Err(AppError::Denied { reason: Denial::OperationNotGranted })));
    };
    denied(app.mail_key_create(&support, of("s2")).await.map(drop));
    denied(app.mail_keys_step(&support).await.map(drop));
    denied(app.mail_key_export(&support, "winkel.test", "s1").await.map(drop));
    denied(app.mail_key_hurry(&support, "winkel.test", MailKeyAlgorithm::Ed25519).await.map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_key_is_the_one_that_signs() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let view = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Rsa2048).await;
    let pem = app.mail_key_export(&local(), "Winkel.test", &view.selector).await.unwrap();
    let private = MailPrivateKey::from_pem(&pem).unwrap();
    assert_eq!(key::record(&private).unwrap(), view.record);
    let none = app.mail_key_export(&local(), "winkel.test", "nergens").await;
    assert!(matches!(none, Err(AppError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_signs_nothing_and_another_process_sees_new_keys() {
    let (vault, zone) = vault().await;
    let other = vault.second("node2").await;
    assert!(other.mail_signer().await.unwrap().domains().next().is_none());
    in_use(&vault.app, &zone, "winkel.test", MailKeyAlgorithm::Ed25519).await;
    // What the other process read 30 seconds ago is read anew.
    other.inner.mail.signer.clear();
    assert!(other.mail_signer().await.unwrap().can_sign("Winkel.test"));
    let held = vault.app.mail_signer().await.unwrap();
    assert!(Arc::ptr_eq(&held, &vault.app.mail_signer().await.unwrap()));
    vault.app.set_mail_settings(MailSettings::default());
    assert!(vault.app.mail_signer().await.unwrap().can_sign("winkel.test"));
    vault.app.seal();
    assert!(matches!(vault.app.mail_signer().await, Err(AppError::Sealed)));
    let debug = format!("{held:?}");
    assert!(debug.contains("winkel.test") && debug.len() < 60, "{debug}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_changed_outside_the_vault_is_found_and_signs_nothing() {
    let (vault, zone) = vault().await;
    let app = &vault.app;
    let view = in_use(app, &zone, "winkel.test", MailKeyAlgorithm::Ed25519).await;
    let row = app.store().mail_key(SHOP, "winkel.test", &view.selector).await.unwrap().unwrap();
    let later = |row: &MailKeyRow| TimeMs(row.updated.0 + 1);
    let mut sealed = row.sealed.clone();
    *sealed.last_mut().unwrap() ^= 1;
    let mut before = row.updated;
    for changed in [
        MailKeyRow { sealed, updated: later(&row), ..row.clone() },
        MailKeyRow { state: "revoked".into(), updated: TimeMs(row.updated.0 + 2), ..row.clone() },
    ] {
        let mut unit = Unit::new();
        unit.update_mail_key(&changed, before);
        app.store().commit(unit).await.unwrap();
        before = changed.updated;
        app.inner.mail.signer.clear();
        assert!(matches!(app.mail_signer().await, Err(AppError::Integrity { .. })));
        assert!(matches!(app.mail_keys(&local()).await, Err(AppError::Integrity { .. })));
        let found = app.verify(&local(), &|_| {}).await.unwrap().findings;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, format!("mail_key winkel.test/{}", view.selector));
    }
    let gone = app.store().mail_key(SHOP, "winkel.test", &view.selector).await.unwrap().unwrap();
    let mut unit = Unit::new();
    unit.delete_mail_key(&gone);
    app.store().commit(unit).await.unwrap();
    app.inner.mail.signer.clear();
    assert!(matches!(app.mail_signer().await, Err(AppError::Integrity { .. })));
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_mail_is_counted_by_day_stream_and_provider() {
    let (vault, _) = vault().await;
    let app = &vault.app;
    let counts = [("winkel".to_owned(), "gmail.com", 3), ("nieuws".to_owned(), "overig", 1)];
    app.mail_count_signed(&counts).await.unwrap();
    app.mail_count_signed(&counts[..1]).await.unwrap();
    app.mail_count_signed(&[]).await.unwrap();
    let day = app.now().day();
    let rows = app.store().mail_sent(SHOP, day, day).await.unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| (&*row.stream, &*row.receiver, &*row.outcome, row.messages)).collect();
    assert_eq!(found, [("nieuws", "overig", "accepted", 1), ("winkel", "gmail.com", "accepted", 6)]);
}
