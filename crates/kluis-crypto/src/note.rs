//! Signed notes (C2SP signed-note) with Ed25519, and the checkpoint (C2SP tlog-checkpoint) that such a note carries.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::prelude::{BASE64_STANDARD, Engine};
use thiserror::Error;

use crate::digest::Sha256;
use crate::merkle::Hash;
use crate::secret::Secret;

/// Longest note that is looked at: 1 MiB.
pub const NOTE_BYTES_MAX: usize = 1 << 20;
/// Most signatures on one note.
pub const SIGNATURES_MAX: usize = 100;
/// Longest key name, in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 128;
/// The algorithm byte of Ed25519 in C2SP signed-note.
const ED25519_BYTE: u8 = 1;

/// Why a note, verifier key or checkpoint is refused. Never contains its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not a signed note, or too long.
    #[error("not a signed note")]
    Malformed,
    /// No signature by a known key.
    #[error("the note is not signed by a known key")]
    UnknownKey,
    /// A signature by a known key does not fit the text.
    #[error("the note's signature is wrong: the text was changed")]
    Signature,
    /// Not a verifier key `name+hash+base64`.
    #[error("not a verifier key: expected name+hash+base64")]
    VerifierKey,
    /// The text is not a checkpoint of three lines.
    #[error("the note's text is not a checkpoint")]
    Checkpoint,
}

/// Signs notes under one key name. Clones share the key.
#[derive(Clone)]
pub struct NoteSigner {
    name: String,
    key: Arc<Ed25519KeyPair>,
}

impl NoteSigner {
    /// Returns the signer with key name [`key_name`]`(name)` and the private key `seed`.
    pub fn new(name: &str, seed: &Secret<32>) -> Self {
        // Invariant: every 32 bytes are an Ed25519 seed (RFC 8032 §5.1.5).
        #[expect(clippy::expect_used, reason = "the seed's length is fixed by its type")]
        let key = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("a seed of 32 bytes");
        Self { name: key_name(name), key: Arc::new(key) }
    }

    /// Returns the key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the verifier of this signer's notes.
    pub fn verifier(&self) -> NoteVerifier {
        let mut public = [0; 32];
        // Invariant: an Ed25519 public key has 32 bytes.
        public.copy_from_slice(self.key.public_key().as_ref());
        NoteVerifier::new(&self.name, public)
    }

    /// Returns `text` as a signed note.
    ///
    /// A missing last newline is added, and a control character, which a note cannot hold, becomes U+FFFD.
    pub fn sign(&self, text: &str) -> String {
        let mut note = clean(text, |letter| letter == '\n');
        if !note.ends_with('\n') {
            note.push('\n');
        }
        let signature = self.key.sign(note.as_bytes());
        let mut line = self.verifier().id().to_be_bytes().to_vec();
        line.extend_from_slice(signature.as_ref());
        let line = BASE64_STANDARD.encode(line);
        note.push_str("\n\u{2014} ");
        for part in [self.name.as_str(), " ", &line, "\n"] {
            note.push_str(part);
        }
        note
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({}, ***)", self.name)
    }
}

/// Checks notes signed under one key name and public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    public: [u8; 32],
}

impl NoteVerifier {
    /// Returns the verifier with key name [`key_name`]`(name)` and a public key.
    pub fn new(name: &str, public: [u8; 32]) -> Self {
        Self { name: key_name(name), public }
    }

    /// Returns the key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Returns the key's short id: the first 4 bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key).
    pub fn id(&self) -> u32 {
        let mut hash = Sha256::new();
        for part in [self.name.as_bytes(), b"\n", &[ED25519_BYTE], &self.public] {
            hash.update(part);
        }
        let [a, b, c, d, ..] = hash.finish();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Returns the verifier key as text, `name+id+base64`, as other C2SP programs read it.
    pub fn vkey(&self) -> String {
        let mut key = vec![ED25519_BYTE];
        key.extend_from_slice(&self.public);
        format!("{}+{:08x}+{}", self.name, self.id(), BASE64_STANDARD.encode(key))
    }

    /// Returns the text of `note` if this key signed it.
    ///
    /// # Errors
    /// When it is no note, this key did not sign it, or the signature is wrong.
    pub fn verify<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split(note)?;
        let id = self.id();
        let mut found = false;
        for line in signatures {
            let (name, known, signature) = signature_line(line)?;
            if name == self.name && known == id {
                let key = UnparsedPublicKey::new(&ED25519, &self.public);
                key.verify(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
                found = true;
            }
        }
        if found { Ok(text) } else { Err(NoteError::UnknownKey) }
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.vkey())
    }
}

impl FromStr for NoteVerifier {
    type Err = NoteError;

    /// Reads a verifier key; blanks around it are accepted, because people paste them.
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::VerifierKey;
        let text = text.trim();
        if text.len() > KEY_NAME_BYTES_MAX + 64 {
            return Err(wrong);
        }
        let (name, rest) = text.split_once('+').ok_or(wrong)?;
        let (id, key) = rest.split_once('+').ok_or(wrong)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| wrong)?;
        let [ED25519_BYTE, public @ ..] = key.as_slice() else { return Err(wrong) };
        let public: [u8; 32] = public.try_into().map_err(|_| wrong)?;
        let verifier = Self { name: name.to_owned(), public };
        let id_fits = id.eq_ignore_ascii_case(&format!("{:08x}", verifier.id()));
        if is_key_name(name) && id_fits { Ok(verifier) } else { Err(wrong) }
    }
}

/// Returns the text of `note` if one of `verifiers` signed it, and which one.
///
/// # Errors
/// When it is no note, none of the keys signed it, or a signature by one of them is wrong.
pub fn verify_any<'a, 'v>(
    note: &'a str,
    verifiers: &'v [NoteVerifier],
) -> Result<(&'a str, &'v NoteVerifier), NoteError> {
    for verifier in verifiers {
        match verifier.verify(note) {
            Ok(text) => return Ok((text, verifier)),
            Err(NoteError::UnknownKey) => {}
            Err(other) => return Err(other),
        }
    }
    split(note).map(drop)?;
    Err(NoteError::UnknownKey)
}

/// Returns the key name for a log: `log` with every blank, `+` and control character as `-`, never
/// empty, at most [`KEY_NAME_BYTES_MAX`] bytes.
pub fn key_name(log: &str) -> String {
    let mut name = String::new();
    for letter in log.chars().map(|letter| if may_stand(letter) { letter } else { '-' }) {
        if name.len() + letter.len_utf8() > KEY_NAME_BYTES_MAX {
            break;
        }
        name.push(letter);
    }
    if name.is_empty() { "klantkluis".to_owned() } else { name }
}

/// A signed tree head: which log, how many leaves, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, one line.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root hash.
    pub root: Hash,
}

impl Checkpoint {
    /// Returns the three lines of the checkpoint; a control character in the origin becomes U+FFFD.
    pub fn encode(&self) -> String {
        let origin = clean(&self.origin, |_| false);
        format!("{origin}\n{}\n{}\n", self.size, BASE64_STANDARD.encode(self.root))
    }

    /// Reads exactly three lines; extension lines are refused, because nothing here writes them.
    ///
    /// # Errors
    /// When the text is anything else than [`Checkpoint::encode`] gives.
    pub fn decode(text: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::Checkpoint;
        let body = text.strip_suffix('\n').ok_or(wrong)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(wrong);
        };
        let number: u64 = size.parse().map_err(|_| wrong)?;
        let root = BASE64_STANDARD.decode(root).map_err(|_| wrong)?;
        let root: Hash = root.try_into().map_err(|_| wrong)?;
        if origin.is_empty() || origin.chars().any(is_control) || size != number.to_string() {
            return Err(wrong);
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }

    /// Returns the checkpoint as a signed note.
    pub fn sign(&self, signer: &NoteSigner) -> String {
        signer.sign(&self.encode())
    }

    /// Returns the checkpoint in `note` if one of `verifiers` signed it.
    ///
    /// # Errors
    /// As [`verify_any`], or when the text is no checkpoint.
    pub fn verify(note: &str, verifiers: &[NoteVerifier]) -> Result<Self, NoteError> {
        let (text, _) = verify_any(note, verifiers)?;
        Self::decode(text)
    }
}

/// Splits a note into its text, with its last newline, and its signature lines.
fn split(note: &str) -> Result<(&str, impl Iterator<Item = &str>), NoteError> {
    if note.len() > NOTE_BYTES_MAX || note.chars().any(|letter| letter != '\n' && is_control(letter)) {
        return Err(NoteError::Malformed);
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, rest) = note.split_at(at + 1);
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
    let lines = lines.ok_or(NoteError::Malformed)?;
    if lines.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::Malformed);
    }
    Ok((text, lines.split('\n')))
}

/// Reads `— name base64(id ‖ signature)`.
fn signature_line(line: &str) -> Result<(&str, u32, Vec<u8>), NoteError> {
    let wrong = NoteError::Malformed;
    let (name, encoded) =
        line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(wrong)?;
    let mut bytes = BASE64_STANDARD.decode(encoded).map_err(|_| wrong)?;
    if bytes.len() < 5 || !is_key_name(name) {
        return Err(wrong);
    }
    let signature = bytes.split_off(4);
    let id = bytes.try_into().map_err(|_| wrong)?;
    Ok((name, u32::from_be_bytes(id), signature))
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= KEY_NAME_BYTES_MAX && name.chars().all(may_stand)
}

fn may_stand(letter: char) -> bool {
    !letter.is_whitespace() && letter != '+' && !letter.is_control()
}

fn is_control(letter: char) -> bool {
    letter < '\u{20}'
}

/// Replaces control characters by U+FFFD, except those that `keep` names.
fn clean(text: &str, keep: impl Fn(char) -> bool) -> String {
    let replaced = |letter: char| if is_control(letter) && !keep(letter) { '\u{fffd}' } else { letter };
    text.chars().map(replaced).collect()
}
