//! The rules of Gmail, Yahoo and Microsoft for who mails many customers, held against one real message; and one-click
//! unsubscribing (RFC 8058).

mod facts;
mod rules;
#[cfg(test)]
mod tests;

pub use facts::{Envelope, Facts, From, Purpose, Reverse, Words, collect};
pub use rules::RULES;

use kluis_model::{Lang, Text};

/// Who has a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receiver {
    /// Gmail: since February 2024, refusing since November 2025.
    Gmail,
    /// Yahoo and AOL: since February 2024.
    Yahoo,
    /// Outlook.com, Hotmail, Live, MSN: since May 2025.
    Microsoft,
}

impl Receiver {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gmail, Self::Yahoo, Self::Microsoft];

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gmail => "Gmail",
            Self::Yahoo => "Yahoo",
            Self::Microsoft => "Outlook/Hotmail",
        }
    }

    /// The word in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gmail => "gmail",
            Self::Yahoo => "yahoo",
            Self::Microsoft => "microsoft",
        }
    }
}

/// A rule.
pub struct Rule {
    /// Its id, which never changes.
    pub id: &'static str,
    /// Who has it.
    pub receivers: &'static [Receiver],
    /// Whether only mail that somebody can unsubscribe from must keep it.
    pub is_for_newsletters: bool,
    /// The clause it comes from.
    pub source: &'static str,
    /// What it asks, in one line.
    pub title: fn(Lang) -> &'static str,
    /// What to do when it is broken.
    pub todo: fn(Lang) -> &'static str,
    /// Looks.
    pub judge: fn(&Facts) -> Judged,
}

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Kept.
    Good,
    /// Broken.
    Bad,
    /// The message does not tell.
    Unknown,
    /// Not for this kind of message.
    NotNeeded,
}

impl Mark {
    /// The word in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "pass",
            Self::Bad => "fail",
            Self::Unknown => "unknown",
            Self::NotNeeded => "not_needed",
        }
    }
}

/// What came of a rule, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What came of it.
    pub mark: Mark,
    /// What was seen; empty when there is nothing to add.
    pub seen: Text,
}

impl Judged {
    fn new(mark: Mark, nl: impl Into<String>, en: impl Into<String>) -> Self {
        Self { mark, seen: Text::new(nl, en) }
    }

    /// The same in both languages: a name, a number.
    fn plain(mark: Mark, seen: impl Into<String>) -> Self {
        let seen = seen.into();
        Self { mark, seen: Text::new(seen.clone(), seen) }
    }
}

/// Holds every rule against a message.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<(&'static Rule, Judged)> {
    let one = |rule: &'static Rule| {
        let is_needed = !rule.is_for_newsletters || facts.purpose == Purpose::Newsletter;
        (rule, if is_needed { (rule.judge)(facts) } else { Judged::plain(Mark::NotNeeded, "") })
    };
    RULES.iter().map(one).collect()
}
