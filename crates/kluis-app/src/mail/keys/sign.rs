//! Signs the shop's mail with the keys in use: a snapshot of them in memory, and which of them fit a message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kluis_crypto::mail::MailPrivateKey;
use kluis_mail::dkim::{self, SignError, Signer};
use kluis_mail::dmarc::{Generation, organizational_domain};
use kluis_mail::message::{Message, mailboxes};
use kluis_mail::streams::MailSetup;
use kluis_model::TimeMs;
use kluis_store::{MailSentRow, Unit};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use super::stored::{KeyChange, open_private};
use super::{KEYS_MAX, ROTATION};
use crate::{App, AppError, SHOP};

/// How long the keys are believed; a change of another node counts after that.
const BELIEVED: Duration = Duration::from_secs(30);
/// How signed mail is counted: like mail that the relay took.
const ACCEPTED: &str = "accepted";

/// The keys that sign now. Cheap to share; holds private keys, which are wiped when the last user lets go.
pub struct SigningKeys {
    /// By domain, the RSA key before the Ed25519 key.
    domains: BTreeMap<String, Vec<OneKey>>,
    setup: Option<Arc<MailSetup>>,
}

struct OneKey {
    selector: String,
    key: MailPrivateKey,
}

/// What to put before a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// `DKIM-Signature` fields with their line ends, one for each key.
    pub fields: Vec<u8>,
    /// The id of the stream that the From domain belongs to; `None` when no stream holds it.
    pub stream: Option<String>,
    /// The domain of From, in lower case as an A-label.
    pub from_domain: String,
    /// The selectors of the fields, in their order.
    pub selectors: Vec<String>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} {:?})", self.from_domain, self.selectors)
    }
}

/// Why a message was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningProblem {
    /// No key in use may sign for the domain of From.
    #[error("no key in use signs for {domain}")]
    NoKey {
        /// The domain.
        domain: String,
    },
    /// There is not exactly one From, or its addresses are in several domains.
    #[error("the message must have exactly one From, in one domain")]
    NotOneFrom,
    /// The header cannot be read, is too large, or has too many fields.
    #[error("the header of the message cannot be read")]
    Header,
    /// A line that does not end with CRLF.
    #[error("a line of the message does not end with CRLF")]
    LoneLineEnd,
    /// The cipher library gave no signature.
    #[error("the key does not sign")]
    Key,
}

impl SigningKeys {
    /// Signs a message (CRLF line ends) with the keys of its From domain; without any, with those of the nearest domain
    /// above it up to the organizational domain, whose signature is aligned in the relaxed way (RFC 9989 §4.4.1).
    ///
    /// # Errors
    /// Why nothing was signed.
    pub fn sign(&self, message: &[u8], now: TimeMs) -> Result<Signed, SigningProblem> {
        let message = Message::read(message).map_err(|_| SigningProblem::Header)?;
        let from_domain = author_domain(&message).ok_or(SigningProblem::NotOneFrom)?;
        let Some((domain, keys)) = self.find(&from_domain) else {
            return Err(SigningProblem::NoKey { domain: from_domain });
        };
        let signers: Vec<Signer<'_>> = keys
            .iter()
            .map(|one| Signer {
                domain,
                selector: &one.selector,
                key: &one.key,
                identity: None,
                lifetime_s: None,
            })
            .collect();
        let now_s = u64::try_from(now.0 / 1_000).unwrap_or(0);
        let fields = dkim::sign(&message, &signers, now_s).map_err(|error| match error {
            SignError::NotOneFrom => SigningProblem::NotOneFrom,
            SignError::LoneLineEnd => SigningProblem::LoneLineEnd,
            SignError::TooManyFields => SigningProblem::Header,
            SignError::Name | SignError::Key => SigningProblem::Key,
        })?;
        let stream = self.setup.as_ref().and_then(|setup| setup.stream_of(&from_domain));
        Ok(Signed {
            fields,
            stream: stream.map(|stream| stream.id.clone()),
            from_domain,
            selectors: keys.iter().map(|one| one.selector.clone()).collect(),
        })
    }

    /// Whether a key in use may sign for a From domain.
    #[must_use]
    pub fn can_sign(&self, from_domain: &str) -> bool {
        self.find(&from_domain.to_ascii_lowercase()).is_some()
    }

    /// The domains that have a key in use.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.keys().map(String::as_str)
    }

    /// The keys of a domain or of the nearest one above it, up to the organizational domain.
    fn find(&self, from_domain: &str) -> Option<(&str, &[OneKey])> {
        let nothing = HashMap::new();
        // The suffix list asks nothing of the DNS.
        let top = organizational_domain(from_domain, Generation::SuffixList, &nothing).ok()?;
        let mut name = from_domain;
        loop {
            if let Some((domain, keys)) = self.domains.get_key_value(name) {
                return Some((domain, keys));
            }
            if name.len() <= top.len() {
                return None;
            }
            name = name.split_once('.')?.1;
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKeys").field(&self.domains.keys().collect::<Vec<_>>()).finish()
    }
}

/// The one domain of the addresses in the one From field.
fn author_domain(message: &Message<'_>) -> Option<String> {
    let mut fields = message.named("From");
    let from = fields.next().filter(|_| fields.next().is_none())?;
    let boxes = mailboxes(from.value()).ok()?;
    let domains: BTreeSet<String> = boxes.iter().map(|mailbox| ascii_domain(&mailbox.domain)).collect();
    let only = domains.len() == 1;
    domains.into_iter().next().filter(|_| only)
}

/// A domain in lower case, as an A-label where it has letters beyond ASCII.
fn ascii_domain(domain: &str) -> String {
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    url::Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string())
}

/// The snapshot of a process.
#[derive(Default)]
pub(crate) struct SignerDesk {
    held: RwLock<Option<Held>>,
    /// Read from the database by one at a time.
    loading: Mutex<()>,
}

struct Held {
    keys: Arc<SigningKeys>,
    seen: Instant,
    /// What it was made of: seals of rows and versions of changes.
    made_of: Vec<([u8; 32], u64)>,
}

impl SignerDesk {
    /// Forgets the keys: the vault is sealed, or they changed.
    pub(crate) fn clear(&self) {
        *self.held.write() = None;
    }

    fn fresh(&self, setup: Option<&Arc<MailSetup>>) -> Option<Arc<SigningKeys>> {
        let held = self.held.read();
        let held = held.as_ref().filter(|held| held.seen.elapsed() < BELIEVED)?;
        same_setup(held.keys.setup.as_ref(), setup).then(|| Arc::clone(&held.keys))
    }
}

fn same_setup(one: Option<&Arc<MailSetup>>, other: Option<&Arc<MailSetup>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

impl App {
    /// The keys that sign now. Asked for each message: mostly a look at memory; every 30 s the database is asked whether
    /// they changed.
    ///
    /// # Errors
    /// `Sealed`, `Integrity` when a key was changed outside the vault, or when the database does not answer.
    pub async fn mail_signer(&self) -> Result<Arc<SigningKeys>, AppError> {
        let keys = self.keys(SHOP)?;
        let setup = self.mail_settings().setup.clone();
        let desk = &self.inner.mail.signer;
        if let Some(found) = desk.fresh(setup.as_ref()) {
            return Ok(found);
        }
        let _alone = desk.loading.lock().await;
        if let Some(found) = desk.fresh(setup.as_ref()) {
            return Ok(found);
        }
        let changes = self.facts::<KeyChange>(ROTATION).await?;
        let rows = self.store().mail_keys(SHOP, KEYS_MAX).await?;
        let mut made_of: Vec<_> = rows.iter().map(|row| (row.row_mac, 0)).collect();
        made_of.extend(changes.iter().map(|change| ([0; 32], change.version)));
        let mut held = desk.held.write();
        if let Some(held) = held.as_mut()
            && held.made_of == made_of
            && same_setup(held.keys.setup.as_ref(), setup.as_ref())
        {
            held.seen = Instant::now();
            return Ok(Arc::clone(&held.keys));
        }
        let mut domains: BTreeMap<String, Vec<OneKey>> = BTreeMap::new();
        for change in &changes {
            let rotation = &change.value.rotation;
            let Some(selector) = rotation.signs_with() else { continue };
            let row = rows.iter().find(|row| row.domain == rotation.domain && row.selector == selector);
            let row =
                row.ok_or_else(|| AppError::integrity(format!("mail_key {}/{selector}", rotation.domain)))?;
            let key = open_private(&keys, row)?;
            domains
                .entry(rotation.domain.clone())
                .or_default()
                .push(OneKey { selector: selector.to_owned(), key });
        }
        for found in domains.values_mut() {
            found.sort_by_key(|one| one.key.is_ed25519());
        }
        let made = Arc::new(SigningKeys { domains, setup });
        *held = Some(Held { keys: Arc::clone(&made), seen: Instant::now(), made_of });
        Ok(made)
    }

    /// Counts messages that were signed here and sent by a mail server of the shop, by stream and mailbox provider (see
    /// `kluis_mail::providers`), so that they can be held against what receivers report.
    ///
    /// # Errors
    /// When the database does not answer; nothing is counted then.
    pub async fn mail_count_signed(&self, counts: &[(String, &'static str, u64)]) -> Result<(), AppError> {
        let mut unit = Unit::new();
        for (stream, receiver, messages) in counts {
            let row = MailSentRow {
                day: self.now().day(),
                stream: stream.clone(),
                receiver: (*receiver).to_owned(),
                outcome: ACCEPTED.to_owned(),
                messages: *messages,
            };
            unit.count_mail_sent(SHOP, self.node(), &row);
        }
        self.store().commit(unit).await?;
        Ok(())
    }
}
