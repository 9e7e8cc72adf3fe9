//! The only home of a personal value in memory: it does not print, does not serialise, and is wiped when dropped.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A personal value. `Debug` prints `***`; there is no `Display` and no `Serialize`; memory is zeroised on drop.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Pii<T: Zeroize>(T);

/// A personal text, the form in which field values travel.
pub type PiiText = Pii<String>;

impl<T: Zeroize> Pii<T> {
    /// Takes a value into custody.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value: every use of this word is a place where personal data is looked at.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Default> Pii<T> {
    /// Gives the value out of custody; from here on nobody wipes it.
    #[must_use]
    pub fn into_exposed(mut self) -> T {
        std::mem::take(&mut self.0)
    }
}

impl<T: Zeroize> Drop for Pii<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for PiiText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for PiiText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Pii<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_stars_only() {
        let text = PiiText::from("noor@example.nl");
        assert_eq!(format!("{text:?} {:?}", Some(&text)), "*** Some(***)");
        assert_eq!(text.expose(), "noor@example.nl");
    }

    #[test]
    fn deserialises_and_hands_out() {
        let text: PiiText = serde_json::from_str("\"Noor\"").unwrap();
        assert_eq!(text.into_exposed(), "Noor");
        let wrong = serde_json::from_str::<PiiText>("{\"noor\":1}");
        assert!(wrong.is_err());
    }
}
