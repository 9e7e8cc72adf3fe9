//! The pages of a shop: the front page, the pages guessed from its links, their style sheets, and what goes with them.

use std::collections::BTreeSet;

use hyper::Method;
use kluis_checks::facts::{
    Cookie, CorsFacts, Gap, HttpState, Page, PageKind, ResourceKind, SecurityTxt, WebFacts,
};
use kluis_checks::web;
use url::Url;

use crate::http::{Answer, Client, HttpError, Request};
use crate::redirects::{Walk, note_cookies, walk};

/// Pages besides the front page at most.
pub(crate) const PAGES_MAX: usize = 8;
/// Style sheets read for one page at most.
const STYLES_MAX: usize = 5;
/// Style sheets read in all at most.
const STYLES_ALL_MAX: usize = 12;
/// Bytes of a style sheet.
const STYLE_BYTES_MAX: usize = 512 * 1024;
/// Resources of a page at most.
const RESOURCES_MAX: usize = 500;
/// Bytes of robots.txt and of security.txt.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes that are looked at to see whether a page is served over plain HTTP too.
const PLAIN_BYTES_MAX: usize = 512 * 1024;
/// An origin that no shop knows.
const FOREIGN_ORIGIN: &str = "https://klantkluis-check.example";
/// Kinds of pages that are guessed.
const GUESSED: [PageKind; 4] = [PageKind::Product, PageKind::Login, PageKind::Checkout, PageKind::Contact];

/// Reads pages and notes what they show.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The client.
    pub(crate) client: &'a mut Client,
    /// The facts.
    pub(crate) facts: &'a mut WebFacts,
    /// What could not be found out.
    pub(crate) gaps: &'a mut Vec<Gap>,
    /// The port of plain HTTP.
    pub(crate) http_port: u16,
    /// Style sheets that were read already.
    styles: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// A reader.
    pub(crate) fn new(
        client: &'a mut Client,
        facts: &'a mut WebFacts,
        gaps: &'a mut Vec<Gap>,
        http_port: u16,
    ) -> Self {
        Self { client, facts, gaps, http_port, styles: BTreeSet::new() }
    }

    /// Reads the front page; returns its URL and the links that look like shop pages.
    pub(crate) async fn home(&mut self, url: Url) -> Option<(Url, Links)> {
        let read = self.page(PageKind::Home, url).await?;
        self.facts.platform = read.platform;
        self.facts.server = read.server;
        Some((read.url, read.links))
    }

    /// Reads one guessed page of each kind; what the front page does not link, a product page may. These pages are
    /// read once because the owner asked, so robots.txt, which speaks to crawlers and mostly forbids exactly the
    /// basket and the login, is not asked for permission.
    pub(crate) async fn guessed(&mut self, mut links: Links) {
        let mut read: BTreeSet<String> = BTreeSet::new();
        for kind in GUESSED {
            let found = links.iter().find(|(k, url)| *k == kind && !read.contains(url.as_str()));
            let Some((_, url)) = found.cloned() else { continue };
            read.insert(url.as_str().to_owned());
            if let Some(page) = self.page(kind, url).await {
                links.extend(page.links.into_iter().filter(|(_, link)| *link != page.url));
            }
        }
    }

    /// Reads the pages that were asked for, as paths of the host.
    pub(crate) async fn given(&mut self, home: &Url, pages: &[(PageKind, String)]) {
        for (kind, path) in pages.iter().take(PAGES_MAX) {
            match home.join(path).ok().filter(|url| url.origin() == home.origin()) {
                Some(url) => {
                    self.page(*kind, url).await;
                }
                None => self.gap(page_id(*kind), "the path that was given leads to another host"),
            }
        }
    }

    /// Reads one page and notes its facts.
    async fn page(&mut self, kind: PageKind, url: Url) -> Option<PageRead> {
        let is_https = url.scheme() == "https";
        let Walk { hops, last, is_endless, error } =
            walk(self.client, &Request::page(url), &mut self.facts.cookies).await;
        let mut page = Page { kind, hops, ..Page::default() };
        let id = page_id(kind);
        let Some((url, answer)) = last else {
            let is_servers_fault = error.as_ref().is_some_and(HttpError::is_servers_fault);
            let why = error.map_or_else(|| "it redirects without end".to_owned(), |error| error.to_string());
            self.gap(id, &why);
            if kind == PageKind::Home && is_https && is_servers_fault {
                self.facts.home_error = Some(why);
            }
            if is_endless && kind == PageKind::Home {
                self.facts.pages.push(page);
            }
            return None;
        };
        page.encoding = answer.encoding.clone();
        page.body_bytes = answer.body.len() as u64;
        page.is_cut = answer.cut.is_some();
        page.personal_in_url = web::personal_in(url.as_str());
        if let Some(why) = answer.cut {
            self.gap(id, &format!("the page was not read to its end: {why}"));
        }
        if kind != PageKind::Home && answer.status >= 400 {
            self.gap(id, &format!("the server answered {}", answer.status));
            return None;
        }
        let server = web::server(&answer.headers);
        let (mut links, mut platform) = (Vec::new(), None);
        if is_html(&answer) {
            match read_html(answer, url.clone(), page.clone(), self.facts.cookies.clone()).await {
                Some(read) => (page, links, platform) = (read.page, read.links, read.platform),
                None => self.gap(id, "the page could not be read"),
            }
            self.styles(&url, &mut page).await;
            if !page.forms.is_empty() {
                page.is_served_over_http = self.is_served_over_http(&url).await;
            }
        }
        self.facts.pages.push(page);
        Some(PageRead { url, links, platform, server })
    }

    /// Reads the style sheets that a page takes from its own site, for what they load.
    async fn styles(&mut self, url: &Url, page: &mut Page) {
        let own = page.resources.iter().filter(|r| r.kind == ResourceKind::Style && !r.is_third_party);
        let wanted: Vec<Url> = own.filter_map(|r| Url::parse(&r.url).ok()).take(STYLES_MAX).collect();
        for style in wanted {
            if self.styles.len() >= STYLES_ALL_MAX || page.resources.len() >= RESOURCES_MAX {
                return;
            }
            if style == *url || !self.styles.insert(style.as_str().to_owned()) {
                continue;
            }
            let mut request = Request::small(style.clone(), STYLE_BYTES_MAX);
            request.offers_compression = true;
            let Ok(answer) = self.client.get(&request).await else { continue };
            note_cookies(&answer, &style, &mut self.facts.cookies);
            if answer.status == 200 {
                let place = format!("css {}", web::mask_url(style.as_str()));
                web::read_style(&answer.text(), &style, &place, &mut page.resources);
                page.resources.truncate(RESOURCES_MAX);
            }
        }
    }

    /// Whether a page with a form is served over plain HTTP without a redirect.
    async fn is_served_over_http(&mut self, url: &Url) -> Option<bool> {
        if url.scheme() == "http" {
            return Some(true);
        }
        let state = self.facts.redirects.first().map(|way| way.state)?;
        match state {
            HttpState::Open => {}
            HttpState::Closed => return Some(false),
            HttpState::Unknown | HttpState::Broken => return None,
        }
        let mut plain = url.clone();
        plain.set_scheme("http").ok()?;
        plain.set_port(Some(self.http_port)).ok()?;
        let mut request = Request::page(plain.clone());
        request.bytes_max = PLAIN_BYTES_MAX;
        let answer = self.client.get(&request).await.ok()?;
        note_cookies(&answer, &plain, &mut self.facts.cookies);
        if answer.status != 200 || !is_html(&answer) {
            return Some(false);
        }
        let read = read_html(answer, plain, Page::default(), Vec::new()).await?;
        Some(!read.page.forms.is_empty())
    }

    /// Asks the front page with foreign origins, by GET and by preflight.
    pub(crate) async fn cors(&mut self, home: &Url) {
        for method in [Method::GET, Method::OPTIONS] {
            for origin in [FOREIGN_ORIGIN, "null"] {
                let mut request = Request::head_of(home.clone());
                request.method = method.clone();
                request.headers.push(("origin", origin.to_owned()));
                if method == Method::OPTIONS {
                    request.headers.push(("access-control-request-method", "GET".to_owned()));
                }
                let answer = match self.client.get(&request).await {
                    Ok(answer) => answer,
                    Err(error) => {
                        self.gap("cors", &format!("{method}: {error}"));
                        continue;
                    }
                };
                self.facts.cors.push(CorsFacts {
                    method: method.to_string(),
                    origin: origin.to_owned(),
                    allow_origin: answer.header("access-control-allow-origin").map(str::to_owned),
                    allows_credentials: answer
                        .header("access-control-allow-credentials")
                        .is_some_and(|value| value.trim().eq_ignore_ascii_case("true")),
                });
            }
        }
    }

    /// Reads robots.txt for the cookies that come with it, as Observatory does.
    pub(crate) async fn robots(&mut self, home: &Url) {
        let Ok(url) = home.join("/robots.txt") else { return };
        if let Ok(answer) = self.client.get(&Request::small(url.clone(), TEXT_BYTES_MAX)).await {
            note_cookies(&answer, &url, &mut self.facts.cookies);
        }
    }

    /// Looks for security.txt in the place of RFC 9116 §3, then in the old one.
    pub(crate) async fn security_txt(&mut self, origin: &Url) {
        for (path, is_top_level) in [("/.well-known/security.txt", false), ("/security.txt", true)] {
            let Ok(url) = origin.join(path) else { return };
            let request = Request::small(url, TEXT_BYTES_MAX);
            let walk = walk(self.client, &request, &mut self.facts.cookies).await;
            let Some((url, answer)) = walk.last else {
                if let Some(error) = walk.error {
                    self.gap("security.txt", &error.to_string());
                    return;
                }
                continue;
            };
            let content_type = answer.header("content-type").unwrap_or_default().to_owned();
            let text = answer.text();
            // A shop that answers every path with a page has no security.txt.
            let is_text =
                !content_type.to_ascii_lowercase().contains("html") && !text.trim_start().starts_with('<');
            if answer.status != 200 || !is_text {
                continue;
            }
            let read = web::read_security_txt(&text);
            let url = Some(web::mask_url(url.as_str()));
            self.facts.security_txt = Some(SecurityTxt { url, content_type, is_top_level, ..read });
            return;
        }
        self.facts.security_txt = Some(SecurityTxt::default());
    }

    fn gap(&mut self, what: &str, why: &str) {
        self.gaps.push(Gap::new(what, why));
    }
}

/// Links that look like shop pages, best first.
pub(crate) type Links = Vec<(PageKind, Url)>;

/// What a page showed besides its facts.
struct PageRead {
    url: Url,
    links: Links,
    platform: Option<String>,
    server: Option<String>,
}

/// What the HTML of a page showed.
struct HtmlRead {
    page: Page,
    links: Links,
    platform: Option<String>,
}

/// Reads HTML on a thread of its own: two megabytes that somebody else wrote take a while, and others wait for this one.
async fn read_html(answer: Answer, url: Url, mut page: Page, cookies: Vec<Cookie>) -> Option<HtmlRead> {
    let read = move || {
        let html = answer.text();
        web::read_page(&html, &url, &mut page);
        let links = web::links(&html, &url);
        HtmlRead { page, links, platform: web::platform(&html, &answer.headers, &cookies) }
    };
    tokio::task::spawn_blocking(read).await.ok()
}

fn is_html(answer: &Answer) -> bool {
    match answer.header("content-type") {
        Some(kind) => {
            let kind = kind.to_ascii_lowercase();
            kind.contains("html") || kind.trim().is_empty()
        }
        None => answer.body.trim_ascii_start().starts_with(b"<"),
    }
}

fn page_id(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Home => "page.home",
        PageKind::Product => "page.product",
        PageKind::Login => "page.login",
        PageKind::Checkout => "page.checkout",
        PageKind::Contact => "page.contact",
        PageKind::Other => "page.other",
    }
}
