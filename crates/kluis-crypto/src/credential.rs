//! Secrets that sign somebody in: staff `kks_…`, connector `kkc_…`, web session `kkw_…`; 160 bits and a checksum.

use std::fmt;
use std::str::FromStr;

use kluis_model::Random;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::base32;
use crate::digest::sha256_parts;
use crate::secret::Secret;

/// Whose secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    /// A person who works for the shop.
    Staff,
    /// A program: a web shop, a mailing service.
    Connector,
    /// A browser session; lives in a cookie.
    Session,
}

impl CredentialKind {
    const ALL: [Self; 3] = [Self::Staff, Self::Connector, Self::Session];

    /// Returns what secrets of this kind begin with, so that scanners find leaked ones.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Staff => "kks_",
            Self::Connector => "kkc_",
            Self::Session => "kkw_",
        }
    }
}

/// A secret of 160 random bits; zeroised on drop, `Debug` prints no content. Shown once, stored hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialSecret {
    kind: CredentialKind,
    secret: Secret<20>,
}

/// Why a text is not a credential. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialProblem {
    /// Not one of the prefixes and 40 letters and digits.
    #[error("not a credential: expected kks_, kkc_ or kkw_ and 40 letters and digits")]
    Format,
    /// The checksum differs.
    #[error("the credential's checksum is wrong: a character was mistyped or left out")]
    Checksum,
}

impl CredentialSecret {
    /// Returns a fresh secret.
    pub fn random(kind: CredentialKind, rng: &dyn Random) -> Self {
        Self { kind, secret: Secret::random(rng) }
    }

    /// Returns whose secret it is.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// Returns the text to show once; wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Secret::<25>::zeroed();
        bytes.expose_mut()[..20].copy_from_slice(self.secret.expose());
        bytes.expose_mut()[20..].copy_from_slice(&self.checksum());
        let digits = Zeroizing::new(base32::encode(bytes.expose()));
        let mut text = Zeroizing::new(String::with_capacity(44));
        text.push_str(self.kind.prefix());
        text.push_str(&digits);
        text
    }

    /// Returns the 160 bits.
    pub(crate) fn expose(&self) -> &[u8; 20] {
        self.secret.expose()
    }

    fn checksum(&self) -> [u8; 5] {
        let prefix = self.kind.prefix().as_bytes();
        let mut hash = sha256_parts(&[b"kluis credential", prefix, self.secret.expose()]);
        let checksum = [hash[0], hash[1], hash[2], hash[3], hash[4]];
        hash.zeroize();
        checksum
    }
}

impl fmt::Debug for CredentialSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialSecret({}***)", self.kind.prefix())
    }
}

impl FromStr for CredentialSecret {
    type Err = CredentialProblem;

    /// Parses a secret; blanks around it are accepted, because people paste them.
    fn from_str(text: &str) -> Result<Self, CredentialProblem> {
        let text = text.trim();
        let split = |kind: CredentialKind| Some((kind, text.strip_prefix(kind.prefix())?));
        let found = CredentialKind::ALL.into_iter().find_map(split);
        let (kind, digits) = found.ok_or(CredentialProblem::Format)?;
        let mut bytes = Secret::<25>::zeroed();
        if !base32::decode(digits, bytes.expose_mut()) {
            return Err(CredentialProblem::Format);
        }
        let (secret, checksum) = bytes.expose().split_at(20);
        let secret = Secret::from_slice(secret).ok_or(CredentialProblem::Format)?;
        let credential = Self { kind, secret };
        if credential.checksum() != checksum {
            return Err(CredentialProblem::Checksum);
        }
        Ok(credential)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn hostile_text_is_refused() {
        let good = CredentialSecret::random(CredentialKind::Staff, &SystemRandom);
        let text = good.to_text().to_string();
        let long = format!("{text}0");
        let upper = text.to_uppercase();
        for bad in ["", "kks_", "kkt_", &text[..43], &long, &text[4..], &upper, "kkc_é"] {
            assert_eq!(bad.parse::<CredentialSecret>(), Err(CredentialProblem::Format), "{bad}");
        }
        let other_kind = text.replace("kks_", "kkc_");
        assert_eq!(other_kind.parse::<CredentialSecret>(), Err(CredentialProblem::Checksum));
        assert_eq!(format!(" {text}\n").parse(), Ok(good.clone()));
        assert_eq!(format!("{good:?}"), "CredentialSecret(kks_***)");
    }

    proptest! {
        #[test]
        fn typos_are_found(place in 4usize..44, letter in 0usize..32) {
            for kind in CredentialKind::ALL {
                let secret = CredentialSecret::random(kind, &SystemRandom);
                let text = secret.to_text();
                prop_assert_eq!(text.len(), 44);
                prop_assert_eq!(text.parse(), Ok(secret));
                let mut typed = text.as_bytes().to_vec();
                typed[place] = b"0123456789abcdefghjkmnpqrstvwxyz"[letter];
                let typed = String::from_utf8(typed).unwrap();
                prop_assume!(typed != *text);
                prop_assert_eq!(typed.parse::<CredentialSecret>(), Err(CredentialProblem::Checksum));
            }
        }
    }
}
