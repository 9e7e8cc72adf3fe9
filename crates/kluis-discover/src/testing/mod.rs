//! An invented Dutch shop whose every personal value is known, and how well the scanner finds them: for tests and benches.
//!
//! The same seed gives the same shop. Names, streets and towns are partly in the scanner's lists and partly not, as in life.

mod held_out;
mod measure;
mod people;
mod tables;
mod texts;
mod write;

pub use self::measure::{Score, Set, column_faults, markdown, measure_columns, measure_text};
pub use self::people::{Dice, Person};
pub use self::tables::{TABLES, TableSpec};
pub use self::texts::{LabelledText, Planted, text};
pub use self::write::{csv, mysqldump, notes};

/// Identifiers with correct check digits, and numbers that only look like them.
pub mod identifiers {
    pub use super::people::{
        bsn, card, document, ean, false_iban, iban, imei, order_like_bsn, phone, plate, postcode, product,
        vat, vat_with_bsn,
    };
}
