//! Tokens that stand for a value outside the vault: `kkt_` and 32 characters, 128 bits and a checksum.

use std::fmt;
use std::str::FromStr;

use kluis_model::Random;
use thiserror::Error;

use crate::base32;
use crate::digest::sha256_parts;

const PREFIX: &str = "kkt_";

/// A random or pairwise token. Not personal data itself; stored hashed all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

/// Why a text is not a token. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenProblem {
    /// Not `kkt_` and 32 letters and digits.
    #[error("not a token: expected kkt_ and 32 letters and digits")]
    Format,
    /// The checksum differs.
    #[error("the token's checksum is wrong: a character was mistyped")]
    Checksum,
}

impl Token {
    /// Returns a fresh random token.
    pub fn random(rng: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// Returns the token with these 128 bits.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 128 bits.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&self.0);
        bytes[16..].copy_from_slice(&checksum(&self.0));
        write!(f, "{PREFIX}{}", base32::encode(&bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl FromStr for Token {
    type Err = TokenProblem;

    fn from_str(text: &str) -> Result<Self, TokenProblem> {
        let digits = text.strip_prefix(PREFIX).ok_or(TokenProblem::Format)?;
        let mut bytes = [0; 20];
        if !base32::decode(digits, &mut bytes) {
            return Err(TokenProblem::Format);
        }
        let mut token = [0; 16];
        token.copy_from_slice(&bytes[..16]);
        if bytes[16..] != checksum(&token) { Err(TokenProblem::Checksum) } else { Ok(Self(token)) }
    }
}

fn checksum(bytes: &[u8; 16]) -> [u8; 4] {
    let hash = sha256_parts(&[b"kluis token", bytes]);
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_text_is_refused() {
        let good = Token::from_bytes([5; 16]).to_string();
        let long = format!("{good}0");
        let other = good.replace("kkt_", "kks_");
        for bad in ["", "kkt_", &good[..35], &long, &other, &good[4..], "kkt_éééééééééééééééé"]
        {
            assert_eq!(bad.parse::<Token>(), Err(TokenProblem::Format), "{bad}");
        }
        assert_eq!(format!("{:?}", Token::from_bytes([5; 16])), "Token(***)");
    }

    proptest! {
        #[test]
        fn round_trip_and_typos(bytes in any::<[u8; 16]>(), place in 4usize..36, letter in 0usize..32) {
            let token = Token::from_bytes(bytes);
            let text = token.to_string();
            prop_assert_eq!(text.len(), 36);
            prop_assert_eq!(text.parse::<Token>(), Ok(token));
            let mut typed = text.clone().into_bytes();
            typed[place] = b"0123456789abcdefghjkmnpqrstvwxyz"[letter];
            let typed = String::from_utf8(typed).unwrap();
            prop_assume!(typed != text);
            prop_assert_eq!(typed.parse::<Token>(), Err(TokenProblem::Checksum));
        }
    }
}
