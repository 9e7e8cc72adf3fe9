//! All cryptography of Klantkluis: key hierarchy, sealed cells, blind index, tokens, Merkle log, signed notes, backups.
//!
//! The crate is pure: it opens no file or socket and reads no clock; time and randomness are
//! parameters. Every cipher comes from `aws-lc-rs`, `chacha20poly1305`, `argon2` or `age`; this
//! crate decides only what is bound to what. See `DESIGN` §5 in ARCHITECTURE.md for the picture:
//!
//! ```text
//! slot (passphrase | key file | shares) → RootKey → Keyring (KEK epochs, index, row MAC, tokens, signing)
//! KEK epoch → one Dek per subject × retention class → DekCells → sealed cells
//! ```
//!
//! Start at [`KeyringFile`] to unlock, [`Keyring::shop`] for the runtime keys of one shop, and
//! [`ShopKeys`] for everything a request needs.
#![forbid(unsafe_code)]

mod aead;
pub mod backup;
mod base32;
mod bytes;
mod cells;
mod credential;
mod dek;
mod digest;
mod index;
mod keyring;
mod keyring_codec;
mod keyring_file;
pub mod mail;
pub mod merkle;
pub mod note;
mod passphrase;
mod random;
pub mod receipt;
mod secret;
mod shamir;
mod share;
mod shop_keys;
mod slots;
pub mod spool;
pub mod tiles;
pub mod tls12;
mod token;

pub use aead::Suite;
pub use backup::{BackupIdentity, BackupRecipient};
pub use cells::{CELL_BYTES_MAX, CellHead, CellPlace, DekCells, DetailPlace, OpenError, PiiBytes};
pub use credential::{CredentialKind, CredentialProblem, CredentialSecret};
pub use dek::{Dek, DekPlace};
pub use digest::{Sha256, sha256, sha256_parts};
pub use index::{IndexError, IndexUse, index_use};
pub use keyring::{EPOCH_KEEP_MS, EPOCH_PERIOD_MS, Epoch, Keyring, KeyringChangeError};
pub use keyring_file::{KEYRING_BYTES_MAX, KeyringFile, RootKey, SlotSecrets};
pub use note::{NoteError, NoteSigner, NoteVerifier};
pub use passphrase::Argon2Cost;
pub use random::{BufferedRandom, SystemRandom};
pub use secret::{Secret, SecretText};
pub use share::{Share, ShareLineProblem, ShareProblem};
pub use shop_keys::{ShopKeys, WrapError};
pub use slots::{KeyringError, SLOTS_MAX, SlotDescription, SlotKind};
pub use spool::{SpoolKey, SpoolReader, SpoolWriter};
pub use token::{Token, TokenProblem};
