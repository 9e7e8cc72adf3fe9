//! The audit log for readers: entries newest first, who did what with one customer, the logs there are.

use std::collections::HashMap;

use kluis_model::audit::Leaf;
use kluis_model::{Actor, ActorKind, FieldName, Operation, Outcome, PurposeId, RequestId, SubjectId, TimeMs};
use kluis_store::{LeafQuery, LeafRow};
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::{App, AppError};

mod checkpoint;
mod proof;
#[cfg(test)]
mod tests;

pub(crate) use checkpoint::{CheckpointState, FileCheckpoint, RestoreMark, file_checkpoints};
pub use proof::{ConsistencyProof, Proof};

/// Entries in one answer at most.
pub(crate) const ENTRIES_MAX: u32 = 1_000;

/// Which entries to list; `None` matches all.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// About this customer.
    pub subject: Option<SubjectId>,
    /// By this actor: a credential's id or the name of a job or local person.
    pub actor: Option<String>,
    /// This operation.
    pub operation: Option<Operation>,
    /// This outcome.
    pub outcome: Option<Outcome>,
    /// Older than the entry with this cursor.
    pub before: Option<String>,
    /// At most so many, up to 1,000.
    pub limit: u32,
}

/// One entry of an audit log; no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// The log, named after its node.
    pub log: String,
    /// Its number in that log, from 0.
    pub seq: u64,
    /// Give it back as `before` for older entries.
    pub cursor: String,
    /// When.
    pub time: TimeMs,
    /// What acted.
    pub actor_kind: ActorKind,
    /// Who: an id or a name.
    pub actor: String,
    /// The name of the credential that acted, while it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// For what purpose.
    pub purpose: Option<PurposeId>,
    /// What was done.
    pub operation: Operation,
    /// With which fields.
    pub fields: Vec<FieldName>,
    /// With how many customers or rows.
    pub count: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, from a fixed vocabulary.
    pub reason: Option<String>,
    /// About whom.
    pub subject: Option<SubjectId>,
    /// In which request.
    pub request: RequestId,
}

/// How far a log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// Its name.
    pub log: String,
    /// Its leaves.
    pub size: u64,
    /// Leaves under the newest checkpoint.
    pub checkpoint_size: Option<u64>,
    /// When that was signed.
    pub checkpoint_at: Option<TimeMs>,
    /// What a stranger checks its checkpoints with.
    pub verifier: String,
}

impl App {
    /// Lists entries of all logs, newest first; this reading is an entry too.
    ///
    /// # Errors
    /// `Denied`, `Invalid` for a cursor that is none, `Integrity` when an entry is no leaf.
    pub async fn audit_list(&self, actor: &Actor, query: AuditQuery) -> Result<Vec<AuditEntry>, AppError> {
        let mut ask = Ask::new(Operation::AuditRead);
        if let Some(subject) = query.subject {
            ask = ask.about(subject);
        }
        self.allow(actor, &ask).await?;
        let before = query.before.as_deref().map(parse_cursor).transpose()?;
        let found = LeafQuery {
            shop: actor.shop,
            subject: query.subject,
            actor: query.actor,
            operation: query.operation,
            outcome: query.outcome,
            before,
            limit: query.limit.clamp(1, ENTRIES_MAX),
        };
        let rows = self.store().find_leaves(found).await?;
        let names = self.credential_names(actor).await?;
        let entries = rows.iter().map(|row| entry(row, &names)).collect::<Result<Vec<_>, _>>();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        let done = Done { count: entries.len() as u64, ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        Ok(entries)
    }

    /// Who did what with one customer's data, newest first.
    ///
    /// # Errors
    /// As [`App::audit_list`].
    pub async fn audit_of(
        &self,
        actor: &Actor,
        subject: SubjectId,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, AppError> {
        let query = AuditQuery { subject: Some(subject), limit, ..AuditQuery::default() };
        self.audit_list(actor, query).await
    }

    /// The logs there are, one per node, and how far each is.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, or when the database does not answer.
    pub async fn logs(&self, actor: &Actor) -> Result<Vec<LogView>, AppError> {
        self.allow(actor, &Ask::new(Operation::AuditRead)).await?;
        let unsealed = self.unsealed()?;
        let mut views = Vec::new();
        for log in self.store().log_names().await? {
            let size = self.store().log_head(&log).await?.map_or(0, |head| head.size);
            let checkpoint = self.store().latest_checkpoint(&log).await?;
            views.push(LogView {
                size,
                checkpoint_size: checkpoint.as_ref().map(|row| row.size),
                checkpoint_at: checkpoint.as_ref().map(|row| row.time),
                verifier: unsealed.keyring.note_signer(&log).verifier().vkey(),
                log,
            });
        }
        Ok(views)
    }

    async fn credential_names(&self, actor: &Actor) -> Result<HashMap<String, String>, AppError> {
        let rows = self.store().credentials(actor.shop).await?;
        Ok(rows.into_iter().map(|row| (row.id.to_string(), row.name)).collect())
    }
}

fn entry(row: &LeafRow, names: &HashMap<String, String>) -> Result<AuditEntry, AppError> {
    let leaf = Leaf::decode(&row.bytes)
        .map_err(|_| AppError::integrity(format!("leaves {} {}", row.log, row.seq)))?;
    Ok(AuditEntry {
        log: row.log.clone(),
        seq: row.seq,
        cursor: format!("{}.{}", row.time.0, row.place),
        time: leaf.time,
        actor_kind: leaf.actor_kind,
        actor_name: names.get(&leaf.actor).cloned(),
        actor: leaf.actor,
        purpose: leaf.purpose,
        operation: leaf.operation,
        fields: leaf.fields,
        count: leaf.count,
        outcome: leaf.outcome,
        reason: leaf.reason,
        subject: leaf.subject,
        request: leaf.request,
    })
}

/// Reads `time.place` as an entry's cursor has it.
fn parse_cursor(text: &str) -> Result<(TimeMs, i64), AppError> {
    let parts =
        text.split_once('.').and_then(|(time, place)| Some((time.parse().ok()?, place.parse().ok()?)));
    parts.map(|(time, place)| (TimeMs(time), place)).ok_or_else(|| {
        AppError::invalid(
            "before",
            "Geef de cursor van een regel uit het logboek.",
            "Give the cursor of an entry.",
        )
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod cursor_tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_time_and_a_place() {
        assert_eq!(parse_cursor("17.-4").unwrap(), (TimeMs(17), -4));
        for bad in ["", ".", "1", "1.", ".1", "1.2.3", "x.1", "1.99999999999999999999"] {
            assert!(parse_cursor(bad).is_err(), "{bad}");
        }
    }
}
