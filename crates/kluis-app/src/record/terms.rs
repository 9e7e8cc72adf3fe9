//! Blind index terms of a customer: which the row must have, and how the index tables follow it.

use kluis_crypto::ShopKeys;
use kluis_model::{FieldKind, FieldName, IndexUse, ShopId, SubjectId};
use kluis_store::Unit;

use crate::AppError;
use crate::record::blobs::{self, Malformed, Term, TermValue};

/// One blind index entry.
pub(crate) type IndexTerm = Term<FieldKind>;

/// One index entry with the field it stands for, so that a clash can name the field.
#[derive(Debug, Clone)]
pub(crate) struct FieldTerm {
    /// The entry.
    pub(crate) term: IndexTerm,
    /// The field.
    pub(crate) field: FieldName,
}

/// How many bits of the hash a kind's term keeps: enough to find somebody among a million in a
/// few dozen candidates, few enough that equal terms do not prove equal values.
pub(crate) const fn bucket_bits(kind: FieldKind) -> u8 {
    match kind {
        FieldKind::Postcode => 16,
        FieldKind::BirthDate | FieldKind::Surname => 14,
        _ => 12,
    }
}

/// The term of a value under one version of the index key.
pub(crate) fn term_of(
    keys: &ShopKeys,
    kind: FieldKind,
    version: u8,
    match_key: &str,
) -> Result<Option<IndexTerm>, AppError> {
    let value = match kind.index_use() {
        IndexUse::None => return Ok(None),
        IndexUse::Unique => {
            TermValue::Unique(keys.unique_term(kind, version, match_key).map_err(AppError::internal)?)
        }
        IndexUse::Exact => {
            let whole = keys.unique_term(kind, version, match_key).map_err(AppError::internal)?;
            TermValue::Bucket(u64::from_be_bytes(*whole.first_chunk().unwrap_or(&[0; 8])))
        }
        IndexUse::Bucket => {
            let bucket = keys.bucket_term(kind, version, match_key, bucket_bits(kind));
            TermValue::Bucket(bucket.map_err(AppError::internal)?)
        }
    };
    Ok(Some(Term { kind, version, value }))
}

/// Adds the terms of one field for every live version of the index key, each once.
pub(crate) fn add_field(
    keys: &ShopKeys,
    kind: FieldKind,
    field: &FieldName,
    match_key: &str,
    terms: &mut Vec<FieldTerm>,
) -> Result<(), AppError> {
    for version in keys.index_versions() {
        if let Some(term) = term_of(keys, kind, *version, match_key)?
            && !terms.iter().any(|known| known.term == term)
        {
            terms.push(FieldTerm { term, field: field.clone() });
        }
    }
    Ok(())
}

/// The `terms` column for these entries.
pub(crate) fn write(terms: &[FieldTerm]) -> Vec<u8> {
    let plain: Vec<IndexTerm> = terms.iter().map(|entry| entry.term).collect();
    blobs::write_terms(&plain, FieldKind::code)
}

/// The entries of a `terms` column.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<IndexTerm>, Malformed> {
    blobs::read_terms(bytes, FieldKind::from_code)
}

/// Lets a unit put an entry into the index tables; a clash is a conflict that names the field.
pub(crate) fn put(unit: &mut Unit, shop: ShopId, subject: SubjectId, entry: &FieldTerm) {
    let Term { kind, version, value } = entry.term;
    match value {
        TermValue::Unique(hash) => unit.put_unique_term(shop, kind, version, hash, subject, &entry.field),
        TermValue::Bucket(bucket) => unit.put_bucket_term(shop, kind, version, bucket, subject),
    };
}

/// Lets a unit take an entry out of the index tables.
pub(crate) fn delete(unit: &mut Unit, shop: ShopId, subject: SubjectId, term: &IndexTerm) {
    match term.value {
        TermValue::Unique(hash) => unit.delete_unique_term(shop, term.kind, term.version, hash, subject),
        TermValue::Bucket(bucket) => unit.delete_bucket_term(shop, term.kind, term.version, bucket, subject),
    };
}
