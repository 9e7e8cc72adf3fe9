//! Guesses which links of a page lead to a product, the login, the checkout and the contact form.

use std::collections::{BTreeMap, HashSet};

use url::Url;

use super::personal::cut;
use super::tokens::{Element, Event, walk};
use crate::facts::PageKind;

/// Links of a page that are looked at.
const LINKS_MAX: usize = 3000;
/// Links of each kind that are told.
const EACH_MAX: usize = 5;
/// Bytes of a URL that may be worth a visit.
const URL_BYTES_MAX: usize = 500;
/// Points below which a link is not worth a guess.
const POINTS_MIN: i32 = 30;

/// Links of the same host that look like shop pages, best first within each kind, at most 5 of each. When the page links
/// to no login or checkout but the shop software is known, its usual addresses are the last guesses.
#[must_use]
pub fn links(html: &str, base: &Url) -> Vec<(PageKind, Url)> {
    let mut collector = Collector::new(base);
    walk(html, |event| collector.event(event));
    collector.finish_link();
    let mut best: BTreeMap<PageKind, Vec<(i32, usize, Url)>> = BTreeMap::new();
    for (order, link) in collector.found.into_iter().enumerate() {
        if let Some((kind, points)) = classify(&link) {
            best.entry(kind).or_default().push((-points, order, link.url));
        }
    }
    for (kind, path) in usual_paths(html) {
        if !best.contains_key(kind)
            && let Ok(url) = base.join(path)
        {
            best.entry(*kind).or_default().push((0, usize::MAX, url));
        }
    }
    let mut links = Vec::new();
    for (kind, mut of_kind) in best {
        of_kind.sort();
        links.extend(of_kind.into_iter().take(EACH_MAX).map(|(_, _, url)| (kind, url)));
    }
    links
}

struct Link {
    url: Url,
    text: String,
    class: String,
}

struct Collector {
    document: Url,
    base: Url,
    has_base: bool,
    open: Option<Link>,
    seen: HashSet<String>,
    found: Vec<Link>,
}

impl Collector {
    fn new(document: &Url) -> Self {
        Self {
            document: document.clone(),
            base: document.clone(),
            has_base: false,
            open: None,
            seen: HashSet::new(),
            found: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(element) if element.name == "a" => {
                self.finish_link();
                self.begin_link(element);
            }
            Event::Start(element) if element.name == "base" && !self.has_base => {
                // Every link would carry a longer one along.
                let href = element.get("href").filter(|href| href.len() <= URL_BYTES_MAX);
                if let Some(base) = href.and_then(|href| self.document.join(href).ok()) {
                    self.has_base = true;
                    self.base = base;
                }
            }
            Event::Start(element) => {
                // An icon says what the link is for.
                if let Some(link) = &mut self.open {
                    let text = element.get("alt").or(element.get("aria-label")).or(element.get("title"));
                    add_text(link, text.unwrap_or_default());
                }
            }
            Event::Text(text) => {
                if let Some(link) = &mut self.open {
                    add_text(link, text);
                }
            }
            Event::End("a") => self.finish_link(),
            Event::End(_) => {}
        }
    }

    fn begin_link(&mut self, element: &Element) {
        let Some(href) = element.get("href").map(str::trim) else { return };
        if self.found.len() >= LINKS_MAX
            || href.is_empty()
            || href.starts_with('#')
            || href.len() > URL_BYTES_MAX
        {
            return;
        }
        let Ok(mut url) = self.base.join(href) else { return };
        url.set_fragment(None);
        let is_here = url.host() == self.document.host()
            && url.port_or_known_default() == self.document.port_or_known_default()
            || url.host() == self.document.host() && url.scheme() != self.document.scheme();
        if !is_here
            || !matches!(url.scheme(), "http" | "https")
            || url.path() == self.document.path() && url.query().is_none()
        {
            return;
        }
        let mut link = Link { url, text: String::new(), class: element.lower("class") };
        for name in ["title", "aria-label"] {
            add_text(&mut link, element.get(name).unwrap_or_default());
        }
        link.class.push(' ');
        link.class.push_str(&element.lower("itemprop"));
        self.open = Some(link);
    }

    fn finish_link(&mut self) {
        if let Some(link) = self.open.take()
            && self.seen.insert(link.url.as_str().to_owned())
        {
            self.found.push(link);
        }
    }
}

fn add_text(link: &mut Link, text: &str) {
    if !text.is_empty() {
        link.text.push(' ');
        link.text.push_str(&cut(text, 200_usize.saturating_sub(link.text.len())).to_lowercase());
    }
}

/// Words in the text or the path, with points.
type Words = &'static [(&'static str, i32)];

const LOGIN: Words = &[
    ("inloggen", 60),
    ("aanmelden", 50),
    ("login", 60),
    ("log in", 60),
    ("sign in", 60),
    ("signin", 60),
    ("sign-in", 60),
    ("mijn account", 50),
    ("mijn-account", 60),
    ("my-account", 60),
    ("my account", 50),
    ("account/login", 80),
    ("registreren", 40),
    ("register", 35),
    ("account", 30),
    ("mijn gegevens", 30),
    ("wp-login", 20),
    ("customer/account", 50),
];
const CHECKOUT: Words = &[
    ("afrekenen", 70),
    ("checkout", 70),
    ("check out", 60),
    ("kassa", 60),
    ("winkelwagen", 50),
    ("winkelmand", 50),
    ("winkelmandje", 50),
    ("shopping cart", 50),
    ("basket", 45),
    ("/cart", 50),
    ("bestelling", 30),
    ("bestellen", 30),
    ("controller=order", 60),
    ("controller=cart", 50),
    ("cart", 35),
];
const CONTACT: Words = &[
    ("contact", 60),
    ("klantenservice", 40),
    ("customer service", 40),
    ("customer-service", 40),
    ("contactformulier", 70),
    ("contact-us", 70),
    ("contact us", 60),
    ("neem contact op", 60),
    ("stel een vraag", 40),
    ("support", 30),
    ("helpdesk", 30),
];
const PRODUCT: Words = &[
    ("/product/", 60),
    ("/products/", 60),
    ("/producten/", 45),
    ("/artikel/", 50),
    ("/p/", 45),
    ("/item/", 40),
    ("controller=product", 60),
    ("/shop/", 15),
    (".html", 20),
    ("/dp/", 40),
    ("/catalog/product/view", 60),
];
/// Classes that shop software gives to links to products.
const PRODUCT_CLASSES: Words = &[
    ("woocommerce-loopproduct-link", 60),
    ("product-item-link", 60),
    ("product-item-photo", 55),
    ("product-thumbnail", 55),
    ("product-title", 40),
    ("product-card", 45),
    ("product-name", 40),
    ("product_link", 40),
    ("product", 25),
];
/// Links that change something, or that lead away from the page itself.
const NEVER: [&str; 20] = [
    "logout",
    "log-out",
    "uitloggen",
    "afmelden",
    "signout",
    "sign-out",
    "add-to-cart",
    "addtocart",
    "add_to_cart",
    "remove",
    "delete",
    "verwijder",
    "unsubscribe",
    "uitschrijven",
    "wp-json",
    "/feed",
    "compare",
    "wishlist",
    "cart/add",
    "order-tracking",
];
const FILES: [&str; 8] = [".pdf", ".jpg", ".jpeg", ".png", ".webp", ".zip", ".xml", ".svg"];

fn classify(link: &Link) -> Option<(PageKind, i32)> {
    let path = link.url.path().to_ascii_lowercase();
    let query = link.url.query().unwrap_or_default().to_ascii_lowercase();
    let address = format!("{path}?{query}");
    if NEVER.iter().any(|word| address.contains(word)) || FILES.iter().any(|file| path.ends_with(file)) {
        return None;
    }
    let text = link.text.trim();
    // A long text is a story that mentions the word, not a button.
    let text = if text.len() <= 60 { text } else { "" };
    let depth = i32::try_from(path.matches('/').count()).unwrap_or(100).min(20);
    let points = |words: Words| {
        let best = |in_text: &str| {
            words.iter().filter(|(w, _)| in_text.contains(w)).map(|(_, p)| *p).max().unwrap_or(0)
        };
        best(&address) + best(text) / 2
    };
    let product_class =
        PRODUCT_CLASSES.iter().filter(|(word, _)| link.class.contains(word)).map(|(_, p)| *p).max();
    let candidates = [
        (PageKind::Checkout, points(CHECKOUT) - depth),
        (PageKind::Login, points(LOGIN) - depth),
        (PageKind::Contact, points(CONTACT) - depth),
        (PageKind::Product, points(PRODUCT) + product_class.unwrap_or(0) + depth),
    ];
    let best = candidates.into_iter().max_by_key(|(_, points)| *points)?;
    (best.1 >= POINTS_MIN).then_some(best)
}

/// Where shop software usually has its pages.
fn usual_paths(html: &str) -> &'static [(PageKind, &'static str)] {
    use PageKind::{Checkout, Contact, Login};
    match super::platform(html, &[], &[]).as_deref() {
        Some("woocommerce") => &[(Login, "/my-account/"), (Checkout, "/checkout/"), (Contact, "/contact/")],
        Some("magento") => {
            &[(Login, "/customer/account/login/"), (Checkout, "/checkout/cart/"), (Contact, "/contact/")]
        }
        Some("prestashop") => &[
            (Login, "/index.php?controller=authentication"),
            (Checkout, "/index.php?controller=cart&action=show"),
            (Contact, "/index.php?controller=contact"),
        ],
        Some("shopify") => &[(Login, "/account/login"), (Checkout, "/cart"), (Contact, "/pages/contact")],
        Some("lightspeed") => &[(Login, "/account/login/"), (Checkout, "/cart/"), (Contact, "/service/")],
        Some("shopware") => &[(Login, "/account/login"), (Checkout, "/checkout/cart")],
        Some("opencart") => {
            &[(Login, "/index.php?route=account/login"), (Checkout, "/index.php?route=checkout/cart")]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn read(html: &str) -> Vec<(PageKind, Url)> {
        links(html, &Url::parse("https://shop.example/").unwrap())
    }

    #[track_caller]
    fn check(html: &str, wanted: &[(PageKind, &str)]) {
        let found = read(html);
        let found: Vec<(PageKind, &str)> = found.iter().map(|(kind, url)| (*kind, url.as_str())).collect();
        assert_eq!(found, wanted, "{html}");
    }

    #[test]
    fn shop_pages_are_guessed() {
        use PageKind::{Checkout, Contact, Login, Product};
        check("<a href=/mijn-account/>Inloggen</a>", &[(Login, "https://shop.example/mijn-account/")]);
        check(
            "<a href='/customer/account/login/'>Hi</a>",
            &[(Login, "https://shop.example/customer/account/login/")],
        );
        check(
            "<a href=/x7><img alt='Winkelwagen'></a><a href=/afrekenen>Ga</a>",
            &[(Checkout, "https://shop.example/afrekenen")],
        );
        check(
            "<a href=/service/contact#form>Vragen?</a>",
            &[(Contact, "https://shop.example/service/contact")],
        );
        check("<a href=/product/fiets/>Fiets</a>", &[(Product, "https://shop.example/product/fiets/")]);
        check(
            "<a class='product-item-link' href=/duffle-bag.html>Bag</a>",
            &[(Product, "https://shop.example/duffle-bag.html")],
        );
        check("<base href=/nl/><a href=login>x</a>", &[(Login, "https://shop.example/nl/login")]);
    }

    #[test]
    fn the_best_comes_first() {
        let found = read("<a href=/cart>Mandje</a><a href=/checkout>Afrekenen</a>");
        assert_eq!(found[0].1.path(), "/checkout");
        let many: String = (0..100).map(|n| format!("<a href=/product/{n}>x</a>")).collect();
        assert_eq!(read(&many).len(), EACH_MAX);
    }

    #[test]
    fn other_links_are_left_alone() {
        for html in [
            "",
            "<a>login</a>",
            "<a href=https://other.example/login>Login</a>",
            "<a href=/logout>account</a>",
            "<a href=/?add-to-cart=5>Bestellen</a>",
            "<a href=#login>Login</a>",
            "<a href='javascript:login()'>Login</a>",
            "<a href=/blog>Nieuws</a>",
            "<a href=mailto:contact@shop.example>contact</a>",
            "<a href=/contact.pdf>Contact</a>",
            "<a href=/>contact</a>",
            "<a href='http://[x'>login</a>",
            "<!-- <a href=/login>login</a> -->",
        ] {
            check(html, &[]);
        }
        let story = format!("<a href=/n>{} contact</a>", "lang verhaal ".repeat(10));
        check(&story, &[]);
    }

    #[test]
    fn known_software_has_usual_addresses() {
        let found = read("<body class='woocommerce'><link href='/wp-content/plugins/woocommerce/x.css'>");
        assert_eq!(
            found.iter().map(|(_, url)| url.path()).collect::<Vec<_>>(),
            ["/my-account/", "/checkout/", "/contact/"]
        );
    }

    #[test]
    fn a_giant_base_is_not_carried_along_by_every_link() {
        let base = format!("<base href=\"/{}/\">", "a".repeat(1_000_000));
        let many: String = (0..3000).map(|n| format!("<a href=login/{n}>Inloggen</a>")).collect();
        let found = links(&format!("{base}{many}"), &Url::parse("https://shop.example/").unwrap());
        assert_eq!(found.len(), EACH_MAX);
        assert!(found.iter().all(|(_, url)| url.as_str().len() <= 2 * URL_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn any_page_is_read(html in "(<a |href=|/login|/cart|>|</a>|\"|'| |http:|//|é|contact){0,60}") {
            prop_assert!(read(&html).len() <= EACH_MAX * 6);
        }
    }
}
