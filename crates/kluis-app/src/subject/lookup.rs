//! Finding customers by a value that is indexed: e-mail address, customer number, telephone, postcode, birth date, surname.

use kluis_model::audit::Operation;
use kluis_model::normalise::match_key;
use kluis_model::{Actor, FieldDef, FieldName, IndexUse, Lang, PiiText, PurposeId, SubjectId};

use super::Loaded;
use crate::guard::Ask;
use crate::record::blobs::TermValue;
use crate::record::change::country_of;
use crate::record::terms::{IndexTerm, term_of};
use crate::record::{Gate, Revealed, Tools};
use crate::{App, AppError, Denial, FieldProblem};

/// Customers that share one term and are opened to compare, at most.
const CANDIDATES_MAX: u32 = 2_000;
/// Customers in one answer at most.
const MATCHES_MAX: usize = 100;

impl App {
    /// The customers whose field has this value, as far as the actor may see them for the purpose;
    /// an unknown value gives an empty list. The value itself is not on the record.
    ///
    /// # Errors
    /// Denied, `Exhausted`, or `Invalid` when the field is not indexed or the value is malformed.
    pub async fn lookup(
        &self,
        actor: &Actor,
        field: &str,
        value: PiiText,
        purpose: &PurposeId,
        fields: Option<&[FieldName]>,
    ) -> Result<Vec<Revealed>, AppError> {
        let register = self.register();
        let Some(def) = register.field(field).filter(|def| def.kind.index_use() != IndexUse::None) else {
            return Err(AppError::invalid(
                "field",
                "Op dit veld kan niet worden gezocht.",
                "Customers cannot be looked up by this field.",
            ));
        };
        let mut asked: Vec<FieldName> = fields.unwrap_or_default().to_vec();
        if !asked.contains(&def.name) {
            asked.push(def.name.clone());
        }
        let ask = Ask::new(Operation::Lookup).purpose(purpose).fields(&asked);
        self.allow(actor, &ask).await?;
        let gate = Gate { actor, register: &register, purpose, fields, now: self.now() };
        let refused = gate.check().and_then(|()| {
            // Who may not see the field for this purpose may not find out by guessing either.
            let includes = register.purpose(purpose).is_some_and(|purpose| purpose.includes(&def.name));
            // Nor may who sees a part of a value try the few values that it can have, one by one.
            let is_few = def.kind.index_use() == IndexUse::Bucket;
            if !includes {
                Err(Denial::FieldNotInPurpose)
            } else if is_few && actor.grant.mask(&def.name).is_some() {
                Err(Denial::FieldNotGranted)
            } else {
                Ok(())
            }
        });
        if let Err(reason) = refused {
            return Err(self.deny(actor, &ask, reason).await);
        }
        let key = match_key(def.kind, value.expose(), register.default_country()).map_err(|problem| {
            AppError::Invalid(vec![FieldProblem::new(
                "value",
                problem.text(Lang::Nl),
                problem.text(Lang::En),
            )])
        })?;
        let found = match self.find_by_term(actor, def, &key).await {
            Ok(found) => found,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        self.show_all(&gate, &ask, found).await
    }

    /// The checked customers whose field really has the value, whatever the index tables say.
    async fn find_by_term(
        &self,
        actor: &Actor,
        def: &FieldDef,
        key: &PiiText,
    ) -> Result<Vec<Loaded>, AppError> {
        let keys = self.keys(actor.shop)?;
        let mut terms = Vec::with_capacity(2);
        for version in keys.index_versions() {
            terms.extend(term_of(&keys, def.kind, *version, key.expose())?);
        }
        let ids = self.candidates(actor, &terms).await?;
        let rows = self.store().find_subjects_keys(actor.shop, &ids).await?;
        let register = self.register();
        let mut found = Vec::new();
        for (row, deks) in rows {
            let loaded = self.checked(row, deks)?;
            let tools =
                Tools { keys: &loaded.keys, register: &register, random: self.random(), now: self.now() };
            if has_value(&tools, &loaded, def, key)? {
                found.push(loaded);
            }
            if found.len() >= MATCHES_MAX {
                break;
            }
        }
        Ok(found)
    }

    async fn candidates(&self, actor: &Actor, terms: &[IndexTerm]) -> Result<Vec<SubjectId>, AppError> {
        let mut ids = Vec::new();
        let mut unique = Vec::with_capacity(terms.len());
        for term in terms {
            match term.value {
                TermValue::Unique(hash) => unique.push((term.kind, term.version, hash)),
                TermValue::Bucket(bucket) => {
                    let (kind, version) = (term.kind, term.version);
                    ids.extend(
                        self.store().find_bucket(actor.shop, kind, version, bucket, CANDIDATES_MAX).await?,
                    );
                }
            }
        }
        if !unique.is_empty() {
            ids.extend(self.store().find_unique_many(actor.shop, &unique).await?.into_iter().flatten());
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

fn has_value(tools: &Tools<'_>, loaded: &Loaded, def: &FieldDef, key: &PiiText) -> Result<bool, AppError> {
    let Some(value) = loaded.stored.open_any(&loaded.keys, &def.name)? else { return Ok(false) };
    let country = country_of(tools, &loaded.stored)?;
    Ok(match_key(def.kind, value.expose(), country).is_ok_and(|known| known == *key))
}
