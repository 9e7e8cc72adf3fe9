//! Credentials: signing in, refusing, binding to certificates, revoking.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::testing::{Vault, local};

fn request() -> RequestId {
    RequestId::from_bytes([3; 16])
}

fn connector(purposes: &[&str], operations: &[Operation]) -> CredentialInput {
    CredentialInput {
        name: "webwinkel".into(),
        kind: CredentialKindInput::Connector {
            operations: operations.iter().copied().collect(),
            purposes: purposes.iter().map(|purpose| PurposeId::parse(purpose).unwrap()).collect(),
            fields: None,
            masks: BTreeMap::new(),
            budget: Budget::default(),
        },
        expires: None,
    }
}

async fn refused(app: &App, secret: &str) -> bool {
    let signed_in = app.authenticate(secret, request()).await;
    matches!(signed_in, Err(AppError::Denied { reason: Denial::NotSignedIn }))
}

#[test]
fn a_role_of_an_older_version_gets_the_operations_of_this_one() {
    let stored =
        Grant { operations: OperationSet::EMPTY.with(Operation::Read), ..Grant::of_role(Role::Owner) };
    let connector = Grant { role: None, ..stored.clone() };
    for (grant, may_check) in [(stored, true), (connector, false)] {
        let stored = serde_json::to_string(&grant).unwrap();
        assert_eq!(read_grant(&stored).unwrap().allows_operation(Operation::Check), may_check);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_credential_signs_its_owner_in_and_nothing_else_does() {
    let vault = Vault::new().await;
    let secret = vault.first.secret.expose().clone();
    let actor = vault.app.authenticate(&secret, request()).await.unwrap();
    assert_eq!(
        (actor.kind, actor.credential, actor.request),
        (ActorKind::Staff, Some(vault.first.id), request())
    );
    assert_eq!(actor.grant.role, Some(Role::Owner));
    let other = CredentialSecret::random(CredentialKind::Staff, vault.app.random());
    for wrong in ["", "kks_", &secret[..43], &secret.replace("kks_", "kkc_"), &other.to_text()] {
        assert!(refused(&vault.app, wrong).await, "{wrong}");
    }
    vault.app.seal();
    assert!(matches!(vault.app.authenticate(&secret, request()).await, Err(AppError::Sealed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_credential_stops_at_once() {
    let vault = Vault::new().await;
    let mut input = connector(&["order"], &[Operation::Read]);
    input.expires = Some(vault.app.now().plus(Duration::from_secs(60)));
    let expiring = vault.app.credential_create(&local(), input).await.unwrap();
    let made =
        vault.app.credential_create(&local(), connector(&["order"], &[Operation::Read])).await.unwrap();
    let (first, second) = (made.secret.expose().clone(), expiring.secret.expose().clone());
    vault.app.authenticate(&first, request()).await.unwrap();
    vault.app.authenticate(&second, request()).await.unwrap();
    vault.app.credential_revoke(&local(), made.id).await.unwrap();
    vault.clock.advance(Duration::from_secs(61));
    assert!(refused(&vault.app, &first).await);
    assert!(refused(&vault.app, &second).await);
    let again = vault.app.credential_revoke(&local(), made.id).await;
    assert!(matches!(again, Err(AppError::Conflict { .. })));
    let unknown = vault.app.credential_revoke(&local(), CredentialId::from_bytes([1; 16])).await;
    assert!(matches!(unknown, Err(AppError::NotFound)));
    let views = vault.app.credentials(&local()).await.unwrap();
    let working = views.iter().filter(|view| view.works(vault.app.now())).count();
    assert_eq!((views.len(), working), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_credential_needs_its_certificate_too() {
    let vault = Vault::new().await;
    let made =
        vault.app.credential_create(&local(), connector(&["order"], &[Operation::Read])).await.unwrap();
    let secret = made.secret.expose().clone();
    let (own, other) = (Thumbprint([7; 32]), Thumbprint([8; 32]));
    vault.app.authenticate_with(&secret, Some(&other), request()).await.unwrap();
    vault.app.credential_bind(&local(), made.id, BTreeSet::from([own])).await.unwrap();
    vault.app.authenticate_with(&secret, Some(&own), request()).await.unwrap();
    for shown in [None, Some(&other)] {
        let refused = vault.app.authenticate_with(&secret, shown, request()).await;
        assert!(matches!(refused, Err(AppError::Denied { reason: Denial::CertificateNeeded })));
    }
    assert!(vault.app.authenticate(&secret, request()).await.is_err());
    let nobody = vault.app.authenticate_with("kkc_", Some(&own), request()).await;
    assert!(matches!(nobody, Err(AppError::Denied { reason: Denial::NotSignedIn })));
    vault.app.certificate_missing(&secret, request()).await.unwrap();
    let query = crate::AuditQuery { limit: 10, ..Default::default() };
    let entries = vault.app.audit_list(&local(), query).await.unwrap();
    let refusal = entries.iter().find(|entry| entry.actor == made.id.to_string()).unwrap();
    assert_eq!((refusal.outcome.id(), refusal.reason.as_deref()), ("denied", Some("certificate_needed")));
    let report = vault.app.verify(&local(), &|_| {}).await.unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
    for (id, certificates) in [
        (made.id, BTreeSet::new()),
        (made.id, (0..5).map(|n| Thumbprint([n; 32])).collect()),
        (vault.first.id, BTreeSet::from([own])),
        (CredentialId::from_bytes([1; 16]), BTreeSet::from([own])),
    ] {
        vault.app.credential_bind(&local(), id, certificates).await.unwrap_err();
    }
    vault.app.credential_revoke(&local(), made.id).await.unwrap();
    let late = vault.app.credential_bind(&local(), made.id, BTreeSet::from([other])).await;
    assert!(matches!(late, Err(AppError::Conflict { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_and_binding_at_the_same_moment_leave_a_whole_row() {
    let vault = Vault::new().await;
    for number in 0..30 {
        let input = connector(&["order"], &[Operation::Read]);
        let id = vault.app.credential_create(&local(), input).await.unwrap().id;
        let (one, other) = (vault.app.clone(), vault.app.clone());
        let bind = tokio::spawn(async move {
            one.credential_bind(&local(), id, BTreeSet::from([Thumbprint([number; 32])])).await
        });
        let revoke = tokio::spawn(async move { other.credential_revoke(&local(), id).await });
        // Whichever comes first, it is revoked in the end.
        let _ = bind.await.unwrap();
        revoke.await.unwrap().unwrap();
    }
    let views = vault.app.credentials(&local()).await.unwrap();
    assert_eq!(views.iter().filter(|view| view.revoked.is_some()).count(), 30);
    assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_gets_no_more_than_it_may() {
    let vault = Vault::new().await;
    let mut nameless = connector(&["order"], &[Operation::Read]);
    nameless.name = " ".into();
    let mut past = connector(&["order"], &[Operation::Read]);
    past.expires = Some(TimeMs(5));
    let mut unknown_field = connector(&["order"], &[Operation::Read]);
    if let CredentialKindInput::Connector { fields, .. } = &mut unknown_field.kind {
        *fields = Some(BTreeSet::from([FieldName::parse("shoe_size").unwrap()]));
    }
    let wrong = [
        nameless,
        past,
        unknown_field,
        connector(&[], &[Operation::Read]),
        connector(&["order"], &[]),
        connector(&["world_domination"], &[Operation::Read]),
        connector(&["order"], &[Operation::Read, Operation::KeyChange]),
        connector(&["order"], &[Operation::CredentialCreate]),
    ];
    for (number, input) in wrong.into_iter().enumerate() {
        let made = vault.app.credential_create(&local(), input).await;
        assert!(matches!(made, Err(AppError::Invalid(_))), "case {number}");
    }
    let made =
        vault.app.credential_create(&local(), connector(&["order"], &[Operation::Read])).await.unwrap();
    let actor = vault.app.authenticate(made.secret.expose(), request()).await.unwrap();
    let denied = vault.app.credentials(&actor).await;
    assert!(matches!(denied, Err(AppError::Denied { reason: Denial::OperationNotGranted })));
    let entries =
        vault.app.audit_list(&local(), crate::AuditQuery { limit: 10, ..Default::default() }).await.unwrap();
    let refusal = entries.iter().find(|entry| entry.actor == actor.id).unwrap();
    assert_eq!((refusal.outcome.id(), refusal.reason.as_deref()), ("denied", Some("operation_not_granted")));
    assert_eq!(refusal.actor_name.as_deref(), Some("webwinkel"));
}
