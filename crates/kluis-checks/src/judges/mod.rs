//! Predicts what three well-known judges would say, from the same evidence. None of them is asked.
//!
//! A prediction is empty when the facts it needs most were not collected: the front page for the Observatory, the
//! suites for SSL Labs, both for internet.nl. Each file says what it can only approximate.

mod internetnl;
mod observatory;
mod observatory_csp;
mod ssllabs;

#[cfg(test)]
mod observatory_tests;

use crate::facts::{Evidence, Hop, Page, PageKind};
use crate::finding::Predictions;

/// What the three well-known judges would probably say.
pub(crate) fn predict(evidence: &Evidence) -> Predictions {
    Predictions {
        observatory: observatory::predict(evidence),
        internet_nl: internetnl::predict(evidence),
        ssl_labs: ssllabs::predict(evidence),
    }
}

/// The front page, when it was read.
pub(crate) fn front_page(evidence: &Evidence) -> Option<&Page> {
    let pages = &evidence.web.pages;
    pages
        .iter()
        .find(|page| page.kind == PageKind::Home)
        .or(pages.first())
        .filter(|page| page.last().is_some())
}

/// The last answer on the way to the front page, when it came over HTTPS.
pub(crate) fn secure_answer(evidence: &Evidence) -> Option<&Hop> {
    front_page(evidence)?.last().filter(|hop| hop.url.starts_with("https:"))
}

/// All values of a header.
fn values<'a>(hop: &'a Hop, name: &'a str) -> Vec<&'a str> {
    hop.header(name).collect()
}

/// The host of a URL, in lower case.
fn host_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}
