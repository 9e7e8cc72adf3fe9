//! What the rules about the web layer share: pages, their weight, and fixes by header.

use crate::facts::{Evidence, Hop, Page, PageKind};
use crate::finding::{Platform, Severity, Snippet, Words};
use crate::web::csp::{self, Policy};

/// A fix with words or lines for each platform, in the order in which they are shown.
pub(crate) const fn every(fixes: [Snippet; 7]) -> [(Platform, Snippet); 7] {
    let [nginx, apache, caddy, woocommerce, magento, prestashop, hosted] = fixes;
    [
        (Platform::Nginx, nginx),
        (Platform::Apache, apache),
        (Platform::Caddy, caddy),
        (Platform::Woocommerce, woocommerce),
        (Platform::Magento, magento),
        (Platform::Prestashop, prestashop),
        (Platform::Hosted, hosted),
    ]
}

/// A fix that is one line in the settings of the web server, also for shops that run on it.
pub(crate) const fn header(
    nginx: &'static str,
    apache: &'static str,
    caddy: &'static str,
    ask: Words,
) -> [(Platform, Snippet); 7] {
    const HTACCESS: Snippet = Snippet::Say(Words::new(
        "Zet de regel van Apache bovenaan in .htaccess; draait de winkel op nginx, vraag dan uw hoster om die regel.",
        "Put Apache's line at the top of .htaccess; when the shop runs on nginx, ask your host for that line.",
    ));
    const MAGENTO: Snippet = Snippet::Say(Words::new(
        "Zet de regel van nginx in het server-blok naast nginx.conf.sample, of die van Apache in pub/.htaccess.",
        "Put nginx's line in the server block next to nginx.conf.sample, or Apache's in pub/.htaccess.",
    ));
    every([
        Snippet::Lines(nginx),
        Snippet::Lines(apache),
        Snippet::Lines(caddy),
        HTACCESS,
        MAGENTO,
        HTACCESS,
        Snippet::Say(ask),
    ])
}

/// A fix in the shop itself: the same words for everybody who manages the pages, and what to ask the host.
pub(crate) const fn in_shop(
    own: Snippet,
    woocommerce: Words,
    magento: Words,
    prestashop: Words,
    ask: Words,
) -> [(Platform, Snippet); 7] {
    every([
        own,
        own,
        own,
        Snippet::Say(woocommerce),
        Snippet::Say(magento),
        Snippet::Say(prestashop),
        Snippet::Say(ask),
    ])
}

/// Pages with their last answer.
pub(crate) fn pages(evidence: &Evidence) -> impl Iterator<Item = (&Page, &Hop)> {
    evidence.web.pages.iter().filter_map(|page| page.last().map(|hop| (page, hop)))
}

/// Pages that came over https.
pub(crate) fn https_pages(evidence: &Evidence) -> impl Iterator<Item = (&Page, &Hop)> {
    pages(evidence).filter(|(_, hop)| hop.url.starts_with("https://"))
}

/// Whether customers give a password, payment or other data on the page.
pub(crate) fn is_sensitive(page: &Page) -> bool {
    let asks = |kind: &str| matches!(kind, "password" | "card" | "iban" | "bsn");
    matches!(page.kind, PageKind::Login | PageKind::Checkout)
        || page
            .forms
            .iter()
            .flat_map(|form| &form.fields)
            .any(|field| field.personal.as_deref().is_some_and(asks))
}

/// High for pages with passwords and payment, else another severity.
pub(crate) fn high_or(page: &Page, other: Severity) -> Severity {
    if is_sensitive(page) { Severity::High } else { other }
}

/// All values of a header, as the reader functions want them.
pub(crate) fn values<'a>(hop: &'a Hop, name: &'a str) -> Vec<&'a str> {
    hop.header(name).collect()
}

/// The policies that hold for a page: headers and metas.
pub(crate) fn policy(page: &Page, hop: &Hop) -> Policy {
    let metas = page.metas.iter().filter(|meta| meta.name == "content-security-policy");
    let values: Vec<&str> =
        hop.header("content-security-policy").chain(metas.map(|meta| meta.value.as_str())).collect();
    csp::parse(&values)
}

/// The host of a URL of the evidence, with its port when it has one.
pub(crate) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The host without port.
pub(crate) fn name_of(url: &str) -> &str {
    let host = host_of(url);
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A text short enough to show.
pub(crate) fn short(text: &str) -> String {
    const BYTES_MAX: usize = 160;
    if text.len() <= BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(BYTES_MAX)])
}
