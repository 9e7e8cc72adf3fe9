//! Reads `Set-Cookie` headers (RFC 6265bis) and knows the session cookies of shops.

use super::personal::{cut, mask_url};
use crate::facts::Cookie;

/// Bytes of name and value together that browsers keep.
const PAIR_BYTES_MAX: usize = 4096;
/// Bytes of an attribute's value that browsers read.
const ATTRIBUTE_BYTES_MAX: usize = 1024;
/// Bytes of one header that are read.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// `SameSite`, as browsers understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Not given: browsers take `Lax`, some only after two minutes.
    Absent,
    /// `Strict`.
    Strict,
    /// `Lax`.
    Lax,
    /// `None`: sent along from every site.
    None,
    /// Something browsers do not know.
    Invalid,
}

/// Reads one raw `Set-Cookie` value; `set_by` is the URL that sent it. `None` when browsers would drop it as unreadable;
/// a cookie that breaks the rules of its prefix is read, see [`prefix_problem`].
#[must_use]
pub fn read_cookie(raw_set_cookie: &str, set_by: &str) -> Option<Cookie> {
    let raw = cut(raw_set_cookie, HEADER_BYTES_MAX);
    if raw.bytes().any(|b| b < 0x20 && b != b'\t' || b == 0x7f) {
        return None;
    }
    let mut parts = raw.split(';');
    let pair = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() && value.is_empty() || name.len() + value.len() > PAIR_BYTES_MAX {
        return None;
    }
    let mut cookie = Cookie {
        name: cut(name, 200).to_owned(),
        set_by: mask_url(set_by),
        value_bytes: u32::try_from(value.len()).unwrap_or(u32::MAX),
        ..Cookie::default()
    };
    for attribute in parts.take(50) {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        if value.len() > ATTRIBUTE_BYTES_MAX {
            continue;
        }
        let text = || Some(cut(value, 200).to_owned());
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.is_secure = true,
            "httponly" => cookie.is_http_only = true,
            "partitioned" => cookie.is_partitioned = true,
            "samesite" => cookie.same_site = text(),
            "path" => cookie.path = text(),
            "domain" => cookie.domain = text(),
            _ => {}
        }
    }
    Some(cookie)
}

/// How browsers understand its `SameSite`.
#[must_use]
pub fn same_site(cookie: &Cookie) -> SameSite {
    match cookie.same_site.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => SameSite::Absent,
        Some("strict") => SameSite::Strict,
        Some("lax") => SameSite::Lax,
        Some("none") => SameSite::None,
        Some(_) => SameSite::Invalid,
    }
}

/// Why browsers refuse a cookie whose name promises more than it keeps (RFC 6265bis §4.1.3), in words without language.
#[must_use]
pub fn prefix_problem(cookie: &Cookie) -> Option<&'static str> {
    let name = cookie.name.to_ascii_lowercase();
    let is_host = name.starts_with("__host-") || name.starts_with("__host-http-");
    let is_http = name.starts_with("__http-") || name.starts_with("__host-http-");
    if !(is_host || is_http || name.starts_with("__secure-")) {
        return None;
    }
    if !cookie.is_secure || !cookie.set_by.starts_with("https://") {
        return Some("Secure");
    }
    if is_http && !cookie.is_http_only {
        return Some("HttpOnly");
    }
    if is_host && cookie.domain.as_deref().is_some_and(|domain| !domain.is_empty()) {
        return Some("Domain");
    }
    if is_host && cookie.path.as_deref() != Some("/") {
        return Some("Path=/");
    }
    None
}

/// Whether a cookie keeps somebody signed in or holds their basket: known names of shop software, and names with
/// `session`, `login`, `sess` or `auth`.
#[must_use]
pub fn is_session(name: &str) -> bool {
    const WHOLE: [&str; 26] = [
        "phpsessid",
        "frontend",
        "adminhtml",
        "admin",
        "jsessionid",
        "asp.net_sessionid",
        ".aspxauth",
        "connect.sid",
        "laravel_session",
        "sid",
        "session",
        "session_id",
        "sessionid",
        "private_content_version",
        "_session_id",
        "cart",
        "cart_sig",
        "_secure_session_id",
        "secure_customer_sig",
        "remember_me",
        "jwt",
        "access_token",
        "customer_token",
        "ssid",
        "sf_redirect",
        "sw-context-token",
    ];
    const STARTS: [&str; 9] = [
        "prestashop-",
        "wp_woocommerce_session_",
        "wordpress_logged_in_",
        "wordpress_sec_",
        "_shopify_s",
        "_shopify_y",
        "remember_web_",
        "remember_customer_",
        "ocsessid",
    ];
    // Cookies of measuring tools that only sound like a session.
    const NOT: [&str; 6] = ["_hjsession", "_ga", "ai_session", "sess_ref", "sessionstorage", "_clsk"];
    let name = name.to_ascii_lowercase();
    let name = ["__host-http-", "__host-", "__secure-", "__http-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(&name);
    if NOT.iter().any(|start| name.starts_with(start)) || is_csrf(name) {
        return false;
    }
    WHOLE.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || ["sess", "login", "auth"].iter().any(|word| name.contains(word)) && !name.contains("author")
}

/// Whether a cookie carries a token against forged requests; scripts must read some of those, so they need no HttpOnly.
#[must_use]
pub fn is_csrf(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("csrf") || name.contains("xsrf") || name == "form_key" || name.contains("antiforgery")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Cookie {
        read_cookie(raw, "https://shop.example/?x=1").unwrap()
    }

    #[test]
    fn attributes_are_read() {
        let cookie =
            read("PHPSESSID=abc; path=/; Secure; httponly; SameSite=Lax; domain=.shop.example; Partitioned");
        assert_eq!(cookie.name, "PHPSESSID");
        assert_eq!(cookie.set_by, "https://shop.example/?x=*");
        assert!(cookie.is_secure && cookie.is_http_only && cookie.is_partitioned);
        assert_eq!(cookie.same_site.as_deref(), Some("Lax"));
        assert_eq!((cookie.path.as_deref(), cookie.domain.as_deref()), (Some("/"), Some(".shop.example")));
        assert_eq!(cookie.value_bytes, 3);
        assert_eq!(read("a=b; SameSite=Strict; samesite=NONE").same_site.as_deref(), Some("NONE"));
        assert_eq!(read("novalue").name, "");
        assert_eq!(read("a=b=c").value_bytes, 3);
        assert!(!read("a=\"; Secure\"").is_http_only);
    }

    #[test]
    fn what_browsers_drop_is_none() {
        for raw in ["", "=", " ; Secure", "a\u{0}=b", "a=b\u{7f}", "a=b\r\nX: y"] {
            assert_eq!(read_cookie(raw, "https://shop.example/"), None, "{raw:?}");
        }
        assert_eq!(read_cookie(&format!("a={}", "x".repeat(5000)), "https://shop.example/"), None);
        let long = format!("a=b; Path={}; Secure", "x".repeat(2000));
        assert_eq!((read(&long).path, read(&long).is_secure), (None, true));
    }

    #[test]
    fn same_site_is_understood() {
        for (raw, wanted) in [
            ("a=b", SameSite::Absent),
            ("a=b; samesite=STRICT", SameSite::Strict),
            ("a=b; SameSite=lax", SameSite::Lax),
            ("a=b; SameSite=None", SameSite::None),
            ("a=b; SameSite", SameSite::Invalid),
            ("a=b; SameSite=Laks", SameSite::Invalid),
        ] {
            assert_eq!(same_site(&read(raw)), wanted, "{raw}");
        }
    }

    #[test]
    fn prefixes_promise_attributes() {
        assert_eq!(prefix_problem(&read("__Host-a=b; Secure; Path=/")), None);
        assert_eq!(prefix_problem(&read("__Secure-a=b; Secure")), None);
        assert_eq!(prefix_problem(&read("Host-a=b")), None);
        assert_eq!(prefix_problem(&read("__Secure-a=b")), Some("Secure"));
        assert_eq!(prefix_problem(&read("__host-a=b; Secure; Path=/; Domain=shop.example")), Some("Domain"));
        assert_eq!(prefix_problem(&read("__Host-a=b; Secure")), Some("Path=/"));
        assert_eq!(prefix_problem(&read("__Host-a=b; Secure; Path=/shop")), Some("Path=/"));
        assert_eq!(prefix_problem(&read("__Http-a=b; Secure; Path=/")), Some("HttpOnly"));
        let plain = read_cookie("__Secure-a=b; Secure", "http://shop.example/").unwrap();
        assert_eq!(prefix_problem(&plain), Some("Secure"));
    }

    #[test]
    fn session_cookies_of_shops_are_known() {
        for name in [
            "PHPSESSID",
            "frontend",
            "PrestaShop-abc",
            "wp_woocommerce_session_1",
            "__Host-PHPSESSID",
            "laravel_session",
            "connect.sid",
            "JSESSIONID",
            "ASP.NET_SessionId",
            "auth_token",
            "userLogin",
        ] {
            assert!(is_session(name), "{name}");
        }
        for name in
            ["_ga", "_hjSession_12", "XSRF-TOKEN", "csrf_session", "author", "lang", "cookieconsent", ""]
        {
            assert!(!is_session(name), "{name}");
        }
        assert!(is_csrf("XSRF-TOKEN") && is_csrf("form_key") && !is_csrf("frontend"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(raw in "\\PC{0,300}") {
            if let Some(cookie) = read_cookie(&raw, "https://shop.example/") {
                let _ = (prefix_problem(&cookie), same_site(&cookie), is_session(&cookie.name));
            }
        }
    }
}
