//! Walks the tags and texts of a page with the tokenizer of html5ever: no tree, no recursion, linear time.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use super::personal::cut;

/// Bytes of a page that are read.
pub(super) const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Attributes of one tag that are read.
const ATTRIBUTES_MAX: usize = 256;

/// What is met on the way.
pub(super) enum Event<'a> {
    /// A start tag.
    Start(&'a Element),
    /// An end tag, by name.
    End(&'a str),
    /// Text, also that of scripts and styles; it may come in pieces.
    Text(&'a str),
}

/// A start tag; names are in lower case.
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, StrTendril)>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The value in lower case without space around it, empty when absent.
    pub(super) fn lower(&self, name: &str) -> String {
        cut(self.get(name).unwrap_or_default(), 2048).trim().to_ascii_lowercase()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values of all attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), &**value))
    }
}

/// Calls `visit` for everything in the first [`PAGE_BYTES_MAX`] bytes, as a browser with scripts would tokenize it;
/// what stands in `<noscript>` is read as tags, because that is where tracking pixels are.
pub(super) fn walk(html: &str, visit: impl FnMut(Event<'_>)) {
    let html = trim_tags(cut(html, PAGE_BYTES_MAX));
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(&html));
    let sink = Sink { visit: RefCell::new(visit), foreign: RefCell::new(0) };
    let tokenizer = Tokenizer::new(sink, Default::default());
    // The sink never answers `Script` or `EncodingIndicator`, so one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
}

struct Sink<F> {
    visit: RefCell<F>,
    /// Open `<svg>` and `<math>`, in which `<style/>` and `<title/>` may close themselves.
    foreign: RefCell<u32>,
}

impl<F: FnMut(Event<'_>)> TokenSink for Sink<F> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut visit = self.visit.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let is_closed = tag.self_closing;
                let element = element_of(tag);
                visit(Event::Start(&element));
                let mut foreign = self.foreign.borrow_mut();
                if matches!(element.name.as_str(), "svg" | "math") && !is_closed {
                    *foreign = foreign.saturating_add(1);
                }
                if is_closed && *foreign > 0 {
                    return TokenSinkResult::Continue;
                }
                return after(&element.name);
            }
            Token::TagToken(tag) => {
                if matches!(&*tag.name, "svg" | "math") {
                    let mut foreign = self.foreign.borrow_mut();
                    *foreign = foreign.saturating_sub(1);
                }
                visit(Event::End(&tag.name));
            }
            Token::CharacterTokens(text) => visit(Event::Text(&text)),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn element_of(tag: Tag) -> Element {
    let attributes = tag.attrs.into_iter().map(|a| (a.name.local.to_string(), a.value));
    Element { name: tag.name.to_string(), attributes: attributes.collect() }
}

/// How the tokenizer goes on behind a start tag (HTML §13.2.6.4, what the tree builder would tell it).
fn after(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(RawKind::Rawtext),
        "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>')
}

/// Drops what is more than [`ATTRIBUTES_MAX`] attributes of a tag. html5ever compares every attribute with all before it:
/// two megabytes of them would take minutes.
fn trim_tags(html: &str) -> Cow<'_, str> {
    let bytes = html.as_bytes();
    let mut kept: Option<String> = None;
    let (mut at, mut copied, mut foreign) = (0, 0, 0_u32);
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'<') {
        at += found + 1;
        let is_end = bytes.get(at) == Some(&b'/');
        let name_at = at + usize::from(is_end);
        if bytes[at..].starts_with(b"!--") {
            at = skip_comment(bytes, at + 3);
        } else if bytes.get(name_at).is_some_and(u8::is_ascii_alphabetic) {
            let name_bytes = bytes[name_at..].iter().take_while(|b| !ends_name(**b)).count();
            let name = &html[name_at..name_at + name_bytes];
            let tag = skip_tag(bytes, name_at + name_bytes);
            if let Some((from, to)) = tag.surplus {
                let kept = kept.get_or_insert_with(String::new);
                kept.push_str(&html[copied..from]);
                copied = to;
            }
            at = tag.end;
            let is_foreign = ["svg", "math"].iter().any(|foreign| foreign.eq_ignore_ascii_case(name));
            if is_end {
                foreign = foreign.saturating_sub(u32::from(is_foreign));
            } else {
                foreign = foreign.saturating_add(u32::from(is_foreign && !tag.is_closed));
                if !(tag.is_closed && foreign > 0) {
                    at = skip_raw(bytes, at, name);
                }
            }
        } else if is_end || bytes.get(at).is_some_and(|b| matches!(b, b'!' | b'?')) {
            // A bogus comment or a doctype.
            at += bytes[at..].iter().position(|b| *b == b'>').map_or(bytes.len() - at, |end| end + 1);
        }
    }
    match kept {
        None => Cow::Borrowed(html),
        Some(mut kept) => {
            kept.push_str(&html[copied..]);
            Cow::Owned(kept)
        }
    }
}

struct SkippedTag {
    /// Behind its `>`.
    end: usize,
    /// Whether it ends with `/>`.
    is_closed: bool,
    /// From the first attribute too many to its `>`.
    surplus: Option<(usize, usize)>,
}

/// Goes over the attributes of a tag (HTML §13.2.5.32 to .39).
fn skip_tag(bytes: &[u8], mut at: usize) -> SkippedTag {
    let (mut count, mut surplus_from) = (0, None);
    let mut is_closed;
    loop {
        is_closed = false;
        while let Some(&byte) = bytes.get(at).filter(|b| is_space(**b) || **b == b'/') {
            is_closed = byte == b'/';
            at += 1;
        }
        let Some(&first) = bytes.get(at) else { break };
        if first == b'>' {
            break;
        }
        count += 1;
        if count > ATTRIBUTES_MAX && surplus_from.is_none() {
            surplus_from = Some(at);
        }
        // A name may begin with `=`.
        at += 1;
        while bytes.get(at).is_some_and(|b| !ends_name(*b) && *b != b'=') {
            at += 1;
        }
        let mut value_at = at;
        while bytes.get(value_at).is_some_and(|b| is_space(*b)) {
            value_at += 1;
        }
        if bytes.get(value_at) == Some(&b'=') {
            at = skip_value(bytes, value_at + 1);
        }
    }
    let end = at.min(bytes.len());
    let surplus = surplus_from.map(|from| (from, end));
    SkippedTag { end: (end + 1).min(bytes.len()), is_closed, surplus }
}

fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| is_space(*b)) {
        at += 1;
    }
    match bytes.get(at) {
        Some(&quote @ (b'"' | b'\'')) => {
            let rest = &bytes[at + 1..];
            rest.iter().position(|b| *b == quote).map_or(bytes.len(), |end| at + 1 + end + 1)
        }
        _ => at + bytes[at.min(bytes.len())..].iter().take_while(|b| !is_space(**b) && **b != b'>').count(),
    }
}

/// Behind `-->` or `--!>`; `<!-->` and `<!--->` are whole comments.
fn skip_comment(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b">") || rest.starts_with(b"->") {
        return at;
    }
    let ends = rest.windows(3).position(|w| w == b"-->");
    let bangs = rest[..ends.unwrap_or(rest.len())].windows(4).position(|w| w == b"--!>");
    bangs.or(ends).map_or(bytes.len(), |end| at + end + 2)
}

/// From behind the start tag of an element with raw text to its end tag, or to the end of the page.
fn skip_raw(bytes: &[u8], at: usize, name: &str) -> usize {
    const RAW: [&str; 8] = ["script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title"];
    let Some(name) = RAW.iter().find(|raw| raw.eq_ignore_ascii_case(name)) else { return at };
    let is_named = |at: usize| {
        let rest = &bytes[at.min(bytes.len())..];
        rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()))
            && rest.get(name.len()).is_some_and(|b| ends_name(*b))
    };
    // Scripts in comments within scripts (HTML §13.2.5.20 to .31).
    let (mut is_escaped, mut is_double) = (false, false);
    let mut from = at;
    while let Some(found) = bytes[from..].iter().position(|b| matches!(b, b'<' | b'-')) {
        let here = from + found;
        let rest = &bytes[here..];
        from = here + 1;
        if rest.starts_with(b"</") && is_named(here + 2) {
            if !is_double {
                return here;
            }
            is_double = false;
        } else if *name == "script" {
            if rest.starts_with(b"-->") {
                (is_escaped, is_double) = (false, false);
            } else if rest.starts_with(b"<!--") && !is_escaped {
                is_escaped = true;
                from = here + 2;
            } else if is_escaped && rest.starts_with(b"<") && is_named(here + 1) {
                is_double = true;
            }
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(html: &str) -> Vec<String> {
        let mut found = Vec::new();
        walk(html, |event| match event {
            Event::Start(element) => found.push(format!("{}{}", element.name, element.attributes.len())),
            Event::End(name) => found.push(format!("/{name}")),
            Event::Text(_) => {}
        });
        found
    }

    #[test]
    fn tags_are_walked() {
        assert_eq!(tags("<p a=1 b>x</p><br/>"), ["p2", "/p", "br0"]);
        assert_eq!(tags("<script>if (a<b) '<img src=x>'</script><img>"), ["script0", "/script", "img0"]);
        assert_eq!(
            tags("<title><b></title><textarea><i></textarea>"),
            ["title0", "/title", "textarea0", "/textarea"]
        );
        assert_eq!(tags("<!-- <img> --><noscript><img></noscript>"), ["noscript0", "img0", "/noscript"]);
        assert_eq!(
            tags("<svg><style/><title/><a></svg><b>"),
            ["svg0", "style0", "title0", "a0", "/svg", "b0"]
        );
        assert_eq!(tags("<img src=x"), [""; 0]);
    }

    #[test]
    fn a_hundred_thousand_attributes_are_trimmed() {
        let many: String = (0..100_000).map(|n| format!("a{n}=\"{n}>\" ")).collect();
        assert_eq!(tags(&format!("<p {many}><b c>")), ["p256", "b1"]);
        assert_eq!(tags(&format!("<p {many}")), [""; 0]);
        assert_eq!(tags(&format!("<!--><p {many}><b>")), ["p256", "b0"]);
        assert_eq!(
            tags(&format!("<title></titlex></title ><p {many}><b>")),
            ["title0", "/title", "p256", "b0"]
        );
        let hidden = format!("<script><!--<script> </script> <x y=\" --></script><p {many}><b>");
        assert_eq!(tags(&hidden), ["script0", "/script", "p256", "b0"]);
        for start in [
            "<!x <y z=\" >",
            "<? <y z=\" >",
            "</ <y z=\" >",
            "<svg><style/>",
            "<svg/><title/><y z=\"</title>",
        ] {
            let found = tags(&format!("{start}<p {many}><b>"));
            assert_eq!(found[found.len() - 2..], ["p256", "b0"], "{start}");
        }
    }

    #[test]
    fn small_tags_are_left_alone() {
        for html in [
            "",
            "<",
            "</",
            "<!--",
            "<!-->",
            "<a b=c d='e' f = \"g\" h>",
            "<a =b==c/ d>",
            "<script>",
            "<a b=\"x",
        ] {
            assert!(matches!(trim_tags(html), Cow::Borrowed(same) if same == html), "{html}");
        }
    }

    #[test]
    fn a_million_open_elements_take_linear_time() {
        for part in [
            "<title>",
            "<script><!--<script>",
            "<!--",
            "<div>",
            "<a b='",
            "</",
            "<svg>",
            "&amp",
            "<p a=\"\">",
        ] {
            let _ = tags(&part.repeat(PAGE_BYTES_MAX / part.len()));
        }
    }

    proptest! {
        #[test]
        fn any_page_is_walked(html in "(<|>|/|!|--|=|\"|'|a| |script|style|title|svg|&amp;|&#x3c;|é|\u{0}|\n){0,80}") {
            prop_assert!(matches!(trim_tags(&html), Cow::Borrowed(_)));
            let _ = tags(&html);
        }
    }
}
