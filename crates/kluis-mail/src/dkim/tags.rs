//! Lists of tags `name=value; …` as DKIM and ARC write them (RFC 6376 §3.2), with the place of each.

use std::ops::Range;

/// Bytes of a list that are read.
pub const LIST_BYTES_MAX: usize = 64 * 1024;
/// Tags of a list that are read.
const TAGS_MAX: usize = 64;

/// A list in which every name stands once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagList<'a> {
    tags: Vec<Tag<'a>>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its name; the case counts.
    pub name: &'a str,
    /// Its value, without blanks around it; folding inside is kept.
    pub value: &'a str,
    /// Bytes of the list from the name to the end of the value.
    pub span: Range<usize>,
    /// Bytes between the `=` and the next `;`, blanks and all.
    pub value_span: Range<usize>,
}

/// Why a list cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {}", span.start)]
pub struct TagError {
    /// What is wrong.
    pub problem: TagProblem,
    /// Bytes of the list.
    pub span: Range<usize>,
}

/// What can be wrong with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagProblem {
    /// A character that cannot stand in a list.
    #[error("a character that cannot stand here")]
    Character,
    /// More bytes or tags than are read.
    #[error("too long")]
    TooLong,
    /// Something without `=`, or nothing between two `;`.
    #[error("no name and value")]
    NoPair,
    /// A name that is none.
    #[error("not a name")]
    Name,
    /// A name that stands twice (RFC 6376 §3.2: the whole list is of no use).
    #[error("a name that stands twice")]
    Twice,
}

impl<'a> TagList<'a> {
    /// Reads a list. Folding counts as blanks; lone CR and LF do too, because records in the DNS are pasted with them.
    ///
    /// # Errors
    /// The first mistake.
    pub fn read(text: &'a [u8]) -> Result<Self, TagError> {
        let error = |problem, span| Err(TagError { problem, span });
        if text.len() > LIST_BYTES_MAX {
            return error(TagProblem::TooLong, LIST_BYTES_MAX..text.len());
        }
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(bad) => return error(TagProblem::Character, bad.valid_up_to()..bad.valid_up_to() + 1),
        };
        let is_bad = |byte: u8| byte.is_ascii_control() && !b"\t\r\n".contains(&byte);
        if let Some(at) = text.bytes().position(is_bad) {
            return error(TagProblem::Character, at..at + 1);
        }
        let mut tags: Vec<Tag<'a>> = Vec::new();
        let mut at = 0;
        let parts: Vec<&str> = text.split(';').take(TAGS_MAX + 2).collect();
        for (number, part) in parts.iter().enumerate() {
            let span = at..at + part.len();
            at = span.end + 1;
            if part.trim_ascii().is_empty() && number > 0 && number + 1 == parts.len() {
                break;
            }
            if tags.len() == TAGS_MAX {
                return error(TagProblem::TooLong, span);
            }
            let tag = tag(part, span.clone()).map_err(|problem| TagError { problem, span: span.clone() })?;
            if tags.iter().any(|other| other.name == tag.name) {
                return error(TagProblem::Twice, span);
            }
            tags.push(tag);
        }
        Ok(Self { tags })
    }

    /// Returns the tags in their order.
    #[must_use]
    pub fn tags(&self) -> &[Tag<'a>] {
        &self.tags
    }

    /// Returns the tag with a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Tag<'a>> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// Returns the value of the tag with a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|tag| tag.value)
    }
}

fn tag<'a>(part: &'a str, span: Range<usize>) -> Result<Tag<'a>, TagProblem> {
    let (name, value) = part.split_once('=').ok_or(TagProblem::NoPair)?;
    let value_span = span.end - value.len()..span.end;
    let before = name.len() - name.trim_ascii_start().len();
    let after = value.len() - value.trim_ascii_end().len();
    let name = name.trim_ascii();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(TagProblem::Name);
    }
    Ok(Tag { name, value: value.trim_ascii(), span: span.start + before..span.end - after, value_span })
}

/// Returns a value without its folding and blanks, as base64 and lists of names are read (RFC 6376 §2.10).
#[must_use]
pub fn without_blanks(value: &str) -> String {
    value.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_and_their_places_are_read() {
        let text = b" v=1; a = rsa-sha256 ;\r\n\tb=ab\r\n cd ; e=;";
        let list = TagList::read(text).unwrap();
        let found: Vec<_> = list.tags().iter().map(|tag| (tag.name, tag.value)).collect();
        assert_eq!(found, [("v", "1"), ("a", "rsa-sha256"), ("b", "ab\r\n cd"), ("e", "")]);
        let tag = list.find("b").unwrap();
        assert_eq!(&text[tag.span.clone()], b"b=ab\r\n cd");
        assert_eq!(&text[tag.value_span.clone()], b"ab\r\n cd ");
        assert_eq!(without_blanks(tag.value), "abcd");
        assert_eq!(list.value("B"), None);
    }

    #[test]
    fn a_list_with_a_mistake_is_refused() {
        for (text, problem, start) in [
            (&b""[..], TagProblem::NoPair, 0),
            (b"v", TagProblem::NoPair, 0),
            (b"v=1;;a=2", TagProblem::NoPair, 4),
            (b";v=1", TagProblem::NoPair, 0),
            (b"v=1;x", TagProblem::NoPair, 4),
            (b"=1", TagProblem::Name, 0),
            (b"1v=1", TagProblem::Name, 0),
            (b"v w=1", TagProblem::Name, 0),
            (b"v=1; v=1", TagProblem::Twice, 4),
            (b"v=\x01", TagProblem::Character, 2),
            (b"v=\xff", TagProblem::Character, 2),
            (b"v=1; g=*; k=rsa; g=x", TagProblem::Twice, 16),
        ] {
            let error = TagList::read(text).unwrap_err();
            assert_eq!((error.problem, error.span.start), (problem, start), "{text:?}");
        }
        let many: String = (0..=TAGS_MAX).map(|number| format!("t{number}=;")).collect();
        assert_eq!(TagList::read(many.as_bytes()).unwrap_err().problem, TagProblem::TooLong);
        let long = [b'a'; LIST_BYTES_MAX + 1];
        assert_eq!(TagList::read(&long).unwrap_err().problem, TagProblem::TooLong);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_at_a_place_inside(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            match TagList::read(&text) {
                Ok(list) => prop_assert!(list.tags().iter().all(|tag| tag.value_span.end <= text.len())),
                Err(error) => prop_assert!(error.span.start <= text.len()),
            }
        }
    }
}
