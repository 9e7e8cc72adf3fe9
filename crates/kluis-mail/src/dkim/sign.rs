//! Makes DKIM signatures: relaxed, with every believed field signed once more than it is there, never with `l=`.

use kluis_crypto::mail::{MailHash, MailHashKind, MailPrivateKey};

use super::canon::{self, BodyHash, Canon};
use super::signature::{encode_base64, is_domain};
use crate::dns::is_within;
use crate::message::{Field, Message, lone_line_end};

/// Fields that are signed once more than they are there, so that nobody can add one (RFC 6376 §8.15).
pub const OVERSIGNED: &[&str] =
    &["From", "To", "Cc", "Subject", "Date", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"];
/// Fields that are signed as often as they are there (RFC 6376 §5.4.1).
const SIGNED: &[&str] = &[
    "Sender",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "List-Id",
    "List-Help",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Feedback-ID",
];
/// Fields of one name that are signed.
const SAME_NAME_MAX: usize = 50;
/// Characters of a line (RFC 5322 §2.1.1), without its line end.
const LINE_MAX: usize = 78;

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// `d=`.
    pub domain: &'a str,
    /// `s=`.
    pub selector: &'a str,
    /// The private key of that selector.
    pub key: &'a MailPrivateKey,
    /// `i=`: `@` and a name within the domain; `None` leaves it out.
    pub identity: Option<&'a str>,
    /// Seconds after which the signature is no longer valid (`x=`); `None` leaves it out.
    pub lifetime_s: Option<u64>,
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The message does not have exactly one From (RFC 5322 §3.6).
    #[error("the message must have exactly one From")]
    NotOneFrom,
    /// A lone CR or LF: a server on the way would change it, and break the signature (RFC 6376 §5.3).
    #[error("a line of the message does not end with CRLF")]
    LoneLineEnd,
    /// A domain, selector or identity that is none, or an identity outside the domain.
    #[error("not a domain, selector or identity")]
    Name,
    /// More fields of one name than any mail has.
    #[error("too many fields of one name")]
    TooManyFields,
    /// The cipher library gave no signature.
    #[error("the key does not sign")]
    Key,
}

/// Signs a message and returns the fields to put before it, one for each signer in order; the body is hashed once.
/// The same message, signers and time (seconds since 1970) give the same bytes.
///
/// # Errors
/// When the message or a signer is not fit; nothing is signed then.
pub fn sign(message: &Message<'_>, signers: &[Signer<'_>], now_s: u64) -> Result<Vec<u8>, SignError> {
    if message.named("From").count() != 1 {
        return Err(SignError::NotOneFrom);
    }
    let is_broken = |field: &Field<'_>| lone_line_end(field.raw()).is_some();
    if lone_line_end(message.body()).is_some() || message.fields().iter().any(is_broken) {
        return Err(SignError::LoneLineEnd);
    }
    let names = names(message)?;
    let mut body = BodyHash::new(Canon::Relaxed, MailHashKind::Sha256, None);
    body.update(message.body());
    let body_hash = encode_base64(body.finish().digest.as_ref());
    let mut signed = Vec::new();
    canonical_fields(message, &names, &mut signed);
    let mut out = Vec::new();
    for signer in signers {
        out.extend_from_slice(one(signer, &names, &body_hash, &signed, now_s)?.as_bytes());
    }
    Ok(out)
}

fn one(
    signer: &Signer<'_>,
    names: &[&str],
    body_hash: &str,
    signed: &[u8],
    now_s: u64,
) -> Result<String, SignError> {
    let is_identity = |identity: &str| {
        identity.strip_prefix('@').is_some_and(|name| is_domain(name) && is_within(name, signer.domain))
    };
    let is_good = is_domain(signer.domain)
        && signer.domain.contains('.')
        && is_domain(signer.selector)
        && signer.identity.is_none_or(is_identity);
    if !is_good {
        return Err(SignError::Name);
    }
    let algorithm = if signer.key.is_ed25519() { "ed25519-sha256" } else { "rsa-sha256" };
    let mut field = Folder::new("DKIM-Signature: v=1;");
    field.put(&format!("a={algorithm};"));
    field.put("c=relaxed/relaxed;");
    field.put(&format!("d={};", signer.domain.to_ascii_lowercase()));
    field.put(&format!("s={};", signer.selector.to_ascii_lowercase()));
    if let Some(identity) = signer.identity {
        field.put(&format!("i={identity};"));
    }
    field.put(&format!("t={now_s};"));
    if let Some(lifetime_s) = signer.lifetime_s {
        field.put(&format!("x={};", now_s.saturating_add(lifetime_s.max(1))));
    }
    field.put_list("h=", names);
    field.put(&format!("bh={body_hash};"));
    field.put("b=");
    let mut hash = MailHash::new(MailHashKind::Sha256);
    hash.update(signed);
    let unsigned = Field::read(field.text.as_bytes()).ok_or(SignError::Name)?;
    let nothing = unsigned.value().len()..unsigned.value().len();
    canon::field_without(Canon::Relaxed, &unsigned, &nothing, &mut |bytes| hash.update(bytes));
    let signature = signer.key.sign(&hash.finish()).ok_or(SignError::Key)?;
    field.put_letters(&encode_base64(&signature));
    field.text.push_str("\r\n");
    Ok(field.text)
}

/// The names in `h=`: every name as often as it is there, and the believed ones once more.
fn names<'a>(message: &Message<'_>) -> Result<Vec<&'a str>, SignError> {
    let mut names = Vec::new();
    for (list, more) in [(OVERSIGNED, 1), (SIGNED, 0)] {
        for name in list {
            let count = message.named(name).count();
            if count > SAME_NAME_MAX {
                return Err(SignError::TooManyFields);
            }
            names.extend(std::iter::repeat_n(*name, count + more));
        }
    }
    Ok(names)
}

/// Writes the fields that the names choose, from the bottom up.
fn canonical_fields(message: &Message<'_>, names: &[&str], out: &mut Vec<u8>) {
    let mut last = "";
    let mut fields: Vec<&Field<'_>> = Vec::new();
    for name in names {
        if *name != last {
            fields = message.named(name).collect();
            last = name;
        }
        if let Some(field) = fields.pop() {
            canon::field(Canon::Relaxed, field, &mut |bytes| out.extend_from_slice(bytes));
        }
    }
}

/// A field that is folded while it is written.
struct Folder {
    text: String,
    column: usize,
}

impl Folder {
    fn new(begin: &str) -> Self {
        Self { text: begin.to_owned(), column: begin.len() }
    }

    /// Adds a word that may stand on the next line.
    fn put(&mut self, word: &str) {
        if self.column + 1 + word.len() > LINE_MAX {
            self.fold();
        } else {
            self.text.push(' ');
            self.column += 1;
        }
        self.push(word);
    }

    /// Adds names with colons between them, which may stand on several lines.
    fn put_list(&mut self, begin: &str, names: &[&str]) {
        for (number, name) in names.iter().enumerate() {
            let end = if number + 1 == names.len() { ";" } else { ":" };
            let begin = if number == 0 { begin } else { "" };
            let word = format!("{begin}{name}{end}");
            if number == 0 {
                self.put(&word);
            } else {
                if self.column + word.len() > LINE_MAX {
                    self.fold();
                }
                self.push(&word);
            }
        }
    }

    /// Adds letters that may be cut anywhere.
    fn put_letters(&mut self, letters: &str) {
        let mut rest = letters;
        while !rest.is_empty() {
            if self.column >= LINE_MAX {
                self.fold();
            }
            let (line, more) = rest.split_at(rest.len().min(LINE_MAX - self.column));
            self.push(line);
            rest = more;
        }
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n\t");
        // A tab is shown as up to eight characters.
        self.column = 8;
    }

    fn push(&mut self, word: &str) {
        self.text.push_str(word);
        self.column += word.len();
    }
}
