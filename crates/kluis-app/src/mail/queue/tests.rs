//! The queue: durable before it answers, delivered from memory or found again, fair, counted, and silent about people.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use kluis_crypto::PiiBytes;
use kluis_model::audit::Operation;
use kluis_model::{Grant, JobId, OperationSet, PiiText};

use super::*;
use crate::testing::{BEGIN, Vault, local};
use crate::{AppError, MailSettings};

const DAY: Duration = Duration::from_secs(86_400);
const CANARY: &str = "kanarie.queue@gmail.com";

fn mail(stream: &str, to: &[&str]) -> Outgoing {
    Outgoing {
        stream: stream.into(),
        mail_from: "bounce@winkel.example".into(),
        recipients: to.iter().map(|to| PiiText::from(*to).into()).collect(),
        message: PiiBytes::new(
            b"From: a@winkel.example\r\nSubject: Kanariebericht\r\n\r\nDank u wel\r\n".to_vec(),
        ),
        at: BEGIN,
        reports: ReportWish::default(),
    }
}

async fn put(vault: &Vault, stream: &str) -> JobId {
    vault.app.mail_enqueue(&local(), mail(stream, &[CANARY])).await.unwrap()
}

async fn begin(vault: &Vault) {
    vault.app.mail_deliver_begin("relay.example", DAY * 5).await.unwrap();
}

async fn claim(vault: &Vault, limit: usize) -> Vec<QueuedMail> {
    vault.app.inner.mail.queue.look_again();
    let mut opened = Vec::new();
    for claimed in vault.app.mail_claim(limit).await.unwrap() {
        opened.extend(vault.app.mail_open(claimed).await.unwrap());
    }
    opened
}

/// In one order: those of one millisecond have none of their own.
fn ids(mails: &[QueuedMail]) -> Vec<JobId> {
    sorted(mails.iter().map(|mail| mail.id).collect())
}

fn sorted(mut ids: Vec<JobId>) -> Vec<JobId> {
    ids.sort_unstable();
    ids
}

fn answer(code: u16) -> Answer {
    Answer { code, status: (code / 100, 2, 1), text: PiiText::new(format!("no, {CANARY}")) }
}

fn outcome(mail: QueuedMail, became: impl Fn() -> RecipientOutcome) -> MailOutcome {
    let recipients = mail.envelope.recipients.iter().map(|_| became()).collect();
    MailOutcome { mail, server: "smarthost.example".into(), reports: false, recipients }
}

async fn sent(vault: &Vault) -> Vec<(String, String, u64)> {
    let rows = vault.app.store().mail_sent(SHOP, 0, BEGIN.day() + 99).await.unwrap();
    rows.into_iter().map(|row| (row.receiver, row.outcome, row.messages)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_found_again_by_the_next_process_and_gone_when_it_is_delivered() {
    let mut vault = Vault::new().await;
    let before = put(&vault, "winkel").await;
    begin(&vault).await;
    let after = put(&vault, "winkel").await;
    let claimed = claim(&vault, 9).await;
    assert_eq!(ids(&claimed), sorted(vec![before, after]));
    assert_eq!(claimed[1].id, after, "what was there comes first");
    assert_eq!(claimed[1].envelope.recipients[0].address.expose(), CANARY);
    assert!(claimed[1].message.expose().ends_with(b"Dank u wel\r\n"));
    assert!(claim(&vault, 9).await.is_empty(), "it is claimed");
    // The process ends; nothing was written down.
    vault.reopen().await;
    begin(&vault).await;
    let claimed = claim(&vault, 9).await;
    assert_eq!(ids(&claimed), sorted(vec![before, after]));
    let outcomes: Vec<_> =
        claimed.into_iter().map(|mail| outcome(mail, || RecipientOutcome::Delivered)).collect();
    vault.app.mail_settle(&outcomes).await.unwrap();
    assert_eq!(vault.app.mail_queue_status(&local()).await.unwrap().waiting, 0);
    assert_eq!(
        sent(&vault).await,
        [("gmail.com".into(), "accepted".into(), 2), ("gmail.com".into(), "delivered".into(), 2)]
    );
    assert_eq!(vault.app.metrics(&local()).await.unwrap().mail.delivered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_takes_over_when_the_lease_is_over() {
    let vault = Vault::new().await;
    begin(&vault).await;
    let id = put(&vault, "winkel").await;
    let other = vault.second("node2").await;
    other.mail_deliver_begin("relay.example", DAY * 5).await.unwrap();
    assert!(other.mail_claim(9).await.unwrap().is_empty());
    vault.clock.advance(Duration::from_secs(15 * 60));
    other.inner.mail.queue.look_again();
    let taken = other.mail_claim(9).await.unwrap();
    assert_eq!(taken.iter().map(|mail| mail.id).collect::<Vec<_>>(), [id]);
    assert!(claim(&vault, 9).await.is_empty(), "what is still in memory here is not sent twice");
    let mail = other.mail_open(taken.into_iter().next().unwrap()).await.unwrap().unwrap();
    other.mail_settle(&[outcome(mail, || RecipientOutcome::Delivered)]).await.unwrap();
    assert_eq!(vault.app.mail_queue_status(&local()).await.unwrap().waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_newsletter_does_not_hold_up_an_order() {
    let vault = Vault::new().await;
    for in_memory in [false, true] {
        if in_memory {
            begin(&vault).await;
        }
        for _ in 0..30 {
            put(&vault, "nieuws").await;
        }
        let order = put(&vault, "winkel").await;
        let first = claim(&vault, 10).await;
        assert!(ids(&first).contains(&order), "in memory: {in_memory}");
        let left: Vec<_> = first.iter().map(|mail| (mail.id, mail.at)).collect();
        vault.app.mail_give_back(&left).await.unwrap();
        assert!(claim(&vault, 200).await.len() >= 10, "what is given back is due at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_reported_once_and_never_about_a_report() {
    let vault = Vault::new().await;
    begin(&vault).await;
    let fail = async |mail: QueuedMail| {
        vault.app.mail_settle(&[outcome(mail, || RecipientOutcome::Failed(answer(550)))]).await.unwrap();
        claim(&vault, 9).await
    };
    vault.app.mail_enqueue(&local(), mail("winkel", &[CANARY])).await.unwrap();
    let mail_one = claim(&vault, 9).await.pop().unwrap();
    let mut reports = fail(mail_one).await;
    assert_eq!(reports.len(), 1);
    let report = reports.pop().unwrap();
    assert!(report.envelope.is_report && report.envelope.mail_from.expose().is_empty());
    assert_eq!(report.envelope.recipients[0].address.expose(), "bounce@winkel.example");
    let text = String::from_utf8_lossy(report.message.expose()).into_owned();
    assert!(text.contains(&format!("Final-Recipient: rfc822; {CANARY}\r\n")), "{text}");
    assert!(fail(report).await.is_empty());
    // The null sender, and those who do not want to hear of it.
    let silent = [
        Outgoing { mail_from: PiiText::new(String::new()), ..mail("winkel", &[CANARY]) },
        Outgoing {
            recipients: vec![OutgoingRecipient {
                notify: Some("NEVER".into()),
                ..PiiText::from(CANARY).into()
            }],
            ..mail("winkel", &[])
        },
        Outgoing {
            recipients: vec![OutgoingRecipient {
                notify: Some("SUCCESS,DELAY".into()),
                ..PiiText::from(CANARY).into()
            }],
            ..mail("winkel", &[])
        },
    ];
    for mail in silent {
        vault.app.mail_enqueue(&local(), mail).await.unwrap();
        let claimed = claim(&vault, 9).await.pop().unwrap();
        assert!(fail(claimed).await.is_empty());
    }
    assert_eq!(vault.app.mail_queue_status(&local()).await.unwrap().waiting, 0);
    assert!(sent(&vault).await.contains(&("gmail.com".into(), "failed".into(), 4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_hears_that_a_message_went_on_unless_the_smarthost_says_so_itself() {
    let vault = Vault::new().await;
    begin(&vault).await;
    for (reports, told) in [(false, 1), (true, 0)] {
        let wish = OutgoingRecipient {
            notify: Some("SUCCESS,FAILURE".into()),
            original: Some("rfc822;noor@klant.example".into()),
            ..PiiText::from(CANARY).into()
        };
        let asked =
            Outgoing { recipients: vec![wish, PiiText::from("b@klant.example").into()], ..mail_of(&[]) };
        vault.app.mail_enqueue(&local(), asked).await.unwrap();
        let claimed = claim(&vault, 9).await.pop().unwrap();
        let mut outcome = MailOutcome { reports, ..outcome(claimed, || RecipientOutcome::Delivered) };
        outcome.forget_message();
        vault.app.mail_settle(&[outcome]).await.unwrap();
        let reported = claim(&vault, 9).await;
        assert_eq!(reported.len(), told);
        for report in reported {
            let text = String::from_utf8_lossy(report.message.expose()).into_owned();
            assert!(text.contains("Original-Recipient: rfc822;noor@klant.example\r\n"), "{text}");
            assert!(text.contains("Action: relayed\r\n") && !text.contains("b@klant.example"), "{text}");
            assert!(text.contains("Subject: Kanariebericht\r\n") && !text.contains("Dank u wel"), "{text}");
            vault.app.mail_give_back(&[(report.id, BEGIN)]).await.unwrap();
            vault.app.mail_queue_drop(&local(), report.id).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_waits_longer_each_time_and_is_given_up_in_the_end() {
    let vault = Vault::new().await;
    begin(&vault).await;
    let id = vault.app.mail_enqueue(&local(), mail("winkel", &[CANARY, "b@klant.example"])).await.unwrap();
    let mut waits = Vec::new();
    for _ in 0..7 {
        let mail = claim(&vault, 9).await.pop().unwrap();
        vault.app.mail_settle(&[outcome(mail, || RecipientOutcome::Deferred(answer(450)))]).await.unwrap();
        let line = vault.app.mail_queue_list(&local(), 9).await.unwrap().pop().unwrap();
        assert_eq!((line.id, line.last.as_deref()), (id, Some("450 4.2.1")));
        assert_eq!(line.receivers, ["gmail.com", "overig"]);
        waits.push(line.due.since(vault.app.now()).as_secs() / 60);
        assert!(claim(&vault, 9).await.is_empty());
        vault.clock.set(line.due);
    }
    assert!(waits[0] == 1 && waits[1] == 5 && waits.is_sorted() && *waits.last().unwrap() < 265, "{waits:?}");
    vault.clock.set(BEGIN.plus(DAY * 5));
    let old = vault.app.mail_claim_expired().await.unwrap();
    let mail = vault.app.mail_open(old.into_iter().next().unwrap()).await.unwrap().unwrap();
    assert!(vault.app.mail_is_expired(&mail));
    vault.app.mail_settle(&[outcome(mail, || RecipientOutcome::Deferred(answer(450)))]).await.unwrap();
    let report = claim(&vault, 9).await.pop().unwrap();
    assert!(String::from_utf8_lossy(report.message.expose()).contains("Status: 5.4.7\r\n"));
    assert!(sent(&vault).await.contains(&("overig".into(), "expired".into(), 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_in_the_database_is_kept_back() {
    let vault = Vault::new().await;
    let (a, b, c) = (put(&vault, "winkel").await, put(&vault, "winkel").await, put(&vault, "winkel").await);
    let database = rusqlite::Connection::open(vault.dir.path().join("data.db")).unwrap();
    // One gets the text of another, one the envelope of another.
    for (column, to, from) in [("message", a, b), ("envelope", b, c)] {
        let sql = format!(
            "update mail_queue set {column} = (select {column} from mail_queue where id = ?2) where id = ?1"
        );
        database.execute(&sql, (to.as_bytes(), from.as_bytes())).unwrap();
    }
    begin(&vault).await;
    assert_eq!(ids(&claim(&vault, 9).await), [c]);
    let status = vault.app.mail_queue_status(&local()).await.unwrap();
    assert_eq!((status.held, status.waiting), (2, 1));
    let lines = vault.app.mail_queue_list(&local(), 9).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.is_held).count(), 2);
    assert!(claim(&vault, 9).await.is_empty());
    vault.app.mail_queue_drop(&local(), a).await.unwrap();
    vault.app.mail_queue_retry(&local(), Some(b)).await.unwrap();
    assert!(claim(&vault, 9).await.is_empty(), "it is kept back again");
    assert_eq!(vault.app.mail_queue_status(&local()).await.unwrap().held, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_retries_and_drops_on_the_record() {
    let vault = Vault::new().await;
    begin(&vault).await;
    let id = put(&vault, "winkel").await;
    let drop = async || vault.app.mail_queue_drop(&local(), id).await;
    assert!(matches!(drop().await, Err(AppError::Conflict { .. })), "it is being delivered");
    let mail = claim(&vault, 9).await.pop().unwrap();
    vault.app.mail_settle(&[outcome(mail, || RecipientOutcome::Deferred(answer(450)))]).await.unwrap();
    vault.app.mail_queue_retry(&local(), None).await.unwrap();
    assert_eq!(ids(&claim(&vault, 9).await), [id]);
    vault.app.mail_give_back(&[(id, BEGIN)]).await.unwrap();
    drop().await.unwrap();
    assert!(matches!(drop().await, Err(AppError::NotFound)));
    assert!(matches!(vault.app.mail_queue_retry(&local(), Some(id)).await, Err(AppError::NotFound)));
    assert!(sent(&vault).await.contains(&("gmail.com".into(), "dropped".into(), 1)));
    let query = crate::AuditQuery {
        operation: Some(Operation::MailChange),
        limit: 9,
        ..crate::AuditQuery::default()
    };
    assert_eq!(vault.app.audit_list(&local(), query).await.unwrap().len(), 2);
    let mut nobody = local();
    nobody.grant = std::sync::Arc::new(Grant {
        operations: [Operation::MailRead].into_iter().collect::<OperationSet>(),
        ..Grant::all()
    });
    assert!(matches!(vault.app.mail_queue_drop(&nobody, id).await, Err(AppError::Denied { .. })));
    assert!(matches!(vault.app.mail_queue_retry(&nobody, None).await, Err(AppError::Denied { .. })));
    assert!(vault.app.mail_queue_status(&nobody).await.is_ok());
    assert!(matches!(
        vault.app.mail_enqueue(&nobody, mail_of(&[CANARY])).await,
        Err(AppError::Denied { .. })
    ));
}

fn mail_of(to: &[&str]) -> Outgoing {
    mail("winkel", to)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_break_the_talk_is_refused() {
    let vault = Vault::new().await;
    let text = |text: &[u8]| Outgoing { message: PiiBytes::new(text.to_vec()), ..mail_of(&[CANARY]) };
    let wish = |notify: &str| Outgoing {
        recipients: vec![OutgoingRecipient { notify: Some(notify.into()), ..PiiText::from(CANARY).into() }],
        ..mail_of(&[])
    };
    let wrong = [
        mail_of(&[]),
        mail_of(&[""]),
        mail_of(&["a"]),
        mail_of(&["a@b.example\r\nRCPT TO:<c@d.example>"]),
        mail_of(&["a@b.example> ORCPT=x"]),
        mail_of(&["a b@c.example"]),
        mail_of(&["n\u{f8}@c.example"]),
        mail_of(&[&format!("{}@c.example", "a".repeat(400))]),
        mail_of(&vec!["a@b.example"; MAIL_RECIPIENTS_MAX + 1]),
        Outgoing { mail_from: "x\r\n".into(), ..mail_of(&[CANARY]) },
        Outgoing { stream: String::new(), ..mail_of(&[CANARY]) },
        Outgoing { stream: "x".repeat(65), ..mail_of(&[CANARY]) },
        text(b""),
        text(b"a\nb\r\n"),
        text(b"a\rb\r\n"),
        text(b"a\0b\r\n"),
        text(b"a\r\n.\n"),
        wish("NEVER\r\nDATA"),
        wish(""),
    ];
    for (n, mail) in wrong.into_iter().enumerate() {
        let refused = vault.app.mail_enqueue(&local(), mail).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{n}: {refused:?}");
    }
    vault.app.mail_enqueue(&local(), mail_of(&["\"a b\"@c.example"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_so_and_a_sealed_vault_takes_nothing() {
    let vault = Vault::new().await;
    vault.app.set_mail_settings(MailSettings { queue_messages_max: 2, ..MailSettings::default() });
    put(&vault, "winkel").await;
    put(&vault, "winkel").await;
    let full = vault.app.mail_enqueue(&local(), mail_of(&[CANARY])).await;
    assert!(matches!(full, Err(AppError::Exhausted { .. })), "{full:?}");
    begin(&vault).await;
    let all: Vec<_> = claim(&vault, 9)
        .await
        .into_iter()
        .map(|mail| outcome(mail, || RecipientOutcome::Delivered))
        .collect();
    vault.app.mail_settle(&all).await.unwrap();
    put(&vault, "winkel").await;
    vault.app.seal();
    assert!(matches!(vault.app.mail_enqueue(&local(), mail_of(&[CANARY])).await, Err(AppError::Sealed)));
    assert!(matches!(vault.app.mail_claim(9).await, Err(AppError::Sealed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_and_no_text_stands_in_a_file() {
    let vault = Vault::new().await;
    begin(&vault).await;
    for _ in 0..20 {
        put(&vault, "winkel").await;
    }
    let mut claimed = claim(&vault, 6).await;
    let failed = outcome(claimed.pop().unwrap(), || RecipientOutcome::Failed(answer(550)));
    let later = outcome(claimed.pop().unwrap(), || RecipientOutcome::Deferred(answer(450)));
    assert!(!format!("{failed:?} {later:?} {claimed:?}").contains("kanarie"));
    vault.app.mail_settle(&[failed, later]).await.unwrap();
    let shown = serde_json::to_string(&vault.app.mail_queue_list(&local(), 99).await.unwrap()).unwrap();
    assert!(!shown.contains("kanarie") && shown.contains("gmail.com"));
    assert!(!vault.app.metrics(&local()).await.unwrap().to_prometheus().contains("kanarie"));
    let mut looked = 0;
    for entry in std::fs::read_dir(vault.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        looked += 1;
        let bytes = std::fs::read(&path).unwrap();
        for canary in [CANARY, "Kanariebericht", "Dank u wel", "bounce@winkel.example"] {
            let is_there = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
            assert!(!is_there, "{canary} in {}", path.display());
        }
    }
    assert!(looked >= 4, "database, its log and the keys");
}
