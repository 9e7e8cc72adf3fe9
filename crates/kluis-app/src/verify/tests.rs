//! Each way to tamper with a stored vault, and that a verification finds it.

#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_crypto::merkle::{Frontier, leaf_hash};
use kluis_model::{Operation, Outcome, PiiText, Role, SubjectId};
use rusqlite::{Connection, params};

use super::{FindingKind, VerifyReport};
use crate::guard::{Ask, Done};
use crate::testing::{Vault, local};
use crate::{AppError, ConsentInput, CredentialInput, CredentialKindInput};

/// The files of a closed vault, and a copy of them from before its last changes.
struct Files {
    data: Connection,
    keys: Connection,
    ids: Vec<SubjectId>,
}

impl Files {
    fn run(&self, sql: &str) {
        let changed = self.data.execute_batch(sql);
        changed.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn hex(&self, place: usize) -> String {
        self.ids[place].as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

async fn report(vault: &Vault) -> VerifyReport {
    vault.app.verify(&local(), &|_| {}).await.unwrap()
}

fn kinds(report: &VerifyReport) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

/// A vault with customers, of which the first was changed, the last erased, and one gave consent;
/// `old` holds the database from before these changes.
async fn busy_vault() -> (Vault, Vec<SubjectId>) {
    let (mut vault, ids) = Vault::with_customers(6).await;
    let actor = local();
    let consent = ConsentInput {
        purpose: "newsletter".into(),
        given: true,
        at: None,
        source: "form".into(),
        text_version: "1".into(),
        proof: PiiText::from("{}"),
    };
    vault.app.consent(&actor, ids[1], consent).await.unwrap();
    let input = CredentialInput {
        name: "Noor".into(),
        kind: CredentialKindInput::Staff(Role::Support),
        expires: None,
    };
    let made = vault.app.credential_create(&actor, input).await.unwrap();
    vault.app.close().await;
    for name in ["data.db", "keys.db"] {
        std::fs::copy(vault.dir.path().join(name), vault.dir.path().join(format!("old-{name}"))).unwrap();
    }
    vault.app = vault.second("node1").await;
    let changes = vec![("city".to_owned(), Some(PiiText::from("Nieuwdorp")))];
    vault.app.update(&actor, ids[0], changes, None).await.unwrap();
    vault.app.credential_revoke(&actor, made.id).await.unwrap();
    vault.app.erase(&actor, ids[5]).await.unwrap();
    let ask = Ask::new(Operation::Status);
    for _ in 0..300 {
        vault.app.write_leaf(&actor, &ask, Outcome::Ok, &Done::default()).await.unwrap();
    }
    vault.app.make_checkpoint().await.unwrap();
    (vault, ids)
}

/// Tampers with the files of a closed vault and looks for the finding.
async fn check(what: &str, expected: FindingKind, tamper: impl Fn(&Files)) {
    let (mut vault, ids) = busy_vault().await;
    vault.app.close().await;
    let open = |name: &str| {
        let file = Connection::open(vault.dir.path().join(name)).unwrap();
        let old = vault.dir.path().join(format!("old-{name}"));
        file.execute("attach ? as old", params![old.display().to_string()]).unwrap();
        file
    };
    let files = Files { data: open("data.db"), keys: open("keys.db"), ids };
    tamper(&files);
    drop(files);
    vault.app = vault.second("node1").await;
    let report = report(&vault).await;
    assert!(kinds(&report).contains(&expected), "{what}: {:#?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_vault_has_no_findings() {
    let (mut vault, _) = busy_vault().await;
    let first = report(&vault).await;
    assert_eq!(first.findings, [], "running");
    assert_eq!((first.rows, first.erasures, first.logs), (5, 1, 1));
    assert!(first.leaves > 300 && first.checkpoints >= 2 && first.keys >= 5 && first.terms >= 15);
    vault.reopen().await;
    assert_eq!(report(&vault).await.findings, [], "after a restart");
    assert_eq!(vault.app.verify_logs(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_rows_is_found() {
    check("cells swapped between two customers", FindingKind::RowChanged, |files| {
        let (a, b) = (files.hex(1), files.hex(2));
        files.run(&format!(
            "create temp table t as select id, cells from subject;
             update subject set cells = (select cells from t where id = x'{b}') where id = x'{a}';
             update subject set cells = (select cells from t where id = x'{a}') where id = x'{b}'"
        ));
    })
    .await;
    check("a row set back", FindingKind::RowRolledBack, |files| {
        let id = files.hex(0);
        files.run(&format!("delete from subject where id = x'{id}'"));
        files.run(&format!("insert into subject select * from old.subject where id = x'{id}'"));
    })
    .await;
    check("a row deleted", FindingKind::RowMissing, |files| {
        let id = files.hex(2);
        files.run(&format!(
            "delete from subject where id = x'{id}'; delete from unique_term where subject = x'{id}'"
        ));
    })
    .await;
    check("a row put in", FindingKind::RowUnknown, |files| {
        let id = files.hex(2);
        files.run(&format!(
            "insert into subject select shop, randomblob(16), version, created, updated, facts, cells, terms, row_mac
             from subject where id = x'{id}'"
        ));
    })
    .await;
    check("an erased customer put back", FindingKind::RowOfErased, |files| {
        let id = files.hex(5);
        files.run(&format!("insert into subject select * from old.subject where id = x'{id}'"));
    })
    .await;
    check("a retention date moved", FindingKind::RowChanged, |files| {
        files.run(&format!("update subject set created = created + 1 where id = x'{}'", files.hex(3)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_index_and_keys_is_found() {
    check("an index entry pointed to somebody else", FindingKind::TermForeign, |files| {
        let (a, b) = (files.hex(1), files.hex(2));
        files.run(&format!("update unique_term set subject = x'{b}' where subject = x'{a}'"));
    })
    .await;
    check("an index entry deleted", FindingKind::TermMissing, |files| {
        files.run(&format!("delete from bucket_term where subject = x'{}'", files.hex(1)));
    })
    .await;
    check("an index entry of nobody", FindingKind::TermForeign, |files| {
        files.run("insert into bucket_term values (1, 17, 1, 5, x'ffffffffffffffffffffffffffffffff')");
    })
    .await;
    check("a key deleted", FindingKind::KeyMissing, |files| {
        files.keys.execute_batch(&format!("delete from dek where subject = x'{}'", files.hex(1))).unwrap();
    })
    .await;
    check("keys swapped", FindingKind::KeyBroken, |files| {
        let (a, b) = (files.hex(1), files.hex(2));
        let sql = format!(
            "update dek set wrapped = (select wrapped from old.dek where subject = x'{b}' and class = 0)
             where subject = x'{a}' and class = 0"
        );
        files.keys.execute_batch(&sql).unwrap();
    })
    .await;
    check("a destroyed key put back", FindingKind::KeyOfErased, |files| {
        let sql = format!("insert into dek select * from old.dek where subject = x'{}'", files.hex(5));
        files.keys.execute_batch(&sql).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_small_tables_is_found() {
    check("a grant widened", FindingKind::CredentialWrong, |files| {
        files.run("update credential set kind = 'connector' where name = 'Noor'");
    })
    .await;
    check("a revocation taken back", FindingKind::CredentialWrong, |files| {
        files.run("delete from credential where name = 'Noor'; insert into credential select * from old.credential where name = 'Noor'");
    })
    .await;
    check("a credential deleted", FindingKind::CredentialWrong, |files| {
        files.run("delete from credential where name <> 'Noor'");
    })
    .await;
    check("a consent turned round", FindingKind::ConsentWrong, |files| {
        files.run("update consent set given = 1 - given");
    })
    .await;
    check("a consent deleted", FindingKind::ConsentWrong, |files| files.run("delete from consent")).await;
    check("an erasure deleted", FindingKind::ErasureWrong, |files| files.run("delete from erasure")).await;
    check("an erasure's date moved", FindingKind::ErasureWrong, |files| {
        files.run("update erasure set at = at + 1");
    })
    .await;
    check("the shop's name changed", FindingKind::RegisterWrong, |files| {
        files.run("update meta set value = randomblob(60) where key = 'vault'");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_log_is_found() {
    check("an entry deleted", FindingKind::LeafMissing, |files| {
        files.run("delete from leaf where (place & 1023) = 5")
    })
    .await;
    check("an entry rewritten", FindingKind::CheckpointWrong, |files| {
        files.run(
            "update leaf set bytes = (select bytes from leaf l where l.place = leaf.place + 1) where (place & 1023) = 3",
        );
    })
    .await;
    check("a column beside an entry changed", FindingKind::LeafColumns, |files| {
        files.run("update leaf set actor = 'somebody else' where (place & 1023) = 3");
    })
    .await;
    check("bytes that are no entry", FindingKind::LeafMalformed, |files| {
        files.run("update leaf set bytes = x'7b7d' where (place & 1023) = 3");
    })
    .await;
    check("a node changed", FindingKind::NodeWrong, |files| {
        files.run("update log_node set hash = randomblob(32)")
    })
    .await;
    check("the head changed", FindingKind::HeadWrong, |files| {
        files.run("update log_head set frontier = cast(substr(frontier, 1, 8) || randomblob(length(frontier) - 8) as blob)");
    })
    .await;
    check("a checkpoint changed", FindingKind::CheckpointForged, |files| {
        files.run("update checkpoint set note = replace(note, 'A', 'B')");
    })
    .await;
    check("the head set back", FindingKind::LeafBeyond, |files| cut_off(files, false)).await;
    check("the log cut off without a trace in the database", FindingKind::LogShortened, |files| {
        cut_off(files, true)
    })
    .await;
}

/// Cuts ten entries off as somebody would who knows how the log works.
fn cut_off(files: &Files, leaves_too: bool) {
    let size: i64 = files.data.query_row("select size from log_head", [], |row| row.get(0)).unwrap();
    let left = size - 10;
    let mut frontier = Frontier::new();
    let mut leaves = files.data.prepare("select bytes from leaf order by place limit ?").unwrap();
    let mut rows = leaves.query(params![left]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        frontier.push(leaf_hash(&row.get::<_, Vec<u8>>(0).unwrap()));
    }
    files
        .data
        .execute("update log_head set size = ?, frontier = ?", params![left, frontier.encode()])
        .unwrap();
    files.data.execute("delete from checkpoint where size > ?", params![left]).unwrap();
    if leaves_too {
        let sql = "delete from leaf where place >= (select number from log_head) * 281474976710656 + ?";
        files.data.execute(sql, params![left]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_set_back_as_a_whole_is_found_and_never_signed_again() {
    let (mut vault, _) = busy_vault().await;
    vault.app.close().await;
    for name in ["data.db", "keys.db"] {
        std::fs::copy(vault.dir.path().join(format!("old-{name}")), vault.dir.path().join(name)).unwrap();
    }
    vault.app = vault.second("node1").await;
    let report = report(&vault).await;
    assert!(kinds(&report).contains(&FindingKind::LogShortened), "{:#?}", report.findings);
    assert!(kinds(&report).contains(&FindingKind::ErasureWrong), "{:#?}", report.findings);
    let signed = vault.app.make_checkpoint().await;
    assert!(matches!(signed, Err(AppError::Integrity { .. })), "{signed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_at_work_is_no_finding() {
    let (vault, ids) = Vault::with_customers(40).await;
    let writer = {
        let (app, ids) = (vault.app.clone(), ids.clone());
        tokio::spawn(async move {
            for (number, id) in ids.iter().cycle().take(120).enumerate() {
                let changes =
                    vec![("city".to_owned(), Some(PiiText::from(format!("Dorp {number}").as_str())))];
                app.update(&local(), *id, changes, None).await.unwrap();
                if number % 10 == 0 {
                    crate::testing::create(&app, 1_000 + u32::try_from(number).unwrap()).await;
                }
            }
        })
    };
    while !writer.is_finished() {
        assert_eq!(report(&vault).await.findings, []);
    }
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_put_in_by_somebody_else_opens_nothing() {
    let (mut vault, _) = Vault::with_customers(1).await;
    vault.app.close().await;
    let data = Connection::open(vault.dir.path().join("data.db")).unwrap();
    data.execute_batch("update meta set value = cast(value || x'0a' as blob) where key = 'register'")
        .unwrap();
    drop(data);
    let clock = vault.clock.clone();
    vault.app = crate::App::open(crate::testing::options(vault.dir.path(), "node1", &clock)).await.unwrap();
    let opened = vault.app.unseal(crate::UnsealWith::KeyFile(crate::testing::KEY)).await;
    assert!(matches!(opened, Err(AppError::Integrity { .. })), "{opened:?}");
    assert!(!vault.app.is_unsealed());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn cost_of_verifying() {
    let (vault, _) = Vault::with_customers(5_000).await;
    let report = report(&vault).await;
    assert_eq!(report.findings, []);
    eprintln!(
        "{} rows, {} leaves, {} terms: {} ms",
        report.rows, report.leaves, report.terms, report.duration_ms
    );
}
