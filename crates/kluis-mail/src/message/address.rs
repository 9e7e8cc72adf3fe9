//! Addresses in header fields (RFC 5322 §3.4 with §4.4) and addresses between angle brackets (RFC 2369 §2).

use std::fmt;

/// Mailboxes of one field that are read.
pub const ADDRESSES_MAX: usize = 1000;
/// Comments within comments.
const COMMENT_DEPTH_MAX: usize = 50;
/// URIs of one field that are read.
const URIS_MAX: usize = 20;

/// A mailbox. `Debug` shows only the domain: the rest is somebody's.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name before the angle brackets; encoded words (RFC 2047) are left as they are.
    pub name: Option<String>,
    /// Before the last `@`, without quotes.
    pub local: String,
    /// After it, as written.
    pub domain: String,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox(***@{})", self.domain)
    }
}

/// Why a field holds no list of addresses, and at which byte of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no list of addresses: byte {at}")]
pub struct AddressError {
    /// Where.
    pub at: usize,
}

/// Reads the mailboxes of a field such as From or Sender; those in groups count too.
///
/// # Errors
/// Where the grammar breaks, or more than [`ADDRESSES_MAX`] mailboxes.
pub fn mailboxes(value: &[u8]) -> Result<Vec<Mailbox>, AddressError> {
    let mut reader = Reader { value, at: 0 };
    let (mut found, mut is_in_group) = (Vec::new(), false);
    loop {
        let words = reader.words()?;
        let here = reader.at;
        let byte = reader.next();
        match byte {
            Some(b'<') => {
                let mailbox = reader.angle(&words)?;
                push(&mut found, mailbox, here)?;
                if !reader.words()?.is_empty() {
                    return Err(AddressError { at: reader.at });
                }
            }
            Some(b':') if !is_in_group && !words.is_empty() => {
                is_in_group = true;
                continue;
            }
            // An empty element between commas is old syntax (RFC 5322 §4.4).
            _ if words.is_empty() => reader.at = here,
            _ => {
                reader.at = here;
                push(&mut found, bare(&words, here)?, here)?;
            }
        }
        let here = reader.at;
        match reader.next() {
            None if !is_in_group => return Ok(found),
            Some(b',') => {}
            Some(b';') if is_in_group => {
                is_in_group = false;
                if !reader.words()?.is_empty() {
                    return Err(AddressError { at: reader.at });
                }
                match reader.next() {
                    None => return Ok(found),
                    Some(b',') => {}
                    Some(_) => return Err(AddressError { at: reader.at - 1 }),
                }
            }
            _ => return Err(AddressError { at: here }),
        }
    }
}

/// Reads the addresses between angle brackets of a field such as List-Unsubscribe; blanks inside them go.
#[must_use]
pub fn uris(value: &[u8]) -> Vec<String> {
    let mut reader = Reader { value, at: 0 };
    let mut found = Vec::new();
    while found.len() < URIS_MAX && reader.skip_blanks().is_ok() && reader.next() == Some(b'<') {
        let rest = &value[reader.at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'>') else { break };
        let uri: Vec<u8> = rest[..end].iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        found.push(String::from_utf8_lossy(&uri).into_owned());
        reader.at += end + 1;
        // What does not follow the grammar ends the list (RFC 2369 §2).
        if reader.skip_blanks().is_err() || reader.next() != Some(b',') {
            break;
        }
    }
    found
}

fn push(found: &mut Vec<Mailbox>, mailbox: Mailbox, at: usize) -> Result<(), AddressError> {
    if found.len() == ADDRESSES_MAX {
        return Err(AddressError { at });
    }
    found.push(mailbox);
    Ok(())
}

/// A word: its text, and whether it was quoted.
struct Word {
    text: String,
    is_quoted: bool,
    /// No blank or comment stands before it.
    is_joined: bool,
}

/// The address of words without angle brackets: `local@domain`.
fn bare(words: &[Word], at: usize) -> Result<Mailbox, AddressError> {
    address(words).map(|(local, domain)| Mailbox { name: None, local, domain }).ok_or(AddressError { at })
}

/// Splits the words of an address at its one unquoted `@`.
fn address(words: &[Word]) -> Option<(String, String)> {
    let (mut local, mut domain) = (String::new(), None::<String>);
    let mut was_dot = true;
    for word in words {
        // Words that do not touch belong together only around a dot or `@` (RFC 5322 §4.4).
        let touches = word.is_joined || was_dot || word.text.starts_with(['.', '@']);
        if !touches {
            return None;
        }
        was_dot = !word.is_quoted && word.text.ends_with(['.', '@']);
        match &mut domain {
            Some(domain) if word.is_quoted || word.text.contains('@') || domain.ends_with(']') => {
                return None;
            }
            Some(domain) => domain.push_str(&word.text),
            None if word.is_quoted => local.push_str(&word.text),
            None => match word.text.split_once('@') {
                Some((before, after)) => {
                    local.push_str(before);
                    domain = Some(after.to_owned()).filter(|after| !after.contains('@'));
                    domain.as_ref()?;
                }
                None => local.push_str(&word.text),
            },
        }
    }
    let has_local = !local.is_empty() || words.first().is_some_and(|word| word.is_quoted);
    domain
        .filter(|domain| {
            !domain.is_empty() && has_local && !domain.starts_with('.') && !domain.contains("..")
        })
        .map(|domain| (local, domain))
}

struct Reader<'a> {
    value: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.value.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// Skips blanks, line ends and comments.
    fn skip_blanks(&mut self) -> Result<(), AddressError> {
        let mut depth = 0;
        while let Some(byte) = self.value.get(self.at) {
            match byte {
                b'(' if depth == COMMENT_DEPTH_MAX => return Err(AddressError { at: self.at }),
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'\\' if depth > 0 => self.at += 1,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if depth > 0 => {}
                _ => return Ok(()),
            }
            self.at += 1;
        }
        self.at = self.at.min(self.value.len());
        if depth > 0 { Err(AddressError { at: self.at }) } else { Ok(()) }
    }

    /// Reads words up to a special that ends them: `< > , : ;` or the end.
    fn words(&mut self) -> Result<Vec<Word>, AddressError> {
        let mut words = Vec::new();
        loop {
            let before = self.at;
            self.skip_blanks()?;
            let is_joined = self.at == before;
            let begin = self.at;
            match self.value.get(self.at) {
                None | Some(b'<' | b'>' | b',' | b':' | b';') => return Ok(words),
                Some(b'"') => words.push(Word { text: self.quoted()?, is_quoted: true, is_joined }),
                Some(b'[') => {
                    let rest = &self.value[begin..];
                    let end = rest.iter().position(|byte| *byte == b']').ok_or(AddressError { at: begin })?;
                    self.at = begin + end + 1;
                    let text = String::from_utf8_lossy(&rest[..=end]).into_owned();
                    words.push(Word { text, is_quoted: false, is_joined });
                }
                Some(_) => {
                    let rest = &self.value[begin..];
                    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"<>,:;\"()[]\\".contains(byte);
                    let end = rest.iter().position(ends).unwrap_or(rest.len());
                    if end == 0 || rest[..end].iter().any(u8::is_ascii_control) {
                        return Err(AddressError { at: begin });
                    }
                    self.at = begin + end;
                    let text = String::from_utf8_lossy(&rest[..end]).into_owned();
                    words.push(Word { text, is_quoted: false, is_joined });
                }
            }
        }
    }

    fn quoted(&mut self) -> Result<String, AddressError> {
        let begin = self.at;
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.next() {
                None => return Err(AddressError { at: begin }),
                Some(b'"') => return Ok(String::from_utf8_lossy(&text).into_owned()),
                Some(b'\\') => text.extend(self.next()),
                Some(b'\r' | b'\n') => {}
                Some(byte) => text.push(byte),
            }
        }
    }

    /// Reads `local@domain>` after its `<`; an old route before it is left out (RFC 5322 §4.4).
    fn angle(&mut self, name: &[Word]) -> Result<Mailbox, AddressError> {
        let begin = self.at;
        let mut words = self.words()?;
        let is_route = words.first().is_some_and(|word| !word.is_quoted && word.text.starts_with('@'));
        while is_route && matches!(self.value.get(self.at), Some(b',' | b':')) {
            let is_last = self.next() == Some(b':');
            words = self.words()?;
            if is_last {
                break;
            }
        }
        let (local, domain) = address(&words).ok_or(AddressError { at: begin })?;
        if self.next() != Some(b'>') {
            return Err(AddressError { at: self.at });
        }
        let name = name.iter().fold(String::new(), |mut all, word| {
            if !word.is_joined && !all.is_empty() {
                all.push(' ');
            }
            all.push_str(&word.text);
            all
        });
        Ok(Mailbox { name: Some(name).filter(|name| !name.is_empty()), local, domain })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, wanted: &[(&str, &str)]) {
        let found = mailboxes(value.as_bytes()).map(|list| {
            list.into_iter()
                .map(|found| (found.name.unwrap_or_default(), format!("{}@{}", found.local, found.domain)))
                .collect::<Vec<_>>()
        });
        let wanted =
            wanted.iter().map(|(name, address)| ((*name).to_owned(), (*address).to_owned())).collect();
        assert_eq!(found, Ok(wanted), "{value}");
    }

    #[test]
    fn addresses_are_read() {
        check("a@shop.example", &[("", "a@shop.example")]);
        check(" Jan de Wit <jan@shop.example>", &[("Jan de Wit", "jan@shop.example")]);
        check("\"Wit, Jan \\\"J\\\"\" <jan@shop.example>", &[("Wit, Jan \"J\"", "jan@shop.example")]);
        check("=?utf-8?q?Jos=C3=A9?= <j@shop.example>", &[("=?utf-8?q?Jos=C3=A9?=", "j@shop.example")]);
        check("a@x.example (one (two) \\) three), b@y.example", &[("", "a@x.example"), ("", "b@y.example")]);
        check(
            "Team: A <a@x.example>, b@y.example; , c@z.example",
            &[("A", "a@x.example"), ("", "b@y.example"), ("", "c@z.example")],
        );
        check("undisclosed-recipients:;", &[]);
        check("", &[]);
        check("a@x.example,,b@y.example,", &[("", "a@x.example"), ("", "b@y.example")]);
        check("\"a b@c\"@x.example", &[("", "a b@c@x.example")]);
        check("john . doe @ x . example", &[("", "john.doe@x.example")]);
        check("<@a.example,@b.example:c@x.example>", &[("", "c@x.example")]);
        check("x@[192.0.2.1]", &[("", "x@[192.0.2.1]")]);
        check("A\r\n B <a@x.example>", &[("A B", "a@x.example")]);
        check("Jan. de Wit <a@x.example>", &[("Jan. de Wit", "a@x.example")]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in [
            "a",
            "a@",
            "@b.example",
            "a@b@c.example",
            "a b@c.example",
            "<a@b.example",
            "<>",
            "a@b.example>",
            "(a",
            "\"a",
            "[1",
            "a@b.example <c@d.example>x",
            "a: b: c@d.example;",
            "x@y.example;",
            "a: b@c.example",
            "<a@b.example>>",
            "A <a@b.example> B <c@d.example>",
            "a@b..example",
            "a@.example",
            "\u{1}@x.example",
            ": a@b.example;",
            "g:; h@x.example",
            "a\\b@x.example",
            "x@\"y\".example",
            "x@[1]y",
        ] {
            assert!(mailboxes(bad.as_bytes()).is_err(), "{bad}");
        }
        let nested = "(".repeat(COMMENT_DEPTH_MAX + 1) + &")".repeat(COMMENT_DEPTH_MAX + 1);
        assert!(mailboxes(nested.as_bytes()).is_err());
        assert!(mailboxes("a@b.example,".repeat(ADDRESSES_MAX + 1).as_bytes()).is_err());
        let shown = format!("{:?}", mailboxes(b"Jan <jan@b.example>"));
        assert!(!shown.contains("an@") && shown.contains("b.example"), "{shown}");
    }

    #[test]
    fn addresses_between_brackets_are_read() {
        let found = uris(b" (use this) <https://shop.example/u?\r\n x=1> ,\r\n <mailto:off@shop.example>");
        assert_eq!(found, ["https://shop.example/u?x=1", "mailto:off@shop.example"]);
        for nothing in ["", "https://shop.example/u", "<https://shop.example", "x <https://shop.example/u>"] {
            assert!(uris(nothing.as_bytes()).is_empty(), "{nothing}");
        }
        assert_eq!(uris("<a>,".repeat(100).as_bytes()).len(), URIS_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in "[a@.<>,:;\"()\\[\\]\\\\ \r\n]{0,40}") {
            let _ = (mailboxes(bytes.as_bytes()), uris(bytes.as_bytes()));
        }
    }
}
