//! Backup streams in the age format (age-encryption.org/v1) to the vault's own X25519 identity.
//!
//! Anybody with the recipient can make a backup; only the identity in the keyring opens it, here
//! or with the `age` program.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kluis_model::Random;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// Longest age header that is read; ours has about 200 bytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Why a backup does not open.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Not an age file, or its header is malformed or too long.
    #[error("this is not a backup, or its beginning is damaged")]
    Format,
    /// Made for another vault.
    #[error("this backup was made for another vault or keyring")]
    OtherVault,
    /// Not the text of a recipient.
    #[error("not a backup recipient: expected age1…")]
    Recipient,
    /// The source failed.
    #[error("the backup cannot be read")]
    Read(#[source] io::Error),
}

/// The private half: opens backups. Zeroised on drop, `Debug` prints `***`.
#[derive(Clone)]
pub struct BackupIdentity {
    secret: Secret<32>,
    age: age::x25519::Identity,
}

/// The public half: makes backups.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupRecipient(age::x25519::Recipient);

impl BackupIdentity {
    /// Returns a fresh identity.
    pub fn generate(rng: &dyn Random) -> Self {
        Self::from_secret(Secret::random(rng))
    }

    /// Returns the identity of 32 secret bytes, an X25519 scalar.
    pub(crate) fn from_secret(secret: Secret<32>) -> Self {
        let text = identity_text(&secret);
        // Invariant: every 32 bytes are an X25519 secret key, and we write them as age reads them (tested).
        #[expect(clippy::expect_used, reason = "our own Bech32 text of 32 bytes is an age identity")]
        let age = age::x25519::Identity::from_str(&text).expect("an age identity");
        Self { secret, age }
    }

    /// Returns the 32 secret bytes.
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// Returns the recipient that makes backups for this identity.
    pub fn recipient(&self) -> BackupRecipient {
        BackupRecipient(self.age.to_public())
    }

    /// Returns the identity as the `age` program reads it, `AGE-SECRET-KEY-1…`; secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        identity_text(&self.secret)
    }
}

impl fmt::Debug for BackupIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupIdentity(***)")
    }
}

impl fmt::Display for BackupRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BackupRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackupRecipient({})", self.0)
    }
}

impl FromStr for BackupRecipient {
    type Err = BackupError;

    fn from_str(text: &str) -> Result<Self, BackupError> {
        let text = text.trim();
        if text.len() > 100 {
            return Err(BackupError::Recipient);
        }
        text.parse().map(Self).map_err(|_| BackupError::Recipient)
    }
}

/// Returns a writer that encrypts to `recipient`. Without [`BackupWriter::finish`] the backup is incomplete
/// and refused when read.
///
/// # Errors
/// When `output` fails.
pub fn encrypt_writer<W: Write>(recipient: &BackupRecipient, output: W) -> io::Result<BackupWriter<W>> {
    let recipients = std::iter::once(&recipient.0 as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    Ok(BackupWriter(encryptor.wrap_output(output)?))
}

/// Encrypts what is written, 64 KiB at a time.
pub struct BackupWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> BackupWriter<W> {
    /// Writes the last piece and returns the output.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for BackupWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns a reader of the plaintext of a backup.
///
/// Every piece is authenticated before it is given out, and the end of a cut-off backup is an
/// error; so read to the end before anything is put to use.
///
/// # Errors
/// When it is no backup or is made for another identity.
pub fn decrypt_reader<R: Read>(identity: &BackupIdentity, input: R) -> Result<BackupReader<R>, BackupError> {
    let in_header = Arc::new(AtomicBool::new(true));
    let limited = Limited { input, left: HEADER_BYTES_MAX, in_header: Arc::clone(&in_header) };
    let wrong = |error| match error {
        age::DecryptError::NoMatchingKeys => BackupError::OtherVault,
        age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            BackupError::Read(error)
        }
        _ => BackupError::Format,
    };
    let decryptor = age::Decryptor::new_buffered(BufReader::new(limited)).map_err(wrong)?;
    in_header.store(false, Ordering::Relaxed);
    let identities = std::iter::once(&identity.age as &dyn age::Identity);
    decryptor.decrypt(identities).map(BackupReader).map_err(wrong)
}

/// Gives out the plaintext of a backup.
pub struct BackupReader<R: Read>(age::stream::StreamReader<BufReader<Limited<R>>>);

impl<R: Read> Read for BackupReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

/// Ends after some bytes for as long as the header is being read, so that a hostile header has an end.
struct Limited<R> {
    input: R,
    left: usize,
    in_header: Arc<AtomicBool>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.in_header.load(Ordering::Relaxed) {
            return self.input.read(out);
        }
        let room = out.len().min(self.left);
        let count = self.input.read(&mut out[..room])?;
        self.left -= count;
        Ok(count)
    }
}

/// Returns `AGE-SECRET-KEY-1…`: Bech32 (BIP 173) of the 32 bytes, in upper case.
fn identity_text(secret: &Secret<32>) -> Zeroizing<String> {
    const HRP: &str = "age-secret-key-";
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut values = Zeroizing::new([0u8; 52]);
    for (place, value) in values.iter_mut().enumerate() {
        for bit in place * 5..place * 5 + 5 {
            let byte = secret.expose().get(bit / 8).copied().unwrap_or(0);
            *value = *value << 1 | byte >> (7 - bit % 8) & 1;
        }
    }
    let high = HRP.bytes().map(|letter| letter >> 5);
    let low = HRP.bytes().map(|letter| letter & 31);
    let hrp = high.chain([0]).chain(low);
    let mut sum = hrp.chain(values.iter().copied()).chain([0; 6]).fold(1, bech32_step) ^ 1;
    let mut text = Zeroizing::new(String::with_capacity(HRP.len() + 1 + 58));
    text.push_str(HRP);
    text.push('1');
    let checksum = (0..6).map(|place| (sum >> (5 * (5 - place)) & 31) as u8);
    for value in values.iter().copied().chain(checksum) {
        text.push(char::from(DIGITS[usize::from(value)]));
    }
    sum.zeroize();
    text.make_ascii_uppercase();
    text
}

/// One step of Bech32's checksum (BIP 173).
fn bech32_step(sum: u32, value: u8) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let shifted = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
    let mix = |sum, (bit, generator): (usize, &u32)| if top >> bit & 1 == 1 { sum ^ generator } else { sum };
    GENERATOR.iter().enumerate().fold(shifted, mix)
}
