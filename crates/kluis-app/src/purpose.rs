//! The purpose register: showing it, checking another, putting one in force.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kluis_crypto::sha256;
use kluis_model::register::{Register, RegisterProblem};
use kluis_model::{Actor, FieldName, Lang, Operation, PurposeId};
use kluis_store::Unit;
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::record::blobs;
use crate::{App, AppError, FieldProblem, SHOP, meta};

/// Customers looked at in one go when counting what lost its purpose.
const PAGE: u32 = 1_000;

/// What putting a register in force changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PurposeChange {
    /// The version in force now.
    pub version: u64,
    /// Purposes that are new.
    pub added: Vec<PurposeId>,
    /// Purposes that are gone.
    pub removed: Vec<PurposeId>,
    /// Stored fields that no purpose includes any more; they are due for removal.
    pub lost: Vec<LostField>,
}

/// A field that lost its last purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostField {
    /// The field.
    pub field: FieldName,
    /// Customers of whom it is stored.
    pub customers: u64,
}

impl App {
    /// The register in force.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn purposes(&self, actor: &Actor) -> Result<Arc<Register>, AppError> {
        self.allow(actor, &Ask::new(Operation::PurposeRead)).await?;
        Ok(self.register())
    }

    /// Reads a register without using it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn purpose_check(&self, text: &str) -> Result<Register, Vec<RegisterProblem>> {
        Register::parse(text)
    }

    /// Puts a register in force.
    ///
    /// # Errors
    /// `Denied`, or `Invalid` with every problem.
    pub async fn purpose_set(&self, actor: &Actor, text: &str) -> Result<PurposeChange, AppError> {
        let ask = Ask::new(Operation::PurposeChange);
        self.allow(actor, &ask).await?;
        let new = Register::parse(text)
            .map_err(|problems| AppError::Invalid(problems.iter().map(problem).collect()))?;
        let old = self.register();
        let keys = self.keys(actor.shop)?;
        let stored = self.store().meta(meta::REGISTER).await?.ok_or(AppError::NotFound)?;
        let version = meta::open(&keys, meta::REGISTER, &stored)?.version + 1;
        let mut unit = Unit::new();
        self.add_register(&mut unit, actor, version, text)?;
        self.store().commit(unit).await?;
        self.inner.register_version.fetch_max(version, Ordering::SeqCst);
        *self.inner.register.write() =
            Arc::new(Register::parse(text).map_err(|_| AppError::internal("register"))?);
        let ids =
            |register: &Register| register.purposes().map(|purpose| purpose.id.clone()).collect::<Vec<_>>();
        let (before, after) = (ids(&old), ids(&new));
        Ok(PurposeChange {
            version,
            added: after.iter().filter(|id| !before.contains(id)).cloned().collect(),
            removed: before.iter().filter(|id| !after.contains(id)).cloned().collect(),
            lost: self.count_lost(actor, &new).await?,
        })
    }

    /// Adds the register, its place in the history and its leaf to a unit.
    pub(crate) fn add_register(
        &self,
        unit: &mut Unit,
        actor: &Actor,
        version: u64,
        text: &str,
    ) -> Result<(), AppError> {
        let keys = self.keys(actor.shop)?;
        let value = meta::Sealed { version, text: text.to_owned() };
        let earlier = format!("{}.{version}", meta::REGISTER);
        unit.set_meta(meta::REGISTER, &meta::seal(&keys, meta::REGISTER, &value));
        unit.set_meta(&earlier, &meta::seal(&keys, &earlier, &value));
        let done = Done::wrote(version, sha256(text.as_bytes()));
        self.add_ok(unit, actor, &Ask::new(Operation::PurposeChange), &done);
        Ok(())
    }

    /// Reads the register in force from the database; at unsealing and when another node changed it.
    pub(crate) async fn load_register(&self) -> Result<(), AppError> {
        let keys = self.keys(SHOP)?;
        let Some(bytes) = self.store().meta(meta::REGISTER).await? else { return Ok(()) };
        let meta::Sealed { version, text } = meta::open(&keys, meta::REGISTER, &bytes)?;
        // An older register is whole too, but allows what was taken back since.
        if version < self.inner.register_version.fetch_max(version, Ordering::SeqCst) {
            self.inner.metrics.note_integrity(self.now());
            return Err(AppError::integrity("meta register is older than the one in force"));
        }
        if text == self.register().source() {
            return Ok(());
        }
        let register = Register::parse(&text).map_err(|problems| {
            AppError::internal(format!("stored register: {} problems", problems.len()))
        })?;
        *self.inner.register.write() = Arc::new(register);
        Ok(())
    }

    /// Stored fields without a purpose, with the number of customers; looks at names only.
    async fn count_lost(&self, actor: &Actor, register: &Register) -> Result<Vec<LostField>, AppError> {
        let has_purpose = |name: &str| {
            let field = register.field(name);
            field.is_some_and(|field| register.purposes_of(&field.name).next().is_some())
        };
        let mut counts: BTreeMap<FieldName, u64> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store().page_subjects(actor.shop, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.id);
            for (row, _) in &page {
                let mut names: Vec<&str> =
                    blobs::cells(&row.cells).filter_map(Result::ok).map(|cell| cell.field).collect();
                names.sort_unstable();
                names.dedup();
                for name in names.into_iter().filter(|name| !has_purpose(name)) {
                    if let Ok(field) = FieldName::parse(name) {
                        *counts.entry(field).or_insert(0) += 1;
                    }
                }
            }
        }
        Ok(counts.into_iter().map(|(field, customers)| LostField { field, customers }).collect())
    }
}

fn problem(problem: &RegisterProblem) -> FieldProblem {
    FieldProblem::new(problem.path.clone(), problem.text(Lang::Nl), problem.text(Lang::En))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kluis_model::register::DEFAULT_REGISTER;

    use super::*;
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_register_is_put_in_force_here_and_on_other_nodes_and_survives_a_restart() {
        let (mut vault, _) = Vault::with_customers(2).await;
        let second = vault.second("node2").await;
        let marker = "\n# a remark of ours\n";
        let text = format!("{DEFAULT_REGISTER}{marker}");
        let change = vault.app.purpose_set(&local(), &text).await.unwrap();
        assert_eq!((change.version, change.added, change.removed), (2, vec![], vec![]));
        assert_eq!(change.lost, []);
        assert!(vault.app.register().source().ends_with(marker));
        assert!(!second.register().source().ends_with(marker));
        second.load_register().await.unwrap();
        assert!(second.register().source().ends_with(marker));
        second.close().await;
        vault.reopen().await;
        assert!(vault.app.purposes(&local()).await.unwrap().source().ends_with(marker));
        assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_older_register_that_somebody_put_back_is_not_taken() {
        let vault = Vault::new().await;
        let second = vault.second("node2").await;
        let older = vault.app.store().meta(meta::REGISTER).await.unwrap().unwrap();
        let text = format!("{DEFAULT_REGISTER}\n# stricter\n");
        vault.app.purpose_set(&local(), &text).await.unwrap();
        second.load_register().await.unwrap();
        let mut unit = Unit::new();
        unit.set_meta(meta::REGISTER, &older);
        vault.app.store().commit(unit).await.unwrap();
        for node in [&vault.app, &second] {
            assert!(matches!(node.load_register().await, Err(AppError::Integrity { .. })));
            assert_eq!(node.register().source(), text);
        }
        second.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_register_changes_nothing_and_says_why() {
        let vault = Vault::new().await;
        let long = "#".repeat(70_000);
        for text in ["", "x", "version = 1", "version = 2\n", &long, &DEFAULT_REGISTER.replace("P7Y", "P7X")]
        {
            let refused = vault.app.purpose_set(&local(), text).await;
            let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
            assert!(problems.iter().all(|problem| problem.message.nl.len() > 5), "{problems:?}");
            assert!(vault.app.purpose_check(text).is_err());
        }
        assert_eq!(vault.app.register().source(), DEFAULT_REGISTER);
    }
}
