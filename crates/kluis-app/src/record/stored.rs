//! A customer as the database gave it, checked against its row MAC before anything in it is believed.

use std::sync::OnceLock;

use kluis_crypto::{CellHead, CellPlace, DekCells, DekPlace, ShopKeys};
use kluis_model::{ClassSet, FieldName, PiiText, RetentionClass, SubjectFacts, SubjectId};
use kluis_store::{DekRow, SubjectRow};

use crate::AppError;
use crate::record::blobs::{self, CellRef};
use crate::record::prepare::verify_row;

/// The record type of cells in a customer's row, part of every cell's place.
pub(crate) const RECORD_SUBJECT: u8 = 1;
/// The record type of consent proofs.
pub(crate) const RECORD_CONSENT: u8 = 2;
/// `created` in the facts of an erased customer of whom the law keeps a part: long before any
/// retention period, so that no purpose but a legal obligation can be live again.
const ERASED: kluis_model::TimeMs = kluis_model::TimeMs(0);

/// A row whose MAC was right, its facts, and its data keys, which are unwrapped when first needed.
pub(crate) struct Stored {
    /// The row.
    pub(crate) row: SubjectRow,
    /// What its `facts` say.
    pub(crate) facts: SubjectFacts,
    deks: Vec<(DekRow, OnceLock<DekCells>)>,
}

impl Stored {
    /// Checks a row.
    ///
    /// # Errors
    /// `Integrity` when the row was changed outside this program.
    pub(crate) fn check(keys: &ShopKeys, row: SubjectRow, deks: Vec<DekRow>) -> Result<Self, AppError> {
        verify_row(keys, &row)?;
        let facts = SubjectFacts::decode(&row.facts).map_err(|_| broken(row.id, "facts"))?;
        let deks = deks.into_iter().map(|dek| (dek, OnceLock::new())).collect();
        Ok(Self { row, facts, deks })
    }

    /// The customer's id.
    pub(crate) fn id(&self) -> SubjectId {
        self.row.id
    }

    /// Whether the person was erased and only what the law protects is left.
    pub(crate) fn is_erased(&self) -> bool {
        self.facts.created == ERASED
    }

    /// The facts that remain of an erased customer: the events that the law's periods count from.
    pub(crate) fn erased_facts(&self, events: &[kluis_model::StartEvent]) -> SubjectFacts {
        let mut facts = SubjectFacts::new(ERASED);
        for (event, at) in &self.facts.events {
            if events.contains(event) {
                facts.apply_event(*event, *at);
            }
        }
        facts
    }

    /// The sealed cells in the order of the row.
    pub(crate) fn cells(&self) -> Result<Vec<CellRef<'_>>, AppError> {
        blobs::cells(&self.row.cells).collect::<Result<_, _>>().map_err(|_| broken(self.row.id, "cells"))
    }

    /// The retention classes of which the row has cells.
    pub(crate) fn classes(&self) -> Result<ClassSet, AppError> {
        let cells = self.cells()?;
        Ok(cells.iter().filter_map(|cell| RetentionClass::from_u8(cell.class)).collect())
    }

    /// The wrapped data keys.
    pub(crate) fn deks(&self) -> impl Iterator<Item = &DekRow> {
        self.deks.iter().map(|(row, _)| row)
    }

    /// The value in a cell of this row.
    pub(crate) fn open(
        &self,
        keys: &ShopKeys,
        cell: &CellRef<'_>,
        field: &FieldName,
    ) -> Result<PiiText, AppError> {
        let class = RetentionClass::from_u8(cell.class).ok_or_else(|| broken(self.row.id, "cells"))?;
        let place = CellPlace {
            shop: self.row.shop,
            record_type: RECORD_SUBJECT,
            subject: self.row.id,
            class,
            field,
            version: cell.version,
        };
        self.open_at(keys, &place, cell.sealed)
    }

    /// The value of bytes sealed under one of this customer's data keys for a place.
    pub(crate) fn open_at(
        &self,
        keys: &ShopKeys,
        place: &CellPlace<'_>,
        sealed: &[u8],
    ) -> Result<PiiText, AppError> {
        let head = CellHead::read(sealed).map_err(|_| broken(self.row.id, "cells"))?;
        let cells = self.key(keys, place.class, head.dek_gen)?;
        let bytes = cells.open(place, sealed).map_err(|_| broken(self.row.id, "cells"))?;
        let text = String::from_utf8(bytes.into_exposed());
        text.map(PiiText::new).map_err(|_| broken(self.row.id, "cells"))
    }

    /// The data key of a class by generation.
    pub(crate) fn key(
        &self,
        keys: &ShopKeys,
        class: RetentionClass,
        dek_gen: u16,
    ) -> Result<&DekCells, AppError> {
        let found = self.deks.iter().find(|(row, _)| row.class == class && row.dek_gen == dek_gen);
        let (row, cells) = found.ok_or_else(|| broken(self.row.id, "dek"))?;
        if let Some(cells) = cells.get() {
            return Ok(cells);
        }
        let place = DekPlace { shop: row.shop, subject: row.subject, class, dek_gen };
        let dek = keys.unwrap_dek(&place, row.epoch, &row.wrapped).map_err(|_| broken(self.row.id, "dek"))?;
        Ok(cells.get_or_init(|| dek.cells()))
    }

    /// The field's first copy in the row, whatever its class.
    pub(crate) fn open_any(&self, keys: &ShopKeys, field: &FieldName) -> Result<Option<PiiText>, AppError> {
        let cell = self.cells()?.into_iter().find(|cell| cell.field == field.as_str());
        cell.map(|cell| self.open(keys, &cell, field)).transpose()
    }
}

/// The row of a customer does not agree with its seal; names the customer's random id and the column.
pub(crate) fn broken(subject: SubjectId, column: &str) -> AppError {
    AppError::integrity(format!("subjects {subject} {column}"))
}
