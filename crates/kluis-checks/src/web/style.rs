//! Reads a style sheet: what it loads.

use std::borrow::Cow;

use url::Url;

use super::page::Loads;
use super::personal::cut;
use crate::facts::{ResourceFacts, ResourceKind};

/// Bytes of a style sheet that are read.
const SHEET_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one URL in it; a longer one is data.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Adds what a style sheet (at most 1 MiB of it) loads to `out`, which grows to at most 500: `@import`, `url()`,
/// `image-set()`, fonts. `base` is the URL of the sheet, `place` where it was found (`css https://shop.example/a.css`).
/// `is_third_party` is told against `base`; for the sheet of somebody else the caller tells it against the page with
/// [`super::is_third_party`].
pub fn read_style(css: &str, base: &Url, place: &str, out: &mut Vec<ResourceFacts>) {
    let mut loads = Loads::from(base.clone(), std::mem::take(out));
    scan(css, place, base, &mut loads);
    *out = loads.into_resources();
}

/// Adds what style text of a page loads; `base` is the page's base.
pub(super) fn scan(css: &str, place: &str, base: &Url, loads: &mut Loads) {
    let css = cut(css, SHEET_BYTES_MAX);
    let mut scanner = Scanner { css, at: 0, rule: Rule::Plain };
    while let Some((kind, url)) = scanner.next_url() {
        loads.add(kind, &url, base, place, None);
        if loads.is_full() {
            return;
        }
    }
}

/// What the text being read belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Plain,
    Import,
    FontFace,
    ImageSet,
    /// `@namespace` and `@charset`, whose URLs are only names.
    Names,
}

struct Scanner<'a> {
    css: &'a str,
    at: usize,
    rule: Rule,
}

impl<'a> Scanner<'a> {
    fn next_url(&mut self) -> Option<(ResourceKind, Cow<'a, str>)> {
        let bytes = self.css.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'/' if bytes.get(self.at + 1) == Some(&b'*') => {
                    let rest = &self.css[self.at + 2..];
                    self.at = rest.find("*/").map_or(bytes.len(), |end| self.at + 2 + end + 2);
                }
                b'"' | b'\'' => {
                    let text = self.string(byte);
                    match self.rule {
                        Rule::Import => return Some((ResourceKind::Style, self.take_import(text))),
                        Rule::ImageSet => return Some((ResourceKind::Image, unescaped(text))),
                        _ => {}
                    }
                }
                b'@' => self.begin_at_rule(),
                b';' if matches!(self.rule, Rule::Import | Rule::Names) => self.step(Rule::Plain),
                b'}' => self.step(Rule::Plain),
                b')' if self.rule == Rule::ImageSet => self.step(Rule::Plain),
                b'u' | b'U' if self.starts_word("url(") => {
                    if let Some(found) = self.url() {
                        return Some(found);
                    }
                }
                b'i' | b'I' if self.rule == Rule::Plain && self.starts_word("image-set(") => {
                    self.at += "image-set(".len();
                    self.rule = Rule::ImageSet;
                }
                b't' | b'T' if self.rule == Rule::ImageSet && self.starts_word("type(") => {
                    self.at += self.css[self.at..].find(')').map_or(5, |end| end + 1);
                }
                _ => self.at += 1,
            }
        }
        None
    }

    fn step(&mut self, rule: Rule) {
        self.rule = rule;
        self.at += 1;
    }

    fn take_import(&mut self, text: &'a str) -> Cow<'a, str> {
        // What follows an import's address are conditions.
        self.rule = Rule::Plain;
        unescaped(text)
    }

    fn begin_at_rule(&mut self) {
        for (word, rule) in [
            ("@import", Rule::Import),
            ("@font-face", Rule::FontFace),
            ("@namespace", Rule::Names),
            ("@charset", Rule::Names),
        ] {
            if self.starts(word) {
                self.at += word.len();
                self.rule = rule;
                return;
            }
        }
        self.at += 1;
    }

    fn starts(&self, word: &str) -> bool {
        let rest = self.css.as_bytes().get(self.at..self.at + word.len());
        rest.is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether a function begins here and not within a longer name; `-webkit-image-set(` counts.
    fn starts_word(&self, word: &str) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.css.as_bytes()[at]);
        let is_inside =
            before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-' && word == "url(");
        !is_inside && self.starts(word)
    }

    /// The text of a string that begins here; goes behind it. A line break ends a broken one.
    fn string(&mut self, quote: u8) -> &'a str {
        let bytes = self.css.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        while end < bytes.len() && bytes[end] != quote && bytes[end] != b'\n' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let end = self.css.floor_char_boundary(end.min(bytes.len()));
        self.at = (end + 1).min(bytes.len());
        while !self.css.is_char_boundary(self.at) {
            self.at += 1;
        }
        &self.css[start..end.max(start)]
    }

    fn url(&mut self) -> Option<(ResourceKind, Cow<'a, str>)> {
        let bytes = self.css.as_bytes();
        self.at += "url(".len();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let text = match bytes.get(self.at) {
            Some(&quote @ (b'"' | b'\'')) => self.string(quote),
            _ => {
                let start = self.at;
                let rest = &bytes[start..];
                let mut end = 0;
                while end < rest.len() && !matches!(rest[end], b')' | b'"' | b'\'' | b'(' | b'\n') {
                    end += if rest[end] == b'\\' { 2 } else { 1 };
                }
                let end = self.css.floor_char_boundary((start + end).min(bytes.len())).max(start);
                self.at = end;
                // Anything but the closing bracket makes it no address (CSS Syntax §4.3.6).
                if bytes.get(end) != Some(&b')') {
                    return None;
                }
                self.css[start..end].trim()
            }
        };
        let kind = match self.rule {
            Rule::Names => return None,
            Rule::Import => {
                self.rule = Rule::Plain;
                ResourceKind::Style
            }
            Rule::FontFace => ResourceKind::Font,
            Rule::Plain | Rule::ImageSet => ResourceKind::Image,
        };
        Some((kind, unescaped(cut(text, URL_BYTES_MAX + 1)))).filter(|(_, text)| text.len() <= URL_BYTES_MAX)
    }
}

/// Text without CSS escapes (CSS Syntax §4.3.7).
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut code = 0_u32;
        let mut digits = 0;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)).filter(|_| digits < 6) {
            code = code * 16 + digit;
            digits += 1;
            chars.next();
        }
        if digits > 0 {
            out.push(char::from_u32(code).filter(|c| *c != '\0').unwrap_or('\u{fffd}'));
            if chars.peek().is_some_and(char::is_ascii_whitespace) {
                chars.next();
            }
        } else if let Some(next) = chars.next().filter(|c| *c != '\n') {
            out.push(next);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn read(css: &str) -> Vec<ResourceFacts> {
        let mut out = Vec::new();
        read_style(css, &Url::parse("https://shop.example/css/a.css").unwrap(), "css", &mut out);
        out
    }

    #[track_caller]
    fn check(css: &str, wanted: &[(ResourceKind, &str)]) {
        let found = read(css);
        let found: Vec<(ResourceKind, &str)> = found.iter().map(|r| (r.kind, r.url.as_str())).collect();
        assert_eq!(found, wanted, "{css}");
    }

    #[test]
    fn urls_are_found() {
        use ResourceKind::{Font, Image, Style};
        check("a{background:url(x.png)}", &[(Image, "https://shop.example/css/x.png")]);
        check("a{background:URL( 'http://cdn.example/x.png' )}", &[(Image, "http://cdn.example/x.png")]);
        check("@import \"//cdn.example/b.css\" screen;", &[(Style, "https://cdn.example/b.css")]);
        check("@import url(b.css) layer(url);a{}", &[(Style, "https://shop.example/css/b.css")]);
        check(
            "@font-face{src:url(f.woff2) format(\"woff2\")}a{b:url(/i)}",
            &[(Font, "https://shop.example/css/f.woff2"), (Image, "https://shop.example/i")],
        );
        check(
            "a{b:-webkit-image-set('x.png' 1x, \"y.png\" type('image/png') 2x)}",
            &[(Image, "https://shop.example/css/x.png"), (Image, "https://shop.example/css/y.png")],
        );
        check("a{b:url(\\68ttp://cdn.example/\\)x)}", &[(Image, "http://cdn.example/)x")]);
        check("a{b:url(x?email=jan@mail.example)}", &[(Image, "https://shop.example/css/x?email=*")]);
        assert_eq!(read("a{b:url(//t.example/x?email=jan@mail.example)}")[0].personal, ["email"]);
        assert!(read("a{b:url(//t.example/x)}")[0].is_protocol_relative);
    }

    #[test]
    fn what_loads_nothing_is_left_out() {
        for css in [
            "",
            "/* url(x) */",
            "a{content:'url(x)'}",
            "@namespace svg url(http://www.w3.org/2000/svg);",
            "@charset \"utf-8\";",
            "a{filter:url(#f)}",
            "a{b:url(data:image/png;base64,AAAA)}",
            "a{b:url()}",
            "a{b:myurl(x)}",
            "a{b:url(",
            "a{b:'",
            "/*",
            "a{b:url(about:blank)}",
            "@import;",
            "a{content:\"x\"}",
        ] {
            check(css, &[]);
        }
    }

    #[test]
    fn giants_are_bounded() {
        let many: String = (0..200_000).map(|n| format!("a{{b:url({n})}}")).collect();
        assert_eq!(read(&many).len(), 500);
        assert_eq!(read(&"url(".repeat(500_000)).len(), 0);
        assert_eq!(read(&"\\".repeat(1_000_000)).len(), 0);
    }

    proptest! {
        #[test]
        fn any_sheet_is_read(css in "(url\\(|\\)|@import|@font-face|image-set\\(|type\\(|\"|'|\\\\|/\\*|\\*/|;|\\{|\\}|é|\n|x| |#){0,60}") {
            let _ = read(&css);
        }
    }
}
