//! What the rules about mail share: the facts when mail was looked at, places of proofs, and short texts.

use crate::facts::{Evidence, MailFacts, MailPolicy, MxFacts};
use crate::finding::{Platform, Snippet, Words};

use super::shared::fixes_alike;

/// Characters of a record that are shown.
const SHOWN_CHARS_MAX: usize = 240;

/// A record to publish, in the form that BIND and most panels take, and what to ask when somebody else does the DNS.
pub(super) const fn record(lines: &'static str, ask: Words) -> [(Platform, Snippet); 7] {
    fixes_alike(Snippet::Lines(lines), ask)
}

/// What is known about mail, when anybody looked.
pub(super) fn mail(evidence: &Evidence) -> Option<&MailFacts> {
    evidence.mail.as_ref().filter(|mail| !mail.domain.is_empty())
}

/// The same, for domains that have to do with mail at all.
pub(super) fn mailing(evidence: &Evidence) -> Option<&MailFacts> {
    mail(evidence).filter(|mail| !mail.is_silent())
}

/// Whether receivers are asked to do something with forged mail of the domain, so that it does not reach people.
pub(super) fn is_enforced(mail: &MailFacts) -> bool {
    let found = mail.dmarc.now.as_ref().or(mail.dmarc.before.as_ref());
    found.is_some_and(|found| found.policy > MailPolicy::None)
}

/// Where the exchangers' records are, with the name of one.
pub(super) fn place_of(mx: &MxFacts) -> String {
    match mx.smtp.address {
        Some(address) => format!("{}:25 ({address})", short(&mx.host)),
        None => short(&mx.host),
    }
}

/// A text cut to what can be shown.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
