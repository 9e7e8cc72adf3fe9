//! The only way back to plaintext: an actor, a purpose, a customer; everything that is not allowed stays sealed.

use kluis_crypto::ShopKeys;
use kluis_model::minimise::{ReadRefusal, may_read};
use kluis_model::register::Register;
use kluis_model::{Actor, FieldName, LegalBasis, PiiText, PurposeId, SubjectId, TimeMs};
use kluis_store::{Unit, UsageKey};

use crate::guard::{Ask, Done};
use crate::record::blobs::CellRef;
use crate::record::stored::Stored;
use crate::{App, AppError, Denial};

/// One customer as an actor may see them for a purpose; masks are applied.
#[derive(Debug, Clone)]
pub struct Revealed {
    /// The customer.
    pub id: SubjectId,
    /// The version of the row, for a conditional change.
    pub version: u64,
    /// When the customer was put in.
    pub created: TimeMs,
    /// When the row last changed.
    pub updated: TimeMs,
    /// The values that there are, in the order asked or of the purpose.
    pub fields: Vec<(FieldName, PiiText)>,
    /// Fields of the purpose that the actor's grant leaves out.
    pub withheld: Vec<(FieldName, Denial)>,
}

impl Revealed {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&PiiText> {
        self.fields.iter().find(|(field, _)| field.as_str() == name).map(|(_, value)| value)
    }
}

/// Why a customer is not shown.
pub(crate) enum Refused {
    /// The actor may not see them for this purpose.
    Denied(Denial),
    /// What is stored does not agree with its seal.
    Broken(AppError),
}

impl From<AppError> for Refused {
    fn from(error: AppError) -> Self {
        Self::Broken(error)
    }
}

/// Shows customers to one actor for one purpose.
#[derive(Clone, Copy)]
pub(crate) struct Gate<'a> {
    /// Who asks; the grant was checked for operation, purpose and fields.
    pub(crate) actor: &'a Actor,
    /// The purpose register in force.
    pub(crate) register: &'a Register,
    /// What for.
    pub(crate) purpose: &'a PurposeId,
    /// The fields asked for; none means all that purpose and grant allow.
    pub(crate) fields: Option<&'a [FieldName]>,
    /// The present moment.
    pub(crate) now: TimeMs,
}

impl Gate<'_> {
    /// Refuses what is wrong whoever the customer is.
    pub(crate) fn check(&self) -> Result<(), Denial> {
        let purpose = self.register.purpose(self.purpose).ok_or(Denial::UnknownPurpose)?;
        let asked = self.fields.unwrap_or_default();
        if asked.iter().all(|field| purpose.includes(field)) {
            Ok(())
        } else {
            Err(Denial::FieldNotInPurpose)
        }
    }

    /// Whether the purpose is live for a customer, without opening anything.
    pub(crate) fn is_open_for(&self, stored: &Stored) -> bool {
        let Some(purpose) = self.register.purpose(self.purpose) else { return false };
        let erased = stored.is_erased() && purpose.basis != LegalBasis::LegalObligation;
        !erased && purpose.live(&stored.facts, self.now).is_live()
    }

    /// Opens the fields of one customer that may be seen.
    pub(crate) fn reveal(&self, keys: &ShopKeys, stored: &Stored) -> Result<Revealed, Refused> {
        let purpose = self.register.purpose(self.purpose).ok_or(Refused::Denied(Denial::UnknownPurpose))?;
        if stored.is_erased() && purpose.basis != LegalBasis::LegalObligation {
            return Err(Refused::Denied(Denial::PurposeNotLive));
        }
        let row = &stored.row;
        let (id, version, created, updated) = (row.id, row.version, row.created, row.updated);
        let mut shown = Revealed { id, version, created, updated, fields: Vec::new(), withheld: Vec::new() };
        let cells = stored.cells()?;
        match self.fields {
            Some(asked) => {
                shown.fields.reserve(asked.len());
                for field in asked {
                    self.open_field(keys, stored, &cells, field, &mut shown)?;
                }
            }
            None => {
                shown.fields.reserve(purpose.fields.len());
                for used in &purpose.fields {
                    if self.actor.grant.allows_field(&used.field) {
                        self.open_field(keys, stored, &cells, &used.field, &mut shown)?;
                    } else {
                        shown.withheld.push((used.field.clone(), Denial::FieldNotGranted));
                    }
                }
            }
        }
        Ok(shown)
    }

    fn open_field(
        &self,
        keys: &ShopKeys,
        stored: &Stored,
        cells: &[CellRef<'_>],
        field: &FieldName,
        shown: &mut Revealed,
    ) -> Result<(), Refused> {
        let class = may_read(self.register, self.purpose, field, &stored.facts, self.now)
            .map_err(|refusal| Refused::Denied(denial(refusal)))?;
        let mut copies = cells.iter().filter(|cell| cell.field == field.as_str());
        let own = copies.clone().find(|cell| cell.class == class.as_u8());
        // A register that was changed since may name a class of which no copy was made yet.
        let Some(cell) = own.or_else(|| copies.next()) else { return Ok(()) };
        let value = stored.open(keys, cell, field)?;
        let value = match self.actor.grant.mask(field) {
            Some(mask) => PiiText::new(mask.apply(value.expose())),
            None => value,
        };
        shown.fields.push((field.clone(), value));
        Ok(())
    }
}

/// The refusal of the model in the words of the audit log.
pub(crate) fn denial(refusal: ReadRefusal) -> Denial {
    match refusal {
        ReadRefusal::UnknownPurpose => Denial::UnknownPurpose,
        ReadRefusal::FieldNotInPurpose => Denial::FieldNotInPurpose,
        ReadRefusal::NotLive => Denial::PurposeNotLive,
        ReadRefusal::NoConsent => Denial::NoConsent,
    }
}

impl App {
    /// Adds the leaf of a refusal to a unit that shows other customers.
    pub(crate) fn add_denied(&self, unit: &mut Unit, actor: &Actor, ask: &Ask<'_>, reason: Denial) {
        let done = Done { reason: Some(reason.id()), ..Done::default() };
        self.add_leaf(unit, actor, ask, kluis_model::Outcome::Denied, &done);
    }

    /// Adds the leaf and the usage counts of one customer that is about to be shown.
    pub(crate) fn add_shown(&self, unit: &mut Unit, actor: &Actor, ask: &Ask<'_>, shown: &Revealed) {
        let fields: Vec<FieldName> = shown.fields.iter().map(|(field, _)| field.clone()).collect();
        let ask = ask.clone().about(shown.id).fields(&fields);
        self.add_ok(unit, actor, &ask, &Done::one());
        let Some(purpose) = ask.purpose else { return };
        let day = self.now().day();
        for field in &fields {
            let (field, purpose, name) = (field.clone(), purpose.clone(), actor.id.clone());
            unit.count_usage(UsageKey { shop: actor.shop, field, purpose, actor: name, day }, 1);
        }
    }
}
