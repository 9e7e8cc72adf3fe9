//! Creating, reading, finding, changing and erasing customers as a front end sees it.

use kluis_model::audit::{Leaf, Operation, Outcome};
use kluis_model::{
    Actor, Budget, FieldName, Grant, Mask, PiiText, PurposeGrant, PurposeId, RequestId, StartEvent,
    SubjectId, TimeMs,
};
use kluis_store::LeafQuery;

use crate::testing::{BEGIN, Vault, local};
use crate::{App, AppError, ConsentInput, Denial, NewSubject, Revealed, SHOP, Written};

pub(crate) fn purpose(id: &str) -> PurposeId {
    PurposeId::parse(id).unwrap()
}

pub(crate) fn fields(names: &[&str]) -> Vec<FieldName> {
    names.iter().map(|name| FieldName::parse(name).unwrap()).collect()
}

pub(crate) fn person(pairs: &[(&str, &str)]) -> NewSubject {
    let fields = pairs.iter().map(|(name, value)| ((*name).to_owned(), PiiText::from(*value))).collect();
    NewSubject { fields, ..NewSubject::default() }
}

fn sanne() -> NewSubject {
    person(&[
        ("email", "Sanne@Voorbeeld.example"),
        ("phone", "06 12345678"),
        ("given_name", "Sanne"),
        ("infix", "van der"),
        ("surname", "Kanariegeel"),
        ("street", "Zonnebloemlaan"),
        ("house_number", "12"),
        ("postcode", "1234 ab"),
        ("city", "Wijkdorp"),
    ])
}

async fn read(app: &App, id: SubjectId, purpose_id: &str, names: &[&str]) -> Result<Revealed, AppError> {
    app.read(&local(), id, &purpose(purpose_id), Some(&fields(names))).await
}

async fn find(app: &App, field: &str, value: &str) -> Vec<SubjectId> {
    let found = app.lookup(&local(), field, value.into(), &purpose("customer_service"), None).await.unwrap();
    found.into_iter().map(|shown| shown.id).collect()
}

pub(crate) async fn leaves(app: &App, subject: Option<SubjectId>) -> Vec<Leaf> {
    let query = LeafQuery {
        shop: SHOP,
        subject,
        actor: None,
        operation: None,
        outcome: None,
        before: None,
        limit: 1_000,
    };
    let rows = app.store().find_leaves(query).await.unwrap();
    rows.iter().map(|row| Leaf::decode(&row.bytes).unwrap()).collect()
}

fn consent(purpose: &str, given: bool, at: i64) -> ConsentInput {
    ConsentInput {
        purpose: purpose.into(),
        given,
        at: Some(TimeMs(BEGIN.0 + at)),
        source: "form".into(),
        text_version: "2026-01".into(),
        proof: PiiText::from("{\"ip\":\"192.0.2.0\"}"),
    }
}

fn connector(grant: Grant) -> Actor {
    Actor { grant: std::sync::Arc::new(grant), ..local() }
}

#[tokio::test]
async fn what_went_in_comes_out_for_its_purpose_only() {
    let vault = Vault::new().await;
    let mut new = sanne();
    new.fields.push(("shoe_size".into(), "42".into()));
    new.fields.push(("iban".into(), "NL91ABNA0417164300".into()));
    let Written { id, version, kept, dropped } = vault.app.create(&local(), new).await.unwrap();
    assert_eq!((version, kept.len()), (1, 10));
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    let shown = vault.app.read(&local(), id, &purpose("order"), None).await.unwrap();
    assert_eq!(shown.field("email").unwrap().expose(), "sanne@voorbeeld.example");
    assert_eq!(shown.field("phone").unwrap().expose(), "+31612345678");
    assert_eq!(shown.field("postcode").unwrap().expose(), "1234AB");
    assert!(shown.field("iban").is_none(), "not of this purpose");
    let service = read(&vault.app, id, "customer_service", &["surname"]).await.unwrap();
    assert_eq!(service.fields.len(), 1);
    let refusals: [(&str, &[&str], Denial); 4] = [
        ("order", &["email", "iban"], Denial::FieldNotInPurpose),
        ("newsletter", &["email"], Denial::NoConsent),
        ("invoice", &["surname"], Denial::PurposeNotLive),
        ("no_such", &["email"], Denial::UnknownPurpose),
    ];
    for (purpose_id, names, expected) in refusals {
        let refused = read(&vault.app, id, purpose_id, names).await.unwrap_err();
        assert!(
            matches!(refused, AppError::Denied { reason } if reason == expected),
            "{purpose_id}: {refused:?}"
        );
    }
    let trail = leaves(&vault.app, Some(id)).await;
    let of = |outcome| trail.iter().filter(|leaf| leaf.outcome == outcome).count();
    assert_eq!((of(Outcome::Ok), of(Outcome::Denied)), (3, 4), "every refusal is on the record");
    let unknown = read(&vault.app, SubjectId::from_bytes([9; 16]), "order", &["email"]).await;
    assert!(matches!(unknown, Err(AppError::NotFound)));
    let usage = vault.app.store().usage(SHOP, 0).await.unwrap();
    assert!(usage.iter().any(|row| row.field.as_str() == "surname" && row.count == 1));
}

#[tokio::test]
async fn wrong_input_is_refused_with_every_problem() {
    let vault = Vault::new().await;
    let cases: [(&[(&str, &str)], usize); 5] = [
        (&[("email", "no at sign"), ("phone", "abc")], 2),
        (&[], 1),
        (&[("email", "a@b.example"), ("email", "c@d.example")], 1),
        (&[("given_name", "a\u{0}b"), ("email", "a@b.example")], 1),
        (&[("gender", "female")], 2),
    ];
    for (pairs, count) in cases {
        let error = vault.app.create(&local(), person(pairs)).await.unwrap_err();
        assert!(
            matches!(&error, AppError::Invalid(problems) if problems.len() == count),
            "{pairs:?}: {error:?}"
        );
        assert!(!format!("{error:?}{error}").contains("no at sign"), "no value in an error");
    }
    let wrong =
        [consent("order", true, 0), consent("nothing", true, 0), consent("newsletter", true, 3_600_000)];
    for input in wrong {
        let new = NewSubject { consents: vec![input], ..sanne() };
        assert!(matches!(vault.app.create(&local(), new).await, Err(AppError::Invalid(_))));
    }
    for event in [(StartEvent::Created, None), (StartEvent::OrderCompleted, Some(TimeMs(i64::MAX)))] {
        let new = NewSubject { events: vec![event], ..sanne() };
        assert!(matches!(vault.app.create(&local(), new).await, Err(AppError::Invalid(_))));
    }
    assert_eq!(vault.app.store().counts(SHOP).await.unwrap().subjects, 0);
}

#[tokio::test]
async fn the_second_with_an_address_is_refused_and_telephones_are_shared() {
    let vault = Vault::new().await;
    let first = vault.app.create(&local(), sanne()).await.unwrap().id;
    let clash = vault.app.create(&local(), sanne()).await.unwrap_err();
    assert!(matches!(&clash, AppError::Conflict { what } if what == "email"), "{clash:?}");
    let other = person(&[
        ("email", "piet@voorbeeld.example"),
        ("phone", "0612345678"),
        ("surname", "Kanariegeel"),
        ("postcode", "1234AB"),
    ]);
    let second = vault.app.create(&local(), other).await.unwrap().id;
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(find(&vault.app, "email", "SANNE@voorbeeld.example ").await, [first]);
    assert_eq!(find(&vault.app, "phone", "+31 6 1234 5678").await, both);
    assert_eq!(find(&vault.app, "postcode", "1234 ab").await, both);
    assert_eq!(find(&vault.app, "surname", "kanariegeel").await, both);
    assert_eq!(find(&vault.app, "email", "nobody@voorbeeld.example").await, []);
    for (field, value) in [("city", "Wijkdorp"), ("nothing", "x"), ("email", "no at sign")] {
        let refused =
            vault.app.lookup(&local(), field, value.into(), &purpose("customer_service"), None).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{field}");
    }
    let refused =
        vault.app.lookup(&local(), "phone", "0612345678".into(), &purpose("newsletter"), None).await;
    assert!(matches!(refused, Err(AppError::Denied { reason: Denial::FieldNotInPurpose })));
    let trail = leaves(&vault.app, None).await;
    assert!(
        trail
            .iter()
            .any(|leaf| leaf.operation == Operation::Lookup && leaf.count == 0 && leaf.subject.is_none())
    );
    assert!(trail.iter().all(|leaf| !String::from_utf8(leaf.encode()).unwrap().contains("voorbeeld")));
}

#[tokio::test]
async fn an_update_follows_the_version_and_the_index() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let change = |name: &str, value: Option<&str>| vec![(name.to_owned(), value.map(PiiText::from))];
    let changed = vault
        .app
        .update(&local(), id, change("email", Some("Nieuw@voorbeeld.example")), Some(1))
        .await
        .unwrap();
    assert_eq!(changed.version, 2);
    assert_eq!(find(&vault.app, "email", "sanne@voorbeeld.example").await, []);
    assert_eq!(find(&vault.app, "email", "nieuw@voorbeeld.example").await, [id]);
    let stale = vault.app.update(&local(), id, change("city", Some("Elders")), Some(1)).await.unwrap_err();
    assert!(matches!(&stale, AppError::Conflict { what } if what == "version"));
    let wrong = vault.app.update(&local(), id, change("phone", Some("abc")), None).await;
    assert!(matches!(wrong, Err(AppError::Invalid(_))));
    vault.app.update(&local(), id, change("phone", None), None).await.unwrap();
    assert_eq!(find(&vault.app, "phone", "0612345678").await, []);
    let shown = vault.app.read(&local(), id, &purpose("order"), None).await.unwrap();
    assert!(shown.field("phone").is_none());
    assert_eq!(shown.field("city").unwrap().expose(), "Wijkdorp");
    let other = vault.app.create(&local(), sanne()).await.unwrap().id;
    let clash =
        vault.app.update(&local(), other, change("email", Some("nieuw@voorbeeld.example")), None).await;
    assert!(matches!(clash, Err(AppError::Conflict { what }) if what == "email"));
    let all = shown.fields.iter().map(|(name, _)| (name.to_string(), None)).collect();
    assert!(
        matches!(vault.app.update(&local(), id, all, None).await, Err(AppError::Invalid(_))),
        "nothing would be left"
    );
}

#[tokio::test]
async fn the_newest_consent_wins_and_a_withdrawal_destroys_the_key() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let keys = || async { vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap().1.len() };
    assert_eq!(keys().await, 1);
    for (given, at, stands) in [
        (true, 10, true),
        (false, 5, true),
        (false, 20, false),
        (true, 15, false),
        (true, 30, true),
        (false, 30, false),
    ] {
        let answer = vault.app.consent(&local(), id, consent("newsletter", given, at)).await.unwrap();
        assert_eq!(answer.given, stands, "{given} at {at}");
        let shown = read(&vault.app, id, "newsletter", &["email"]).await;
        assert_eq!(shown.is_ok(), stands, "{given} at {at}");
        assert_eq!(keys().await, if stands { 2 } else { 1 }, "{given} at {at}");
    }
    let views = vault.app.consents(&local(), id).await.unwrap();
    assert_eq!(views.len(), 6);
    assert_eq!(views.iter().filter(|view| view.decides).count(), 1);
    let report = vault.app.access_report(&local(), id).await.unwrap();
    assert_eq!(report.consents.iter().filter(|(_, proof)| proof.is_some()).count(), 6);
    let no_text = ConsentInput { text_version: String::new(), ..consent("newsletter", false, 40) };
    vault.app.consent(&local(), id, no_text).await.unwrap();
    let no_text = ConsentInput { text_version: String::new(), ..consent("newsletter", true, 50) };
    assert!(matches!(vault.app.consent(&local(), id, no_text).await, Err(AppError::Invalid(_))));
}

#[tokio::test]
async fn what_is_erased_is_gone() {
    let vault = Vault::new().await;
    let new = NewSubject { consents: vec![consent("newsletter", true, 0)], ..sanne() };
    let id = vault.app.create(&local(), new).await.unwrap().id;
    let preview = vault.app.erase_preview(&local(), id).await.unwrap();
    assert!(preview.kept.is_empty());
    let erased = vault.app.erase(&local(), id).await.unwrap();
    assert!(erased.receipt.contains(&id.to_string()) && erased.kept.is_empty());
    assert!(erased.backups_until > BEGIN);
    assert!(matches!(read(&vault.app, id, "order", &["email"]).await, Err(AppError::NotFound)));
    assert!(matches!(vault.app.erase(&local(), id).await, Err(AppError::NotFound)));
    assert_eq!(find(&vault.app, "email", "sanne@voorbeeld.example").await, []);
    let store = vault.app.store();
    assert!(store.find_subject(SHOP, id).await.unwrap().is_none());
    assert!(store.page_deks(SHOP, None, 10).await.unwrap().is_empty());
    assert!(store.page_terms(SHOP, None, 10).await.unwrap().is_empty());
    assert!(store.consents(SHOP, id).await.unwrap().is_empty());
    assert!(store.erasure(SHOP, id).await.unwrap().unwrap().complete);
    assert_eq!(vault.app.noted_erasures().unwrap().0.len(), 1);
    vault.app.shred(SHOP, id.as_bytes()).await.unwrap();
    vault.app.create(&local(), sanne()).await.unwrap();
}

#[tokio::test]
async fn the_law_keeps_the_invoice_and_nothing_else() {
    let vault = Vault::new().await;
    let new = NewSubject { consents: vec![consent("newsletter", true, 0)], ..sanne() };
    let id = vault.app.create(&local(), new).await.unwrap().id;
    vault.app.event(&local(), id, StartEvent::InvoiceYearEnd, None).await.unwrap();
    let before = read(&vault.app, id, "invoice", &["surname", "city"]).await.unwrap();
    let preview = vault.app.erase_preview(&local(), id).await.unwrap();
    let erased = vault.app.erase(&local(), id).await.unwrap();
    assert_eq!(erased.kept, preview.kept);
    assert_eq!(erased.kept[0].purpose, purpose("invoice"));
    assert!(erased.kept[0].until.unwrap() > BEGIN);
    let after = read(&vault.app, id, "invoice", &["surname", "city"]).await.unwrap();
    assert_eq!(after.fields, before.fields);
    for (purpose_id, name) in [("order", "surname"), ("customer_service", "email"), ("newsletter", "email")] {
        let refused = read(&vault.app, id, purpose_id, &[name]).await;
        assert!(matches!(refused, Err(AppError::Denied { .. })), "{purpose_id}");
    }
    assert_eq!(find(&vault.app, "surname", "kanariegeel").await, []);
    assert_eq!(vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap().1.len(), 1);
    assert!(matches!(
        vault.app.consent(&local(), id, consent("newsletter", true, 60)).await,
        Err(AppError::NotFound)
    ));
    assert!(matches!(
        vault.app.update(&local(), id, vec![("city".into(), Some("X".into()))], None).await,
        Err(AppError::NotFound)
    ));
    vault.app.shred(SHOP, id.as_bytes()).await.unwrap();
    vault.clock.advance(std::time::Duration::from_secs(9 * 366 * 86_400));
    let gone = vault.app.erase(&local(), id).await.unwrap();
    assert!(gone.kept.is_empty());
    assert!(matches!(read(&vault.app, id, "invoice", &["surname"]).await, Err(AppError::NotFound)));
}

#[tokio::test]
async fn a_key_that_a_crash_left_behind_is_no_obstacle() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let (_, deks) = vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap();
    let orphan = kluis_store::DekRow { class: kluis_model::RetentionClass::Marketing, ..deks[0].clone() };
    let mut unit = kluis_store::Unit::new();
    unit.insert_dek(&orphan);
    vault.app.store().commit(unit).await.unwrap();
    vault.app.consent(&local(), id, consent("newsletter", true, 0)).await.unwrap();
    read(&vault.app, id, "newsletter", &["email"]).await.unwrap();
    read(&vault.app, id, "order", &["email"]).await.unwrap();
    assert_eq!(vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap().1.len(), 2);
}

#[tokio::test]
async fn a_row_changed_by_somebody_else_is_not_shown_and_on_the_record() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let (mut row, _) = vault.app.store().find_subject_keys(SHOP, id).await.unwrap().unwrap();
    row.facts[3] ^= 1;
    let mut unit = kluis_store::Unit::new();
    unit.update_subject(&row, 1);
    vault.app.store().commit(unit).await.unwrap();
    for attempt in [
        read(&vault.app, id, "order", &["email"]).await.map(|_| ()),
        vault.app.access_report(&local(), id).await.map(|_| ()),
        vault.app.consent(&local(), id, consent("newsletter", true, 0)).await.map(|_| ()),
        vault
            .app
            .lookup(&local(), "email", "sanne@voorbeeld.example".into(), &purpose("order"), None)
            .await
            .map(|_| ()),
    ] {
        assert!(matches!(attempt, Err(AppError::Integrity { .. })), "{attempt:?}");
    }
    let failed = leaves(&vault.app, None).await;
    assert_eq!(failed.iter().filter(|leaf| leaf.reason.as_deref() == Some("integrity")).count(), 4);
}

#[tokio::test]
async fn a_grant_narrows_purpose_field_and_value() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let order = PurposeGrant::Only([purpose("order")].into());
    let granted = [FieldName::parse("email").unwrap(), FieldName::parse("phone").unwrap()];
    let masks = [(granted[0].clone(), Mask::DomainOnly)].into();
    let grant = Grant {
        operations: [Operation::Read].into_iter().collect(),
        purposes: order,
        fields: Some(granted.into()),
        masks,
        ..Grant::all()
    };
    let narrow = connector(grant);
    let shown = vault.app.read(&narrow, id, &purpose("order"), None).await.unwrap();
    assert_eq!(shown.field("email").unwrap().expose(), "***@voorbeeld.example");
    assert_eq!(shown.fields.len(), 2);
    assert!(
        shown
            .withheld
            .iter()
            .any(|(name, reason)| name.as_str() == "surname" && *reason == Denial::FieldNotGranted)
    );
    let denied = |result: Result<Revealed, AppError>| match result {
        Err(AppError::Denied { reason }) => Some(reason),
        _ => None,
    };
    let city = vault.app.read(&narrow, id, &purpose("order"), Some(&fields(&["city"]))).await;
    assert_eq!(denied(city), Some(Denial::FieldNotGranted));
    let service = vault.app.read(&narrow, id, &purpose("customer_service"), None).await;
    assert_eq!(denied(service), Some(Denial::PurposeNotGranted));
    assert!(matches!(
        vault.app.erase(&narrow, id).await,
        Err(AppError::Denied { reason: Denial::OperationNotGranted })
    ));
    assert!(matches!(vault.app.create(&narrow, sanne()).await, Err(AppError::Denied { .. })));
    let subject = Actor::subject(id, SHOP, RequestId::from_bytes([2; 16]));
    vault.app.read(&subject, id, &purpose("order"), None).await.unwrap();
    let other = vault.app.read(&subject, SubjectId::from_bytes([3; 16]), &purpose("order"), None).await;
    assert_eq!(denied(other), Some(Denial::OperationNotGranted), "the portal reaches the own record only");
}

#[tokio::test]
async fn a_budget_ends_and_guessing_costs() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let grant = Grant { budget: Budget { rows_per_hour: Some(3), subjects_per_day: None }, ..Grant::all() };
    let limited = Actor { credential: Some(vault.first.id), ..connector(grant) };
    for _ in 0..2 {
        vault.app.read(&limited, id, &purpose("order"), None).await.unwrap();
    }
    let guess =
        vault.app.lookup(&limited, "email", "x@voorbeeld.example".into(), &purpose("order"), None).await;
    assert!(guess.unwrap().is_empty());
    let over = vault.app.read(&limited, id, &purpose("order"), None).await;
    assert!(matches!(over, Err(AppError::Exhausted { retry_after_s }) if retry_after_s > 0), "{over:?}");
    let trail = leaves(&vault.app, Some(id)).await;
    assert_eq!(trail[0].reason.as_deref(), Some("budget_exhausted"));
    vault.clock.advance(std::time::Duration::from_secs(3_600));
    vault.app.read(&limited, id, &purpose("order"), None).await.unwrap();
}

#[tokio::test]
async fn many_come_in_at_once_and_a_bad_one_keeps_no_other_out() {
    let vault = Vault::new().await;
    vault.app.create(&local(), sanne()).await.unwrap();
    let one = |number: u32| {
        person(&[("email", format!("klant{number}@voorbeeld.example").as_str()), ("surname", "Bakker")])
    };
    let answers =
        vault.app.bulk_in(&local(), vec![one(1), sanne(), person(&[("email", "x")]), one(2)]).await.unwrap();
    assert!(answers[0].is_ok() && answers[3].is_ok());
    assert!(matches!(&answers[1], Err(AppError::Conflict { what }) if what == "email"));
    assert!(matches!(&answers[2], Err(AppError::Invalid(_))));
    assert_eq!(vault.app.store().counts(SHOP).await.unwrap().subjects, 3);
    let many = (0..1_001).map(one).collect();
    assert!(matches!(vault.app.bulk_in(&local(), many).await, Err(AppError::Invalid(_))));
}

#[tokio::test]
async fn an_idempotency_key_answers_once() {
    let vault = Vault::new().await;
    let key = crate::IdempotencyKey { key: "bestelling-1".into(), digest: [1; 32] };
    let first = vault.app.create_once(&local(), sanne(), Some(&key)).await.unwrap();
    let again = vault.app.create_once(&local(), sanne(), Some(&key)).await.unwrap();
    assert_eq!(first, again);
    let answer = vault.app.idempotent_find(&local(), &key.key, [1; 32]).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.body), (201, first.to_json()));
    assert!(matches!(
        vault.app.idempotent_find(&local(), &key.key, [2; 32]).await,
        Err(AppError::Invalid(_))
    ));
    assert!(vault.app.idempotent_find(&local(), "other", [1; 32]).await.unwrap().is_none());
    for bad in ["", "a\nb", &"k".repeat(256)] {
        assert!(matches!(vault.app.idempotent_find(&local(), bad, [1; 32]).await, Err(AppError::Invalid(_))));
    }
    vault.clock.advance(std::time::Duration::from_secs(25 * 3_600));
    assert!(vault.app.idempotent_find(&local(), &key.key, [1; 32]).await.unwrap().is_none());
    let other = person(&[("email", "ander@voorbeeld.example")]);
    let fresh = vault.app.create_once(&local(), other, Some(&key)).await.unwrap();
    assert_ne!(fresh.id, first.id);
}

#[tokio::test]
async fn names_are_found_and_forgotten() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let search = |text: &'static str, purpose_id: &'static str| {
        let app = vault.app.clone();
        async move { app.search(&local(), text.into(), &purpose(purpose_id), None, 10).await }
    };
    let found = search("kanariegel sanne", "customer_service").await.unwrap();
    assert_eq!((found.hits.len(), found.more), (1, false), "a typo");
    assert_eq!(found.hits[0].id, id);
    let second = vault
        .app
        .create(&local(), person(&[("email", "p@voorbeeld.example"), ("surname", "Kanarie")]))
        .await
        .unwrap()
        .id;
    assert_eq!(search("kanar", "customer_service").await.unwrap().hits.len(), 2);
    assert_eq!(search("kanar", "newsletter").await.unwrap().hits.len(), 0, "nobody consented");
    vault.app.update(&local(), second, vec![("surname".into(), Some("Zwart".into()))], None).await.unwrap();
    assert_eq!(search("kanar", "customer_service").await.unwrap().hits.len(), 1);
    assert_eq!(search("zwart", "customer_service").await.unwrap().hits.len(), 1);
    vault.app.erase(&local(), id).await.unwrap();
    assert_eq!(search("kanar", "customer_service").await.unwrap().hits.len(), 0);
    assert!(matches!(search("  ", "customer_service").await, Err(AppError::Invalid(_))));
    assert!(matches!(search("x", "no_such").await, Err(AppError::Denied { .. })));
    let one = vault
        .app
        .search(&local(), "zw".into(), &purpose("order"), Some(&fields(&["surname"])), 1)
        .await
        .unwrap();
    assert_eq!(one.hits[0].fields.len(), 1);
    let node = vault.second("node2").await;
    let third = node
        .create(&local(), person(&[("email", "q@voorbeeld.example"), ("surname", "Paars")]))
        .await
        .unwrap()
        .id;
    while !vault.app.search_step(SHOP).await.unwrap() {}
    assert_eq!(search("paars", "order").await.unwrap().hits[0].id, third, "made on another node");
    vault.app.inner.search.clear();
    assert_eq!(vault.app.inner.search.len(SHOP), 0);
}

#[tokio::test]
async fn tokens_stand_for_a_value() {
    let vault = Vault::new().await;
    let id = vault.app.create(&local(), sanne()).await.unwrap().id;
    let email = FieldName::parse("email").unwrap();
    let random = vault.app.token_create(&local(), id, &email, None).await.unwrap();
    let carrier = vault.app.token_create(&local(), id, &email, Some("carrier")).await.unwrap();
    assert_eq!(vault.app.token_create(&local(), id, &email, Some("carrier")).await.unwrap(), carrier);
    assert_ne!(vault.app.token_create(&local(), id, &email, Some("mailer")).await.unwrap(), carrier);
    let (subject, field, value) =
        vault.app.token_resolve(&local(), &random, &purpose("order")).await.unwrap();
    assert_eq!((subject, field, value.expose().as_str()), (id, email.clone(), "sanne@voorbeeld.example"));
    let refused = vault.app.token_resolve(&local(), &carrier, &purpose("newsletter")).await;
    assert!(matches!(refused, Err(AppError::Denied { reason: Denial::NoConsent })));
    for bad in ["", "kkt_0000", carrier.trim_end_matches(|_| true)] {
        assert!(matches!(
            vault.app.token_resolve(&local(), bad, &purpose("order")).await,
            Err(AppError::NotFound)
        ));
    }
    vault.app.token_revoke(&local(), &random).await.unwrap();
    assert!(matches!(
        vault.app.token_resolve(&local(), &random, &purpose("order")).await,
        Err(AppError::NotFound)
    ));
    assert!(matches!(vault.app.token_revoke(&local(), &random).await, Err(AppError::NotFound)));
    vault.app.erase(&local(), id).await.unwrap();
    assert!(matches!(
        vault.app.token_resolve(&local(), &carrier, &purpose("order")).await,
        Err(AppError::NotFound)
    ));
}

#[tokio::test]
async fn an_export_needs_two_people() {
    let (vault, mut ids) = Vault::with_customers(5).await;
    ids.sort_unstable();
    let colleague = Actor { id: "colleague".into(), ..local() };
    let wanted = fields(&["email", "city"]);
    let asked = vault.app.export_request(&local(), &purpose("order"), &wanted).await.unwrap();
    let early = vault.app.export_read(&local(), asked.id, None, 10).await;
    assert!(matches!(early, Err(AppError::Conflict { .. })));
    let same = vault.app.export_approve(&local(), asked.id, false).await;
    assert!(matches!(same, Err(AppError::Denied { reason: Denial::SecondPersonNeeded })));
    let approved = vault.app.export_approve(&colleague, asked.id, false).await.unwrap();
    assert_eq!((approved.state.as_str(), approved.alone), ("approved", false));
    assert!(matches!(
        vault.app.export_approve(&colleague, asked.id, false).await,
        Err(AppError::Conflict { .. })
    ));
    assert!(matches!(
        vault.app.export_read(&colleague, asked.id, None, 10).await,
        Err(AppError::Denied { .. })
    ));
    let first = vault.app.export_read(&local(), asked.id, None, 3).await.unwrap();
    assert_eq!((first.items.len(), first.next), (3, Some(ids[2])));
    let last = vault.app.export_read(&local(), asked.id, first.next, 3).await.unwrap();
    assert_eq!((last.items.len(), last.next), (2, None));
    let view = vault.app.export(&local(), asked.id).await.unwrap();
    assert_eq!((view.state.as_str(), view.rows), ("done", 5));
    assert!(
        leaves(&vault.app, Some(ids[4])).await.iter().any(|leaf| leaf.operation == Operation::ExportRead)
    );
    let alone = vault.app.export_request(&local(), &purpose("order"), &wanted).await.unwrap();
    assert!(vault.app.export_approve(&local(), alone.id, true).await.unwrap().alone);
    vault.clock.advance(std::time::Duration::from_secs(8 * 86_400));
    assert!(matches!(
        vault.app.export_read(&local(), alone.id, None, 3).await,
        Err(AppError::Conflict { .. })
    ));
    assert_eq!(vault.app.exports(&local()).await.unwrap().len(), 2);
    assert!(matches!(
        vault.app.export_request(&local(), &purpose("order"), &[]).await,
        Err(AppError::Invalid(_))
    ));
    assert!(matches!(
        vault.app.export_request(&local(), &purpose("order"), &fields(&["iban"])).await,
        Err(AppError::Denied { .. })
    ));
}

#[tokio::test]
async fn a_person_gets_everything() {
    let vault = Vault::new().await;
    let new = NewSubject { consents: vec![consent("newsletter", true, 0)], ..sanne() };
    let id = vault.app.create(&local(), new).await.unwrap().id;
    read(&vault.app, id, "order", &["email"]).await.unwrap();
    let report = vault.app.access_report(&local(), id).await.unwrap();
    let json = report.to_json();
    assert_eq!(json["fields"]["email"], "sanne@voorbeeld.example");
    assert_eq!(json["fields"].as_object().unwrap().len(), 9);
    assert_eq!(json["consents"][0]["proof"]["ip"], "192.0.2.0");
    assert!(json["purposes"].as_array().unwrap().iter().any(|purpose| purpose["id"] == "newsletter"));
    assert!(json["entries"].as_array().unwrap().iter().any(|entry| entry["operation"] == "read"));
    assert_eq!(json["source"]["operation"], "create");
    let html = report.to_html(kluis_model::Lang::Nl, "Winkel");
    assert!(html.contains("Kanariegeel") && html.contains("Nieuwsbrief"));
    assert_eq!(leaves(&vault.app, Some(id)).await[0].operation, Operation::Access);
}
