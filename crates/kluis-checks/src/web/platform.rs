//! Recognises the shop software and the web server.

use super::personal::cut;
use crate::facts::{Cookie, Header};
use crate::finding::Platform;

/// Bytes of a page that are searched.
const PAGE_BYTES_MAX: usize = 512 * 1024;

/// What gives one kind of software away; all texts in lower case.
struct Signs {
    name: &'static str,
    html: &'static [&'static str],
    headers: &'static [(&'static str, &'static str)],
    cookies: &'static [&'static str],
}

/// The more particular first: WooCommerce is also WordPress.
static SOFTWARE: &[Signs] = &[
    Signs {
        name: "woocommerce",
        html: &["plugins/woocommerce", "woocommerce-js", "wc-ajax=", "content=\"woocommerce"],
        headers: &[],
        cookies: &["wp_woocommerce_session_", "woocommerce_"],
    },
    Signs {
        name: "magento",
        html: &["text/x-magento-init", "/static/version", "mage/cookies", "magento_", "data-mage-init"],
        headers: &[("x-magento-", ""), ("x-powered-by", "magento")],
        cookies: &["mage-", "form_key", "private_content_version", "x-magento-vary"],
    },
    Signs {
        name: "prestashop",
        html: &["content=\"prestashop\"", "var prestashop =", "/modules/ps_", "prestashop.com"],
        headers: &[("powered-by", "prestashop"), ("x-powered-by", "prestashop")],
        cookies: &["prestashop-"],
    },
    Signs {
        name: "shopify",
        html: &["cdn.shopify.com", "shopify.theme", "/cdn/shop/"],
        headers: &[("x-shopify-", ""), ("x-shopid", ""), ("powered-by", "shopify")],
        cookies: &["_shopify_", "secure_customer_sig"],
    },
    Signs {
        name: "lightspeed",
        html: &[
            "cdn.webshopapp.com",
            "static.webshopapp.com",
            "seoshop",
            "lightspeedhq.com",
            "app.ecwid.com",
        ],
        headers: &[],
        cookies: &["ecwid"],
    },
    Signs {
        name: "shopware",
        html: &["/bundles/storefront", "shopware", "themes/frontend/responsive"],
        headers: &[("sw-version-id", ""), ("x-shopware-", "")],
        cookies: &["sw-", "session-", "__csrf_token-"],
    },
    Signs {
        name: "opencart",
        html: &["catalog/view/theme/", "route=common/home"],
        headers: &[],
        cookies: &["ocsessid"],
    },
    Signs { name: "ccv-shop", html: &["ccvshop", "biedmeer"], headers: &[], cookies: &[] },
    Signs { name: "mijnwebwinkel", html: &["myonlinestore", "mijnwebwinkel"], headers: &[], cookies: &[] },
    Signs {
        name: "bigcommerce",
        html: &["bigcommerce.com/"],
        headers: &[],
        cookies: &["shop_session_token"],
    },
    Signs {
        name: "wix",
        html: &["static.wixstatic.com", "content=\"wix.com"],
        headers: &[("x-wix-", "")],
        cookies: &[],
    },
    Signs {
        name: "squarespace",
        html: &["static1.squarespace.com"],
        headers: &[("server", "squarespace")],
        cookies: &[],
    },
    Signs {
        name: "drupal",
        html: &["drupal-settings-json", "content=\"drupal"],
        headers: &[("x-drupal-", ""), ("x-generator", "drupal")],
        cookies: &[],
    },
    Signs { name: "joomla", html: &["content=\"joomla"], headers: &[], cookies: &[] },
    Signs {
        name: "wordpress",
        html: &["/wp-content/", "/wp-includes/", "content=\"wordpress"],
        headers: &[("link", "api.w.org"), ("x-pingback", "xmlrpc.php")],
        cookies: &["wordpress_"],
    },
];

/// The shop software: `woocommerce`, `wordpress`, `magento`, `prestashop`, `shopify`, `lightspeed` and others.
#[must_use]
pub fn platform(html: &str, headers: &[Header], cookies: &[Cookie]) -> Option<String> {
    let html = cut(html, PAGE_BYTES_MAX).to_ascii_lowercase();
    let cookies: Vec<String> = cookies.iter().map(|cookie| cookie.name.to_ascii_lowercase()).collect();
    let shows = |signs: &&Signs| {
        signs.html.iter().any(|text| html.contains(text))
            || signs.cookies.iter().any(|start| cookies.iter().any(|name| name.starts_with(start)))
            || signs.headers.iter().any(|(name, text)| {
                headers.iter().any(|h| {
                    let is_name = if text.is_empty() { h.name.starts_with(name) } else { h.name == *name };
                    is_name && h.value.to_ascii_lowercase().contains(text)
                })
            })
    };
    SOFTWARE.iter().find(shows).map(|signs| signs.name.to_owned())
}

/// The web server or the network before it: `nginx`, `apache`, `caddy`, `litespeed`, `iis`, `cloudflare` and others.
#[must_use]
pub fn server(headers: &[Header]) -> Option<String> {
    const SERVERS: [(&str, &str); 14] = [
        ("openresty", "nginx"),
        ("nginx", "nginx"),
        ("apache", "apache"),
        ("caddy", "caddy"),
        ("litespeed", "litespeed"),
        ("microsoft-iis", "iis"),
        ("cloudflare", "cloudflare"),
        ("lighttpd", "lighttpd"),
        ("akamai", "akamai"),
        ("envoy", "envoy"),
        ("gunicorn", "gunicorn"),
        ("kestrel", "kestrel"),
        ("vercel", "vercel"),
        ("cloudfront", "cloudfront"),
    ];
    let value = headers.iter().find(|header| header.name == "server")?.value.to_ascii_lowercase();
    SERVERS.iter().find(|(word, _)| value.contains(word)).map(|(_, name)| (*name).to_owned())
}

/// The kind of fix for a shop software of this name, when one is spelled out.
#[must_use]
pub(crate) fn shop_software(name: &str) -> Option<Platform> {
    let name = name.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if is(&["woocommerce", "wordpress"]) {
        Some(Platform::Woocommerce)
    } else if is(&["magento", "adobe"]) {
        Some(Platform::Magento)
    } else if is(&["prestashop"]) {
        Some(Platform::Prestashop)
    } else if is(&[
        "shopify",
        "lightspeed",
        "bigcommerce",
        "squarespace",
        "wix",
        "ccv",
        "mijnwebwinkel",
        "jouwweb",
    ]) {
        Some(Platform::Hosted)
    } else {
        None
    }
}

/// The kind of fix for a web server of this name, when one is spelled out.
#[must_use]
pub(crate) fn web_server(name: &str) -> Option<Platform> {
    let name = name.to_ascii_lowercase();
    if name.contains("nginx") || name.contains("openresty") {
        Some(Platform::Nginx)
    } else if name.contains("apache") || name.contains("litespeed") {
        Some(Platform::Apache)
    } else if name.contains("caddy") {
        Some(Platform::Caddy)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Header {
        Header { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn software_is_recognised() {
        let from_html = |html: &str| platform(html, &[], &[]);
        assert_eq!(
            from_html("<link href=/wp-content/plugins/WooCommerce/a.css>").as_deref(),
            Some("woocommerce")
        );
        assert_eq!(from_html("<link href=/wp-content/themes/x.css>").as_deref(), Some("wordpress"));
        assert_eq!(from_html("<script type=\"text/x-magento-init\">").as_deref(), Some("magento"));
        assert_eq!(from_html("<img src=//cdn.shopify.com/x>").as_deref(), Some("shopify"));
        assert_eq!(from_html("<img src=https://cdn.webshopapp.com/x>").as_deref(), Some("lightspeed"));
        let cookie = Cookie { name: "PrestaShop-abc".to_owned(), ..Cookie::default() };
        assert_eq!(platform("", &[], &[cookie]).as_deref(), Some("prestashop"));
        assert_eq!(platform("", &[header("x-magento-tags", "a")], &[]).as_deref(), Some("magento"));
        assert_eq!(platform("", &[header("powered-by", "Shopify")], &[]).as_deref(), Some("shopify"));
        for html in ["", "<html>", "we love presta shops", "wordpress"] {
            assert_eq!(from_html(html), None, "{html}");
        }
    }

    #[test]
    fn servers_are_recognised() {
        assert_eq!(server(&[header("server", "Apache/2.4 (Debian)")]).as_deref(), Some("apache"));
        assert_eq!(server(&[header("server", "openresty/1.21")]).as_deref(), Some("nginx"));
        assert_eq!(server(&[header("server", "")]), None);
        assert_eq!(server(&[header("x-server", "nginx")]), None);
    }

    #[test]
    fn software_is_recognised_by_name() {
        for (name, platform) in [
            ("woocommerce", Some(Platform::Woocommerce)),
            ("WordPress 6", Some(Platform::Woocommerce)),
            ("magento", Some(Platform::Magento)),
            ("lightspeed", Some(Platform::Hosted)),
            ("wordpress", Some(Platform::Woocommerce)),
            ("drupal", None),
            ("own", None),
            ("", None),
        ] {
            assert_eq!(shop_software(name), platform, "{name}");
        }
        for (name, platform) in [
            ("nginx", Some(Platform::Nginx)),
            ("LiteSpeed", Some(Platform::Apache)),
            ("iis", None),
            ("cloudflare", None),
        ] {
            assert_eq!(web_server(name), platform, "{name}");
        }
    }
}
