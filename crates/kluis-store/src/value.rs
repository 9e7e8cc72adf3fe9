//! A database value in the portable subset (bigint, text, bytes) and reading typed columns back out of rows of them.

use std::fmt;

use kluis_model::{FieldKind, Id, ShopId, TimeMs};

use crate::StoreError;

/// A value of the portable subset. `Debug` shows its kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A 64-bit integer; also times in ms, numbers of enums and truth values.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// Returns about how many bytes the value takes on the wire.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null => 4,
            Self::Int(_) => 12,
            Self::Text(text) => text.len() + 4,
            Self::Bytes(bytes) => bytes.len() + 4,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Int(_) => f.write_str("int"),
            Self::Text(text) => write!(f, "text[{}]", text.len()),
            Self::Bytes(bytes) => write!(f, "bytes[{}]", bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        // Counts and versions stay far below 2^63.
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<bool> for Value {
    fn from(fact: bool) -> Self {
        Self::Int(i64::from(fact))
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::Bytes(bytes.clone())
    }
}
impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}
impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}
impl<K> From<Id<K>> for Value {
    fn from(id: Id<K>) -> Self {
        Self::Bytes(id.as_bytes().to_vec())
    }
}
impl From<ShopId> for Value {
    fn from(shop: ShopId) -> Self {
        Self::Int(shop.0)
    }
}
impl From<TimeMs> for Value {
    fn from(time: TimeMs) -> Self {
        Self::Int(time.0)
    }
}
impl From<FieldKind> for Value {
    fn from(kind: FieldKind) -> Self {
        Self::Int(i64::from(kind.code()))
    }
}
impl<T> From<Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

/// Takes the columns of one row in order and checks that each is what it can be.
pub(crate) struct Columns {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
    key: String,
}

impl Columns {
    /// Starts at the first column of a row of `table`.
    pub(crate) fn of(table: &'static str, values: Vec<Value>) -> Self {
        Self { table, values: values.into_iter(), key: String::new() }
    }

    /// Names the row in errors from here on.
    pub(crate) fn name_row(&mut self, key: impl fmt::Display) {
        self.key = key.to_string();
    }

    /// The error that `column` is not what it can be.
    pub(crate) fn damaged(&self, column: &'static str) -> StoreError {
        StoreError::Integrity { table: self.table, row: self.key.clone(), column }
    }

    pub(crate) fn int(&mut self, column: &'static str) -> Result<i64, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(self.damaged(column)),
        }
    }

    /// An integer within the range of `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let number = self.int(column)?;
        T::try_from(number).map_err(|_| self.damaged(column))
    }

    pub(crate) fn shop(&mut self) -> Result<ShopId, StoreError> {
        self.int("shop").map(ShopId)
    }

    pub(crate) fn time(&mut self, column: &'static str) -> Result<TimeMs, StoreError> {
        self.int(column).map(TimeMs)
    }

    pub(crate) fn find_time(&mut self, column: &'static str) -> Result<Option<TimeMs>, StoreError> {
        match self.values.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(number)) => Ok(Some(TimeMs(number))),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<String, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn find_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        match self.values.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn find_bytes(&mut self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.values.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self, column: &'static str) -> Result<[u8; N], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.damaged(column))
    }

    pub(crate) fn id<K>(&mut self, column: &'static str) -> Result<Id<K>, StoreError> {
        self.array(column).map(Id::from_bytes)
    }

    pub(crate) fn find_id<K>(&mut self, column: &'static str) -> Result<Option<Id<K>>, StoreError> {
        let bytes = self.find_bytes(column)?;
        let id = bytes.map(|bytes| <[u8; 16]>::try_from(bytes).map(Id::from_bytes)).transpose();
        id.map_err(|_| self.damaged(column))
    }

    /// A word that `T` knows.
    pub(crate) fn word<T: std::str::FromStr>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.damaged(column))
    }
}
