//! What somebody tries who wants more than the grant gives: guessing, searching by what is not shown, long names, old approvals.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kluis_model::audit::{LEAF_BYTES_MAX, Operation, Outcome};
use kluis_model::{
    Actor, ActorKind, Budget, FieldName, Grant, Mask, OperationSet, PiiText, PurposeGrant, RetentionClass,
    StartEvent, SubjectId,
};

use super::tests::{fields, leaves, person, purpose};
use crate::testing::{Vault, local};
use crate::{AppError, ConsentInput, CredentialInput, CredentialKindInput, Denial, NewSubject, SHOP};

fn noor() -> NewSubject {
    person(&[
        ("email", "noor@zeegroen.example"),
        ("given_name", "Noor"),
        ("surname", "Zeegroen"),
        ("postcode", "1234 AB"),
        ("street", "Zonnebloemlaan"),
        ("house_number", "12"),
        ("city", "Wijkdorp"),
    ])
}

fn consent(id: &str) -> ConsentInput {
    ConsentInput {
        purpose: id.into(),
        given: true,
        at: None,
        source: "form".into(),
        text_version: "2026-01".into(),
        proof: PiiText::from("{\"ip\":\"192.0.2.7\"}"),
    }
}

/// A connector with everything for these purposes only.
fn connector(purposes: &[&str]) -> Grant {
    let purposes: BTreeSet<_> = purposes.iter().map(|id| purpose(id)).collect();
    Grant { purposes: PurposeGrant::Only(purposes), ..Grant::all() }
}

fn acting(grant: Grant) -> Actor {
    Actor { kind: ActorKind::Connector, id: "connector".into(), grant: Arc::new(grant), ..local() }
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

#[tokio::test]
async fn who_sees_no_surname_finds_nobody_by_it() {
    let vault = Vault::new().await;
    let new = NewSubject { consents: vec![consent("newsletter")], ..noor() };
    let id = vault.app.create(&local(), new).await.unwrap().id;
    let hits = |actor: Actor, text: &'static str, id: &'static str| {
        let app = vault.app.clone();
        async move { app.search(&actor, text.into(), &purpose(id), None, 10).await }
    };
    // The newsletter includes the given name only.
    assert_eq!(hits(local(), "noor", "newsletter").await.unwrap().hits[0].id, id);
    assert_eq!(hits(local(), "zee", "newsletter").await.unwrap().hits.len(), 0);
    assert_eq!(hits(local(), "noor zee", "newsletter").await.unwrap().hits.len(), 0);
    assert_eq!(hits(local(), "noor zee", "order").await.unwrap().hits.len(), 1);
    let masked = Grant { masks: [(name("surname"), Mask::FirstLetter)].into(), ..connector(&["order"]) };
    assert_eq!(hits(acting(masked.clone()), "zeegr", "order").await.unwrap().hits.len(), 0);
    assert_eq!(hits(acting(masked), "noor", "order").await.unwrap().hits.len(), 1);
    let narrow =
        Grant { fields: Some(fields(&["email", "surname"]).into_iter().collect()), ..connector(&["order"]) };
    assert_eq!(hits(acting(narrow.clone()), "noor", "order").await.unwrap().hits.len(), 0);
    assert_eq!(hits(acting(narrow), "zeegroen", "order").await.unwrap().hits.len(), 1);
}

#[tokio::test]
async fn a_masked_value_of_few_cannot_be_tried_one_by_one() {
    let vault = Vault::new().await;
    vault.app.create(&local(), noor()).await.unwrap();
    let grant = Grant { masks: [(name("postcode"), Mask::PostcodeDigits)].into(), ..connector(&["order"]) };
    let tried = vault.app.lookup(&acting(grant), "postcode", "1234 AB".into(), &purpose("order"), None).await;
    assert!(matches!(tried, Err(AppError::Denied { reason: Denial::FieldNotGranted })), "{tried:?}");
    let open = acting(connector(&["order"]));
    let found = vault.app.lookup(&open, "postcode", "1234 AB".into(), &purpose("order"), None).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn an_access_report_shows_a_connector_its_purposes_only() {
    let vault = Vault::new().await;
    let mut new = NewSubject { consents: vec![consent("newsletter")], ..noor() };
    new.fields.push(("iban".into(), "NL91ABNA0417164300".into()));
    let id = vault.app.create(&local(), new).await.unwrap().id;
    let shown = |report: crate::AccessReport| -> BTreeSet<String> {
        report.fields.iter().map(|field| field.field.to_string()).collect()
    };
    let newsletter = vault.app.access_report(&acting(connector(&["newsletter"])), id).await.unwrap();
    assert_eq!(newsletter.consents.len(), 1);
    assert!(newsletter.consents[0].1.is_none(), "a proof is no field of a purpose");
    assert!(newsletter.purposes.iter().all(|one| one.id == purpose("newsletter")));
    assert_eq!(shown(newsletter), ["email", "given_name"].map(str::to_owned).into());
    let order = vault.app.access_report(&acting(connector(&["order"])), id).await.unwrap();
    assert_eq!(order.consents.len(), 0);
    assert!(!shown(order).contains("iban"));
    let whole = vault.app.access_report(&local(), id).await.unwrap();
    assert!(whole.consents[0].1.is_some() && shown(whole).contains("iban"));
    assert_eq!(vault.app.consents(&acting(connector(&["order"])), id).await.unwrap().len(), 0);
    assert_eq!(vault.app.consents(&local(), id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn consent_for_a_purpose_that_is_not_granted_is_not_taken_on_the_way_in() {
    let vault = Vault::new().await;
    let order = acting(connector(&["order"]));
    let new = || NewSubject { consents: vec![consent("newsletter")], ..noor() };
    for refused in [
        vault.app.create(&order, new()).await.map(drop),
        vault.app.bulk_in(&order, vec![new()]).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(AppError::Denied { reason: Denial::PurposeNotGranted })),
            "{refused:?}"
        );
    }
    let both = acting(connector(&["order", "newsletter"]));
    vault.app.create(&both, new()).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_puts_no_word_of_the_caller_on_the_record() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), noor()).await.unwrap().id;
    let grant = Grant { fields: Some(fields(&["email"]).into_iter().collect()), ..connector(&["order"]) };
    let lines: Vec<NewSubject> = (0..250)
        .map(|line| {
            let words =
                (0..300).map(|n| (format!("l{line:03}_{n:03}{}", "x".repeat(50)), PiiText::from("x")));
            NewSubject { fields: words.collect(), ..NewSubject::default() }
        })
        .collect();
    let refused = vault.app.bulk_in(&acting(grant), lines).await;
    assert!(matches!(refused, Err(AppError::Denied { .. })));
    let _ = vault.app.read(&local(), id, &purpose("order"), Some(&fields(&["jan_jansen"]))).await;
    let _ = vault.app.read(&local(), id, &purpose("jan_jansen"), None).await;
    let changes = vec![("city".into(), Some("Elders".into())), ("jan_jansen".to_owned(), None)];
    vault.app.update(&local(), id, changes, None).await.unwrap();
    // Reading the log decodes every entry, so one that is too long would end it.
    let trail = leaves(&vault.app, None).await;
    assert!(trail.iter().any(|leaf| leaf.operation == Operation::Bulk && leaf.outcome == Outcome::Denied));
    assert!(trail.iter().any(|leaf| leaf.operation == Operation::Update && leaf.fields == fields(&["city"])));
    for leaf in &trail {
        let bytes = leaf.encode();
        assert!(bytes.len() <= LEAF_BYTES_MAX);
        assert!(!String::from_utf8(bytes).unwrap().contains("jansen"));
    }
    let many: Vec<FieldName> = (0..900).map(|n| name(&format!("f{n:03}{}", "x".repeat(55)))).collect();
    let ask = crate::guard::Ask::new(Operation::Access).fields(&many);
    vault.app.write_leaf(&local(), &ask, Outcome::Ok, &crate::guard::Done::one()).await.unwrap();
    assert!(!leaves(&vault.app, None).await[0].fields.is_empty());
}

#[tokio::test]
async fn guessing_by_taken_values_costs_and_ends() {
    let vault = Vault::new().await;
    vault.app.create(&local(), noor()).await.unwrap();
    let grant = Grant {
        operations: [Operation::Create, Operation::Bulk].into_iter().collect::<OperationSet>(),
        budget: Budget { rows_per_hour: Some(2), subjects_per_day: None },
        ..connector(&["order"])
    };
    let guesser = Actor { credential: Some(vault.first.id), ..acting(grant) };
    for _ in 0..2 {
        let taken = vault.app.create(&guesser, noor()).await;
        assert!(matches!(&taken, Err(AppError::Conflict { what }) if what == "email"), "{taken:?}");
    }
    assert!(matches!(vault.app.create(&guesser, noor()).await, Err(AppError::Exhausted { .. })));
    // "Put in" would tell as much as "taken" does.
    let fresh = || person(&[("email", "vrij@voorbeeld.example")]);
    assert!(matches!(vault.app.create(&guesser, fresh()).await, Err(AppError::Exhausted { .. })));
    assert!(matches!(vault.app.bulk_in(&guesser, vec![fresh()]).await, Err(AppError::Exhausted { .. })));
    let trail = leaves(&vault.app, None).await;
    let of = |reason: &str| trail.iter().filter(|leaf| leaf.reason.as_deref() == Some(reason)).count();
    assert_eq!((of("conflict"), of("budget_exhausted")), (2, 3));
    vault.clock.advance(Duration::from_secs(3_601));
    vault.app.create(&guesser, fresh()).await.unwrap();
}

#[tokio::test]
async fn an_approval_ends_also_after_the_export_was_read_to_its_end() {
    let (vault, _) = Vault::with_customers(2).await;
    let asked = vault.app.export_request(&local(), &purpose("order"), &fields(&["email"])).await.unwrap();
    vault.app.export_approve(&local(), asked.id, true).await.unwrap();
    assert_eq!(vault.app.export_read(&local(), asked.id, None, 10).await.unwrap().next, None);
    assert_eq!(vault.app.export(&local(), asked.id).await.unwrap().state, "done");
    assert!(vault.app.export_read(&local(), asked.id, None, 10).await.is_ok(), "cut off on the way: again");
    vault.clock.advance(Duration::from_secs(8 * 86_400));
    let late = vault.app.export_read(&local(), asked.id, None, 10).await;
    assert!(matches!(late, Err(AppError::Conflict { .. })), "{late:?}");
}

#[tokio::test]
async fn a_revocation_ends_what_goes_on_for_long() {
    let (vault, _) = Vault::with_customers(2).await;
    let input = CredentialInput {
        name: "collega".into(),
        kind: CredentialKindInput::Staff(kluis_model::Role::Owner),
        expires: None,
    };
    let made = vault.app.credential_create(&local(), input).await.unwrap();
    let actor = vault.app.authenticate(made.secret.expose(), local().request).await.unwrap();
    let asked = vault.app.export_request(&actor, &purpose("order"), &fields(&["email"])).await.unwrap();
    vault.app.export_approve(&local(), asked.id, false).await.unwrap();
    assert_eq!(vault.app.export_read(&actor, asked.id, None, 1).await.unwrap().items.len(), 1);
    vault.app.credential_revoke(&local(), made.id).await.unwrap();
    let is_out =
        |error: Option<AppError>| matches!(error, Some(AppError::Denied { reason: Denial::NotSignedIn }));
    assert!(is_out(vault.app.export_read(&actor, asked.id, None, 1).await.err()));
    assert!(is_out(vault.app.bulk_in(&actor, vec![noor()]).await.err()));
}

/// A customer whose row somebody changed in the database.
async fn damaged(vault: &Vault) -> SubjectId {
    let id = vault.app.create(&local(), noor()).await.unwrap().id;
    vault.app.event(&local(), id, StartEvent::InvoiceYearEnd, None).await.unwrap();
    let email = name("email");
    vault.app.token_create(&local(), id, &email, None).await.unwrap();
    let (mut row, _) = vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap();
    row.row_mac[0] ^= 1;
    let mut unit = kluis_store::Unit::new();
    unit.update_subject(&row, row.version);
    vault.app.store().commit(unit).await.unwrap();
    id
}

#[tokio::test]
async fn a_damaged_customer_can_be_erased_and_nothing_is_left() {
    let vault = Vault::new().await;
    let id = damaged(&vault).await;
    let read = vault.app.read(&local(), id, &purpose("order"), None).await;
    assert!(matches!(read, Err(AppError::Integrity { .. })));
    let preview = vault.app.erase_preview(&local(), id).await.unwrap();
    assert_eq!(preview.kept, []);
    let erased = vault.app.erase(&local(), id).await.unwrap();
    assert_eq!(erased.kept, []);
    assert_eq!(erased.backups_until, preview.backups_until);
    let store = vault.app.store();
    assert!(store.find_subject(SHOP, id).await.unwrap().is_none());
    assert!(store.page_deks(SHOP, None, 10).await.unwrap().is_empty());
    assert!(store.page_terms(SHOP, None, 10).await.unwrap().is_empty());
    assert!(store.tokens_of(SHOP, id).await.unwrap().is_empty());
    let erasure = store.erasure(SHOP, id).await.unwrap().unwrap();
    assert!(erasure.complete && RetentionClass::ALL.into_iter().all(|class| erasure.classes.contains(class)));
    assert_eq!(vault.app.noted_erasures().unwrap().0.len(), 1);
    let trail = leaves(&vault.app, Some(id)).await;
    let leaf = trail.iter().find(|leaf| leaf.operation == Operation::Erase && leaf.outcome == Outcome::Ok);
    assert_eq!(leaf.unwrap().reason.as_deref(), Some("damaged"));
    assert!(matches!(vault.app.erase(&local(), id).await, Err(AppError::NotFound)));
    assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
    vault.app.create(&local(), noor()).await.unwrap();
}

#[tokio::test]
async fn one_damaged_customer_does_not_keep_the_work_of_others() {
    let vault = Vault::new().await;
    let id = damaged(&vault).await;
    let other = vault.app.create(&local(), person(&[("email", "b@voorbeeld.example")])).await.unwrap().id;
    let mut unit = kluis_store::Unit::new();
    vault.app.enqueue_shred_of(&mut unit, SHOP, id, kluis_model::ClassSet::ALL);
    vault.app.enqueue_shred_of(&mut unit, SHOP, other, kluis_model::ClassSet::ALL);
    vault.app.store().commit(unit).await.unwrap();
    vault.clock.advance(Duration::from_secs(60));
    assert_eq!(vault.app.finish_pending().await.unwrap().shreds, 1);
}

#[tokio::test]
async fn a_proof_that_erasing_could_not_reach_is_not_kept() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), noor()).await.unwrap().id;
    vault.clock.advance(Duration::from_secs(40 * 366 * 86_400));
    let withdrawn = ConsentInput { given: false, ..consent("newsletter") };
    vault.app.consent(&local(), id, withdrawn).await.unwrap();
    let (_, deks) = vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap();
    let rows = vault.app.store().consents(SHOP, id).await.unwrap();
    assert_eq!((deks.len(), rows.len(), rows[0].proof.len()), (0, 1, 0));
    assert_eq!(vault.app.consents(&local(), id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_connector_writes_the_fields_of_its_purposes_only() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), noor()).await.unwrap().id;
    let newsletter = acting(connector(&["newsletter"]));
    let change = |name: &str| vec![(name.to_owned(), Some(PiiText::from("Elders")))];
    for refused in [
        vault.app.update(&newsletter, id, change("city"), None).await.map(drop),
        vault.app.update(&newsletter, id, vec![("street".into(), None)], None).await.map(drop),
        vault
            .app
            .create(&newsletter, person(&[("email", "c@voorbeeld.example"), ("city", "X")]))
            .await
            .map(drop),
        vault.app.bulk_in(&newsletter, vec![person(&[("street", "X")])]).await.map(drop),
        vault.app.token_create(&newsletter, id, &name("city"), None).await.map(drop),
    ] {
        assert!(matches!(refused, Err(AppError::Denied { reason: Denial::FieldNotGranted })), "{refused:?}");
    }
    vault.app.update(&newsletter, id, change("given_name"), None).await.unwrap();
    let order = acting(connector(&["order"]));
    let written =
        vault.app.update(&order, id, [change("city"), change("shoe_size")].concat(), None).await.unwrap();
    assert_eq!(written.dropped.len(), 1, "what no purpose has is dropped, not refused");
}
