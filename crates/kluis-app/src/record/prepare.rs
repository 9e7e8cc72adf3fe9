//! From minimised values to what the store takes: data keys, sealed cells, index terms, row MAC and digest.

use kluis_crypto::{BufferedRandom, CellHead, CellPlace, DekCells, DekPlace, ShopKeys, Suite, sha256_parts};
use kluis_model::minimise::KeptField;
use kluis_model::register::Register;
use kluis_model::{ClassSet, FieldName, Random, RetentionClass, ShopId, SubjectFacts, SubjectId, TimeMs};
use kluis_store::{ConsentRow, DekRow, SubjectRow, Unit};

use crate::AppError;
use crate::consent::{NumberedConsent, consent_row};
use crate::record::blobs::{CellRef, CellsBlob};
use crate::record::stored::{RECORD_SUBJECT, broken};
use crate::record::terms::{self, FieldTerm};

/// The name under which rows of customers are MACed.
const TABLE: &str = "subjects";

/// What sealing needs.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    /// The keys of the shop.
    pub(crate) keys: &'a ShopKeys,
    /// The purpose register in force.
    pub(crate) register: &'a Register,
    /// The randomness.
    pub(crate) random: &'a dyn Random,
    /// The present moment.
    pub(crate) now: TimeMs,
}

/// A new customer, sealed.
pub(crate) struct Prepared {
    /// The row.
    pub(crate) row: SubjectRow,
    /// One wrapped data key per live class.
    pub(crate) deks: Vec<DekRow>,
    /// The index entries.
    pub(crate) terms: Vec<FieldTerm>,
    /// The consent events, with their proofs sealed.
    pub(crate) consents: Vec<ConsentRow>,
    /// The digest of the row for its leaf.
    pub(crate) digest: [u8; 32],
}

impl Prepared {
    /// Puts everything into a unit.
    pub(crate) fn add_to(&self, unit: &mut Unit) {
        self.add_rows_to(unit);
        for entry in &self.terms {
            terms::put(unit, self.row.shop, self.row.id, entry);
        }
    }

    /// Puts everything but the index entries into a unit.
    pub(crate) fn add_rows_to(&self, unit: &mut Unit) {
        for dek in &self.deks {
            unit.insert_dek(dek);
        }
        unit.insert_subject(&self.row);
        for consent in &self.consents {
            unit.insert_consent(consent);
        }
    }
}

/// Seals a new customer: a data key per live class, a cell per field and class, the index terms.
pub(crate) fn prepare_create(
    tools: &Tools<'_>,
    id: SubjectId,
    facts: &SubjectFacts,
    kept: &[KeptField],
    consents: &[NumberedConsent],
) -> Result<Prepared, AppError> {
    let nonces = BufferedRandom::new(tools.random);
    let mut sealer = Sealer::new(tools, &nonces, id);
    let mut entries = Vec::with_capacity(8);
    for field in kept {
        for class in field.classes.iter() {
            let key = sealer.new_key(class, 1);
            sealer.seal(key, &field.name, 1, field.value.expose())?;
        }
        if let Some(match_key) = &field.match_key {
            terms::add_field(tools.keys, field.kind, &field.name, match_key.expose(), &mut entries)?;
        }
    }
    let consents = consents.iter().map(|consent| consent_row(&sealer, consent)).collect::<Result<_, _>>()?;
    let (cells, deks) = sealer.finish();
    let mut row = SubjectRow {
        shop: tools.keys.shop(),
        id,
        version: 1,
        created: tools.now,
        updated: tools.now,
        facts: facts.encode(),
        cells,
        terms: terms::write(&entries),
        row_mac: [0; 32],
    };
    row.row_mac = row_mac(tools.keys, &row);
    let digest = row_digest(&row);
    Ok(Prepared { row, deks, terms: entries, consents, digest })
}

/// A data key at hand while a row is sealed.
struct SealKey<'a> {
    class: RetentionClass,
    dek_gen: u16,
    cells: SealCells<'a>,
}

impl SealKey<'_> {
    fn cells(&self) -> &DekCells {
        match &self.cells {
            SealCells::New(cells) => cells,
            SealCells::Stored(cells) => cells,
        }
    }
}

enum SealCells<'a> {
    New(DekCells),
    Stored(&'a DekCells),
}

/// Builds the `cells` column.
pub(crate) struct Sealer<'a> {
    tools: &'a Tools<'a>,
    nonces: &'a dyn Random,
    suite: Suite,
    shop: ShopId,
    subject: SubjectId,
    keys: Vec<SealKey<'a>>,
    deks: Vec<DekRow>,
    blob: CellsBlob,
    scratch: Vec<u8>,
}

impl<'a> Sealer<'a> {
    /// An empty row of a customer.
    pub(crate) fn new(tools: &'a Tools<'a>, nonces: &'a dyn Random, subject: SubjectId) -> Self {
        Self {
            tools,
            nonces,
            suite: tools.keys.suite(),
            shop: tools.keys.shop(),
            subject,
            keys: Vec::with_capacity(3),
            deks: Vec::with_capacity(3),
            blob: CellsBlob::new(),
            scratch: Vec::with_capacity(256),
        }
    }

    /// The key of a class, made when there is none yet; the number is for [`Sealer::seal`].
    pub(crate) fn new_key(&mut self, class: RetentionClass, dek_gen: u16) -> usize {
        if let Some(place) = self.keys.iter().position(|key| key.class == class) {
            return place;
        }
        let dek = self.tools.keys.new_dek(self.tools.random);
        let place = DekPlace { shop: self.shop, subject: self.subject, class, dek_gen };
        let (epoch, wrapped) = self.tools.keys.wrap_dek(&dek, &place, self.nonces);
        self.deks.push(DekRow { shop: self.shop, subject: self.subject, class, dek_gen, epoch, wrapped });
        self.keys.push(SealKey { class, dek_gen, cells: SealCells::New(dek.cells()) });
        self.keys.len() - 1
    }

    /// Makes a key that is stored already usable for [`Sealer::seal`].
    pub(crate) fn use_key(&mut self, class: RetentionClass, dek_gen: u16, cells: &'a DekCells) {
        self.keys.push(SealKey { class, dek_gen, cells: SealCells::Stored(cells) });
    }

    /// Appends a value sealed under a key.
    pub(crate) fn seal(
        &mut self,
        key: usize,
        field: &FieldName,
        version: u64,
        value: &str,
    ) -> Result<(), AppError> {
        let key = &self.keys[key];
        let head = CellHead { suite: self.suite, dek_gen: key.dek_gen };
        let place = CellPlace {
            shop: self.shop,
            record_type: RECORD_SUBJECT,
            subject: self.subject,
            class: key.class,
            field,
            version,
        };
        self.scratch.clear();
        key.cells()
            .seal_into(head, &place, value.as_bytes(), self.nonces, &mut self.scratch)
            .map_err(AppError::internal)?;
        let class = key.class.as_u8();
        let cell = CellRef { class, field: field.as_str(), version, sealed: &self.scratch };
        self.blob.push(cell).map_err(AppError::internal)
    }

    /// Whose row it is.
    pub(crate) fn subject(&self) -> SubjectId {
        self.subject
    }

    /// What sealing needs.
    pub(crate) fn tools(&self) -> &Tools<'a> {
        self.tools
    }

    /// Takes the key of a class out of use: it has no live purpose any more.
    pub(crate) fn drop_keys_outside(&mut self, live: ClassSet) {
        self.keys.retain(|key| live.contains(key.class));
    }

    /// Seals a text that belongs to the customer but is no field, under the first class at hand;
    /// `None` when the customer has no data key at all.
    pub(crate) fn seal_apart(
        &self,
        (record_type, name, version): (u8, &FieldName, u64),
        value: &str,
    ) -> Result<Option<(RetentionClass, Vec<u8>)>, AppError> {
        let Some(key) = self.keys.iter().min_by_key(|key| key.class) else { return Ok(None) };
        let (shop, subject, class) = (self.shop, self.subject, key.class);
        let place = CellPlace { shop, record_type, subject, class, field: name, version };
        let head = CellHead { suite: self.suite, dek_gen: key.dek_gen };
        let mut sealed = Vec::new();
        key.cells()
            .seal_into(head, &place, value.as_bytes(), self.nonces, &mut sealed)
            .map_err(AppError::internal)?;
        Ok(Some((class, sealed)))
    }

    /// Appends a cell as it stands.
    pub(crate) fn keep(&mut self, cell: CellRef<'_>) -> Result<(), AppError> {
        self.blob.push(cell).map_err(AppError::internal)
    }

    /// The `cells` column and the new data keys.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<DekRow>) {
        (self.blob.into_bytes(), self.deks)
    }
}

/// Checks the MAC over all columns of a row.
///
/// # Errors
/// `Integrity` when the row was changed outside this program.
pub(crate) fn verify_row(keys: &ShopKeys, row: &SubjectRow) -> Result<(), AppError> {
    let right = with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac));
    if right && row.shop == keys.shop() { Ok(()) } else { Err(broken(row.id, "row_mac")) }
}

/// The MAC over all columns of a row.
pub(crate) fn row_mac(keys: &ShopKeys, row: &SubjectRow) -> [u8; 32] {
    with_parts(row, |parts| keys.row_mac(TABLE, parts))
}

/// The digest of a row that its audit leaf records; the MAC stands for all other columns.
pub(crate) fn row_digest(row: &SubjectRow) -> [u8; 32] {
    sha256_parts(&[b"subjects", row.id.as_bytes(), &row.version.to_be_bytes(), &row.row_mac])
}

fn with_parts<T>(row: &SubjectRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    let (shop, version) = (row.shop.0.to_be_bytes(), row.version.to_be_bytes());
    let (created, updated) = (row.created.0.to_be_bytes(), row.updated.0.to_be_bytes());
    take(&[&shop, row.id.as_bytes(), &version, &created, &updated, &row.facts, &row.cells, &row.terms])
}
