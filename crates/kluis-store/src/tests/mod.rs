//! Tests on both databases: what a use case relies on, and what happens when things break.
#![expect(clippy::unwrap_used, reason = "tests")]

mod checks;
mod commit;
mod copy;
mod log;
mod mail_keys;
mod mail_queue;
mod mail_reports;
mod postgres;
mod rows;
mod speed;
mod sqlite;
mod stage;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use kluis_crypto::SecretText;
use kluis_model::{
    CredentialId, FieldKind, FieldName, JobId, Operation, Outcome, PurposeId, RetentionClass, ShopId,
    SubjectId, TimeMs,
};

use crate::testing::{TemporaryPostgres, temporary_postgres};
use crate::{
    CheckRunRow, ConsentRow, CredentialRow, DekRow, IdempotencyRow, JobRow, LeafDraft, OutboxRow,
    PostgresTls, Store, StoreConfig, SubjectRow, TokenRow, Unit,
};

pub(crate) const SHOP: ShopId = ShopId(1);
pub(crate) const NOW: TimeMs = TimeMs(1_795_000_000_000);

/// A database of its own, with everything that ends with it.
pub(crate) struct Place {
    pub(crate) config: StoreConfig,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) postgres: Option<TemporaryPostgres>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = sqlite_config(folder.path());
        Self { config, folder, postgres: None }
    }

    pub(crate) fn postgres() -> Self {
        let postgres = temporary_postgres();
        let config = StoreConfig::Postgres {
            url: SecretText::new(postgres.database_url("kluis")),
            pool: 4,
            tls: PostgresTls::WebRoots,
        };
        Self { config, folder: tempfile::tempdir().unwrap(), postgres: Some(postgres) }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.config, "node1").await.unwrap()
    }
}

pub(crate) fn sqlite_config(folder: &Path) -> StoreConfig {
    StoreConfig::Sqlite { data: folder.join("data.db"), keys: folder.join("keys.db"), readers: 2 }
}

/// Runs a test on both databases.
pub(crate) fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    for place in [Place::sqlite(), Place::postgres()] {
        block_on(async {
            let store = place.open().await;
            test(store.clone()).await;
            store.close().await;
        });
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Sixteen bytes nobody else has, later ones sorting later.
pub(crate) fn fresh() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn subject_id() -> SubjectId {
    SubjectId::from_bytes(fresh())
}

pub(crate) fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

pub(crate) fn purpose(text: &str) -> PurposeId {
    PurposeId::parse(text).unwrap()
}

pub(crate) fn subject(id: SubjectId, version: u64) -> SubjectRow {
    SubjectRow {
        shop: SHOP,
        id,
        version,
        created: NOW,
        updated: TimeMs(NOW.0 + i64::try_from(version).unwrap()),
        facts: vec![1; 120],
        cells: vec![version as u8; 900],
        terms: vec![3; 100],
        row_mac: [4; 32],
    }
}

pub(crate) fn dek(subject: SubjectId, class: RetentionClass) -> DekRow {
    DekRow { shop: SHOP, subject, class, dek_gen: 1, epoch: 1, wrapped: vec![5; 60] }
}

pub(crate) fn leaf(subject: Option<SubjectId>, actor: &str, operation: Operation) -> LeafDraft {
    let bytes = format!("{{\"leaf\":\"{:?}\",\"padding\":\"{}\"}}", fresh(), "x".repeat(200)).into_bytes();
    LeafDraft {
        bytes,
        shop: SHOP,
        subject,
        actor: actor.to_owned(),
        operation,
        outcome: Outcome::Ok,
        detail: None,
        time: NOW,
    }
}

/// A create as the use case writes it: row, two keys, two unique terms, three shared terms, one leaf.
pub(crate) fn create(id: SubjectId) -> Unit {
    let mut unit = Unit::new();
    let seed = kluis_crypto::sha256(id.as_bytes());
    let term = |n: usize| <[u8; 16]>::try_from(&seed[n..n + 16]).unwrap();
    unit.insert_subject(&subject(id, 1));
    unit.insert_dek(&dek(id, RetentionClass::Profile));
    unit.insert_dek(&dek(id, RetentionClass::Tax));
    unit.put_unique_term(SHOP, FieldKind::EmailAddress, 1, term(0), id, &name("email"));
    unit.put_unique_term(SHOP, FieldKind::CustomerNumber, 1, term(1), id, &name("customer_number"));
    for (n, kind) in [FieldKind::Postcode, FieldKind::Surname, FieldKind::Phone].into_iter().enumerate() {
        unit.put_bucket_term(SHOP, kind, 1, u64::from(seed[n]) << 8 | u64::from(seed[n + 4]), id);
    }
    unit.leaf(leaf(Some(id), "staff-1", Operation::Create));
    unit
}

/// Takes the terms of [`create`] away.
pub(crate) fn delete_terms(unit: &mut Unit, id: SubjectId) {
    let seed = kluis_crypto::sha256(id.as_bytes());
    for (n, kind) in [FieldKind::EmailAddress, FieldKind::CustomerNumber].into_iter().enumerate() {
        unit.delete_unique_term(SHOP, kind, 1, seed[n..n + 16].try_into().unwrap(), id);
    }
    for (n, kind) in [FieldKind::Postcode, FieldKind::Surname, FieldKind::Phone].into_iter().enumerate() {
        unit.delete_bucket_term(SHOP, kind, 1, u64::from(seed[n]) << 8 | u64::from(seed[n + 4]), id);
    }
}

pub(crate) fn consent(subject: SubjectId, number: u32, given: bool) -> ConsentRow {
    ConsentRow {
        shop: SHOP,
        subject,
        number,
        purpose: purpose("newsletter"),
        given,
        at: NOW,
        source: "form".into(),
        text_version: "2026-01".into(),
        proof: vec![6; 40],
        row_mac: [7; 32],
    }
}

pub(crate) fn credential(id: CredentialId, hash: u8) -> CredentialRow {
    CredentialRow {
        shop: SHOP,
        id,
        kind: "staff".into(),
        name: "Noor".into(),
        secret_hash: [hash; 32],
        grant: "{}".into(),
        created: NOW,
        expires: Some(NOW),
        revoked: None,
        last_used: None,
        row_mac: [8; 32],
    }
}

pub(crate) fn token(subject: SubjectId, hash: u8) -> TokenRow {
    TokenRow {
        shop: SHOP,
        hash: [hash; 32],
        subject,
        field: name("email"),
        destination: None,
        created: NOW,
        revoked: None,
        row_mac: [9; 32],
    }
}

pub(crate) fn job(state: &str) -> JobRow {
    JobRow {
        id: JobId::from_bytes(fresh()),
        shop: SHOP,
        kind: "export".into(),
        state: state.into(),
        created_by: "staff-1".into(),
        created: NOW,
        updated: NOW,
        params: vec![1, 2, 3],
        progress: "{}".into(),
        row_mac: [10; 32],
    }
}

pub(crate) fn check_run(state: &str) -> CheckRunRow {
    CheckRunRow {
        shop: SHOP,
        id: JobId::from_bytes(fresh()),
        domain: "winkel.example".into(),
        at: NOW,
        updated: NOW,
        state: state.into(),
        created_by: "staff-1".into(),
        node: "node1".into(),
        options: "{}".into(),
        summary: "{}".into(),
        report_hash: [14; 32],
        row_mac: [15; 32],
    }
}

pub(crate) fn idempotency(key: u8) -> IdempotencyRow {
    IdempotencyRow {
        shop: SHOP,
        credential: "c1".into(),
        key_hash: [key; 32],
        request_digest: [11; 32],
        status: 201,
        response: vec![12; 30],
        at: NOW,
    }
}

pub(crate) fn outbox(kind: &str, due: TimeMs) -> OutboxRow {
    OutboxRow { id: fresh(), shop: SHOP, kind: kind.into(), payload: vec![13; 20], due }
}
