//! A change of a stored customer: new values, removed fields, and which retention classes still hold a copy.

use kluis_crypto::{BufferedRandom, CellHead};
use kluis_model::minimise::KeptField;
use kluis_model::normalise::match_key;
use kluis_model::{ClassSet, Country2, FieldName, RetentionClass, SubjectFacts};
use kluis_store::{ConsentRow, DekRow, SubjectRow, Unit};

use crate::AppError;
use crate::consent::{NumberedConsent, consent_row};
use crate::record::blobs::CellRef;
use crate::record::prepare::{Sealer, Tools, row_digest, row_mac};
use crate::record::stored::{Stored, broken};
use crate::record::terms::{self, FieldTerm, IndexTerm};

/// What is to be changed besides the facts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Edit<'a> {
    /// Values that are new or take the place of another.
    pub(crate) set: &'a [KeptField],
    /// Fields that go.
    pub(crate) remove: &'a [FieldName],
    /// Consent events, already part of the facts.
    pub(crate) consents: &'a [NumberedConsent],
}

/// A changed customer, ready for one unit.
pub(crate) struct Change {
    /// The new row.
    pub(crate) row: SubjectRow,
    /// The fields it holds.
    pub(crate) fields: Vec<FieldName>,
    /// The digest of the new row for its leaf.
    pub(crate) digest: [u8; 32],
    /// Keys of classes that became live.
    deks: Vec<DekRow>,
    /// Classes that have no live purpose any more.
    pub(crate) destroyed: ClassSet,
    consents: Vec<ConsentRow>,
    put: Vec<FieldTerm>,
    delete: Vec<IndexTerm>,
    expected_version: u64,
}

impl Change {
    /// Puts the change into a unit, which fails when somebody else changed the row in between.
    pub(crate) fn add_to(&self, unit: &mut Unit) {
        let (shop, id) = (self.row.shop, self.row.id);
        for dek in &self.deks {
            unit.insert_dek(dek);
        }
        unit.update_subject(&self.row, self.expected_version);
        for term in &self.delete {
            terms::delete(unit, shop, id, term);
        }
        for entry in &self.put {
            terms::put(unit, shop, id, entry);
        }
        for consent in &self.consents {
            unit.insert_consent(consent);
        }
        for class in self.destroyed.iter() {
            unit.destroy_dek(shop, id, class);
        }
    }
}

/// One field of the new row: a new value, or a stored one with the classes it is stored under.
struct Line<'a> {
    name: FieldName,
    classes: ClassSet,
    new: Option<&'a KeptField>,
    stored: Vec<CellRef<'a>>,
}

/// Prepares the row with new facts and values: copies appear for classes that became live, and
/// vanish with their key for classes without a live purpose.
pub(crate) fn prepare_change(
    tools: &Tools<'_>,
    stored: &Stored,
    facts: &SubjectFacts,
    edit: &Edit<'_>,
) -> Result<Change, AppError> {
    let version = stored.row.version + 1;
    let cells = stored.cells()?;
    let lines = lines_of(tools, &cells, facts, edit)?;
    let nonces = BufferedRandom::new(tools.random);
    let mut sealer = Sealer::new(tools, &nonces, stored.id());
    use_stored_keys(tools, stored, &cells, &mut sealer)?;
    // A class that comes back gets another generation than the key that was destroyed.
    let dek_gen = u16::try_from(version % u64::from(u16::MAX)).unwrap_or(1).max(1);
    for line in &lines {
        seal_line(tools, stored, line, (version, dek_gen), &mut sealer)?;
    }
    let live: ClassSet = lines.iter().fold(ClassSet::EMPTY, |all, line| all.union(line.classes));
    sealer.drop_keys_outside(live);
    let consents =
        edit.consents.iter().map(|consent| consent_row(&sealer, consent)).collect::<Result<_, _>>()?;
    let (bytes, deks) = sealer.finish();
    let known: ClassSet = stored.deks().map(|dek| dek.class).collect();
    let destroyed = known.iter().filter(|class| !live.contains(*class)).collect();
    let old = terms::read(&stored.row.terms).map_err(|_| broken(stored.id(), "terms"))?;
    let entries = terms_of(tools, stored, &lines)?;
    let mut row = SubjectRow {
        version,
        updated: tools.now.max(stored.row.updated),
        facts: facts.encode(),
        cells: bytes,
        terms: terms::write(&entries),
        ..stored.row.clone()
    };
    row.row_mac = row_mac(tools.keys, &row);
    Ok(Change {
        digest: row_digest(&row),
        row,
        fields: lines.iter().map(|line| line.name.clone()).collect(),
        deks,
        destroyed,
        consents,
        delete: old
            .iter()
            .filter(|term| !entries.iter().any(|entry| entry.term == **term))
            .copied()
            .collect(),
        put: entries.into_iter().filter(|entry| !old.contains(&entry.term)).collect(),
        expected_version: stored.row.version,
    })
}

/// The fields that stay or come, each with its live classes; a field without any is left out.
fn lines_of<'a>(
    tools: &Tools<'_>,
    cells: &[CellRef<'a>],
    facts: &SubjectFacts,
    edit: &Edit<'a>,
) -> Result<Vec<Line<'a>>, AppError> {
    let mut lines: Vec<Line<'a>> = Vec::with_capacity(cells.len() + edit.set.len());
    for cell in cells {
        if let Some(line) = lines.iter_mut().find(|line| line.name.as_str() == cell.field) {
            line.stored.push(*cell);
            continue;
        }
        let name = field_name(tools, cell.field)?;
        let goes = edit.remove.contains(&name) || edit.set.iter().any(|field| field.name == name);
        if !goes {
            let classes = tools.register.live_classes_for(&name, facts, tools.now);
            lines.push(Line { name, classes, new: None, stored: vec![*cell] });
        }
    }
    for field in edit.set {
        let classes = tools.register.live_classes_for(&field.name, facts, tools.now);
        lines.push(Line { name: field.name.clone(), classes, new: Some(field), stored: Vec::new() });
    }
    lines.retain(|line| !line.classes.is_empty());
    Ok(lines)
}

/// The name as the register has it, which costs no allocation.
fn field_name(tools: &Tools<'_>, text: &str) -> Result<FieldName, AppError> {
    match tools.register.field(text) {
        Some(def) => Ok(def.name.clone()),
        None => FieldName::parse(text).map_err(AppError::internal),
    }
}

/// Makes the keys of the stored cells usable, one per class.
fn use_stored_keys<'a>(
    tools: &Tools<'_>,
    stored: &'a Stored,
    cells: &[CellRef<'_>],
    sealer: &mut Sealer<'a>,
) -> Result<(), AppError> {
    let mut seen = ClassSet::EMPTY;
    for cell in cells {
        let class = RetentionClass::from_u8(cell.class).ok_or_else(|| broken(stored.id(), "cells"))?;
        if !seen.contains(class) {
            let head = CellHead::read(cell.sealed).map_err(|_| broken(stored.id(), "cells"))?;
            sealer.use_key(class, head.dek_gen, stored.key(tools.keys, class, head.dek_gen)?);
            seen = seen.with(class);
        }
    }
    Ok(())
}

fn seal_line(
    tools: &Tools<'_>,
    stored: &Stored,
    line: &Line<'_>,
    (version, dek_gen): (u64, u16),
    sealer: &mut Sealer<'_>,
) -> Result<(), AppError> {
    for class in line.classes.iter() {
        if let Some(field) = line.new {
            let key = sealer.new_key(class, dek_gen);
            sealer.seal(key, &line.name, version, field.value.expose())?;
        } else if let Some(cell) = line.stored.iter().find(|cell| cell.class == class.as_u8()) {
            sealer.keep(*cell)?;
        } else if let Some(source) = line.stored.first() {
            let value = stored.open(tools.keys, source, &line.name)?;
            let key = sealer.new_key(class, dek_gen);
            sealer.seal(key, &line.name, source.version, value.expose())?;
        }
    }
    Ok(())
}

/// The index entries of the new row, also of fields that stay: an index version that was added
/// since is filled in on the way.
fn terms_of(tools: &Tools<'_>, stored: &Stored, lines: &[Line<'_>]) -> Result<Vec<FieldTerm>, AppError> {
    let country = country_of(tools, stored)?;
    let mut entries = Vec::with_capacity(8);
    for line in lines {
        let Some(def) = tools.register.field(line.name.as_str()) else { continue };
        if def.kind.index_use() == kluis_model::IndexUse::None {
            continue;
        }
        if let Some(field) = line.new {
            if let Some(key) = &field.match_key {
                terms::add_field(tools.keys, def.kind, &line.name, key.expose(), &mut entries)?;
            }
        } else if let Some(cell) = line.stored.first() {
            let value = stored.open(tools.keys, cell, &line.name)?;
            // A value that no longer follows the rules of its kind is kept, but not found by it.
            if let Ok(key) = match_key(def.kind, value.expose(), country) {
                terms::add_field(tools.keys, def.kind, &line.name, key.expose(), &mut entries)?;
            }
        }
    }
    Ok(entries)
}

/// The country by which this customer's telephone number and postcode are read.
pub(crate) fn country_of(tools: &Tools<'_>, stored: &Stored) -> Result<Country2, AppError> {
    let Ok(field) = FieldName::parse("country") else { return Ok(tools.register.default_country()) };
    let value = stored.open_any(tools.keys, &field)?;
    let known = value.and_then(|value| kluis_model::normalise::country_of(value.expose()));
    Ok(known.unwrap_or_else(|| tools.register.default_country()))
}
