//! The web layer: redirects, headers, cookies, pages with their resources and forms, and exposed files.
//!
//! No body is kept, no value of a form field, no value of a cookie, and of a URL's query only the names of its
//! parameters: values are written `*`.

use kluis_model::TimeMs;
use serde::{Deserialize, Serialize};

/// A response header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Header {
    /// Name in lower case.
    pub name: String,
    /// Value, at most 8 KiB; cookie values are replaced by `*`.
    pub value: String,
}

/// One answer on the way to a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hop {
    /// The URL, parameter values masked.
    pub url: String,
    /// Status code.
    pub status: u16,
    /// Where it leads (`Location` resolved), parameter values masked.
    pub location: Option<String>,
    /// All headers but cookies.
    pub headers: Vec<Header>,
    /// Whether the certificate was trusted and for this host (https only).
    pub is_certificate_good: Option<bool>,
}

impl Hop {
    /// Values of a header, in order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |h| h.name == name).map(|h| h.value.as_str())
    }
}

/// What plain HTTP does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpState {
    /// Not looked at.
    #[default]
    Unknown,
    /// Nothing listens on the port.
    Closed,
    /// It answers.
    Open,
    /// It answers something that is not HTTP, or not in time.
    Broken,
}

/// The way from one starting URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redirects {
    /// The URL that was asked first.
    pub from: String,
    /// Whether anything answered.
    pub state: HttpState,
    /// Every answer, the first one first, at most 12.
    pub hops: Vec<Hop>,
    /// Whether it goes round or on for more hops than followed.
    pub is_endless: bool,
}

/// A cookie as it was set, without its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// URL that set it, parameter values masked.
    pub set_by: String,
    /// `Secure`.
    pub is_secure: bool,
    /// `HttpOnly`.
    pub is_http_only: bool,
    /// `SameSite` as written.
    pub same_site: Option<String>,
    /// `Path` as written.
    pub path: Option<String>,
    /// `Domain` as written.
    pub domain: Option<String>,
    /// `Partitioned`.
    pub is_partitioned: bool,
    /// Bytes of the value.
    pub value_bytes: u32,
}

/// Kinds of shop pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// The front page.
    Home,
    /// A product.
    Product,
    /// Where customers sign in or register.
    Login,
    /// Basket and checkout.
    Checkout,
    /// Contact form.
    Contact,
    /// Another page.
    #[default]
    Other,
}

/// How a page uses something it loads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// `<script src>`, module preloads, workers.
    Script,
    /// `<link rel=stylesheet>`, `@import`.
    Style,
    /// `<iframe>`, `<frame>`.
    Frame,
    /// `<object>`, `<embed>`, `<applet>`.
    Object,
    /// Fonts in style sheets.
    Font,
    /// `<img>`, `srcset`, `<picture>`, icons, CSS `url()`.
    Image,
    /// `<video>`, `<audio>`, `<source>`, `<track>`, posters.
    Media,
    /// `<link rel=manifest>`, preconnects and anything else that is loaded.
    #[default]
    Other,
}

impl ResourceKind {
    /// Whether whoever changes it controls the page (active mixed content).
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Script | Self::Style | Self::Frame | Self::Object | Self::Font)
    }
}

/// Something that a page loads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceFacts {
    /// How it is used.
    pub kind: ResourceKind,
    /// Resolved URL, parameter values masked.
    pub url: String,
    /// Where in the page: `img srcset`, `style url()`, `css https://…/a.css`.
    pub place: String,
    /// Whether the attribute was written `//host/…`.
    pub is_protocol_relative: bool,
    /// The `integrity` attribute: `sha384`, or none.
    pub integrity: Option<String>,
    /// Whether the host is of another registrable domain than the page.
    pub is_third_party: bool,
    /// Kinds of personal data recognised in the URL: `email`, `phone`, `iban`, `postcode`, `bsn`, `name`.
    pub personal: Vec<String>,
}

/// A form field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldFacts {
    /// `name` attribute, at most 100 characters.
    pub name: String,
    /// `type` in lower case (`text` when absent), `select`, `textarea`.
    pub kind: String,
    /// `autocomplete` in lower case.
    pub autocomplete: String,
    /// Text of its label, at most 100 characters.
    pub label: String,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// What it asks, when it is personal: `email`, `password`, `phone`, `name`, `address`, `birth_date`, `card`, `iban`, `bsn`.
    pub personal: Option<String>,
}

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FormFacts {
    /// `get`, `post`, `dialog`.
    pub method: String,
    /// Where it goes, resolved, parameter values masked.
    pub action: String,
    /// Where its buttons go instead (`formaction`).
    pub formactions: Vec<String>,
    /// Whether it goes to another registrable domain.
    pub is_third_party: bool,
    /// Its fields, at most 100.
    pub fields: Vec<FieldFacts>,
}

/// Answers to a request with a foreign origin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsFacts {
    /// `GET` or `OPTIONS`.
    pub method: String,
    /// The `Origin` that was sent: a foreign one or `null`.
    pub origin: String,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Credentials: true`.
    pub allows_credentials: bool,
}

/// A page that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// What kind of page.
    pub kind: PageKind,
    /// The answers that led to it; the last one is the page.
    pub hops: Vec<Hop>,
    /// `<meta http-equiv>` policies, as (name, content).
    pub metas: Vec<Header>,
    /// What it loads, at most 500.
    pub resources: Vec<ResourceFacts>,
    /// Its forms, at most 50.
    pub forms: Vec<FormFacts>,
    /// Scripts in the page itself.
    pub inline_scripts: u32,
    /// Event handler attributes.
    pub inline_handlers: u32,
    /// Bytes of the body that were read.
    pub body_bytes: u64,
    /// Whether the body was longer than what is read.
    pub is_cut: bool,
    /// `Content-Encoding` when compression was offered.
    pub encoding: Option<String>,
    /// For a page with fields: whether the same page is served over plain HTTP without a redirect.
    pub is_served_over_http: Option<bool>,
    /// Kinds of personal data recognised in the page's own URL.
    pub personal_in_url: Vec<String>,
    /// Whether a CSRF token or personal data is in the body (BREACH).
    pub has_secret_in_body: bool,
}

impl Page {
    /// The answer that is the page.
    #[must_use]
    pub fn last(&self) -> Option<&Hop> {
        self.hops.last()
    }
}

/// `/.well-known/security.txt` (RFC 9116).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityTxt {
    /// Where it was found.
    pub url: Option<String>,
    /// `Content-Type`.
    pub content_type: String,
    /// Whether it is in the old place only (`/security.txt`).
    pub is_top_level: bool,
    /// Field names in lower case with values, in order, at most 100; the address of a Contact is kept.
    pub fields: Vec<Header>,
    /// Whether it is signed (OpenPGP cleartext).
    pub is_signed: bool,
    /// Lines that are no field, comment or blank.
    pub bad_lines: u32,
    /// `Expires`, when it could be read.
    pub expires: Option<TimeMs>,
}

/// What kind of file lies open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExposedKind {
    /// A repository.
    Git,
    /// Settings with passwords.
    Env,
    /// A database dump.
    Dump,
    /// An archive or copy of the site.
    Backup,
    /// `phpinfo()`, server status.
    Info,
    /// A folder's listing.
    Listing,
    /// Anything else that is not for visitors.
    #[default]
    Other,
}

/// A file that should not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exposed {
    /// What it is.
    pub kind: ExposedKind,
    /// The path.
    pub path: String,
    /// What in the first bytes gave it away: `ref: refs/`, `-- MySQL dump`; never content.
    pub signature: String,
    /// Its size when the server said so.
    pub bytes: Option<u64>,
}

/// Whether the one who asks showed that the domain is theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerProof {
    /// Not asked: open files are not looked for.
    #[default]
    NotAsked,
    /// Asked, but the proof was not found.
    Missing,
    /// The TXT record was found.
    Dns,
    /// The well-known file was found.
    File,
}

/// The web layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebFacts {
    /// Ways from `http://host/`, `http://sibling/`, `https://sibling/`, as far as those names exist.
    pub redirects: Vec<Redirects>,
    /// Pages, the front page first.
    pub pages: Vec<Page>,
    /// What the server answered instead of a front page over https, when no browser could show that either, in English.
    pub home_error: Option<String>,
    /// Every cookie that was set anywhere.
    pub cookies: Vec<Cookie>,
    /// Answers to foreign origins.
    pub cors: Vec<CorsFacts>,
    /// security.txt; `None` when it was not looked for.
    pub security_txt: Option<SecurityTxt>,
    /// Whether the one who asks owns the domain.
    pub owner: OwnerProof,
    /// Whether open files could be looked for: `None` not done, false the site answers anything to any path.
    pub exposed_looked: Option<bool>,
    /// Open files.
    pub exposed: Vec<Exposed>,
    /// The shop software that was recognised: `woocommerce`, `magento`, `prestashop`, `shopify`, `lightspeed` …
    pub platform: Option<String>,
    /// The web server that was recognised: `nginx`, `apache`, `caddy` …
    pub server: Option<String>,
}
