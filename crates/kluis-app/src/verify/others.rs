//! The small tables: erasures against keys and receipts, credentials and the register against the replayed logs.

use std::collections::VecDeque;

use kluis_crypto::receipt;
use kluis_crypto::sha256;
use kluis_model::SubjectId;
use kluis_store::{DekRow, ErasureRow};

use super::{Check, FindingKind};
use crate::check::check_run_agrees;
use crate::credential::{check_row, digest, id_hash};
use crate::{AppError, meta};

/// Rows read in one go.
const PAGE: u32 = 1_000;
/// Checks read in one go.
const CHECKS_PAGE: u32 = 20;

impl Check<'_> {
    /// Erased is erased: a signed receipt for each, and no key of what it names.
    pub(crate) async fn read_erasures(&mut self) -> Result<(), AppError> {
        let shop = self.actor.shop;
        let unsealed = self.app.unsealed()?;
        let verifiers = unsealed.keyring.note_verifiers(unsealed.keyring.log_name());
        let mut keys = DekPages::default();
        let mut after = None;
        loop {
            let page = self.app.store().page_erasures(shop, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.subject);
            for row in &page {
                self.report.erasures += 1;
                self.replay.saw_erasure(row.subject);
                let signed = receipt::verify(&row.receipt, &verifiers);
                let agrees = signed.is_ok_and(|receipt| {
                    receipt.subject == row.subject
                        && receipt.erased_at == row.at
                        && receipt.classes == row.classes
                });
                if !agrees {
                    self.findings.add(FindingKind::ErasureWrong, format!("erasures {}", row.subject));
                }
                let left = self.keys_of(&mut keys, row.subject).await?;
                self.compare_erasure(row, &left);
            }
        }
        for id in self.replay.erasures_unseen() {
            self.findings.add(FindingKind::ErasureWrong, format!("erasures {id}"));
        }
        self.read_noted().await
    }

    fn compare_erasure(&mut self, row: &ErasureRow, left: &[DekRow]) {
        if !row.complete {
            // The keys of an erasure that is still under way are destroyed by the job loop.
            return;
        }
        for dek in left.iter().filter(|dek| row.classes.contains(dek.class)) {
            self.findings.add(FindingKind::KeyOfErased, format!("deks {} {}", dek.subject, dek.class));
        }
    }

    /// Every receipt in the file beside the keyring is in the database too: a database from before
    /// an erasure was put in place without a restore otherwise.
    async fn read_noted(&mut self) -> Result<(), AppError> {
        for erasure in self.app.noted_erasures()?.0 {
            let subject = erasure.receipt.subject;
            if self.app.store().erasure(self.actor.shop, subject).await?.is_none() {
                self.findings.add(FindingKind::ErasureWrong, format!("erasures {subject}"));
            }
        }
        Ok(())
    }

    /// The keys of one customer out of the running pages.
    async fn keys_of(&self, pages: &mut DekPages, id: SubjectId) -> Result<Vec<DekRow>, AppError> {
        let mut found = Vec::new();
        loop {
            if pages.rows.is_empty() && !pages.at_end {
                let page = self.app.store().page_deks(self.actor.shop, pages.after, PAGE).await?;
                pages.after = page.last().map(|dek| dek.subject);
                pages.at_end = page.is_empty();
                pages.rows.extend(page);
            }
            let Some(dek) = pages.rows.pop_front() else { return Ok(found) };
            match dek.subject.cmp(&id) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => found.push(dek),
                std::cmp::Ordering::Greater => {
                    pages.rows.push_front(dek);
                    return Ok(found);
                }
            }
        }
    }

    /// Credentials are what the logs say: none put in, none taken out, no revocation taken back.
    pub(crate) async fn read_credentials(&mut self) -> Result<(), AppError> {
        let keys = self.app.keys(self.actor.shop)?;
        let rows = self.app.store().credentials(self.actor.shop).await?;
        self.read_on().await?;
        for row in rows {
            let place = format!("credentials {}", row.id);
            let is_whole = check_row(&keys, &row).is_ok();
            let state = self.replay.credentials.get_mut(&id_hash(row.id));
            let agrees = state.is_some_and(|state| {
                state.seen = true;
                // A revocation after the rows were read makes the row older than the log.
                state.digest == digest(&row)
            });
            if !is_whole || !agrees {
                let again = self.app.store().credential(self.actor.shop, row.id).await?;
                let known = self.replay.credentials.get(&id_hash(row.id));
                let is_right = again.is_some_and(|again| {
                    check_row(&keys, &again).is_ok()
                        && known.is_some_and(|known| known.digest == digest(&again))
                });
                if !is_right {
                    self.findings.add(FindingKind::CredentialWrong, place);
                }
            }
        }
        let missing = self.replay.credentials.values().filter(|state| !state.seen && !state.revoked).count();
        if missing > 0 {
            self.findings.add(FindingKind::CredentialWrong, format!("credentials, {missing} are gone"));
        }
        Ok(())
    }

    /// Checks of the shop's HTTPS are what was stored.
    pub(crate) async fn read_checks(&mut self) -> Result<(), AppError> {
        let keys = self.app.keys(self.actor.shop)?;
        let mut after = None;
        loop {
            // Their reports are large, so few at a time.
            let page = self.app.store().page_check_runs(self.actor.shop, after, CHECKS_PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for (row, _) in page.iter().filter(|(row, report)| !check_run_agrees(&keys, row, report)) {
                self.findings.add(FindingKind::CheckWrong, format!("check_runs {}", row.id));
            }
        }
    }

    /// The register and the vault's own row are whole, and the register is the newest one.
    pub(crate) async fn read_register(&mut self) -> Result<(), AppError> {
        let keys = self.app.keys(self.actor.shop)?;
        for key in [meta::VAULT, meta::REGISTER] {
            let bytes = self.app.store().meta(key).await?;
            let value = bytes.as_deref().and_then(|bytes| meta::open(&keys, key, bytes).ok());
            let agrees = match (&value, key) {
                (None, _) => false,
                (Some(value), meta::REGISTER) => {
                    self.read_on().await?;
                    let newest = self.replay.register;
                    newest.is_some_and(|(version, hash)| {
                        // A version that was put in force after the logs were read is newer, never older.
                        version == value.version && hash == sha256(value.text.as_bytes())
                    })
                }
                (Some(_), _) => true,
            };
            if !agrees {
                self.findings.add(FindingKind::RegisterWrong, format!("meta {key}"));
            }
        }
        Ok(())
    }
}

/// Data keys in the order of their customers.
#[derive(Default)]
struct DekPages {
    rows: VecDeque<DekRow>,
    after: Option<SubjectId>,
    at_end: bool,
}
