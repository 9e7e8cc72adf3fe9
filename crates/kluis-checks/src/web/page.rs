//! Reads a page: what it loads, its policies and scripts, and whether it carries secrets.

use std::collections::HashSet;

use url::Url;

use super::forms::{Forms, is_token_name};
use super::personal::{cut, is_third_party, mask_url, personal_in};
use super::style;
use super::tokens::{Element, Event, walk};
use crate::facts::{Header, Page, ResourceFacts, ResourceKind};

/// Resources of one page that are kept.
const RESOURCES_MAX: usize = 500;
/// Addresses of one page that are looked at, also those that are there already.
const LOOKED_AT_MAX: u32 = 5_000;
/// `<meta>` policies that are kept.
const METAS_MAX: usize = 20;
/// Bytes of a policy.
const META_BYTES_MAX: usize = 8 * 1024;
/// Bytes of all `<style>` and import maps of a page.
const STYLES_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of URLs; longer ones are data.
const URL_BYTES_MAX: usize = 8 * 1024;
/// Candidates of one `srcset`.
const CANDIDATES_MAX: usize = 50;

/// Reads the HTML of a page (at most 2 MiB of it) into `page`: resources, forms, metas, counts, secrets in the body
/// and personal data in `base`, which is the page's own unmasked URL.
pub fn read_page(html: &str, base: &Url, page: &mut Page) {
    let mut reader = Reader::new(base);
    walk(html, |event| reader.event(event));
    for srcdoc in std::mem::take(&mut reader.srcdocs) {
        reader.in_text = InText::None;
        walk(&srcdoc, |event| reader.event(event));
    }
    let Reader { loads, forms, metas, inline_scripts, inline_handlers, has_secret, .. } = reader;
    page.has_secret_in_body = has_secret || forms.has_secret();
    page.forms = forms.finish();
    page.resources = loads.into_resources();
    page.metas = metas;
    page.inline_scripts = inline_scripts;
    page.inline_handlers = inline_handlers;
    page.personal_in_url = personal_in(base.as_str());
}

/// Collects resources, each once.
pub(super) struct Loads {
    page: Url,
    resources: Vec<ResourceFacts>,
    seen: HashSet<(ResourceKind, String)>,
    looked_at: u32,
}

impl Loads {
    /// Goes on with what was found before; `page` decides who is a third party.
    pub(super) fn from(page: Url, resources: Vec<ResourceFacts>) -> Self {
        let seen = resources.iter().map(|r| (r.kind, r.url.clone())).collect();
        Self { page, resources, seen, looked_at: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.resources.len() >= RESOURCES_MAX || self.looked_at >= LOOKED_AT_MAX
    }

    pub(super) fn into_resources(self) -> Vec<ResourceFacts> {
        self.resources
    }

    /// Adds what is loaded over http or https; data, fragments and scripts in URLs load nothing.
    pub(super) fn add(
        &mut self,
        kind: ResourceKind,
        written: &str,
        base: &Url,
        place: &str,
        integrity: Option<&str>,
    ) {
        let written = written.trim_matches(|c: char| c <= ' ');
        if self.is_full() || written.is_empty() || written.len() > URL_BYTES_MAX || written.starts_with('#') {
            return;
        }
        self.looked_at += 1;
        let Ok(url) = base.join(written) else { return };
        if !matches!(url.scheme(), "http" | "https") {
            return;
        }
        let masked = mask_url(url.as_str());
        let integrity = integrity.map(str::trim).filter(|text| !text.is_empty()).map(|text| {
            text.split('-').next().map(|algorithm| cut(algorithm, 20).to_owned()).unwrap_or_default()
        });
        if !self.seen.insert((kind, masked.clone())) {
            // The same script without a fingerprint is the weaker one.
            if integrity.is_none()
                && let Some(known) = self.resources.iter_mut().find(|r| r.kind == kind && r.url == masked)
            {
                known.integrity = None;
            }
            return;
        }
        self.resources.push(ResourceFacts {
            kind,
            is_protocol_relative: written.starts_with("//") || written.starts_with("\\\\"),
            is_third_party: is_third_party(&url, &self.page),
            personal: personal_in(url.as_str()),
            url: masked,
            place: place.to_owned(),
            integrity,
        });
    }
}

/// Whose text is being read.
#[derive(PartialEq, Eq, Clone, Copy)]
enum InText {
    None,
    Style,
    ImportMap,
}

struct Reader {
    document: Url,
    base: Url,
    has_base: bool,
    loads: Loads,
    forms: Forms,
    metas: Vec<Header>,
    inline_scripts: u32,
    inline_handlers: u32,
    has_secret: bool,
    in_text: InText,
    text: String,
    styles_bytes: usize,
    /// Open `<picture>` and `<video>`/`<audio>`: whose `<source>` it is.
    is_in_media: bool,
    srcdocs: Vec<String>,
}

impl Reader {
    fn new(document: &Url) -> Self {
        Self {
            document: document.clone(),
            base: document.clone(),
            has_base: false,
            loads: Loads::from(document.clone(), Vec::new()),
            forms: Forms::new(document),
            metas: Vec::new(),
            inline_scripts: 0,
            inline_handlers: 0,
            has_secret: false,
            in_text: InText::None,
            text: String::new(),
            styles_bytes: 0,
            is_in_media: false,
            srcdocs: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(element) => {
                self.finish_text();
                self.start(element);
            }
            Event::End(name) => {
                self.finish_text();
                if matches!(name, "video" | "audio") {
                    self.is_in_media = false;
                }
                self.forms.end(name);
            }
            Event::Text(text) => {
                if self.in_text == InText::None {
                    self.forms.text(text);
                } else {
                    let room = STYLES_BYTES_MAX.saturating_sub(self.styles_bytes);
                    let text = cut(text, room);
                    self.styles_bytes += text.len();
                    self.text.push_str(text);
                }
            }
        }
    }

    fn finish_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        match std::mem::replace(&mut self.in_text, InText::None) {
            InText::Style => style::scan(&text, "style url()", &self.base, &mut self.loads),
            InText::ImportMap => self.import_map(&text),
            InText::None => {}
        }
    }

    fn start(&mut self, element: &Element) {
        self.attributes(element);
        match element.name.as_str() {
            "base" => self.base(element),
            "meta" => self.meta(element),
            "link" => self.link(element),
            "script" => self.script(element),
            "style" => self.in_text = InText::Style,
            "img" | "source" | "input" | "video" | "audio" | "track" => self.media(element),
            "iframe" | "frame" => self.frame(element),
            "object" => self.take(ResourceKind::Object, element, "data"),
            "embed" => self.take(ResourceKind::Object, element, "src"),
            "image" | "use" | "feimage" => {
                for name in ["href", "xlink:href"] {
                    self.take(ResourceKind::Image, element, name);
                }
            }
            "body" | "table" | "td" | "th" | "tr" => self.take(ResourceKind::Image, element, "background"),
            _ => {}
        }
        self.forms.start(element, &self.base);
    }

    /// What every element may have.
    fn attributes(&mut self, element: &Element) {
        for (name, value) in element.attributes() {
            let is_handler = name.strip_prefix("on").is_some_and(is_event);
            let is_script_link = matches!(name, "href" | "action" | "formaction")
                && cut(value.trim_start(), 11).eq_ignore_ascii_case("javascript:");
            if is_handler || is_script_link {
                self.inline_handlers = self.inline_handlers.saturating_add(1);
            }
            if name == "style" && value.contains('(') {
                style::scan(value, "style=", &self.base, &mut self.loads);
            }
        }
    }

    /// Takes the URL of an attribute.
    fn take(&mut self, kind: ResourceKind, element: &Element, attribute: &str) {
        if let Some(url) = element.get(attribute) {
            let place = format!("{} {attribute}", element.name);
            self.loads.add(kind, url, &self.base, &place, element.get("integrity"));
        }
    }

    /// Takes the URLs of a `srcset` (HTML §4.8.4.2).
    fn take_set(&mut self, element: &Element, attribute: &str) {
        let Some(set) = element.get(attribute) else { return };
        let place = format!("{} {attribute}", element.name);
        let mut rest = cut(set, 64 * 1024);
        for _ in 0..CANDIDATES_MAX {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
            let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (url, after) = rest.split_at(end);
            if url.is_empty() {
                return;
            }
            let bare = url.trim_end_matches(',');
            self.loads.add(ResourceKind::Image, bare, &self.base, &place, None);
            rest = if bare.len() < url.len() {
                after
            } else {
                after.split_once(',').map_or("", |(_, rest)| rest)
            };
        }
    }

    fn base(&mut self, element: &Element) {
        let Some(href) = element.get("href").filter(|_| !self.has_base) else { return };
        self.has_base = true;
        if let Ok(base) = self.document.join(cut(href.trim(), URL_BYTES_MAX))
            && matches!(base.scheme(), "http" | "https")
        {
            self.base = base;
        }
    }

    fn meta(&mut self, element: &Element) {
        let content = element.get("content").unwrap_or_default();
        let name = element.lower("name");
        self.has_secret |= is_token_name(&name) && content.len() >= 8;
        let policy = match name.as_str() {
            "referrer" => "referrer-policy".to_owned(),
            _ => element.lower("http-equiv"),
        };
        if policy.is_empty() || policy.len() > 100 || self.metas.len() >= METAS_MAX {
            return;
        }
        let value = match policy.as_str() {
            "refresh" => match content.split_once(['=']) {
                Some((time, url)) => format!("{time}={}", mask_url(url.trim_matches(['\'', '"', ' ']))),
                None => content.to_owned(),
            },
            "set-cookie" => "*".to_owned(),
            _ => content.to_owned(),
        };
        self.metas.push(Header { name: policy, value: cut(&value, META_BYTES_MAX).to_owned() });
    }

    fn link(&mut self, element: &Element) {
        let rel = element.lower("rel");
        let words: Vec<&str> = rel.split_ascii_whitespace().take(20).collect();
        let is = |word: &str| words.contains(&word);
        let kind = if is("stylesheet") {
            ResourceKind::Style
        } else if is("modulepreload") {
            ResourceKind::Script
        } else if is("preload") || is("prefetch") {
            self.take_set(element, "imagesrcset");
            kind_of_as(&element.lower("as"))
        } else if is("icon")
            || is("apple-touch-icon")
            || is("apple-touch-icon-precomposed")
            || is("mask-icon")
        {
            ResourceKind::Image
        } else if is("manifest") || is("preconnect") || is("dns-prefetch") || is("prerender") {
            ResourceKind::Other
        } else {
            return;
        };
        if let Some(href) = element.get("href") {
            let place = format!("link {}", cut(&rel, 40));
            self.loads.add(kind, href, &self.base, &place, element.get("integrity"));
        }
    }

    fn script(&mut self, element: &Element) {
        let kind = element.lower("type");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_script = matches!(kind, "" | "module" | "text/jsx")
            || ["javascript", "ecmascript", "jscript", "livescript"].iter().any(|word| kind.contains(word));
        if kind == "importmap" {
            self.in_text = InText::ImportMap;
        }
        if !is_script {
            return;
        }
        if element.has("src") {
            self.take(ResourceKind::Script, element, "src");
        } else if element.has("href") || element.has("xlink:href") {
            self.take(ResourceKind::Script, element, "href");
            self.take(ResourceKind::Script, element, "xlink:href");
        } else {
            self.inline_scripts = self.inline_scripts.saturating_add(1);
        }
    }

    fn media(&mut self, element: &Element) {
        use ResourceKind::{Image, Media};
        match element.name.as_str() {
            "img" => {
                for name in ["src", "data-src", "data-lazy-src", "data-original"] {
                    self.take(Image, element, name);
                }
                self.take_set(element, "srcset");
                self.take_set(element, "data-srcset");
            }
            "source" => {
                self.take(if self.is_in_media { Media } else { Image }, element, "src");
                self.take_set(element, "srcset");
                self.take_set(element, "data-srcset");
            }
            "input" if element.lower("type") == "image" => self.take(Image, element, "src"),
            "video" | "audio" => {
                self.is_in_media = true;
                self.take(Media, element, "src");
                self.take(Image, element, "poster");
            }
            "track" => self.take(Media, element, "src"),
            _ => {}
        }
    }

    fn frame(&mut self, element: &Element) {
        if let Some(srcdoc) = element.get("srcdoc") {
            if self.srcdocs.len() < 5 {
                self.srcdocs.push(cut(srcdoc, 64 * 1024).to_owned());
            }
            return;
        }
        self.take(ResourceKind::Frame, element, "src");
        self.take(ResourceKind::Frame, element, "data-src");
    }

    fn import_map(&mut self, text: &str) {
        let Ok(map) = serde_json::from_str::<serde_json::Value>(text) else { return };
        let imports = map.get("imports").and_then(serde_json::Value::as_object);
        let integrity = map.get("integrity").and_then(serde_json::Value::as_object);
        for url in
            imports.into_iter().flat_map(|imports| imports.values()).filter_map(serde_json::Value::as_str)
        {
            let digest = integrity.and_then(|known| known.get(url)).and_then(serde_json::Value::as_str);
            // A path that maps a folder loads nothing by itself.
            if !url.ends_with('/') {
                self.loads.add(ResourceKind::Script, url, &self.base, "importmap", digest);
            }
        }
    }
}

/// Whether an attribute `on…` with this end is an event handler (HTML §8.1.8.2).
fn is_event(name: &str) -> bool {
    const STARTS: [&str; 34] = [
        "click",
        "dblclick",
        "auxclick",
        "load",
        "unload",
        "beforeunload",
        "error",
        "abort",
        "change",
        "submit",
        "reset",
        "input",
        "invalid",
        "focus",
        "blur",
        "select",
        "key",
        "mouse",
        "touch",
        "pointer",
        "drag",
        "drop",
        "scroll",
        "resize",
        "wheel",
        "toggle",
        "play",
        "pause",
        "animation",
        "transition",
        "copy",
        "paste",
        "hashchange",
        "contextmenu",
    ];
    STARTS.iter().any(|start| name.starts_with(start)) && name.bytes().all(|b| b.is_ascii_lowercase())
}

/// The kind for the `as` of a preload (Fetch §2.2.5).
fn kind_of_as(word: &str) -> ResourceKind {
    match word {
        "script" | "worker" | "sharedworker" | "serviceworker" => ResourceKind::Script,
        "style" => ResourceKind::Style,
        "font" => ResourceKind::Font,
        "image" => ResourceKind::Image,
        "audio" | "video" | "track" => ResourceKind::Media,
        "document" | "frame" | "iframe" => ResourceKind::Frame,
        "object" | "embed" => ResourceKind::Object,
        _ => ResourceKind::Other,
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
