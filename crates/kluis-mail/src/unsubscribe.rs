//! Unsubscribing with one click (RFC 8058) and the list of ways before it (RFC 2369): what a message offers, and what is
//! wrong with it.

use crate::message::{Message, uris};

/// The one value of `List-Unsubscribe-Post` (RFC 8058 §3.1).
pub const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
/// Bytes of a link that mail programs are sure to keep.
const LINK_BYTES_MAX: usize = 2000;
/// Characters that somebody would have to guess to unsubscribe another: a link with fewer holds no secret.
const SECRET_CHARS_MIN: usize = 10;

/// The ways that a message offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Addresses of `List-Unsubscribe`, in order.
    pub ways: Vec<String>,
    /// Whether `List-Unsubscribe-Post` says what it must.
    pub has_post: bool,
    /// What keeps one click from working, the most important first; empty when it works.
    pub problems: Vec<Problem>,
}

/// What keeps one click from working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Problem {
    /// No `List-Unsubscribe`.
    Missing,
    /// More than one `List-Unsubscribe`.
    Several,
    /// `List-Unsubscribe` holds no address between angle brackets.
    Unreadable,
    /// No `https` address in it.
    NoHttps,
    /// An `http` address in it: a post to it can be read on the way.
    Http,
    /// More than one `https` address.
    SeveralHttps,
    /// The address has no host that is on the internet.
    BadHost,
    /// The address is longer than mail programs keep.
    TooLong,
    /// The address does not say who unsubscribes, or others can guess it.
    NoSecret,
    /// The customer's mail address stands in it, readable for everybody that sees the link.
    HasAddress,
    /// No `List-Unsubscribe-Post`.
    NoPost,
    /// More than one, or it says something else than [`ONE_CLICK`].
    BadPost,
}

impl Unsubscribe {
    /// Reads the fields of a message.
    #[must_use]
    pub fn read(message: &Message<'_>) -> Self {
        let fields: Vec<_> = message.named("List-Unsubscribe").collect();
        let posts: Vec<_> = message.named("List-Unsubscribe-Post").collect();
        let mut found = Self { ways: Vec::new(), has_post: false, problems: Vec::new() };
        match fields[..] {
            [] => found.problems.push(Problem::Missing),
            [field] => found.ways = uris(field.value()),
            [field, ..] => {
                found.ways = uris(field.value());
                found.problems.push(Problem::Several);
            }
        }
        if !fields.is_empty() {
            let problems = link_problems(&found.ways);
            found.problems.extend(problems);
        }
        match posts[..] {
            [] => found.problems.push(Problem::NoPost),
            [post] if is_one_click(&post.text()) => found.has_post = true,
            _ => found.problems.push(Problem::BadPost),
        }
        found
    }

    /// The address that a click posts to.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.ways.iter().map(String::as_str).find(|way| has_scheme(way, "https"))
    }

    /// Whether a message offers any way at all.
    #[must_use]
    pub fn has_way(&self) -> bool {
        self.ways.iter().any(|way| ["https", "http", "mailto"].iter().any(|scheme| has_scheme(way, scheme)))
    }
}

/// `List-Unsubscribe=One-Click` in whatever case and with blanks around its parts, as receivers read it.
fn is_one_click(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("List-Unsubscribe") && value.trim().eq_ignore_ascii_case("One-Click")
}

fn has_scheme(way: &str, scheme: &str) -> bool {
    way.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(scheme))
}

fn link_problems(ways: &[String]) -> Vec<Problem> {
    if ways.is_empty() {
        return vec![Problem::Unreadable];
    }
    let mut problems = Vec::new();
    let links: Vec<&String> = ways.iter().filter(|way| has_scheme(way, "https")).collect();
    let [link, rest @ ..] = links.as_slice() else {
        problems.push(Problem::NoHttps);
        problems.extend(ways.iter().any(|way| has_scheme(way, "http")).then_some(Problem::Http));
        return problems;
    };
    problems.extend(ways.iter().any(|way| has_scheme(way, "http")).then_some(Problem::Http));
    problems.extend((!rest.is_empty()).then_some(Problem::SeveralHttps));
    problems.extend((link.len() > LINK_BYTES_MAX).then_some(Problem::TooLong));
    let after = link.split_once("://").map_or("", |(_, after)| after);
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (host, tail) = after.split_at(end);
    problems.extend((!is_public_host(host)).then_some(Problem::BadHost));
    let is_secret = |part: &str| part.chars().filter(char::is_ascii_alphanumeric).count() >= SECRET_CHARS_MIN;
    // A part is what stands between the marks of a link; a word such as `unsubscribe` alone is no secret.
    let mut parts = tail.split(['/', '?', '&', '=', '#', ';']);
    let has_secret = parts.any(|part| is_secret(part) && part.chars().any(|c| c.is_ascii_digit()));
    if has_mail_address(tail) {
        problems.push(Problem::HasAddress);
    } else if !has_secret {
        problems.push(Problem::NoSecret);
    }
    problems
}

/// A name with a dot that is no address, without a user.
fn is_public_host(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let top = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.split('.').all(is_label)
        && top.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !name.to_ascii_lowercase().ends_with(".local")
}

/// Whether something like `name@host` stands in the part of a link behind its host.
fn has_mail_address(tail: &str) -> bool {
    let tail = tail.replace("%40", "@");
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    tail.match_indices('@').any(|(at, _)| {
        let before = tail[..at].chars().next_back().is_some_and(is_word);
        let after: String = tail[at + 1..].chars().take_while(|c| is_word(*c)).collect();
        before && after.trim_matches('.').contains('.')
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOOD: &str = "List-Unsubscribe: <mailto:af@x.example>, <https://x.example/u/4f8a91c2d7>\r\n\
                        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";

    #[track_caller]
    fn check(header: &str, wanted: &[Problem]) {
        let text = header.replace('|', "\r\n");
        let found = Unsubscribe::read(&Message::read(text.as_bytes()).unwrap());
        assert_eq!(found.problems, wanted, "{header}");
    }

    #[test]
    fn one_click_works_with_a_secret_link_and_the_word() {
        check(GOOD, &[]);
        check(&GOOD.replace("=One", "= one"), &[]);
        check(&GOOD.replace("u/4f8a91c2d7", "uit?t=AbC-0123456789&lijst=3"), &[]);
        let found = Unsubscribe::read(&Message::read(GOOD.as_bytes()).unwrap());
        assert_eq!(
            (found.link(), found.has_way(), found.has_post),
            (Some("https://x.example/u/4f8a91c2d7"), true, true)
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        use Problem::*;
        check("From: a@x.example", &[Missing, NoPost]);
        check("List-Unsubscribe: https://x.example/4f8a91c2d7", &[Unreadable, NoPost]);
        check("List-Unsubscribe: <mailto:af@x.example>|List-Unsubscribe-Post: x", &[NoHttps, BadPost]);
        let post = "|List-Unsubscribe-Post: List-Unsubscribe=One-Click";
        for (way, wanted) in [
            ("<http://x.example/4f8a91c2d7>", &[NoHttps, Http][..]),
            ("<https://x.example/4f8a91c2d7>, <http://x.example/4f8a91c2d7>", &[Http]),
            ("<https://x.example/4f8a91c2d7>, <https://y.example/4f8a91c2d7>", &[SeveralHttps]),
            ("<https://x.example/unsubscribe>", &[NoSecret]),
            ("<https://x.example>", &[NoSecret]),
            ("<https://x.example/u?id=12>", &[NoSecret]),
            ("<https://x.example/u?e=jan@post.example>", &[HasAddress]),
            ("<https://x.example/u?e=jan%40post.example&t=0123456789>", &[HasAddress]),
            ("<https://localhost/0123456789>", &[BadHost]),
            ("<https://127.0.0.1/0123456789>", &[BadHost]),
            ("<https://u@x.example/0123456789>", &[BadHost]),
            ("<https:0123456789>", &[BadHost, NoSecret]),
            ("<>", &[NoHttps]),
        ] {
            check(&format!("List-Unsubscribe: {way}{post}"), wanted);
        }
        check(
            &format!("List-Unsubscribe: <https://x.example/{}>{post}", "0123456789".repeat(200)),
            &[TooLong],
        );
        check(
            &format!("{}{}", GOOD.replace("\r\n", "|"), "List-Unsubscribe: <https://y.example/4f8a91c2d7>"),
            &[Several],
        );
        check(&format!("{}{}", GOOD.replace("\r\n", "|"), "List-Unsubscribe-Post: x"), &[BadPost]);
    }

    proptest::proptest! {
        #[test]
        fn anything_is_read(value in "\\PC{0,60}", post in "\\PC{0,40}") {
            let text = format!("List-Unsubscribe: {value}\r\nList-Unsubscribe-Post: {post}\r\n");
            let found = Unsubscribe::read(&Message::read(text.as_bytes()).unwrap());
            proptest::prop_assert!(!found.problems.is_empty() || (found.has_post && found.link().is_some()));
        }
    }
}
